"""Whatever comes, doubled, late or out of order: the promises of `docs/design.md` §1 hold for the call machine."""

from dataclasses import dataclass, field

import flow
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.menu import DIGITS
from routing.ruling import Announce, Choice, Dial, EnterMenu, NotRouted, Wait
from routing.table import NoRoute
from switch.call import cdr
from switch.call import command as do
from switch.call import event as ev
from switch.call.cause import Cause
from switch.call.hold_terms import DEFAULT_HOLD
from switch.call.machine import advance, begin
from switch.call.moment import Moment
from switch.call.record import CallRecord, FinalState
from switch.call.recording_terms import RecordingFormat, RecordingKind, Sides
from switch.call.state import CALLER, Call, Ended, LegState
from switch.call.steps import Step

CHOICES: list[Choice] = [
    EnterMenu(menu=flow.PLAN.start, tags={}),
    Dial(attempts=(flow.attempt("east"),), early_media=True),
    Dial(attempts=(flow.attempt("west+recover"),)),
    Dial(attempts=(flow.attempt("east"), flow.attempt("west+recover"), flow.attempt("north+key"))),
    Dial(attempts=(flow.attempt("south+whisper"),)),
    Wait(campaign="quotes", because=NoRoute.CAPPED, again_ms=5_000),
    Wait(campaign="quotes", because=NoRoute.CAPPED, again_ms=5_000, position=2),
    Announce(prompt="busy", because=NoRoute.CAPPED),
    flow.voicemail("busy"),
    flow.voicemail("closed", "goodbye"),
    NotRouted(because=NoRoute.NO_ANSWER),
]
END_CAUSES = [Cause.CALLER_HUNG_UP, Cause.LINE_HUNG_UP, Cause.BUSY, Cause.LINE_FAILED, Cause.CALLER_NO_ACK]


@dataclass
class World:
    """A call among events from anywhere: every ruling is answered at once, as the engine does; the commands are kept."""

    now: int = 0
    call: Call | None = None
    commands: list[do.Command] = field(default_factory=list)
    rulings: list[Choice] = field(default_factory=list)
    failed: bool = False

    def at(self) -> Moment:
        return flow.moment(self.now / 1_000)

    def invite(self) -> None:
        self.take(begin(flow.invite(self.at())))

    def feed(self, event: ev.Event) -> None:
        assert self.call is not None
        self.failed = self.failed or isinstance(event, ev.RecordingFailed)
        self.take(advance(self.call, event))

    def take(self, step: Step) -> None:
        self.call = step.call
        self.commands.extend(step.commands)
        if any(isinstance(command, do.AskRoute) for command in step.commands):
            asked = len(self.call.legs) > 8 or not self.rulings
            choice = NotRouted(because=NoRoute.NO_ANSWER) if asked else self.rulings.pop()
            if isinstance(choice, EnterMenu) and self.call.history.menus:
                choice = NotRouted(because=NoRoute.NO_MATCH)
            announces = isinstance(choice, Wait) and choice.position > 1
            self.feed(flow.ruled(self.at(), choice, hold=flow.HOLD if announces else DEFAULT_HOLD))

    def run_out(self) -> CallRecord:
        """The world does its duty: every leg ends, every deadline passes."""
        assert self.call is not None
        for turn in range(60):
            if isinstance(self.call.phase, Ended):
                return cdr.build_record(self.call.history)
            for leg, state in enumerate(self.call.legs):
                if state is LegState.LEAVING:
                    self.feed(ev.LegEnded(at=self.at(), leg=leg, by_peer=False, cause=Cause.LINE_HUNG_UP))
            if turn == 40:  # heartbeats for ever: let the longest call pass
                self.now = max(self.now, self.call.expires.mono_ns // 1_000_000)
            if self.call.deadline is not None:
                self.now = max(self.now, self.call.deadline.mono_ns // 1_000_000 + 1)
            self.feed(ev.DeadlinePassed(at=self.at()))
        raise AssertionError("the call never ends")


def of_media(at: Moment, leg: int, *, last: Moment) -> list[ev.Event]:
    return [
        ev.MediaLost(at=at, leg=leg, last=None),
        ev.MediaLost(at=at, leg=leg, last=last),
        ev.MediaHeard(at=at, leg=leg, both=False),
        ev.MediaHeard(at=at, leg=leg, both=True),
        ev.MediaQuiet(at=at, leg=leg, since=last),
    ]


def of_nobody(at: Moment) -> list[ev.Event]:
    """Of the hold queue, of the recorder, and of who steers the switch."""
    return [
        ev.TurnCame(at=at),
        ev.RecordingFailed(at=at, why="a full disk"),
        ev.RecordingPauseRequested(at=at, paused=True),
        ev.HangUpRequested(at=at, actor="cli:anna", reason=""),
    ]


def event(draw: st.DrawFn, world: World) -> ev.Event:
    """Any event for any leg there is, whether it makes sense now or not."""
    assert world.call is not None
    at = world.at()
    leg = draw(st.integers(0, len(world.call.legs) - 1))
    line = max(1, leg)
    there = len(world.call.legs) > 1
    kinds = ["ended", "digit", "prompt", "prompt", "deadline", "bare", "bare", "acked", "media", "media"]
    kinds += ["rang", "answered", "answered", "unusable", "durable", "durable"] if there else []
    kinds += ["transfer", "transfer"] if there else []
    match draw(st.sampled_from(kinds)):
        case "transfer":
            return draw(st.sampled_from(of_transfer(at, line)))
        case "ended":
            cause = draw(st.sampled_from(END_CAUSES))
            return ev.LegEnded(
                at=at, leg=leg, by_peer=draw(st.booleans()), cause=cause, sip_code=draw(st.sampled_from([None, 200, 486]))
            )
        case "digit":
            return ev.DigitHeard(at=at, leg=leg, digit=draw(st.sampled_from(sorted(DIGITS))))
        case "prompt":
            return ev.PromptEnded(at=at, leg=leg, play=draw(st.integers(0, world.call.plays + 1)))
        case "bare":
            return draw(st.sampled_from(of_nobody(at)))
        case "acked":
            return ev.CallerAcknowledged(at=at)
        case "media":
            return draw(st.sampled_from(of_media(at, leg, last=flow.moment(draw(st.integers(0, world.now)) / 1_000))))
        case "rang":
            status = draw(st.sampled_from([180, 181, 182, 183]))
            return ev.LegRang(at=at, leg=line, status=status, early_media=draw(st.booleans()))
        case "answered":
            return ev.LegAnswered(at=at, leg=line)
        case "unusable":
            return ev.AnswerUnusable(at=at, leg=line)
        case "durable":
            return ev.AnswerDurable(at=at, leg=line)
        case _:
            return ev.DeadlinePassed(at=at)


def of_transfer(at: Moment, leg: int) -> list[ev.Event]:
    return [
        ev.TransferRequested(at=at, leg=leg, uri="sip:desk@192.0.2.9"),
        ev.TransferAnswered(at=at, leg=leg),
        ev.TransferFailed(at=at, leg=leg, status=486),
        ev.TransferorLeft(at=at, leg=leg, by_peer=True, cause=Cause.LINE_HUNG_UP),
        ev.TransferorLeft(at=at, leg=leg, by_peer=False, cause=Cause.SESSION_EXPIRED),
    ]


@st.composite
def calls(draw: st.DrawFn) -> tuple[World, CallRecord]:
    world = World(rulings=draw(st.lists(st.sampled_from(CHOICES), min_size=1, max_size=6)))
    world.invite()
    earlier: list[ev.Event] = []
    for _ in range(draw(st.integers(0, 25))):
        world.now += draw(st.sampled_from([0, 1, 40, 1_000, 5_000, 20_000]))
        doubled = bool(earlier) and draw(st.integers(0, 4)) == 0
        happened = draw(st.sampled_from(earlier)) if doubled else event(draw, world)
        earlier.append(happened)
        world.feed(happened)
    return world, world.run_out()


@settings(max_examples=200, deadline=None, print_blob=True)
@given(calls())
def test_every_call_ends_in_exactly_one_record_that_is_true(played: tuple[World, CallRecord]) -> None:
    world, record = played
    finishes = [command for command in world.commands if isinstance(command, do.Finish)]
    assert len(finishes) == 1
    after = world.commands[world.commands.index(finishes[0]) + 1 :]
    assert all(isinstance(command, do.ReleaseCaps) for command in after)  # legs that end later free their caps, no more
    assert record.connected_ms <= record.total_ms
    assert record.answered_us is None or record.answered_us <= record.ended_us
    assert record.menu_ms <= (record.ended_us - record.invited_us) // 1_000 + 1
    for attempt in record.attempts:
        assert attempt.connected_ms == 0 or attempt.answer_delay_ms is not None
        assert attempt.connected_ms * 1_000 <= max(0, record.ended_us - attempt.invited_us)


@settings(max_examples=200, deadline=None, print_blob=True)
@given(calls())
def test_nobody_is_left_behind(played: tuple[World, CallRecord]) -> None:
    """Every line that was dialled has ended or was told to; the caller has one final answer, and no second one."""
    world, record = played
    assert world.call is not None
    assert all(state is LegState.ENDED for state in world.call.legs)
    dialled = [command.leg for command in world.commands if isinstance(command, do.Dial)]
    assert dialled == list(range(1, len(world.call.legs)))
    finals = [command for command in world.commands if isinstance(command, do.Answer | do.Refuse)]
    assert len(finals) <= 1
    assert len(record.attempts) == len(dialled)


@settings(max_examples=200, deadline=None, print_blob=True)
@given(calls())
def test_only_those_who_were_bridged_talked(played: tuple[World, CallRecord]) -> None:
    world, record = played
    bridged = [command.leg for command in world.commands if isinstance(command, do.Bridge)]
    assert len(bridged) <= 1
    talked = [attempt.number for attempt in record.attempts if attempt.connected_ms > 0]
    assert set(talked) <= set(bridged)
    assert len(talked) <= 1


@settings(max_examples=200, deadline=None, print_blob=True)
@given(calls(), st.data())
def test_nothing_reaches_a_call_that_is_over(played: tuple[World, CallRecord], data: st.DataObject) -> None:
    world, _ = played
    assert world.call is not None
    late = event(data.draw, world)  # type: ignore[arg-type]
    step = advance(world.call, late)
    assert step.call is world.call
    freed = (do.ReleaseCaps(leg=late.leg),) if isinstance(late, ev.LegEnded) and late.leg != CALLER else ()
    assert step.commands == freed


@settings(max_examples=200, deadline=None, print_blob=True)
@given(calls())
def test_every_attempt_frees_its_caps(played: tuple[World, CallRecord]) -> None:
    """By the time that its leg has ended; before that the call has given it up, or the leg ended of itself."""
    world, record = played
    freed = {command.leg for command in world.commands if isinstance(command, do.ReleaseCaps)}
    given_up = {command.leg for command in world.commands if isinstance(command, do.ReleaseCallCaps)}
    assert freed | given_up == {attempt.number for attempt in record.attempts}


@settings(max_examples=200, deadline=None, print_blob=True)
@given(calls())
def test_a_message_is_recorded_once_and_its_recording_ends_or_fails(played: tuple[World, CallRecord]) -> None:
    world, record = played
    turns = [command for command in world.commands if isinstance(command, do.StartRecording | do.StopRecording)]
    assert [type(turn) for turn in turns] in ([], [do.StartRecording], [do.StartRecording, do.StopRecording])
    if turns:
        assert turns[0] == do.StartRecording(sides=Sides.CALLER, format=RecordingFormat.WAV, kind=RecordingKind.VOICEMAIL)
        assert record.connected_ms == 0 or record.final_state is FinalState.CONNECTED_SHORT
        assert len(turns) == 2 or world.failed
