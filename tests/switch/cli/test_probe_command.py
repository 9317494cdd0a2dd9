"""`payphone probe`: which probe is meant, what is said of its call, and what its history shows. The call itself is not placed here."""

import json
from pathlib import Path

import pytest
from probe_lines import CONFIG, PROMPTS
from probe_rows import found
from typer.testing import CliRunner, Result

from switch.cli import probing
from switch.cli.main import app
from switch.deployment import Deployment
from switch.ledger.database import Database
from switch.ledger.probes import ProbeRow
from switch.ledger.store import Ledger
from switch.probe.placed import CannotPlace
from switch.probe.run import ProbeRun
from switch.probe_settings import HangUp, Hears, ProbeSettings

BUSY = ("answers: 486 Busy Here, after 0.1 s",)
PROBES = 'probes: {front-door: {number: "+18005550100", presses: "1"}, desk: {line: east}}\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG.format(sip=15_060, line=15_080, prompts=PROMPTS, rtp="20000-20199"))
    (folder / "probes.yaml").write_text(PROBES)
    return folder


@pytest.fixture
def ledger(config: Path) -> Ledger:
    ledger = Ledger(Database(f"sqlite:///{config / 'data' / 'payphone.sqlite'}"))
    ledger.migrate()
    return ledger


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> list[ProbeSettings]:
    """What would have been placed; all of it is good, but for calls to `desk`."""
    calls: list[ProbeSettings] = []

    def place(_deployment: Deployment, probe: ProbeSettings, _ledger: Ledger, how: ProbeRun) -> tuple[ProbeRow, ...]:
        calls.append(probe)
        return (found(probe=probe.name, target=probe.target, actor=how.actor, failures=BUSY if probe.name == "desk" else ()),)

    monkeypatch.setattr(probing, "run_probe", place)
    monkeypatch.setattr(probing, "is_installed", lambda: True)
    return calls


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["probe", *arguments, "--config", str(config)], env={"COLUMNS": "80"})


@pytest.mark.parametrize(
    ("target", "name", "keys"),
    [
        ("front-door", "front-door", "1"),
        ("desk", "desk", ""),
        ("+18005550100", "front-door", "1"),
        ("(800) 555-0100", "front-door", "1"),
        ("east", "desk", ""),
    ],
)
def test_a_probe_is_meant_by_its_name_its_number_or_its_line(
    config: Path, placed: list[ProbeSettings], target: str, name: str, keys: str
) -> None:
    run(config, target)
    assert [(each.name, each.keys) for each in placed] == [(name, keys)]


def test_a_line_needs_no_entry(config: Path, placed: list[ProbeSettings]) -> None:
    (config / "probes.yaml").write_text("probes: {}\n")
    assert run(config, "east", "--actor", "anna").exit_code == 0
    assert placed == [ProbeSettings(name="east", line="east")]


def test_the_command_line_says_otherwise_and_then_it_is_not_the_configs_probe(config: Path, placed: list[ProbeSettings]) -> None:
    options = ["--caller", "212-555-0123", "--presses", ",2", "--hears", "tone 440", "--hang-up", "both", "--trunk", "probe"]
    assert run(config, "front-door", *options).exit_code == 0
    (probe,) = placed
    assert (probe.name, probe.caller, probe.keys, probe.hears, probe.tone_hz, probe.hang_up, probe.trunk) == (
        "+18005550100",
        "+12125550123",
        ",2",
        Hears.TONE,
        440,
        HangUp.BOTH,
        "probe",
    )


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "which probe? Name one: the config has desk, front-door"),
        (["eats"], 'there is no probe, number or line eats: did you mean "east"?'),
        (["east", "--presses", "1;2"], "bad keys"),
        (["east", "--hears", "music"], "nothing that a probe could hear"),
        (["east", "--hang-up", "them"], "nobody who could hang up"),
    ],
)
def test_what_can_not_be_placed_is_said(config: Path, placed: list[ProbeSettings], arguments: list[str], why: str) -> None:
    told = run(config, *arguments)
    assert told.exit_code == 1
    assert why in " ".join(told.stderr.split())
    assert placed == []


def test_a_call_that_can_not_be_placed_is_said(config: Path, placed: list[ProbeSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise CannotPlace("no trunk is a probe's")

    monkeypatch.setattr(probing, "run_probe", refuse)
    told = run(config, "east")
    assert (told.exit_code, told.stderr) == (1, "payphone: no trunk is a probe's\n")


def test_what_to_install_is_said(config: Path, placed: list[ProbeSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "is_installed", lambda: False)
    told = run(config, "east")
    assert told.exit_code == 1
    assert "pip install 'payphone[probe]'" in " ".join(told.stderr.split())


GOOD = """front-door: line +18005550100, as the switch calls it
  good  rings    the first sign of life came after 0.1 s
  good  answers  200 OK after 0.8 s, PCMU
  good  audio    4.9 s of 5.0 s, at -16.5 dBm0
  good  tone     440 Hz for 4.8 s, at -16.6 dBm0
  good  keys     pressed 5, heard back 5
  good  quality  MOS 4.40, loss 0.0 %, jitter 1.5 ms
  good  hang-up  our BYE was answered by 200, 5.2 s after the answer
"""


def test_what_is_good_is_said_and_the_exit_code_is_0(config: Path, placed: list[ProbeSettings]) -> None:
    told = run(config, "front-door")
    assert (told.exit_code, told.stdout) == (0, GOOD)


def test_what_is_not_is_said_and_the_exit_code_is_1(config: Path, placed: list[ProbeSettings]) -> None:
    told = run(config, "desk")
    assert told.exit_code == 1
    assert "  BAD   answers  486 Busy Here, after 0.1 s" in told.stdout
    told = run(config, "desk", "--json")
    assert told.exit_code == 1
    row = json.loads(told.stdout)
    assert (row["good"], row["failures"], row["target"]) == (False, list(BUSY), "east")


def test_its_history_is_the_newest_first_and_says_what_fails_now(config: Path, ledger: Ledger) -> None:
    second = 1_767_344_400_000_000
    ledger.add_probes([found(at_us=second), found(probe="desk", target="east", at_us=second + 60_000_000, failures=BUSY)])
    told = run(config, "--history", "--zone", "UTC")
    assert told.exit_code == 0
    lines = [line for line in told.stdout.splitlines() if line.startswith("2026")]
    assert [line.split()[2:5] for line in lines] == [["desk", "BAD", "answers"], ["acme-east", "good", "200"]]
    assert told.stdout.splitlines()[-1] == f"desk fails since 2026-01-02 09:01:00, once: {BUSY[0]}"
    only = run(config, "acme-east", "--history", "--json")
    assert [json.loads(line)["probe"] for line in only.stdout.splitlines()] == ["acme-east"]


def test_there_may_be_none(config: Path, ledger: Ledger) -> None:
    told = run(config, "--history")
    assert (told.exit_code, told.stdout, told.stderr) == (0, "", "no results: no probe has been placed\n")
