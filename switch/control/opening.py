"""Opens the control socket of a running switch: what it greets with, how its commands are carried out, what is published there."""

import os
from collections.abc import Callable
from pathlib import Path

import structlog

from switch.control.command import ProcessState, carry_out
from switch.control.messages import VERSION, CertificateStatus, Command, Hello, LedgerStatus, ProcessStatus, Reply
from switch.control.publisher import Publisher
from switch.control.server import ControlServer
from switch.engine.clock import Clock
from switch.engine.engine import Engine

_log = structlog.get_logger("payphone")


async def open_control(
    data: Path,
    engine: Engine,
    *,
    drain: Callable[[int | None], None],
    ends_us: Callable[[], int | None],
    certificates: Callable[[], tuple[CertificateStatus, ...]],
    ledger: Callable[[], LedgerStatus],
    processes: Callable[[], tuple[ProcessStatus, ...]],
    flush: Callable[[], None],
    clock: Clock,
) -> ControlServer:
    """Opens the socket in `data`. Where it can't be opened, that is logged, and the switch runs all the same: calls come first.

    `drain(limit_ms)`, `ends_us()`: of `Draining`. `flush()`: carries out what a command has caused.
    """
    started_us = clock.now().utc_us

    def process() -> ProcessState:
        return ProcessState(
            started_us=started_us, ends_us=ends_us(), certificates=certificates(), ledger=ledger(), processes=processes()
        )

    def answer(command: Command) -> Reply:
        reply = carry_out(command, engine, process, clock.now(), drain=drain)
        flush()
        return reply

    def stop_listening(tap: int) -> None:
        engine.stop_listening_in(tap)
        flush()

    def hello() -> Hello:
        return Hello(version=VERSION, pid=os.getpid(), config=engine.plan.version)

    publisher = Publisher(engine, started_us=started_us, ends_us=ends_us, clock=clock)
    control = ControlServer(data, hello=hello, carry_out=answer, publisher=publisher, stop_listening=stop_listening)
    try:
        await control.open()
    except OSError as error:
        _log.error(
            "no control socket: `payphone status`, `live` and all that ask or steer a running switch do not work", why=str(error)
        )
    return control
