"""How well audio arrived, by trunk, line and campaign: the ten calls, with figures of some of their legs, on both databases.

call  leg         received: loss, jitter, MOS    sent: loss, jitter, MOS
c1    caller      0      1 ms   4.40             1 %    2 ms   4.30
c1    1 (east)    0      1 ms   4.40             -
c2    caller      2 %    5 ms   4.19             -
c2    1 (east)    busy
c2    2 (west)    20 %   30 ms  2.60             0      1 ms   4.40
c8    1 (east)    G.722: 0, 1 ms, 4.34           5 %    3 ms   2.88
c8    2 (west)    G.722: 0, 1 ms, 4.34           -
c8    2 (other)   Opus, whom west transferred the call to: 10 %, 9 ms, no score
"""

from collections.abc import Sequence

import pytest
from leg_figures import without_far_end

from switch.call.leg_media import LegMedia
from switch.ledger.database import Database
from switch.ledger.store import Ledger
from switch.report.fields import QUALITY
from tests.switch.report.test_report_metrics import asked, row_of, rows

Direction = tuple[float, float, float | None]
NOTHING = dict.fromkeys(QUALITY) | {"measured_calls": 0}


def leg(number: int, received: Direction, sent: Direction | None = None, *, codec: str = "PCMU", port: int = 20_000) -> LegMedia:
    """Of each direction: lost share, jitter in ms, MOS."""
    there = dict(zip(("received_lost_share", "received_jitter_ms", "received_mos"), received, strict=True))
    back = dict(zip(("sent_lost_share", "sent_jitter_ms", "sent_mos"), sent or (None, None, None), strict=True))
    return without_far_end(leg=number, port=port, codec=codec, **there, **back)


FIGURES = [
    ("c1", leg(0, (0.0, 1.0, 4.40), (0.01, 2.0, 4.30))),
    ("c1", leg(1, (0.0, 1.0, 4.40))),
    ("c2", leg(0, (0.02, 5.0, 4.19))),
    ("c2", leg(2, (0.20, 30.0, 2.60), (0.0, 1.0, 4.40), codec="PCMA")),
    ("c8", leg(1, (0.0, 1.0, 4.34), (0.05, 3.0, 2.88), codec="G722")),
    ("c8", leg(2, (0.0, 1.0, 4.34), codec="G722")),
    ("c8", leg(2, (0.10, 9.0, None), codec="OPUS", port=20_002)),
    ("elsewhere", leg(0, (1.0, 99.0, 1.0))),
]


def write(url: str, figures: Sequence[tuple[str, LegMedia]]) -> str:
    ledger = Ledger(Database(url))
    ledger.write_media(figures)
    ledger.close()
    return url


@pytest.fixture
def measured(ten: str) -> str:
    return write(ten, FIGURES)


def quality(**found: float | None) -> dict[str, object]:
    return {name: None if value is None else pytest.approx(value) for name, value in (NOTHING | found).items()}


def test_of_a_trunk_the_callers_leg_counts_its_worse_direction(measured: str) -> None:
    report = asked(measured, "trunk", metrics="quality")
    assert report.rows.row(0, named=True) == {"trunk": "carrier-a"} | quality(
        measured_calls=2, loss=0.015, jitter_ms=3.5, mos_narrowband=4.245, low_narrowband=0.0
    )


def test_of_a_line_its_own_leg_counts_that_of_whom_it_transferred_to_too(measured: str) -> None:
    report = asked(measured, "line", metrics="quality")
    assert row_of(report, "east") == {"line": "east"} | quality(
        measured_calls=2, loss=0.025, jitter_ms=2.0, mos_narrowband=4.40, low_narrowband=0.0, mos_wideband=2.88, low_wideband=1.0
    )
    assert row_of(report, "west") == {"line": "west"} | quality(
        measured_calls=2, loss=0.15, jitter_ms=19.5, mos_narrowband=2.60, low_narrowband=1.0, mos_wideband=4.34, low_wideband=0.0
    )
    assert row_of(report, "beta") == {"line": "beta"} | quality()
    assert row_of(report, None) == {"line": None} | quality()


def test_totals_are_of_calls_each_as_good_as_its_worst_line(measured: str) -> None:
    assert asked(measured, "line", metrics="quality").totals.row(0, named=True) == quality(
        measured_calls=3,
        loss=(0.0 + 0.20 + 0.10) / 3,
        jitter_ms=(1 + 30 + 9) / 3,
        mos_narrowband=3.5,
        low_narrowband=0.5,
        mos_wideband=2.88,
        low_wideband=1.0,
    )


def test_of_a_campaign_all_legs_count(measured: str) -> None:
    report = asked(measured, "campaign", metrics="quality")
    assert row_of(report, "auto") == {"campaign": "auto"} | quality(
        measured_calls=3,
        loss=(0.01 + 0.20 + 0.10) / 3,
        jitter_ms=(2 + 30 + 9) / 3,
        mos_narrowband=(4.30 + 2.60) / 2,
        low_narrowband=0.5,
        mos_wideband=2.88,
        low_wideband=1.0,
    )
    assert row_of(report, "home") == {"campaign": "home"} | quality()


def test_a_call_of_both_scales_has_a_score_of_each(ten: str) -> None:
    write(ten, [("c1", leg(0, (0.0, 1.0, 4.40))), ("c1", leg(1, (0.0, 1.0, 3.0), codec="G722"))])
    (row,) = asked(ten, metrics="quality").rows.iter_rows(named=True)
    assert row == quality(
        measured_calls=1, loss=0.0, jitter_ms=1.0, mos_narrowband=4.40, low_narrowband=0.0, mos_wideband=3.0, low_wideband=1.0
    )


@pytest.mark.parametrize(("mos", "share"), [(3.59, 1.0), (3.6, 0.0)])
def test_a_score_is_low_below_the_limit_and_not_at_it(ten_on_sqlite: str, mos: float, share: float) -> None:
    write(ten_on_sqlite, [("c1", leg(0, (0.0, 1.0, mos)))])
    assert asked(ten_on_sqlite, metrics="low_narrowband").rows.item() == share


def test_quality_stands_beside_other_metrics_and_changes_none(measured: str) -> None:
    plain = asked(measured, "line", metrics="incoming,revenue,connected_p50")
    beside = asked(measured, "line", metrics="incoming,revenue,connected_p50,measured")
    assert beside.rows.drop("measured_calls").equals(plain.rows)
    assert beside.totals.drop("measured_calls").equals(plain.totals)


def test_periods_and_filters_hold(measured: str) -> None:
    assert rows(asked(measured, "trunk", metrics="measured", start="2026-03-03"), "measured_calls") == {"carrier-a": 0}
    assert rows(asked(measured, "line", metrics="measured", start="2026-03-03"), "measured_calls")["west"] == 1
    assert asked(measured, metrics="measured", where="line == west").rows.item() == 2
    assert asked(measured, metrics="measured", where="trunk == carrier-a").rows.item() == 3


def test_a_ledger_without_figures_has_none(ten: str) -> None:
    assert asked(ten, "publisher", metrics="quality").totals.row(0, named=True) == NOTHING


def test_files_have_a_column_for_each(measured: str) -> None:
    report = asked(measured, "trunk", metrics="quality")
    assert (
        report.csv().splitlines()[0]
        == "trunk,measured_calls,loss,jitter_ms,mos_narrowband,low_narrowband,mos_wideband,low_wideband"
    )
    assert '"mos_wideband": null' in report.json_lines()
