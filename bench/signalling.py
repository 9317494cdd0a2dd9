"""CPU of the switch process for one bridged call, under SIPp at 50 calls a second. Prints one JSON line.

`python bench/signalling.py [--calls 1200] [--menu-calls 500] [--rate 50]`. Counted are all threads of the main process, from the
first INVITE until the last transaction has timed out and every record is in the ledger; the media worker and SIPp are not.
"""

import argparse
import json
import sys
import sysconfig
import time
from typing import Any

import loadgen
import switch_under_test
from switch_under_test import DIRECT_DID, MENU_DID, TRANSACTIONS_S, Switch

WARM_UP_CALLS = 100
HOLD_MS = 1_500
BRIDGED = ("converted", "connected_short")
TARGET_MS = 3.0
REFERENCE_ROUNDS = 20_000
REFERENCE_PIECES = 1_000
REFERENCE_SLEEP_S = 0.003
MAX_CALLS = 5_000
MAX_RATE = 200

_SAMPLE = (
    "INVITE sip:+18005550100@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-1;rport\r\nMax-Forwards: 70\r\n"
    "From: <sip:+14155550199@127.0.0.2>;tag=1\r\nTo: <sip:+18005550100@127.0.0.1>\r\nCall-ID: 1@127.0.0.2\r\nCSeq: 1 INVITE\r\n"
    "Contact: <sip:caller@127.0.0.2>\r\nContent-Length: 0\r\n\r\n"
)


def main() -> None:
    options = _options()
    with switch_under_test.running() as switch, loadgen.line(switch):
        _load(switch, "warm-up", did=DIRECT_DID, calls=WARM_UP_CALLS, rate=options.rate)
        before = reference_ms(), reference_ms(pieces=REFERENCE_PIECES)
        direct, tally = _measure(switch, "direct", did=DIRECT_DID, calls=options.calls, rate=options.rate, earlier=WARM_UP_CALLS)
        with_menu = _with_menu(switch, options) if options.menu_calls else None
        after = reference_ms(), reference_ms(pieces=REFERENCE_PIECES)
    line = {
        "bench": "signalling",
        "rate": options.rate,
        **direct,
        **_delays(tally),
        "target_ms": TARGET_MS,
        "met": direct["cpu_ms_per_call"] <= TARGET_MS and direct["failed"] == 0,
        "with_menu": with_menu,
        "reference_ms": round((before[0] + after[0]) / 2, 1),
        "reference_paced_ms": round((before[1] + after[1]) / 2, 1),
        "optimised_python": "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS")),
    }
    print(json.dumps(line))


def reference_ms(*, pieces: int = 1) -> float:
    """CPU of a fixed amount of Python that is none of ours. In pieces: with a sleep before each, as the switch works."""
    start_ns = time.process_time_ns()
    for _ in range(pieces):
        if pieces > 1:
            time.sleep(REFERENCE_SLEEP_S)
        _reference(REFERENCE_ROUNDS // pieces)
    return (time.process_time_ns() - start_ns) / 1e6


def _reference(rounds: int) -> None:
    for _ in range(rounds):
        head, *lines = _SAMPLE.split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if len(fields) != 9 or not head:
            raise RuntimeError("the sample is not what it was")


def _with_menu(switch: Switch, options: argparse.Namespace) -> dict[str, Any]:
    """The same through a menu. The caller is answered by the menu, so SIPp can't see how long the line took."""
    earlier = WARM_UP_CALLS + options.calls
    return _measure(switch, "with-menu", did=MENU_DID, calls=options.menu_calls, rate=options.rate, earlier=earlier)[0]


def _measure(switch: Switch, name: str, *, did: str, calls: int, rate: int, earlier: int) -> tuple[dict[str, Any], loadgen.Tally]:
    """`earlier`: how many calls the switch has had."""
    known = {record["call_id"] for record in switch.records(earlier)}
    before = switch.cpu()
    tally = _load(switch, name, did=did, calls=calls, rate=rate)
    _say(f"{name}: waiting {TRANSACTIONS_S:.0f} s for the last transactions to time out")
    time.sleep(TRANSACTIONS_S)
    records = [record for record in switch.records(len(known) + calls) if record["call_id"] not in known]
    after = switch.cpu()
    bridged = sum(record["final_state"] in BRIDGED for record in records)
    figures = {
        "calls": calls,
        "failed": max(tally.failed, calls - bridged, len(records) - bridged),
        "records": len(records),
        "cpu_ms_per_call": _per_call(after.total_ns - before.total_ns, calls),
        "loop_ms_per_call": _per_call(after.loop_ns - before.loop_ns, calls),
        "retransmissions": tally.retransmissions,
    }
    return figures, tally


def _delays(tally: loadgen.Tally) -> dict[str, float | None]:
    answer_ms = tuple(each - loadgen.RING_MS for each in tally.answer_ms)
    return {
        "ring_delay_p50_ms": loadgen.percentile(tally.ring_ms, 50),
        "ring_delay_p99_ms": loadgen.percentile(tally.ring_ms, 99),
        "answer_delay_p99_ms": loadgen.percentile(answer_ms, 99),
    }


def _load(switch: Switch, name: str, *, did: str, calls: int, rate: int) -> loadgen.Tally:
    _say(f"{name}: {calls} calls, {rate} a second")
    return loadgen.Calls(switch, name, did=did, calls=calls, rate=rate, hold_ms=HOLD_MS).tally()


def _per_call(ns: int, calls: int) -> float:
    return round(ns / 1e6 / calls, 3)


def _say(what: str) -> None:
    print(f"signalling: {what}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_200, choices=range(1, MAX_CALLS + 1), metavar=f"1..{MAX_CALLS}")
    parser.add_argument("--menu-calls", type=int, default=500, choices=range(MAX_CALLS + 1), metavar=f"0..{MAX_CALLS}")
    parser.add_argument("--rate", type=int, default=50, choices=range(1, MAX_RATE + 1), metavar=f"1..{MAX_RATE}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
