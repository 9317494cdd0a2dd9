#!/usr/bin/env python3
"""Changes each named limit of the product in turn, and says which of them no test misses.

A limit is an assignment of a number to an UPPER_CASE name at the top of a module. It is doubled, and then raised by one; after each change
the tests run that import its module or lie in the folder that mirrors its own. A change that no test notices survives: `doubled` says that
no test reaches the limit at all, `one more` that none stands right at it. No file is changed: a hook puts the other value in as the
module is imported, in child processes of the tests too. Tests that import the limit by name still get the true value.

A mutation tool for whole programs would change every line, and the tests' view of a limit together with the product's.

Slow: minutes for a room, an hour or more for all. Rigs, tests of whole processes and those that draw their values are left out.
"""

import argparse
import ast
import builtins
import importlib.machinery
import os
import signal
import sys
import tempfile
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("routing", "ivr", "media", "switch")
LEFT_OUT = ("_properties", "_fuzz", "_lossy", "_never_raise", "_crash_")
"""Parts of the names of files whose tests draw what they try: slow, and seldom right at a limit."""
SLOW = {"test_rigs.py", "test_demo.py", "test_running_switch.py", "test_hostile_process.py", "test_crash_full_disk.py"}
ENVIRONMENT = "PAYPHONE_MUTANT"
TRUE_VALUE = "_true_value_of_the_mutant"
MORE = {"doubled": "* 2", "one more": "+ 1"}
WARM = ("pytest", "hypothesis", "numpy", "sqlalchemy", "alembic", "pydantic", "fastapi.testclient", "typer", "rich", "phonenumbers")
"""Imported once; each mutant's tests run in a fork."""
STOPPED = 124


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One constant. `module`: its dotted name."""

    path: Path
    line: int
    module: str
    name: str

    @property
    def place(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} {self.name}"


def main() -> int:
    options = _parser().parse_args()
    found = [limit for path in options.paths or [ROOT / room for room in ROOMS] for limit in limits_below(path.resolve())]
    wanted = [limit for limit in found if not options.name or limit.name in options.name]
    if not wanted:
        print("no limits there")
        return 2
    warnings.simplefilter("ignore")  # those of libraries, as they are imported
    for module in WARM:
        __import__(module)
    survived = 0
    for limit in wanted:
        verdicts = {how: outcome(limit, how, seconds=options.seconds) for how in MORE}
        survived += "survived" in verdicts.values()
        print(f"{limit.place}: " + ", ".join(f"{how} {verdict}" for how, verdict in verdicts.items()), flush=True)
    print(f"{len(wanted)} limits, {survived} with a change that no test missed")
    return 1 if survived else 0


def limits_below(path: Path) -> Iterator[Limit]:
    """The limits in a file, or in all files of a folder."""
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        parts = file.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for node in ast.parse(file.read_text()).body:
            name = _limit_in(node)
            if name is not None:
                yield Limit(path=file, line=node.lineno, module=module, name=name)


def _limit_in(node: ast.stmt) -> str | None:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.strip("_").isupper() and _is_number(value):
            return name
        case _:
            return None


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
    """Test files that name the limit come first, then those that import its module, then its room's."""
    every = [
        path
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if path.name not in SLOW and not any(part in path.name for part in LEFT_OUT)
    ]
    texts = {path: path.read_text() for path in every}
    room = ROOT / "tests" / limit.path.parent.relative_to(ROOT)
    while not room.is_dir():
        room = room.parent
    near = {path for path, text in texts.items() if limit.module in text or path.is_relative_to(room)}
    if room == ROOT / "tests" / "switch":
        near = {path for path in near if limit.module in texts[path] or path.parent == room}
    order = sorted(near, key=lambda path: (limit.name not in texts[path], limit.module not in texts[path], str(path)))
    return [str(path) for path in order]


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
    """The change that the environment names happens to its module whenever that is imported, and is hidden from tests."""
    module, name, how = os.environ[ENVIRONMENT].split()
    meta_path.insert(0, _Finder(module, name, MORE[how.replace("_", " ")]))
    true_import = builtins.__import__

    def imported(
        wanted: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 as the builtin's
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> types.ModuleType:
        found = true_import(wanted, globals, locals, fromlist or (), level)
        by_test = str((globals or {}).get("__file__", "")).startswith(str(ROOT / "tests"))
        changed = sys.modules.get(module)
        if not (by_test and fromlist and name in fromlist and getattr(found, name, None) == getattr(changed, name, TRUE_VALUE)):
            return found
        told = types.ModuleType(found.__name__)
        told.__dict__.update({each: getattr(found, each) for each in fromlist}, **{name: getattr(changed, TRUE_VALUE)})
        return told

    builtins.__import__ = imported  # type: ignore[assignment] # typeshed names the first parameter otherwise


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
        place = next(number for number, node in enumerate(tree.body) if _limit_in(node) == self._name)
        assigned = tree.body[place]
        assert isinstance(assigned, ast.Assign)  # noqa: S101 `_limit_in` gives no other
        changed = ast.parse(f"{TRUE_VALUE} = {ast.unparse(assigned.value)}\n{self._name} = {TRUE_VALUE} {self._more}\n").body
        tree.body[place : place + 1] = changed
        return compile(tree, path, "exec")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Change each named limit in turn, and say which of them no test misses.")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files or folders of the product (default: all of it)")
    parser.add_argument("--name", action="append", help="only this limit; may be given more than once")
    parser.add_argument("--seconds", type=int, default=600, help="how long the tests of one change may take (default 600)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
