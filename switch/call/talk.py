"""Knows what holds while caller and advertiser talk: heartbeats, the moments at which money is owed, and recovery of a dropped line."""

from msgspec.structs import replace

from switch.call.asking import answered, ask, retold
from switch.call.command import Appraise, Bridge, Command, Unbridge
from switch.call.event import DeadlinePassed, LegEnded
from switch.call.moment import Moment
from switch.call.phase import Bridged, Call, Offer
from switch.call.record import EndedBy
from switch.call.release import Step, let_go

HEARTBEAT_MS = 5_000
MAX_RECOVERIES = 5


def bridge(call: Call, leg: int, offer: Offer, *, talk: Moment, at: Moment) -> Step:
    """The two speak. `talk`: when that began, as money counts it (`billing.md` §1)."""
    story = retold(call.story, leg, lambda t: replace(t, bridged=at, talk=talk))
    offset_ms = story.attempts[leg - 1].timer_offset_ms
    caller_answered = story.answered or at
    of_talk = (talk.plus_ms(offset_ms + mark_ms) for mark_ms in offer.marks_ms)
    of_call = (caller_answered.plus_ms(mark_ms) for mark_ms in offer.total_marks_ms)
    bridged = Bridged(
        leg=leg,
        marks=tuple(sorted(mark for mark in (*of_talk, *of_call) if mark > at)),
        beat=talk.plus_ms(HEARTBEAT_MS),
        recover=talk.plus_ms(offer.recover_ms) if offer.recover_ms else None,
    )
    call, answer = answered(replace(call, story=replace(story, held=None), phase=bridged), at)
    return Step(call, (*answer, Bridge(leg=leg)))


def line_ended(call: Call, phase: Bridged, event: LegEnded) -> Step:
    """The line is gone. When it hung up so soon that the caller was hardly served, the next one is tried."""
    recovered = sum(tried.talk_ended is not None for tried in call.story.attempts)
    soon = phase.recover is not None and event.at.mono_ns < phase.recover.mono_ns
    if not (soon and event.by_peer and recovered < MAX_RECOVERIES):
        return let_go(call, event.at, by=EndedBy.LINE if event.by_peer else EndedBy.SWITCH, cause=event.cause)
    story = retold(call.story, phase.leg, lambda t: replace(t, talk_ended=event.at, ended_by=EndedBy.LINE))
    return ask(replace(call, story=story), event.at).after((Unbridge(),))


def heartbeat(call: Call, phase: Bridged, event: DeadlinePassed) -> Step:
    """The bridge still stands. The journal keeps the moment, and so keeps what it is worth should we die now.

    A side that has fallen silent may be dead already: then talk is known up to its last packet only, as the media rule has it.
    """
    at = event.at
    start = call.story.attempts[phase.leg - 1].bridged or at
    known = at if event.silent_since is None else min(at, max(start, event.silent_since))
    marks = tuple(mark for mark in phase.marks if at.mono_ns < mark.mono_ns)
    due: tuple[Command, ...] = (Appraise(leg=phase.leg),) if len(marks) < len(phase.marks) else ()
    beat = phase.beat if at.mono_ns < phase.beat.mono_ns else at.plus_ms(HEARTBEAT_MS)
    call = replace(call, story=replace(call.story, heartbeat=known), phase=replace(phase, marks=marks, beat=beat))
    return Step(call, due)
