"""CPU of reading a 900-byte INVITE and writing it again, in checkouts of the project, in turns. Prints one JSON line for each.

`python bench/parse.py [TREE]... [--rounds 5]`: each tree (default: this one) is compared with the first. The trees' own code runs under
this file, in this Python, a process for each turn; the figure is the least of a turn, the ratio the median of the turns'.
"""

import argparse
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from statistics import median
from time import process_time_ns
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BYTES = 900
MESSAGES = 3_000
REPEATS = 5
HEAD = """INVITE sip:+18005550100@192.0.2.1:5060 SIP/2.0
Via: SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bK-{0};rport
Max-Forwards: 70
Record-Route: <sip:198.51.100.7;lr>
From: "Caller" <sip:+12125550199@198.51.100.7:5080>;tag=f{0}
To: <sip:+18005550100@192.0.2.1:5060>
Call-ID: {0}-1234@198.51.100.7
CSeq: 1 INVITE
Contact: <sip:gateway@198.51.100.7:5080>
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE
Supported: 100rel, timer
P-Asserted-Identity: <sip:+12125550199@198.51.100.7>
User-Agent: carrier-gateway
Content-Type: application/sdp
Content-Length: {1}

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trees", type=Path, nargs="*", default=[ROOT], metavar="TREE")
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 101), metavar="1..100")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        sys.path.insert(0, str(options.trees[0]))
        print(json.dumps(inside()))
        return
    turns = [[_turn(tree) for tree in options.trees] for _ in range(options.rounds)]
    for number, tree in enumerate(options.trees):
        us = median(turn[number] for turn in turns)
        ratio = median(turn[number] / turn[0] for turn in turns)
        print(json.dumps({"bench": "parse", "tree": str(tree), "us": round(us, 2), "bytes": BYTES, "ratio": round(ratio, 3)}))


def inside() -> float:
    """Microseconds for one message."""
    message: Any = import_module("switch.sip.message")
    head = HEAD.replace("\n", "\r\n")
    bare = len(head.format("0000", 100).encode())
    body = "v=0\r\n".ljust(BYTES - bare - 2, "a") + "\r\n"
    datagrams = [head.format(f"{number:04}", len(body)).encode() + body.encode() for number in range(MESSAGES)]
    assert {len(each) for each in datagrams} == {BYTES}
    spent = []
    for _ in range(REPEATS):
        start_ns = process_time_ns()
        for datagram in datagrams:
            message.serialize(message.parse(datagram))
        spent.append(process_time_ns() - start_ns)
    return min(spent) / MESSAGES / 1_000


def _turn(tree: Path) -> float:
    command = [sys.executable, __file__, "--inside", str(tree.resolve())]
    return float(subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=tree, timeout=120).stdout)


if __name__ == "__main__":
    main()
