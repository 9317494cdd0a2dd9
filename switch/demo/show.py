"""`payphone demo`: the switch on loopback with a config like the sample, four scenes played against it, every record checked.

Knows the order of things and how it looks. Does not know the stories (`scenes`) or what people do in them (`stage`).
"""

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from switch.app import Shell
from switch.billing.call_json import as_json
from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall
from switch.demo import scenes
from switch.demo.cast import cast_of
from switch.demo.expected import Expected, differences
from switch.demo.stage import DemoRecords, Narrator, Stage
from switch.demo.waiting import Missed
from switch.engine.clock import SystemClock
from switch.run import started
from switch.settings.plan import Deployment

Scene = Callable[[Stage], Awaitable[list[Expected]]]


async def play_demo(deployment: Deployment, *, json_lines: bool) -> bool:
    """Whether every call was judged right. Prints a transcript and a table; with `json_lines` only the records, one a line.

    Raises CannotStart when the config is not one the demo can play with, or an address is taken.
    """
    _quiet_log()
    cast, clock = cast_of(deployment), SystemClock()
    console = Console(quiet=json_lines)
    narrator = Narrator(console, clock, lines=tuple(line.name for line in cast.lines))
    books = DemoRecords(narrator, {person.ani: person.name for person in scenes.CALLERS})
    with TemporaryDirectory(prefix="payphone-demo-") as data:  # apart from the records of a real switch
        switch = replace(deployment, switch=replace(deployment.switch, data=Path(data)))
        shell = Shell(switch, heard=books.keep)
        async with Stage(cast, switch=deployment.switch.listen, clock=clock, narrator=narrator) as stage:
            await started(switch, shell)
            try:
                wrong = await _play(stage, books)
            finally:
                await shell.stop()
    if len(books.calls) != len(scenes.CALLERS):
        wrong.append(f"{len(scenes.CALLERS)} calls made {len(books.calls)} records")
    if json_lines:
        for judged in books.calls:
            sys.stdout.write(json.dumps(as_json(judged), ensure_ascii=False) + "\n")
    else:
        console.print("", _table(books))
    _conclude(console, books.calls, wrong=wrong)
    return not wrong


async def _play(stage: Stage, books: DemoRecords) -> list[str]:
    """All scenes; what was wrong. The third is mostly silence, so the fourth is played meanwhile."""
    wrong = await _scene(stage, books, title="1. The first line answers, a long talk: billable", scene=scenes.long_talk)
    title = "2. The first line is busy, the next answers, a short talk: not billable"
    wrong += await _scene(stage, books, title=title, scene=scenes.busy_then_short_talk)
    third, fourth = await asyncio.gather(
        _scene(stage, books, title="3. No key is pressed: ended in the menu", scene=scenes.no_key),
        _scene(stage, books, title="4. Meanwhile both lines are full: overflow to a third", scene=scenes.lines_full),
    )
    return wrong + third + fourth


async def _scene(stage: Stage, books: DemoRecords, *, title: str, scene: Scene) -> list[str]:
    """One scene, and what was wrong with it: something did not happen in time, or a record is not as it must be."""
    stage.title(title)
    try:
        expected = await scene(stage)
        judged = [await books.of(each.ani) for each in expected]
    except Missed as missed:
        stage.clear()
        return [f"scene {title[0]}: {missed}"]
    found = zip(expected, judged, strict=True)
    return [f"{each.name}'s call: {what}" for each, record in found for what in differences(each, record)]


def _table(books: DemoRecords) -> Table:
    """What became of each call, in 80 columns."""
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("caller", "lines tried", "final state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("talk s", "billable", "owed", "earned"):
        table.add_column(heading, justify="right")
    for judged in books.calls:
        record, verdict = judged.record, judged.verdict
        table.add_row(
            books.name_of(judged),
            "\n".join(f"{attempt.line} {attempt.outcome.value}" for attempt in record.attempts) or "-",
            record.final_state.value,
            f"{record.connected_ms / 1000:.3f}",
            "[green]yes[/]" if verdict.billable else "no",
            show_micros(verdict.revenue_micros),
            show_micros(verdict.payout_micros),
        )
    return table


def _conclude(console: Console, calls: Sequence[JudgedCall], *, wrong: Sequence[str]) -> None:
    """All right, with the sums; or everything that is wrong, on stderr where stdout is for programs."""
    if wrong:
        told = Console(stderr=True) if console.quiet else console
        told.print("\nwrong:", style="bold red")
        for each in wrong:
            told.print(f"  {each}", markup=False, highlight=False, soft_wrap=True)
        return
    owed = show_micros(sum(call.verdict.revenue_micros for call in calls))
    earned = show_micros(sum(call.verdict.payout_micros for call in calls))
    console.print(f"\n[bold green]All {len(calls)} calls are judged right:[/] advertisers owe {owed}, publishers earn {earned}.")


def _quiet_log() -> None:
    """The transcript tells what happens; only what goes wrong is logged, and not to stdout."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
