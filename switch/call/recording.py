"""PURE. When a call's recording starts, pauses and ends: `follow` adds that to each transition of a call.

A notice that config asks for is heard to its end before the recording starts: in place of a menu's first prompt, or else by both sides
once they are bridged. A caller that cuts it short by a key hears it again then. A pause that a line asked for, for a card number say, ends
with that line's talk; any other lasts until it is ended.
"""

from msgspec.structs import replace

from switch.call.command import Bridge, CompleteTransfer, PauseRecording, Play, ResumeRecording, StartRecording, StopRecording
from switch.call.event import DigitHeard, Event, PromptEnded, RecordingFailed, RecordingPauseRequested
from switch.call.recording_terms import RUNNING, PausedBy, RecordingState, RecordingTerms, RecordingTurn, StartsAt
from switch.call.state import CALLER, Bridged, Call, InMenu
from switch.call.steps import Step


def with_terms(call: Call, terms: RecordingTerms | None) -> Call:
    """Returns the call, to be recorded by the terms of the first campaign that has some."""
    return call if terms is None or call.recording is not None else replace(call, recording=RecordingState(terms=terms))


def follow(before: Call, step: Step, event: Event) -> Step:
    """Returns a step of a call with what it means for the recording. `before`: the call before it."""
    recording = step.call.recording
    if recording is None or recording.turn is RecordingTurn.OVER:
        return step
    if step.call.history.ended is not None:
        over = _with(step, replace(recording, turn=RecordingTurn.OVER))
        return over.after((StopRecording(),)) if recording.turn in RUNNING else over
    match event:
        case RecordingFailed():
            return _with(step, replace(recording, turn=RecordingTurn.OVER))
        case PromptEnded(leg=leg, play=play, why=why) if leg == CALLER and play == recording.notice:
            return _with(step, replace(recording, turn=RecordingTurn.OVER)) if why is not None else _start(step, recording)
        case RecordingPauseRequested(paused=paused, by_line=by_line):
            by_leg = before.phase.leg if by_line and isinstance(before.phase, Bridged) else None
            return _pause(step, recording, paused=paused, by_leg=by_leg)
        case DigitHeard(leg=leg) if isinstance(before.phase, Bridged) and _toggles(recording.terms, before.phase, event):
            return _pause(step, recording, paused=recording.turn is RecordingTurn.ON, by_leg=None if leg == CALLER else leg)
        case _:
            return _go_on(before, step, recording)


def _go_on(before: Call, step: Step, recording: RecordingState) -> Step:
    if recording.paused_by_leg is not None and not _talks_with(step.call, recording.paused_by_leg):
        return _pause(step, recording, paused=False)
    if recording.turn is RecordingTurn.NOTICE and not _still_plays(step, recording):
        recording = replace(recording, turn=RecordingTurn.WAITING, notice=None)
    if recording.turn is not RecordingTurn.WAITING or not _is_due(step.call, recording.terms):
        return step if recording is step.call.recording else _with(step, recording)
    if recording.terms.notice is None:
        return _start(step, recording)
    match step.call.phase:
        case Bridged(leg=leg):
            return _notify_both(step, recording, leg)
        case InMenu() as phase if not isinstance(before.phase, InMenu):
            return _notify_first(step, recording, phase)
        case _:
            return _with(step, recording)


def _is_due(call: Call, terms: RecordingTerms) -> bool:
    return call.history.answered is not None if terms.start is StartsAt.ANSWER else isinstance(call.phase, Bridged)


def _still_plays(step: Step, recording: RecordingState) -> bool:
    """A digit may have cut the notice short, the line may have gone, or a transfer has bridged the caller anew."""
    match step.call.phase:
        case InMenu(play=play):
            return play == recording.notice
        case Bridged():
            return not any(isinstance(each, Bridge | CompleteTransfer) for each in step.commands)
        case _:
            return False


def _notify_first(step: Step, recording: RecordingState, phase: InMenu) -> Step:
    """The menu's first prompt waits for the notice."""
    notice = recording.terms.notice
    first = next((each for each in step.commands if isinstance(each, Play) and each.play == phase.play), None)
    if first is None or notice is None:
        return _with(step, recording)
    commands = tuple(replace(first, prompt=notice) if each is first else each for each in step.commands)
    call = replace(step.call, phase=replace(phase, queue=(first.prompt, *phase.queue)))
    return _with(Step(call, commands), replace(recording, turn=RecordingTurn.NOTICE, notice=first.play))


def _notify_both(step: Step, recording: RecordingState, leg: int) -> Step:
    play, notice = step.call.plays + 1, recording.terms.notice
    if notice is None:
        return step
    commands = (Play(leg=CALLER, play=play, prompt=notice), Play(leg=leg, play=play + 1, prompt=notice))
    call = replace(step.call, plays=play + 1)
    return _with(Step(call, step.commands + commands), replace(recording, turn=RecordingTurn.NOTICE, notice=play))


def _start(step: Step, recording: RecordingState) -> Step:
    start = StartRecording(sides=recording.terms.sides, format=recording.terms.format)
    return _with(Step(step.call, (*step.commands, start)), replace(recording, turn=RecordingTurn.ON, notice=None))


def _toggles(terms: RecordingTerms, phase: Bridged, event: DigitHeard) -> bool:
    if event.digit != terms.pause_key or event.leg not in {CALLER, phase.leg}:
        return False
    return terms.paused_by is PausedBy.EITHER or (terms.paused_by is PausedBy.CALLER) is (event.leg == CALLER)


def _talks_with(call: Call, leg: int) -> bool:
    return isinstance(call.phase, Bridged) and call.phase.leg == leg


def _pause(step: Step, recording: RecordingState, *, paused: bool, by_leg: int | None = None) -> Step:
    """`by_leg`: the pause ends with the talk of this leg; None: it does not."""
    turn = RecordingTurn.PAUSED if paused else RecordingTurn.ON
    if recording.turn not in RUNNING:
        return step
    if recording.turn is turn:  # asked for by somebody else too: the longer pause holds
        return _with(step, replace(recording, paused_by_leg=None)) if paused and by_leg is None else step
    command = PauseRecording() if paused else ResumeRecording()
    return _with(
        Step(step.call, (*step.commands, command)), replace(recording, turn=turn, paused_by_leg=by_leg if paused else None)
    )


def _with(step: Step, recording: RecordingState) -> Step:
    return Step(replace(step.call, recording=recording), step.commands)
