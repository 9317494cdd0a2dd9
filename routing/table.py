"""Defines the compiled routing table: what is sold, to whom and when. Holds no YAML, clocks, menus, or load of the moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from routing.cap import Cap
from routing.expression import Expression, Scalar


class NoRoute(StrEnum):
    """Why nobody took a call, or why it may not be routed: the keys of overflow (`docs/billing.md` §13)."""

    NO_MATCH = "no_match"
    CLOSED = "closed"
    CAPPED = "capped"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"
    QUEUE_FULL = "queue_full"
    WAITED_TOO_LONG = "waited_too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Open from `start_minute` to `end_minute` (exclusive) of the local day. `weekday`: 0 is Monday. 0 <= start < end <= 1440."""

    weekday: int
    start_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Weekly opening hours in an IANA zone, several blocks a day.

    `calendars`: public holidays on which it is closed, `US` or `US-TX` (ISO 3166). `dates`: what holds on single local dates
    (`2026-12-24`) instead of all that, as (start, end) minutes; none: closed.
    """

    zone: str
    blocks: tuple[Block, ...]
    calendars: tuple[str, ...] = ()
    dates: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """What the advertiser hears on answering, and the key to press to take the call. `key` None: only a whisper.

    `wait_ms`: from the answer on; no key by then, or another one, declines the call.
    """

    prompt: str
    key: str | None = None
    wait_ms: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """After `failures` attempts in a row that failed or were met with silence, the line is left alone for `rest_ms`."""

    failures: int = 3
    rest_ms: int = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One number or SIP URI of an advertiser.

    `uri`: the SIP URI dialled. `ring_ms`: how long it may ring. `silence_ms`: how long until its first 18x before it counts as
    dead (`docs/carriers.md` §3). `timer_offset_ms`: taken off connected time. `caps`: its own, its groups' and its advertiser's.
    `filter`: which calls it takes. `hours` None: always open. `health` None: never left alone.
    `paused`, `advertiser_paused`: it is not dialled.
    """

    name: str
    advertiser: str
    uri: str
    ring_ms: int = 30_000
    silence_ms: int = 5_000
    timer_offset_ms: int = 0
    caps: tuple[Cap, ...] = ()
    hours: Hours | None = None
    paused: bool = False
    advertiser_paused: bool = False
    filter: Expression | None = None
    accept: Accept | None = None
    health: Health | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A line in a campaign. Lower `priority` is hunted first; inside a priority `weight` draws the order (weight >= 1)."""

    line: str
    priority: int = 1
    weight: int = 1


class Sort(StrEnum):
    """How the lines of one priority are ordered."""

    WEIGHT = "weight"
    ROUND_ROBIN = "round_robin"
    LEAST_RECENT = "least_recent"
    PERFORMANCE = "performance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """How the lines of one priority are hunted. `together`: all that may take the call ring at once."""

    sort: Sort = Sort.WEIGHT
    together: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToCampaign:
    campaign: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToLine:
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToMessage:
    """Play a prompt, then end the call."""

    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToHold:
    """Wait until a line comes free: at most `places` callers, each for at most `wait_ms`; then `queue_full`, `waited_too_long`."""

    places: int
    wait_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToVoicemail:
    """Play `greeting` and a beep, and record what the caller says, for at most `longest_ms`; then play `goodbye`, where there is one.
    `format`: of the file, wav or opus."""

    greeting: str
    longest_ms: int
    goodbye: str | None = None
    format: str = "wav"


Overflow = ToCampaign | ToLine | ToMessage | ToHold | ToVoicemail


class RepeatScope(StrEnum):
    """Within what a caller who was paid for is a repeat."""

    CAMPAIGN = "campaign"
    ADVERTISER = "advertiser"
    LINE = "line"
    GROUP = "group"
    """Campaigns of the same conversion group."""
    NUMBER = "number"


class RepeatRoute(StrEnum):
    """Where a repeat goes."""

    SAME = "same"
    OTHER = "other"
    ANY = "any"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A caller's last paid conversion inside `scope` less than `window_ms` ago makes this call a repeat (`docs/billing.md` §6).

    `bill`, `pay`: whether the advertiser owes, and the publisher earns, for it all the same.
    """

    scope: RepeatScope = RepeatScope.CAMPAIGN
    window_ms: int
    route: RepeatRoute = RepeatRoute.ANY
    bill: bool = True
    pay: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What is sold. `menu` qualifies the caller before any line is tried. `caps` count every attempt for this campaign.

    `filter`: which calls it takes; others are `no_match`. `tiers`: by priority, where it is not by weight and one after the other.
    `retry`: how many attempts that ended this way may be made before the hunt ends with it; no entry: any number.
    `recover_ms`: a line that hangs up sooner than this after talk began is followed by the next one; 0: never.
    `revenue_micros`: the most one attempt may earn, which revenue caps are asked for. `split`: variants of a test, by weight; the tag
    `variant` says which one a call drew. `conversion_group`: campaigns whose callers are repeats of each other. `zone`: the local time
    of its tags `hour`, `weekday` and `date`.
    """

    name: str
    targets: tuple[Target, ...]
    menu: str | None = None
    hours: Hours | None = None
    caps: tuple[Cap, ...] = ()
    overflow: Mapping[NoRoute, Overflow] = field(default_factory=dict)
    paused: bool = False
    filter: Expression | None = None
    tiers: Mapping[int, Tier] = field(default_factory=dict)
    retry: Mapping[NoRoute, int] = field(default_factory=dict)
    recover_ms: int = 0
    repeat: Repeat | None = None
    revenue_micros: int = 0
    split: Mapping[str, int] = field(default_factory=dict)
    conversion_group: str | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    name: str
    paused: bool = False
    caps: tuple[Cap, ...] = ()


class NumberState(StrEnum):
    """Where a tracking number is in its life. Only an assigned one takes calls."""

    ASSIGNED = "assigned"
    AVAILABLE = "available"
    COOLING = "cooling"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingNumber:
    """The DID a publisher advertises. `did` is E.164 with `+`. `tags`: what every call to it is known by. `early_media`: the caller hears
    what a line plays before it answers."""

    did: str
    publisher: str
    campaign: str
    state: NumberState = NumberState.ASSIGNED
    caps: tuple[Cap, ...] = ()
    tags: Mapping[str, Scalar] = field(default_factory=dict)
    early_media: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All that routing knows, whole and consistent: every name used is a key. Pinned by each call for its whole life.

    `version`: a digest of the config it was compiled from; equal digests mean equal tables. `trunk_caps`: caps by trunk.
    """

    version: str
    numbers: Mapping[str, TrackingNumber]
    publishers: Mapping[str, Publisher]
    campaigns: Mapping[str, Campaign]
    lines: Mapping[str, Line]
    trunk_caps: Mapping[str, tuple[Cap, ...]] = field(default_factory=dict)

    def caps(self) -> Iterator[Cap]:
        """Every cap of every owner; those of groups and advertisers stand with their lines."""
        for line in self.lines.values():
            yield from line.caps
        for campaign in self.campaigns.values():
            yield from campaign.caps
        for publisher in self.publishers.values():
            yield from publisher.caps
        for number in self.numbers.values():
            yield from number.caps
        for caps in self.trunk_caps.values():
            yield from caps
