"""CPU of one bridged call over TCP, with digest and with session timers, each beside plain UDP. Prints one JSON line.

`python bench/ways.py [--rounds 5] [--calls 150] [--rate 50]`. One switch; in each round all ways in turns, so that what the machine does
meanwhile falls on all of them. The figure of a way is the median of its rounds, its ratio the median of the ratios of one round.
"""

import argparse
import json
import sys
import time
from statistics import median

import loadgen
import switch_under_test
from loadgen import Way
from switch_under_test import DIRECT_DID, TCP_DID, TRANSACTIONS_S, Switch

WARM_UP_CALLS = 100
HOLD_MS = 1_500
MAX_CALLS = 2_000
MAX_RATE = 200
MAX_ROUNDS = 20

WAYS = {"udp": Way(), "tcp": Way(transport="TCP"), "digest": Way(has_digest=True), "timers": Way(has_timer=True)}
"""The first is what the others stand beside."""


def main() -> None:
    options = _options()
    figures: dict[str, list[float]] = {name: [] for name in WAYS}
    failed = 0
    with switch_under_test.running() as switch:
        for name, way in WAYS.items():
            failed += _load(switch, f"warm-up-{name}", way, calls=WARM_UP_CALLS, rate=options.rate)
        for number in range(1, options.rounds + 1):
            for name, way in WAYS.items():
                _say(f"round {number}: {name}")
                before_ns = switch.cpu().total_ns
                failed += _load(switch, f"{name}-{number}", way, calls=options.calls, rate=options.rate)
                time.sleep(TRANSACTIONS_S)
                figures[name].append((switch.cpu().total_ns - before_ns) / 1e6 / options.calls)
    plain = figures["udp"]
    line = {
        "bench": "ways",
        "rounds": options.rounds,
        "calls": options.calls,
        "failed": failed,
        **{f"{name}_ms_per_call": round(median(found), 2) for name, found in figures.items()},
        **{
            f"{name}_beside_udp": round(median(each / beside for each, beside in zip(found, plain, strict=True)), 2)
            for name, found in figures.items()
            if name != "udp"
        },
    }
    print(json.dumps(line))


def _load(switch: Switch, name: str, way: Way, *, calls: int, rate: int) -> int:
    """Returns how many calls failed."""
    did = TCP_DID if way.transport == "TCP" else DIRECT_DID
    with loadgen.line(switch, way):
        return loadgen.Calls(switch, name, did=did, calls=calls, rate=rate, hold_ms=HOLD_MS, way=way).tally().failed


def _say(what: str) -> None:
    print(f"ways: {what}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, MAX_ROUNDS + 1), metavar=f"1..{MAX_ROUNDS}")
    parser.add_argument("--calls", type=int, default=150, choices=range(1, MAX_CALLS + 1), metavar=f"1..{MAX_CALLS}")
    parser.add_argument("--rate", type=int, default=50, choices=range(1, MAX_RATE + 1), metavar=f"1..{MAX_RATE}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
