"""How many bars a picture of a report has: at the limit and one past it."""

from datetime import date, timedelta

import polars as pl
import pytest

from switch.report import plot
from switch.report.aggregate import Report


def report(by: str, names: list[str]) -> Report:
    """One call for each name, the first of which earns most."""
    rows = pl.DataFrame({by: names, "revenue_micros": [-number for number in range(len(names))], "incoming": [1] * len(names)})
    return Report(by=(by,), metrics=("revenue_micros", "incoming"), rows=rows, totals=rows, first_us=None, last_us=None)


@pytest.mark.parametrize(("days", "first"), [(40, 0), (41, 1)])
def test_of_days_the_last_40_are_drawn(days: int, first: int) -> None:
    names = [(date(2026, 1, 1) + timedelta(days=number)).isoformat() for number in range(days)]
    assert [row["day"] for row in plot._rows(report("day", names))] == names[first:]


@pytest.mark.parametrize("lines", [12, 13])
def test_of_names_the_12_that_earn_most_are_drawn(lines: int) -> None:
    names = [f"line-{number}" for number in range(lines)]
    assert [row["line"] for row in plot._rows(report("line", names))] == names[:12]
