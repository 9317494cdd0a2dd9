"""Carries out the commands of the control socket on a running engine. Sockets are in `server`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from switch.call.moment import Moment
from switch.control.messages import (
    MAX_DRAIN_MS,
    Caps,
    CertificateStatus,
    Command,
    Drain,
    Eavesdrop,
    Eavesdropping,
    Failed,
    GetCaps,
    GetLines,
    GetStatistics,
    GetStatus,
    GetTrunks,
    LedgerStatus,
    Lines,
    PauseRecording,
    ProcessStatus,
    RecordingPaused,
    Reply,
    Statistics,
    Status,
    Trunks,
)
from switch.engine.eavesdropping import CannotListen
from switch.engine.engine import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """What the engine does not know, in UTC. `started_us`: when the switch was ready. `ends_us`: when the last calls are ended, if it
    drains."""

    started_us: int
    ends_us: int | None
    certificates: tuple[CertificateStatus, ...] = ()
    ledger: LedgerStatus = field(default_factory=LedgerStatus)
    processes: tuple[ProcessStatus, ...] = ()


def carry_out(
    command: Command, engine: Engine, process: Callable[[], ProcessState], at: Moment, *, drain: Callable[[int | None], None]
) -> Reply:
    """Returns the command's reply. `process()`: its present state. `drain(limit_ms)` begins to drain, or changes the limit; None: that of
    the config."""
    match command:
        case PauseRecording():
            return _pause_recording(command, engine, at)
        case Eavesdrop(id=number, call_id=call_id, path=path):
            try:
                return Eavesdropping(id=number, call_id=call_id, tap=engine.listen_in(call_id, path))
            except CannotListen as error:
                return Failed(id=number, why=str(error))
        case GetStatus(id=number):
            return status(engine, process(), number)
        case GetTrunks(id=number):
            return Trunks(id=number, trunks=engine.trunk_status(at))
        case GetLines(id=number):
            return Lines(id=number, lines=engine.line_status(at))
        case GetCaps(id=number):
            return Caps(id=number, caps=engine.cap_status(at))
        case GetStatistics(id=number):
            return Statistics(id=number, counts=engine.statistics())
        case Drain(id=number, limit_ms=limit_ms):
            if limit_ms is not None and not 0 <= limit_ms <= MAX_DRAIN_MS:
                return Failed(id=number, why=f"limit_ms must be between 0 and {MAX_DRAIN_MS}")
            drain(limit_ms)
            return status(engine, process(), number)
        case _:
            assert_never(command)


def _pause_recording(command: PauseRecording, engine: Engine, at: Moment) -> Reply:
    call_id, paused = command.call_id, command.paused
    if command.advertiser is None:  # an operator may shorten the id
        found = engine.ids_in_progress(call_id)
        if len(found) > 1:
            return Failed(id=command.id, why=f"more than one call in progress begins with {call_id}: give more of its id")
        call_id = found[0] if found else call_id
    why = engine.pause_recording(call_id, at, paused=paused, advertiser=command.advertiser)
    if why is not None:
        return Failed(id=command.id, why=why)
    return RecordingPaused(id=command.id, call_id=call_id, paused=paused)


def status(engine: Engine, process: ProcessState, number: int) -> Status:
    draining_us = engine.draining_since_us
    return Status(
        id=number,
        state="running" if draining_us is None else "draining",
        since_us=process.started_us if draining_us is None else draining_us,
        ends_us=process.ends_us,
        calls=engine.live_calls,
        config=engine.plan.version,
        overloaded=engine.is_overloaded,
        lag_ms=engine.lag_ms,
        certificates=process.certificates,
        ledger=process.ledger,
        processes=process.processes,
    )
