"""`payphone simulate` and `payphone replay`: what they print, what they refuse, and that they leave the usage alone."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from simulated_day import DAY, PLAIN, lay_plain
from typer.testing import CliRunner, Result

import switch.cli.replay
import switch.cli.simulate  # noqa: F401 (registers the command, as the line above does)
from switch.cli.main import app
from switch.ledger.database import Database
from switch.ledger.store import Ledger
from switch.settings.load import load
from switch.simulation.sandbox import NotFresh, open_sandbox

REST = PLAIN.partition("\n")[2]


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def simulate(config: Path, *words: object) -> Result:
    return run("simulate", "--calls", 150, "--from", "2026-11-18", "--config", config, *words)


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = tmp_path_factory.mktemp("plain") / "config"
    lay_plain(config)
    return config


@pytest.fixture(scope="module")
def day(config: Path) -> Path:
    into = config.parent / "day"
    assert simulate(config, "--into", into).exit_code == 0
    return into


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """The config with a line paused."""
    lay_plain(tmp_path / "new")
    (tmp_path / "new" / "switch.yaml").write_text(PLAIN.replace("east: {", "east: {paused: true, "))
    return tmp_path / "new"


def narrow(*words: object) -> list[str]:
    """What a terminal of 80 columns shows."""
    result = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


# simulate


def test_simulate_fits_a_terminal_and_says_dates_and_currency(config: Path) -> None:
    lines = narrow("simulate", "--calls", 150, "--from", "2026-11-18", "--config", config, "--report")

    assert lines[0] == "150 invented calls of 2026-11-18, UTC, amounts in USD, rounded to cents"
    assert max(map(len, lines)) <= 80
    assert any(line.split()[:1] == ["quotes"] for line in lines)
    revenue = next(line.split()[4] for line in lines if line.startswith("all "))
    assert re.fullmatch(r"[0-9]+\.[0-9]{2}", revenue)


def test_simulate_prints_what_came_of_it_and_keeps_nothing(config: Path) -> None:
    result = simulate(config, "--report")

    assert result.exit_code == 0
    for word in ("final state", "campaign", "publisher", "advertiser", "line", "converted", "quotes", "mail", "acme", "main"):
        assert word in result.stdout


def test_simulate_gives_figures_to_programs_and_the_same_ones_again(config: Path) -> None:
    first = rows(simulate(config, "--json"))

    total = first[0]
    assert total["about"] == "total"
    assert total["calls"] == 150
    assert total["margin_micros"] == total["revenue_micros"] - total["payout_micros"] - total["cost_micros"]
    assert sum(row["calls"] for row in first if row["about"] == "state") == 150
    assert sum(row["revenue_micros"] for row in first if row["about"] == "line") == total["revenue_micros"]
    assert rows(simulate(config, "--json")) == first


def test_simulate_keeps_calls_in_a_ledger_of_their_own(day: Path) -> None:
    calls = rows(run("calls", "--config", day / "config", "--limit", 1_000, "--json"))

    assert len(calls) == 150
    assert all(call["call_id"].startswith("sim-1-") for call in calls)
    ledger = Ledger(Database(f"sqlite:///{day / 'payphone.sqlite'}"))
    records = list(ledger.calls_between(DAY.from_us, DAY.to_us))
    ledger.close()
    assert {judged.record.config for judged in records} == {load(day / "config").deployment.plan.version}  # type: ignore[union-attr]
    assert all(judged.events[0].event == "InviteArrived" for judged in records)


def test_simulate_never_writes_where_something_is(config: Path, day: Path) -> None:
    before = (day / "payphone.sqlite").read_bytes()

    result = simulate(config, "--into", day)

    assert result.exit_code == 1
    assert "is not empty" in result.stderr
    assert (day / "payphone.sqlite").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--rate", "10"), "--calls and --rate"),
        (("--from", "tomorrow"), "is no instant"),
    ],
)
def test_simulate_says_what_is_wrong(words: tuple[str, ...], why: str, config: Path) -> None:
    result = simulate(config, *words)

    assert result.exit_code == 1
    assert why in result.stderr


@pytest.mark.parametrize(
    "section",
    [
        "switch:\n  data: '/var/lib/payphone'  # the usage\n  sip: {listen: 127.0.0.1:5060}\n",
        "switch:\n  sip: {listen: 127.0.0.1:5060}\n",
        "switch: {data: /var/lib/payphone, sip: {listen: 127.0.0.1:5060}}\n",
        "switch:\n  sip: {listen: 127.0.0.1:5060}\n  ledger: postgresql://payphone@db/usage\n",
    ],
    ids=["a directory", "the default", "in one line", "PostgreSQL"],
)
def test_the_copy_of_the_config_never_points_to_the_books(section: str, tmp_path: Path) -> None:
    config = tmp_path / "config"
    lay_plain(config)
    (config / "switch.yaml").write_text(section + REST)

    ledger, _ = open_sandbox(tmp_path / "into", config=config, at_us=0)

    ledger.close()
    copied = load(tmp_path / "into" / "config").deployment
    assert copied is not None
    assert copied.switch.data.resolve() == (tmp_path / "into").resolve()
    assert copied.switch.ledger_url is None
    assert (tmp_path / "into" / "payphone.sqlite").exists()


def test_a_config_that_can_not_be_copied_is_refused_and_nothing_stays(tmp_path: Path) -> None:
    config = tmp_path / "config"
    lay_plain(config)
    (config / "prompts").rename(tmp_path / "prompts")
    (config / "switch.yaml").write_text(PLAIN.replace("data: var", "data: var, prompts: ../prompts"))
    assert load(config).deployment is not None

    with pytest.raises(NotFresh, match="prompts must lie in it"):
        open_sandbox(tmp_path / "deep" / "into", config=config, at_us=0)

    assert list((tmp_path / "deep" / "into").iterdir()) == []


def test_a_file_is_no_place_for_a_ledger(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotFresh):
        open_sandbox(tmp_path / "file", config=config, at_us=0)


# replay


def test_replay_checks_itself(day: Path) -> None:
    result = run("replay", "--check", "--of", day / "config", "--from", "2026-11-18")

    assert result.exit_code == 0
    assert "0 of 150 differ" in result.stdout
    assert "Assumptions:" in result.stdout


def test_replay_tells_what_moves(day: Path, new: Path) -> None:
    result = run("replay", "--config", new, "--of", day / "config", "--from", "2026-11-18", "--calls")

    assert result.exit_code == 0
    for words in ("150 calls from 2026-11-18 00:00:00", "end in another place", "east", "margin", "sim-1-"):
        assert words in result.stdout


def test_replay_fits_a_terminal_and_cuts_no_name_off(day: Path, new: Path) -> None:
    lines = narrow("replay", "--config", new, "--of", day / "config", "--from", "2026-11-18")

    tables = lines[: lines.index("Assumptions:")]
    assert " ".join([tables[0], tables[1].strip()]).endswith(", amounts in USD, rounded to cents")
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in tables)
    for name in ("line", "east"):
        assert any(line.split()[:1] == [name] for line in tables)


def test_replay_gives_programs_all_of_it(day: Path, new: Path) -> None:
    found = rows(run("replay", "--config", new, "--of", day / "config", "--from", "2026-11-18", "--json"))

    head, total, *others = found
    calls = [row for row in others if row["about"] == "call"]
    moved = [row for row in calls if row["change"] == "moved"]
    assert head["calls"] == 150 == head["same"] + len(calls)
    assert len(moved) == head["moved"] > 0
    assert sum(row["calls"] for row in others if row["about"] == "movement") == len(moved)
    change = total["after"]["margin_micros"] - total["before"]["margin_micros"]
    assert change == sum(
        sign * (call[side]["revenue_micros"] - call[side]["payout_micros"] - call[side]["cost_micros"])
        for call in calls
        for side, sign in (("before", -1), ("after", 1))
    )
    assert not any("east" in call["after"]["lines"] for call in calls)
    assert head["assumptions"]


def test_replay_writes_nothing(day: Path, new: Path) -> None:
    before = {path: path.read_bytes() for path in sorted(day.rglob("*")) if path.is_file() and path.suffix != ".sqlite-shm"}

    run("replay", "--config", new, "--of", day / "config", "--from", "2026-11-18")

    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "give --config NEW, or --check"),
        (("--check", "--from", "2026-11-19"), "no calls from 2026-11-19"),
        (("--check", "--from", "2026-11-18", "--to", "2026-11-17"), "--from 2026-11-18 is not before --to 2026-11-17"),
        (("--check", "--to", "2026-11-17"), "the beginning of yesterday: say with --from where to begin"),
        (("--check", "--from", "18/11"), "is no instant"),
    ],
)
def test_replay_says_what_is_wrong(words: tuple[str, ...], why: str, day: Path) -> None:
    result = run("replay", "--of", day / "config", *words)

    assert result.exit_code == 1
    assert why in result.stderr


def test_help_teaches() -> None:
    for command in ("replay", "simulate"):
        result = run(command, "--help")
        assert "Examples:\n    payphone" in result.stdout
