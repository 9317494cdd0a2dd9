"""`payphone test`: what it prints, and how it exits."""

import json
import re
from pathlib import Path

import pytest
from config_overlay import SAMPLE, lay_base
from typer.testing import CliRunner, Result

import switch.cli.testing  # noqa: F401 (registers the command)
from switch.cli.main import app
from switch.settings.load import load

GUIDE = SAMPLE.parent / "docs" / "guide-call-tests.md"
TESTS = """\
defaults:
  call: {to: "+18005550100", at: 2026-03-02T12:00-05:00, digits: "1"}
tests:
  - name: a caller talks
    expect: {state: converted}
  - name: a caller hears Goodbye
    full: [line:acme-east]
    earlier: [{ago: 1d}, {ago: 10s, lines: {others: {talks: 1h}}}]
    expect: {hears: goodbye, state: capped}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    config = Path("config")
    lay_base(config)
    shop = config / "shop.yaml"
    shop.write_text(shop.read_text().replace("acme-east: {", "acme-east: {cap: 5, "))
    (config / "tests").mkdir()
    (config / "tests" / "shop.yaml").write_text(TESTS)
    return config


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["test", *words])


def test_one_line_a_test_and_a_summary(config: Path) -> None:
    (config / "tests" / "shop.yaml").write_text(TESTS.replace("hears: goodbye, state: capped", "line: acme-west"))

    result = run()

    assert result.exit_code == 0
    *lines, summary = result.stdout.splitlines()
    assert lines == ["ok    a caller talks", "ok    a caller hears Goodbye"]
    assert re.fullmatch(r"2 passed, 0 failed in [0-9]+ ms, after [0-9]+ ms of loading", summary)


def test_a_failure_is_told_with_place_transcript_and_the_rules_that_decided(config: Path) -> None:
    result = run()

    assert result.exit_code == 1
    assert "ok    a caller talks\nFAIL  a caller hears Goodbye  config/tests/shop.yaml:6\n" in result.stdout
    assert "config/tests/shop.yaml:9:14  hears: got welcome\n    9 |     expect: {hears: goodbye, state: capped}\n" in result.stdout
    assert "config/tests/shop.yaml:9:30  state: got converted\n" in result.stdout
    assert "  expected  capped\n" in result.stdout
    assert "earlier call 1: +12125550123 called +18005550100: converted (acme-" in result.stdout
    assert "earlier call 2: +12125550123 called +18005550100: still live\n" in result.stdout
    assert "lines.acme-east.cap: acme-east capped: 5 of 5 at once" in result.stdout
    assert re.search(r"shop\.yaml:[0-9]+  acme-east: \{cap: 5", result.stdout)
    assert result.stdout.splitlines()[-1].startswith("1 passed, 1 failed in ")


def test_only_those_with_a_word_in_their_name(config: Path) -> None:
    result = run("-k", "TALKS")

    assert result.exit_code == 0
    assert "Goodbye" not in result.stdout
    assert run("-k", "nothing").exit_code == 1


def test_verbose_tells_how_passed_calls_went(config: Path) -> None:
    assert "InviteArrived" not in run("-k", "talks").stdout
    assert "InviteArrived" in run("-k", "talks", "-v").stdout


def test_json_is_one_object_a_test(config: Path) -> None:
    result = run("--json")

    assert result.exit_code == 1
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["name"], first["path"], first["line"], first["passed"]) == ("a caller talks", "config/tests/shop.yaml", 4, True)
    assert (first["call"]["final_state"], first["call"]["revenue_micros"]) == ("converted", 25_000_000)
    assert [(each["message"], each["expected"]) for each in second["failures"]] == [
        ("hears: got welcome", "goodbye"),
        ("state: got converted", "capped"),
    ]
    assert [each and each["final_state"] for each in second["earlier"]] == ["converted", None]


def test_wrong_tests_are_told_and_none_is_run(config: Path) -> None:
    (config / "tests" / "wrong.yaml").write_text("tests:\n  - {name: x, expect: {line: acme-est}}\n")

    result = run()

    assert result.exit_code == 1
    assert result.stdout == ""
    assert 'config/tests/wrong.yaml:2:30  unknown line "acme-est"' in result.stderr
    assert "the call tests in config/tests have 1 error: see above" in result.stderr


def test_a_wrong_config_is_told(config: Path) -> None:
    (config / "shop.yaml").write_text("campaign:\n")

    result = run()

    assert result.exit_code == 1
    assert 'unknown key "campaign"' in result.stderr


def test_no_tests_are_no_success(config: Path) -> None:
    (config / "tests" / "shop.yaml").unlink()

    result = run()

    assert result.exit_code == 1
    assert "no call tests in config/tests" in result.stderr


def test_tests_of_elsewhere_can_be_run_against_a_config(config: Path) -> None:
    (config / "tests").rename("elsewhere")

    assert run("--tests", "elsewhere", "-k", "talks").exit_code == 0


def test_the_sample_passes() -> None:
    result = run("--config", str(SAMPLE))

    assert result.exit_code == 0, result.stdout
    assert int(result.stdout.splitlines()[-1].split()[0]) >= 12


def test_the_sample_has_tests_of_each_of_its_campaigns() -> None:
    rows = [json.loads(line) for line in run("--config", str(SAMPLE), "--json").stdout.splitlines()]

    deployment = load(SAMPLE).deployment
    assert deployment is not None
    assert {row["call"]["campaign"] for row in rows} >= set(deployment.plan.table.campaigns)


def test_the_guides_first_tests_pass_on_the_sample(tmp_path: Path) -> None:
    block = re.search(r"^```yaml\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    (tmp_path / "guide.yaml").write_text(block[1])

    result = run("--config", str(SAMPLE), "--tests", str(tmp_path))

    assert result.exit_code == 0, result.stdout
    assert result.stdout.splitlines()[-1].startswith("2 passed")
