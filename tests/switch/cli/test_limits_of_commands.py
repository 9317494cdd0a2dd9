"""What the command line takes and shows at most: at the limit and one past it."""

import re

import pytest
import typer
from posting_world import PostingWorld
from simulated_day import DAY
from typer.testing import CliRunner

from switch.cli import replaying
from switch.cli.commands import CommandGroup
from switch.cli.common import app
from switch.simulation.compare import CallResult, ChangedCall, Comparison, Difference


@pytest.mark.parametrize(
    ("command", "option", "most", "more"),
    [
        ("calls", "--limit", "1000000", "1000001"),
        ("simulate", "--calls", "2000000", "2000001"),
        ("simulate", "--rate", "100000", "100000.1"),
        ("simulate", "--days", "366", "367"),
    ],
)
def test_an_option_takes_so_much(command: str, option: str, most: str, more: str) -> None:
    """It is parsed only: to do what is asked for would take hours."""
    group = typer.main.get_group(app)
    assert isinstance(group, CommandGroup)
    parsed = group.get_command(None, command)
    assert float(parsed.make_context(command, [option, most]).params[{"--days": "day_count"}.get(option, option[2:])]) == float(
        most
    )
    with pytest.raises(typer.BadParameter, match="not in the range"):
        parsed.make_context(command, [option, more])


def test_a_thousand_calls_are_made_where_nobody_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("switch.cli.simulating.simulate_calls", lambda *_, calls, **__: asked.append(calls))
    assert CliRunner().invoke(app, ["simulate"]).exit_code == 0
    assert asked == [1_000]


@pytest.mark.parametrize(("chars", "code"), [(500, 0), (501, 1)])
def test_a_reason_has_so_many_characters(world: PostingWorld, chars: int, code: int) -> None:
    words = ["money", "void", "abc1", "--reason", "x" * chars, "--yes", "--config", str(world.config)]
    assert CliRunner().invoke(app, words).exit_code == code


def test_a_key_that_is_not_given_is_16_hexadecimal_digits(world: PostingWorld) -> None:
    """Another length would be another key: a command that is given once more, by a newer release, would be posted twice."""
    words = ["--reason", "because", "--yes", "--config", str(world.config)]
    assert CliRunner().invoke(app, ["money", "void", "abc1", *words]).exit_code == 0
    keys = {row.key.split("/")[3] for row in world.ledger.rows_of("abc1") if "/post/" in row.key}
    assert [re.fullmatch("[0-9a-f]{16}", key) is not None for key in keys] == [True]


def went_to(place: str) -> CallResult:
    return CallResult(place=place, state="converted", tried=(place,), revenue_micros=0, payout_micros=0, cost_micros=0)


def moved(number: int, *, to: str) -> ChangedCall:
    return ChangedCall(
        call_id=f"c{number}", invited_us=DAY.from_us, did="", change=Difference.MOVED, before=went_to("east"), after=went_to(to)
    )


@pytest.mark.parametrize(("calls", "last"), [(200, "c199  "), (201, "1 more: --json has all")])
def test_so_many_changed_calls_are_shown_and_the_rest_counted(calls: int, last: str) -> None:
    comparison = Comparison(changed=[moved(number, to="west") for number in range(calls)])
    lines = list(replaying._calls(comparison, DAY))
    assert lines[-1].startswith(last)
    assert len(lines) == calls


@pytest.mark.parametrize(("ways", "last"), [(15, "line-14"), (16, "1 more")])
def test_so_many_movements_are_shown_and_the_rest_added_up(ways: int, last: str) -> None:
    comparison = Comparison(changed=[moved(number, to=f"line-{number:02}") for number in range(ways)])
    lines = [line.text for line in replaying._movements(comparison).lines(None)]
    assert sum("line-" in line for line in lines) == 15
    assert last in lines[-1]
