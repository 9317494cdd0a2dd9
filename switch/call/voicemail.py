"""PURE. Transitions of a call that nobody takes and whose caller may leave a message: greeting, beep, message, good-bye.

The message is a recording of its own: what ran before, of a campaign that records its calls, ends when the greeting begins. It is no talk
and no attempt: the call ends as one does that only heard an announcement.
"""

from msgspec.structs import replace

from routing.ruling import Voicemail
from routing.table import ToVoicemail
from switch.call.cause import Cause
from switch.call.command import Command, Play, StartRecording, StopRecording
from switch.call.event import RecordingFailed
from switch.call.moment import Moment
from switch.call.record import EndedBy
from switch.call.recording_terms import (
    RUNNING,
    RecordingFormat,
    RecordingKind,
    RecordingState,
    RecordingTerms,
    RecordingTurn,
    Sides,
)
from switch.call.state import CALLER, Announcing, Call, Greeting, TakingMessage
from switch.call.steps import ANNOUNCEMENT_MS, CAUSE_OF_REASON, Step, announce, answer_caller, release

BEEP = "beep"
"""The name of the prompt that tells the caller to begin."""
END_KEY = "#"


def greet(call: Call, choice: Voicemail, at: Moment) -> Step:
    """The caller, answered now, hears the greeting."""
    call, answer = answer_caller(call, at)
    stop = _stop_recording(call)
    call, cause = replace(call, recording=None), CAUSE_OF_REASON[choice.because]
    return _play(call, (choice.terms.greeting, BEEP), cause=cause, terms=choice.terms, at=at).after((*answer, *stop))


def on_prompt_over(call: Call, phase: Greeting, at: Moment) -> Step:
    """The greeting has ended, or the beep; or it can't be played, or is too long: then the caller may speak all the same."""
    if phase.queue:
        return _play(call, phase.queue, cause=phase.cause, terms=phase.terms, at=at)
    return _take_message(call, phase, at)


def _play(call: Call, prompts: tuple[str, ...], *, cause: Cause, terms: ToVoicemail, at: Moment) -> Step:
    """Plays the first of `prompts` and queues the rest."""
    play = call.plays + 1
    phase = Greeting(play=play, queue=prompts[1:], cause=cause, terms=terms, deadline=at.plus_ms(ANNOUNCEMENT_MS))
    return Step(replace(call, phase=phase, plays=play), (Play(leg=CALLER, play=play, prompt=prompts[0]),))


def _take_message(call: Call, phase: Greeting, at: Moment) -> Step:
    terms = RecordingTerms(sides=Sides.CALLER, format=RecordingFormat(phase.terms.format), kind=RecordingKind.VOICEMAIL)
    recording = RecordingState(terms=terms, turn=RecordingTurn.ON)
    taking = TakingMessage(cause=phase.cause, terms=phase.terms, since=at, deadline=at.plus_ms(phase.terms.longest_ms))
    start = StartRecording(sides=terms.sides, format=terms.format, kind=terms.kind)
    return Step(replace(call, phase=taking, recording=recording), (start,))


def on_deadline(call: Call, phase: Announcing | Greeting | TakingMessage, at: Moment) -> Step:
    """What plays is cut off, or the message is."""
    match phase:
        case Announcing(cause=cause):
            return release(call, at, by=EndedBy.SWITCH, cause=cause)
        case Greeting():
            return on_prompt_over(call, phase, at)
        case TakingMessage():
            return end_message(call, phase, at)


def end_message(call: Call, phase: TakingMessage, at: Moment) -> Step:
    """The caller has pressed the key that ends the message, or has spoken for as long as may be. Nobody is thanked for a message that was
    not recorded to its end."""
    stop = _stop_recording(call)
    call = replace(call, recording=None)
    if phase.terms.goodbye is not None and stop:
        return announce(call, phase.terms.goodbye, cause=phase.cause, at=at).after(stop)
    return release(call, at, by=EndedBy.SWITCH, cause=phase.cause).after(stop)


def on_recording_failed(call: Call, phase: TakingMessage, event: RecordingFailed) -> Step:
    """Nobody is asked to speak where there is no recorder: the call ends. What fails later does not cut the caller off."""
    if event.at != phase.since:
        return Step(call)
    return release(replace(call, recording=None), event.at, by=EndedBy.SWITCH, cause=phase.cause)


def _stop_recording(call: Call) -> tuple[Command, ...]:
    return (StopRecording(),) if call.recording is not None and call.recording.turn in RUNNING else ()
