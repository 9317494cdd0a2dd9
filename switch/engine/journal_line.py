"""Writes and reads one line of the journal, and recovers a call from its lines. Files are elsewhere.

A line is an event with the commands it caused, and the call's whole history after it; a heartbeat is a short one. The last whole line and
the heartbeats behind it are enough to close the call. The trail, the tags that were read, and the terms are written once, where they
arose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from routing.expression import Scalar
from switch.billing.terms import Rate, Terms
from switch.billing.verdict import CallEvent, JudgedCall
from switch.call import cdr
from switch.call.moment import Moment
from switch.call.state import CallHistory
from switch.engine.call_control import judge_call


class RulingNotes(msgspec.Struct, frozen=True, kw_only=True):
    """What a ruling added: its reasons, the tags it read, and the terms that judge its attempts."""

    trail: tuple[Mapping[str, Any], ...] = ()
    known: Mapping[str, Scalar] = msgspec.field(default_factory=dict)
    terms: Mapping[str, Terms] = msgspec.field(default_factory=dict)
    rate: Rate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """The fields of a line that recovery reads. A heartbeat's line has only `heartbeat`."""

    at: Moment
    happened: CallEvent | None = None
    history: CallHistory | None = None
    heartbeat: Moment | None = None
    agreed: RulingNotes | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(JournalLine).decode


def event_line(at: Moment, happened: CallEvent, history: CallHistory, notes: RulingNotes | None = None) -> bytes:
    """One journal line, JSON without a newline. `notes`: what a ruling added."""
    return _encode({"at": at, "happened": happened, "history": history, "agreed": notes})


def heartbeat_line(at: Moment, heartbeat: Moment | None) -> bytes:
    """The line of a bridge's heartbeat: written every five seconds for every call, so it is short."""
    return _encode({"at": at, "heartbeat": heartbeat})


def recover_call(lines: Sequence[bytes]) -> JudgedCall:
    """Returns the judged record of a call from its journal lines; closed as crashed where they do not reach its end.

    The lines may come in any order, and more than once: the journal writes lines again after a failed fsync.
    Raises ValueError (msgspec.DecodeError is one) when no line can be read.
    """
    said = sorted((_decode(payload) for payload in dict.fromkeys(lines)), key=_order)
    history = None
    for each in said:
        history = each.history or (history and replace(history, heartbeat=each.heartbeat))
    if history is None:
        raise ValueError("no line tells what call this is")
    rulings = [each.agreed for each in said if each.agreed is not None]
    return judge_call(
        cdr.close_crashed(history, said[-1].at),
        known=rulings[-1].known if rulings else {},
        trail=tuple(reason for ruling in rulings for reason in ruling.trail),
        terms={name: terms for ruling in rulings for name, terms in ruling.terms.items()},
        rate=next((ruling.rate for ruling in rulings), None),
        events=tuple(each.happened for each in said if each.happened is not None),
    )


def _order(known: JournalLine) -> tuple[int, bool, int]:
    """Lines of one call are of one process, so its monotonic clock orders them. Of one instant: events by number, then the heartbeat."""
    happened = known.happened
    return known.at.mono_ns, happened is None, 0 if happened is None else happened.number
