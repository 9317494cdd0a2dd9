"""Knows what may be asked of routing and what it may answer. Does not decide: that is `routing.decide`."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from ivr.menu import MenuPlan
from routing.table import Cap, NoRoute


class Barred(StrEnum):
    """Why a call is refused before any line is considered."""

    UNKNOWN_NUMBER = "unknown_number"
    PUBLISHER_PAUSED = "publisher_paused"


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """One question to routing. Same inquiry, table and load: same ruling.

    `utc_us`: the instant, microseconds since 1970 UTC. `seed`: what weighted draws are drawn from. `tags`: what the menu learned.
    `menu_done`: the caller has qualified already. `tried`: lines this call has tried, in order, with why each did not take it.
    """

    did: str
    ani: str
    trunk: str
    utc_us: int
    seed: int
    tags: Mapping[str, str] = msgspec.field(default_factory=dict)
    menu_done: bool = False
    tried: tuple[tuple[str, NoRoute], ...] = ()


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the trail: what was looked at, what was found, and the figures it was found with.

    `rule` names the config it comes from, e.g. `lines.acme-east.hours` (a path that settings maps to file and line).
    """

    rule: str
    verdict: str
    read: Mapping[str, str | int] = msgspec.field(default_factory=dict)


class EnterMenu(msgspec.Struct, frozen=True, kw_only=True):
    plan: MenuPlan


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """Dial this line. `caps`: every cap it counts against; the caller of `decide` takes all of them or none."""

    line: str
    advertiser: str
    campaign: str
    uri: str
    ring_ms: int
    silence_ms: int
    timer_offset_ms: int
    caps: tuple[Cap, ...]


class Announce(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody takes the call: play `prompt`, then end it."""

    prompt: str
    because: NoRoute


class NotRouted(msgspec.Struct, frozen=True, kw_only=True):
    because: NoRoute | Barred


Choice = EnterMenu | Attempt | Announce | NotRouted


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an inquiry: the choice, and the trail of why, in the order it was reasoned.

    `publisher` and `campaign` are None only when the number is unknown. `campaign` is the one that the choice is made for: after an
    overflow to another campaign, that one.
    """

    choice: Choice
    publisher: str | None
    campaign: str | None
    trail: tuple[Reason, ...]
