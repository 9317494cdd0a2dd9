"""Results of probes in the ledger, and calls of probes that count for nobody when usage is read again."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from probe_rows import found

from switch.billing.verdict import JudgedCall
from switch.ledger.columns import columns_of
from switch.ledger.database import Database
from switch.ledger.probes import FailingProbe, failing_now
from switch.ledger.store import Ledger
from switch.period import Period

Judge = Callable[[str], JudgedCall]
WHY = ("answers: 486 Busy Here, after 0.1 s",)


def test_what_is_written_is_read_newest_first(ledger: Ledger) -> None:
    rows = [found(at_us=3), found(at_us=1, failures=WHY), found(at_us=3, number=2), found(at_us=2, probe="b", target="b")]
    ledger.add_probes(rows)
    assert ledger.probes() == [rows[2], rows[0], rows[3], rows[1]]
    assert ledger.probes(since_us=3) == [rows[2], rows[0]]
    assert ledger.probes(target="b") == [rows[3]]
    assert ledger.probes(limit=1) == [rows[2]]


def failing(**changes: object) -> FailingProbe:
    row = found()
    usual = {"probe": row.probe, "kind": row.kind, "target": row.target, "since_us": 1, "last_us": 1, "times": 1, "failures": WHY}
    return FailingProbe(**{**usual, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], ()),
        ([found(at_us=1)], ()),
        ([found(at_us=1, failures=WHY)], (failing(),)),
        ([found(at_us=1, failures=WHY), found(at_us=2)], ()),
        ([found(at_us=1), found(at_us=2, failures=WHY), found(at_us=3, failures=WHY)], (failing(since_us=2, last_us=3, times=2),)),
        ([found(at_us=1, failures=WHY), found(at_us=1, number=2)], (failing(),)),
        ([found(at_us=1), found(at_us=1, number=2, failures=WHY)], (failing(),)),
        (
            [found(at_us=1, failures=WHY), found(probe="a", at_us=5, failures=WHY)],
            (failing(probe="a", since_us=5, last_us=5), failing()),
        ),
    ],
)
def test_failing_now_is_what_failed_last(rows: list[object], expected: tuple[FailingProbe, ...]) -> None:
    assert failing_now(rows) == expected  # type: ignore[arg-type]
    assert failing_now(reversed(rows)) == expected  # type: ignore[arg-type]


def test_only_the_probes_that_are_asked_about_are_failing() -> None:
    rows = [found(failures=WHY), found(probe="a", failures=WHY)]
    assert [each.probe for each in failing_now(rows, only={"a", "b"})] == ["a"]


def test_calls_of_probes_count_for_nobody(ledger: Ledger, judged: Judge) -> None:
    usual, probe = judged("a"), judged("b")
    ledger.write([usual])
    with ledger.reading() as sums:
        before, made = sorted(sums.tallies(0)), sums.made(10)
    tried = replace(probe, record=replace(probe.record, probe=True), verdict=replace(probe.verdict, rows=(), states=()))
    ledger.write([tried])
    with ledger.reading() as sums:
        assert (sorted(sums.tallies(0)), sums.made(10)) == (before, made)
    assert before
    assert made
    assert ledger.calls(limit=1, call_id="b")[0].record.probe


@pytest.mark.parametrize("period", [Period(), Period(from_us=1, to_us=2**62)])
def test_calls_of_probes_are_in_no_report(ledger: Ledger, judged: Judge, url: str, period: Period) -> None:
    probe = judged("b")
    ledger.write([judged("a"), replace(probe, record=replace(probe.record, probe=True))])
    with columns_of(Database(url)) as columns:
        assert columns.count(period) == 1
        assert [each for block in columns.calls(["call_id"], period) for each in block["call_id"]] == ["a"]
        lines = [each for block in columns.attempts(period) for each in block["call_id"]]
    assert lines.count("a") == len(judged("a").record.attempts)
