"""What it costs the switch to be watched. Prints one JSON line.

`python bench/live.py [--rounds 3] [--calls 300]`. The snapshot and the instructions (by valgrind, as in `instructions.py`) are measured on
the engine alone, in this process and in some of their own; the rest on a running switch, in turns with one that nobody watches.
"""

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from pathlib import Path
from statistics import median
from typing import Any

import instructions
import loadgen
import switch_under_test
from switch_under_test import DIRECT_DID, TRANSACTIONS_S, Switch

ROOT = Path(__file__).resolve().parent.parent
MANY_CALLS = 1_000
SNAPSHOTS = 15
SNAPSHOT_MS = 20.0
RATIO = 1.05
IDLE_S = 30.0
IDLE_SHARE = 0.05
WATCHERS = 100
RATE = 30
HOLD_MS = 3_000
WARM_UP_CALLS = 100
FEW, MANY = 60, 180
PUBLISH_MS = 200
MAX_CALLS = 2_000
MAX_ROUNDS = 20


def main() -> None:
    if sys.argv[1:2] == ["--play"]:
        play(int(sys.argv[2]), watchers=int(sys.argv[3]))
        return
    if sys.argv[1:2] == ["--watch"]:
        asyncio.run(watch(Path(sys.argv[2]), int(sys.argv[3])))
        return
    options = _options()
    snapshot_ms, snapshot_bytes = snapshot()
    per_call = {name: _instructions(watchers) for name, watchers in (("alone", 0), ("watched", 1))}
    running = measured(calls=options.calls, rounds=options.rounds)
    ratio = round(per_call["watched"] / per_call["alone"], 3)
    line = {
        "bench": "live",
        "snapshot_ms": snapshot_ms,
        "snapshot_bytes": snapshot_bytes,
        "instructions_alone": per_call["alone"],
        "instructions_watched": per_call["watched"],
        "instructions_ratio": ratio,
        **running,
        "met": snapshot_ms <= SNAPSHOT_MS and ratio <= RATIO and running["idle_share"] <= IDLE_SHARE and not running["failed"],
    }
    print(json.dumps(line))


# the engine alone


class Ear(asyncio.WriteTransport):
    """A watcher that has always read all."""

    def __init__(self) -> None:
        super().__init__()
        self.octets = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.octets += len(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False


def snapshot() -> tuple[float, int]:
    """Returns how long the loop is held up by the first snapshot of so many calls, all views made anew, and its size. The median: a
    garbage collection belongs to none of them."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
    import engine_world as rooms  # noqa: PLC0415 needs the path

    world = rooms.World(rooms.plan(rooms.line("east", rooms.EAST, limit=MANY_CALLS)))
    world.line_phone(rooms.EAST)
    for number in range(MANY_CALLS):
        world.call()
        if number % 100 == 99:
            world.run(100)
    world.run(15_000)
    if world.engine.live_calls != MANY_CALLS:
        raise SystemExit(f"{world.engine.live_calls} calls are live")
    return asyncio.run(_snapshots(world))


async def _snapshots(world: Any) -> tuple[float, int]:
    taken_ms = []
    ear = Ear()
    gc.disable()
    for _ in range(SNAPSHOTS):
        publisher, ear = _publisher(world), Ear()
        start_ns = time.process_time_ns()
        publisher.add(ear, 1)
        taken_ms.append((time.process_time_ns() - start_ns) / 1e6)
        publisher.close()
    gc.enable()
    return round(median(taken_ms), 2), ear.octets


def _publisher(world: Any) -> Any:
    from switch.control.publisher import Publisher  # noqa: PLC0415 needs the path

    class Clock:
        def now(self) -> Any:
            return world.at()

    return Publisher(world.engine, started_us=0, ends_us=lambda: None, clock=Clock())


def play(calls: int, *, watchers: int) -> None:
    """Plays so many calls, `RATE` new ones a second, and publishes as a running switch does. For valgrind: by simulated time."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
    gc.disable()
    asyncio.run(_play(calls, watchers=watchers))


async def _play(calls: int, *, watchers: int) -> None:
    caller = instructions.Caller()
    publisher = _publisher(caller.world)
    for number in range(watchers):
        publisher.add(Ear(), number)
    due: list[tuple[int, int, Iterator[int]]] = [(number * 1_000 // RATE, number, caller.steps(number)) for number in range(calls)]
    now_ms, publish_ms = 0, PUBLISH_MS
    while due:
        at_ms = min(due[0][0], publish_ms)
        caller.wait(at_ms - now_ms)
        now_ms = at_ms
        if now_ms == publish_ms:
            publish_ms += PUBLISH_MS
            publisher.publish(caller.world.at())
            continue
        _, number, steps = heappop(due)
        if (ms := next(steps, None)) is not None:
            heappush(due, (now_ms + ms, number, steps))
    caller.wait(60_000)
    publisher.publish(caller.world.at())
    publisher.close()
    if caller.records != calls:
        raise SystemExit(f"{caller.records} records of {calls} calls")


def _instructions(watchers: int) -> int:
    """Returns those of one call, while so many watch."""
    _say(f"instructions with {watchers} watchers")
    of_play = (__file__, "--play")
    instructions.counted(*of_play, "1", "0")  # what is not compiled yet is compiled now
    few, many = (instructions.counted(*of_play, str(calls), str(watchers)) for calls in (FEW, MANY))
    return (many - few) // (MANY - FEW)


# a running switch


def measured(*, calls: int, rounds: int) -> dict[str, Any]:
    """Returns CPU of its main process for a call, with none, one and many who watch, in turns; and while it has no call."""
    figures: dict[int, list[float]] = {0: [], 1: [], WATCHERS: []}
    failed = 0
    with switch_under_test.running() as switch, loadgen.line(switch):
        loadgen.Calls(switch, "warm-up", did=DIRECT_DID, calls=WARM_UP_CALLS, rate=RATE, hold_ms=HOLD_MS).tally()
        for number in range(1, rounds + 1):
            for watchers, found in figures.items():
                _say(f"round {number}: {watchers} watchers")
                with watched(switch, watchers):
                    time.sleep(1.0)
                    before_ns = switch.cpu().total_ns
                    made = loadgen.Calls(
                        switch, f"{watchers}-{number}", did=DIRECT_DID, calls=calls, rate=RATE, hold_ms=HOLD_MS
                    ).tally()
                    found.append((switch.cpu().total_ns - before_ns) / 1e6 / calls)
                failed += made.failed
        time.sleep(TRANSACTIONS_S)
        with watched(switch, 0):
            alone = idle_share(switch)
        with watched(switch, WATCHERS):
            time.sleep(1.0)
            share = idle_share(switch)
    plain = figures[0]
    return {
        "failed": failed,
        **{f"cpu_ms_per_call_{watchers}": round(median(found), 2) for watchers, found in figures.items()},
        **{
            f"cpu_ratio_{watchers}": round(median(each / beside for each, beside in zip(found, plain, strict=True)), 3)
            for watchers, found in figures.items()
            if watchers
        },
        "idle_share_alone": alone,
        "idle_share": share,
    }


def idle_share(switch: Switch) -> float:
    """Returns the share of a core that the main process takes while it has no call."""
    before_ns = switch.cpu().total_ns
    time.sleep(IDLE_S)
    return round((switch.cpu().total_ns - before_ns) / 1e9 / IDLE_S, 4)


@contextmanager
def watched(switch: Switch, watchers: int) -> Iterator[None]:
    """So many watch, from a process of their own."""
    if not watchers:
        yield
        return
    command = [sys.executable, __file__, "--watch", str(switch.work / "var"), str(watchers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or process.stdout.readline() != "watching\n":
                raise SystemExit("the watchers do not come to watch")
            yield
        finally:
            process.kill()


async def watch(data: Path, watchers: int) -> None:
    """Connects so many watchers, says so, and has each read all it is sent."""
    from switch.control.messages import Watch, encode  # noqa: PLC0415 for who watches only

    connected = [await asyncio.open_unix_connection(data / "control.sock", limit=1 << 24) for _ in range(watchers)]
    for reader, writer in connected:
        await reader.readline()
        writer.write(encode(Watch(id=1)) + b"\n")
        await reader.readline()
    print("watching", flush=True)
    await asyncio.gather(*(_read(reader) for reader, _ in connected))


async def _read(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 16):
        pass


def _say(what: str) -> None:
    print(f"live: {what}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, MAX_ROUNDS + 1), metavar=f"1..{MAX_ROUNDS}")
    parser.add_argument("--calls", type=int, default=300, choices=range(1, MAX_CALLS + 1), metavar=f"1..{MAX_CALLS}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
