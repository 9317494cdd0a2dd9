"""Tells people what an explanation of a call says (`switch.explanation`): in words, line by line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import assert_never

from routing.zone import Zone
from switch.billing.money import show_micros
from switch.call import command as do
from switch.call import event as ev
from switch.call.cause import Cause
from switch.call.leg_media import LegMedia
from switch.call.record import CallRecord, EndedBy
from switch.call.recording_terms import RecordingKind
from switch.call.state import CALLER
from switch.console import NOTHING, local, read_text, value_text, words
from switch.explanation import Explanation, TimelineEntry
from switch.ledger.heard import LINE, HeardRow
from switch.ledger.reading import KeptRecording

INDENT = " " * 28
EARLY_MS = 1_000
"""Silence of so long at the beginning of a talk is worth a word."""


def explanation_lines(explanation: Explanation, clock: Zone) -> Iterator[str]:
    """Returns the explanation for people, line by line, in local times of `clock`."""
    record, verdict = explanation.judged.record, explanation.judged.verdict
    caller = f"{record.ani or 'a withheld number'}{', kept private,' if record.tags.get('privacy') else ''}"
    yield f"call {record.call_id}: {caller} called {record.did}"
    yield f"  {local(record.invited_us, clock, to='milliseconds')} {clock.key}, by trunk {record.trunk or NOTHING}"
    yield f"  publisher {record.publisher or NOTHING}, campaign {record.campaign or NOTHING}"
    yield f"  config {record.config}, seed {record.seed}"
    if not explanation.config_kept:
        yield "  (the files of that config are not in the ledger: rules are named without their lines)"
    tags = ", ".join(f"{name} {value_text(value)}" for name, value in sorted(record.tags.items()) if value != "")
    yield f"  tags {tags or 'none'}"
    yield "what happened"
    lines = ["the caller", *(attempt.line for attempt in record.attempts)]
    for moment in explanation.moments:
        yield from _entry_lines(moment, lines, clock)
    yield f"the end: {_end(record)}"
    talk = f"menu {_seconds(record.menu_ms)}, talk {_seconds(record.connected_ms)}"
    yield f"  {words(record.final_state)}, SIP {record.sip_code or NOTHING}, whole call {_seconds(record.total_ms)}, {talk}"
    yield from _media_lines(explanation.media, lines)
    yield f"money: {verdict.rule}"
    yield f"  {verdict.why}"
    for row in explanation.rows:
        corrected = f", corrects {row.corrects}" if row.corrects else ""
        yield f"  {row.kind} {show_micros(row.amount_micros)} {row.party or NOTHING}: {row.reason} (by {row.actor}{corrected}) [{row.key}]"
    for state in explanation.states:
        until = "" if state.until_us is None else f" until {local(state.until_us, clock)}"
        yield f"  {state.state}{until}: {state.reason} (by {state.actor}) [{state.of}]"
    yield from _heard_lines(explanation.heard)
    for kept in explanation.recordings:
        yield from _recording_lines(kept, clock)


def _heard_lines(heard: Sequence[HeardRow]) -> Iterator[str]:
    """What was heard of each side of each talk."""
    for row in heard:
        ratio = "an unknown share of the time" if row.speech_ratio is None else f"{100 * row.speech_ratio:.0f} % of the time"
        found = [f"speech {row.speaks}, {ratio}", f"{row.level_dbm0:.0f} dBm0"]
        found += [f"silent for the first {_seconds(row.early_silence_ms)}"] if row.early_silence_ms >= EARLY_MS else []
        found += [f"dead air {_seconds(row.dead_air_ms)}"] if row.dead_air_ms else []
        found += [words("tone" if name == "unnamed" else name) for name in dict.fromkeys(tone.name for tone in row.tones)]
        found += [f"{row.frames_unheard} frames unheard"] if row.frames_unheard else []
        yield f"heard of the {row.side} in {_seconds(row.duration_ms)} of talk: {', '.join(found)}"
        if row.side == LINE and row.one_way != "no":
            yield f"  one-way audio: {row.one_way}"


def _recording_lines(kept: KeptRecording, clock: Zone) -> Iterator[str]:
    row, gone = kept.recording, kept.deletion
    paused = f", paused for {_seconds(row.paused_ms)}" if row.paused_ms else ""
    lost = f", {row.frames_lost} frames lost" if row.frames_lost else ""
    what = "message" if row.kind == RecordingKind.VOICEMAIL else "recording"
    yield f"{what}: {row.path}, {row.sides}, {_seconds(row.length_ms)} from {local(row.started_us, clock)}{paused}{lost}"
    if row.why is not None:
        yield f"  it ended early: {row.why}"
    yield f"  SHA-256 {row.sha256}" if gone is None else f"  deleted {local(gone.at_us, clock)} by {gone.actor}: {gone.reason}"


def _media_lines(media: Sequence[LegMedia], parties: Sequence[str]) -> Iterator[str]:
    """Of each leg what came from its far end, and what that said of what it was sent."""
    if media:
        yield "audio"
    for leg in media:
        heard = _figures(
            leg.received_packets,
            lost=leg.received_lost,
            share=leg.received_lost_share,
            jitter_ms=leg.received_jitter_ms,
            gap_ms=leg.received_gap_ms,
            mos=_mos(leg.received_mos, leg),
        )
        yield f"  from {_party(leg.leg, parties)}{f' ({leg.codec})' if leg.codec else ''}: {heard}"
        told = _figures(
            leg.sent_packets,
            lost=leg.sent_lost,
            share=leg.sent_lost_share,
            jitter_ms=leg.sent_jitter_ms,
            mos=_mos(leg.sent_mos, leg),
        )
        trip = "" if leg.round_trip_ms is None else f", round trip {leg.round_trip_ms:.0f} ms"
        yield f"  to {_party(leg.leg, parties)}: {told}{'' if leg.sent_lost is not None else ', which it did not report on'}{trip}"
        dropped = [f"{count} {what}" for count, what in _dropped(leg) if count]
        if dropped:
            yield f"    dropped: {', '.join(dropped)}"


def _mos(mos: float | None, leg: LegMedia) -> str | None:
    """With its scale: scores of two are not to be compared."""
    return None if mos is None else f"{leg.mos_scale or 'unknown'} MOS {mos:.1f}"


def _dropped(leg: LegMedia) -> tuple[tuple[int, str], ...]:
    return (leg.unheard, "of no agreed payload type"), (leg.stray, "from elsewhere"), (leg.malformed, "that are no RTP")


def _figures(
    packets: int,
    *,
    lost: int | None,
    share: float | None,
    jitter_ms: float | None,
    mos: str | None,
    gap_ms: float | None = None,
) -> str:
    found = [f"{packets} packets"]
    if lost is not None:
        found.append(f"{lost} lost" + ("" if share is None else f" ({100 * share:.1f} %)"))
    if jitter_ms is not None:
        found.append(f"jitter {jitter_ms:.1f} ms")
    if gap_ms is not None:
        found.append(f"longest gap {gap_ms:.0f} ms")
    if mos is not None:
        found.append(mos)
    return ", ".join(found)


def _end(record: CallRecord) -> str:
    """Who ended the call, and why."""
    match record.ended_by:
        case EndedBy.CALLER:
            return "the caller hung up" if record.ended_detail != Cause.INVITE_EXPIRED else "the caller's INVITE expired unanswered"
        case EndedBy.LINE:
            return f"{record.attempts[-1].line if record.attempts else 'the line'} hung up"
        case EndedBy.SWITCH:
            return f"the switch ended the call: {words(record.ended_detail)}"
        case EndedBy.MEDIA_TIMEOUT:
            return "the switch ended the call: no audio came"
        case EndedBy.CRASH:
            return "the switch crashed"
        case unknown:
            assert_never(unknown)


def _entry_lines(moment: TimelineEntry, lines: Sequence[str], clock: Zone) -> Iterator[str]:
    at = local(moment.at_us, clock, to="milliseconds").partition(" ")[2]
    yield f"  {at} {moment.after_ms / 1000:9.3f} s  {event_words(moment.event, moment.facts, lines, clock)}".rstrip()
    for reason in moment.reasons:
        read = read_text(reason.read, clock)
        yield f"{INDENT}{reason.rule}: {reason.verdict}" + (f"  ({read})" if read else "")
        if reason.where is not None:
            yield f"{INDENT}  {reason.where}  {reason.source or ''}".rstrip()
    for command in moment.then:
        yield f"{INDENT}-> {command_words(command, lines)}"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f} s"


# words of events and commands, as records keep them


def event_words(event: str, facts: Mapping[str, object], parties: Sequence[str], clock: Zone) -> str:
    """`parties`: by number of their leg, the caller first. An event that is not known here is shown by its own name and facts."""
    party = _party(facts.get("leg"), parties)
    match event:
        case ev.Ruled.__name__:
            return f"routing: {choice_words(str(facts.get('choice', '')))}"
        case ev.LegEnded.__name__:
            return _leg_ended(facts, party)
        case ev.MediaLost.__name__:
            last = facts.get("last_us")
            return f"no audio from {party} " + (f"since {local(last, clock)}" if isinstance(last, int) else "at all")
        case ev.InviteArrived.__name__ if facts.get("objection"):
            return f"the call comes in, and can't be taken: {words(str(facts['objection']))}{_because(facts)}"
        case _ if event in _EVENTS:
            return _EVENTS[event](party, facts)
        case _:
            return f"{event} " + " ".join(
                f"{name} {value_text(value)}" for name, value in facts.items() if value not in (None, "", {})
            )


_EVENTS: Mapping[str, Callable[[str, Mapping[str, object]], str]] = {
    ev.InviteArrived.__name__: lambda _party, facts: "the call comes in" + _encrypted(facts),
    ev.LegRang.__name__: lambda party, _facts: f"{party} rings",
    ev.LegFailedOver.__name__: lambda party, facts: f"an address of {party} fails; the call goes to {facts.get('target', '')}",
    ev.LegOfferedPlain.__name__: lambda party, facts: (
        f"{party} does not take encrypted audio (SIP {facts.get('status', '')}) and is offered plain audio"
    ),
    ev.LegRedirected.__name__: lambda party, facts: f"{party} sends the call on to {facts.get('uri', '')}",
    ev.TransferRequested.__name__: lambda party, facts: f"{party} transfers the call to {facts.get('uri', '')}",
    ev.TransferAnswered.__name__: lambda party, _facts: f"whom {party} transfers the call to answers",
    ev.TransferFailed.__name__: lambda party, facts: (
        f"whom {party} transfers the call to does not take it (SIP {facts.get('status', '')})"
    ),
    ev.TransferorLeft.__name__: lambda party, _facts: f"{party} hangs up, and the caller waits for whom it transfers the call to",
    ev.LegAnswered.__name__: lambda party, facts: f"{party} answers" + _encrypted(facts),
    ev.AnswerUnusable.__name__: lambda party, facts: f"{party} answers without audio that can be carried{_because(facts)}",
    ev.AnswerDurable.__name__: lambda party, _facts: f"the answer of {party} is on disk",
    ev.CallerAcknowledged.__name__: lambda _party, _facts: "the caller acknowledges the answer",
    ev.DigitHeard.__name__: lambda party, facts: f"{party} presses {facts.get('digit', '')}",
    ev.MediaHeard.__name__: lambda party, facts: f"{party} is heard" + (", the other side was before" if facts.get("both") else ""),
    ev.MediaQuiet.__name__: lambda _party, _facts: "nobody is heard",
    ev.RecordingFailed.__name__: lambda _party, facts: f"the call is recorded no longer: {facts.get('why')}",
    ev.RecordingPauseRequested.__name__: lambda _party, facts: (
        f"somebody asks that the recording {'pauses' if facts.get('paused') else 'goes on'}"
    ),
    ev.PromptEnded.__name__: lambda _party, facts: (
        f"the prompt can't be played: {facts['why']}" if facts.get("why") else "the prompt is over"
    ),
    ev.MediaFailed.__name__: lambda _party, facts: f"audio can't be carried: {facts.get('why', '')}",
    ev.TurnCame.__name__: lambda _party, _facts: "a line is free, and the caller has waited longest for it",
    ev.DeadlinePassed.__name__: lambda _party, _facts: "a time limit is reached",
    ev.HangUpRequested.__name__: lambda _party, facts: (
        f"{facts.get('actor', '')} hangs the call up" + (f": {facts['reason']}" if facts.get("reason") else "")
    ),
    ev.Stopped.__name__: lambda _party, facts: f"the switch ends the call: {words(str(facts.get('cause', '')))}",
}


def _encrypted(facts: Mapping[str, object]) -> str:
    return ", its audio encrypted" if facts.get("encrypted") else ""


def _because(facts: Mapping[str, object]) -> str:
    return f": {facts['why']}" if facts.get("why") else ""


def _leg_ended(facts: Mapping[str, object], party: str) -> str:
    """Who hung up, or what became of an INVITE that nobody answered."""
    cause, code = words(str(facts.get("cause", ""))), facts.get("sip_code")
    sip = f" (SIP {code})" if code else ""
    if facts.get("why"):
        return f"{party}: {cause}{sip}: {facts['why']}"
    if not facts.get("by_peer"):
        return f"{party} is gone, as the switch wanted: {cause}{sip}"
    return f"{party} hangs up{sip}" if cause.endswith("hung up") else f"{party}: {cause}{sip}"


def choice_words(choice: str) -> str:
    """Of what a ruling chose: `Dial acme-east acme-west` is "dial acme-east and acme-west"."""
    name, *rest = choice.split(" ")
    match name, rest:
        case "Dial", [*lines]:
            return f"dial {' and '.join(lines)}"
        case "EnterMenu", [menu]:
            return f"the caller enters menu {menu}"
        case "Wait", [because]:  # as records of older builds have it
            return f"the caller is held: {words(because)}"
        case "Wait", [because, position]:
            return f"the caller is held as number {position} in line: {words(because)}"
        case "Announce", [prompt, because]:
            return f"the caller hears {prompt}: {words(because)}"
        case "Voicemail", [greeting, because]:
            return f"the caller hears {greeting} and may leave a message: {words(because)}"
        case "NotRouted", [because]:
            return f"no line: {words(because)}"
        case _:
            return choice


def command_words(command: str, parties: Sequence[str]) -> str:
    """Of what the switch did: `HangUp 1 caller_hung_up` is "hangs acme-east up: caller hung up"."""
    name, *rest = command.split(" ")
    match name, rest:
        case do.AskRoute.__name__, [*known]:
            known_text = " ".join(known).replace("menu-done", "the menu is done,").rstrip(",")
            return f"asks routing where to go{f' ({words(known_text)})' if known_text else ''}"
        case do.Dial.__name__, [_, line]:
            return f"dials {line}"
        case ((do.Play.__name__ | do.PlayMusic.__name__), _):
            return _sound_words(name, rest, parties)
        case do.HangUp.__name__, [leg, cause]:
            return f"hangs up on {_party(leg, parties)}: {words(cause)}"
        case do.Progress.__name__, [status]:
            return f"tells the caller that {_PROGRESS.get(status, status)}"
        case do.Transfer.__name__, [leg, uri]:
            return f"dials {uri} for {_party(leg, parties)}"
        case do.RefuseTransfer.__name__, [leg, status]:
            return f"does not transfer the call for {_party(leg, parties)} (SIP {status})"
        case do.EndTransfer.__name__, [leg, status]:
            return f"tells {_party(leg, parties)} that nobody takes the transferred call (SIP {status})"
        case do.StartRecording.__name__, [*_, RecordingKind.VOICEMAIL]:
            return "begins to record the caller's message"
        case do.Refuse.__name__, [cause]:
            return f"refuses the call: {words(cause)}"
        case _, [leg] if name in _LEG_COMMANDS:
            return _LEG_COMMANDS[name].format(_party(leg, parties))
        case _:
            return _COMMANDS.get(name, command)


def _sound_words(name: str, rest: Sequence[str], parties: Sequence[str]) -> str:
    if name == do.PlayMusic.__name__:
        return f"plays {rest[0]} to the caller, over and over"
    _, prompt, *to = rest
    return f"plays {prompt} to {_party(to[-1] if to else CALLER, parties)}"


_LEG_COMMANDS = {
    do.MakeDurable.__name__: "writes the answer of {} to disk",
    do.Bridge.__name__: "connects the caller and {}",
    do.BridgeEarly.__name__: "lets the caller hear {}, which has not answered",
    do.CompleteTransfer.__name__: "connects the caller and whom {} transfers the call to",
    do.ReleaseCallCaps.__name__: "frees the caps that the try of {} took for the caller's side",
    do.ReleaseCaps.__name__: "frees the caps of {}",
    do.AccrueRevenue.__name__: "works out what is owed by now",
}
_PROGRESS = {"180": "it rings", "181": "the call is forwarded", "182": "the call is queued"}
_COMMANDS = {
    do.StartEarlyMedia.__name__: "lets the caller hear what comes before an answer",
    do.Answer.__name__: "answers the caller",
    do.Unbridge.__name__: "takes the two apart",
    do.PlayRingback.__name__: "lets the caller hear ringing",
    do.StopPlay.__name__: "stops the sound",
    do.StartRecording.__name__: "begins to record the call",
    do.PauseRecording.__name__: "records silence from now on",
    do.ResumeRecording.__name__: "records what is said again",
    do.StopRecording.__name__: "ends the recording",
    do.Finish.__name__: "writes the record",
}


def _party(leg: object, parties: Sequence[str]) -> str:
    number = int(leg) if isinstance(leg, int | str) and str(leg).isascii() and str(leg).isdecimal() else 0
    return parties[number] if number < len(parties) else f"leg {number}"
