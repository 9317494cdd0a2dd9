"""Holds one SIP connection, and what waits for one to be made."""

import asyncio
from collections.abc import Callable
from typing import cast

from switch.sip.flow import Flow
from switch.sip.framing import StreamFramer

MAX_UNSENT_BYTES = 256 << 10
"""What may wait for one peer to read it; beyond it the connection is closed."""


class Connection(asyncio.Protocol):
    """`flow`: its far end. `alias`: where its far end says it listens. `targets`: where requests went by it. `has_spoken`: a message came.

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
        self.alias: Flow | None = None
        self.targets: set[Flow] = set()
        self.has_spoken = False
        self.is_closed = False
        self._is_incoming = is_incoming
        self._opened = opened
        self._came = came
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._last_s = 0.0
        self._begun_s: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
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

    def connection_lost(self, _exc: Exception | None) -> None:
        self.is_closed = True
        self._lost(self)

    def write(self, data: bytes) -> bool:
        """Returns whether the connection still lives: one whose peer does not read is closed at once."""
        transport = self._transport
        if transport is None or self.is_closed:
            return True
        transport.write(data)
        if transport.get_write_buffer_size() <= MAX_UNSENT_BYTES:
            return True
        self.is_closed = True
        transport.abort()
        return False

    def is_overdue(self, now_s: float, *, unfinished_s: float, idle_s: float) -> bool:
        """Returns whether nothing has come for `idle_s`, or a message is unfinished after `unfinished_s`: so is the first one of a
        connection from the beginning."""
        if self._begun_s is not None and now_s - self._begun_s >= unfinished_s:
            return True
        return now_s - self._last_s >= idle_s

    def close(self) -> None:
        """Sends what waits, and closes."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.close()


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
