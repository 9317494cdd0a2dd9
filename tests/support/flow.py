"""Golden call flows: a text of events becomes a conversation with the call machine, written back with what it commanded.

`>> SECONDS event words` is an event, `<< command words` what the machine answered, `== words` the record at the end. Lines that
start with `#` are the history told to the reader. Only `#` and `>>` lines are read; the others are what the machine says now.
"""

from collections.abc import Callable

from ivr.menu import HangUp as MenuHangUp
from ivr.menu import Menu, MenuPlan, RouteOn, SayTag
from ivr.spoken_value import Way, vocabulary
from routing.ruling import Announce, Attempt, Choice, Dial, EnterMenu, NotRouted, Reason, RejectReason, Ruling, Voicemail, Wait
from routing.table import Accept, NoRoute, ToVoicemail
from switch.call import cdr
from switch.call import event as ev
from switch.call.cause import Cause
from switch.call.hold_terms import DEFAULT_HOLD, POSITION, HoldTerms
from switch.call.machine import advance, begin
from switch.call.moment import Moment
from switch.call.state import Call, Ended
from switch.call.steps import Step

PLAN = MenuPlan(
    start="qualify",
    nodes={
        "qualify": Menu(
            name="qualify",
            prompt="welcome",
            invalid="sorry",
            timeout_ms=5_000,
            retries=1,
            keys={"1": RouteOn(tags={"interest": "quote"}), "0": MenuHangUp(prompt="goodbye"), "9": MenuHangUp()},
        )
    },
)
HOLD = HoldTerms(
    music="jazz",
    announce=(
        "you-are",
        SayTag(tag=POSITION, way=Way.NUMBER, language="en", names={piece: f"n-{piece}" for piece in vocabulary(Way.NUMBER, "en")}),
        "in-line",
    ),
    every_ms=12_000,
)
MAX_CALL_MS = 3_600_000
MARK_MS = 12_000
RING_MS = 20_000
SILENCE_MS = 5_000
RECOVER_MS = 20_000
LONGEST_MS = 60_000


def moment(seconds: float) -> Moment:
    """An instant of a flow: monotonic time starts at 0, UTC at 2026-03-02T15:00:00Z."""
    us = round(seconds * 1_000_000)
    return Moment(mono_ns=us * 1_000, utc_us=1_772_463_600_000_000 + us)


def attempt(line: str) -> Attempt:
    """`east`, or with what its line asks for: `east+key` (press 1), `east+whisper`, `east+recover` (the first 20 s)."""
    name, *asks = line.split("+")
    accept = Accept(prompt="who-calls", key="1" if "key" in asks else None) if {"key", "whisper"} & set(asks) else None
    return Attempt(
        line=name,
        advertiser="acme",
        campaign="quotes",
        priority=1,
        uri=f"sip:{name}@127.0.0.1",
        ring_ms=RING_MS,
        silence_ms=SILENCE_MS,
        timer_offset_ms=0,
        caps=(),
        accept=accept,
        recover_ms=RECOVER_MS if "recover" in asks else 0,
    )


def ruled(at: Moment, choice: Choice, *, hold: HoldTerms = DEFAULT_HOLD) -> ev.Ruled:
    known = not (isinstance(choice, NotRouted) and choice.because is RejectReason.UNKNOWN_NUMBER)
    ruling = Ruling(
        choice=choice,
        publisher="radio" if known else None,
        campaign="quotes" if known else None,
        trail=(Reason(rule="campaigns.quotes", verdict="chosen"),),
    )
    thresholds_ms = tuple((MARK_MS,) for _ in choice.attempts) if isinstance(choice, Dial) else ()
    menu = PLAN if isinstance(choice, EnterMenu) else None
    return ev.Ruled(at=at, ruling=ruling, menu=menu, thresholds_ms=thresholds_ms, hold=hold)


def invite(at: Moment, *, objection: Cause | None = None) -> ev.InviteArrived:
    return ev.InviteArrived(
        at=at,
        call_id="c1",
        did="+18005550100",
        ani="+12125550199",
        trunk="carrier",
        seed=7,
        version="abc",
        max_call_ms=MAX_CALL_MS,
        objection=objection,
    )


def voicemail(because: str, *goodbye: str) -> Voicemail:
    terms = ToVoicemail(greeting="leave-a-message", longest_ms=LONGEST_MS, goodbye=goodbye[0] if goodbye else None)
    return Voicemail(terms=terms, because=NoRoute(because))


def _refusal(word: str) -> NotRouted:
    return NotRouted(because=RejectReason(word) if word in set(RejectReason) else NoRoute(word))


_RULINGS: dict[str, Callable[[list[str]], Choice]] = {
    "menu": lambda _: EnterMenu(menu=PLAN.start, tags={}),
    "line": lambda words: Dial(attempts=tuple(attempt(word) for word in words)),
    "line-early": lambda words: Dial(attempts=tuple(attempt(word) for word in words), early_media=True),
    "hold": lambda words: Wait(campaign="quotes", because=NoRoute(words[0]), again_ms=5_000, position=int(words[1])),
    "wait": lambda words: Wait(campaign="quotes", because=NoRoute(words[0]), again_ms=5_000),
    "announce": lambda words: Announce(prompt=words[0], because=NoRoute(words[1])),
    "voicemail": lambda words: voicemail(*words),
    "refuse": lambda words: _refusal(words[0]),
}

_EVENTS: dict[str, Callable[[Moment, list[str]], ev.Event]] = {
    "invite": lambda at, words: invite(at, objection=Cause(words[0]) if words else None),
    "ruled": lambda at, words: ruled(at, _RULINGS[words[0]](words[1:]), hold=HOLD if words[0] == "hold" else DEFAULT_HOLD),
    "turn": lambda at, _: ev.TurnCame(at=at),
    "rang": lambda at, words: ev.LegRang(at=at, leg=int(words[0]), status=int(words[1]) if words[1:] else 180),
    "early": lambda at, words: ev.LegRang(at=at, leg=int(words[0]), status=183, early_media=True),
    "answered": lambda at, words: ev.LegAnswered(at=at, leg=int(words[0])),
    "durable": lambda at, words: ev.AnswerDurable(at=at, leg=int(words[0])),
    "acked": lambda at, _: ev.CallerAcknowledged(at=at),
    "ended": lambda at, words: ended(at, words),  # noqa: PLW0108 defined below
    "digit": lambda at, words: ev.DigitHeard(at=at, digit=words[0], leg=_leg(words)),
    "prompt-ended": lambda at, words: ev.PromptEnded(at=at, play=int(words[0]), leg=_leg(words)),
    "deadline": lambda at, _: ev.DeadlinePassed(at=at),
    "media-lost": lambda at, words: ev.MediaLost(at=at, leg=int(words[0]), last=moment(float(words[1])) if words[1:] else None),
    "media-failed": lambda at, _: ev.MediaFailed(at=at, why="worker died"),
    "recording-failed": lambda at, words: ev.RecordingFailed(at=at, why=" ".join(words)),
    "hang-up-requested": lambda at, words: ev.HangUpRequested(at=at, actor=words[0], reason=" ".join(words[1:])),
    "stopped": lambda at, words: ev.Stopped(at=at, cause=Cause(words[0])),
}


def _leg(words: list[str]) -> int:
    """`WHAT [LEG]`; the caller's where none is named."""
    return int(words[1]) if words[1:] else 0


def ended(at: Moment, words: list[str]) -> ev.LegEnded:
    """`ended LEG peer|us CAUSE [SIP code]`"""
    leg, by, cause, *code = words
    return ev.LegEnded(at=at, leg=int(leg), by_peer=by == "peer", cause=Cause(cause), sip_code=int(code[0]) if code else None)


def _record(call: Call) -> list[str]:
    record = cdr.build_record(call.history)
    lines = [
        f"== {record.final_state}, ended by {record.ended_by} ({record.ended_detail}), SIP {record.sip_code}",
        f"== total {record.total_ms} ms, menu {record.menu_ms} ms, connected {record.connected_ms} ms",
    ]
    for tried in record.attempts:
        ring = "never answered" if tried.answer_delay_ms is None else f"rang {tried.answer_delay_ms} ms"
        lines.append(f"== attempt {tried.line}: {tried.outcome}, SIP {tried.sip_code}, {ring}, connected {tried.connected_ms} ms")
    lines += [f"== tags {' '.join(f'{name}={value}' for name, value in sorted(record.tags.items()))}"] if record.tags else []
    return lines


def play(text: str) -> str:
    """`text` with every answer of the machine written anew."""
    out: list[str] = []
    call: Call | None = None
    for line in text.splitlines():
        if line.startswith(("#", ">>")) or not line.strip():
            out.append(line.rstrip())
        if not line.startswith(">>"):
            continue
        _, seconds, name, *words = line.split()
        event = _EVENTS[name](moment(float(seconds)), words)
        step = _step(call, event)
        call = step.call
        out.extend(f"<< {cdr.command_text(command)}" for command in step.commands)
    assert call is not None
    assert isinstance(call.phase, Ended), f"the flow ends in {type(call.phase).__name__}"
    return "\n".join([*out, *_record(call)]) + "\n"


def _step(call: Call | None, event: ev.Event) -> Step:
    if call is not None:
        return advance(call, event)
    assert isinstance(event, ev.InviteArrived)
    return begin(event)
