"""Recordings in a whole engine: what recorder, worker and ledger are told, and that a call goes on whatever becomes of its recording."""

from dataclasses import replace

from engine_world import EAST, World, line, plan

from media import control as mc
from media import recording as mr
from switch.call.recording_terms import RecordingTerms, Sides, StartsAt
from switch.control.command import ProcessState, carry_out
from switch.control.messages import Failed, PauseRecording, RecordingPaused, Reply
from switch.engine.effect import ForgetRecordings, KeepRecording, TellRecorder
from switch.engine.plan import Plan

TAPS = "/run/taps"


def recorded(**terms: object) -> Plan:
    return replace(plan(line("east", EAST)), recordings={"quotes": RecordingTerms(**{"sides": Sides.BOTH, **terms})})  # type: ignore[arg-type]


class Recorded(World):
    def recorder_says(self, report: mr.RecorderReport) -> None:
        self.engine.recorder_report(report, self.at())
        self.flush()

    @property
    def recorder_told(self) -> list[mr.RecorderOrder]:
        return [effect.order for effect in self.effects if isinstance(effect, TellRecorder)]

    def taps(self) -> list[mc.Order]:
        return [order for order in self.orders if isinstance(order, mc.Tap | mc.Untap)]


def ended(recording: int | None, *, call_id: str, why: str | None = None) -> mr.RecordingEnded:
    return mr.RecordingEnded(
        recording=recording,
        call_id=call_id,
        path="a.wav",
        sides="both",
        started_us=1,
        ended_us=2,
        sha256="00",
        length_ms=1,
        why=why,
    )


def a_call(world: Recorded, *, hang_up_ms: int = 10_000) -> None:
    world.line_phone(EAST, answer_ms=1_000)
    world.call(hang_up_ms=hang_up_ms)


def test_the_callers_leg_is_tapped_from_answer_to_end() -> None:
    world = Recorded(recorded())
    world.recorder_says(mr.RecorderReady(pid=7, taps=TAPS))
    a_call(world)
    world.run(60_000)
    (judged,) = world.records
    start, stop = world.recorder_told
    assert isinstance(start, mr.StartRecording)
    assert isinstance(stop, mr.StopRecording)
    call_id = judged.record.call_id
    assert (start.call_id, start.path, start.sides) == (call_id, f"2026/03/02/{call_id}.wav", "both")
    assert start.started_us == judged.record.answered_us
    assert stop.at_ns - start.at_ns == judged.record.total_ms * 1_000_000
    caller = next(order.a for order in world.orders if isinstance(order, mc.Bridge))
    assert world.taps() == [mc.Tap(port=caller, tap=start.recording, path=TAPS)]  # the end of its leg is the tap's
    assert mc.Close(port=caller) in world.orders
    world.recorder_says(ended(start.recording, call_id=call_id))
    assert [effect.recording.path for effect in world.effects if isinstance(effect, KeepRecording)] == ["a.wav"]
    assert not world.complaints


def test_one_side_is_half_a_tap() -> None:
    world = Recorded(recorded(sides=Sides.CALLER, start=StartsAt.CONNECT))
    world.recorder_says(mr.RecorderReady(pid=7, taps=TAPS))
    a_call(world)
    world.run(60_000)
    tap = world.taps()[0]
    assert isinstance(tap, mc.Tap)
    assert (tap.received, tap.sent) == (True, False)


def test_without_a_recorder_the_call_goes_on_and_an_alert_is_given() -> None:
    world = Recorded(recorded())
    a_call(world)
    world.run(60_000)
    assert world.recorder_told == []
    assert world.taps() == []
    assert [problem.what for problem in world.complaints] == ["the call's recording: there is no recorder"]
    assert world.records[0].record.connected_ms > 5_000


def test_a_full_disk_ends_the_recording_and_not_the_call() -> None:
    world = Recorded(recorded())
    world.recorder_says(mr.RecorderReady(pid=7, taps=TAPS))
    a_call(world)
    world.run(5_000)
    (start,) = world.recorder_told
    assert isinstance(start, mr.StartRecording)
    world.recorder_says(ended(start.recording, call_id=start.call_id, why="No space left on device"))
    world.run(60_000)
    assert len(world.recorder_told) == 1
    assert [type(order) for order in world.taps()] == [mc.Tap, mc.Untap]
    assert [problem.what for problem in world.complaints] == ["the call's recording: No space left on device"]
    assert world.records[0].record.connected_ms > 5_000
    assert any(event.event == "RecordingFailed" for event in world.records[0].events)


def test_a_dead_recorder_ends_its_recordings_and_the_next_one_has_the_next_call() -> None:
    world = Recorded(recorded())
    world.recorder_says(mr.RecorderReady(pid=7, taps=TAPS))
    a_call(world)
    world.run(5_000)
    world.engine.recorder_lost(world.at())
    world.flush()
    assert [type(order) for order in world.taps()] == [mc.Tap, mc.Untap]
    assert [problem.what for problem in world.complaints] == ["the call's recording: the recorder died"]
    world.recorder_says(mr.RecorderReady(pid=8, taps=TAPS))
    world.call(hang_up_ms=10_000)
    world.run(60_000)
    starts = [order for order in world.recorder_told if isinstance(order, mr.StartRecording)]
    assert [order.recording for order in starts] == [1, 2]
    assert [type(order) for order in world.recorder_told[1:]] == [mr.StartRecording, mr.StopRecording]
    assert len(world.records) == 2


def test_what_a_dead_recorder_left_goes_to_the_ledger() -> None:
    world = Recorded(recorded())
    world.recorder_says(ended(None, call_id="before", why="the recorder died"))
    assert [effect.recording.call_id for effect in world.effects if isinstance(effect, KeepRecording)] == ["before"]
    assert not world.complaints


def test_expired_files_are_told_to_the_ledger() -> None:
    world = Recorded(recorded())
    world.recorder_says(mr.RecordingsExpired(paths=("a.wav", "b.wav")))
    (forget,) = [effect for effect in world.effects if isinstance(effect, ForgetRecordings)]
    assert (forget.paths, forget.actor, forget.at_us) == (("a.wav", "b.wav"), "retention", world.at().utc_us)


def test_it_is_paused_and_resumed_by_hand() -> None:
    world = Recorded(recorded())
    world.recorder_says(mr.RecorderReady(pid=7, taps=TAPS))
    a_call(world)
    world.run(5_000)
    (start,) = world.recorder_told
    assert isinstance(start, mr.StartRecording)
    assert world.engine.pause_recording(start.call_id, world.at(), paused=True) is None
    world.run(1_000)
    assert world.engine.pause_recording(start.call_id, world.at(), paused=False) is None
    world.run(60_000)
    assert [type(order) for order in world.recorder_told[1:]] == [mr.PauseRecording, mr.ResumeRecording, mr.StopRecording]
    assert world.engine.pause_recording(start.call_id, world.at(), paused=True) == f"no call {start.call_id} is in progress"


def test_an_operator_may_shorten_the_id() -> None:
    world = Recorded(recorded())
    world.recorder_says(mr.RecorderReady(pid=7, taps=TAPS))
    a_call(world, hang_up_ms=6_000)
    world.call(hang_up_ms=60_000)
    world.run(5_000)
    _, longer = sorted(order.call_id for order in world.recorder_told if isinstance(order, mr.StartRecording))

    def told(call_id: str, advertiser: str | None = None) -> Reply:
        order = PauseRecording(id=1, call_id=call_id, paused=True, advertiser=advertiser)
        return carry_out(order, world.engine, lambda: ProcessState(started_us=0, ends_us=None), world.at(), drain=lambda _: None)

    some = longer[:-1]
    assert told(some) == Failed(id=1, why=f"more than one call in progress begins with {some}: give more of its id")
    world.run(10_000)
    assert told(some) == RecordingPaused(id=1, call_id=longer, paused=True)
    for wrong in (f"{longer}0", longer[1:], ""):
        assert told(wrong) == Failed(id=1, why=f"no call {wrong} is in progress")
    assert told(some, "acme") == Failed(id=1, why=f"no call {some} is in progress"), "an advertiser says the whole id"


def test_an_advertiser_pauses_what_its_own_line_talks_in() -> None:
    world = Recorded(recorded())
    world.recorder_says(mr.RecorderReady(pid=7, taps=TAPS))
    a_call(world)
    world.run(5_000)
    (start,) = world.recorder_told
    assert isinstance(start, mr.StartRecording)
    call_id, none = start.call_id, f"no call {start.call_id} is in progress"
    assert world.engine.pause_recording(call_id, world.at(), paused=True, advertiser="bolt") == none
    assert world.engine.pause_recording(call_id, world.at(), paused=True, advertiser="acme") is None
    world.run(60_000)
    assert world.engine.pause_recording(call_id, world.at(), paused=True, advertiser="acme") == none


def test_a_call_that_is_not_recorded_can_not_be_paused() -> None:
    world = Recorded(plan(line("east", EAST)))
    a_call(world)
    world.run(5_000)
    (call_id,) = {call_id for call_id, _ in world.journal}
    assert world.engine.pause_recording(call_id, world.at(), paused=True) == f"call {call_id} is not being recorded"
