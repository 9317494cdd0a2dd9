"""Hostile texts in every field of a record go through all that shows records: no traceback, no control character, no markup, no formula.

They come from SIP headers, configs and the API; a ledger takes whatever text it is given.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from posting_world import PostingWorld
from typer.testing import CliRunner, Result

from switch import log
from switch.billing.verdict import JudgedCall
from switch.cli.common import app
from switch.console import show_calls_table
from switch.explain import explanation_lines
from switch.explanation import explain, sources
from switch.output import csv_text, json_text, write_lines
from switch.simulation.call_script import CallScript, LineScript
from switch.simulation.simulator import Simulator

UTC = ZoneInfo("UTC")
HOSTILE = (
    "[/x]",
    "[bold]x[/]",
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31m\x7f",
    "a\nfake line\r",
    "\u202eabc\u2066",
    "=cmd|' /C calc'!A0",
    "{event} %s %(x)s {0}",
    "\u2028",
)
SHOWN = {"[/x]": "[/x]", "[bold]x[/]": "[bold]x[/]", "\x1b[2J\x1b]0;title\x07": "\\x1b[2J\\x1b]0;title\\x07"}


def poisoned(value: Any, text: str) -> Any:
    """`value` with `text` behind every text in it, however deep; words of closed lists stay, and so do keys that the product reads."""
    match value:
        case Enum() | None:
            return value
        case str():
            return value + text
        case Mapping():
            return {key: poisoned(each, text) for key, each in value.items()}
        case list() | tuple():
            return tuple(poisoned(each, text) for each in value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{each.name: poisoned(getattr(value, each.name), text) for each in fields(value)})
        case _:
            return value


def call_of(world: PostingWorld, text: str) -> JudgedCall:
    """A call with all its events, poisoned."""
    script = CallScript(
        call_id="zz1",
        did="+18005550100",
        ani="+12145550123",
        trunk="carrier",
        at_us=1_772_463_600_000_000,
        seed=7,
        digits="1",
        conduct=lambda _: LineScript(talk_ms=95_000),
    )
    (judged,) = Simulator(world.deployment.plan, noting=True).play([script])
    assert judged.events
    assert judged.verdict.rows
    return poisoned(judged, text)  # type: ignore[no-any-return]


def run(config: Path, *words: str, columns: int = 80) -> Result:
    done = CliRunner().invoke(app, [*words, "--config", str(config)], env={"COLUMNS": str(columns)})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_records_are_shown_as_they_are_and_steer_nothing(world: PostingWorld, text: str) -> None:
    judged = call_of(world, text)
    world.ledger.write([judged])
    for words in (
        ("calls",),
        ("calls", "--json"),
        ("explain", "zz1"),
        ("explain", "zz1", "--json"),
        ("money", "show", "zz1"),
        ("money", "show", "zz1", "--json"),
        ("money", "balance"),
        ("money", "balance", "--json"),
        ("audit",),
        ("audit", "--json"),
    ):
        done = run(world.config, *words)
        assert done.exit_code == (1 if words[0] == "audit" else 0), done.output  # such keys are none that the product makes
        assert all(line.isprintable() for line in done.output.split("\n")), words
        if "--json" in words:
            assert all(json.loads(line) for line in done.stdout.splitlines())
        elif words[0] == "calls" and text in SHOWN:
            assert SHOWN[text] in done.stdout


def test_json_gives_back_what_came(world: PostingWorld) -> None:
    text = "".join(HOSTILE)
    world.ledger.write([call_of(world, text)])
    (call,) = [json.loads(line) for line in run(world.config, "calls", "--json").stdout.splitlines() if "zz1" in line]
    assert call["ani"] == "+12145550123" + text


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_question_is_answered_whatever_is_in_it(world: PostingWorld, text: str) -> None:
    for words in (
        ("route", "--did", "+18005550100" + text, "--ani", text, "--at", "2026-03-02T10:00"),
        ("route", "--did", "+18005550100", "--ani", text, "--digits", "1", "--at", "2026-03-02T10:00"),
        ("route", "--did", "+18005550100", "--ani", text, "--tag", f"age={text}"),
        ("calls", "--publisher", text),
        ("explain", text),
        ("money", "show", text),
    ):
        assert all(line.isprintable() for line in run(world.config, *words).output.split("\n"))


def test_a_filter_in_brackets_is_shown_whole(world: PostingWorld) -> None:
    path = world.config / "config.yaml"
    path.write_text(path.read_text().replace("    menu: hello\n", "    filter: 'caller in [search, radio]'\n"))
    done = run(world.config, "route", "--did", "+18005550100", "--ani", "+12145550123", "--at", "2026-03-02T10:00", columns=300)
    assert "caller in [radio, search]" in done.stdout or "caller in [search, radio]" in done.stdout


ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=20)


@given(ANY_TEXT)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_at_all(world: PostingWorld, capsys: pytest.CaptureFixture[str], text: str) -> None:
    judged = call_of(world, text)
    show_calls_table([judged], UTC)
    write_lines(explanation_lines(explain(judged, rows=judged.verdict.rows, config=sources(None)), UTC))
    table = csv_text(["ani"], [[judged.record.ani], [text]])
    seen = (capsys.readouterr().out + table).replace("\t", "")  # a tab moves to the right, no more
    assert all(line.isprintable() for line in seen.split("\n"))
    assert len(list(csv.reader(io.StringIO(table)))) == 3
    assert json_text({text: text}).isprintable()


@pytest.mark.usefixtures("log_put_back")
@pytest.mark.parametrize("how", ["console", "json"])
@pytest.mark.parametrize("text", [*HOSTILE, "\udc00"], ids=ascii)
def test_the_log_line_of_a_call(
    world: PostingWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str, how: log.How
) -> None:
    log._configure(how, write_lines, level=20)
    monkeypatch.setattr(log, "_log", structlog.get_logger("payphone.call"))
    log.call_line(call_of(world, text))
    (line,) = capsys.readouterr().out.splitlines()
    assert line.isprintable()
    assert "+12145550123" in line
