"""Listening in to calls: one socket that taps send frames to, and for each listener a stream of µ-law for an HTTP answer.

Each listener has a control connection of its own, with which its tap ends, however this process does. A listener that does not read what is
there for it is dropped: nothing is kept for anybody.
"""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack
from pathlib import Path

from media.eavesdrop import Eavesdropper
from media.tap_frame import Frame, frames
from media.tap_socket import bind_taps, datagrams
from switch.control.client import ControlClient, connected
from switch.control.messages import Eavesdrop, Eavesdropping
from switch.engine.clock import SystemClock

READ_S = 0.1
"""How often what has come is passed on."""


class ListeningRoom:
    """`data`: the switch's data directory. `open` and `close` once each."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._clock = SystemClock()
        self._path = data / f"listen-{os.getpid()}.sock"
        self._taps: socket.socket | None = None
        self._listeners: dict[int, Callable[[Frame], None]] = {}  # by tap

    def open(self) -> None:
        """Raises OSError."""
        self._taps = bind_taps(self._path)
        asyncio.get_running_loop().add_reader(self._taps.fileno(), self._take_frames, self._taps)

    def close(self) -> None:
        if self._taps is not None:
            asyncio.get_running_loop().remove_reader(self._taps.fileno())
            self._taps.close()
            self._path.unlink(missing_ok=True)

    async def listen(self, call_id: str, *, actor: str, is_muted: Callable[[], bool | None]) -> AsyncGenerator[bytes, None]:
        """Yields what both sides of a call say from now on, as µ-law at 8 kHz, as long as it lasts. `is_muted()`: whether nothing is to be
        heard, a payment for instance; None: the call is over. Raises ControlError before it yields anything."""
        with ExitStack() as stack:
            tap = await asyncio.to_thread(self._begin, stack, call_id, actor)
            listener = Eavesdropper(tap, start_ns=self._now_ns())
            self._listeners[tap] = listener.take
            stack.callback(self._listeners.pop, tap)
            while (muted := is_muted()) is not None:
                now_ns = self._now_ns()
                listener.mute(now_ns) if muted else listener.unmute(now_ns)
                yield listener.read(now_ns)
                await asyncio.sleep(READ_S)

    def _now_ns(self) -> int:
        return self._clock.now().mono_ns

    def _begin(self, stack: ExitStack, call_id: str, actor: str) -> int:
        control: ControlClient = stack.enter_context(connected(self._data))
        return control.ask(Eavesdrop(id=1, call_id=call_id, path=str(self._path), actor=actor), Eavesdropping).tap

    def _take_frames(self, taps: socket.socket) -> None:
        for datagram in datagrams(taps):
            try:
                for frame in frames(datagram):
                    take = self._listeners.get(frame.tap)
                    if take is not None:
                        take(frame)
            except (ValueError, struct.error):
                continue  # it is no worker's
