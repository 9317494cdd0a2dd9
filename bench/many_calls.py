"""Memory of the switch over many calls, one after the other: it must not grow. Prints one JSON line.

`python bench/many_calls.py [--calls 20000] [--rate 100]`. After each fifth of the calls, once their transactions have timed out, the RSS
of the main process and of its media worker is read. The first fifth warms up: code that is loaded on first use, the allocator's arenas.
"""

import argparse
import json
import sys
import time

import loadgen
import switch_under_test
from switch_under_test import DIRECT_DID, TRANSACTIONS_S, rss_bytes

PARTS = 5
HOLD_MS = 1_500
TARGET = 0.02
MAX_CALLS = 200_000
MAX_RATE = 200


def main() -> None:
    options = _options()
    part = options.calls // PARTS
    failed = 0
    rss: list[tuple[int, int]] = []
    with switch_under_test.running() as switch, loadgen.line(switch):
        for number in range(1, PARTS + 1):
            print(f"many_calls: {part} calls, {number} of {PARTS}", file=sys.stderr, flush=True)
            calls = loadgen.Calls(switch, f"part-{number}", did=DIRECT_DID, calls=part, rate=options.rate, hold_ms=HOLD_MS)
            failed += calls.tally().failed
            time.sleep(TRANSACTIONS_S)
            rss.append((rss_bytes(switch.pid), rss_bytes(switch.worker)))
    first, last = rss[0], rss[-1]
    growth = (last[0] - first[0]) / first[0]
    line = {
        "bench": "many_calls",
        "calls": PARTS * part,
        "failed": failed,
        "rss": [each[0] for each in rss],
        "growth": round(growth, 4),
        "bytes_per_call": round((last[0] - first[0]) / ((PARTS - 1) * part)),
        "worker_rss": [each[1] for each in rss],
        "target": TARGET,
        "met": growth <= TARGET and failed == 0,
    }
    print(json.dumps(line))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000, choices=range(PARTS, MAX_CALLS + 1), metavar=f"{PARTS}..{MAX_CALLS}")
    parser.add_argument("--rate", type=int, default=100, choices=range(1, MAX_RATE + 1), metavar=f"1..{MAX_RATE}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
