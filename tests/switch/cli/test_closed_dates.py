"""`check --calendar`: the dates of the next twelve months that are not as in an ordinary week; and the age of tables."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from switch.cli.closed_dates import Calendar, calendar_lines, calendars, stale_tables
from switch.cli.main import app
from switch.engine.clock import SystemClock
from switch.settings.load import load

YAML = """
hours:
  boston: {zone: America/New_York, mon-fri: 09:00-17:00, holidays: [US-MA]}
  whole: {zone: America/New_York, mon-fri: 09:00-17:00, holidays: [US, US-MA]}
  plain: {zone: America/New_York, daily: 09:00-17:00}
  dated:
    zone: America/Los_Angeles
    mon-fri: 09:00-17:00
    dates:
      "2026-06-29": closed
      "2026-06-30": closed
      "2026-07-01": closed
      "2026-07-04": ["10:00-12:00", "13:00-14:30"]
      "2027-06-30": closed
menus:
  by-hours: {branch: [{hours: boston, then: {menu: qualify}}], otherwise: {menu: qualify}}
advertisers:
  beta:
    lines:
      beta-whole: {uri: sip:beta@127.0.0.1:5073, hours: whole}
      beta-again: {uri: sip:beta@127.0.0.1:5073, hours: whole}
      beta-plain: {uri: sip:beta@127.0.0.1:5073, hours: plain}
campaigns:
  extra:
    menu: by-hours
    hours: dated
    lines: [beta-whole, beta-again, beta-plain]
    revenue: 2.00
    payout: 1.00
    overflow: {capped: {message: goodbye}}
numbers:
  "+18005550101": {publisher: radio, campaign: extra}
"""


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture
def by_user(config: Path) -> dict[str, Calendar]:
    """Seen just after midnight of 1 July in UTC, when it is still June in Los Angeles and New York."""
    (config / "extra.yaml").write_text(YAML)
    deployment = load(config).deployment
    assert deployment is not None
    return {name: calendar for calendar in calendars(deployment.plan, at("2026-07-01T00:30")) for name in calendar.of}


def test_a_state_alone_is_open_on_its_countrys_observed_day(by_user: dict[str, Calendar]) -> None:
    july = {name: [each.date for each in calendar.dates if each.date[:7] == "2026-07"] for name, calendar in by_user.items()}
    assert july["menu by-hours"] == ["2026-07-04"]
    assert july["line beta-whole"] == ["2026-07-03", "2026-07-04"]


def test_those_who_share_hours_are_told_together(by_user: dict[str, Calendar]) -> None:
    assert by_user["line beta-whole"].of == ("line beta-whole", "line beta-again")
    assert by_user["line beta-plain"].dates == ()


def test_dates_run_from_the_local_day_on_for_a_year(by_user: dict[str, Calendar]) -> None:
    dates = [(each.weekday, each.date, each.why, each.closed, each.usual) for each in by_user["campaign extra"].dates]
    assert dates == [
        ("Tue", "2026-06-30", "closed by `dates`", True, True),
        ("Wed", "2026-07-01", "closed by `dates`", True, True),
        ("Sat", "2026-07-04", "open 10:00-12:00, 13:00-14:30", False, False),
    ]


def test_people_read_who_is_closed_when_and_why(by_user: dict[str, Calendar]) -> None:
    lines = list(calendar_lines((by_user["campaign extra"], by_user["line beta-plain"])))
    assert lines == [
        "campaign extra (America/Los_Angeles; no holidays)",
        "  Tue 2026-06-30  closed by `dates`",
        "  Wed 2026-07-01  closed by `dates`",
        "  Sat 2026-07-04  open 10:00-12:00, 13:00-14:30, closed on other Sats",
        "line beta-plain (America/New_York; no holidays)",
        "  no special dates in the next twelve months",
    ]
    assert "  Sat 2026-07-04  holiday Independence Day (US), closed on Sat anyway" in calendar_lines((by_user["line beta-whole"],))
    assert list(calendar_lines(())) == ["no opening hours: every campaign and line is open at all times"]


@pytest.mark.parametrize(("today", "warns"), [("2027-11-27T23:59", False), ("2027-11-28T00:00", True)])
def test_a_table_of_area_codes_that_is_a_year_old_is_told(today: str, *, warns: bool) -> None:
    problems = stale_tables("config", at(today))
    assert [problem.message.split(":")[0] for problem in problems] == ["the table of new area codes is 12 months old"] * warns


def test_the_command_lists_them_after_the_problems(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (config / "extra.yaml").write_text(YAML)
    now = SystemClock().now()

    class Clock:
        def now(self) -> object:
            return type(now)(mono_ns=0, utc_us=at("2027-11-28"))

    monkeypatch.setattr("switch.engine.clock.SystemClock", Clock)
    text = CliRunner().invoke(app, ["check", "--calendar"]).stdout
    rows = [json.loads(line) for line in CliRunner().invoke(app, ["check", "--calendar", "--json"]).stdout.splitlines()]

    assert "config  warning: the table of new area codes is 12 months old" in text
    assert "line beta-whole, line beta-again (America/New_York; holidays US, US-MA)\n" in text
    assert "  Sat 2027-12-25  holiday Christmas Day (US), closed on Sat anyway\n" in text
    assert {"of": ["menu by-hours"], "date": "2027-12-25"}.items() <= next(
        row for row in rows if row.get("date") == "2027-12-25" and row["of"] == ["menu by-hours"]
    ).items()
