"""A companion: a side process that carries no audio and decides nothing of a call. It reads the ledger or the control socket, and serves
people or other machines. Here are its two ends: `CompanionSettings` for who starts it, `run_companion` for the process.

The socket between them says only that it is up, that it lives, and that it is to end.
"""

import argparse
import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import msgspec

from media.control import Message, Quit, Ready, WorkerProblem
from media.engine_link import EngineLink
from switch.engine.clock import SystemClock

ALIVE_S = 1.0
HUNG_S = 30.0
"""A companion is the last to be served on a busy machine: it is given longer than those that calls need."""
NICENESS = 10
"""Packets and calls come first."""


class Alive(Message, frozen=True, kw_only=True):
    """Every `ALIVE_S`."""


CompanionReport = Ready | Alive

decode_companion_report = msgspec.msgpack.Decoder(CompanionReport | WorkerProblem).decode
decode_companion_order = msgspec.msgpack.Decoder(Quit).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionSettings:
    """`name`: what it is called in the log. `module`: what is run, as `python -m`. `config`: the config directory; `data`: the data
    directory of the switch, with its control socket."""

    quit: ClassVar[Message] = Quit()
    name: str
    module: str
    config: Path
    data: Path
    options: tuple[str, ...] = field(default=())
    hung_s: float = HUNG_S

    def arguments(self) -> list[str]:
        return [self.module, "--config", str(self.config), "--data", str(self.data), *self.options]

    def decode(self, data: bytes) -> CompanionReport | WorkerProblem:
        report: CompanionReport | WorkerProblem = decode_companion_report(data)
        return report


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionPlace:
    """Where a companion was started: `config` and `data` as in `CompanionSettings`. `complain(doing, why)`: writes to the switch's log."""

    config: Path
    data: Path
    complain: Callable[[str, str], None]


Serve = Callable[[CompanionPlace, Callable[[], None]], Awaitable[None]]
"""Runs a companion until it is cancelled. It calls its second argument once it is up."""


def run_companion(prog: str, description: str, serve: Serve) -> None:
    """The `main` of a companion: reads its command line, and serves until it is told to end, or the switch is gone."""
    parser = argparse.ArgumentParser(prog=prog, description=f"{description}; started by the switch, not by hand.")
    parser.add_argument("--socket-fd", type=int, required=True, help="inherited AF_UNIX SOCK_SEQPACKET socket")
    parser.add_argument("--config", type=Path, required=True, help="config directory")
    parser.add_argument("--data", type=Path, required=True, help="the switch's data directory")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the switch decides when it ends
    os.nice(NICENESS)
    with socket.socket(fileno=options.socket_fd) as control:
        link = EngineLink(control)

        def is_up() -> None:
            link.report(Ready(pid=os.getpid()))
            link.send()

        place = CompanionPlace(config=options.config, data=options.data, complain=link.problem)
        asyncio.run(_until_told(link, serve(place, is_up)))


async def _until_told(link: EngineLink, serving: Awaitable[None]) -> None:
    task = asyncio.ensure_future(serving)
    told = asyncio.Event()

    def readable() -> None:
        for _ in link.orders():  # there is one order
            told.set()
        if link.is_gone:
            told.set()

    loop = asyncio.get_running_loop()
    loop.add_reader(link.fileno(), readable)
    waits = {task, asyncio.ensure_future(told.wait())}
    try:
        while not (await asyncio.wait(waits, timeout=ALIVE_S, return_when=asyncio.FIRST_COMPLETED))[0]:
            link.report(Alive())
            link.send()
    finally:
        loop.remove_reader(link.fileno())
        for each in waits:
            each.cancel()
    with suppress(asyncio.CancelledError):
        await task  # its error ends the process, and another one is started
    link.send_last()


def now_us() -> int:
    """Returns the present, in UTC microseconds."""
    return SystemClock().now().utc_us
