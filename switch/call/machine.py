"""PURE. The transition function of a call: `advance(call, event) -> Step`, total.

Every event has a row for every phase it can come in. Late but legal events (a 200 that crossed our CANCEL, an end that crossed our
hang-up, a prompt's end after the digit) change only what they affect. Dialling, ringing and talk are in `hunting`; the steps that
many rows share are in `steps`.
"""

from collections.abc import Callable
from typing import Any, assert_never

from msgspec.structs import replace

import ivr.step as menu
from ivr.menu import MenuPlan
from routing.expression import Scalar
from routing.ruling import Announce, Dial, EnterMenu, NotRouted, Voicemail, Wait
from switch.call import holding, hunting, recording, transfer, voicemail
from switch.call.cause import Cause
from switch.call.command import Command, Play, ReleaseCaps, StopPlay
from switch.call.event import (
    AnswerDurable,
    AnswerUnusable,
    CallerAcknowledged,
    DeadlinePassed,
    DigitHeard,
    Event,
    HangUpRequested,
    InviteArrived,
    LegAnswered,
    LegEnded,
    LegFailedOver,
    LegOfferedPlain,
    LegRang,
    LegRedirected,
    MediaFailed,
    MediaHeard,
    MediaLost,
    MediaQuiet,
    PromptEnded,
    RecordingFailed,
    RecordingPauseRequested,
    Ruled,
    Stopped,
    TransferAnswered,
    TransferFailed,
    TransferorLeft,
    TransferRequested,
    TurnCame,
)
from switch.call.moment import Moment
from switch.call.record import EndedBy
from switch.call.state import (
    CALLER,
    Announcing,
    AwaitingDurability,
    Bridged,
    Call,
    CallHistory,
    Ended,
    Greeting,
    Holding,
    Hunting,
    InMenu,
    LegMove,
    LegState,
    MenuVisit,
    Releasing,
    Routing,
    TakingMessage,
    Transferring,
    Whispering,
    move_leg,
)
from switch.call.steps import (
    CAUSE_OF_REASON,
    Step,
    announce,
    answer_caller,
    ask_routing,
    end_if_released,
    release,
    talk_end,
    update_attempt,
)


class IllegalEvent(Exception):
    """An event that no order of events explains. The engine ends that one call with a record."""


def begin(event: InviteArrived) -> Step:
    """A new call: routing is asked, unless there is an objection to it."""
    history = CallHistory(
        call_id=event.call_id,
        did=event.did,
        ani=event.ani,
        trunk=event.trunk,
        seed=event.seed,
        version=event.version,
        invited=event.at,
        tags=event.tags,
        sip_call_id=event.sip_call_id,
        publisher=event.publisher,
        campaign=event.campaign,
        probe=event.probe,
    )
    call = Call(history=history, phase=Routing(), legs=(LegState.INVITED,), expires=event.at.plus_ms(event.max_call_ms))
    if event.objection is not None:
        return release(call, event.at, by=EndedBy.SWITCH, cause=event.objection)
    return ask_routing(call, event.at)


def advance(call: Call, event: Event) -> Step:
    """Returns the call after `event`, and the commands to carry out. A call that has ended stays so; a leg of it that ends later still
    releases its caps. Raises IllegalEvent, changing nothing."""
    if isinstance(call.phase, Ended):
        if isinstance(event, LegEnded) and event.leg != CALLER:
            return Step(call, (ReleaseCaps(leg=event.leg),))
        return Step(call)
    step = recording.follow(call, _TRANSITIONS[type(event)](call, event), event)
    if isinstance(call.phase, Bridged) and not isinstance(step.call.phase, Bridged):
        return step.after(hunting.accrue_passed(call.phase, event.at))
    return step


# routing


def _on_ruled(call: Call, event: Ruled) -> Step:
    if not isinstance(call.phase, Routing):
        raise IllegalEvent(f"a ruling in {type(call.phase).__name__}")
    ruling = event.ruling
    history = replace(call.history, publisher=ruling.publisher, campaign=ruling.campaign)
    call = replace(call, history=history, trail=call.trail + ruling.trail, known=ruling.tags or call.known)
    call = recording.with_terms(call, event.recording)
    match ruling.choice:
        case EnterMenu(menu=name, tags=tags):
            if event.menu is None:
                raise IllegalEvent(f"menu {name} without its plan")
            return enter_menu(call, event.menu, tags=dict(tags), at=event.at)
        case Dial() as choice:
            return hunting.dial(call, choice, event)
        case Wait() as choice:
            return holding.hold(call, choice, event)
        case Announce(prompt=prompt, because=because):
            call, answer = answer_caller(call, event.at)
            return announce(call, prompt, cause=CAUSE_OF_REASON[because], at=event.at).after(answer)
        case Voicemail() as choice:
            return voicemail.greet(call, choice, event.at)
        case NotRouted(because=because):
            return release(call, event.at, by=EndedBy.SWITCH, cause=CAUSE_OF_REASON[because])
        case choice:
            assert_never(choice)


def _on_turn_came(call: Call, event: TurnCame) -> Step:
    match call.phase:
        case Holding():
            return ask_routing(call, event.at)
        case _:  # it is being connected already
            return Step(call)


# what is heard


def _on_digit(call: Call, event: DigitHeard) -> Step:
    match call.phase:
        case InMenu() as phase if event.leg == CALLER:
            call = replace(call, history=replace(call.history, digits=call.history.digits + event.digit))
            return on_menu_input(call, phase, menu.Digit(digit=event.digit), event.at)
        case Whispering() as phase:
            return hunting.on_key(call, phase, event)
        case TakingMessage() as phase if event.leg == CALLER and event.digit == voicemail.END_KEY:
            return voicemail.end_message(call, phase, event.at)
        case _:  # pressed outside a menu: during talk, or it came late
            return Step(call)


def _on_prompt_ended(call: Call, event: PromptEnded) -> Step:
    match call.phase:
        case InMenu(play=play) as phase if play == event.play:
            return on_menu_prompt_ended(call, phase, event.at)
        case Announcing(play=play, cause=cause) if play == event.play:
            return release(call, event.at, by=EndedBy.SWITCH, cause=cause)
        case Holding(play=play) as phase if play == event.play:
            return holding.on_prompt_ended(call, phase, event.at)
        case Whispering(play=play) as phase if play == event.play:
            return hunting.on_whisper_ended(call, phase, event.at)
        case Greeting(play=play) as phase if play == event.play:
            return voicemail.on_prompt_over(call, phase, event.at)
        case _:  # a newer prompt, a digit or a hang-up overtook it
            return Step(call)


# the legs


def _on_caller_acknowledged(call: Call, event: CallerAcknowledged) -> Step:
    return Step(replace(call, history=replace(call.history, acknowledged=call.history.acknowledged or event.at)))


def _on_leg_ended(call: Call, event: LegEnded) -> Step:
    if call.legs[event.leg] is LegState.ENDED:  # reported twice
        return Step(call)
    call = replace(call, legs=move_leg(call.legs, event.leg, LegMove.ENDS))
    if event.leg == CALLER:
        return _on_caller_ended(call, event)
    return _on_line_ended(call, event).after((ReleaseCaps(leg=event.leg),))


def _on_line_ended(call: Call, event: LegEnded) -> Step:
    if isinstance(call.phase, Whispering) and call.phase.leg == event.leg:  # the advertiser hung up during the whisper
        event = replace(event, cause=Cause.DECLINED)
    if isinstance(call.phase, Transferring) and call.phase.talk.leg == event.leg:
        event = transfer.as_line_ended(call.phase, event.at)
    history = update_attempt(
        call.history,
        event.leg,
        lambda tried: replace(
            tried,
            ended=event.at,
            cause=tried.cause or event.cause,
            sip_code=tried.sip_code or event.sip_code,
            q850=tried.q850 or event.q850,
        ),
    )
    call = replace(call, history=history)
    match call.phase:
        case Hunting() as phase:
            if all(ring.leg != event.leg for ring in phase.ringing):
                return Step(call)
            return hunting.drop_legs(call, phase, [event.leg], event.at)
        case AwaitingDurability(leg=leg) | Whispering(leg=leg) if leg == event.leg:  # ended before talk: the next line
            return ask_routing(call, event.at)
        case Bridged(leg=leg) as phase if leg == event.leg:
            return hunting.on_line_ended(call, phase, event)
        case Transferring(talk=Bridged(leg=leg)) as phase if leg == event.leg:
            return transfer.on_target_ended(call, phase, event)
        case Releasing():
            return end_if_released(call)
        case _:  # a line released earlier has ended
            return Step(call)


def _on_leg_answered(call: Call, event: LegAnswered) -> Step:
    match call.phase:
        case Transferring(talk=Bridged(leg=leg)) as phase if leg == event.leg:
            return transfer.on_target_answered(call, phase, event)
        case _:
            return hunting.on_leg_answered(call, event)


def _on_answer_unusable(call: Call, event: AnswerUnusable) -> Step:
    match call.phase:
        case Transferring(talk=Bridged(leg=leg)) as phase if leg == event.leg:
            return transfer.on_target_unusable(call, phase, event)
        case _:
            return hunting.on_answer_unusable(call, event)


def _on_caller_ended(call: Call, event: LegEnded) -> Step:
    if isinstance(call.phase, Releasing):
        return end_if_released(call)
    if call.history.sip_code is None:
        call = replace(call, history=replace(call.history, sip_code=event.sip_code))
    if event.by_peer and call.history.answered is not None:  # the caller's BYE confirms our 200, as the ACK would have
        call = replace(call, history=replace(call.history, acknowledged=call.history.acknowledged or event.at))
    return release(call, event.at, by=EndedBy.CALLER if event.by_peer else EndedBy.SWITCH, cause=event.cause)


# media, time, and the switch itself


def _on_media_lost(call: Call, event: MediaLost) -> Step:
    match call.phase:
        case Releasing():
            return Step(call)
        case Bridged(leg=leg) if event.leg not in {CALLER, leg}:
            return Step(call)
        case Bridged(leg=leg) as phase:
            start = call.history.attempts[leg - 1].talk or event.at
            heard = talk_end(phase, start if event.last is None else max(start, event.last))
            return release(call, event.at, by=EndedBy.MEDIA_TIMEOUT, cause=Cause.MEDIA_TIMEOUT, talk_ended=heard)
        case _ if event.leg != CALLER or call.history.answered is None:  # who is not answered need not send
            return Step(call)
        case _:  # no talk: the caller heard prompts until now
            return release(call, event.at, by=EndedBy.MEDIA_TIMEOUT, cause=Cause.MEDIA_TIMEOUT)


def _on_media_heard(call: Call, event: MediaHeard) -> Step:
    match call.phase:
        case Bridged(leg=leg) as phase if event.leg in {CALLER, leg}:
            return hunting.on_media_heard(call, phase, event)
        case _:  # early media, or the end of talk overtook it
            return Step(call)


def _on_media_quiet(call: Call, event: MediaQuiet) -> Step:
    match call.phase:
        case Bridged(leg=leg) as phase if event.leg in {CALLER, leg}:
            return hunting.on_media_quiet(call, phase, event)
        case _:
            return Step(call)


def _on_media_failed(call: Call, event: MediaFailed) -> Step:
    if isinstance(call.phase, Releasing):
        return Step(call)
    return release(call, event.at, by=EndedBy.SWITCH, cause=Cause.MEDIA_FAILED)


def _on_recording_failed(call: Call, event: RecordingFailed) -> Step:
    """`recording.follow` does the rest."""
    match call.phase:
        case TakingMessage() as phase:
            return voicemail.on_recording_failed(call, phase, event)
        case _:
            return Step(call)


def _on_pause_requested(call: Call, event: RecordingPauseRequested) -> Step:
    """`recording.follow` does all there is to do."""
    del event
    return Step(call)


def _on_hang_up_requested(call: Call, event: HangUpRequested) -> Step:
    if isinstance(call.phase, Releasing):
        return Step(call)
    return release(call, event.at, by=EndedBy.SWITCH, cause=Cause.OPERATOR_HUNG_UP)


def _on_stopped(call: Call, event: Stopped) -> Step:
    if isinstance(call.phase, Releasing):
        return Step(call)
    return release(call, event.at, by=EndedBy.SWITCH, cause=event.cause)


def _on_deadline(call: Call, event: DeadlinePassed) -> Step:
    deadline = call.deadline
    if deadline is None or event.at.mono_ns < deadline.mono_ns:  # it has moved since
        return Step(call)
    if event.at.mono_ns >= call.expires.mono_ns and not isinstance(call.phase, Releasing):
        return release(call, event.at, by=EndedBy.SWITCH, cause=Cause.MAX_CALL)
    if transfer.is_over(call.phase, event.at):
        return transfer.on_timeout(call, event.at)
    match call.phase:
        case InMenu() as phase:
            return on_menu_input(call, phase, menu.InputTimeout(), event.at)
        case Announcing() | Greeting() | TakingMessage() as phase:
            return voicemail.on_deadline(call, phase, event.at)
        case Holding():
            return ask_routing(call, event.at)
        case Hunting() as phase:
            return hunting.on_ring_timeout(call, phase, event.at)
        case AwaitingDurability():
            return release(call, event.at, by=EndedBy.SWITCH, cause=Cause.LEDGER_UNAVAILABLE)
        case Whispering() as phase:
            return hunting.on_whisper_timeout(call, phase, event.at)
        case Bridged() as phase:
            return hunting.on_heartbeat(call, phase, event)
        case Releasing():
            return end_if_released(replace(call, legs=(LegState.ENDED,) * len(call.legs)))
        case phase:
            raise IllegalEvent(f"a deadline in {type(phase).__name__}")


def _on_second_invite(call: Call, event: InviteArrived) -> Step:
    raise IllegalEvent(f"a second INVITE for {call.history.call_id} at {event.at.mono_ns}")


_TRANSITIONS: dict[type[Any], Callable[[Call, Any], Step]] = {
    InviteArrived: _on_second_invite,
    Ruled: _on_ruled,
    TurnCame: _on_turn_came,
    LegRang: hunting.on_leg_rang,
    LegFailedOver: hunting.on_leg_failed_over,
    LegOfferedPlain: hunting.on_leg_offered_plain,
    LegRedirected: hunting.on_leg_redirected,
    LegAnswered: _on_leg_answered,
    AnswerUnusable: _on_answer_unusable,
    AnswerDurable: hunting.on_answer_durable,
    CallerAcknowledged: _on_caller_acknowledged,
    LegEnded: _on_leg_ended,
    DigitHeard: _on_digit,
    PromptEnded: _on_prompt_ended,
    TransferRequested: transfer.on_requested,
    TransferAnswered: transfer.on_answered,
    TransferFailed: transfer.on_failed,
    TransferorLeft: transfer.on_transferor_left,
    MediaHeard: _on_media_heard,
    MediaQuiet: _on_media_quiet,
    MediaLost: _on_media_lost,
    MediaFailed: _on_media_failed,
    RecordingFailed: _on_recording_failed,
    RecordingPauseRequested: _on_pause_requested,
    DeadlinePassed: _on_deadline,
    HangUpRequested: _on_hang_up_requested,
    Stopped: _on_stopped,
}


def enter_menu(call: Call, plan: MenuPlan, *, tags: dict[str, Scalar], at: Moment) -> Step:
    """The caller, answered now, hears the first prompt."""
    call, answer = answer_caller(call, at)
    call = replace(call, history=replace(call.history, menus=(*call.history.menus, MenuVisit(entered=at))))
    turn = menu.start(plan, menu.MenuContext(utc_us=at.utc_us, tags=tags))
    phase = InMenu(plan=plan, session=turn.session, tags=tags, play=None, queue=(), deadline=None)
    return _apply_turn(call, phase, turn, at).after(answer)


def on_menu_input(call: Call, phase: InMenu, what: menu.MenuInput, at: Moment) -> Step:
    """Input to the menu: a digit, the end of the last prompt, or a timeout."""
    context = menu.MenuContext(utc_us=at.utc_us, tags=phase.tags)
    return _apply_turn(call, phase, menu.step(phase.plan, phase.session, what, context), at)


def on_menu_prompt_ended(call: Call, phase: InMenu, at: Moment) -> Step:
    """The prompt that plays has ended: the next one, or the menu's turn."""
    if phase.queue:
        return _play(call, phase, phase.queue)
    return on_menu_input(call, replace(phase, play=None), menu.PromptDone(), at)


def _apply_turn(call: Call, phase: InMenu, turn: menu.Turn, at: Moment) -> Step:
    """Carries out `turn`: the next prompt, the next wait for a digit, or the exit from the menu."""
    stop_play: tuple[Command, ...] = (StopPlay(leg=CALLER),) if turn.stop_play else ()
    match turn.outcome:
        case menu.RouteCaller(tags=tags, line=line):
            call = _leave_menu(call, at, qualified=True)
            history = replace(call.history, tags={**call.history.tags, **tags}, wanted=line)
            return ask_routing(replace(call, history=history), at).after(stop_play)
        case menu.ExitMenu(reason=reason, prompt=prompt):
            call = _leave_menu(call, at, qualified=False)
            cause = Cause.MENU_ENDED if reason is menu.ExitReason.HANGUP else Cause.MENU_FAILED
            if prompt is not None:
                return announce(call, prompt, cause=cause, at=at).after(stop_play)
            return release(call, at, by=EndedBy.SWITCH, cause=cause).after(stop_play)
        case None:
            deadline = phase.deadline if turn.wait_ms is None else at.plus_ms(turn.wait_ms)
            play = None if turn.stop_play else phase.play
            phase = replace(phase, session=turn.session, play=play, deadline=deadline)
            return _play(replace(call, phase=phase), phase, turn.say).after(stop_play)
        case outcome:
            assert_never(outcome)


def _play(call: Call, phase: InMenu, prompts: tuple[str, ...]) -> Step:
    """Plays the first of `prompts` and queues the rest; none: nothing changes."""
    if not prompts:
        return Step(call)
    play = call.plays + 1
    phase = replace(phase, play=play, queue=prompts[1:], deadline=None)
    return Step(replace(call, phase=phase, plays=play), (Play(leg=CALLER, play=play, prompt=prompts[0]),))


def _leave_menu(call: Call, at: Moment, *, qualified: bool) -> Call:
    *earlier, visit = call.history.menus
    return replace(call, history=replace(call.history, menus=(*earlier, replace(visit, left=at, qualified=qualified))))
