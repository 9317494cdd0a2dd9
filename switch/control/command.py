"""Carries out the commands of the control socket on a running engine. Sockets are in `server`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from switch.call.moment import Moment
from switch.control.messages import (
    MAX_DRAIN_MS,
    MAX_HUNG_UP,
    MAX_NAME,
    MAX_REASON,
    Caps,
    CertificateStatus,
    Command,
    Drain,
    Eavesdrop,
    Eavesdropping,
    Failed,
    GetCaps,
    GetLines,
    GetOverrides,
    GetStatistics,
    GetStatus,
    GetTrunks,
    HangUp,
    HungUp,
    LedgerStatus,
    Lifted,
    LiftOverride,
    LimitCap,
    Lines,
    Overridden,
    Overrides,
    Pause,
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
from switch.engine.steering import Refused
from switch.engine.steering_rows import DONE

Acting: TypeAlias = Drain | PauseRecording | Eavesdrop | HangUp | Pause | LimitCap | LiftOverride
"""What changes something, or lets somebody hear something: who does it is noted."""


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
    if isinstance(command, Acting):
        why = _too_long(command)
        return _act(command, engine, process, at, drain=drain) if why is None else Failed(id=command.id, why=why)
    match command:
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
        case GetOverrides(id=number):
            return Overrides(id=number, overrides=engine.steering.overrides(at))
        case _:
            assert_never(command)


def _act(
    command: Acting, engine: Engine, process: Callable[[], ProcessState], at: Moment, *, drain: Callable[[int | None], None]
) -> Reply:
    match command:
        case PauseRecording():
            return _pause_recording(command, engine, at)
        case Eavesdrop():
            return _listen_in(command, engine, at)
        case Drain(id=number, limit_ms=limit_ms):
            if limit_ms is not None and not 0 <= limit_ms <= MAX_DRAIN_MS:
                return Failed(id=number, why=f"limit_ms must be between 0 and {MAX_DRAIN_MS}")
            limit = {} if limit_ms is None else {"limit_ms": limit_ms}
            engine.steering.note("drain", "switch", at, actor=command.actor, detail={"reason": command.reason, **limit})
            drain(limit_ms)
            return status(engine, process(), number)
        case _:
            return _steer(command, engine, at)


def _pause_recording(command: PauseRecording, engine: Engine, at: Moment) -> Reply:
    call_id, paused = command.call_id, command.paused
    if command.advertiser is None:  # an operator may shorten the id
        found = engine.ids_in_progress(call_id)
        if len(found) > 1:
            return Failed(id=command.id, why=f"more than one call in progress begins with {call_id}: give more of its id")
        call_id = found[0] if found else call_id
    why = engine.pause_recording(call_id, at, paused=paused, advertiser=command.advertiser)
    outcome, action = DONE if why is None else f"refused: {why}", f"recording_{'pause' if paused else 'resume'}"
    engine.steering.note(action, call_id, at, actor=command.actor, detail={"reason": command.reason}, outcome=outcome)
    return RecordingPaused(id=command.id, call_id=call_id, paused=paused) if why is None else Failed(id=command.id, why=why)


def _listen_in(command: Eavesdrop, engine: Engine, at: Moment) -> Reply:
    outcome = DONE
    try:
        reply: Reply = Eavesdropping(id=command.id, call_id=command.call_id, tap=engine.listen_in(command.call_id, command.path))
    except CannotListen as error:
        outcome, reply = f"refused: {error}", Failed(id=command.id, why=str(error))
    engine.steering.note("listen", command.call_id, at, actor=command.actor, detail={}, outcome=outcome)
    return reply


def _too_long(command: Acting) -> str | None:
    """Returns what of a command is longer than rows and trails may be."""
    if not 0 < len(command.actor) <= MAX_NAME:
        return f"an actor has between 1 and {MAX_NAME} characters"
    if not isinstance(command, Eavesdrop) and len(command.reason) > MAX_REASON:
        return f"a reason has at most {MAX_REASON} characters"
    match command:
        case HangUp(call_ids=names) if not 0 < len(names) <= MAX_HUNG_UP:
            return f"one command hangs up between 1 and {MAX_HUNG_UP} calls"
        case HangUp(call_ids=names):
            pass
        case Pause(name=name) | LimitCap(key=name) | PauseRecording(call_id=name) | Eavesdrop(call_id=name):
            names = (name,)
        case _:
            names = ()
    return f"a name has at most {MAX_NAME} characters" if any(len(name) > MAX_NAME for name in names) else None


def _steer(command: HangUp | Pause | LimitCap | LiftOverride, engine: Engine, at: Moment) -> Reply:
    actor, reason, steering = command.actor, command.reason, engine.steering
    match command:
        case HangUp(call_ids=call_ids):
            ended, unknown = engine.hang_up(call_ids, at, actor=actor, reason=reason)
            return HungUp(id=command.id, ended=ended, unknown=unknown)
        case Pause(target_kind=kind, name=name, until_us=until_us):
            made = steering.pause(kind, name, at, until_us=until_us, actor=actor, reason=reason)
        case LimitCap(key=key, limit=limit, until_us=until_us):
            made = steering.limit_cap(key, limit, at, until_us=until_us, actor=actor, reason=reason)
        case LiftOverride(number=override):
            lifted = steering.lift(override, at, actor=actor, reason=reason)
            return Failed(id=command.id, why=lifted.why) if isinstance(lifted, Refused) else Lifted(id=command.id, override=lifted)
    return Failed(id=command.id, why=made.why) if isinstance(made, Refused) else Overridden(id=command.id, override=made)


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
