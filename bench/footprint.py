"""How much code one call runs: distinct functions and files of the product for a call with a menu and one line, below the shell.

The call runs in the simulated world of the tests (`tests/support/engine_world.py`), so no socket, journal file or database is in it.
Phones in that world are SIP agents of the same code, so only what runs below a method of `Engine` is counted; what a
switch reads as it starts (time zone rules, tables of area codes) is read before. `--list` names every function by file.
"""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from types import CodeType, FrameType

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from engine_world import EAST, MENU, World, line, plan  # noqa: E402 the path first

from routing.geo import load_tables  # noqa: E402
from routing.zone import time_zone  # noqa: E402

ENGINE = f"{ROOT}/switch/engine/engine.py"
ROOMS = tuple(f"{ROOT}/{room}/" for room in ("switch", "routing", "ivr", "media"))
INNER = {"<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>", "<lambda>", "<module>"}
"""Not functions to a reader: they stand inside one."""


def run_call() -> set[CodeType]:
    """The code objects that one call with a menu, a key press and half a minute of talk runs."""
    seen: set[CodeType] = set()
    depth = 0
    time_zone("UTC")
    load_tables()

    def note(frame: FrameType, event: str, _: object) -> None:
        """`depth`: how many frames of the engine are on the stack."""
        nonlocal depth
        is_engine = frame.f_code.co_filename == ENGINE
        if event == "call":
            depth += is_engine
            if depth:
                seen.add(frame.f_code)
        elif event == "return":
            depth -= is_engine

    world = World(plan(line("east", EAST), menu=MENU))
    world.line_phone(EAST, talk_ms=30_000)
    sys.setprofile(note)
    world.call()
    world.run(500)
    world.press("1")
    world.run(60_000)
    sys.setprofile(None)
    if [judged.record.final_state for judged in world.records] != ["converted"]:
        raise SystemExit(f"the call did not convert: {world.records}")
    return seen


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--list", action="store_true", help="name every function, by file")
    files: dict[str, set[str]] = defaultdict(set)
    listed = arguments.parse_args().list
    for code in run_call():
        if code.co_filename.startswith(ROOMS) and code.co_name not in INNER:
            files[str(Path(code.co_filename).relative_to(ROOT))].add(code.co_qualname)
    if listed:
        for file, names in sorted(files.items()):
            print(f"{len(names):4} {file}: {', '.join(sorted(names))}")
    print(json.dumps({"bench": "footprint", "functions": sum(map(len, files.values())), "files": len(files)}))


if __name__ == "__main__":
    main()
