"""How fast the SQL ledger takes judged calls durably, and gives them back. Prints one JSON line.

`python bench/ledger.py [--calls 20000] [--batch 200] [--url URL]`. Without a URL: a SQLite file in a fresh directory beside this file's
checkout, on the disk that a switch would use; a URL names an empty database, whose server says how durable its commits are.
"""

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random

from switch.billing.entry_state import State, StateRow
from switch.billing.verdict import CallEvent, JudgedCall, MoneyKind, MoneyRow, Verdict
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Outcome
from switch.ledger.database import Database
from switch.ledger.store import Ledger

TARGET = 2_000
T0_US = 1_767_225_600_000_000
APART_US = 250_000
"""Four calls a second."""
EVENTS = (
    "InviteArrived", "LegAcknowledged", "PromptEnded", "DigitHeard", "Ruled", "LegRang",
    "LegEnded", "Ruled", "LegAnswered", "AnswerSecured", "DeadlinePassed", "LegEnded",
)  # fmt: skip
TRAIL = tuple(
    {"rule": f"campaigns.auto-quotes.lines.line-{n}", "verdict": "eligible", "read": {"used": n, "limit": 5, "weight": 10}}
    for n in range(8)
)


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(dir=Path(__file__).resolve().parents[1]) as directory:
        ledger = Ledger(Database(options.url or f"sqlite:///{directory}/ledger.sqlite"))
        ledger.migrate()
        calls = list(_calls(options.calls))
        gc.freeze()  # a switch does not hold them all at once, for the collector to walk through
        figures = _measure(ledger, calls, batch=options.batch)
        ledger.close()
        size = sum(path.stat().st_size for path in Path(directory).iterdir())
    line = {
        "bench": "ledger",
        "database": (options.url or "sqlite").partition(":")[0],
        "calls": options.calls,
        "batch": options.batch,
        **figures,
        "bytes_per_call": size // options.calls if options.url is None else None,
        "target": TARGET,
        "met": figures["events_per_s"] >= TARGET,
    }
    print(json.dumps(line))


def _measure(ledger: Ledger, calls: Sequence[JudgedCall], *, batch: int) -> dict[str, float]:
    _say(f"writing {len(calls)} calls, {batch} at a time")
    wall, cpu, slowest = time.perf_counter(), time.process_time(), 0.0
    waiting = iter(calls)
    while some := list(islice(waiting, batch)):
        began = time.perf_counter()
        ledger.write(some)
        slowest = max(slowest, time.perf_counter() - began)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    _say("reading them back")
    began = time.perf_counter()
    assert sum(1 for _ in ledger.calls_between(0, 2**62)) == len(calls)
    read_s, began = time.perf_counter() - began, time.perf_counter()
    assert sum(1 for _ in ledger.calls_between(0, 2**62, events=False)) == len(calls)
    bare_s, began = time.perf_counter() - began, time.perf_counter()
    with ledger.reading() as reading:
        tallies = sum(1 for _ in reading.tallies(0))
    return {
        "events_per_s": round(sum(len(call.events) for call in calls) / wall),
        "calls_per_s": round(len(calls) / wall),
        "cpu_ms_per_call": round(1e3 * cpu / len(calls), 3),
        "slowest_batch_ms": round(1e3 * slowest, 1),
        "read_calls_per_s": round(len(calls) / read_s),
        "read_without_events_per_s": round(len(calls) / bare_s),
        "tallies": tallies,
        "tallies_s": round(time.perf_counter() - began, 3),
    }


def _calls(count: int) -> Iterator[JudgedCall]:
    """Menu, a busy line, one that answers: converted. Callers, numbers, publishers and lines vary; ids are random, as in earnest."""
    random = Random(0)
    for number in range(count):
        call_id = f"{random.getrandbits(96):024x}"
        record = _record(call_id, random, invited_us=T0_US + number * APART_US)
        talked = record.attempts[-1]
        revenue = MoneyRow(
            key=f"{call_id}/revenue/{talked.line}",
            call_id=call_id,
            kind=MoneyKind.REVENUE,
            party=talked.advertiser,
            campaign=talked.campaign,
            amount_micros=25_000_000,
            reason="auto-quotes: connected_for >= 90000 ms; connected 95000 ms, enough",
            at_us=record.ended_us,
            line=talked.line,
        )
        payout = replace(revenue, key=f"{call_id}/payout", kind=MoneyKind.PAYOUT, party=record.publisher or "", link=revenue.key)
        verdict = Verdict(
            billable=True,
            rule="auto-quotes: connected_for >= 90000 ms",
            why=f"{talked.line}: connected 95000 ms, enough",
            revenue_micros=25_000_000,
            payout_micros=18_000_000,
            rows=(revenue, payout, replace(payout, key=f"{call_id}/cost", kind=MoneyKind.COST, party=record.trunk)),
            paid=True,
            states=(
                StateRow(
                    key=f"{payout.key}/held", of=payout.key, state=State.HELD, at_us=payout.at_us, until_us=2**50, reason="7d"
                ),
            ),
        )
        yield JudgedCall(record=record, verdict=verdict, events=_events(record))


def _record(call_id: str, random: Random, *, invited_us: int) -> CallRecord:
    first, second = random.sample(range(100), 2)
    busy = AttemptRecord(
        number=1,
        line=f"line-{first}",
        advertiser=f"advertiser-{first % 20}",
        campaign="auto-quotes",
        outcome=Outcome.BUSY,
        sip_code=486,
        q850=17,
        invited_us=invited_us + 5_000_000,
        answered_us=None,
        ended_us=invited_us + 5_200_000,
        answer_delay_ms=None,
        connected_ms=0,
    )
    talked = replace(
        busy,
        number=2,
        line=f"line-{second}",
        advertiser=f"advertiser-{second % 20}",
        outcome=Outcome.ANSWERED,
        sip_code=200,
        q850=None,
        answered_us=invited_us + 9_000_000,
        ended_us=invited_us + 104_000_000,
        answer_delay_ms=3_800,
        connected_ms=95_000,
        talk_us=invited_us + 9_000_000,
        talk_ended_us=invited_us + 104_000_000,
        ended_by=EndedBy.CALLER,
    )
    return CallRecord(
        call_id=call_id,
        did=f"+1800555{random.randrange(1000):04}",
        ani=f"+1214555{random.randrange(10_000):04}",
        trunk="carrier-a",
        publisher=f"publisher-{random.randrange(20)}",
        campaign="auto-quotes",
        final_state=FinalState.CONVERTED,
        invited_us=invited_us,
        answered_us=invited_us + 1_000_000,
        ended_us=invited_us + 104_000_000,
        ended_by=EndedBy.CALLER,
        ended_detail="caller_hung_up",
        sip_code=200,
        total_ms=103_000,
        menu_ms=4_000,
        connected_ms=95_000,
        duration_source=DurationSource.MONOTONIC,
        attempts=(busy, talked),
        digits="1",
        tags={"state": random.choice(["TX", "OK", "CA"]), "zip": "75001", "hour": 14, "anonymous": False},
        menu_done=True,
        config="9f" * 32,
        seed=random.getrandbits(64),
        trail=TRAIL,
    )


def _events(record: CallRecord) -> tuple[CallEvent, ...]:
    facts = {"leg": 2, "line": record.attempts[-1].line, "sip_code": 200, "commands": ["Bridge", "Play"]}
    return tuple(
        CallEvent(number=number, at_us=record.invited_us + number * 1_000_000, event=event, facts=facts)
        for number, event in enumerate(EVENTS, start=1)
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--url", help="an empty database; without it, a SQLite file that is deleted at the end")
    return parser.parse_args()


def _say(what: str) -> None:
    print(f"ledger: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
