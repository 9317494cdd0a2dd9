"""Knows what is true of a call so far: who, when, which lines, how it ended. The journal keeps it whole after every event.

Only facts, no phase: from a story alone a record can be built, also after a crash. Plain data, so that it can be read back.
"""

from collections.abc import Mapping

import msgspec

from routing.expression import Scalar
from switch.call.cause import Cause
from switch.call.moment import Moment
from switch.call.record import EndedBy, FinalState


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at a line, `number` from 1: also its leg's number. `answered`: its 200, unless it came after we hung up.

    `talk`: when talk began as money counts it: the line's answer, or what it had to hear and press first (`billing.md` §1).
    `talk_ended`: the first of both ends, or what the media rule says. `ended_by`: who ended it. `cause`: why it did not take the call,
    or how it ended. `needs_key`: the advertiser takes the call by a key; `accepted`: when he did.
    """

    number: int
    line: str
    advertiser: str
    campaign: str
    timer_offset_ms: int
    invited: Moment
    priority: int = 1
    repeat: bool = False
    needs_key: bool = False
    rang: Moment | None = None
    answered: Moment | None = None
    accepted: Moment | None = None
    talk: Moment | None = None
    bridged: Moment | None = None
    talk_ended: Moment | None = None
    ended_by: EndedBy | None = None
    ended: Moment | None = None
    cause: Cause | None = None
    sip_code: int | None = None
    q850: int | None = None


class MenuVisit(msgspec.Struct, frozen=True, kw_only=True):
    """`qualified`: the caller left it towards a line."""

    entered: Moment
    left: Moment | None = None
    qualified: bool = False


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """`tags`: what the carrier passed and the menu learned. `wanted`: the line that a menu transfers the caller to. `held`: when he
    first had to wait in a hold queue. `heartbeat`: the last moment the bridge was known to stand. `ended`: when the call ended for
    the caller (BYE sent or received).
    """

    call_id: str
    did: str
    ani: str
    trunk: str
    seed: int
    version: str
    invited: Moment
    publisher: str | None = None
    campaign: str | None = None
    answered: Moment | None = None
    acknowledged: Moment | None = None
    menus: tuple[MenuVisit, ...] = ()
    digits: str = ""
    tags: Mapping[str, Scalar] = msgspec.field(default_factory=dict)
    wanted: str | None = None
    held: Moment | None = None
    attempts: tuple[Tried, ...] = ()
    heartbeat: Moment | None = None
    ended: Moment | None = None
    ended_by: EndedBy | None = None
    cause: Cause | None = None
    final_state: FinalState | None = None
    sip_code: int | None = None
