"""How long `payphone replay` takes for a call: reading it from the ledger, and deciding it once more. Prints one JSON line.

`python bench/replay.py [--calls 10000] [--keep DIR]`. A day of invented calls for ten campaigns of five lines each, with menus, hours, and
caps at once, by the day and of conversions, is simulated into a SQLite ledger; then it is replayed by the same config, which must
change nothing. CPU time of the process counts, so that what else the machine does counts less, though it counts: `reference_ms` is the CPU
time of a fixed loop, before and after, by which two runs can be compared.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time_ns

import numpy as np

from media.dsp.wav import write_wav
from routing.geo import load_tables
from switch.period import days, instant_us
from switch.settings.load import load
from switch.simulation.replay import begins_us, past_of, play, read
from switch.simulation.sandbox import CONFIG, open_sandbox
from switch.simulation.simulate import Model, scripts
from switch.simulation.simulator import Simulator
from switch.without_gc import without_gc

CAMPAIGNS = 10
LINES = 5
MAX_CALLS = 200_000
TARGET_S = 60
TARGET_CALLS = 100_000
BATCH = 500
DAY = days(instant_us("2026-11-18", zone="America/New_York", option="--from"), 1, zone="America/New_York")
HEAD = """\
switch: {sip: {listen: 127.0.0.1:5060}, data: var, zone: America/New_York}
trunks: {carrier: {addresses: [127.0.0.1], cost: {per_minute: 0.0080}}}
hours: {day: {zone: America/New_York, mon-sun: "07:00-22:00"}}
menus: {qualify: {prompt: welcome, timeout: 6s, keys: {"1": {route: {interest: quote}}, "2": {hangup: true}}}}
"""


def main() -> None:
    options = _options()
    load_tables()
    before_ms = _reference_ms()
    with _directory(options.keep) as directory:
        figures = _measured(directory, calls=options.calls)
    total_us = figures["read_us"] + figures["play_us"]
    line = {
        "bench": "replay",
        "calls": options.calls,
        "us_per_call": round(total_us, 1),
        **{name: round(value, 1) for name, value in figures.items()},
        "reference_ms": [round(before_ms), round(_reference_ms())],
        "cpu_s_for_100000": round(total_us * TARGET_CALLS / 1_000_000, 1),
        "target_s": TARGET_S,
        "met": total_us * TARGET_CALLS <= TARGET_S * 1_000_000,
    }
    print(json.dumps(line), flush=True)


def _measured(directory: Path, *, calls: int) -> dict[str, float]:
    """CPU microseconds for a call: simulated into the ledger, read, played."""
    config = directory / "drawn"
    (config / "prompts").mkdir(parents=True)
    (config / "prompts" / "welcome.wav").write_bytes(write_wav(np.ones(24_000, np.int16)))
    (config / "all.yaml").write_text(_config())
    with without_gc():
        began = process_time_ns()
        ledger, plan = open_sandbox(directory / "day", config=config, at_us=DAY.from_us)
        deployment = load(directory / "day" / CONFIG).deployment
        assert deployment is not None
        prompts = deployment.prompt_lengths_ms
        stage, written = Simulator(plan, prompts=prompts, noting=True), []
        for judged in stage.play(scripts(plan, Model(period=DAY, seed=1, calls=calls))[1]):
            written.append(judged)
            if len(written) == BATCH:
                ledger.write(written)
                written.clear()
        ledger.write(written)
        simulated = process_time_ns()
        recorded = read(ledger, DAY, old=plan)
        past = past_of(ledger, plan, at_us=begins_us(DAY))
        was_read = process_time_ns()
        comparison = play(recorded, old=plan, new=plan, past=past, prompts=prompts)
        played = process_time_ns()
    assert comparison.changed == [], comparison.changed[:3]
    assert comparison.same == calls
    return {
        "simulate_us": (simulated - began) / calls / 1_000,
        "read_us": (was_read - simulated) / calls / 1_000,
        "play_us": (played - was_read) / calls / 1_000,
    }


def _config() -> str:
    rows = [HEAD, "publishers: {radio: , mail: {caps: [{per: day, limit: 100000}]}}\nnumbers:\n"]
    rows += [f'  "+1800555{n:04d}": {{publisher: {"mail" if n % 2 else "radio"}, campaign: c{n}}}\n' for n in range(CAMPAIGNS)]
    rows.append("advertisers:\n")
    for n in range(CAMPAIGNS):
        rows.append(f"  a{n}:\n    cap: 200\n    lines:\n")
        rows += [
            f'      l{n}-{m}: {{uri: "sip:+1212555{n:02d}{m:02d}@127.0.0.1:5071", cap: 40, caps: [{{per: day, limit: 20000}}]}}\n'
            for m in range(LINES)
        ]
    rows.append("campaigns:\n")
    for n in range(CAMPAIGNS):
        lines = ", ".join(f"{{line: l{n}-{m}, priority: {1 + m // 3}}}" for m in range(LINES))
        rows.append(
            f"  c{n}: {{menu: qualify, hours: day, lines: [{lines}], revenue: 25.00, payout: 18.00, "
            "caps: [{count: conversion, per: day, limit: 50000}]}\n"
        )
    return "".join(rows)


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep
        return
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


def _reference_ms() -> float:
    """CPU of so much Python that is none of ours."""
    began, total = process_time_ns(), 0
    for number in range(3_000_000):
        total += number * number % 7
    return (process_time_ns() - began) / 1_000_000


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000, choices=range(1, MAX_CALLS + 1), metavar=f"1..{MAX_CALLS}")
    parser.add_argument("--keep", type=Path, help="a new directory; default: one that is removed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
