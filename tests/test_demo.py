"""`payphone demo --json` as a visitor runs it, on ports that are free here: six records, all judged right."""

import json
import re
import shutil
import sys
from contextlib import closing
from pathlib import Path

import pytest
from child_process import run_to_end
from rig_ports import PortBlock

ROOT = Path(__file__).parents[1]
KEYS = [
    *(
        "call_id",
        "did",
        "ani",
        "trunk",
        "publisher",
        "campaign",
        "final_state",
        "invited_at",
        "answered_at",
        "ended_at",
        "ended_by",
    ),
    *("sip_code", "total_ms", "menu_ms", "connected_ms", "attempts", "billable", "rule", "revenue_micros", "payout_micros"),
]


def elsewhere(folder: Path, block: PortBlock) -> Path:
    """The sample config with every port replaced by one of the block."""
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    ports: dict[str, str] = {}

    def moved(found: re.Match[str]) -> str:
        return "127.0.0.1:" + ports.setdefault(found[1], str(block.next()))

    for path in config.glob("*.yaml"):
        text = re.sub(r"127\.0\.0\.1:(\d+)", moved, path.read_text(encoding="utf-8"))
        path.write_text(re.sub(r"ports: \d+-\d+", "ports: {}-{}".format(*block.rtp_range), text), encoding="utf-8")
    return config


@pytest.mark.timeout(300)
def test_the_demo_judges_every_call_right(tmp_path: Path) -> None:
    with closing(PortBlock()) as block:
        command = [sys.executable, "-m", "switch.cli", "demo", "--json", "--config", str(elsewhere(tmp_path, block))]
        done = run_to_end(command, deadline_s=280, folder=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    records = [json.loads(line) for line in done.stdout.splitlines()]
    states = sorted(record["final_state"] for record in records)
    assert states == ["connected_short", "converted", "converted", "converted", "converted", "menu_failed"]
    assert all(list(record)[: len(KEYS)] == KEYS for record in records)
    assert {record["campaign"] for record in records if record["billable"]} == {"auto-quotes", "auto-overflow"}
    assert sum(record["revenue_micros"] for record in records) == 90_000_000
