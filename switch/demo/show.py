"""`payphone demo`: the switch on loopback with a config like the sample, four scenes played against it, every record checked.

Runs the scenes (`scenes`) in order and prints the result. What callers and lines do in them is in `stage`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from switch.app import Shell
from switch.billing.call_json import as_json
from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall
from switch.demo import scenes
from switch.demo.cast import cast_of, on_loopback
from switch.demo.expected import Expected, differences
from switch.demo.stage import DemoRecords, Narrator, Stage
from switch.demo.waiting import Missed
from switch.engine.clock import SystemClock
from switch.log import configure_quiet
from switch.output import Column, Styled, Table, write_json, write_line, write_lines
from switch.run import started
from switch.settings.plan import Deployment

Scene = Callable[[Stage], Awaitable[list[Expected]]]


async def play_demo(deployment: Deployment, *, json_lines: bool) -> bool:
    """Whether every call was judged right. Prints a transcript and a table; with `json_lines` only the records, one a line.

    Raises CannotStart when the config is not one the demo can play with, or ports can't be had.
    """
    deployment = on_loopback(deployment)
    configure_quiet()
    cast, clock = cast_of(deployment), SystemClock()
    narrator = Narrator(clock, lines=tuple(line.name for line in cast.lines), quiet=json_lines)
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
            write_json(as_json(judged))
    else:
        write_line()
        _table(books).show()
    _conclude(books.calls, wrong=wrong, quiet=json_lines)
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
    texts = [Column(heading) for heading in ("caller", "lines tried", "final state")]
    table = Table([*texts, *(Column(heading, right=True) for heading in ("talk s", "billable", "owed", "earned"))])
    for judged in books.calls:
        record, verdict = judged.record, judged.verdict
        table.add_row(
            books.name_of(judged),
            [f"{attempt.line} {attempt.outcome.value}" for attempt in record.attempts] or "-",
            record.final_state.value,
            f"{record.connected_ms / 1000:.3f}",
            "yes" if verdict.billable else "no",
            show_micros(verdict.revenue_micros),
            show_micros(verdict.payout_micros),
            style="green" if verdict.billable else "",
        )
    return table


def _conclude(calls: Sequence[JudgedCall], *, wrong: Sequence[str], quiet: bool) -> None:
    """All right, with the sums; or everything that is wrong, on stderr where stdout is for programs."""
    if wrong:
        write_line(err=quiet)
        write_line(Styled("wrong:", "red bold"), err=quiet)
        write_lines((f"  {each}" for each in wrong), err=quiet)
        return
    if quiet:
        return
    owed = show_micros(sum(call.verdict.revenue_micros for call in calls))
    earned = show_micros(sum(call.verdict.payout_micros for call in calls))
    write_line()
    told = f" advertisers owe {owed}, publishers earn {earned}."
    write_line(Styled(f"All {len(calls)} calls are judged right:", "green bold"), told)
