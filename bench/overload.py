"""More calls than the switch can take, while some are in progress: what is taken, what gets 503, and what is left. Prints one JSON line.

`python bench/overload.py [--rate 300] [--seconds 60]`. Twenty calls are held all the while; the trunk offers `rate` new ones a second.
"""

import argparse
import json
import sys
import time
from collections import Counter

import loadgen
import switch_under_test
from switch_under_test import DIRECT_DID, TRANSACTIONS_S, rss_bytes, wait_until

HELD = 20
HELD_LIVE_S = 20.0
AFTER_S = 15
"""How much longer than the load the held calls last: SIPp may be late with its own."""
HOLD_MS = 1_500
WARM_UP_CALLS = 200
MAX_RATE = 500
MAX_SECONDS = 120


def main() -> None:
    options = _options()
    calls = options.rate * options.seconds
    with switch_under_test.running() as switch, loadgen.line(switch):
        loadgen.Calls(switch, "warm-up", did=DIRECT_DID, calls=WARM_UP_CALLS, rate=40, hold_ms=HOLD_MS).tally()
        time.sleep(TRANSACTIONS_S)
        before = rss_bytes(switch.pid)
        held = loadgen.Calls(switch, "held", did=DIRECT_DID, calls=HELD, rate=HELD, hold_ms=1_000 * (options.seconds + AFTER_S))
        if not wait_until(lambda: held.live() == HELD, HELD_LIVE_S):
            raise SystemExit("the calls to be held did not come up")
        _say(f"{calls} calls, {options.rate} a second")
        offered = loadgen.Calls(
            switch, "offered", did=DIRECT_DID, calls=calls, rate=options.rate, hold_ms=HOLD_MS, scenario="offered"
        ).tally()
        under = rss_bytes(switch.pid)
        held_failed = held.tally().failed
        time.sleep(TRANSACTIONS_S)
        after = rss_bytes(switch.pid)
        records = switch.records(WARM_UP_CALLS + HELD + calls)
    answers = Counter(record["sip_code"] for record in records)
    states = Counter(record["final_state"] for record in records)
    line = {
        "bench": "overload",
        "rate": options.rate,
        "seconds": options.seconds,
        "offered": calls,
        "taken": answers[200] - WARM_UP_CALLS - HELD,
        "refused_503": answers[503],
        "records": len(records) - WARM_UP_CALLS - HELD,
        "failed_at_caller": offered.failed,
        "retransmissions": offered.retransmissions,
        "held_failed": held_failed,
        "final_states": dict(states),
        "rss_before": before,
        "rss_under": under,
        "rss_after": after,
        "met": held_failed == 0 and len(records) == WARM_UP_CALLS + HELD + calls,
    }
    print(json.dumps(line))


def _say(what: str) -> None:
    print(f"overload: {what}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=300, choices=range(1, MAX_RATE + 1), metavar=f"1..{MAX_RATE}")
    parser.add_argument("--seconds", type=int, default=60, choices=range(1, MAX_SECONDS + 1), metavar=f"1..{MAX_SECONDS}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
