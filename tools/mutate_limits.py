#!/usr/bin/env python3
"""Changes each named limit of the product in turn, and says which of them no test misses.

A limit is an assignment of a number to an UPPER_CASE name at the top of a module. It is doubled, and then raised by one (nanoseconds by a
million); after each change the tests run that import its module or lie in the folder that mirrors its own, and all in files
`test_limits_of_...`. A change that no test notices survives: `doubled` says that no test reaches the limit at all, `one more` that none
stands right at it. No file is changed: a hook puts the other value in as the module is imported, in child processes of the tests too. A
test that imports the limit by name sees the changed one, and so misses nothing.

Slow: minutes for a room, an hour or more for all. Rigs, tests of whole processes and those that draw their values are left out.
"""

import argparse
import ast
import importlib.machinery
import os
import signal
import sys
import tempfile
import types
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("routing", "ivr", "media", "switch")
LEFT_OUT = ("_properties", "_fuzz", "_lossy", "_never_raise", "_crash_")
"""Parts of the names of files whose tests draw what they try: slow, and seldom right at a limit."""
SLOW = {"test_rigs.py", "test_demo.py", "test_running_switch.py", "test_hostile_process.py", "test_crash_full_disk.py"}
ENVIRONMENT = "PAYPHONE_MUTANT"
MORE = {"doubled": "* 2", "one more": "+ 1"}
WARM = ("pytest", "hypothesis", "numpy", "sqlalchemy", "alembic", "pydantic", "fastapi.testclient", "typer", "rich", "phonenumbers")
"""Imported once; each mutant's tests run in a fork."""
UNITS = {"MS", "S_US", "MINUTE_S", "MINUTE_US", "HOUR_S", "HOUR_US", "DAY", "DAY_US", "DAY_MS", "DAY_MINUTES", "WEEK_MINUTES"} | {
    "MICROS", "CENT_MICROS", "WHOLE_PERCENT", "PERCENT_BP", "WHOLE_BP", "FULL_BP",
}  # fmt: skip
SMALL_UNITS = {"NS", "US", "MS", "S", "MINUTES", "SAMPLES", "MICROS"}
"""Names of units, which are no limits; so are those of how many of a small one are in a larger one: `US_PER_S`."""


EXEMPT = {
    "ends a loop that ends by itself: each pass leaves more out": ("switch.settings.validate MAX_PASSES",),
    "stands for none or nothing: any other number that is none would do": (
        "media.rtp.continuity _NOBODY",
        "media.rtp.continuity _OURSELVES",
        "media.worker.path NO_TYPE",
        "switch.demo.phone NOT_YET",
        "switch.engine.media NO_WORKER",
        "switch.ledger.counting FOREVER_US",
        "switch.report.data _MANY",
    ),
    "a name of ours for a lock, a bit or a rank: what matters is that it is no other's": (
        "switch.ledger.database _TURN",
        "switch.report.data _TALKED",
        "switch.report.data _ANSWERED",
        "switch.report.data _NEITHER",
    ),
    "a buffer or a backlog, of which there is always enough": (
        "media.control MAX_MESSAGE_BYTES",
        "media.worker.relay RECEIVE_BUFFER_BYTES",
        "switch.api.http_server BACKLOG",
        "switch.ledger.scan CACHE_KIB",
        "switch.transport.udp RECEIVE_BUFFER_BYTES",
        "switch.workers SOCKET_BUFFER_BYTES",
    ),
    "how much is done at a time; what comes of it is the same": (
        "media.worker.forward BUFFER_BYTES",
        "media.worker.relay MAX_EVENTS",
        "media.worker.relay MAX_ORDERS_A_TURN",
        "switch.api.app LEDGER_THREADS",
        "switch.app TOKENS_AT_ONCE",
        "switch.cli.listing MAX_AT_ONCE",
        "switch.cli.simulating BATCH",
        "switch.nearest MAX_CLOSE",
        "switch.ledger.auditing POSTINGS_AT_ONCE",
        "switch.ledger.columns BLOCK_ROWS",
        "switch.ledger.reading KEYS_PER_QUERY",
        "switch.ledger.scan ROWS_AT_ONCE",
        "switch.ledger.service RECOVERED_AT_ONCE",
        "switch.ledger.store BATCH_CALLS",
        "switch.ledger.store MAX_POLLED",
        "switch.workers REPORTS_A_TURN",
    ),
    "how long something rests or is looked at again, by a real clock": (
        "media.worker.relay TICK_NS",
        "media.worker.relay TURN_NS",
        "switch.cli.listing POLL_S",
        "switch.ledger.database CONNECT_S",
        "switch.ledger.database DEAD_S",
        "switch.ledger.service CLOSE_S",
        "switch.log DRAIN_S",
        "switch.config_watch BURST_MS",
        "switch.config_watch LOOK_MS",
        "switch.config_watch QUIET_MS",
        "switch.ledger.database WAL_RETRY_S",
        "switch.ledger.poller POLL_S",
        "switch.ledger.poller RETRY_S",
        "switch.ledger.writer LINGER_S",
        "switch.ledger.writer PROBE_S",
        "switch.ledger.writer RETRY_S",
        "switch.log LINGER_S",
        "switch.workers LOOK_S",
    ),
    "how much is remembered to save time": (
        "routing.window QUARTER_S",
        "switch.ledger.poller MAX_MADE",
        "routing.window _LONGEST_SKIP_S",
        "switch.engine.call_control MAX_KNOWN_TERMS",
        "switch.engine.counters MAX_STARTS",
        "switch.sip.headers MAX_CACHED",
    ),
    "how often progress is told": (
        "switch.cli.statement TOLD_EVERY",
        "switch.ledger.auditing TOLD_EVERY",
        "switch.simulation.replay TOLD_EVERY",
    ),
    "a habit of invented callers and lines, or a draw": (
        "switch.calltest.load DEFAULT_SEED",
        "switch.simulation.dtmf_model ENDS",
        "switch.simulation.dtmf_model MAX_GUESSES",
        "switch.simulation.dtmf_model MAX_TURNS",
        "switch.simulation.line_profiles MAX_KEPT",
        "switch.simulation.recorded_call DIGIT_MS",
        "switch.simulation.route_query PATIENCE_MS",
        "switch.simulation.route_query SEED",
        "switch.simulation.simulate SEED_BITS",
        "switch.simulation.simulate SUBS",
        "switch.simulation.simulator RINGS_MS",
        "switch.simulation.traffic MAX_REMEMBERED",
        "switch.simulation.traffic MAX_RING_MS",
        "switch.simulation.traffic MAX_TALK_MS",
        "switch.simulation.traffic MIN_RING_MS",
    ),
    "the looks of a picture or a line": (
        "switch.log EVENT_WIDTH",
        "switch.report.plot TITLE_WIDTH",
        "switch.report.plot _CROWDED",
        "switch.report.plot _MOST_LABELS",
    ),
    "wider than anything can be, or reached by a million calls only: a test lowers it": (
        "switch.ledger.counting LONGEST_US",
        "switch.simulation.replay MAX_CALLS",
    ),
    "of the demo, which is a test itself": (
        "switch.demo.audio FRAME_NS",
        "switch.demo.audio MEASURED_FRAMES",
        "switch.demo.audio SILENT_AFTER_NS",
        "switch.demo.audio TONE_MS",
        "switch.demo.phone AUDIBLE_DB",
        "switch.demo.phone CLEAN_SHARE",
        "switch.demo.endpoints NAME_WIDTH",
        "switch.demo.endpoints PAST_MS",
        "switch.demo.waiting PATIENCE_S",
        "media.dsp.levels BLOCK_SAMPLES",
    ),
}
"""What is not changed, by the reason why no test need notice: tuning, and numbers that are names. `module NAME`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One constant. `module`: its dotted name."""

    path: Path
    line: int
    module: str
    name: str
    is_zero: bool

    @property
    def key(self) -> str:
        return f"{self.module} {self.name}"

    @property
    def place(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} {self.name}"


def main() -> int:
    options = _parser().parse_args()
    exempt = {each for reason in EXEMPT.values() for each in reason}
    if gone := gone_limits():
        print(f"exempt, and no limits of the product: {', '.join(sorted(gone))}")
        return 2
    found = [limit for path in options.paths or [ROOT / room for room in ROOMS] for limit in limits_below(path.resolve())]
    wanted = [limit for limit in found if (limit.name in options.name if options.name else limit.key not in exempt)]
    if not wanted:
        print("no limits there")
        return 2
    warnings.simplefilter("ignore")  # those of libraries, as they are imported
    for module in WARM:
        __import__(module)
    survived = 0
    for limit in wanted:
        verdicts = verdicts_on(limit, seconds=options.seconds)
        survived += "survived" in verdicts.values()
        print(f"{limit.place}: " + ", ".join(f"{how} {verdict}" for how, verdict in verdicts.items()), flush=True)
    print(f"{len(wanted)} limits, {survived} with a change that no test missed")
    return 1 if survived else 0


def gone_limits() -> set[str]:
    """The exempt limits that the product no longer has."""
    exempt = {each for reason in EXEMPT.values() for each in reason}
    return exempt - {limit.key for room in ROOMS for limit in limits_below(ROOT / room)}


def verdicts_on(limit: Limit, *, seconds: int) -> dict[str, str]:
    """The outcome of each change, up to the first that no test missed: who does not miss a limit doubled does not stand right at it."""
    verdicts: dict[str, str] = {}
    for how in MORE:
        if "survived" not in verdicts.values() and not (limit.is_zero and how == "doubled"):
            verdicts[how] = outcome(limit, how, seconds=seconds)
    return verdicts


def limits_below(path: Path) -> Iterator[Limit]:
    """The limits in a file, or in all files of a folder."""
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        for node in ast.parse(file.read_text()).body:
            for name, value in _assigned(node):
                if name.strip("_").isupper() and _is_number(value) and not _is_unit(name):
                    yield Limit(path=file, line=node.lineno, module=_module(file), name=name, is_zero=ast.unparse(value) == "0")


def _assigned(node: ast.stmt) -> Sequence[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return [(name, value)]
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
            return [(target.id, value) for target, value in zip(targets, values, strict=True) if isinstance(target, ast.Name)]
        case _:
            return []


def _is_unit(name: str) -> bool:
    many, _, one = name.partition("_PER_")
    return (many in SMALL_UNITS and bool(one)) or name.strip("_") in UNITS


def _is_number(value: ast.expr) -> bool:
    """A number, or arithmetic on numbers and other constants."""
    match value:
        case ast.Constant(value=number):
            return isinstance(number, int | float) and not isinstance(number, bool)
        case ast.UnaryOp(operand=operand):
            return _is_number(operand)
        case ast.BinOp(left=left, right=right):
            return all(_is_number(side) or isinstance(side, ast.Name) for side in (left, right))
        case _:
            return False


def outcome(limit: Limit, how: str, *, seconds: int) -> str:
    """`missed` by a test, which is as it should be; `survived`; `no tests`; or `too slow`: still running after `seconds`."""
    tests = tests_of(limit)
    if not tests:
        return "no tests"
    child = os.fork()
    if child == 0:
        os.setsid()
        _run_tests(limit, how, tests, seconds=seconds)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == -signal.SIGALRM:
        return "too slow"
    return "survived" if os.waitstatus_to_exitcode(status) == 0 else "missed"


def tests_of(limit: Limit) -> list[str]:
    """Tests of the limit's module and of those that import the limit, and all of limits.

    Those that name the limit come first, those with a process last.
    """
    every = [
        path
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if path.name not in SLOW and not any(part in path.name for part in LEFT_OUT)
    ]
    texts = {path: path.read_text() for path in every}
    users = [limit.path, *_importers(limit)]
    modules, rooms = {_module(path) for path in users}, {_room(path) for path in users}
    of_limits = ROOT / "tests" / limit.path.relative_to(ROOT).parts[0]

    def is_near(path: Path) -> bool:
        in_room = path.parent in rooms or any(room in path.parents for room in rooms if room.parent.name != "tests")
        return in_room or (path.name.startswith("test_limits_of_") and path.is_relative_to(of_limits))

    def place(path: Path) -> tuple[bool, bool, bool, str]:
        return limit.name not in texts[path], "worker_client" in texts[path], not _names_any(texts[path], modules), str(path)

    return [str(path) for path in sorted((path for path in every if is_near(path) or _names_any(texts[path], modules)), key=place)]


def _names_any(text: str, modules: set[str]) -> bool:
    return any(module in text for module in modules)


def _importers(limit: Limit) -> Iterator[Path]:
    """Files of the product that name both the limit and its module."""
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        text = path.read_text()
        if limit.name in text and f"{limit.module} import" in text:
            yield path


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(path: Path) -> Path:
    """The folder of tests that mirrors the file's."""
    room = ROOT / "tests" / path.parent.relative_to(ROOT)
    while not room.is_dir():
        room = room.parent
    return room


def _run_tests(limit: Limit, how: str, tests: Sequence[str], *, seconds: int) -> None:
    import pytest  # noqa: PLC0415 in the fork, where it is warm

    os.environ[ENVIRONMENT] = f"{limit.module} {limit.name} {how.replace(' ', '_')}"
    with tempfile.TemporaryDirectory() as site, Path(os.devnull).open("w") as nowhere:
        (Path(site) / "sitecustomize.py").write_text(
            f"import sys\nsys.path.append({str(ROOT / 'tools')!r})\nimport mutate_limits\nmutate_limits.install(sys.meta_path)\n"
        )
        os.environ["PYTHONPATH"] = site
        install(sys.meta_path)
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        signal.alarm(seconds)
        code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", f"--rootdir={ROOT}", *tests])
    os._exit(int(code))


def install(meta_path: list[Any]) -> None:
    """The change that the environment names happens to its module whenever that is imported."""
    module, name, how = os.environ[ENVIRONMENT].split()
    more = "+ 1_000_000" if name.endswith("_NS") and how == "one_more" else MORE[how.replace("_", " ")]
    meta_path.insert(0, _Finder(module, name, more))


class _Finder:
    """Finds one module as Python does, and loads it with the limit changed."""

    def __init__(self, module: str, name: str, more: str) -> None:
        self._module = module
        self._name = name
        self._more = more

    def find_spec(self, module: str, path: Sequence[str] | None, _target: object = None) -> importlib.machinery.ModuleSpec | None:
        if module != self._module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(module, path)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(module, spec.origin, name=self._name, more=self._more)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, module: str, path: str, *, name: str, more: str) -> None:
        super().__init__(module, path)
        self._name = name
        self._more = more

    def get_code(self, fullname: str) -> types.CodeType:
        path = self.get_filename(fullname)
        tree = ast.parse(Path(path).read_text())
        place = next(number for number, node in enumerate(tree.body) if self._name in dict(_assigned(node)))
        tree.body[place + 1 : place + 1] = ast.parse(f"{self._name} = {self._name} {self._more}").body
        return compile(tree, path, "exec")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Change each named limit in turn, and say which of them no test misses.")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files or folders of the product (default: all of it)")
    parser.add_argument("--name", action="append", help="only this limit; may be given more than once")
    parser.add_argument("--seconds", type=int, default=600, help="how long the tests of one change may take (default 600)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
