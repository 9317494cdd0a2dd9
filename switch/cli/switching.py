"""Knows the commands around a running switch: run, check, route, calls, demo. Each is a few lines on top of a part that does it."""

from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from routing.zone import rules
from switch.billing.statement import as_json
from switch.cli.common import AsJson, ConfigDir, app, count, deployed, fail, from_ledger, ledger_of, out, print_json
from switch.console import calls_table, show_ruling
from switch.demo.show import play_demo
from switch.engine.clock import SystemClock
from switch.run import CannotStart, serve
from switch.settings.lint.calendar import Calendar, calendars, stale_tables, told
from switch.settings.lint.calendar import as_json as calendar_json
from switch.settings.load import load
from switch.settings.problem import as_json as problem_as_json
from switch.settings.problem import show
from switch.simulation.route_query import BadQuery, ask_route, passed_tags
from switch.starter import SAMPLE

MAX_LISTED = 1_000_000


@app.command()
def run(config: ConfigDir = Path("config")) -> None:
    """Run the switch until SIGTERM or Ctrl-C. SIGHUP, or a changed file, reloads the config: all of it or nothing."""
    try:
        uvloop.run(serve(config))
    except CannotStart as error:
        fail(str(error))


@app.command()
def check(
    config: ConfigDir = Path("config"),
    *,
    calendar: Annotated[
        bool, typer.Option("--calendar", help="List the closed dates of the next 12 months too, by opening hours.")
    ] = False,
    json_lines: AsJson = False,
) -> None:
    """Check the config: every problem with file, line and a hint. Exit 1 when there is an error; warnings alone are fine."""
    loaded = load(config)
    now_us = SystemClock().now().utc_us
    problems = (*loaded.problems, *stale_tables(str(config), now_us))
    for problem in problems:
        if json_lines:
            print_json(problem_as_json(problem))
        else:
            typer.echo(show(problem) + "\n")
    errors = len(loaded.errors)
    warnings = len(problems) - errors
    if not json_lines:
        typer.echo(f"{config}: {count(errors, 'error')}, {count(warnings, 'warning')}" if problems else f"{config}: no problems")
        typer.echo(f"time zone rules: {rules()}" + (f" (passed over: {rules().passed_over})" if rules().passed_over else ""))
    if calendar and loaded.deployment is not None:
        _show_calendars(calendars(loaded.deployment.plan, now_us), json_lines=json_lines)
    raise typer.Exit(1 if loaded.deployment is None else 0)


def _show_calendars(found: tuple[Calendar, ...], *, json_lines: bool) -> None:
    if json_lines:
        for row in chain.from_iterable(map(calendar_json, found)):
            print_json(row)
    else:
        typer.echo("\n" + "\n".join(told(found)))


@app.command()
def route(
    did: Annotated[str, typer.Option(help="The tracking number that is called, e.g. +18005550100.")],
    ani: Annotated[str, typer.Option(help="The caller's number.")],
    at: Annotated[str | None, typer.Option(help="When, ISO 8601 with zone, e.g. 2026-03-02T14:00:00-05:00. Default: now.")] = None,
    digits: Annotated[str, typer.Option(help="What the caller presses in menus, in order.")] = "",
    tag: Annotated[list[str], typer.Option(help="What the carrier passes, NAME=VALUE; may be given more than once.")] = [],  # noqa: B006
    *,
    config: ConfigDir = Path("config"),
    json_lines: AsJson = False,
) -> None:
    """Say where a call would go and why. No call is placed; the lines are taken to be idle."""
    deployment, positions = deployed(config)
    try:
        answer = ask_route(
            deployment.plan, did=did, ani=ani, at=at, digits=digits, tags=passed_tags(tag, deployment.plan.tag_kinds)
        )
    except BadQuery as error:
        fail(str(error))
    if json_lines:
        print_json(answer.as_json())
    else:
        show_ruling(out, answer, positions)


@app.command()
def calls(
    config: ConfigDir = Path("config"),
    limit: Annotated[int, typer.Option(min=1, max=MAX_LISTED, help="How many, newest first.")] = 20,
    *,
    json_lines: AsJson = False,
) -> None:
    """Show call records with their verdicts, newest first. Works while the switch runs."""
    deployment, _ = deployed(config)
    ledger = ledger_of(deployment, config=config)
    judged = from_ledger(lambda: ledger.calls(limit=limit))
    if json_lines:
        for each in judged:
            print_json(as_json(each))
    else:
        out.print(calls_table(judged))


@app.command()
def demo(
    config: Annotated[
        Path,
        typer.Option(
            "--config", "-c", help="Directory of the YAML files. Default: the sample inside payphone.", show_default=False
        ),
    ] = SAMPLE,
    *,
    json_lines: AsJson = False,
) -> None:
    """Run four scenes over real SIP and RTP on loopback, before your eyes. Exit 0 when all calls are judged right.

    It plays with the sample config, whatever is in ./config, on ports of 127.0.0.1 that are free, and leaves no file behind. With --config
    it plays with another one, if that has what the demo needs: none of its addresses is used, none of its lines is called.

    Example: payphone demo
    """
    deployment, _ = deployed(config)
    try:
        right = uvloop.run(play_demo(deployment, json_lines=json_lines))
    except CannotStart as error:
        fail(str(error))
    raise typer.Exit(0 if right else 1)
