"""Knows how a call record is written from a story, also from one that a crash cut off. Does not judge and does not store."""

from collections.abc import Mapping

from msgspec.structs import replace

from switch.call.cause import TREATMENT, Cause
from switch.call.moment import Moment, ms_between
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Outcome
from switch.call.story import Story, Tried


def write(story: Story, trail: tuple[Mapping[str, object], ...] = ()) -> CallRecord:
    """The record of a call that has ended (`billing.md` §1). Durations are monotonic milliseconds, nothing rounded before that."""
    if story.ended is None or story.ended_by is None or story.cause is None or story.final_state is None:
        raise ValueError(f"call {story.call_id} has not ended")
    heard = story.acknowledged is not None  # who never acknowledged our 200 may never have heard anybody: he did not talk
    attempts = tuple(_attempt(tried, heard=heard) for tried in story.attempts)
    return CallRecord(
        call_id=story.call_id,
        did=story.did,
        ani=story.ani,
        trunk=story.trunk,
        publisher=story.publisher,
        campaign=story.campaign,
        final_state=story.final_state,
        invited_us=story.invited.utc_us,
        answered_us=_us(story.answered),
        ended_us=story.ended.utc_us,
        ended_by=story.ended_by,
        ended_detail=story.cause.value,
        sip_code=story.sip_code,
        total_ms=0 if story.answered is None else ms_between(story.answered, story.ended),
        menu_ms=sum(ms_between(visit.entered, visit.left or story.ended) for visit in story.menus),
        connected_ms=sum(attempt.connected_ms for attempt in attempts),
        duration_source=DurationSource.MONOTONIC,
        attempts=attempts,
        digits=story.digits,
        tags=dict(story.tags),
        config=story.version,
        seed=story.seed,
        trail=trail,
    )


def crashed(story: Story, last: Moment) -> Story:
    """`story` closed after a crash: talk ends at its last heartbeat, never later. `last`: the last moment the journal knows of.

    A story that had ended already is returned as it is: only its legs were still winding down.
    """
    if story.ended is not None:
        return story
    attempts = tuple(_cut_off(tried, story.heartbeat) for tried in story.attempts)
    talks = [tried.talk_ended for tried in attempts if tried.talk_ended is not None]
    return replace(
        story,
        attempts=attempts,
        ended=max(talks, default=last),
        ended_by=EndedBy.CRASH,
        cause=Cause.CRASHED,
        final_state=FinalState.CRASHED,
    )


def _cut_off(tried: Tried, heartbeat: Moment | None) -> Tried:
    cause = tried.cause or Cause.CRASHED
    if tried.bridged is None or tried.talk_ended is not None:
        return replace(tried, cause=cause)
    return replace(tried, cause=cause, talk_ended=tried.bridged if heartbeat is None else max(tried.bridged, heartbeat))


def _attempt(tried: Tried, *, heard: bool) -> AttemptRecord:
    answered = tried.answered
    return AttemptRecord(
        number=tried.number,
        line=tried.line,
        advertiser=tried.advertiser,
        campaign=tried.campaign,
        outcome=Outcome.ANSWERED if answered is not None else TREATMENT[tried.cause or Cause.BROKEN].outcome,
        sip_code=tried.sip_code,
        q850=tried.q850,
        invited_us=tried.invited.utc_us,
        answered_us=_us(answered),
        ended_us=_us(tried.ended or tried.talk_ended),
        ring_ms=None if answered is None else ms_between(tried.invited, answered),
        connected_ms=_connected_ms(tried) if heard else 0,
    )


def _connected_ms(tried: Tried) -> int:
    """Talk starts when the line answered, less what the line's owner does not count; who was never bridged never talked."""
    if tried.answered is None or tried.talk_ended is None:
        return 0
    return max(0, ms_between(tried.answered, tried.talk_ended) - tried.timer_offset_ms)


def _us(moment: Moment | None) -> int | None:
    return None if moment is None else moment.utc_us
