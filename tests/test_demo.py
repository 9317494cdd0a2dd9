"""`payphone demo --json` as a visitor runs it: six records, all judged right."""

import json
import sys
from pathlib import Path

import pytest
from child_process import run_to_end

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


@pytest.mark.timeout(300)
def test_the_demo_judges_every_call_right(tmp_path: Path) -> None:
    done = run_to_end([sys.executable, "-m", "switch.cli", "demo", "--json"], deadline_s=280, folder=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    records = [json.loads(line) for line in done.stdout.splitlines()]
    states = sorted(record["final_state"] for record in records)
    assert states == ["connected_short", "converted", "converted", "converted", "converted", "menu_failed"]
    assert all(list(record)[: len(KEYS)] == KEYS for record in records)
    assert {record["campaign"] for record in records if record["billable"]} == {"auto-quotes", "auto-overflow"}
    assert sum(record["revenue_micros"] for record in records) == 90_000_000
    assert list(tmp_path.iterdir()) == []
