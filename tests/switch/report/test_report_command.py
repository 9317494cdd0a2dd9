"""`payphone report` as people use it: tables, files, a picture, and what it says when something is wrong."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from switch.cli import report, switching
from switch.cli.common import app
from switch.report.figure import FIGURES

REPOSITORY = Path(__file__).resolve().parents[3]
COMMANDS = (report, switching)
"""They register themselves; one alone would have no name."""


@pytest.fixture
def config(tmp_path: Path, ten_on_sqlite: str) -> Path:
    """The sample config, beside a ledger of the ten calls."""
    directory = tmp_path / "etc" / "config"
    shutil.copytree(REPOSITORY / "config", directory)
    (directory.parent / "var").mkdir()
    shutil.copy(ten_on_sqlite.removeprefix("sqlite:///"), directory.parent / "var" / "payphone.sqlite")
    return directory


def run(config: Path, *arguments: str, width: int = 80) -> Result:
    return CliRunner().invoke(app, ["report", "--config", str(config), *arguments], env={"COLUMNS": str(width)})


def test_a_table_with_totals_that_fits_the_terminal(config: Path) -> None:
    done = run(config, "--by", "line", "--figures", "all")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert (
        done.stdout.count(" all ") + done.stdout.count("\nall ") == done.stdout.count(" east ") + done.stdout.count("\neast ") > 1
    )
    assert "145.00" in done.stdout
    assert "1:35" in done.stdout  # p50 of all
    assert "62.5%" in done.stdout


def test_csv_has_stable_names_with_units_and_reads_back(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    assert run(config, "--by", "publisher", "--figures", "all", "--out", str(out)).exit_code == 0
    again = pl.read_csv(out)
    assert again.columns == ["publisher", *FIGURES]
    radio = again.row(by_predicate=pl.col("publisher") == "radio", named=True)
    assert (radio["revenue_micros"], radio["incoming"], radio["live"]) == (145_000_000, 4, None)
    assert run(config, "--by", "publisher", "--figures", "all", "--format", "csv").stdout == out.read_text()


def test_parquet_reads_back_as_it_was(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.parquet"
    assert run(config, "--by", "line,day", "--figures", "all", "--out", str(out)).exit_code == 0
    lines = [json.loads(line) for line in run(config, "--by", "line,day", "--figures", "all", "--json").stdout.splitlines()]
    assert pl.read_parquet(out).to_dicts() == lines
    assert pl.read_parquet(out).schema["revenue_micros"] == pl.Int64
    refused = run(config, "--format", "parquet")
    assert refused.exit_code == 1
    assert "--out" in refused.stderr


def test_a_table_goes_to_a_file_too(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.txt"
    done = run(config, "--by", "campaign", "--out", str(out))
    assert (done.exit_code, done.stdout) == (0, "")
    assert "auto" in out.read_text()


@pytest.mark.parametrize("by", ["", "publisher,day", "near_miss", "line,weekday", "final_state"])
def test_a_picture(config: Path, tmp_path: Path, by: str) -> None:
    out = tmp_path / "a.png"
    done = run(config, "--by", by, "--plot", str(out), "--zone", "America/New_York")
    assert done.exit_code == 0, done.output
    assert out.read_bytes().startswith(b"\x89PNG")


def test_of_nothing_no_picture_is_drawn(config: Path, tmp_path: Path) -> None:
    done = run(config, "--by", "publisher", "--from", "2030-01-01", "--plot", str(tmp_path / "a.png"))
    assert (done.exit_code, done.stderr) == (0, "payphone: no calls from 2030-01-01\n")
    assert not (tmp_path / "a.png").exists()


def test_a_period_without_calls_says_so_and_is_no_error(config: Path) -> None:
    done = run(config, "--by", "hour", "--from", "2030-01-01", "--format", "csv")
    assert done.exit_code == 0
    assert done.stderr == "payphone: no calls from 2030-01-01\n"
    assert done.stdout.startswith("hour,incoming,connected")
    whole = run(config, "--from", "2030-01-01")
    assert (whole.exit_code, whole.stderr) == (0, "payphone: no calls from 2030-01-01\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--by", "publishex"], 'did you mean "publisher"?'),
        (["--figures", "revenu"], 'did you mean "revenue"?'),
        (["--where", "campaigm == auto"], 'did you mean "campaign"?'),
        (["--from", "soon"], "no date"),
        (["--zone", "Mars/Olympus"], "no time zone"),
        (["--out", "/nowhere/a.csv"], "/nowhere/a.csv"),
    ],
)
def test_what_cannot_be_is_told(config: Path, arguments: list[str], told: str) -> None:
    done = run(config, *arguments)
    assert done.exit_code == 1
    assert told in done.stderr


def test_no_ledger_yet(config: Path) -> None:
    (config.parent / "var" / "payphone.sqlite").unlink()
    done = run(config)
    assert done.exit_code == 1
    assert "payphone run" in done.stderr


def test_the_help_teaches(config: Path) -> None:
    told = run(config, "--help", width=160).stdout
    assert "payphone report --by publisher,hour --from 2026-03-01 --to 2026-04-01" in told
    assert "final_state" in told
    assert "connected_p90" in told
