"""`payphone diff`: which two configs it compares, and how it exits."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

from money_cases import call, in_turn
from typer.testing import CliRunner

import switch.cli.editing  # noqa: F401 (its commands)
from switch.billing.judge import judge
from switch.billing.verdict import JudgedCall
from switch.cli.common import app
from switch.ledger.store import Ledger
from switch.settings.load import load


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["diff", *arguments])
    return result.exit_code, result.output


def dearer(config: Path) -> Path:
    other = config.parent / "other"
    shutil.copytree(config, other)
    shop = other / "shop.yaml"
    shop.write_text(shop.read_text().replace("revenue: 25.00", "revenue: 30.00").replace("radio:\n", "radio: {paused: true}\n"))
    return other


def keep(config: Path, *, called: bool = False) -> str:
    """Puts the config into its ledger as a switch that runs it does, and a call if there was one."""
    loaded = load(config)
    assert loaded.deployment is not None
    plan = loaded.deployment.plan
    data = loaded.deployment.switch.data
    data.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(f"sqlite:///{data / 'payphone.sqlite'}")
    ledger.migrate()
    ledger.keep_config(plan.version, at_us=1, files=loaded.files)
    if called:
        record = replace(call(*in_turn(("acme-east", 95_000))), campaign="quotes", config=plan.version)
        ledger.write([JudgedCall(record=record, verdict=judge(record, plan.terms))])
    ledger.close()
    return plan.version


def test_two_directories(config: Path) -> None:
    assert run(str(config), str(dearer(config))) == (
        1,
        "$ campaign quotes: revenue 25.00 -> 30.00\n\n  publisher radio: paused no -> yes\n",
    )


def test_the_same_twice(config: Path) -> None:
    assert run(str(config), str(config)) == (0, "no change\n")


def test_json_lines(config: Path) -> None:
    code, said = run(str(config), str(dearer(config)), "--json")

    assert code == 1
    assert [json.loads(line)["path"] for line in said.splitlines()] == ["campaigns.quotes.revenue", "publishers.radio.paused"]


def test_a_config_with_errors_is_trouble(config: Path) -> None:
    other = dearer(config)
    (other / "shop.yaml").write_text("menus: [\n")

    code, said = run(str(config), str(other))

    assert code == 2
    assert "other has errors" in said


def test_a_kept_version(config: Path) -> None:
    version = keep(config)
    shop = config / "shop.yaml"
    assert run("--was", version) == (0, "no change\n")

    shop.write_text(shop.read_text().replace("payout: 18.00", "payout: 19.00"))

    assert run("--was", version) == (1, "$ campaign quotes: payout 18.00 -> 19.00\n")


def test_a_version_that_nobody_kept_is_trouble(config: Path) -> None:
    keep(config)

    code, said = run("--was", "000000000000")

    assert code == 2
    assert "keeps no config 000000000000" in said


def test_no_ledger_and_no_call_yet_are_trouble(config: Path) -> None:
    assert run()[0] == 2
    keep(config)

    code, said = run()

    assert code == 2
    assert "name it with --was VERSION" in said


def test_what_ran_last_is_what_the_last_call_ran_on(config: Path) -> None:
    keep(config, called=True)
    shop = config / "shop.yaml"
    before = shop.read_text()
    shop.write_text(before.replace("payout: 18.00", "payout: 19.00"))
    keep(config)
    shop.write_text(before.replace("payout: 18.00", "payout: 20.00"))

    assert run() == (1, "$ campaign quotes: payout 18.00 -> 20.00\n")
    assert run(str(config)) == run()
