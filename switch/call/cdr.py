"""Builds the call record from a history, also from one that a crash cut off, and writes a call's events and commands as its record and
people read them. It neither judges nor stores a record."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import asdict, replace

from routing.expression import Scalar
from routing.ruling import Announce, Choice, Dial, EnterMenu, NotRouted, Voicemail, Wait
from switch.call import command as do
from switch.call import event as ev
from switch.call.cause import TREATMENT, Cause
from switch.call.moment import Moment, ms_between
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Heard, Outcome
from switch.call.recording_terms import RecordingKind
from switch.call.state import AttemptState, CallHistory

NOTHING_KNOWN: Mapping[str, Scalar] = MappingProxyType({})


def build_record(
    history: CallHistory, trail: tuple[Mapping[str, object], ...] = (), known: Mapping[str, Scalar] = NOTHING_KNOWN
) -> CallRecord:
    """The record of a call that has ended (`docs/billing.md` §2). Durations are monotonic milliseconds, nothing rounded before that.

    `known`: the tags that filters could read, as of the last ruling; what a menu collected since then is added.
    """
    if history.ended is None or history.ended_by is None or history.cause is None or history.final_state is None:
        raise ValueError(f"call {history.call_id} has not ended")
    # the wall clock may have been set back meanwhile: no call is answered before its INVITE, or ends before it was answered
    answered_us = None if history.answered is None else max(history.invited.utc_us, history.answered.utc_us)
    ended_us = max(history.ended.utc_us, history.invited.utc_us if answered_us is None else answered_us)
    acknowledged = history.acknowledged is not None  # a caller that never sent ACK to our 200 may have heard nothing: no talk
    attempts = tuple(_attempt_record(tried, acknowledged=acknowledged) for tried in history.attempts)
    return CallRecord(
        call_id=history.call_id,
        did=history.did,
        ani=history.ani,
        trunk=history.trunk,
        publisher=history.publisher,
        campaign=history.campaign,
        final_state=history.final_state,
        invited_us=history.invited.utc_us,
        answered_us=answered_us,
        ended_us=ended_us,
        ended_by=history.ended_by,
        ended_detail=history.cause.value,
        sip_code=history.sip_code,
        total_ms=0 if history.answered is None else ms_between(history.answered, history.ended),
        menu_ms=sum(ms_between(visit.entered, visit.left or history.ended) for visit in history.menus),
        connected_ms=sum(attempt.connected_ms for attempt in attempts),
        duration_source=DurationSource.MONOTONIC,
        attempts=attempts,
        digits=history.digits,
        tags={**known, **history.tags},
        menu_done=any(visit.qualified for visit in history.menus),
        config=history.version,
        seed=history.seed,
        trail=trail,
        sip_call_id=history.sip_call_id,
        probe=history.probe,
    )


def close_crashed(history: CallHistory, last: Moment) -> CallHistory:
    """`history` closed after a crash: talk ends at its last heartbeat, never later. `last`: the last moment in the journal; a call
    without talk at that moment ends there.

    A history that had ended already is returned unchanged: only its legs had not terminated yet.
    """
    if history.ended is not None:
        return history
    attempts = tuple(_close_attempt(tried, history.heartbeat) for tried in history.attempts)
    cut_off = [now.talk_ended for was, now in zip(history.attempts, attempts, strict=True) if now.talk_ended != was.talk_ended]
    return replace(
        history,
        attempts=attempts,
        ended=max((end for end in cut_off if end is not None), default=last),
        ended_by=EndedBy.CRASH,
        cause=Cause.CRASHED,
        final_state=FinalState.CRASHED,
    )


def _close_attempt(tried: AttemptState, heartbeat: Moment | None) -> AttemptState:
    cause = tried.cause or Cause.CRASHED
    if tried.bridged is None or tried.talk_ended is not None:
        return replace(tried, cause=cause)
    last = tried.bridged if heartbeat is None else max(tried.bridged, heartbeat)
    return replace(tried, cause=cause, talk_ended=last, ended_by=EndedBy.CRASH)


def _attempt_record(tried: AttemptState, *, acknowledged: bool) -> AttemptRecord:
    answered = tried.answered
    both = None if tried.caller_heard is None or tried.line_heard is None else max(tried.caller_heard, tried.line_heard)
    return AttemptRecord(
        number=tried.number,
        line=tried.line,
        advertiser=tried.advertiser,
        campaign=tried.campaign,
        outcome=attempt_outcome(tried),
        sip_code=tried.sip_code,
        q850=tried.q850,
        invited_us=tried.invited.utc_us,
        answered_us=_us(answered),
        ended_us=_us(tried.ended or tried.talk_ended),
        answer_delay_ms=None if answered is None else ms_between(tried.invited, answered),
        pdd_ms=None if tried.rang is None else ms_between(tried.invited, tried.rang),
        priority=tried.priority,
        talk_us=_us(tried.talk),
        talk_ended_us=_us(tried.talk_ended),
        accepted=tried.accepted is not None if tried.needs_key else None,
        ended_by=tried.ended_by,
        repeat=tried.repeat,
        connected_ms=_connected_ms(tried) if acknowledged else 0,
        sip_call_id=tried.sip_call_id,
        heard=None if tried.bridged is None else _HEARD[tried.caller_heard is not None, tried.line_heard is not None],
        both_heard_us=_us(both),
    )


_HEARD = {(True, True): Heard.BOTH, (True, False): Heard.CALLER, (False, True): Heard.LINE, (False, False): Heard.NONE}


def attempt_outcome(tried: AttemptState) -> Outcome:
    """Returns the outcome of the attempt, as far as it is known."""
    if tried.answered is not None and tried.cause is not Cause.DECLINED:
        return Outcome.ANSWERED
    return TREATMENT[tried.cause or Cause.BROKEN].outcome


def _connected_ms(tried: AttemptState) -> int:
    """Returns the time from the start of talk to its end, less what the line's owner does not count; 0 without a bridge."""
    if tried.talk is None or tried.talk_ended is None:
        return 0
    return max(0, ms_between(tried.talk, tried.talk_ended) - tried.timer_offset_ms)


def _us(moment: Moment | None) -> int | None:
    return None if moment is None else moment.utc_us


def event_facts(event: ev.Event) -> Mapping[str, object]:
    """Returns an event's fields without its moment, as plain JSON values; a ruling in short, since its trail is kept separately."""
    match event:
        case ev.Ruled(ruling=ruling):
            return {"choice": choice_text(ruling.choice), "campaign": ruling.campaign}
        case ev.MediaLost(leg=leg, last=last):
            return {"leg": leg, "last_us": None if last is None else last.utc_us}
        case ev.MediaQuiet(leg=leg, since=since):
            return {"leg": leg, "since_us": since.utc_us}
        case ev.LegRang(leg=leg, status=status, early_media=early_media):
            return {"leg": leg, "status": status, **({"early_media": True} if early_media else {})}
        case ev.LegAnswered(leg=leg, encrypted=encrypted):
            return {"leg": leg, **({"encrypted": True} if encrypted else {})}
        case ev.DeadlinePassed() | ev.TurnCame():
            return {}
        case ev.InviteArrived():
            return {
                "did": event.did,
                "ani": event.ani,
                "trunk": event.trunk,
                "objection": event.objection,
                "tags": dict(event.tags),
                "sip_call_id": event.sip_call_id,
                **({} if event.why is None else {"why": event.why}),
                **({"encrypted": True} if event.encrypted else {}),
                **({"probe": True} if event.probe else {}),
            }
        case _:
            return {name: value for name, value in asdict(event).items() if name != "at" and value is not None}


def choice_text(made: Choice) -> str:
    """`Dial acme-east acme-west`, `EnterMenu qualify`, `NotRouted closed`."""
    match made:
        case Dial(attempts=attempts):
            return " ".join(["Dial", *(attempt.line for attempt in attempts)])
        case EnterMenu(menu=menu):
            return f"EnterMenu {menu}"
        case Wait(because=because, position=position):
            return f"Wait {because} {position}"
        case Announce(prompt=prompt, because=because):
            return f"Announce {prompt} {because}"
        case Voicemail(terms=terms, because=because):
            return f"Voicemail {terms.greeting} {because}"
        case NotRouted(because=because):
            return f"NotRouted {because}"


def command_text(given: do.Command) -> str:
    """Returns a command's name and varying arguments. Legs are named by number, the caller's (0) only where it could be another."""
    name, show = type(given).__name__, _ARGUMENTS.get(type(given))
    arguments = "" if show is None else show(given)
    return f"{name} {arguments}" if arguments else name


def _question(ask: do.AskRoute) -> str:
    words = ["menu-done"] * ask.menu_done + [f"tried {line}: {why}" for line, why in ask.tried]
    return " ".join(words if ask.held_ms is None else [*words, f"held {ask.held_ms} ms"])


_ARGUMENTS: dict[type[Any], Callable[[Any], str]] = {
    do.AskRoute: _question,
    do.Dial: lambda dial: f"{dial.leg} {dial.attempt.line}",
    do.Play: lambda play: f"{play.play} {play.prompt}" + (f" to {play.leg}" if play.leg else ""),
    do.PlayMusic: lambda music: music.prompt,
    do.HangUp: lambda hang_up: f"{hang_up.leg} {hang_up.cause}",
    do.Refuse: lambda refuse: str(refuse.cause),
    do.Progress: lambda progress: str(progress.status),
    do.StartRecording: lambda start: (
        f"{start.sides} {start.format}" + ("" if start.kind is RecordingKind.TALK else f" {start.kind}")
    ),
    do.Transfer: lambda transfer: f"{transfer.leg} {transfer.uri}",
    **dict.fromkeys((do.RefuseTransfer, do.EndTransfer), lambda end: f"{end.leg} {end.status}"),
    **dict.fromkeys(
        (do.MakeDurable, do.CompleteTransfer, do.Bridge, do.BridgeEarly, do.AccrueRevenue, do.ReleaseCallCaps, do.ReleaseCaps),
        lambda of_leg: str(of_leg.leg),
    ),
}
"""Of the commands that have arguments to show."""
