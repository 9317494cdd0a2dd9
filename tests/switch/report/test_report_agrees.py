"""Over random calls, every row and the totals are what plain Python works out call by call."""

import shutil
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_rows import append_posting

from switch.billing.terms import attributed_attempt
from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow
from switch.call.record import AttemptRecord, EndedBy, FinalState
from switch.ledger.database import Database
from switch.ledger.store import Ledger, PostingRow
from tests.switch.report.ten_calls import MICROS, attempt, call, correction, judged, us
from tests.switch.report.test_report_metrics import asked

START_US = us("2026-03-07T20:00")
LINES = ("east", "west", "beta")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    judged: JudgedCall
    posted: tuple[MoneyRow, ...]

    @property
    def money(self) -> tuple[MoneyRow, ...]:
        return (*self.judged.verdict.rows, *self.posted)

    def sum(self, kind: MoneyKind, *, line: str | None = None) -> int:
        return sum(row.amount_micros for row in self.money if row.kind is kind and line in (None, row.line))


@st.composite
def drawn_calls(draw: st.DrawFn) -> list[Drawn]:
    return [_drawn(draw, f"c{number}") for number in range(draw(st.integers(1, 12)))]


def _drawn(draw: st.DrawFn, call_id: str) -> Drawn:
    at = f"2026-03-{draw(st.integers(7, 9)):02d}T{draw(st.integers(0, 23)):02d}:{draw(st.integers(0, 59)):02d}"
    lines = draw(st.lists(st.sampled_from(LINES), unique=True, max_size=3))
    attempts: list[AttemptRecord] = []
    for number, line in enumerate(lines, start=1):
        talk_ms = draw(st.one_of(st.none(), st.integers(0, 300_000)))
        ended_by = draw(st.sampled_from((EndedBy.CALLER, EndedBy.LINE)))
        attempts.append(attempt(line, number, us(at) + number * MICROS, talk_ms=talk_ms, ended_by=ended_by))
    amounts = st.integers(1, 50 * MICROS)
    owing = [line for line in lines if draw(st.booleans())]
    paying = draw(st.sampled_from(("", *lines)))
    record = call(
        call_id,
        at,
        publisher=draw(st.sampled_from(("radio", "search"))),
        state=draw(st.sampled_from(("TX", "OK", None))),
        attempts=attempts,
        final_state=FinalState.CONVERTED if owing else FinalState.CONNECTED_SHORT,
    )
    made = judged(
        record,
        revenue=[(line, draw(amounts)) for line in owing],
        payout=(paying, draw(amounts)) if draw(st.booleans()) else None,
        cost=draw(st.integers(0, 90_000)),
        near_miss=bool(owing) and draw(st.booleans()),
    )
    amended = [row for row in made.verdict.rows if row.kind is not MoneyKind.COST and draw(st.integers(0, 3)) == 0]
    return Drawn(
        judged=made,
        posted=tuple(correction(row, -draw(st.integers(0, row.amount_micros)), at_us=row.at_us + 1) for row in amended),
    )


def written(directory: Path, empty: Path, calls: list[Drawn]) -> str:
    path = directory / "random.sqlite"
    shutil.copy(empty, path)
    ledger = Ledger(Database(f"sqlite:///{path}"))
    ledger.write([each.judged for each in calls])
    rows = [row for each in calls for row in each.posted]
    append_posting(ledger, rows, [], PostingRow(party="a", idempotency_key="1", at_us=1, request="", answer=""))
    ledger.close()
    return f"sqlite:///{path}"


def worked_out(calls: list[Drawn]) -> dict[str, Any]:
    talks = sorted(
        each.judged.record.connected_ms
        for each in calls
        if any(attempt.talk_us is not None for attempt in each.judged.record.attempts)
    )
    converted = sum(each.sum(MoneyKind.REVENUE) > 0 for each in calls)
    sums = {kind: sum(each.sum(kind) for each in calls) for kind in (MoneyKind.REVENUE, MoneyKind.PAYOUT, MoneyKind.COST)}
    revenue, payout, cost = sums.values()
    return {
        "incoming": len(calls),
        "connected": len(talks),
        "converted": converted,
        "paid": sum(each.sum(MoneyKind.PAYOUT) > 0 for each in calls),
        "near_misses": sum(each.judged.verdict.near_miss for each in calls),
        "connected_p50_ms": talks[ceil(Fraction(len(talks), 2)) - 1] if talks else None,
        "connected_p90_ms": talks[ceil(Fraction(len(talks) * 9, 10)) - 1] if talks else None,
        "connected_mean_ms": int(Fraction(sum(talks), len(talks)) + Fraction(1, 2)) if talks else None,
        "revenue_micros": revenue,
        "payout_micros": payout,
        "cost_micros": cost,
        "margin_micros": revenue - payout - cost,
        "cost_per_acquisition_micros": int(Fraction(payout, converted) + Fraction(1, 2)) if converted else None,
    }


def groups(calls: list[Drawn], key: Callable[[Drawn], Any]) -> dict[Any, dict[str, Any]]:
    found: dict[Any, list[Drawn]] = defaultdict(list)
    for each in calls:
        found[key(each)].append(each)
    return {value: worked_out(some) for value, some in found.items()}


WITHIN = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@WITHIN
@given(calls=drawn_calls())
def test_rows_and_totals_agree_with_plain_python(tmp_path: Path, empty: Path, calls: list[Drawn]) -> None:
    url = written(tmp_path, empty, calls)
    report = asked(url, "publisher,state")
    expected = groups(calls, lambda each: (each.judged.record.publisher, each.judged.record.tags.get("state")))
    found = {row[:2]: dict(zip(report.rows.columns, row, strict=True)) for row in report.rows.iter_rows()}
    assert {key: {name: row[name] for name in expected[key]} for key, row in found.items()} == expected
    totals = report.totals.row(0, named=True)
    assert {name: totals[name] for name in worked_out(calls)} == worked_out(calls)


@WITHIN
@given(calls=drawn_calls())
def test_lines_share_the_money_of_their_calls_and_each_has_the_call(tmp_path: Path, empty: Path, calls: list[Drawn]) -> None:
    url = written(tmp_path, empty, calls)
    report = asked(url, "line")
    found = {row["line"]: row for row in report.rows.iter_rows(named=True)}
    for line in LINES:
        dialled = [each for each in calls if any(tried.line == line for tried in each.judged.record.attempts)]
        row = found.get(line, defaultdict(int))
        assert row["incoming"] == len(dialled)
        assert row["revenue_micros"] == sum(each.sum(MoneyKind.REVENUE, line=line) for each in dialled)
        assert row["payout_micros"] == sum(each.sum(MoneyKind.PAYOUT, line=line) for each in dialled)
        bearing = [each for each in dialled if attributed_attempt(each.judged.record.attempts).line == line]  # type: ignore[union-attr]
        assert row["cost_micros"] == sum(each.sum(MoneyKind.COST) for each in bearing)
    totals = report.totals.row(0, named=True)
    expected = worked_out(calls)
    del expected["near_misses"]  # of lines that ended talk
    assert {name: totals[name] for name in expected} == expected
    for name in ("revenue_micros", "payout_micros", "cost_micros"):
        assert report.rows[name].sum() == totals[name]
