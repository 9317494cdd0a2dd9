"""When a call is recorded: from answer or connect, behind its notice, paused by a key or by hand, until the call ends or it fails."""

from dataclasses import replace

import pytest
from flow import attempt, ended, invite, moment, ruled, voicemail
from msgspec.structs import replace as changed

from ivr.menu import DIGITS
from routing.ruling import Announce, Choice, Dial, EnterMenu
from routing.table import NoRoute
from switch.call import cdr
from switch.call import command as do
from switch.call import event as ev
from switch.call.cause import Cause
from switch.call.machine import advance, begin
from switch.call.recording_terms import PausedBy, RecordingTerms, RecordingTurn, Sides, StartsAt
from switch.call.state import Bridged, Call

FROM_ANSWER = RecordingTerms(sides=Sides.BOTH)
FROM_CONNECT = RecordingTerms(sides=Sides.CALLER, start=StartsAt.CONNECT)
MENU = EnterMenu(menu="qualify", tags={})
START, STOP = "StartRecording both wav", "StopRecording"


class Talk:
    """A call; `said`: what the machine commanded about its recording and its prompts, each with its second."""

    def __init__(self, terms: RecordingTerms | None, *choices: Choice) -> None:
        self.call: Call = begin(invite(moment(0))).call
        self.second = 0.0
        self.said: list[str] = []
        self.commands: list[do.Command] = []
        self._choices = list(choices)
        self._terms = terms
        self._rule()

    def _rule(self) -> None:
        self.feed(changed(ruled(moment(self.second), self._choices.pop(0)), recording=self._terms))

    def feed(self, event: ev.Event) -> None:
        step = advance(self.call, event)
        self.call = step.call
        self.commands += step.commands
        wanted = (do.Play, do.StartRecording, do.PauseRecording, do.ResumeRecording, do.StopRecording)
        self.said += [f"{self.second:g} {cdr.command_text(each)}" for each in step.commands if isinstance(each, wanted)]
        if any(isinstance(each, do.AskRoute) for each in step.commands):
            self._rule()

    def at(self, second: float) -> "Talk":
        self.second = second
        return self

    def connect(self, leg: int = 1) -> None:
        self.feed(ev.LegAnswered(at=moment(self.second), leg=leg))
        self.feed(ev.AnswerDurable(at=moment(self.second), leg=leg))
        assert isinstance(self.call.phase, Bridged)

    def digit(self, key: str, leg: int = 0) -> None:
        self.feed(ev.DigitHeard(at=moment(self.second), leg=leg, digit=key))

    def prompt_ended(self, play: int, *, why: str | None = None, leg: int = 0) -> None:
        self.feed(ev.PromptEnded(at=moment(self.second), leg=leg, play=play, why=why))

    def caller_leaves(self) -> None:
        self.feed(ended(moment(self.second), ["0", "peer", "caller_hung_up"]))

    @property
    def turn(self) -> RecordingTurn | None:
        return None if self.call.recording is None else self.call.recording.turn


def dial(*lines: str) -> Dial:
    return Dial(attempts=tuple(attempt(line) for line in lines))


def test_a_call_without_terms_is_not_recorded() -> None:
    talk = Talk(None, dial("east"))
    talk.at(3).connect()
    talk.at(9).caller_leaves()
    assert (talk.said, talk.turn) == ([], None)


def test_from_answer_it_starts_with_the_menu_and_ends_with_the_call() -> None:
    talk = Talk(FROM_ANSWER, MENU, dial("east"))
    talk.at(2).digit("1")
    talk.at(5).connect()
    talk.at(9).caller_leaves()
    assert talk.said == ["0 Play 1 welcome", f"0 {START}", f"9 {STOP}"]
    names = [type(each).__name__ for each in talk.commands]
    assert names.index("Answer") < names.index("StartRecording")
    assert names.index("StopRecording") < names.index("HangUp")


def test_from_connect_it_starts_with_the_bridge() -> None:
    talk = Talk(FROM_CONNECT, MENU, dial("east"))
    talk.at(2).digit("1")
    talk.at(5).connect()
    assert talk.said == ["0 Play 1 welcome", "5 StartRecording caller wav"]
    assert isinstance(talk.commands[-2], do.Bridge)


def test_a_line_that_is_followed_by_another_does_not_end_it() -> None:
    talk = Talk(FROM_CONNECT, dial("east+recover"), dial("west"))
    talk.at(2).connect()
    talk.at(4).feed(ended(moment(4), ["1", "peer", "line_hung_up"]))
    talk.at(7).connect(2)
    talk.at(9).caller_leaves()
    assert talk.said == ["2 StartRecording caller wav", f"9 {STOP}"]


@pytest.mark.parametrize(
    ("events", "resumed"),
    [
        ([ev.DigitHeard(at=moment(3), leg=1, digit="*")], True),
        ([ev.RecordingPauseRequested(at=moment(3), paused=True, by_line=True)], True),
        ([ev.RecordingPauseRequested(at=moment(3), paused=True)], False),
        ([ev.DigitHeard(at=moment(3), leg=0, digit="*")], False),
        ([ev.DigitHeard(at=moment(3), leg=1, digit="*"), ev.RecordingPauseRequested(at=moment(3), paused=True)], False),
        (
            [
                ev.RecordingPauseRequested(at=moment(3), paused=True),
                ev.RecordingPauseRequested(at=moment(3), paused=True, by_line=True),
            ],
            False,
        ),
    ],
    ids=["line's key", "line by HTTP", "by hand", "caller's key", "line, then by hand", "by hand, then line"],
)
def test_a_pause_that_the_line_asked_for_ends_with_its_talk(events: list[ev.Event], resumed: bool) -> None:  # noqa: FBT001 parameters of the test
    talk = Talk(replace(FROM_CONNECT, pause_key="*", paused_by=PausedBy.EITHER), dial("east+recover"), dial("west"))
    talk.at(2).connect()
    for event in events:
        talk.at(3).feed(event)
    talk.at(4).feed(ended(moment(4), ["1", "peer", "line_hung_up"]))
    talk.at(7).connect(2)
    talk.at(9).caller_leaves()
    ends = ["4 ResumeRecording"] if resumed else []
    assert talk.said == ["2 StartRecording caller wav", "3 PauseRecording", *ends, f"9 {STOP}"]


def test_a_refused_call_has_none() -> None:
    talk = Talk(FROM_ANSWER, dial("east"))
    talk.at(2).caller_leaves()
    assert (talk.said, talk.turn) == ([], RecordingTurn.OVER)


def test_an_announcement_is_recorded_without_a_notice_only() -> None:
    announce = Announce(prompt="closed", because=NoRoute.CLOSED)
    assert Talk(FROM_ANSWER, announce).said == ["0 Play 1 closed", f"0 {START}"]
    assert Talk(replace(FROM_ANSWER, notice="recorded"), announce).said == ["0 Play 1 closed"]


def test_the_notice_takes_the_place_of_the_first_prompt_and_is_completed_first() -> None:
    talk = Talk(replace(FROM_ANSWER, notice="recorded"), MENU, dial("east"))
    assert (talk.said, talk.turn) == (["0 Play 1 recorded"], RecordingTurn.NOTICE)
    talk.at(4).prompt_ended(1)
    assert talk.said[1:] == ["4 Play 2 welcome", f"4 {START}"]
    talk.at(6).digit("1")
    talk.at(8).connect()
    assert len(talk.said) == 3


def test_a_notice_that_a_key_cut_short_is_heard_again_by_both() -> None:
    talk = Talk(replace(FROM_ANSWER, notice="recorded"), MENU, dial("east"))
    talk.at(1).digit("1")
    assert talk.turn is RecordingTurn.WAITING
    talk.prompt_ended(1)  # it crossed the key
    talk.at(5).connect()
    assert talk.said == ["0 Play 1 recorded", "5 Play 2 recorded", "5 Play 3 recorded to 1"]
    talk.at(8).prompt_ended(3, leg=1)
    talk.at(9).prompt_ended(2)
    assert talk.said[3:] == [f"9 {START}"]


def test_without_a_menu_both_hear_the_notice_and_what_happens_meanwhile_does_not_repeat_it() -> None:
    talk = Talk(replace(FROM_CONNECT, notice="recorded"), dial("east"))
    talk.at(2).connect()
    talk.at(7).feed(ev.DeadlinePassed(at=moment(7)))  # a heartbeat
    talk.at(14).feed(ev.DeadlinePassed(at=moment(14)))  # money is owed
    assert talk.said == ["2 Play 1 recorded", "2 Play 2 recorded to 1"]
    talk.at(15).prompt_ended(1)
    assert talk.said[2:] == ["15 StartRecording caller wav"]


def test_a_notice_that_was_not_completed_before_the_line_left_is_heard_with_the_next() -> None:
    talk = Talk(replace(FROM_CONNECT, notice="recorded"), dial("east+recover"), dial("west"))
    talk.at(2).connect()
    talk.at(3).feed(ended(moment(3), ["1", "peer", "line_hung_up"]))
    talk.at(6).connect(2)
    assert talk.said[2:] == ["6 Play 3 recorded", "6 Play 4 recorded to 2"]


def test_a_notice_that_can_not_be_played_means_no_recording() -> None:
    talk = Talk(replace(FROM_CONNECT, notice="recorded"), dial("east"))
    talk.at(2).connect()
    talk.prompt_ended(1, why="no such file")
    talk.at(9).caller_leaves()
    assert talk.turn is RecordingTurn.OVER
    assert len(talk.said) == 2


@pytest.mark.parametrize(
    ("by", "leg", "works"),
    [
        (PausedBy.LINE, 1, True),
        (PausedBy.LINE, 0, False),
        (PausedBy.CALLER, 0, True),
        (PausedBy.CALLER, 1, False),
        (PausedBy.EITHER, 0, True),
        (PausedBy.EITHER, 1, True),
        (PausedBy.EITHER, 2, False),
    ],
)
def test_a_key_pauses_and_resumes_in_talk(by: PausedBy, leg: int, works: bool) -> None:  # noqa: FBT001 parameters of the test
    talk = Talk(replace(FROM_CONNECT, pause_key="*", paused_by=by), dial("east", "west"))
    talk.at(1).digit("*", leg)  # it rings
    talk.at(2).connect()
    for second, key in ((3, "*"), (4, "5"), (5, "*"), (6, "*")):
        talk.at(second).digit(key, leg)
    talk.at(9).caller_leaves()
    paused = ["3 PauseRecording", "5 ResumeRecording", "6 PauseRecording"] if works else []
    assert talk.said == ["2 StartRecording caller wav", *paused, f"9 {STOP}"]


def test_no_key_pauses_where_none_is_named() -> None:
    talk = Talk(FROM_CONNECT, dial("east"))
    talk.at(2).connect()
    for key in DIGITS:
        talk.digit(key, 1)
    assert len(talk.said) == 1


def test_it_is_paused_and_resumed_by_hand_once_each() -> None:
    talk = Talk(FROM_ANSWER, MENU, dial("east"))
    for second, paused in ((1, True), (2, True), (3, False), (4, False)):
        talk.at(second).feed(ev.RecordingPauseRequested(at=moment(second), paused=paused))
    assert talk.said[2:] == ["1 PauseRecording", "3 ResumeRecording"]


def test_what_is_not_recorded_can_not_be_paused() -> None:
    talk = Talk(FROM_CONNECT, dial("east"))
    talk.at(1).feed(ev.RecordingPauseRequested(at=moment(1), paused=True))
    talk.at(2).connect()
    assert talk.said == ["2 StartRecording caller wav"]


def test_one_that_failed_is_not_stopped_or_started_again() -> None:
    talk = Talk(FROM_CONNECT, dial("east+recover"), dial("west"))
    talk.at(2).connect()
    talk.at(3).feed(ev.RecordingFailed(at=moment(3), why="the disk is full"))
    talk.at(4).feed(ended(moment(4), ["1", "peer", "line_hung_up"]))
    talk.at(6).connect(2)
    talk.at(9).feed(ev.Stopped(at=moment(9), cause=Cause.SHUTDOWN))
    assert talk.said == ["2 StartRecording caller wav"]


def test_voicemail_ends_the_recording_of_the_call_and_begins_its_own() -> None:
    talk = Talk(FROM_ANSWER, MENU, voicemail("closed"))
    talk.at(2).digit("1")
    talk.at(4).prompt_ended(2)
    talk.at(5).prompt_ended(3)
    talk.at(9).digit("#")
    assert talk.said == [
        "0 Play 1 welcome",
        f"0 {START}",
        f"2 {STOP}",
        "2 Play 2 leave-a-message",
        "4 Play 3 beep",
        "5 StartRecording caller wav voicemail",
        f"9 {STOP}",
    ]


@pytest.mark.parametrize("terms", [FROM_ANSWER, FROM_CONNECT, replace(FROM_ANSWER, notice="recorded")])
def test_a_call_that_goes_straight_to_voicemail_has_its_message_alone(terms: RecordingTerms) -> None:
    talk = Talk(terms, voicemail("closed", "thanks"))
    talk.at(4).prompt_ended(1)
    talk.at(5).prompt_ended(2)
    talk.at(9).digit("#")
    talk.at(11).prompt_ended(3)
    assert [said for said in talk.said if "Play" not in said] == ["5 StartRecording caller wav voicemail", f"9 {STOP}"]


def test_a_message_pauses_by_hand_and_not_by_a_key() -> None:
    talk = Talk(replace(FROM_ANSWER, pause_key="*", paused_by=PausedBy.CALLER), voicemail("closed"))
    talk.at(4).prompt_ended(1)
    talk.at(5).prompt_ended(2)
    talk.at(6).digit("*")
    talk.at(7).feed(ev.RecordingPauseRequested(at=moment(7), paused=True))
    talk.at(9).digit("#")
    assert talk.said[2:] == ["5 StartRecording caller wav voicemail", "7 PauseRecording", f"9 {STOP}"]
