"""A media worker is killed with SIGKILL under 200 calls, half of which are the other worker's: what becomes of them. Prints one JSON line.

`python bench/worker_loss.py [--live 200]`. No RTP flows. Calls of the killed worker must end within two seconds, each with a record, its
talk not longer than it was; those of the other worker must not notice.
"""

import argparse
import json
import os
import signal
import time
from datetime import datetime

import loadgen
import switch_under_test
from loadgen import Calls
from switch_under_test import DIRECT_DID, Switch, children, wait_until

RATE = 40
TARGET_MS = 2_000
HOLD_MS = 30_000
MAX_LIVE = 400
PATIENCE_S = 60.0


def main() -> None:
    live = _options().live
    with switch_under_test.running(workers=2) as switch, loadgen.line(switch):
        calls = Calls(switch, "held", did=DIRECT_DID, calls=live, rate=RATE, hold_ms=HOLD_MS)
        if not wait_until(lambda: calls.live() == live, PATIENCE_S):
            raise SystemExit(f"worker_loss: {calls.live()} calls came up, not {live}")
        killed_at = time.time()
        os.kill(children(switch.pid)[0], signal.SIGKILL)
        calls.tally()
        print(json.dumps(_result(switch, live, killed_at)))


def _result(switch: Switch, live: int, killed_at: float) -> dict[str, object]:
    records = switch.records(live)
    ended = [record for record in records if record["ended_detail"] == "media_failed"]
    others = [record for record in records if record["ended_detail"] == "caller_hung_up"]
    after_ms = [round(1_000 * (_seconds(record["ended_at"]) - killed_at)) for record in ended]
    too_long_ms = [record["connected_ms"] - record["total_ms"] for record in ended]
    short = sum(record["total_ms"] < HOLD_MS - 1_000 for record in others)  # no talk: nobody is heard
    is_met = len(ended) + len(others) == live and bool(ended) and max(after_ms) <= TARGET_MS and max(too_long_ms) <= 0 and not short
    return {
        "bench": "worker_loss",
        "live_calls": live,
        "ended": len(ended),
        "ended_after_ms": max(after_ms, default=None),
        "not_ended": len(others),
        "cut_short": short,
        "without_record": live - len(records),
        "target": TARGET_MS,
        "met": is_met,
    }


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A media worker is killed under many calls.")
    parser.add_argument("--live", type=int, default=200, help=f"how many calls, at most {MAX_LIVE}")
    options = parser.parse_args()
    if not 2 <= options.live <= MAX_LIVE:
        parser.error(f"--live is 2 to {MAX_LIVE}")
    return options


if __name__ == "__main__":
    main()
