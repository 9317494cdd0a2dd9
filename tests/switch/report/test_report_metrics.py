"""Every metric of `docs/billing.md` §16 on ten calls whose numbers were worked out by hand (see `ten_calls`), on both databases."""

from contextlib import closing
from typing import Any

import pytest

from routing.table import Table
from switch.call.record import CallRecord
from switch.ledger.columns import columns_of
from switch.ledger.database import Database
from switch.period import parse_period
from switch.report.aggregate import Report, run_queries
from switch.report.capacity import Capacity
from switch.report.fields import DEFAULT, METRICS
from switch.report.query import ReportQuery, parse_dimensions, parse_filter, parse_metrics
from tests.switch.report.ten_calls import MICROS, attempt, call, us

NOBODY = Capacity(table=Table(version="", numbers={}, publishers={}, campaigns={}, lines={}), max_calls=100)
NEW_YORK = "America/New_York"


def asked(
    url: str,
    by: str = "",
    *,
    metrics: str | None = "all",
    where: str | None = None,
    zone: str = "UTC",
    start: str | None = None,
    end: str | None = None,
    live: list[CallRecord] | None = None,
) -> Report:
    query = ReportQuery(
        by=parse_dimensions(by),
        metrics=parse_metrics(metrics),
        where=parse_filter(where),
        period=parse_period(start, end, zone=zone),
    )
    with closing(
        Database(url)
    ) as database:  # an open one keeps SQLite's log, which the next file of that name would take for its own
        return run_queries(database, [query], NOBODY, live=lambda: live)[0]


def rows(report: Report, metric: str) -> dict[Any, Any]:
    """One metric by the dimensions of its row."""
    found = {tuple(row[name] for name in report.by): row[metric] for row in report.rows.iter_rows(named=True)}
    return {key[0] if len(key) == 1 else key: value for key, value in found.items()}


def row_of(report: Report, by: Any) -> dict[str, Any]:
    return next(row for row in report.rows.iter_rows(named=True) if row[report.by[0]] == by)


def test_every_metric_of_all_calls(ten: str) -> None:
    report = asked(ten)
    assert report.rows.row(0, named=True) == {
        "incoming": 10,
        "live": None,
        "connected": 8,
        "converted": 5,
        "paid": 5,
        "near_misses": 1,
        "conversion_of_connected": 5 / 8,
        "conversion_of_incoming": 0.5,
        "connected_mean_ms": 100_000,
        "connected_p50_ms": 95_000,
        "connected_p90_ms": 200_000,
        "revenue_micros": 145 * MICROS,
        "payout_micros": 64 * MICROS,
        "cost_micros": 136_000,
        "margin_micros": 80_864_000,
        "revenue_per_call_micros": 29 * MICROS,
        "revenue_per_incoming_micros": 14_500_000,
        "revenue_per_connected_micros": 18_125_000,
        "cost_per_acquisition_micros": 12_800_000,
        "peak_calls": 1,
        "capacity_calls": 0,
        "peak_of_capacity": None,
        "measured_calls": 0,
        "loss": None,
        "jitter_ms": None,
        "mos_narrowband": None,
        "low_narrowband": None,
        "mos_wideband": None,
        "low_wideband": None,
    }
    assert list(report.rows.columns) == list(METRICS)


def test_a_call_counts_in_each_lines_row_and_once_in_the_totals(ten: str) -> None:
    report = asked(ten, "line")
    assert rows(report, "incoming") == {"east": 5, "west": 3, "beta": 3, None: 2}
    assert rows(report, "connected") == {"east": 4, "west": 3, "beta": 3, None: 0}
    assert report.totals["incoming"].item() == 10
    assert report.totals["connected"].item() == 8
    assert report.totals["connected_p50_ms"].item() == 95_000  # of whole calls: c9 talked 185 s with two lines


def test_money_belongs_to_the_line_that_earned_it_and_is_never_doubled(ten: str) -> None:
    report = asked(ten, "line")
    assert rows(report, "converted") == {"east": 2, "west": 2, "beta": 2, None: 0}
    assert rows(report, "paid") == {"east": 2, "west": 1, "beta": 2, None: 0}
    assert rows(report, "revenue_micros") == {"east": 50 * MICROS, "west": 55 * MICROS, "beta": 40 * MICROS, None: 0}
    assert rows(report, "payout_micros") == {"east": 36 * MICROS, "west": 18 * MICROS, "beta": 10 * MICROS, None: 0}
    assert rows(report, "cost_micros") == {"east": 76_000, "west": 15_000, "beta": 40_000, None: 5_000}
    assert rows(report, "near_misses") == {"east": 0, "west": 1, "beta": 0, None: 0}
    for name in ("revenue_micros", "payout_micros", "cost_micros"):
        assert report.rows[name].sum() == report.totals[name].item() == asked(ten).totals[name].item()


def test_two_lines_of_one_advertiser_are_one_call_of_his(ten: str) -> None:
    acme = row_of(asked(ten, "advertiser"), "acme")
    assert (acme["incoming"], acme["connected"], acme["converted"]) == (5, 5, 3)
    assert (acme["connected_mean_ms"], acme["connected_p50_ms"], acme["connected_p90_ms"]) == (108_000, 100_000, 185_000)
    assert acme["revenue_micros"] == 105 * MICROS


def test_by_publisher_campaign_state_number_and_trunk(ten: str) -> None:
    assert rows(asked(ten, "publisher"), "revenue_micros") == {"radio": 145 * MICROS, "search": 0, "mail": 0, None: 0}
    assert rows(asked(ten, "campaign"), "incoming") == {"auto": 6, "home": 2, "free": 1, None: 1}
    assert rows(asked(ten, "state"), "incoming") == {"TX": 6, "OK": 1, "CA": 1, None: 2}
    assert rows(asked(ten, "trunk"), "incoming") == {"carrier-a": 10}
    assert rows(asked(ten, "number"), "incoming") == {
        "+18005550105": 4,
        "+18005550106": 3,
        "+18005550104": 2,
        "+18005550100": 1,
    }


def test_final_states_and_who_ended_calls_as_breakdowns(ten: str) -> None:
    assert rows(asked(ten, "final_state"), "incoming") == {
        "converted": 6,
        "connected_short": 2,
        "caller_left_in_menu": 1,
        "rejected_unknown_number": 1,
    }
    assert rows(asked(ten, "ended_by,near_miss"), "incoming") == {
        ("caller", False): 8,
        ("line", True): 1,
        ("switch", False): 1,
    }


def test_what_was_posted_afterwards_belongs_to_its_call_and_takes_conversions_back(ten: str) -> None:
    on_the_day = asked(ten, "publisher,day", start="2026-03-03", end="2026-03-04")
    assert rows(on_the_day, "converted")["search", "2026-03-03"] == 0
    assert rows(on_the_day, "revenue_micros")["search", "2026-03-03"] == 0
    assert rows(on_the_day, "revenue_micros")["radio", "2026-03-03"] == 50 * MICROS
    assert asked(ten, "day", start="2026-03-05").first_us is None  # the day of the posting has no calls


def test_without_calls_there_are_no_means_and_no_rates(ten: str) -> None:
    rejected = asked(ten, where="final_state == rejected_unknown_number").rows.row(0, named=True)
    assert rejected["incoming"] == 1
    for name in ("conversion_of_connected", "connected_mean_ms", "connected_p50_ms", "connected_p90_ms", "revenue_per_call_micros"):
        assert rejected[name] is None
    assert rejected["conversion_of_incoming"] == 0


def test_days_and_hours_are_those_of_the_zone(ten: str) -> None:
    assert rows(asked(ten, "day"), "incoming") == {"2026-03-02": 5, "2026-03-03": 5}
    assert rows(asked(ten, "day", zone=NEW_YORK), "incoming") == {"2026-03-02": 6, "2026-03-03": 4}
    assert rows(asked(ten, "hour", zone=NEW_YORK), "incoming") == {9: 3, 10: 2, 11: 4, 23: 1}
    assert rows(asked(ten, "weekday", zone=NEW_YORK), "incoming") == {"mon": 6, "tue": 4}
    assert rows(asked(ten, "hour", zone="Asia/Kathmandu"), "incoming") == {10: 1, 19: 1, 20: 3, 21: 3, 22: 2}


def test_the_period_is_read_in_the_zone_and_its_end_is_not_included(ten: str) -> None:
    assert asked(ten, start="2026-03-02", end="2026-03-03").totals["incoming"].item() == 5
    assert asked(ten, start="2026-03-02", end="2026-03-03", zone=NEW_YORK).totals["incoming"].item() == 6
    exactly = asked(ten, start="2026-03-02T14:10", end="2026-03-02T14:20").totals
    assert exactly["incoming"].item() == 1
    assert exactly["revenue_micros"].item() == 25 * MICROS


def test_a_period_reads_the_attempts_and_money_of_its_calls_alone(ten: str) -> None:
    report = asked(ten, "line", start="2026-03-02", end="2026-03-03")
    assert rows(report, "incoming") == {"east": 3, "west": 1, "beta": 1, None: 1}
    assert rows(report, "revenue_micros") == {"east": 25 * MICROS, "west": 30 * MICROS, "beta": 40 * MICROS, None: 0}


@pytest.mark.parametrize(
    ("where", "incoming", "revenue"),
    [
        ("publisher == radio", 4, 145),
        ("publisher != radio", 5, 0),  # nobody's call has no publisher to be unlike
        ("state in [TX, OK] and campaign == auto", 5, 105),
        ("state not in [TX, OK]", 1, 40),
        ("not (publisher == radio)", 6, 0),
        ("not known(publisher)", 1, 0),
        ("near_miss", 1, 30),
        ("hour >= 15 and day == '2026-03-02'", 2, 40),
        ("final_state begins_with rejected", 1, 0),
        ("line == west", 3, 55),
        ("advertiser == beta-inc or publisher == search", 6, 40),
    ],
)
def test_filters_ask_dimensions_as_the_config_asks_tags(ten: str, where: str, incoming: int, revenue: int) -> None:
    totals = asked(ten, where=where.replace("'", '"')).totals
    assert (totals["incoming"].item(), totals["revenue_micros"].item()) == (incoming, revenue * MICROS)


def test_calls_in_progress_count_as_live_and_as_nothing_else(ten: str) -> None:
    now = us("2026-03-03T17:00")
    dialled = [attempt("east", 1, now, talk_ms=None), attempt("west", 2, now, talk_ms=40_000)]
    going_on = [
        call("l1", "2026-03-03T17:00", publisher="radio", attempts=dialled),
        call("l2", "2026-03-03T17:00", publisher=None, state=None),
        call("c9", "2026-03-03T16:20"),  # has ended meanwhile
    ]
    report = asked(ten, "publisher", live=going_on)
    assert rows(report, "live") == {"radio": 1, "search": 0, "mail": 0, None: 1}
    assert report.totals["live"].item() == 2
    assert report.totals["incoming"].item() == 10
    assert report.totals["connected"].item() == 8
    assert rows(asked(ten, "line", live=going_on), "live") == {"east": 1, "west": 1, "beta": 0, None: 1}
    assert asked(ten, live=going_on, end="2026-03-03").totals["live"].item() == 0
    assert asked(ten, live=[]).totals["live"].item() == 0


def test_metrics_are_those_asked_for_in_their_order(ten_on_sqlite: str) -> None:
    report = asked(ten_on_sqlite, "publisher", metrics="payout,incoming,connected_p50_ms,payout")
    assert report.rows.columns == ["publisher", "payout_micros", "incoming", "connected_p50_ms"]
    assert tuple(asked(ten_on_sqlite, metrics=None).rows.columns) == DEFAULT


def test_rows_come_in_the_order_of_their_dimensions(ten_on_sqlite: str) -> None:
    assert [row[:2] for row in asked(ten_on_sqlite, "weekday,hour", zone=NEW_YORK).rows.iter_rows()] == [
        ("mon", 9), ("mon", 10), ("mon", 23), ("tue", 11),
    ]  # fmt: skip


def test_columns_come_in_blocks_without_loss(ten: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.ledger.columns.BLOCK_ROWS", 3)
    with columns_of(Database(ten)) as columns:
        blocks = list(columns.calls(("call_id", "publisher"), parse_period(None, None, zone="UTC")))
    assert len(blocks) == (1 if ten.startswith("postgresql") else 4)
    assert sorted(call_id for block in blocks for call_id in block["call_id"]) == sorted(f"c{n}" for n in range(1, 11))
    assert asked(ten).totals["revenue_micros"].item() == 145 * MICROS
