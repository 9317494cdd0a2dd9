"""How many bars a picture of a report has, and how much of a text it shows: at the limit and one past it."""

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


@pytest.mark.parametrize(("characters", "shown"), [(40, "x" * 40), (41, "x" * 39 + "…")])
def test_of_a_name_40_characters_are_drawn(characters: int, shown: str) -> None:
    some = report("number", ["x" * characters])
    assert plot._labels(some, plot._rows(some)) == [shown]


@pytest.mark.parametrize(("characters", "shown"), [(300, "x" * 300), (301, "x" * 299 + "…")])
def test_of_a_title_300_characters_are_drawn(characters: int, shown: str) -> None:
    assert plot._title("x" * characters).replace("\n", "") == shown


def test_what_is_not_to_be_seen_is_drawn_as_an_escape() -> None:
    some = report("number", ["\x1b[2J"])
    assert plot._labels(some, plot._rows(some)) == [r"\x1b[2J"]
