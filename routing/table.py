"""Knows what is sold, to whom and when: the compiled routing table. Does not know YAML, clocks, or the load of the moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ivr.menu import MenuPlan


class NoRoute(StrEnum):
    """Why nobody took a call, or why it may not be routed: the keys of overflow (`billing.md` §3)."""

    NO_MATCH = "no_match"
    CLOSED = "closed"
    CAPPED = "capped"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most `limit` calls at once (ringing counts) on `owner`, e.g. `line:acme-east`. Owners share a cap by name."""

    owner: str
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Open from `start_minute` to `end_minute` (exclusive) of the local day. `weekday`: 0 is Monday. 0 <= start < end <= 1440."""

    weekday: int
    start_minute: int
    end_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Weekly opening hours in an IANA zone, several blocks a day."""

    zone: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One number or SIP URI of an advertiser.

    `uri`: the SIP URI dialled. `ring_ms`: how long it may ring. `silence_ms`: how long until its first 18x before it counts as
    dead (`carriers.md`, Failover). `timer_offset_ms`: taken off connected time. `hours` None: always open.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A line in a campaign. Lower `priority` is hunted first; inside a priority `weight` draws the order (weight >= 1)."""

    line: str
    priority: int = 1
    weight: int = 1


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


Overflow = ToCampaign | ToLine | ToMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What is sold. `menu` qualifies the caller before any line is tried. `caps` count every attempt for this campaign."""

    name: str
    targets: tuple[Target, ...]
    menu: MenuPlan | None = None
    hours: Hours | None = None
    caps: tuple[Cap, ...] = ()
    overflow: Mapping[NoRoute, Overflow] = field(default_factory=dict)
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    name: str
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingNumber:
    """The DID a publisher advertises. `did` is E.164 with `+`."""

    did: str
    publisher: str
    campaign: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All that routing knows, whole and consistent: every name used is a key. Pinned by each call for its whole life.

    `version`: a digest of the config it was compiled from; equal digests mean equal tables.
    """

    version: str
    numbers: Mapping[str, TrackingNumber]
    publishers: Mapping[str, Publisher]
    campaigns: Mapping[str, Campaign]
    lines: Mapping[str, Line]
