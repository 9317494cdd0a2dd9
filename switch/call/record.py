"""Defines the call record: the facts of a call that is over. It holds no money: `switch.billing` judges a record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from routing.expression import Scalar


class FinalState(StrEnum):
    """How a call ended, as one of the closed list of `docs/billing.md` §15. Billing decides `converted`, the rest is decided here."""

    CONVERTED = "converted"
    CONNECTED_SHORT = "connected_short"
    MENU_FAILED = "menu_failed"
    """No valid input to the menu in all its tries."""
    ENDED_IN_MENU = "ended_in_menu"
    """The caller chose a key that ends the call."""
    CALLER_LEFT_IN_MENU = "caller_left_in_menu"
    CALLER_LEFT_WHILE_RINGING = "caller_left_while_ringing"
    CALLER_LEFT_ON_HOLD = "caller_left_on_hold"
    NO_MATCH = "no_match"
    CLOSED = "closed"
    CAPPED = "capped"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    QUEUE_FULL = "queue_full"
    WAITED_TOO_LONG = "waited_too_long"
    REJECTED_UNKNOWN_NUMBER = "rejected_unknown_number"
    REJECTED_NUMBER_NOT_IN_SERVICE = "rejected_number_not_in_service"
    REJECTED_PUBLISHER_PAUSED = "rejected_publisher_paused"
    REJECTED_REPEAT = "rejected_repeat"
    REJECTED_NOT_ACCEPTABLE = "rejected_not_acceptable"
    REJECTED_UNAVAILABLE = "rejected_unavailable"
    CRASHED = "crashed"


class EndedBy(StrEnum):
    CALLER = "caller"
    LINE = "line"
    SWITCH = "switch"
    MEDIA_TIMEOUT = "media_timeout"
    CRASH = "crash"


class DurationSource(StrEnum):
    """`wall`: the call crossed a restart, so its durations come from UTC (`docs/billing.md` §1)."""

    MONOTONIC = "monotonic"
    WALL = "wall"


class Outcome(StrEnum):
    """How one attempt at a line ended."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    SILENT = "silent"
    FAILED = "failed"
    CERTIFICATE_REFUSED = "certificate_refused"
    """Over TLS the line's certificate has run out, is for another name, or is signed by nobody we trust."""
    DECLINED = "declined"
    """The advertiser answered and did not press the key that takes the call, or its line refused it with 603."""
    LOST_RACE = "lost_race"
    """Another line that rang at the same time answered first."""
    ABANDONED = "abandoned"


class Heard(StrEnum):
    """Which sides of a bridge were ever heard by the other (`docs/billing.md` §3)."""

    BOTH = "both"
    CALLER = "caller"
    LINE = "line"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One line that was dialled. `campaign` is the one it was dialled for. Times are UTC microseconds, durations milliseconds.

    `answer_delay_ms`: from the line's INVITE to its 200; None: it never answered. `pdd_ms`: the post-dial delay, from the line's INVITE to
    its first 180 or 183; None: none came. `sip_call_id`: the Call-ID of the line's leg; None: not known.
    `talk_us`: when talk began, as money counts it; None: never.
    `accepted`: whether the advertiser accepted the call by key; None: no key was required. `ended_by`: which side ended talk. `repeat`:
    the caller was a repeat by the campaign's rule. `heard`: who was heard in talk; None: there was none. `both_heard_us`: since
    when both had been; None: never.
    """

    number: int
    line: str
    advertiser: str
    campaign: str
    outcome: Outcome
    sip_code: int | None
    q850: int | None
    invited_us: int
    answered_us: int | None
    ended_us: int | None
    answer_delay_ms: int | None
    connected_ms: int
    priority: int = 1
    talk_us: int | None = None
    talk_ended_us: int | None = None
    accepted: bool | None = None
    ended_by: EndedBy | None = None
    repeat: bool = False
    pdd_ms: int | None = None
    sip_call_id: str | None = None
    heard: Heard | None = None
    both_heard_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """The whole record of one call. Every INVITE from a known trunk ends in exactly one. Times are UTC microseconds.

    `sip_code`: the final answer to the caller's INVITE. `ended_detail`: the cause, a value of `switch.call.cause.Cause`.
    `menu_done`: the caller qualified in a menu. `tags`: all that filters could read of the call.
    `sip_call_id`: the Call-ID of the caller's leg; None: not known. `probe`: it came from a trunk of
    probes: it earns nothing and counts nowhere.
    `seed`, `config`: of routing's random draws; the config's version. `trail`: the rulings' reasons, in order, as plain JSON values.
    """

    call_id: str
    did: str
    ani: str
    trunk: str
    publisher: str | None
    campaign: str | None
    final_state: FinalState
    invited_us: int
    answered_us: int | None
    ended_us: int
    ended_by: EndedBy
    ended_detail: str
    sip_code: int | None
    total_ms: int
    menu_ms: int
    connected_ms: int
    duration_source: DurationSource
    attempts: tuple[AttemptRecord, ...] = ()
    digits: str = ""
    tags: Mapping[str, Scalar] = field(default_factory=dict)
    menu_done: bool = False
    config: str = ""
    seed: int = 0
    trail: tuple[Mapping[str, object], ...] = ()
    sip_call_id: str | None = None
    probe: bool = False
