"""Knows what one line of the journal holds, and how a call is recovered from its lines. Does not know files.

A line is an event with the commands it caused, and the call's whole story after it; a heartbeat is a short one. The last whole line and
the heartbeats behind it are enough to close the call. The trail and the terms are written once, where they arose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from routing.ruling import Reason
from routing.trail import as_plain
from switch.billing.judge import judge, settle
from switch.billing.terms import Terms
from switch.billing.verdict import JudgedCall
from switch.call import cdr
from switch.call.command import Command
from switch.call.event import Event
from switch.call.moment import Moment
from switch.call.story import Story

Trail = tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a line says, as far as recovery reads it. A heartbeat's line has nothing but `heartbeat`."""

    at: Moment
    story: Story | None = None
    heartbeat: Moment | None = None
    trail: tuple[dict[str, Any], ...] = ()
    terms: Mapping[str, Terms] = field(default_factory=dict)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Known).decode


def line(
    event: Event, commands: Sequence[Command], story: Story, *, trail: Sequence[Reason] = (), terms: Mapping[str, Terms]
) -> bytes:
    """One journal line, JSON without a newline. `trail` and `terms`: what this event added to them."""
    return _encode(
        {
            "at": event.at,
            "event": type(event).__name__,
            "facts": event,
            "commands": [[type(command).__name__, command] for command in commands],
            "story": story,
            "trail": plain(trail),
            "terms": terms,
        }
    )


def beat(at: Moment, heartbeat: Moment | None) -> bytes:
    """The short line of a bridge that still stands: every five seconds for every call, so it says no more than that."""
    return _encode({"at": at, "heartbeat": heartbeat})


def plain(trail: Sequence[Reason]) -> Trail:
    """A trail as the record keeps it."""
    return tuple(as_plain(reason) for reason in trail)


def judged(story: Story, trail: Trail, terms: Mapping[str, Terms]) -> JudgedCall:
    """What the ledger keeps of a call that has ended."""
    record = cdr.write(story, trail)
    verdict = judge(record, terms)
    return JudgedCall(record=settle(record, verdict), verdict=verdict)


def recovered(lines: Sequence[bytes]) -> JudgedCall:
    """The judged record of a call from its journal lines, in order; cut off by a crash where they do not come to its end.

    Raises ValueError (msgspec.DecodeError is one) when no line can be read.
    """
    known = [_decode(payload) for payload in lines]
    story = None
    for each in known:
        story = each.story or (story and replace(story, heartbeat=each.heartbeat))
    if story is None:
        raise ValueError("no line tells what call this is")
    story = cdr.crashed(story, known[-1].at)
    trail: Trail = tuple(reason for each in known for reason in each.trail)
    terms = {name: value for each in known for name, value in each.terms.items()}
    return judged(story, trail, terms)
