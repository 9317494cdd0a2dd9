"""How long a report over a million calls takes. Prints one JSON line.

`python bench/report.py [--calls 1000000] [--keep DIRECTORY]`. Builds a SQLite ledger of 90 days in a temporary directory in this file's
checkout, about 2 GB for a million calls, and deletes it. `--keep` builds it there and leaves it, or uses the one that is there.
"""

import argparse
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

from switch.ledger.database import Database
from switch.ledger.store import Ledger

TARGET_S = 5.0
T0_US = 1_767_225_600_000_000
DAYS = 90
BATCH = 20_000
RUNS = 2
PUBLISHERS, CAMPAIGNS, LINES, ADVERTISERS, NUMBERS = 40, 25, 200, 50, 1_000
STATES = ("TX", "OK", "CA", "FL", "NY", "OH", "GA", "PA", "WA", "AZ", None)
SHORT = ("caller_left_in_menu", "caller_left_while_ringing", "no_answer", "capped", "closed", "busy")
TRAIL = json.dumps(
    [{"rule": f"campaigns.auto-quotes.lines.line-{n}", "verdict": "eligible", "read": {"used": n, "limit": 5}} for n in range(8)]
)
TAGS = json.dumps(
    {"state": "TX", "zip": "75001", "hour": 14, "weekday": "mon", "date": "2026-03-02", "anonymous": False, "geo": "caller"}
)
DAY_US = 86_400_000_000

CALLS = (
    "call_id, did, ani, trunk, publisher, campaign, final_state, invited_us, answered_us, ended_us, ended_by, ended_detail, sip_code,"
    " total_ms, menu_ms, connected_ms, duration_source, digits, tags, config, seed, trail, billable, rule, why, revenue_micros,"
    " payout_micros, menu_done, paid, cost_micros, near_miss, state"
)
ATTEMPTS = (
    "call_id, number, line, advertiser, campaign, outcome, sip_code, invited_us, answered_us, ended_us, answer_delay_ms, connected_ms,"
    " talk_us, talk_ended_us, ended_by"
)
MEDIA = (
    "call_id, leg, port, codec, received_packets, received_octets, received_lost, received_lost_share, received_jitter_ms,"
    " received_jitter_max_ms, received_gap_ms, received_mos, sent_packets, sent_octets, sent_lost, sent_lost_share, sent_jitter_ms,"
    " sent_mos, far_mos, round_trip_ms, unheard, stray, malformed"
)
MONEY = "key, call_id, number, kind, party, campaign, line, amount_micros, corrects, reason, actor, at_us"
Row = tuple[object, ...]
CASES = {
    "publisher_hour": ["--by", "publisher,hour"],
    "percentiles": ["--by", "number,day", "--metrics", "incoming,connected_mean,connected_p50,connected_p90"],
    "line": ["--by", "line,weekday"],
    "quality": ["--by", "line", "--metrics", "quality"],
    "everything": ["--by", "hour", "--metrics", "all"],
}
TARGETED = ("publisher_hour", "percentiles")


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(dir=Path(__file__).resolve().parents[1]) as temporary:
        directory = options.keep or Path(temporary)
        config, ledger = _config(directory), directory / "var" / "payphone.sqlite"
        began = time.perf_counter()
        if not ledger.exists():
            _say(f"writing {options.calls} calls")
            _build(ledger, options.calls)
        built_s = time.perf_counter() - began
        seconds = {}
        for name, arguments in CASES.items():
            _say(name)
            seconds[f"{name}_s"], seconds[f"{name}_cpu_s"] = min(_report(config, arguments) for _ in range(RUNS))
        size = ledger.stat().st_size
    line = {
        "bench": "report",
        "calls": options.calls,
        **seconds,
        "ledger_bytes": size,
        "built_s": round(built_s, 1),
        "target_s": TARGET_S,
        "met": all(seconds[f"{name}_s"] <= TARGET_S for name in TARGETED),
    }
    print(json.dumps(line))


def _report(config: Path, arguments: list[str]) -> tuple[float, float]:
    """Seconds of the command, the start of Python included; and of CPU, which says more where others use the machine."""
    command = [sys.executable, "-m", "switch.cli", "report", "--config", str(config), "--format", "csv", *arguments]
    began, cpu = time.perf_counter(), _cpu_s()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).resolve().parents[1])
    took = time.perf_counter() - began
    assert len(done.stdout.splitlines()) > 10, done.stdout
    return round(took, 2), round(_cpu_s() - cpu, 2)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _config(directory: Path) -> Path:
    """The sample config, whose ledger is then in `var` of this directory."""
    config = directory / "config"
    if not config.exists():
        shutil.copytree(Path(__file__).resolve().parents[1] / "config", config)
    (directory / "var").mkdir(exist_ok=True)
    return config


def _build(path: Path, calls: int) -> None:
    ledger = Ledger(Database(f"sqlite:///{path}"))
    ledger.migrate()
    ledger.close()
    made, random = _calls(calls), Random(1)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        while some := list(islice(made, BATCH)):
            _insert(connection, "call", CALLS, [call for call, _, _ in some])
            _insert(connection, "attempt", ATTEMPTS, [attempt for _, attempts, _ in some for attempt in attempts])
            _insert(connection, "money", MONEY, [row for _, _, rows in some for row in rows])
            _insert(connection, "leg_media", MEDIA, [leg for call, attempts, _ in some for leg in _legs(random, call, attempts)])
        for _, sql in indexes:
            connection.execute(sql)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def _insert(connection: sqlite3.Connection, table: str, columns: str, rows: list[Row]) -> None:
    marks = ", ".join("?" for _ in columns.split(","))
    connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608 names of our own


def _calls(count: int) -> Iterator[tuple[Row, list[Row], list[Row]]]:
    """Each call with its attempts and money. Four of ten convert; one in fifty conversions is amended afterwards."""
    random = Random(0)
    apart_us = DAYS * DAY_US // count
    for number in range(count):
        call_id = f"{number:08x}{random.getrandbits(64):016x}"  # in order: random ones take minutes to index, and no report minds
        invited_us = T0_US + number * apart_us + random.randrange(apart_us)
        publisher, campaign = f"publisher-{random.randrange(PUBLISHERS)}", f"campaign-{random.randrange(CAMPAIGNS)}"
        draw = random.random()
        talk_ms = int(random.expovariate(1 / 150_000)) if draw < 0.7 else 0
        attempts = _attempts(random, call_id, campaign, invited_us, talk_ms) if draw < 0.85 else []
        ended_us = invited_us + 15_000_000 + talk_ms * 1000
        billable = talk_ms >= 90_000
        state = "converted" if billable else "connected_short" if talk_ms else random.choice(SHORT)
        call = (
            call_id, f"+1800555{random.randrange(NUMBERS):04}", f"+1214555{random.randrange(10_000):04}", "carrier-a", publisher,
            campaign, state, invited_us, invited_us + 1_000_000, ended_us, random.choice(("caller", "line")), "caller_hung_up", 200,
            14_000 + talk_ms, 4_000, talk_ms, "monotonic", "1", TAGS, "9f" * 32, str(random.getrandbits(64)), TRAIL, billable,
            f"{campaign}: connected_for >= 90000 ms", f"line-7: connected {talk_ms} ms, enough", 25_000_000 * billable,
            18_000_000 * billable, True, billable, 16_000, 85_000 <= talk_ms < 95_000, random.choice(STATES),
        )  # fmt: skip
        yield call, attempts, list(_money(random, call, attempts))


def _attempts(random: Random, call_id: str, campaign: str, invited_us: int, talk_ms: int) -> list[Row]:
    """Half of them are preceded by a busy line."""
    dialled_us = invited_us + 5_000_000
    lines = random.sample(range(LINES), random.choice((1, 2)))
    *busy, last = [(f"line-{line}", f"advertiser-{line % ADVERTISERS}", campaign) for line in lines]
    tried: list[Row] = [
        (call_id, 1, *names, "busy", 486, dialled_us, None, dialled_us + 200_000, None, 0, None, None, None) for names in busy
    ]
    talk_us = dialled_us + 10_000_000
    ended_us = talk_us + talk_ms * 1_000
    if talk_ms:
        times = (dialled_us, talk_us, ended_us, 10_000, talk_ms, talk_us, ended_us, random.choice(("caller", "line")))
        tried.append((call_id, len(lines), *last, "answered", 200, *times))
    else:
        tried.append((call_id, len(lines), *last, "no_answer", 480, dialled_us, None, talk_us, None, 0, None, None, None))
    return tried


def _money(random: Random, call: Row, attempts: list[Row]) -> Iterator[Row]:
    call_id, campaign, ended_us = str(call[0]), call[5], int(str(call[9]))
    if call[22]:
        line, advertiser = attempts[-1][2], attempts[-1][3]
        why = f"{campaign}: connected_for >= 90000 ms; {line}: connected {call[15]} ms, enough"
        key = f"{call_id}/revenue/{line}"
        yield (key, call_id, 1, "revenue", advertiser, campaign, line, 25_000_000, None, why, "switch", ended_us)
        yield (f"{call_id}/payout", call_id, 2, "payout", call[4], campaign, line, 18_000_000, None, why, "switch", ended_us)
        if random.random() < 0.02:
            posted = f"{call_id}/post/{line}/7/adjust/revenue"
            yield (posted, call_id, 0, "revenue", advertiser, campaign, line, -5_000_000, key, "adjust", "acme", ended_us + DAY_US)
    yield (f"{call_id}/cost", call_id, 3, "cost", "carrier-a", campaign, "", 16_000, None, "14000 ms", "switch", ended_us)


def _legs(random: Random, call: Row, attempts: list[Row]) -> Iterator[Row]:
    """The caller's, and that of the line that answered; half of the far ends send RTCP, one in eight has G.722."""
    talked = [attempt[1] for attempt in attempts if attempt[5] == "answered"]
    for leg in (0, *talked):
        packets = int(str(call[13])) // 20
        lost = int(packets * random.expovariate(1) / 100)
        share, jitter_ms, mos = round(lost / packets, 4), round(random.expovariate(1 / 3), 2), round(random.uniform(3, 4.4), 2)
        received = (packets, packets * 160, lost, share, jitter_ms, 4 * jitter_ms, 60.0, mos)
        known = (lost, share, jitter_ms, mos, None, 40.0) if random.random() < 0.5 else (None,) * 6
        codec = "G722" if random.random() < 0.125 else "PCMU"
        yield (call[0], leg, 20_000 + 2 * int(str(leg)), codec, *received, packets, packets * 160, *known, 0, 0, 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="a ledger that was built earlier, or is to be left there")
    return parser.parse_args()


def _say(what: str) -> None:
    print(f"report: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
