"""How fast the journal becomes durable, and how long a caller waits for that. Prints one JSON line.

`python bench/journal.py [--calls 2000] [--seconds 10] [--rate 50]`. The journal lies in a fresh directory in this
checkout, on the disk that a switch would use. Lines are those of a call with a menu, a busy line and one that answers: what the engine
writes, encoded anew for each.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from threading import Semaphore

import uvloop
from msgspec.structs import replace

from switch.billing.terms import Price, PriceStep, Rule, Terms
from switch.billing.verdict import CallEvent
from switch.call.cause import Cause
from switch.call.moment import Moment
from switch.call.state import AttemptState, CallHistory, MenuVisit
from switch.engine.journal_line import RulingNotes, event_line, heartbeat_line
from switch.ledger.journal import Journal
from switch.ledger.writer import FsyncThread

TARGET_PER_S = 2_000
TARGET_MS = 10.0
AT_ONCE = 50
"""Calls whose answers are being made durable, at most."""
EVENTS = (
    "InviteArrived", "Ruled", "CallerAcknowledged", "PromptEnded", "DigitHeard", "Ruled", "LegEnded", "Ruled", "LegRang",
    "LegAnswered", "AnswerSecured", "LegEnded",
)  # fmt: skip
ANSWERED = EVENTS.index("LegAnswered")
BEATS = 6
T0 = Moment(mono_ns=10**15, utc_us=1_767_225_600_000_000)
TRAIL = tuple(
    {
        "rule": f"campaigns.auto-quotes.lines.line-{n}",
        "what": f"line-{n} eligible: 3 of 5 at once",
        "facts": {"used": 3, "limit": 5},
    }
    for n in range(6)
)


def main() -> None:
    options = _options()
    lines = _lines_of_a_call()
    with tempfile.TemporaryDirectory(dir=Path(__file__).resolve().parents[1]) as directory:
        _say(f"{options.calls} calls, as fast as it goes")
        per_s = _throughput(Path(directory) / "fast", options.calls)
        _say(f"{options.rate} calls a second for {options.seconds} s")
        waits_ms, blocked_ms = uvloop.run(_paced(Path(directory) / "paced", rate=options.rate, seconds=options.seconds))
    p99_ms = _percentile(waits_ms, 99)
    figures = {
        "bench": "journal",
        "events_per_s": round(per_s),
        "bytes_per_event": sum(map(len, lines)) // len(lines),
        "calls_per_s": options.rate,
        "answers": len(waits_ms),
        "answer_added_p50_ms": _percentile(waits_ms, 50),
        "answer_added_p99_ms": p99_ms,
        "answer_added_max_ms": round(max(waits_ms), 2),
        "append_p99_ms": _percentile(blocked_ms, 99),
        "target_events_per_s": TARGET_PER_S,
        "target_p99_ms": TARGET_MS,
        "met": per_s >= TARGET_PER_S and p99_ms <= TARGET_MS,
    }
    print(json.dumps(figures))


def _throughput(directory: Path, calls: int) -> float:
    """Events a second from the first line to the last fsync. Each answer is made durable; so many wait for that at once, as calls do."""
    journal, free = Journal(directory), Semaphore(AT_ONCE)
    failed: list[OSError] = []

    def done(tokens: Sequence[str], error: OSError | None) -> None:
        failed.extend([] if error is None else [error])
        free.release(len(tokens))

    sync = FsyncThread(journal.fsync, done=done)
    sync.start()
    began = time.perf_counter()
    written = 0
    for number in range(calls):
        call_id = f"{number:016x}"
        for place, payload in enumerate(_lines_of_a_call()):
            journal.append(call_id, payload)
            written += 1
            if place == ANSWERED:
                free.acquire()
                sync.request(call_id)
    sync.request("last")
    sync.close(60)
    took_s = time.perf_counter() - began
    journal.close()
    if failed:
        raise SystemExit(f"fsync failed: {failed[0]}")
    return written / took_s


async def _paced(directory: Path, *, rate: int, seconds: int) -> tuple[list[float], list[float]]:
    """Milliseconds from asking for an answer to be durable until the event loop hears that it is; and for how long an append kept the loop.

    Calls come evenly; all lines of a call are written at once, which is the worst for the fsync that it waits for.
    """
    loop = asyncio.get_running_loop()
    journal = Journal(directory)
    asked_s: dict[str, float] = {}
    waits_ms: list[float] = []
    blocked_ms: list[float] = []

    def secured(tokens: Sequence[str]) -> None:
        waits_ms.extend(1e3 * (time.perf_counter() - asked_s.pop(token)) for token in tokens)

    def done(tokens: Sequence[str], error: OSError | None) -> None:
        if error is None:
            loop.call_soon_threadsafe(secured, tokens)

    def call(number: int) -> None:
        call_id = f"{number:016x}"
        for place, payload in enumerate(_lines_of_a_call()):
            began = time.perf_counter()
            journal.append(call_id, payload)
            blocked_ms.append(1e3 * (time.perf_counter() - began))
            if place == ANSWERED:
                asked_s[call_id] = time.perf_counter()
                sync.request(call_id)

    sync = FsyncThread(journal.fsync, done=done)
    sync.start()
    first_s = loop.time()
    for number in range(rate * seconds):
        loop.call_at(first_s + number / rate, call, number)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(sync.close, 60)
    await asyncio.sleep(0)  # what the thread has told last is heard
    journal.close()
    if len(waits_ms) != rate * seconds:
        raise SystemExit(f"{len(waits_ms)} of {rate * seconds} answers became durable")
    return waits_ms, blocked_ms


def _lines_of_a_call() -> list[bytes]:
    """Its events, then heartbeats."""
    price = Price(steps=(PriceStep(rule=Rule(at_least_ms=90_000), amount_micros=25_000_000),))
    agreed = RulingNotes(
        trail=TRAIL,
        known={"state": "TX", "zip": "75001", "age": 66, "hour": 14, "weekday": "mon", "repeat": False, "anonymous": False},
        terms={"auto-quotes": Terms(campaign="auto-quotes", revenue=price, payout=price)},
    )
    lines = []
    for place, event in enumerate(EVENTS):
        at = T0.plus_ms(400 * place)
        happened = CallEvent(number=place + 1, at_us=at.utc_us, event=event, facts={"leg": 1, "then": ["Dial line-3 on leg 1"]})
        lines.append(event_line(at, happened, _story(place), agreed if event == "Ruled" else None))
    return lines + [heartbeat_line(T0.plus_ms(5_000 * n), T0.plus_ms(5_000 * n)) for n in range(BEATS)]


def _story(place: int) -> CallHistory:
    """What is known after so many events."""
    tried = tuple(
        AttemptState(
            number=number,
            line=f"line-{number}",
            advertiser="acme",
            campaign="auto-quotes",
            timer_offset_ms=0,
            invited=T0.plus_ms(2_000),
            cause=Cause.BUSY if number == 1 else None,
            sip_code=486 if number == 1 else None,
        )
        for number in range(1, min(place // 4, 2) + 1)
    )
    history = CallHistory(
        call_id="0123456789abcdef",
        did="+18005550100",
        ani="+12145550123",
        trunk="carrier-a",
        seed=123_456_789_012,
        version="9f86d081884c",
        invited=T0,
        publisher="radio-ads",
        campaign="auto-quotes",
        answered=T0,
        attempts=tried,
    )
    return replace(history, menus=(MenuVisit(entered=T0, left=T0.plus_ms(2_000), qualified=True),), digits="1", tags={"age": 66})


def _percentile(values: Sequence[float], hundredths: int) -> float:
    return round(quantiles(values, n=100)[hundredths - 1], 2)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rate", type=int, default=50)
    return parser.parse_args()


def _say(what: str) -> None:
    print(f"journal: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
