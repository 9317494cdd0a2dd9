"""Ears in their own process: for tests. Every wait is for a condition, with a deadline."""

import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from child_process import mortal
from tap_frames import packed

from media.control import MAX_MESSAGE_BYTES, Message, WorkerProblem, encode
from media.listening import EarsOrder, EarsReady, EarsReport, decode_ears_report
from media.tap_frame import Frame

PATIENCE_S = 60.0
MAX_SKIPPED = 500

R = TypeVar("R", bound=Message)


class EarsClient:
    """The engine's side, and a worker's: `send` is what a tap does."""

    def __init__(self, taps: Path) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(PATIENCE_S)
        command = [sys.executable, "-m", "media.ears", "--socket-fd", str(theirs.fileno()), "--taps", str(taps)]
        self.process = subprocess.Popen(mortal(command), pass_fds=[theirs.fileno()])
        theirs.close()
        self.skipped: list[EarsReport | WorkerProblem] = []
        self._frames = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._frames.connect(self.expect(EarsReady).taps)
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.hang_up()
        self._frames.close()
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def hang_up(self) -> None:
        """The engine is gone."""
        self._control.close()

    def order(self, *orders: EarsOrder) -> None:
        for order in orders:
            self._control.send(encode(order))

    def expect(self, kind: type[R]) -> R:
        """The next report of this kind."""
        for _ in range(MAX_SKIPPED):
            report = decode_ears_report(self._control.recv(MAX_MESSAGE_BYTES))
            if isinstance(report, kind):
                return report
            self.skipped.append(report)
        raise AssertionError(f"no {kind.__name__} among {MAX_SKIPPED} reports")

    def send(self, frames: Iterable[Frame], *, garbage: bytes = b"") -> None:
        self._frames.send(b"".join(map(packed, frames)) + garbage)
