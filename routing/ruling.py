"""Defines what may be asked of routing and what it may answer. `routing.decide` decides."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from routing.cap import Cap
from routing.expression import Scalar
from routing.table import Accept, NoRoute, ToVoicemail


class RejectReason(StrEnum):
    """Why a call is refused before any line is considered."""

    UNKNOWN_NUMBER = "unknown_number"
    NUMBER_NOT_IN_SERVICE = "number_not_in_service"
    PUBLISHER_PAUSED = "publisher_paused"
    REPEAT = "repeat"


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """One question to routing. Same inquiry, table and load: same ruling.

    `call_id`: empty where no call asks.
    `utc_us`: the instant, microseconds since 1970 UTC. `seed`: what is drawn is drawn from it. `tags`: what the carrier passed and the
    menu learned. `digits`: all the caller pressed in menus. `menu_done`: the caller has qualified already. `line`: where the menu
    transfers the caller to. `tried`: lines this call has tried, in order, with why each did not take it. `held_ms`: how long the caller
    has been in the hold queue; None: not in one.
    """

    did: str
    ani: str
    trunk: str
    utc_us: int
    seed: int
    tags: Mapping[str, Scalar] = msgspec.field(default_factory=dict)
    digits: str = ""
    menu_done: bool = False
    line: str | None = None
    tried: tuple[tuple[str, NoRoute], ...] = ()
    held_ms: int | None = None
    call_id: str = ""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the trail: what was looked at, what was found, and the figures it was found with.

    `rule` names the config it comes from, e.g. `lines.acme-east.hours` (a path that settings maps to file and line).
    """

    rule: str
    verdict: str
    read: Mapping[str, Scalar] = msgspec.field(default_factory=dict)


class EnterMenu(msgspec.Struct, frozen=True, kw_only=True):
    """`tags`: what its branches may read."""

    menu: str
    tags: Mapping[str, Scalar]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """Dial this line. `caps`: every cap it counts against; the caller of `decide` takes all of them or none.

    `priority`: its tier. `revenue_micros`: the most it may earn. `repeat`: the caller is one, by the campaign's rule.
    """

    line: str
    advertiser: str
    campaign: str
    priority: int
    uri: str
    ring_ms: int
    silence_ms: int
    timer_offset_ms: int
    caps: tuple[Cap, ...]
    revenue_micros: int = 0
    recover_ms: int = 0
    accept: Accept | None = None
    repeat: bool = False


class Dial(msgspec.Struct, frozen=True, kw_only=True):
    """Dial these at once, at least one: the first to answer gets the call. `early_media`: the caller hears what a line plays before it
    answers, unless the caller is answered already."""

    attempts: tuple[Attempt, ...]
    early_media: bool = False


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """Keep the caller in `campaign`'s hold queue, and ask again in `again_ms`. `position`: its place there, 1 the next to be served."""

    campaign: str
    because: NoRoute
    again_ms: int
    position: int = 1


class Announce(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody takes the call: play `prompt`, then end it."""

    prompt: str
    because: NoRoute


class Voicemail(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody takes the call: the caller may leave a message."""

    terms: ToVoicemail
    because: NoRoute


class NotRouted(msgspec.Struct, frozen=True, kw_only=True):
    because: NoRoute | RejectReason


Choice = EnterMenu | Dial | Wait | Announce | Voicemail | NotRouted


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an inquiry: the choice, and the trail of why, in the order it was reasoned.

    `publisher` and `campaign` are None only when the number is unknown. `campaign` is the one that the choice is made for: after an
    overflow to another campaign, that one. `tags`: all that filters could read of the call, for its record.
    """

    choice: Choice
    publisher: str | None
    campaign: str | None
    trail: tuple[Reason, ...]
    tags: Mapping[str, Scalar] = msgspec.field(default_factory=dict)
