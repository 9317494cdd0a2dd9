"""Knows what is true of a call so far: who, when, which lines, how it ended. The journal keeps it whole after every event.

Only facts, no phase: from a story alone a record can be built, also after a crash. Plain data, so that it can be read back.
"""

from collections.abc import Mapping

import msgspec

from switch.call.cause import Cause
from switch.call.moment import Moment
from switch.call.record import EndedBy, FinalState


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at a line, `number` from 1: also its leg's number. `answered`: its 200, unless it came after we hung up.

    `talk_ended`: the first of both ends, or what the media rule says. `cause`: why it did not take the call, or how it ended.
    """

    number: int
    line: str
    advertiser: str
    campaign: str
    timer_offset_ms: int
    invited: Moment
    rang: Moment | None = None
    answered: Moment | None = None
    bridged: Moment | None = None
    talk_ended: Moment | None = None
    ended: Moment | None = None
    cause: Cause | None = None
    sip_code: int | None = None
    q850: int | None = None


class MenuVisit(msgspec.Struct, frozen=True, kw_only=True):
    entered: Moment
    left: Moment | None = None


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """`heartbeat`: the last moment the bridge was known to stand. `ended`: when the call ended for the caller (BYE sent or received)."""

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
    tags: Mapping[str, str] = msgspec.field(default_factory=dict)
    attempts: tuple[Tried, ...] = ()
    heartbeat: Moment | None = None
    ended: Moment | None = None
    ended_by: EndedBy | None = None
    cause: Cause | None = None
    final_state: FinalState | None = None
    sip_code: int | None = None
