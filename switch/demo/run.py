"""`payphone demo`: the switch on loopback with a config like the sample, four scenarios against it, every record checked.

Runs the scenarios (`scenarios`) in order and prints the result. What callers and lines do in them is in `endpoints`.
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
from switch.demo import scenarios
from switch.demo.config import demo_config, on_loopback
from switch.demo.endpoints import Endpoints, RecordCollector, Transcript
from switch.demo.expected import Expected, differences
from switch.demo.waiting import ExpectationFailed
from switch.deployment import Deployment
from switch.engine.clock import SystemClock
from switch.log import configure_quiet
from switch.output import Column, Styled, Table, write_json, write_line, write_lines
from switch.run import load_prepared, started

Scenario = Callable[[Endpoints], Awaitable[list[Expected]]]


async def run_demo(directory: Path, deployment: Deployment, *, json_lines: bool) -> bool:
    """Whether every call was judged right. Prints a transcript and a table; with `json_lines` only the records, one a line.

    `deployment`: of the config in `directory`.

    Raises CannotStart when the config has not what the demo needs, or ports can't be had.
    """
    deployment = on_loopback(deployment)
    configure_quiet()
    config, clock = demo_config(deployment), SystemClock()
    transcript = Transcript(clock, lines=tuple(line.name for line in config.lines), quiet=json_lines)
    records = RecordCollector(transcript, {caller.ani: caller.name for caller in scenarios.CALLERS})
    with TemporaryDirectory(prefix="payphone-demo-") as data:  # apart from the records of a real switch
        load_prepared(directory, data=Path(data))
        switch = replace(deployment, switch=replace(deployment.switch, data=Path(data)))
        shell = Shell(switch, heard=records.collect)
        async with Endpoints(config, switch=deployment.switch.flows[0], clock=clock, transcript=transcript) as endpoints:
            await started(shell)
            await shell.taking_calls()
            try:
                wrong = await _run_all(endpoints, records)
            finally:
                await shell.stop()
    if len(records.calls) != len(scenarios.CALLERS):
        wrong.append(f"{len(scenarios.CALLERS)} calls made {len(records.calls)} records")
    if json_lines:
        for judged in records.calls:
            write_json(as_json(judged))
    else:
        write_line()
        _table(records).show()
    _conclude(records.calls, wrong=wrong, quiet=json_lines)
    return not wrong


async def _run_all(endpoints: Endpoints, records: RecordCollector) -> list[str]:
    """All scenarios; what was wrong. The third is mostly silence, so the fourth runs meanwhile."""
    wrong = await _run(endpoints, records, title="1. The first line answers, a long talk: billable", scenario=scenarios.long_talk)
    title = "2. The first line is busy, the next answers, a short talk: not billable"
    wrong += await _run(endpoints, records, title=title, scenario=scenarios.busy_then_short_talk)
    third, fourth = await asyncio.gather(
        _run(endpoints, records, title="3. No key is pressed: ended in the menu", scenario=scenarios.no_key),
        _run(endpoints, records, title="4. Meanwhile both lines are full: overflow to a third", scenario=scenarios.lines_full),
    )
    return wrong + third + fourth


async def _run(endpoints: Endpoints, records: RecordCollector, *, title: str, scenario: Scenario) -> list[str]:
    """One scenario, and what was wrong with it: something did not happen in time, or a record is not as it must be."""
    endpoints.heading(title)
    try:
        expected = await scenario(endpoints)
        judged = [await records.wait_for(each.ani) for each in expected]
    except ExpectationFailed as failed:
        endpoints.hang_up_all()
        return [f"scenario {title[0]}: {failed}"]
    found = zip(expected, judged, strict=True)
    return [f"{each.name}'s call: {what}" for each, record in found for what in differences(each, record)]


def _table(records: RecordCollector) -> Table:
    """What became of each call, in 80 columns."""
    texts = [Column(heading) for heading in ("caller", "lines tried", "final state")]
    table = Table([*texts, *(Column(heading, right=True) for heading in ("talk s", "billable", "owed", "earned"))])
    for judged in records.calls:
        record, verdict = judged.record, judged.verdict
        table.add_row(
            records.name_of(judged),
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
    sums = f" advertisers owe {owed}, publishers earn {earned}."
    write_line(Styled(f"All {len(calls)} calls are judged right:", "green bold"), sums)
