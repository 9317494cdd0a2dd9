"""Runs rigs by name, several at once, and prints how they went."""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from asterisk_root import NoAsteriskError
from rig_bench import Bench
from rig_folder import find_rigs, read_rig
from rig_ports import NoPortsError
from rig_programs import MAY_BE_MISSING, how_to_install, missing
from rig_words import RigError

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_JOBS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one rig went. `kept`: where its logs are, None when they were removed. `details`: titles and texts for a reader.

    `notes`: what there is to say of a rig that passed, too: what it drew by chance. `skipped`: the program that is not
    there and need not be, without which the rig was not played.
    """

    rig: str
    problems: tuple[str, ...]
    seconds: float
    kept: Path | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def passed(self) -> bool:
        return not self.problems


def rig_names() -> list[str]:
    return [folder.name for folder in find_rigs(ROOT)]


def start_rigs(pool: ThreadPoolExecutor, names: Sequence[str], *, keep: bool = False) -> dict[str, Future[Verdict]]:
    """Queue these rigs on `pool`; a rig's verdict is its future's result."""
    return {name: pool.submit(run_rig, name, keep=keep) for name in names}


def run_rig(name: str, *, keep: bool = False) -> Verdict:
    """Run one rig. What it, SIPp or the switch does wrong is in the verdict, not raised."""
    began = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix=f"rig-{name}-"))
    details: Mapping[str, str] = {}
    notes: list[str] = []
    try:
        rig = read_rig(ROOT / name)
        if lacking := missing(rig.programs):
            if MAY_BE_MISSING.issuperset(lacking):
                work.rmdir()
                return Verdict(rig=name, problems=(), seconds=0.0, skipped=lacking[0])
            raise RigError(how_to_install(lacking))
        bench = Bench(rig, work)
        notes = bench.notes
        problems = bench.run()
        details = bench.diagnosis() if problems else {}
    except (RigError, NoPortsError, NoAsteriskError) as error:
        problems = [str(error)]
    kept = work if problems or keep else None
    if kept is None:
        shutil.rmtree(work)
    seconds = round(time.monotonic() - began, 1)
    return Verdict(rig=name, problems=tuple(problems), seconds=seconds, kept=kept, details=details, notes=tuple(notes))


def report(verdict: Verdict) -> str:
    """A verdict as text: one line when it passed, all that helps when it did not."""
    if verdict.skipped:
        return f"skip  {verdict.rig}  {verdict.skipped}"
    lines = [f"{'pass' if verdict.passed else 'FAIL'}  {verdict.rig}  {verdict.seconds:.1f} s"]
    lines += [f"    {note}" for note in verdict.notes]
    lines += [f"    - {problem}" for problem in verdict.problems]
    for title, text in verdict.details.items():
        lines += [f"    {title}:", text]
    if verdict.kept:
        lines.append(f"    files are kept in {verdict.kept}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: 0 when all passed, 1 when one failed, 2 when asked for what there is not."""
    options = _parser().parse_args(arguments)
    known = rig_names()
    if options.list:
        print("\n".join(known))
        return 0
    chosen = known if options.all else [name for wanted in options.rigs for name in _matching(wanted, known)]
    if not chosen or not all(_matching(wanted, known) for wanted in options.rigs):
        print("name a rig, its number or a part of its name, or give --all. There are:", *known, sep="\n    ")
        return 2
    failed = 0
    with ThreadPoolExecutor(max_workers=options.jobs) as pool:
        for future in start_rigs(pool, list(dict.fromkeys(chosen)), keep=options.keep).values():
            verdict = future.result()
            failed += not verdict.passed
            print(json.dumps(_as_json(verdict)) if options.json else report(verdict), flush=True)
    return 1 if failed else 0


def _matching(wanted: str, known: Sequence[str]) -> list[str]:
    """The rig of that name or number, else every rig whose name holds `wanted`."""
    return [name for name in known if wanted in (name, name[:2])] or [name for name in known if wanted in name]


def _as_json(verdict: Verdict) -> dict[str, object]:
    return {
        "rig": verdict.rig,
        "passed": verdict.passed,
        "skipped": verdict.skipped or None,
        "seconds": verdict.seconds,
        "problems": list(verdict.problems),
        "notes": list(verdict.notes),
        "kept": str(verdict.kept) if verdict.kept else None,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sip-test-rigs/run", description="Run rigs: real SIP and RTP, a switch each.")
    parser.add_argument("rigs", nargs="*", metavar="NAME", help="a rig's folder, its number, or a part of its name")
    parser.add_argument("--all", action="store_true", help="run every rig")
    parser.add_argument("--list", action="store_true", help="print the names of all rigs")
    parser.add_argument("--keep", action="store_true", help="keep logs of rigs that pass too")
    parser.add_argument("--json", action="store_true", help="one JSON object per rig")
    parser.add_argument("--jobs", type=int, default=DEFAULT_JOBS, help=f"how many at once (default {DEFAULT_JOBS})")
    return parser
