"""The versions of libraries that a config ran with are kept beside it, and what differs today is told."""

import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from money_cases import call, in_turn
from typer.testing import CliRunner

from switch.billing.judge import judge
from switch.billing.verdict import JudgedCall
from switch.cli.main import app
from switch.ledger.database import Database, ledger_url
from switch.ledger.store import Ledger
from switch.ledger.versions import FILE, FORMAT_VERSION, differences, kept_as, versions_now
from switch.settings.load import load

INVITED_US = 1_000_000


def kept(**versions: str) -> dict[str, str]:
    return {FILE: json.dumps({**versions_now(), **versions}, sort_keys=True)}


def test_the_versions_are_those_of_this_process() -> None:
    now = versions_now()
    assert now["holidays"] == version("holidays")
    assert set(now) == {"holidays", "tzdata", "phonenumbers", "zipcodes", "area-codes", "fmt"}
    assert now["fmt"] == str(FORMAT_VERSION)
    assert kept_as("3f2a9c01d4b7", 5) == ("3f2a9c01d4b7@5", kept())


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ({"holidays": "1", "tzdata": "2"}, {"holidays": "1", "tzdata": "2"}, ()),
        ({"holidays": "1", "tzdata": "2"}, {"holidays": "3", "tzdata": "2"}, ("holidays 1, now 3",)),
        ({"holidays": "1"}, {"holidays": "1", "fmt": "2"}, ("fmt unknown, now 2",)),
        ({"fmt": "1"}, {}, ("fmt 1, now none",)),
    ],
)
def test_what_differs_is_told_by_name(then: dict[str, str], now: dict[str, str], told: tuple[str, ...]) -> None:
    assert differences({FILE: json.dumps(then)}, now) == told
    assert differences(None, now) == ()


@pytest.fixture
def ledger(config: Path) -> Ledger:
    """Of a switch that ran this config: first with older holidays, then as it is now, then with newer ones; and a call each time."""
    loaded = load(config)
    assert loaded.deployment is not None
    plan, data = loaded.deployment.plan, loaded.deployment.switch.data
    data.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(Database(ledger_url(data)))
    ledger.migrate()
    ledger.keep_config(plan.version, at_us=1, files=loaded.files)
    record = replace(call(*in_turn(("acme-east", 95_000))), campaign="quotes", config=plan.version)
    for at_us, versions in ((100, {"holidays": "0.1"}), (200, {}), (300, {"holidays": "9.9"})):
        ledger.keep_config(f"{plan.version}@{at_us}", at_us=at_us, files=kept(**versions))
        one = replace(record, call_id=f"call-{at_us}", invited_us=at_us + 50)
        ledger.write([JudgedCall(record=one, verdict=judge(one, plan.terms))])
    return ledger


@pytest.mark.parametrize(
    ("at_us", "holidays"), [(99, None), (100, "0.1"), (199, "0.1"), (200, version("holidays")), (300, "9.9"), (None, "9.9")]
)
def test_the_ledger_knows_what_a_config_ran_with_at_a_moment(
    ledger: Ledger, config: Path, at_us: int | None, holidays: str | None
) -> None:
    deployment = load(config).deployment
    assert deployment is not None
    found = ledger.config_versions(deployment.plan.version, at_us=at_us)
    assert (json.loads(found[FILE])["holidays"] if found else None) == holidays
    assert ledger.config_versions("000000000000") is None


@pytest.mark.usefixtures("ledger")
def test_explain_tells_what_a_call_was_decided_with() -> None:
    older = CliRunner().invoke(app, ["explain", "call-100"]).stdout.splitlines()[-1]
    same = CliRunner().invoke(app, ["explain", "call-200"]).stdout
    row = json.loads(CliRunner().invoke(app, ["explain", "call-300", "--json"]).stdout)
    now = version("holidays")
    assert older == f"decided with holidays 0.1, now {now}: hours and places may come out differently today"
    assert "decided with" not in same
    assert row["other_versions"] == [f"holidays 9.9, now {now}"]


@pytest.mark.usefixtures("ledger")
def test_diff_tells_what_a_config_ran_with_last() -> None:
    result = CliRunner().invoke(app, ["diff"])
    assert result.stdout == "no change\n"
    told = f"it ran with holidays 9.9, now {version('holidays')}: the same text may mean other dates, times or places\n"
    assert result.stderr == told
