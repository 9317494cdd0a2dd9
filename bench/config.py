"""How long a large config takes to be read, checked and compiled. Prints one JSON line.

`python bench/config.py [--numbers 10000] [--lines 1000] [--campaigns 200]`. The first load of a process is what
a restart and `payphone check` wait for, so that is what the target speaks of; the best of some more is what a reload takes.
"""

import argparse
import json
import sys
import time
import wave
from collections.abc import Mapping
from io import BytesIO

from switch.settings.load import load_files

TARGET_S = 3.0
AGAIN = 3
LINES_PER_ADVERTISER = 10
LINES_PER_CAMPAIGN = 50
PUBLISHERS = 100
STATES = ("AZ", "CA", "FL", "GA", "IL", "NY", "OH", "OK", "PA", "TX")
SWITCH = """\
switch:
  sip: {listen: 127.0.0.1:5060}
  zone: UTC
tags:
  age: {type: number}
trunks:
  carrier: {addresses: [192.0.2.0/24], cost: {per_minute: 0.0080}}
hours:
  office: {zone: America/New_York, mon-fri: ["09:00-12:00", "13:00-17:00"], sat: 10:00-14:00, holidays: [US]}
menus:
  qualify: {prompt: welcome, keys: {"1": {menu: age}, "2": {hangup: true}}}
  age: {gather: age, prompt: welcome, max: 3, valid: 18-99, then: {route: {}}}
"""


def main() -> None:
    options = _options()
    files = _files(numbers=options.numbers, lines=options.lines, campaigns=options.campaigns)
    size = sum(len(content) for name, content in files.items() if name.endswith(".yaml"))
    _say(f"{options.numbers} numbers, {options.lines} lines, {options.campaigns} campaigns: {size} bytes of YAML")
    first = _load_s(files)
    again = min(_load_s(files) for _ in range(AGAIN))
    line = {
        "bench": "config",
        "numbers": options.numbers,
        "lines": options.lines,
        "campaigns": options.campaigns,
        "yaml_bytes": size,
        "load_s": round(first, 3),
        "reload_s": round(again, 3),
        "target": TARGET_S,
        "met": first <= TARGET_S,
    }
    print(json.dumps(line))


def _load_s(files: Mapping[str, bytes]) -> float:
    """Seconds of CPU and waiting together, as an operator has them. Reading the files themselves is not in it."""
    start = time.perf_counter()
    loaded = load_files(files)
    took = time.perf_counter() - start
    if loaded.deployment is None:
        raise SystemExit(f"config: not sound: {loaded.errors[0].message}")
    return took


def _files(*, numbers: int, lines: int, campaigns: int) -> dict[str, bytes]:
    """A config in which every part is used, by file, with its prompts."""
    wav = BytesIO()
    with wave.open(wav, "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(b"\0\0" * 800)
    texts = {
        "switch": SWITCH,
        "publishers": _publishers(),
        "numbers": _numbers(numbers, campaigns),
        "advertisers": _advertisers(lines),
        "campaigns": _campaigns(campaigns, lines),
    }
    prompts = {f"prompts/{prompt}.wav": wav.getvalue() for prompt in ("welcome", "all-busy")}
    return {**{f"{name}.yaml": text.encode() for name, text in texts.items()}, **prompts}


def _publishers() -> str:
    return "publishers:\n" + "".join(f"  publisher-{n}: {{caps: [{{per: day, limit: 5000}}]}}\n" for n in range(PUBLISHERS))


def _numbers(count: int, campaigns: int) -> str:
    rows = [
        f'  "+1800{n:07d}": {{publisher: publisher-{n % PUBLISHERS}, campaign: campaign-{n % campaigns}, tags: {{sub: s{n % 7}}}}}\n'
        for n in range(count)
    ]
    return "numbers:\n" + "".join(rows)


def _advertisers(lines: int) -> str:
    rows = ["advertisers:\n"]
    for n in range(lines):
        if n % LINES_PER_ADVERTISER == 0:
            rows.append(f"  advertiser-{n // LINES_PER_ADVERTISER}:\n    cap: 50\n    prepaid: {{credit: 100.00}}\n    lines:\n")
        rows.append(
            f"      line-{n}:\n"
            f"        uri: sip:+1212{n:07d}@10.{n // 250}.1.{n % 250 + 1}:5060\n"
            f"        cap: 5\n"
            f"        caps: [{{count: conversion, per: day, limit: 50, strict: true}}]\n"
            f"        hours: office\n"
            f"        filter: 'state in [{STATES[n % 10]}, {STATES[(n + 3) % 10]}] and age >= {18 + n % 50}'\n"
        )
    return "".join(rows)


def _campaigns(count: int, lines: int) -> str:
    rows = ["campaigns:\n"]
    for n in range(count):
        targets = [(n * 5 + step) % lines for step in range(min(LINES_PER_CAMPAIGN, lines))]
        rows.append(
            f"  campaign-{n}:\n"
            f"    menu: qualify\n"
            f"    lines:\n{''.join(f'      - {{line: line-{to}, priority: {1 + to % 3}}}' + chr(10) for to in targets)}"
            f"    zone: America/Chicago\n"
            f"    caps: [{{per: day, limit: 1000}}]\n"
            f"    revenue: {{steps: [{{at_least: 60s, amount: 10.00}}, {{at_least: 2m, amount: 25.00}}]}}\n"
            f"    payout: 70%\n"
            f"    overflow: {{capped: {{message: all-busy}}}}\n"
        )
    return "".join(rows)


def _say(what: str) -> None:
    print(f"config: {what}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=int, default=10_000, choices=range(1, 60_001), metavar="1..60000")
    parser.add_argument("--lines", type=int, default=1_000, choices=range(1, 60_001), metavar="1..60000")
    parser.add_argument("--campaigns", type=int, default=200, choices=range(1, 10_001), metavar="1..10000")
    return parser.parse_args()


if __name__ == "__main__":
    main()
