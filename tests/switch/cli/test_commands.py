"""The command line as a whole: what it imports to answer, what each help has, and what an empty folder is told."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from switch.cli.commands import COMMANDS
from switch.cli.common import app

REPOSITORY = Path(__file__).resolve().parents[3]
MONEY = ("show", "deposit", "adjust", "void", "manual", "dispute", "uphold", "reject", "approve", "balance")
WORDS = [[name] for name in COMMANDS] + [["money", name] for name in MONEY]
LEDGER_NEEDS = {"sqlalchemy", "yaml", "msgspec", "asyncio"}
"""SQLAlchemy brings asyncio."""
HEAVY = (
    *(
        "alembic",
        "fastapi",
        "holidays",
        "httpx",
        "matplotlib",
        "media",
        "numpy",
        "phonenumbers",
        "polars",
        "psycopg",
        "pydantic",
        "rich",
    ),
    *("sqlalchemy", "structlog", "uvicorn", "uvloop", "yaml", "zipcodes", "asyncio", "msgspec", "switch.settings.load"),
)
IMPORTED = """
import json, sys
from contextlib import redirect_stdout, suppress
from io import StringIO
sys.argv = ["payphone", *sys.argv[1:]]
with redirect_stdout(StringIO()), suppress(SystemExit):
    from switch.cli.main import main
    main()
print(json.dumps(sorted(sys.modules)))
"""


def imported(*words: str, cwd: Path = REPOSITORY) -> set[str]:
    """Those of HEAVY that the command brings into a process of its own."""
    done = subprocess.run([sys.executable, "-c", IMPORTED, *words], cwd=cwd, capture_output=True, text=True, check=True, timeout=60)
    return set(HEAVY) & set(json.loads(done.stdout))


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], []])
def test_the_first_help_imports_no_command(words: list[str]) -> None:
    assert imported(*words) == set()


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_command_s_help_imports_nothing_that_it_works_with(words: list[str]) -> None:
    assert imported(*words, "-h") == set()


@pytest.mark.parametrize("words", [["calls"], ["money", "balance"], ["money", "show", "c"], ["explain", "c"]], ids=" ".join)
def test_reading_a_ledger_compiles_no_config_and_takes_no_migrations(words: list[str], ledger: Path) -> None:
    assert imported(*words, "--config", str(ledger)) <= LEDGER_NEEDS


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_every_help_has_an_example_and_the_exit_codes(words: list[str]) -> None:
    for flag in ("-h", "--help"):
        told = CliRunner().invoke(app, [*words, flag])
        assert told.exit_code == 0
        assert re.search(r"Examples:\n +payphone " + " ".join(words), told.stdout)
        assert "Exit 0: " in told.stdout
        assert "2: " in told.stdout.replace("\n", " ")


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_helps_fit_eighty_columns(words: list[str]) -> None:
    told = CliRunner().invoke(app, [*words, "-h"], env={"COLUMNS": "80"}).stdout
    assert [line for line in told.splitlines() if len(line) > 80 and not line.lstrip().startswith("payphone ")] == []
    assert [line for line in told.splitlines() if line.endswith("-")] == []  # a name that was cut at a hyphen


def test_what_the_first_help_says_of_a_command_is_how_its_own_begins() -> None:
    first = CliRunner().invoke(app, ["--help"]).stdout
    for name, (_, summary) in COMMANDS.items():
        assert f"  {name} " in first
        assert summary in re.sub(r"\s+", " ", CliRunner().invoke(app, [name, "--help"]).stdout)


def test_version_and_typos() -> None:
    assert re.fullmatch(r"payphone \d+\.\d+\.\d+\n", CliRunner().invoke(app, ["--version"]).stdout)
    wrong = CliRunner().invoke(app, ["cals"])
    assert wrong.exit_code == 2
    assert "Did you mean 'calls'" in wrong.stderr


def test_the_shell_completes_commands() -> None:
    env = {"_PAYPHONE_COMPLETE": "complete_bash", "COMP_WORDS": "payphone ca", "COMP_CWORD": "1"}
    assert CliRunner().invoke(app, [], env=env, prog_name="payphone").stdout.split() == ["caps", "cap", "calls"]


@pytest.mark.parametrize(
    "words",
    [
        *(
            ["run"],
            ["check"],
            ["test"],
            ["fmt"],
            ["calls"],
            ["audit"],
            ["api"],
            ["demo"],
            ["money", "balance"],
            ["money", "show", "x"],
        ),
        *(["explain", "x"], ["route", "--did", "1", "--ani", "2"]),
    ],
    ids=" ".join,
)
def test_an_empty_folder_is_told_what_to_do(words: list[str], tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        told = CliRunner().invoke(app, [*words, "--config", str(folder)])
        assert told.exit_code == 1
        assert (
            told.stderr == f"payphone: no config in {folder}: `payphone init {folder}` makes one; --config DIR says where it is\n"
        )
