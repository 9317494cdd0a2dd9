"""Memory of the switch before, under and after calls held at once, and of its media worker beside it. Prints one JSON line.

`python bench/memory.py [--live 200] [--idle 65]`. "Before" is not the moment after the start: a warm-up burst comes first, and the
same idle time, so that code loaded on first use and the allocator's first arenas do not count as what calls leave behind. A
warmed-up allocator has room to spare, though, and hides what a call takes: bytes per call come from a second switch, filled
beyond that room.
"""

import argparse
import json
import sys
import time

import loadgen
import switch_under_test
from loadgen import Calls
from switch_under_test import DIRECT_DID, Switch, rss_bytes

RATE = 50
WARM_UP_CALLS = 200
WARM_UP_HOLD_MS = 1_500
SETTLE_S = 3
TARGET = 0.05
FIRST_LIVE = 200
MORE_LIVE = 600
FILL_HOLD_MS = 40_000
"""Less than the switch's RTP timeout: these calls carry no audio."""
MAX_LIVE = 1_000
MAX_IDLE_S = 600


def main() -> None:
    options = _options()
    with switch_under_test.running() as switch, loadgen.line(switch):
        started = _rss(switch)
        _say(f"warm-up: {WARM_UP_CALLS} calls, then {options.idle} s idle")
        Calls(switch, "warm-up", did=DIRECT_DID, calls=WARM_UP_CALLS, rate=RATE, hold_ms=WARM_UP_HOLD_MS).tally()
        time.sleep(options.idle)
        before = _rss(switch)
        under, failed = _hold(switch, options.live)
        _say(f"hung up: {options.idle} s idle")
        time.sleep(options.idle)
        after = _rss(switch)
        unrecorded = WARM_UP_CALLS + options.live - len(switch.records(WARM_UP_CALLS + options.live))
    per_call = _per_call()
    main_process, worker = (
        {"bytes_per_call": per_call[i], **_figures(started=started[i], before=before[i], under=under[i], after=after[i])}
        for i in (0, 1)
    )
    line = {
        "bench": "memory",
        "live_calls": options.live,
        "failed": max(failed, unrecorded),
        **main_process,
        "idle_s": options.idle,
        "target": TARGET,
        "met": main_process["back_within"] <= TARGET,
        "worker": worker,
    }
    print(json.dumps(line))


def _hold(switch: Switch, live: int) -> tuple[tuple[int, int], int]:
    """The switch's and the worker's RSS while all calls are up, and how many calls failed."""
    hold_s = live / RATE + 2 * SETTLE_S
    calls = Calls(switch, "held", did=DIRECT_DID, calls=live, rate=RATE, hold_ms=int(hold_s * 1_000))
    return _rss_with(switch, calls, live), calls.tally().failed


def _per_call() -> tuple[int, int]:
    """Bytes that one more live call takes in the switch and in the worker: what RSS grew by from `FIRST_LIVE` calls on."""
    with switch_under_test.running() as switch, loadgen.line(switch):
        first = Calls(switch, "first", did=DIRECT_DID, calls=FIRST_LIVE, rate=RATE, hold_ms=FILL_HOLD_MS)
        few = _rss_with(switch, first, FIRST_LIVE)
        more = Calls(switch, "more", did=DIRECT_DID, calls=MORE_LIVE, rate=RATE, hold_ms=FILL_HOLD_MS)
        many = _rss_with(switch, more, MORE_LIVE)
        if first.live() != FIRST_LIVE:
            raise SystemExit("memory: the first calls ended before the last ones were up")
        for calls in (first, more):
            calls.tally()
    return round((many[0] - few[0]) / MORE_LIVE), round((many[1] - few[1]) / MORE_LIVE)


def _rss_with(switch: Switch, calls: Calls, live: int) -> tuple[int, int]:
    """The switch's and the worker's RSS once all these calls are up."""
    _say(f"{live} calls at once")
    if not switch_under_test.wait_until(lambda: calls.live() == live, live / RATE + 2 * SETTLE_S):
        raise SystemExit(f"memory: {calls.live()} calls are up at once, not {live}")
    time.sleep(SETTLE_S)
    return _rss(switch)


def _rss(switch: Switch) -> tuple[int, int]:
    return rss_bytes(switch.pid), rss_bytes(switch.worker)


def _figures(*, started: int, before: int, under: int, after: int) -> dict[str, float]:
    return {
        "rss_started": started,
        "rss_before": before,
        "rss_under": under,
        "rss_after": after,
        "back_within": round((after - before) / before, 4),
    }


def _say(what: str) -> None:
    print(f"memory: {what}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--live", type=int, default=200, choices=range(1, MAX_LIVE + 1), metavar=f"1..{MAX_LIVE}")
    parser.add_argument("--idle", type=int, default=65, choices=range(1, MAX_IDLE_S + 1), metavar=f"1..{MAX_IDLE_S}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
