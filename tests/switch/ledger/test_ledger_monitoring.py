"""What the monitor asks of a ledger: sums of old and of new calls, near misses, hours; and the alerts it keeps there."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from leg_figures import figures
from probe_rows import found

from switch.billing.verdict import JudgedCall
from switch.call.record import FinalState, Outcome
from switch.ledger.database import Database
from switch.ledger.monitoring import RING_MS, TALK_MS, TOLD, LineResults, MonitorLedger, Tally
from switch.ledger.probes import SCHEDULE
from switch.ledger.store import Ledger
from switch.ledger.tables import AlertRow

Judge = Callable[[str], JudgedCall]


@pytest.fixture
def monitor(ledger: Ledger, url: str) -> Iterator[MonitorLedger]:
    found = MonitorLedger(Database(url))
    yield found
    found.close()


def missed(judged: JudgedCall, *, billable: bool = False) -> JudgedCall:
    return replace(judged, verdict=replace(judged.verdict, near_miss=True, billable=billable))


def busy(judged: JudgedCall) -> JudgedCall:
    """Nobody took the call."""
    first = replace(judged.record.attempts[0], outcome=Outcome.FAILED, pdd_ms=250)
    record = replace(judged.record, final_state=FinalState.FAILED, connected_ms=0, attempts=(first,))
    return replace(judged, record=record, verdict=replace(judged.verdict, revenue_micros=0, payout_micros=0, rows=(), states=()))


def outcomes(tally: Tally) -> dict[str, int]:
    return {each.outcome: each.calls for each in tally.calls}


def test_calls_are_numbered_in_the_order_in_which_they_are_written(ledger: Ledger, monitor: MonitorLedger, judged: Judge) -> None:
    assert monitor.last_number() == 0
    ledger.write([judged("b"), judged("a")])
    ledger.write([judged("a"), judged("c")])  # a is there already
    assert monitor.last_number() == 3
    assert outcomes(monitor.tally(0, 3)) == {"converted": 3}
    assert outcomes(monitor.tally(2, 3)) == {"converted": 1}
    assert monitor.tally(3, 3) == Tally(calls=[], attempts=[])


def test_sums_of_steps_are_the_sum_of_all(ledger: Ledger, monitor: MonitorLedger, judged: Judge) -> None:
    ledger.write([judged("a"), busy(judged("b")), judged("c")])
    whole = next(each for each in monitor.tally(0, 3).calls if each.outcome == "converted")
    (first,), (third,) = monitor.tally(0, 1).calls, monitor.tally(2, 3).calls
    assert whole.calls == first.calls + third.calls == 2
    assert whole.talk == first.talk + third.talk
    assert whole.revenue_micros == 2 * judged("a").verdict.revenue_micros


def test_spreads_have_those_with_a_value_at_or_below_each_bound(ledger: Ledger, monitor: MonitorLedger, judged: Judge) -> None:
    ledger.write([judged("a"), busy(judged("b"))])
    tally = monitor.tally(0, 2)
    talks = {each.outcome: each.talk for each in tally.calls}
    assert talks["converted"].number == 1
    assert talks["converted"].total == 95_000
    assert dict(zip(TALK_MS, talks["converted"].counts, strict=True))[90_000] == 0
    assert dict(zip(TALK_MS, talks["converted"].counts, strict=True))[120_000] == 1
    assert (talks["failed"].number, talks["failed"].total) == (0, 0)
    rings = {(each.line, each.outcome): each.ring for each in tally.attempts}
    assert rings["acme-east", "failed"].counts == tuple(int(bound >= 250) for bound in RING_MS)
    answers = {(each.line, each.outcome): each.answer for each in tally.attempts}
    assert (answers["acme-west", "answered"].number, answers["acme-west", "answered"].total) == (1, 3_800)


def test_quality_is_by_codec(ledger: Ledger, monitor: MonitorLedger, judged: Judge) -> None:
    ledger.write([judged("a"), judged("b")])
    ledger.write_media([("a", figures()), ("b", replace(figures(), codec=None))])
    (found,) = monitor.quality(0, 2)
    assert found.codec == figures().codec
    assert found.loss.number == (figures().received_lost_share is not None)
    assert found.mos.total == pytest.approx(figures().received_mos or 0)
    assert monitor.quality(1, 2) == []


def test_the_last_while_has_attempts_near_misses_and_hours(ledger: Ledger, monitor: MonitorLedger, judged: Judge) -> None:
    a = judged("a")
    at_us, ended_us = a.record.invited_us, a.record.ended_us
    ledger.write([a, missed(judged("b")), missed(judged("c"), billable=True), busy(judged("d"))])
    spans = ((at_us, at_us + 1), (at_us - 1, at_us), (at_us + 1, at_us + 2))
    found = monitor.recent(lines_since_us=at_us, misses_since_us=ended_us, probes_since_us=0, spans=spans)
    assert found.lines == {
        "acme-east": LineResults(answered=0, failed=1),
        "acme-west": LineResults(answered=3, failed=0),
    }
    assert found.near_misses == {("acme-west", "radio-ads"): 1}
    assert found.invited == (4, 0, 0)
    later = monitor.recent(lines_since_us=ended_us, misses_since_us=ended_us + 1, probes_since_us=0, spans=())
    assert (later.lines, later.near_misses) == ({}, {})


def row(cause: str, event: str, at_us: int) -> AlertRow:
    return AlertRow(cause=cause, kind="line", event=event, level=0, at_us=at_us, text="it is down")


def test_alerts_are_kept_and_the_last_of_each_cause_is_found(monitor: MonitorLedger) -> None:
    assert monitor.last_alerts() == monitor.alerts(limit=9) == []
    first = [row("line:a", "raised", 1), row("line:b", "raised", 2), row("line:a", TOLD, 3), row("line:a", "over", 4)]
    monitor.add_alerts(first)
    monitor.add_alerts([row("line:b", TOLD, 5)])
    assert [(each.cause, each.event) for each in monitor.last_alerts()] == [
        ("line:b", "raised"),
        ("line:a", TOLD),
        ("line:a", "over"),
        ("line:b", TOLD),
    ]
    assert [each.at_us for each in monitor.alerts(limit=2)] == [5, 4]
    assert monitor.alerts(limit=9)[::-1] == [*first, row("line:b", TOLD, 5)]


def test_calls_of_probes_are_in_no_figure_and_results_of_those_on_schedule_are_there(
    ledger: Ledger, monitor: MonitorLedger, judged: Judge
) -> None:
    probe = judged("a")
    ledger.write([replace(probe, record=replace(probe.record, probe=True), verdict=replace(probe.verdict, rows=(), states=()))])
    by_schedule = found(at_us=5, actor=SCHEDULE)
    ledger.add_probes([by_schedule, found(at_us=5, probe="other", actor="ops:anna"), found(at_us=4, actor=SCHEDULE)])
    assert monitor.tally(0, 10) == Tally(calls=[], attempts=[])
    recent = monitor.recent(lines_since_us=0, misses_since_us=0, probes_since_us=5, spans=[(0, 2**62)])
    assert (recent.lines, recent.invited, recent.probes) == ({}, (0,), (by_schedule,))
