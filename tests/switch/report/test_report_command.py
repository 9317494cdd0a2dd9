"""`payphone report` as people use it: tables, files, a picture, and what it says when something is wrong."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import polars as pl
import pytest
from leg_figures import figures, without_far_end
from typer.testing import CliRunner, Result

from switch.cli import report, switching
from switch.cli.common import app
from switch.cli.table import figures_table
from switch.ledger.database import Database
from switch.ledger.store import Ledger
from switch.report.aggregate import PLOTTED, Report
from switch.report.fields import METRICS
from switch.report.plot import draw

REPOSITORY = Path(__file__).resolve().parents[3]
HELP = """
import sys
from switch.cli.main import app
try:
    app(["report", "--help"])
except SystemExit as end:
    print(end.code, sorted({"polars", "matplotlib"} & set(sys.modules)))
"""
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
    done = run(config, "--by", "line", "--metrics", "all")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    first_words = [line.split(" ")[0] for line in lines]
    assert first_words.count("all") == first_words.count("east") == first_words.count("line") > 1
    assert "145.00" in done.stdout
    assert "1:35" in done.stdout  # p50 of all
    assert "62.5%" in done.stdout


def test_how_well_audio_arrives_fits_eighty_columns(config: Path) -> None:
    ledger = Ledger(Database(f"sqlite:///{config.parent / 'var' / 'payphone.sqlite'}"))
    ledger.write_media([("c1", figures(leg=1)), ("c1", without_far_end()), ("c2", figures(leg=2, codec="G722", sent_mos=2.5))])
    ledger.close()
    done = run(config, "--by", "line", "--metrics", "quality", "--zone", "UTC")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["Calls", "from", "2026-03-02", "to", "2026-03-03,", "UTC"],
        [],
        ["mean", "mean", "narrow", "narrow", "wide", "wide"],
        ["line", "measured", "loss", "jitter", "MOS", "<", "3.6", "MOS", "<", "3.6"],
        ["─" * width for width in (4, 8, 4, 6, 6, 6, 4, 6)],
        ["beta", "0", *["-"] * 6],
        ["east", "1", "5.0%", "2.5", "ms", "3.90", "0.0%", "-", "-"],
        ["west", "1", "5.0%", "2.5", "ms", "-", "-", "2.50", "100.0%"],
        ["-", "0", *["-"] * 6],
        ["all", "2", "5.0%", "2.5", "ms", "3.90", "0.0%", "2.50", "100.0%"],
        [],
    ]


def test_how_we_are_doing(config: Path) -> None:
    assert [line.split() for line in run(config, "--zone", "America/New_York").stdout.splitlines()] == [
        ["Calls", "from", "2026-03-02", "to", "2026-03-03,", "America/New_York,", "amounts", "in", "USD,", "rounded"],
        ["to", "cents"],
        [],
        ["conv.", "of"],
        ["incoming", "connected", "converted", "connected", "revenue", "payout", "margin"],
        ["─" * len(word) for word in ("incoming", "connected", "converted", "connected", "revenue", "payout", "margin")],
        ["10", "8", "5", "62.5%", "145.00", "64.00", "80.86"],  # the carriers' 0.136 in whole cents
        [],
    ]


def test_in_a_pipe_a_table_is_as_wide_as_it_is_and_plain(config: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "switch.cli", "report", "--config", str(config), "--by", "line", "--metrics", "all"],
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm-256color"},
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    ).stdout
    assert "\033" not in done
    assert [line.split(" ")[0] for line in done.splitlines()[4:]] == ["beta", "east", "west", "-", "all"]
    assert max(map(len, done.splitlines())) > 180


@pytest.mark.parametrize(
    ("options", "title"),
    [
        (["--from", "2026-03-01", "--to", "2026-04-01"], "Calls from 2026-03-01 to 2026-03-31, UTC"),
        (["--from", "2026-03-02", "--to", "2026-03-03"], "Calls of 2026-03-02, UTC"),
        (["--from", "2026-03-03"], "Calls of 2026-03-03, UTC"),
        (["--from", "2026-03-02T14:00", "--to", "2026-03-02T15:00"], "Calls from 2026-03-02 14:00:00 to 2026-03-02 14:59:59, UTC"),
        (["--where", "publisher == radio"], "Calls from 2026-03-02 to 2026-03-03, UTC, where publisher == radio"),
    ],
)
def test_a_table_says_which_calls(config: Path, options: list[str], title: str) -> None:
    assert run(config, *options, "--zone", "UTC", width=120).stdout.splitlines()[0] == f"{title}, amounts in USD, rounded to cents"


def test_a_name_is_shown_as_it_is_and_never_cut_off() -> None:
    name = "[bold]a-name[/] that is longer than a terminal of forty columns has room for"
    table = figures_table(names=["line"], groups=[["calls", "after"], ["margin"]], rows=[[name, "1", "2", "3.00"]])
    narrow = [line.text for line in table.lines(40)]
    assert max(map(len, narrow)) <= 40
    wide = [line.text for line in table.lines(None)]
    assert wide[2] == f"{name}      1      2    3.00"
    assert all(word in " ".join(narrow) for word in name.split())


def test_csv_has_stable_names_with_units_and_reads_back(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    assert run(config, "--by", "publisher", "--metrics", "all", "--out", str(out)).exit_code == 0
    again = pl.read_csv(out)
    assert again.columns == ["publisher", *METRICS]
    radio = again.row(by_predicate=pl.col("publisher") == "radio", named=True)
    assert (radio["revenue_micros"], radio["incoming"], radio["live"]) == (145_000_000, 4, None)
    assert run(config, "--by", "publisher", "--metrics", "all", "--format", "csv").stdout == out.read_text()


def test_parquet_reads_back_as_it_was(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.parquet"
    assert run(config, "--by", "line,day", "--metrics", "all", "--out", str(out)).exit_code == 0
    lines = [json.loads(line) for line in run(config, "--by", "line,day", "--metrics", "all", "--json").stdout.splitlines()]
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


@pytest.mark.parametrize("name", [r"$\cash$", "\x1b[2J\x07", "五" * 400, "x" * 5_000])
def test_a_name_is_drawn_as_it_is_seen(tmp_path: Path, name: str) -> None:
    """Dollar signs make no formula, and nothing is said on stderr of what the font can't write or has no room for."""
    row = {"number": name, **dict.fromkeys(PLOTTED, 1)}
    rows = pl.DataFrame([row])
    report = Report(by=("number",), metrics=PLOTTED, rows=rows, totals=rows, first_us=0, last_us=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(tmp_path / "a.png", title=f"Calls where number is {name}", over=report, money=report, currency="USD")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


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
        (["--metrics", "revenu"], 'did you mean "revenue"?'),
        (["--where", "campaigm == auto"], 'did you mean "campaign"?'),
        (["--from", "soon"], "--from: 'soon' is no instant"),
        (["--zone", "Mars/Olympus"], "no time zone"),
        (["--out", "/nowhere/a.csv"], "/nowhere/a.csv"),
        (["--out", "a.xlsx"], "take one of .txt, .csv, .json, .jsonl, .parquet"),
        (["--out", "a"], "take one of .txt, .csv, .json, .jsonl, .parquet"),
        (["--out", "a.csv.gz"], "take one of .txt, .csv, .json, .jsonl, .parquet"),
        (["--plot", "a.jpg"], "pictures are PNG files; name it a.png"),
        (["--plot", "a"], "pictures are PNG files; name it a.png"),
    ],
)
def test_what_cannot_be_is_told(config: Path, arguments: list[str], told: str) -> None:
    done = run(config, *arguments)
    assert done.exit_code == 1
    assert told in " ".join(done.stderr.split())
    assert max(map(len, done.stderr.splitlines())) <= 80


@pytest.mark.parametrize(("ending", "begins"), [(".TXT", "Calls "), (".CSV", "incoming,"), (".jsonl", '{"incoming"')])
def test_the_ending_says_the_format(config: Path, tmp_path: Path, ending: str, begins: str) -> None:
    assert run(config, "--out", str(tmp_path / f"a{ending}")).exit_code == 0
    assert (tmp_path / f"a{ending}").read_text().startswith(begins)


@pytest.mark.parametrize(
    ("missing", "options", "told"),
    [("polars", [], "polars"), ("matplotlib", ["--plot", "a.png"], "matplotlib"), ("matplotlib", [], "")],
)
def test_without_the_extra_it_says_what_to_install(
    config: Path, monkeypatch: pytest.MonkeyPatch, missing: str, options: list[str], told: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)  # as if it were not installed
    done = run(config, *options)
    expected = f"payphone: reports need {told}: pip install 'payphone[report]'\n" if told else ""
    assert (done.exit_code, done.stderr) == (1 if told else 0, expected)


def test_help_imports_neither_polars_nor_matplotlib() -> None:
    told = subprocess.run(
        [sys.executable, "-c", HELP], capture_output=True, text=True, check=True, cwd=REPOSITORY
    ).stdout.splitlines()
    assert told[-1] == "0 []"


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
