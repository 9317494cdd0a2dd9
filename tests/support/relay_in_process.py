"""A media worker's loop in a thread of the test's process: to have something happen between two system calls of it, or time go by."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from worker_client import PATIENCE_S

from media.control import MAX_MESSAGE_BYTES, Close, Closed, Counters, Order, Quit, WorkerProblem, decode_report, encode
from media.worker.prompts import Prompts
from media.worker.relay import Relay

NO_PORT = 1


class RelayInProcess:
    """The engine's side of it, and the `relay` itself. `problems`: what it has reported."""

    def __init__(self, directory: Path) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(PATIENCE_S)
        self.relay = Relay(theirs, prompts=Prompts(directory), rtp_timeout_ns=60_000_000_000)
        self._thread = threading.Thread(target=self.relay.run)
        self.problems: list[WorkerProblem] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.order(Quit())
        self._thread.join(PATIENCE_S)
        self._control.close()

    def order(self, *orders: Order) -> None:
        for order in orders:
            self._control.send(encode(order))

    def settle(self) -> None:
        """Every order has been obeyed, and every packet that had come has been taken."""
        self.close(NO_PORT)
        while self.relay._epoll.poll(0):
            self.close(NO_PORT)
        self.close(NO_PORT)

    def close(self, port: int) -> Counters:
        self.order(Close(port=port))
        while not (isinstance(report := decode_report(self._control.recv(MAX_MESSAGE_BYTES)), Closed) and report.port == port):
            if isinstance(report, WorkerProblem):
                self.problems.append(report)
        return report.counters


def socket_module(kind: Callable[..., socket.socket]) -> object:
    """Returns what stands for the module `socket` where a worker makes its sockets: they are of that kind."""

    class Module:
        def __getattr__(self, name: str) -> object:
            return kind if name == "socket" else getattr(socket, name)

    return Module()
