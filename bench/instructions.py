"""Instructions of the engine for one bridged call without a menu, counted by valgrind: alike in every run, whatever else the machine does.

`python bench/instructions.py [TREE]...`: each tree is a checkout of the project (default: this one) and is compared with the first. The
trees' own code runs under this file, in this Python. Caller and line are templates of text here, so their work is hardly counted. Journal,
ledger and sockets are not in it: those are the shell's.
"""

import gc
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FEW, MANY = 60, 160
"""Calls of the two runs: what starting costs is the same in both, and falls out of the difference."""
SDP = """v=0
o=- 1 1 IN IP4 198.51.100.7
s=-
c=IN IP4 198.51.100.7
t=0 0
m=audio 6000 RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
""".replace("\n", "\r\n")
CONTACT = "Contact: <sip:198.51.100.21:5060;transport=UDP>"


class Caller:
    """One call after the other through one engine: INVITE, 180, 200, ACK, 1.5 s of talk, BYE."""

    def __init__(self) -> None:
        self.rooms: Any = import_module("engine_world")
        self.effect: Any = import_module("switch.engine.effect")
        self.media: Any = import_module("media.control")
        self.world = self.rooms.World(self.rooms.plan(self.rooms.line("east", self.rooms.EAST)))
        self.engine = self.world.engine
        self.records = 0

    def put(self, start: str, *headers: str, source: Any, body: str = "") -> list[str]:
        """Hands the engine one message; returns what it sends for it."""
        more = ["Content-Type: application/sdp"] * bool(body) + [f"Content-Length: {len(body)}", "", body]
        self.engine.datagram("\r\n".join([start, *headers, *more]).encode(), source, self.world.at())
        return self.sent()

    def sent(self) -> list[str]:
        """What the engine sends; meanwhile answers become durable, and ports close."""
        texts: list[str] = []
        for each in self.engine.effects():
            if isinstance(each, self.effect.SendSip):
                texts.append(each.data.decode())
            elif isinstance(each, self.effect.SyncJournal):
                self.engine.answer_durable(each.call_id, each.leg, self.world.at())
                texts += self.sent()
            elif isinstance(each, self.effect.TellWorker) and isinstance(each.order, self.media.Close):
                closed = self.media.Closed(port=each.order.port, counters=self.media.Counters())
                self.engine.report(1, closed, self.world.at())
            self.records += isinstance(each, self.effect.StoreRecord)
        return texts

    def wait(self, ms: int) -> None:
        self.world.now_ns += ms * 1_000_000
        while (due_ns := self.engine.next_deadline()) is not None and due_ns <= self.world.now_ns:
            self.engine.tick(self.world.at())
            self.sent()

    def call(self, number: int) -> None:
        for ms in self.steps(number):
            self.wait(ms)

    def steps(self, number: int) -> Iterator[int]:
        """Plays one call; yields how many milliseconds its phones wait then."""
        carrier, east = self.rooms.CARRIER, self.rooms.EAST
        via = f"Via: SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bK-{number}"
        of_call = (
            f"From: sipp <sip:+12125550199@198.51.100.7:5080>;tag=f{number}",
            f"Call-ID: {number}@198.51.100.7",
            "Max-Forwards: 70",
        )
        to = "To: <sip:+18005550100@192.0.2.1:5060>"
        contact = "Contact: <sip:sipp@198.51.100.7:5080>"
        sent = self.put(
            "INVITE sip:+18005550100@192.0.2.1:5060 SIP/2.0",
            f"{via}-0",
            to,
            *of_call,
            contact,
            "CSeq: 1 INVITE",
            source=carrier,
            body=SDP,
        )
        invite = next(text for text in sent if text.startswith("INVITE"))
        of_line = [line(invite, name) for name in ("Via", "From", "Call-ID", "CSeq")] + [f"{line(invite, 'To')};tag=t{number}"]
        self.put("SIP/2.0 180 Ringing", *of_line, CONTACT, source=east)
        yield 100
        sent = self.put("SIP/2.0 200 OK", *of_line, CONTACT, source=east, body=SDP)
        ok = next(text for text in sent if text.startswith("SIP/2.0 200"))
        to = line(ok, "To")
        self.put("ACK sip:192.0.2.1:5060 SIP/2.0", f"{via}-1", to, *of_call, "CSeq: 1 ACK", source=carrier)
        yield 1_500
        sent = self.put("BYE sip:192.0.2.1:5060 SIP/2.0", f"{via}-2", to, *of_call, "CSeq: 2 BYE", source=carrier)
        bye = next(text for text in sent if text.startswith("BYE"))
        of_bye = [line(bye, name) for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        self.put("SIP/2.0 200 OK", *of_bye, source=east)


def line(message: str, name: str) -> str:
    """Returns the whole header line."""
    found = re.search(rf"^{name}: .*(?=\r$)", message, re.MULTILINE)
    if found is None:
        raise ValueError(f"no {name} in {message}")
    return found[0]


def play(tree: str, calls: int) -> None:
    sys.path[:0] = [tree, f"{tree}/tests/support"]
    caller = Caller()
    gc.disable()
    for number in range(calls):
        caller.call(number)
    caller.wait(60_000)
    if caller.records != calls:
        raise SystemExit(f"{caller.records} records of {calls} calls")


def counted(*program: str) -> int:
    """Returns the instructions of a Python process that runs this program."""
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    command = [*valgrind, sys.executable, *program]
    done = subprocess.run(
        command, env={"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2_000:]}")
    return int(found[1].replace(",", ""))


def main() -> None:
    if sys.argv[1:2] == ["--play"]:
        play(sys.argv[2], int(sys.argv[3]))
        return
    first = 0
    for tree in sys.argv[1:] or [str(ROOT)]:
        program = (__file__, "--play", tree)
        counted(*program, "1")  # what is not compiled yet is compiled now
        each = (counted(*program, str(MANY)) - counted(*program, str(FEW))) // (MANY - FEW)
        first = first or each
        print(json.dumps({"bench": "instructions", "tree": tree, "per_call": each, "ratio": round(each / first, 3)}), flush=True)


if __name__ == "__main__":
    main()
