"""Compares the records of a switch that was killed under load, and started again on the same data, with what its callers saw.

What the callers saw is SIPp's: when each was answered, and when it hung up.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

SOON_MS = 3_000
"""A machine that does other work too is late by so much between a caller and the switch."""
LOST_MS = 5_000
"""Talk that a crash may cost a record."""
MOST_TOLD = 20
ENDS = frozenset({"converted", "connected_short", "crashed"})
"""How a call of a load may end: every one of them finds a line that answers."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """One call as its caller saw it, in seconds of the machine's clock; None: it never came to that."""

    heard: bool = False
    answered_s: float | None = None
    left_s: float | None = None
    over: bool = False

    def talked_ms(self, killed_s: float) -> float:
        """How long the caller could talk until the switch was killed."""
        if self.answered_s is None:
            return 0
        end_s = killed_s if self.left_s is None else min(killed_s, self.left_s)
        return max(0.0, end_s - self.answered_s) * 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One load up to its crash. `killed_s`: when that was, by the machine's clock. `calls`: by caller, all that were made."""

    killed_ms: int
    killed_s: float
    calls: Mapping[str, Seen]

    @property
    def answered(self) -> int:
        return sum(call.answered_s is not None for call in self.calls.values())

    @property
    def summary(self) -> str:
        return f"{self.killed_ms} ms ({len(self.calls)} calls, {self.answered} answered)"


def callers(path: Path, *, number: int, calls: int) -> list[str]:
    """So many numbers of callers, unlike those of other rounds, also as a file that SIPp reads `[field0]` from."""
    anis = [f"+1415555{number}{place:03d}" for place in range(calls)]
    path.write_text("SEQUENTIAL\n" + "".join(f"{ani}\n" for ani in anis))
    return anis


def seen(shortmessages: Path, anis: Sequence[str]) -> dict[str, Seen]:
    """By caller. SIPp numbers its calls from 1, and its Call-IDs begin with that number."""
    found: dict[str, Seen] = defaultdict(Seen)
    with shortmessages.open(errors="replace", newline="") as file:
        for row in csv.reader(file, delimiter="\t"):
            if len(row) < 7 or not row[4].partition("-")[0].isdecimal():
                continue  # the last line may have been cut off
            _note(found[anis[int(row[4].partition("-")[0]) - 1]], at_s=float(row[2]), way=row[3], cseq=row[5], line=row[6])
    return dict(found)


def _note(call: Seen, *, at_s: float, way: str, cseq: str, line: str) -> None:
    call.heard = call.heard or way == "R"
    if way == "R" and line.startswith("SIP/2.0 200") and cseq.endswith("INVITE"):
        call.answered_s = call.answered_s or at_s
    elif way == "S" and line.startswith("BYE"):
        call.left_s = call.left_s or at_s
    elif way == "R" and line.startswith("SIP/2.0 200") and cseq.endswith("BYE"):
        call.over = True


def wrong(rounds: Sequence[Round], records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the records say that the callers did not see. Who never heard from the switch may have one or none."""
    by_caller: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        by_caller[record["ani"]].append(record)
    made = {ani for each in rounds for ani in each.calls}
    problems = [f"{ani}: a record of a call that nobody made" for ani in by_caller.keys() - made]
    for number, each in enumerate(rounds, 1):
        if each.answered == 0:
            problems.append(f"round {number}: no call was answered in {each.killed_ms} ms")
        for ani, call in each.calls.items():
            said = _wrong(call, by_caller[ani], killed_s=each.killed_s)
            problems += [f"round {number}: {ani}: {problem}" for problem in said]
    return problems[:MOST_TOLD]


def _wrong(call: Seen, records: Sequence[Mapping[str, Any]], *, killed_s: float) -> list[str]:
    if len(records) > 1 or (call.heard and not records):
        return [f"{len(records)} records of one call"]
    return [problem for record in records for problem in _differs(call, record, killed_s=killed_s)]


def _differs(call: Seen, record: Mapping[str, Any], *, killed_s: float) -> list[str]:
    problems = []
    if record["final_state"] not in ENDS:
        lines = ", ".join(f"{each['line']} {each['outcome']} {each['sip_code']}" for each in record["attempts"])
        problems.append(
            f"ended as {record['final_state']}, by {record['ended_by']}, {record['sip_code']}; lines: {lines or 'none'}"
        )
    if datetime.fromisoformat(record["ended_at"]).timestamp() > killed_s + SOON_MS / 1_000:
        problems.append(f"ended at {record['ended_at']}, after the switch was killed")
    true_ms = call.talked_ms(killed_s)
    least_ms = true_ms - SOON_MS - (0 if call.over else LOST_MS)
    if not least_ms <= record["connected_ms"] <= true_ms + SOON_MS:
        problems.append(f"connected {record['connected_ms']} ms; its caller could talk for {true_ms:.0f} ms")
    return problems
