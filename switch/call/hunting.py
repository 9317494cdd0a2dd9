"""PURE. Transitions from dialling a line to the end of talk: ring, answer, durability, whisper, bridge, heartbeat, recovery.

The first line to answer gets the call; the others are cancelled. Its answer is made durable; then the advertiser hears the whisper and
may have to press a key, while the caller still hears ringback. After an advertiser declines, the next line is tried.
"""

from msgspec.structs import replace

from routing.ruling import Attempt, Dial
from switch.call import command as do
from switch.call.cause import Cause
from switch.call.command import AccrueRevenue, Bridge, Command, Unbridge
from switch.call.event import (
    AnswerDurable,
    AnswerUnusable,
    DeadlinePassed,
    DigitHeard,
    LegAnswered,
    LegEnded,
    LegFailedOver,
    LegOfferedPlain,
    LegRang,
    LegRedirected,
    MediaHeard,
    MediaQuiet,
    Ruled,
)
from switch.call.moment import Moment
from switch.call.record import EndedBy
from switch.call.state import (
    CALLER,
    AttemptState,
    AwaitingDurability,
    Bridged,
    Call,
    DialTerms,
    Hunting,
    LegMove,
    LegState,
    Phase,
    RingingLeg,
    Whispering,
    move_leg,
)
from switch.call.steps import LATE_ANSWER_CAUSE, Step, answer_caller, ask_routing, release, talk_end, update_attempt

RINGING, FORWARDED, EARLY_MEDIA = 180, 181, 183
PASSED_ON = frozenset({FORWARDED, 182})
"""Provisional statuses of a line that the caller is told as they are; any other is told as 180."""
_UNANSWERED = frozenset({LegState.INVITED, LegState.RINGING})

DURABLE_MS = 5_000
WHISPER_MS = 30_000
"""A longer whisper is cut off: the caller waits."""


def dial(call: Call, choice: Dial, event: Ruled) -> Step:
    """Dials every line of the ruling. A caller that can hear us hears ringback; one that is not answered is told when a line rings, and
    that the call is forwarded when it was with other lines before."""
    commands: list[do.Command] = []
    if call.history.answered is not None or call.legs[CALLER] is LegState.EARLY:
        commands.append(do.PlayRingback())
    if call.history.answered is None and call.history.attempts:
        commands.append(do.Progress(status=FORWARDED))
    ringing: list[RingingLeg] = []
    for attempt, thresholds_ms in zip(choice.attempts, event.thresholds_ms, strict=True):
        leg = len(call.legs)
        new = _new_attempt(leg, attempt, call_id=call.history.call_id, at=event.at)
        history = replace(call.history, attempts=(*call.history.attempts, new))
        call = replace(call, history=history, legs=(*call.legs, LegState.INVITED))
        terms = DialTerms(
            accept=attempt.accept,
            thresholds_ms=thresholds_ms,
            total_thresholds_ms=event.total_thresholds_ms,
            recover_ms=attempt.recover_ms,
            ring_ms=attempt.ring_ms,
            heard_both=event.heard_both,
        )
        ring = RingingLeg(
            leg=leg,
            silent_until=event.at.plus_ms(attempt.silence_ms),
            ring_until=event.at.plus_ms(attempt.ring_ms),
            silence_ms=attempt.silence_ms,
            terms=terms,
        )
        ringing.append(ring)
        commands.append(do.Dial(leg=leg, attempt=attempt))
    return Step(replace(call, phase=Hunting(ringing=tuple(ringing), early_media=choice.early_media)), tuple(commands))


def on_leg_rang(call: Call, event: LegRang) -> Step:
    """A provisional answer of a line. The caller is told of the first of each kind."""
    state = call.legs[event.leg]
    if state not in _UNANSWERED:  # more has happened since
        return Step(call)
    if state is LegState.INVITED:
        history = update_attempt(call.history, event.leg, lambda t: replace(t, rang=t.rang or event.at))
        call = replace(call, history=history, legs=move_leg(call.legs, event.leg, LegMove.RINGS))
    phase = call.phase
    if not isinstance(phase, Hunting):  # the leg was released in the meantime
        return Step(call)
    ring = next((ring for ring in phase.ringing if ring.leg == event.leg), None)
    if ring is None:
        return Step(call)
    status, commands = _tell_caller(call, phase, event)
    told = replace(ring, silent_until=None, told=status or ring.told)
    if told == ring:
        return Step(call)
    ringing = tuple(told if each is ring else each for each in phase.ringing)
    heard = event.leg if status == EARLY_MEDIA else phase.heard
    move = LegMove.HEARS_EARLY_MEDIA if status == EARLY_MEDIA else LegMove.RINGS
    legs = move_leg(call.legs, CALLER, move) if commands else call.legs
    return Step(replace(call, legs=legs, phase=replace(phase, ringing=ringing, heard=heard)), commands)


def _tell_caller(call: Call, phase: Hunting, event: LegRang) -> tuple[int | None, tuple[Command, ...]]:
    """Returns what the caller is told of a line's provisional answer, and how. A caller that is answered hears ringback already, and so
    does one that can hear us in another way; one that hears this line's early media needs to be told nothing."""
    told = next(ring.told for ring in phase.ringing if ring.leg == event.leg)
    early = call.legs[CALLER] is LegState.EARLY
    if call.history.answered is not None or told == EARLY_MEDIA:
        return None, ()
    if event.early_media and phase.early_media:
        start = () if early else (do.StartEarlyMedia(),)
        return EARLY_MEDIA, (*start, do.BridgeEarly(leg=event.leg))
    status = event.status if event.status in PASSED_ON else RINGING
    return (None, ()) if early or told == status else (status, (do.Progress(status=status),))


def on_leg_failed_over(call: Call, event: LegFailedOver) -> Step:
    """The same attempt, at another address of the line, which may be silent for as long again. The ring time goes on."""
    if call.legs[event.leg] is LegState.ENDED:
        return Step(call)
    history = update_attempt(call.history, event.leg, lambda t: replace(t, target=event.target))
    call = replace(call, history=history)
    if not isinstance(call.phase, Hunting):
        return Step(call)
    ringing = tuple(
        replace(ring, silent_until=event.at.plus_ms(ring.silence_ms)) if ring.leg == event.leg and ring.silent_until else ring
        for ring in call.phase.ringing
    )
    return Step(replace(call, phase=replace(call.phase, ringing=ringing)))


def on_leg_offered_plain(call: Call, event: LegOfferedPlain) -> Step:
    """The same attempt, in plain: its time limits go on."""
    if call.legs[event.leg] is LegState.ENDED:
        return Step(call)
    return Step(replace(call, history=update_attempt(call.history, event.leg, lambda t: replace(t, is_plain=True))))


def on_leg_redirected(call: Call, event: LegRedirected) -> Step:
    """The same attempt, elsewhere: its time limits go on."""
    if call.legs[event.leg] is LegState.ENDED:
        return Step(call)
    history = update_attempt(call.history, event.leg, lambda t: replace(t, redirected_to=event.uri))
    return Step(replace(call, history=history))


def on_leg_answered(call: Call, event: LegAnswered) -> Step:
    """A line's 200. The first one wins."""
    before = call.legs[event.leg]
    call = replace(call, legs=move_leg(call.legs, event.leg, LegMove.ANSWERS))
    ringing = call.phase.ringing if isinstance(call.phase, Hunting) else ()
    won = next((ring for ring in ringing if ring.leg == event.leg), None)
    if won is not None:
        history = update_attempt(call.history, event.leg, lambda t: replace(t, answered=event.at, sip_code=200))
        silence = _end_early_media(call, call.phase, is_whispered=won.terms.accept is not None)
        call, cancels = _cancel_others(replace(call, history=history), but=event.leg)
        securing = AwaitingDurability(leg=event.leg, terms=won.terms, deadline=event.at.plus_ms(DURABLE_MS))
        return Step(replace(call, phase=securing), (*silence, *cancels, do.MakeDurable(leg=event.leg)))
    if before is LegState.LEAVING:  # the 200 crossed our CANCEL: hang up again, with a BYE (RFC 3261 §9.1, §15)
        return Step(call, (do.HangUp(leg=event.leg, cause=LATE_ANSWER_CAUSE),))
    return Step(call)  # reported twice, or after its end


def on_answer_unusable(call: Call, event: AnswerUnusable) -> Step:
    """A line's 200 without usable media: the line is hung up, and hunting continues at once."""
    if call.legs[event.leg] in {LegState.LEAVING, LegState.ENDED}:
        return on_leg_answered(call, LegAnswered(at=event.at, leg=event.leg))
    history = update_attempt(call.history, event.leg, lambda t: replace(t, sip_code=200))
    call, hang_up = hang_up_line(replace(call, history=history), event.leg, cause=Cause.LINE_FAILED)
    match call.phase:
        case Hunting() as phase:
            return drop_legs(call, phase, [event.leg], event.at).after(hang_up)
        case _:
            return Step(call, hang_up)


def on_answer_durable(call: Call, event: AnswerDurable) -> Step:
    """The answer is on disk: the whisper or talk begins."""
    match call.phase:
        case AwaitingDurability(leg=leg, terms=DialTerms(accept=None) as terms) if leg == event.leg:
            return bridge(call, leg, terms, talk=call.history.attempts[leg - 1].answered or event.at, at=event.at)
        case AwaitingDurability(leg=leg, terms=DialTerms(accept=accept) as terms) if leg == event.leg and accept is not None:
            play = call.plays + 1
            answered_at = call.history.attempts[leg - 1].answered or event.at
            deadline = event.at.plus_ms(WHISPER_MS) if accept.key is None else answered_at.plus_ms(accept.wait_ms)
            phase = Whispering(leg=leg, terms=terms, accept=accept, play=play, deadline=deadline)
            return Step(replace(call, phase=phase, plays=play), (do.Play(leg=leg, play=play, prompt=accept.prompt),))
        case _:  # one of the two hung up while it was written
            return Step(call)


def on_key(call: Call, phase: Whispering, event: DigitHeard) -> Step:
    """The advertiser pressed a key during the whisper."""
    if event.leg != phase.leg or phase.accept.key is None:
        return Step(call)
    if event.digit != phase.accept.key:
        return decline(call, phase, event.at)
    history = update_attempt(call.history, phase.leg, lambda t: replace(t, accepted=event.at))
    return bridge(replace(call, history=history), phase.leg, phase.terms, talk=event.at, at=event.at)


def on_whisper_ended(call: Call, phase: Whispering, at: Moment) -> Step:
    """The whisper has ended. Where a key is required, the wait for it goes on."""
    if phase.accept.key is not None:
        return Step(call)
    return bridge(call, phase.leg, phase.terms, talk=at, at=at)


def on_whisper_timeout(call: Call, phase: Whispering, at: Moment) -> Step:
    return decline(call, phase, at) if phase.accept.key is not None else on_whisper_ended(call, phase, at)


def decline(call: Call, phase: Whispering, at: Moment) -> Step:
    """The advertiser does not take the call: the next line is tried."""
    call, commands = hang_up_line(call, phase.leg, cause=Cause.DECLINED)
    return ask_routing(call, at).after(commands)


def on_ring_timeout(call: Call, phase: Hunting, at: Moment) -> Step:
    """Lines that rang for too long, or never rang, are hung up; when none is left, the next one is tried."""
    late = [ring for ring in phase.ringing if at.mono_ns >= ring.deadline.mono_ns]
    commands: list[do.Command] = []
    for ring in late:
        silent = ring.silent_until is not None and at.mono_ns >= ring.silent_until.mono_ns
        call, hang_up = hang_up_line(call, ring.leg, cause=Cause.SILENT if silent else Cause.NO_ANSWER)
        commands.extend(hang_up)
    return drop_legs(call, phase, [ring.leg for ring in late], at).after(tuple(commands))


def drop_legs(call: Call, phase: Hunting, legs: list[int], at: Moment) -> Step:
    """These legs ring no longer. A caller that heard one of them hears ringback."""
    ringing = tuple(ring for ring in phase.ringing if ring.leg not in legs)
    silence: tuple[Command, ...] = (Unbridge(), do.PlayRingback()) if phase.heard in legs else ()
    heard = None if silence else phase.heard
    step = Step(replace(call, phase=replace(phase, ringing=ringing, heard=heard))) if ringing else ask_routing(call, at)
    return step.after(silence)


def _end_early_media(call: Call, phase: Phase, *, is_whispered: bool) -> tuple[Command, ...]:
    """A line has answered: nobody hears anybody until the answer is durable and the advertiser takes the call. The caller, who can hear us,
    has ringback during a whisper."""
    if call.legs[CALLER] is not LegState.EARLY:
        return ()
    cut: tuple[Command, ...] = (Unbridge(),) if isinstance(phase, Hunting) and phase.heard is not None else ()
    return (*cut, do.PlayRingback()) if is_whispered else cut


def _cancel_others(call: Call, *, but: int) -> tuple[Call, list[do.Command]]:
    """Hangs up every line that still rings, since `but` answered."""
    commands: list[do.Command] = []
    if isinstance(call.phase, Hunting):
        for ring in call.phase.ringing:
            if ring.leg != but:
                call, hang_up = hang_up_line(call, ring.leg, cause=Cause.LOST_RACE)
                commands.extend(hang_up)
    return call, commands


def hang_up_line(call: Call, leg: int, *, cause: Cause) -> tuple[Call, tuple[do.Command, ...]]:
    """Hangs up this line; the call goes on without waiting for the end of its leg."""
    history = update_attempt(call.history, leg, lambda t: replace(t, cause=t.cause or cause))
    call = replace(call, history=history, legs=move_leg(call.legs, leg, LegMove.IS_TOLD_TO_END))
    return call, (do.HangUp(leg=leg, cause=cause), do.ReleaseCallCaps(leg=leg))


def _new_attempt(leg: int, attempt: Attempt, *, call_id: str, at: Moment) -> AttemptState:
    """The attempt on leg number `leg`. The Call-ID of its INVITE (RFC 3261 §25.1: a `word`) is chosen here, so that the journal has it
    before anything is sent. `call_id` is random, and so the Call-ID is unique, as §8.1.1.4 requires."""
    return AttemptState(
        number=leg,
        line=attempt.line,
        advertiser=attempt.advertiser,
        campaign=attempt.campaign,
        timer_offset_ms=attempt.timer_offset_ms,
        invited=at,
        priority=attempt.priority,
        repeat=attempt.repeat,
        needs_key=attempt.accept is not None and attempt.accept.key is not None,
        sip_call_id=f"{call_id}-{leg}",
    )


HEARTBEAT_MS = 5_000
MAX_RECOVERIES = 5


def bridge(call: Call, leg: int, terms: DialTerms, *, talk: Moment, at: Moment) -> Step:
    """Bridges caller and line. `talk`: when talk began for the line, as money counts it (`docs/billing.md` §2). A caller answered only now
    talks from now on: the time the disk took before the caller's 200 is not talk."""
    talk = max(talk, call.history.answered or at)
    history = update_attempt(call.history, leg, lambda t: replace(t, bridged=at, talk=talk))
    offset_ms = history.attempts[leg - 1].timer_offset_ms
    caller_answered = history.answered or at
    of_talk = (talk.plus_ms(offset_ms + threshold_ms) for threshold_ms in terms.thresholds_ms)
    of_call = (caller_answered.plus_ms(threshold_ms) for threshold_ms in terms.total_thresholds_ms)
    bridged = Bridged(
        leg=leg,
        thresholds=tuple(sorted(threshold for threshold in (*of_talk, *of_call) if threshold > at)),
        heartbeat=talk.plus_ms(HEARTBEAT_MS),
        recover_until=talk.plus_ms(terms.recover_ms) if terms.recover_ms else None,
        ring_ms=terms.ring_ms,
        heard_both=terms.heard_both,
    )
    call, answer = answer_caller(replace(call, history=replace(history, held=None), phase=bridged), at)
    return Step(call, (*answer, Bridge(leg=leg)))


def on_media_heard(call: Call, phase: Bridged, event: MediaHeard) -> Step:
    """A side is heard by the other. Where money waits for both to be, it may be owed now."""
    tried = call.history.attempts[phase.leg - 1]
    if tried.bridged is not None and event.at < tried.bridged:  # early media, told late
        return Step(call)
    names = ("caller_heard", "line_heard") if event.both else ("caller_heard" if event.leg == CALLER else "line_heard",)
    tried = replace(tried, **{name: getattr(tried, name) or event.at for name in names})
    both = tried.caller_heard is not None and tried.line_heard is not None  # not always of one bridge: the line may transfer
    history = update_attempt(call.history, phase.leg, lambda _: tried)
    due = (AccrueRevenue(leg=phase.leg),) if both and phase.heard_both else ()
    phase = replace(phase, quiet_since=None, heard_both=phase.heard_both and not both)
    return Step(replace(call, history=history, phase=phase), due)


def on_media_quiet(call: Call, phase: Bridged, event: MediaQuiet) -> Step:
    """Nobody is heard: should the call end now, talk ended before (the media rule, `docs/billing.md` §3)."""
    start = call.history.attempts[phase.leg - 1].bridged or event.at
    since = phase.quiet_since or max(start, event.since)  # a transfer to somebody as quiet changes nothing
    return Step(replace(call, phase=replace(phase, quiet_since=since)))


def on_line_ended(call: Call, phase: Bridged, event: LegEnded, *, left: Moment | None = None) -> Step:
    """The line's leg has ended. When the line hung up within the recovery time, the next one is tried. `left`: when it hung up, where
    that is earlier: it left a transfer that has failed."""
    left = left or event.at
    recovered = sum(tried.talk_ended is not None for tried in call.history.attempts)
    soon = phase.recover_until is not None and left.mono_ns < phase.recover_until.mono_ns
    if not (soon and event.by_peer and recovered < MAX_RECOVERIES):
        return release(call, event.at, by=EndedBy.LINE if event.by_peer else EndedBy.SWITCH, cause=event.cause)
    history = update_attempt(call.history, phase.leg, lambda t: replace(t, talk_ended=talk_end(phase, left), ended_by=EndedBy.LINE))
    return ask_routing(replace(call, history=history), event.at).after((Unbridge(),))


def accrue_passed(phase: Bridged, at: Moment) -> tuple[Command, ...]:
    """Talk has ended at `at`, whoever ended it. Revenue of a threshold that has passed by then is accrued before any cap is released,
    so that no cap of conversions or revenue misses it in between."""
    return (AccrueRevenue(leg=phase.leg),) if any(each <= at for each in (*phase.unproven, *phase.thresholds)) else ()


def on_heartbeat(call: Call, phase: Bridged, event: DeadlinePassed) -> Step:
    """The bridge still stands. The journal keeps the moment, so that a crash now loses no talk before it.

    A side that sends no audio may have hung up already: then talk counts up to its last packet only (the media rule), and a threshold
    that has passed since is looked at again with each heartbeat.
    """
    at = event.at
    start = call.history.attempts[phase.leg - 1].bridged or at
    known = talk_end(phase, at if event.silent_since is None else min(at, max(start, event.silent_since)))
    thresholds = tuple(each for each in phase.thresholds if at.mono_ns < each.mono_ns)
    passed = (*phase.unproven, *phase.thresholds[: len(phase.thresholds) - len(thresholds)])
    unproven = tuple(each for each in passed if known.mono_ns < each.mono_ns)
    due: tuple[Command, ...] = (AccrueRevenue(leg=phase.leg),) if len(unproven) < len(passed) else ()
    heartbeat = phase.heartbeat if at.mono_ns < phase.heartbeat.mono_ns else at.plus_ms(HEARTBEAT_MS)
    bridged = replace(phase, thresholds=thresholds, unproven=unproven, heartbeat=heartbeat)
    return Step(replace(call, history=replace(call.history, heartbeat=known), phase=bridged), due)
