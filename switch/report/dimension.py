"""Knows what a report can be broken down and filtered by. Does not know figures."""

from dataclasses import dataclass
from enum import StrEnum

from routing.expression import Kind


class Of(StrEnum):
    """What a dimension is of. One of an attempt has a value for every line that was dialled for a call."""

    CALL = "call"
    ATTEMPT = "attempt"
    TIME = "time"
    """Of a call, too: when its INVITE came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """`what`: in words, for the help."""

    name: str
    kind: Kind
    of: Of
    what: str


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_ALL = (
    Dimension(name="publisher", kind=Kind.TEXT, of=Of.CALL, what="who brought the call"),
    Dimension(name="campaign", kind=Kind.TEXT, of=Of.CALL, what="what it was for in the end"),
    Dimension(name="advertiser", kind=Kind.TEXT, of=Of.ATTEMPT, what="whose lines were dialled"),
    Dimension(name="line", kind=Kind.TEXT, of=Of.ATTEMPT, what="the line dialled"),
    Dimension(name="number", kind=Kind.TEXT, of=Of.CALL, what="the tracking number dialled"),
    Dimension(name="trunk", kind=Kind.TEXT, of=Of.CALL, what="the carrier it came from"),
    Dimension(name="state", kind=Kind.TEXT, of=Of.CALL, what="where the caller is, such as TX"),
    Dimension(name="hour", kind=Kind.NUMBER, of=Of.TIME, what="of the day, 0 to 23"),
    Dimension(name="day", kind=Kind.TEXT, of=Of.TIME, what="such as 2026-03-02"),
    Dimension(name="weekday", kind=Kind.TEXT, of=Of.TIME, what="mon to sun"),
    Dimension(name="final_state", kind=Kind.TEXT, of=Of.CALL, what="how it ended, in one word"),
    Dimension(name="ended_by", kind=Kind.TEXT, of=Of.CALL, what="who ended it"),
    Dimension(name="near_miss", kind=Kind.TRUTH, of=Of.CALL, what="ended by the advertiser close to the threshold"),
)
DIMENSIONS = {dimension.name: dimension for dimension in _ALL}
KINDS = {dimension.name: dimension.kind for dimension in _ALL}
ATTEMPT_DIMENSIONS = frozenset(dimension.name for dimension in _ALL if dimension.of is Of.ATTEMPT)
TIME_DIMENSIONS = frozenset(dimension.name for dimension in _ALL if dimension.of is Of.TIME)
CALL_DIMENSIONS = frozenset(dimension.name for dimension in _ALL if dimension.of is Of.CALL)
