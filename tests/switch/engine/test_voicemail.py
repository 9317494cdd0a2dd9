"""Voicemail in a whole engine: what worker, recorder and ledger are told, and that every way it can end leaves one record."""

from dataclasses import replace

import pytest
from engine_world import EAST, MENU, World, line, plan

from media import control as mc
from media import recording as mr
from routing.table import NoRoute, ToVoicemail
from switch.billing.terms import Rate
from switch.billing.verdict import JudgedCall
from switch.call.record import EndedBy, FinalState
from switch.call.recording_terms import RecordingTerms, Sides
from switch.engine.effect import AppendJournal, TellRecorder
from switch.engine.journal_line import recover_call
from switch.engine.plan import Plan

TAPS = "/run/taps"
TERMS = ToVoicemail(greeting="closed-greeting", longest_ms=30_000, goodbye="thanks")


def with_voicemail(terms: ToVoicemail = TERMS, **recordings: RecordingTerms) -> Plan:
    made = plan(line("east", EAST, limit=0), overflow={NoRoute.CAPPED: terms})
    trunk = replace(made.trunks[0], rate=Rate(per_minute_micros=600_000, initial_s=6, step_s=6))
    return replace(made, trunks=(trunk,), recordings=recordings)


class Desk(World):
    """`recorder`: whether there is one."""

    def __init__(self, with_plan: Plan, *, recorder: bool = True) -> None:
        super().__init__(with_plan)
        if recorder:
            self.recorder_says(mr.RecorderReady(pid=7, taps=TAPS))

    def recorder_says(self, report: mr.RecorderReport) -> None:
        self.engine.recorder_report(report, self.at())
        self.flush()

    def press(self, key: str) -> None:
        """The caller does."""
        port = next(order.port for order in self.orders if isinstance(order, mc.Open))
        self.engine.report(1, mc.DigitReceived(port=port, digit=key, at_ns=self.now_ns), self.at())
        self.flush()

    @property
    def recorder_told(self) -> list[mr.RecorderOrder]:
        return [effect.order for effect in self.effects if isinstance(effect, TellRecorder)]

    def started(self) -> mr.StartRecording:
        (start,) = [order for order in self.recorder_told if isinstance(order, mr.StartRecording)]
        return start

    def played(self) -> list[str]:
        return [order.prompt for order in self.orders if isinstance(order, mc.Play)]

    def only(self) -> JudgedCall:
        (judged,) = self.records
        return judged


def outcome(judged: JudgedCall) -> tuple[FinalState, EndedBy, str]:
    return judged.record.final_state, judged.record.ended_by, judged.record.ended_detail


def test_the_caller_hears_greeting_and_beep_speaks_and_presses_the_key() -> None:
    world = Desk(with_voicemail())
    world.call()
    world.run(12_000)
    world.press("#")
    world.run(60_000)
    judged = world.only()
    assert world.played() == ["closed-greeting", "beep", "thanks"]
    start, stop = world.recorder_told
    assert isinstance(start, mr.StartRecording)
    assert isinstance(stop, mr.StopRecording)
    call_id = judged.record.call_id
    assert (start.path, start.sides, start.kind) == (f"2026/03/02/{call_id}.voicemail.wav", "caller", "voicemail")
    taps = [order for order in world.orders if isinstance(order, mc.Tap | mc.Untap)]
    port = taps[0].port
    assert taps == [mc.Tap(port=port, tap=start.recording, path=TAPS, sent=False), mc.Untap(port=port, tap=start.recording)]
    beep = max(index for index, order in enumerate(world.orders) if isinstance(order, mc.Play) and order.prompt == "beep")
    assert beep < world.orders.index(taps[0]), "the beep is over before the message begins"
    assert outcome(judged) == (FinalState.CAPPED, EndedBy.SWITCH, "capped")


def test_it_is_no_talk_and_no_attempt_and_costs_what_the_carrier_bills() -> None:
    world = Desk(with_voicemail())
    world.call(hang_up_ms=12_000)
    world.run(60_000)
    judged = world.only()
    record, verdict = judged.record, judged.verdict
    assert outcome(judged) == (FinalState.CAPPED, EndedBy.CALLER, "caller_hung_up")
    assert (record.connected_ms, record.attempts, verdict.billable, verdict.paid) == (0, (), False, False)
    assert (verdict.revenue_micros, verdict.payout_micros) == (0, 0)
    assert record.total_ms == 12_000
    assert verdict.cost_micros == 120_000, "two steps of six seconds"


@pytest.mark.parametrize("hang_up_ms", [500, 1_500])
def test_a_caller_who_leaves_in_the_greeting_or_at_the_beep_leaves_no_message(hang_up_ms: int) -> None:
    world = Desk(with_voicemail())
    world.call(hang_up_ms=hang_up_ms)
    world.run(60_000)
    assert world.recorder_told == []
    assert outcome(world.only()) == (FinalState.CAPPED, EndedBy.CALLER, "caller_hung_up")


def test_the_longest_message_ends_and_the_caller_is_thanked() -> None:
    world = Desk(with_voicemail())
    world.call()
    world.run(120_000)
    start, stop = world.recorder_told
    assert isinstance(start, mr.StartRecording)
    assert isinstance(stop, mr.StopRecording)
    assert stop.at_ns - start.at_ns == TERMS.longest_ms * 1_000_000
    assert world.played()[-1] == "thanks"
    assert outcome(world.only()) == (FinalState.CAPPED, EndedBy.SWITCH, "capped")


def test_without_a_recorder_the_call_ends_before_anything_is_said() -> None:
    world = Desk(with_voicemail(), recorder=False)
    world.call()
    world.run(60_000)
    judged = world.only()
    assert world.played() == ["closed-greeting", "beep"]
    assert world.recorder_told == []
    assert [problem.what for problem in world.complaints] == ["the call's recording: there is no recorder"]
    assert outcome(judged) == (FinalState.CAPPED, EndedBy.SWITCH, "capped")
    assert judged.record.total_ms < 3_000


def test_a_full_disk_ends_the_recording_and_cuts_nobody_off() -> None:
    world = Desk(with_voicemail())
    world.call(hang_up_ms=15_000)
    world.run(8_000)
    start = world.started()
    failed = mr.RecordingEnded(
        recording=start.recording,
        call_id=start.call_id,
        path=start.path,
        sides="caller",
        started_us=1,
        ended_us=2,
        kind="voicemail",
        why="No space left on device",
    )
    world.recorder_says(failed)
    world.run(60_000)
    assert [problem.what for problem in world.complaints] == ["the call's recording: No space left on device"]
    assert outcome(world.only()) == (FinalState.CAPPED, EndedBy.CALLER, "caller_hung_up")
    assert world.only().record.total_ms > 14_000


def test_a_dead_recorder_cuts_nobody_off_either() -> None:
    world = Desk(with_voicemail())
    world.call(hang_up_ms=15_000)
    world.run(8_000)
    world.engine.recorder_lost(world.at())
    world.flush()
    world.run(60_000)
    assert outcome(world.only()) == (FinalState.CAPPED, EndedBy.CALLER, "caller_hung_up")


def test_a_media_worker_that_dies_ends_the_call_and_its_message() -> None:
    world = Desk(with_voicemail())
    world.call()
    world.run(8_000)
    world.engine.worker_lost(1, world.at())
    world.flush()
    world.run(60_000)
    assert [type(order) for order in world.recorder_told] == [mr.StartRecording, mr.StopRecording]
    assert outcome(world.only()) == (FinalState.CAPPED, EndedBy.SWITCH, "media_failed")


def test_of_a_recorded_campaign_the_menu_is_one_file_and_the_message_another() -> None:
    made = with_voicemail(quotes=RecordingTerms(sides=Sides.BOTH))
    campaign = replace(made.table.campaigns["quotes"], menu=MENU.start)
    table = replace(made.table, campaigns={"quotes": campaign})
    world = Desk(replace(made, table=table, menus={MENU.start: MENU}))
    world.call(hang_up_ms=12_000)
    world.run(500)
    world.press("1")
    world.run(60_000)
    starts = [order for order in world.recorder_told if isinstance(order, mr.StartRecording)]
    day = f"2026/03/02/{world.only().record.call_id}"
    assert [(order.kind, order.path) for order in starts] == [("talk", f"{day}.wav"), ("voicemail", f"{day}.voicemail.wav")]
    assert [type(order) for order in world.recorder_told] == [mr.StartRecording, mr.StopRecording] * 2


def test_after_a_crash_the_journal_gives_one_record_that_ends_where_the_journal_does() -> None:
    world = Desk(with_voicemail())
    world.call()
    world.run(12_000)
    (call_id,) = {call_id for call_id, _ in world.journal}
    recovered = recover_call([payload for _, payload in world.journal])
    record = recovered.record
    assert (record.call_id, record.final_state, record.ended_by) == (call_id, FinalState.CRASHED, EndedBy.CRASH)
    assert (record.attempts, record.connected_ms, recovered.verdict.billable) == ((), 0, False)
    assert "Voicemail closed-greeting capped" in str([event.facts for event in recovered.events])
    world.press("#")
    world.run(60_000)
    again = recover_call([payload for _, payload in world.journal])
    assert again == world.only(), "the journal of a call that is over gives the record that was written"


def test_the_journal_has_the_message_before_the_recorder_is_told() -> None:
    world = Desk(with_voicemail())
    world.call()
    world.run(12_000)
    lines = (
        index for index, each in enumerate(world.effects) if isinstance(each, AppendJournal) and b"StartRecording" in each.payload
    )
    told = next(index for index, each in enumerate(world.effects) if isinstance(each, TellRecorder))
    assert next(lines) < told
