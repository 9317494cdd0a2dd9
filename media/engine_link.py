"""The end that a side process has of its control socket: orders in, reports out, never waiting. Which they are, its contract says."""

import socket
from collections import deque
from collections.abc import Iterator

from media.control import MAX_MESSAGE_BYTES, Message, WorkerProblem, encode

LAST_WORDS_S = 2.0
"""How long `send_last` waits for room for each report."""


class EngineLink:
    """`is_gone`: the engine has closed its end."""

    __slots__ = ("_reports", "_sock", "is_gone")

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._reports: deque[bytes] = deque()
        self.is_gone = False

    def fileno(self) -> int:
        return self._sock.fileno()

    def orders(self) -> Iterator[bytes]:
        """Yields what has come."""
        while not self.is_gone:
            try:
                data = self._sock.recv(MAX_MESSAGE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if data:
                yield data
            else:
                self.is_gone = True

    def report(self, report: Message) -> None:
        """Keeps a report for `send`."""
        self._reports.append(encode(report))

    def problem(self, doing: str, why: str) -> None:
        self.report(WorkerProblem(doing=doing, why=why))

    def send(self) -> None:
        """Writes what the socket takes."""
        try:
            while self._reports:
                self._sock.send(self._reports[0])
                self._reports.popleft()
        except BlockingIOError:
            return
        except OSError:
            self._reports.clear()  # nobody will ever read them

    def send_last(self) -> None:
        """Writes all, for a limited time."""
        self._sock.settimeout(LAST_WORDS_S)
        self.send()
