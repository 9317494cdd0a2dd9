"""The worker's end of the control socket. Reads orders and writes reports without ever waiting; `switchboard` acts on them."""

import select
import socket
from collections import deque

from media.control import MAX_MESSAGE_BYTES, Order, Quit, Report, WorkerProblem, decode_order, encode

MAX_QUEUED_REPORTS = 10_000


class ControlSocket:
    """Watches its socket on the loop's epoll by itself: for orders always, for room only while reports wait."""

    __slots__ = ("_epoll", "_queue", "_sock", "dropped")

    def __init__(self, sock: socket.socket, epoll: select.epoll) -> None:
        sock.settimeout(0)
        epoll.register(sock, select.EPOLLIN)
        self._sock = sock
        self._epoll = epoll
        self._queue: deque[bytes] = deque()
        self.dropped = 0

    @property
    def is_full(self) -> bool:
        """The next report would be dropped."""
        return len(self._queue) >= MAX_QUEUED_REPORTS

    def fileno(self) -> int:
        return self._sock.fileno()

    def report(self, report: Report | WorkerProblem) -> None:
        """Send, or keep until there is room. Beyond the limit the engine does not read at all: dropped, and counted."""
        if self.is_full:
            self.dropped += 1
            return
        self._queue.append(encode(report))
        if len(self._queue) == 1:
            self.flush()
            if self._queue:
                self._epoll.modify(self._sock, select.EPOLLIN | select.EPOLLOUT)

    def flush(self) -> None:
        """Write what the socket takes."""
        if not self._queue:
            return
        try:
            while self._queue:
                self._sock.send(self._queue[0])
                self._queue.popleft()
        except BlockingIOError:
            return
        except OSError:
            self._queue.clear()  # nobody will ever read it: `next_order` meets the end of the stream
        self._epoll.modify(self._sock, select.EPOLLIN)

    def next_order(self) -> Order | None:
        """One order; None where none has come; `Quit` where the engine is gone. msgspec.DecodeError for what is no order."""
        try:
            data = self._sock.recv(MAX_MESSAGE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return Quit()
        return decode_order(data) if data else Quit()
