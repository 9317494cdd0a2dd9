"""Knows what a call test is once it is read: calls, how lines behave, what has to come out. Does not know YAML, nor how it is run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from routing.expression import Scalar
from switch.call.record import EndedBy
from switch.settings.problem import Position, Problem
from switch.settings.source import SourceFile, Span, trouble


class Aspect(StrEnum):
    """What of a call is looked at, in the words of the YAML."""

    LINE = "line"
    TRIED = "tried"
    STATE = "state"
    CAMPAIGN = "campaign"
    PUBLISHER = "publisher"
    HEARS = "hears"
    REVENUE = "revenue"
    PAYOUT = "payout"
    CONNECTED = "connected"
    ENDED_BY = "ended_by"
    SIP = "sip"
    TAG = "tags"


Wanted = Scalar | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One thing that has to come out, and where it is written. `tag`: which one, for TAG. Money is in micros, time in milliseconds.

    `wanted`: for LINE, any of these; for HEARS, these in this order; for TRIED, exactly these; else the value.
    """

    aspect: Aspect
    wanted: Wanted
    file: SourceFile
    span: Span
    tag: str = ""

    def missed(self, happened: str, *, wanted: str) -> Problem:
        """What is told when something else happened."""
        what = f"{self.aspect} {self.tag}" if self.tag else str(self.aspect)
        return trouble(self.file, self.span, f"{what}: got {happened}", expected=wanted)


class Deed(StrEnum):
    """What a line does when it is dialled."""

    ANSWERS = "answers"
    BUSY = "busy"
    FAILS = "fails"
    RINGS = "rings"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a line does when it is dialled. Times are milliseconds."""

    deed: Deed
    after_ms: int
    talk_ms: int
    ended_by: EndedBy
    accepts: bool
    accept_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One call. `at_us`: its INVITE, UTC microseconds. `patience_ms` None: the caller never gives up. `lines`: those that are told what
    to do; `others`: all the rest, None where nothing is said of them."""

    did: str
    ani: str
    trunk: str
    at_us: int
    seed: int
    digits: str = ""
    tags: Mapping[str, Scalar] = field(default_factory=dict)
    patience_ms: int | None = None
    lines: Mapping[str, Behaviour] = field(default_factory=dict)
    others: Behaviour | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTest:
    """`earlier`: calls that come before `call`, in the order of their instants. `full`: keys of caps. `used`: by key of a cap, how much
    of it others have taken. `deposits`: by advertiser, micros."""

    name: str
    position: Position
    call: PlannedCall
    expect: tuple[Expectation, ...]
    earlier: tuple[PlannedCall, ...] = ()
    full: frozenset[str] = frozenset()
    used: Mapping[str, int] = field(default_factory=dict)
    deposits: Mapping[str, int] = field(default_factory=dict)
