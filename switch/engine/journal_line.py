"""Knows what one line of the journal holds, and how a call is recovered from its lines. Does not know files.

A line is an event with the commands it caused, and the call's whole story after it; a heartbeat is a short one. The last whole line and
the heartbeats behind it are enough to close the call. The trail, the tags that were read, and the terms are written once, where they
arose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from routing.expression import Scalar
from routing.ruling import Reason
from routing.trail import as_plain
from switch.billing.terms import Rate, Terms
from switch.billing.verdict import Happened, JudgedCall
from switch.call import cdr
from switch.call.moment import Moment
from switch.call.story import Story
from switch.engine.brain import judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What a ruling added: why, what it read, and by which terms its attempts will be judged."""

    trail: tuple[Mapping[str, Any], ...] = ()
    known: Mapping[str, Scalar] = field(default_factory=dict)
    terms: Mapping[str, Terms] = field(default_factory=dict)
    rate: Rate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a line says, as far as recovery reads it. A heartbeat's line has nothing but `heartbeat`."""

    at: Moment
    happened: Happened | None = None
    story: Story | None = None
    heartbeat: Moment | None = None
    agreed: Agreed | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Known).decode


def line(at: Moment, happened: Happened, story: Story, agreed: Agreed | None = None) -> bytes:
    """One journal line, JSON without a newline. `agreed`: what this event added to it."""
    return _encode({"at": at, "happened": happened, "story": story, "agreed": agreed})


def agreement(trail: Sequence[Reason], *, known: Mapping[str, Scalar], terms: Mapping[str, Terms], rate: Rate | None) -> Agreed:
    return Agreed(trail=tuple(as_plain(reason) for reason in trail), known=known, terms=terms, rate=rate)


def beat(at: Moment, heartbeat: Moment | None) -> bytes:
    """The short line of a bridge that still stands: every five seconds for every call, so it says no more than that."""
    return _encode({"at": at, "heartbeat": heartbeat})


def recovered(lines: Sequence[bytes]) -> JudgedCall:
    """The judged record of a call from its journal lines, in order; cut off by a crash where they do not come to its end.

    Raises ValueError (msgspec.DecodeError is one) when no line can be read.
    """
    said = [_decode(payload) for payload in lines]
    story = None
    for each in said:
        story = each.story or (story and replace(story, heartbeat=each.heartbeat))
    if story is None:
        raise ValueError("no line tells what call this is")
    rulings = [each.agreed for each in said if each.agreed is not None]
    return judged(
        cdr.crashed(story, said[-1].at),
        known=rulings[-1].known if rulings else {},
        trail=tuple(reason for ruling in rulings for reason in ruling.trail),
        terms={name: terms for ruling in rulings for name, terms in ruling.terms.items()},
        rate=next((ruling.rate for ruling in rulings), None),
        events=tuple(each.happened for each in said if each.happened is not None),
    )
