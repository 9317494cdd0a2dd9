"""A side process on a control socket and a taps socket, as the switch and its media workers see it. Every wait has a deadline."""

import socket
import subprocess
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from child_process import mortal

from media.control import MAX_MESSAGE_BYTES, Message, WorkerProblem, encode

PATIENCE_S = 60.0
MAX_SKIPPED = 500

R = TypeVar("R", bound=Message)
Report = TypeVar("Report", bound=Message)


class SideProcess(Generic[Report]):
    """`command`: the module and its options but for `--socket-fd`. `ready`: the first report. `skipped`: reports that
    nobody waited for."""

    def __init__(self, command: list[str], *, decode: Callable[[bytes], Report | WorkerProblem], ready: type[Report]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(PATIENCE_S)
        self._decode = decode
        full = [sys.executable, "-m", *command, "--socket-fd", str(theirs.fileno())]
        self.process = subprocess.Popen(mortal(full), pass_fds=[theirs.fileno()])
        theirs.close()
        self.skipped: list[Report | WorkerProblem] = []
        self._frames = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self.expect(ready)
            self._frames.connect(command[command.index("--taps") + 1])
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

    def order(self, *orders: Message) -> None:
        for order in orders:
            self._control.send(encode(order))

    def expect(self, kind: type[R]) -> R:
        """The next report of this kind."""
        for _ in range(MAX_SKIPPED):
            report = self._decode(self._control.recv(MAX_MESSAGE_BYTES))
            if isinstance(report, kind):
                return report
            self.skipped.append(report)
        raise AssertionError(f"no {kind.__name__} among {MAX_SKIPPED} reports")

    def rest(self) -> list[Report | WorkerProblem]:
        """Waits for the end of the process; returns the reports that are left."""
        found: list[Report | WorkerProblem] = []
        while data := self._control.recv(MAX_MESSAGE_BYTES):
            found.append(self._decode(data))
        return found

    def send_frames(self, datagram: bytes) -> None:
        self._frames.send(datagram)
