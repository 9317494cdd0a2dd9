"""PURE. Transitions of a transfer: the line sends the caller on to another address by REFER (RFC 3515), in the middle of talk.

It stays one attempt of one line, and its leg keeps its number: first the line is behind it, then the target. While the target rings, the
line may stay, and talk goes on; or it hangs up, and the caller hears ringback (`Transferring`). Money: `docs/billing.md` §3.
"""

from msgspec.structs import replace

from switch.call import command as do
from switch.call import hunting
from switch.call.event import (
    AnswerUnusable,
    LegAnswered,
    LegEnded,
    TransferAnswered,
    TransferFailed,
    TransferorLeft,
    TransferRequested,
)
from switch.call.moment import Moment
from switch.call.state import Bridged, Call, Phase, Transferring
from switch.call.steps import Step, talk_end, update_attempt

MAX_TRANSFERS = 3
"""Transfers that one call follows."""
FORBIDDEN, TIMEOUT, PENDING = 403, 408, 491


def on_requested(call: Call, event: TransferRequested) -> Step:
    """The line's REFER is followed during talk, so often."""
    followed = sum(len(tried.transferred_to) for tried in call.history.attempts)
    match call.phase:
        case Bridged(leg=leg, transfer_until=None) if leg == event.leg and followed >= MAX_TRANSFERS:
            return Step(call, (do.RefuseTransfer(leg=leg, status=FORBIDDEN, why=f"the call was transferred {followed} times"),))
        case Bridged(leg=leg, transfer_until=None) as phase if leg == event.leg:
            history = update_attempt(call.history, leg, lambda t: replace(t, transferred_to=(*t.transferred_to, event.uri)))
            phase = replace(phase, transfer_until=event.at.plus_ms(phase.ring_ms))
            return Step(replace(call, history=history, phase=phase), (do.Transfer(leg=leg, uri=event.uri, ring_ms=phase.ring_ms),))
        case _:
            return Step(call, (do.RefuseTransfer(leg=event.leg, status=PENDING, why="the line does not talk with the caller"),))


def on_answered(call: Call, event: TransferAnswered) -> Step:
    """The target takes the place of the line, which is still there."""
    match call.phase:
        case Bridged(leg=leg, transfer_until=until) as phase if leg == event.leg and until is not None:
            return Step(replace(call, phase=replace(phase, transfer_until=None)), (do.CompleteTransfer(leg=leg),))
        case _:  # it was given up in the meantime
            return Step(call)


def on_failed(call: Call, event: TransferFailed) -> Step:
    """The line, which is still there, is told; talk goes on."""
    match call.phase:
        case Bridged(leg=leg, transfer_until=until) as phase if leg == event.leg and until is not None:
            return _give_up(call, phase, status=event.status)
        case _:
            return Step(call)


def is_over(phase: Phase, at: Moment) -> bool:
    """Returns whether a target has rung for too long."""
    match phase:
        case Bridged(transfer_until=until):
            return until is not None and at.mono_ns >= until.mono_ns
        case _:
            return isinstance(phase, Transferring)


def on_timeout(call: Call, at: Moment) -> Step:
    """The target is not waited for any longer."""
    match call.phase:
        case Bridged() as phase:
            return _give_up(call, phase, status=TIMEOUT)
        case Transferring() as phase:
            return _hang_up_target(call, phase, at)
        case _:
            return Step(call)


def _give_up(call: Call, phase: Bridged, *, status: int) -> Step:
    """Talk with the line goes on."""
    return Step(replace(call, phase=replace(phase, transfer_until=None)), (do.EndTransfer(leg=phase.leg, status=status),))


def on_transferor_left(call: Call, event: TransferorLeft) -> Step:
    """The line has hung up, and its target rings: the caller waits. Should nobody take the call, talk has ended now; so it has for a
    crash."""
    match call.phase:
        case Bridged(leg=leg, transfer_until=until) as phase if leg == event.leg and until is not None:
            history = replace(call.history, heartbeat=talk_end(phase, event.at))
            waiting = Transferring(talk=replace(phase, transfer_until=None), left=event, deadline=until)
            return Step(replace(call, history=history, phase=waiting), (do.Unbridge(), do.PlayRingback()))
        case _:
            return Step(call)


def on_target_answered(call: Call, phase: Transferring, event: LegAnswered) -> Step:
    """Talk goes on with the target, and counts as if it had never stopped."""
    talk = replace(phase.talk, heartbeat=event.at.plus_ms(hunting.HEARTBEAT_MS))
    return Step(replace(call, phase=talk), (do.CompleteTransfer(leg=event.leg),))


def on_target_unusable(call: Call, phase: Transferring, event: AnswerUnusable) -> Step:
    return _hang_up_target(call, phase, event.at)


def _hang_up_target(call: Call, phase: Transferring, at: Moment) -> Step:
    """The target does not take the call, and the line had left."""
    call, commands = hunting.hang_up_line(call, phase.talk.leg, cause=phase.left.cause)
    return on_target_ended(call, phase, as_line_ended(phase, at)).after(commands)


def on_target_ended(call: Call, phase: Transferring, event: LegEnded) -> Step:
    """As if the line had hung up without a transfer. `event`: see `as_line_ended`."""
    return hunting.on_line_ended(call, phase.talk, event, left=phase.left.at)


def as_line_ended(phase: Transferring, at: Moment) -> LegEnded:
    """Returns the end of the leg as the line's, whatever became of the target."""
    left = phase.left
    return LegEnded(at=at, leg=phase.talk.leg, by_peer=left.by_peer, cause=left.cause, q850=left.q850)
