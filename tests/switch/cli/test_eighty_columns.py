"""What commands write to a terminal of eighty columns fits it, whole words on each line; a pipe gets every line as long as it is."""

import shutil
from pathlib import Path

import pytest
from posting_world import PostingWorld
from typer.testing import CliRunner

from switch.cli.commands import COMMANDS
from switch.cli.main import app
from switch.problem_text import show
from switch.settings.problem import Problem, Severity

REPOSITORY = Path(__file__).resolve().parents[3]
ROUTE = ("route", "--did", "+18005550100", "--ani", "+12145550123", "--at", "2026-03-02T10:00", "--digits", "1")


def told(*words: str | Path, columns: int | None = 80) -> list[str]:
    """Stdout and stderr, line by line."""
    done = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": None if columns is None else str(columns)})
    return done.output.splitlines()


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample, with a mistake at the end of a long line and one that can't be told in a few words."""
    monkeypatch.chdir(tmp_path)
    config = Path("config")
    shutil.copytree(REPOSITORY / "config", config)
    (config / "long.yaml").write_text(
        "tags:\n"
        "  one: {type: text, header: X-One}  # a comment that is longer than a terminal is wide, as comments of such files are\n"
        "  two: {header: X-A-Header-With-A-Long-Name, type: txt}\n"
        "  three: {typ: text, header: X-Three}  # another comment that is longer than a terminal is wide, as comments are\n"
    )
    return config


@pytest.mark.parametrize("command", [*COMMANDS, "money adjust", "money deposit"])
def test_help_fits(command: str) -> None:
    lines = told(*command.split(), "--help")
    assert len(lines) > 5
    assert max(map(len, lines)) <= 80


def test_names_of_call_tests_fit_and_a_pipe_gets_them_whole() -> None:
    command = ("test", "--config", REPOSITORY / "config", "-k", "a line that does not even ring")
    assert max(map(len, told(*command))) <= 80
    assert len(told(*command)) == 3
    assert len(told(*command, columns=None)[0]) > 80


def test_problems_of_a_config_fit(broken: Path) -> None:
    lines = told("check", "--config", broken)
    assert max(map(len, lines)) <= 80
    place = next(number for number, line in enumerate(lines) if 'unknown key "typ"' in line)
    excerpt, carets = lines[place + 1], lines[place + 2]
    assert excerpt[carets.index("^") : carets.rindex("^") + 1] == "typ"
    assert max(map(len, told("check", "--config", broken, columns=None))) > 80


@pytest.mark.parametrize("columns", [20, 40, 72, 80, 120])
def test_the_token_is_seen_however_long_its_line_is(columns: int) -> None:
    line = f"{'a' * 90} {'b' * 8} {'c' * 90}"
    problem = Problem(path="x.yaml", line=7, column=92, severity=Severity.ERROR, message="", excerpt=line, length=8)
    _, excerpt, carets = show(problem, columns=columns).split("\n")
    assert len(excerpt) <= max(columns, 6 + 41 + 2)
    marked = excerpt[carets.index("^") : carets.rindex("^") + 1]
    assert "bbbbbbbb".startswith(marked)


def test_a_ruling_fits_and_no_line_ends_in_a_space() -> None:
    lines = told(*ROUTE, "--config", REPOSITORY / "config")
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line != line.rstrip()] == []


def test_what_the_menu_does_not_change_is_told_once() -> None:
    rules = [line.split(": ")[0].strip() for line in told(*ROUTE, "--config", REPOSITORY / "config", columns=None)]
    for rule in ("numbers.+18005550100", "campaigns.auto-quotes.menu", "campaigns.auto-quotes.lines"):
        assert rules.count(rule) == 1


def test_money_of_a_call_fits(world: PostingWorld) -> None:
    reason = "agreed by phone with the advertiser after both of us had listened to the recording twice"
    for words in (("adjust", "abc1", "--by", "-5.005", "--reason", reason, "--yes"), ("show", "abc1"), ("balance",)):
        lines = told("money", *words, "--config", world.config)
        assert max(map(len, lines)) <= 80
        text = " ".join(line.strip() for line in lines)
        assert ("19.995" if words[0] == "balance" else "revenue -5.005 acme") in text
        assert "-5.00 " not in text


def test_refusals_fit(broken: Path) -> None:
    lines = told("calls", "--config", broken)
    assert max(map(len, [*lines, *told("route", "--did", "1", "--ani", "2", "--config", broken)])) <= 80
