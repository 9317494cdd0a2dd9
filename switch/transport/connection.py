"""Holds one SIP connection, and what waits for one to be made."""

import asyncio
from collections.abc import Callable
from typing import cast

from switch.sip.flow import Flow
from switch.sip.framing import StreamFramer
from switch.transport.connection_limits import Place

MAX_UNSENT_BYTES = 256 << 10
"""What may wait for one peer to read it; beyond it the connection is closed."""
UNFINISHED_S = 15.0
"""A message that has begun, or the first of a connection, is there by then."""
IDLE_S = 2 * 60 * 60.0
"""A connection by which nothing has come is closed after this long. Calls last for hours without a word."""
CLOSE_S = 5.0
"""How long the peer of a closed connection may take to read what is still to be sent."""


class Connection(asyncio.Protocol):
    """`flow`: its far end. `listens_at`: where its far end says it listens. `targets`: where requests went by it. `place`: among the
    connections of its listener. `has_spoken`: a message came. `handshake`: the task that makes it, None once it is made. `error`: by
    which it was lost.

    `is_incoming`: whether the far end made it. `opened`, `came`, `lost` are called with it; `came` returns whether a message was completed.
    """

    def __init__(
        self,
        flow: Flow,
        *,
        is_incoming: bool,
        opened: Callable[["Connection"], None],
        came: Callable[["Connection", bytes], bool],
        lost: Callable[["Connection"], None],
    ) -> None:
        self.flow = flow
        self.framer = StreamFramer()
        self.listens_at: Flow | None = None
        self.targets: set[Flow] = set()
        self.has_spoken = False
        self.is_closed = False
        self.error: Exception | None = None
        self.place: Place | None = None
        self.handshake: asyncio.Task[None] | None = None
        self._is_incoming = is_incoming
        self._opened = opened
        self._came = came
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._last_s = 0.0
        self._begun_s: float | None = None
        self._closed_s: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.handshake = None
        self._transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        self._last_s = asyncio.get_running_loop().time()
        self._begun_s = self._last_s if self._is_incoming else None
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        if self.is_closed:
            return
        self._last_s = asyncio.get_running_loop().time()
        if self._came(self, data):
            self._begun_s = None
        if self._begun_s is None and self.framer.is_inside_message:
            self._begun_s = self._last_s

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        self.error = exc
        self._lost(self)

    def write(self, data: bytes) -> bool:
        """Returns whether the connection still lives: one whose peer does not read is closed at once."""
        transport = self._transport
        if transport is None or self.is_closed:
            return True
        transport.write(data)
        if transport.get_write_buffer_size() <= MAX_UNSENT_BYTES:
            return True
        self.abort()
        return False

    def is_idle(self, now_s: float) -> bool:
        """Returns whether nothing has come for `IDLE_S`."""
        return now_s >= self._last_s + IDLE_S

    def is_stalled(self, now_s: float) -> bool:
        """Returns whether a message is unfinished after `UNFINISHED_S`; so is the first one of a connection from its beginning."""
        return self._begun_s is not None and now_s >= self._begun_s + UNFINISHED_S

    def is_lingering(self, now_s: float) -> bool:
        """Returns whether it was closed `CLOSE_S` ago, and what it had to send is still not read."""
        return self._closed_s is not None and now_s >= self._closed_s + CLOSE_S

    def close(self) -> None:
        """Sends what waits, and closes."""
        if self._closed_s is None:
            self.is_closed = True
            self._closed_s = asyncio.get_running_loop().time()
            if self._transport is not None:
                self._transport.close()

    def abort(self) -> None:
        """Closes at once, also while it is being made; what waits is lost."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()
        elif self.handshake is not None:
            self.handshake.cancel()


class Pending:
    """Messages that wait for their connection, in order, with whether each is a request."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, bool]] = []
        self._bytes = 0

    @property
    def has_requests(self) -> bool:
        return any(is_request for _, is_request in self.messages)

    def add(self, data: bytes, *, is_request: bool) -> bool:
        """Returns whether there is room for it."""
        if self._bytes + len(data) > MAX_UNSENT_BYTES:
            return False
        self._bytes += len(data)
        self.messages.append((data, is_request))
        return True
