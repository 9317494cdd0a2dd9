"""The commands around a running switch: run, check, demo. Each is a few lines on top of a part that does it."""

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, AsJson, ConfigDir, app, count, deployed, fail, require_config, show_problem
from switch.output import progress, write_folded, write_json
from switch.starter import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from switch.cli.closed_dates import Calendar
    from switch.settings.load import Loaded
    from switch.settings.problem import Problem

__all__ = ["app", "check", "demo", "run"]


@app.command(epilog=EXIT)
def run(config: ConfigDir = DEFAULT_CONFIG) -> None:
    """Run the switch until SIGTERM or Ctrl-C.

    SIGHUP, or a changed file, reloads the config: all of it or nothing. The log goes to stdout.

    \b
    Examples:
      payphone run --config /etc/payphone
    """
    import uvloop

    from switch.run import CannotStart, serve

    require_config(config)
    try:
        uvloop.run(serve(config))
    except CannotStart as error:
        fail(str(error))


@app.command(epilog="Exit 0: no error, though there may be warnings; 1: an error; 2: wrong usage.")
def check(
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    calendar: Annotated[
        bool, typer.Option("--calendar", help="List the closed dates of the next 12 months too, by opening hours.")
    ] = False,
    dns: Annotated[
        bool,
        typer.Option(
            "--dns", help="Ask DNS for every host name too, and list what calls to it would dial. Without it no network is touched."
        ),
    ] = False,
    json_lines: AsJson = False,
) -> None:
    """Check the config: every problem with file, line and a hint.

    \b
    Examples:
      payphone check --config /etc/payphone
      payphone check --dns
      payphone check --calendar
      payphone check --json
    """
    from routing.zone import rules
    from switch.cli.closed_dates import calendars, stale_tables
    from switch.engine.clock import SystemClock
    from switch.problem_text import as_json
    from switch.settings.load import load
    from switch.settings.problem import Severity

    require_config(config)
    loaded = load(config)
    now_us = SystemClock().now().utc_us
    problems = (*loaded.problems, *stale_tables(str(config), now_us))
    if dns and loaded.deployment is not None:
        problems = (*problems, *_look_up(loaded, json_lines=json_lines))
    for problem in problems:
        if json_lines:
            write_json(as_json(problem))
        else:
            show_problem(problem)
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    warnings = len(problems) - errors
    if not json_lines:
        found = f"{count(errors, 'error')}, {count(warnings, 'warning')}" if problems else "no problems"
        over = f" (passed over: {rules().passed_over})" if rules().passed_over else ""
        skipped = ["DNS was not asked: mend the errors first"] if dns and loaded.deployment is None else []
        write_folded([f"{config}: {found}", *skipped, f"time zone rules: {rules()}{over}"])
    if calendar and loaded.deployment is not None:
        _show_calendars(calendars(loaded.deployment.plan, now_us), json_lines=json_lines)
    raise typer.Exit(1 if errors else 0)


def _look_up(loaded: "Loaded", *, json_lines: bool) -> "Sequence[Problem]":
    """Asks DNS, shows where names lead, and returns what is wrong with them."""
    from switch.cli.name_check import as_json, lines_of, look_up, problems_of
    from switch.sip.flow import Listeners

    if loaded.deployment is None:
        return ()
    listeners = Listeners(loaded.deployment.switch.flows, user_agent="")
    with progress("asking DNS, names") as advanced:
        answers = look_up(loaded, advanced=advanced)
    if json_lines:
        for answer in answers:
            write_json(as_json(answer, listeners))
    elif answers:
        write_folded(lines_of(answers, loaded.deployment.places, listeners))
    else:
        write_folded(["The config has no host name: DNS was not asked."])
    return tuple(problems_of(answers, loaded, listeners))


def _show_calendars(found: "tuple[Calendar, ...]", *, json_lines: bool) -> None:
    from switch.cli.closed_dates import as_json, calendar_lines

    if json_lines:
        for row in chain.from_iterable(map(as_json, found)):
            write_json(row)
    else:
        write_folded(["", *calendar_lines(found)])


@app.command(epilog="Exit 0: all calls are judged right; 1: one is not, or the demo can't start; 2: wrong usage.")
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
    """Place six test calls over real SIP and RTP on loopback.

    Prints what happens as it happens, and checks every record. The demo takes the sample config, whatever is in ./config, and free ports of
    127.0.0.1, and leaves no file behind. With --config it takes another one, if that has what the demo needs: none of its addresses is
    used, none of its lines is called.

    \b
    Examples:
      payphone demo
      payphone demo --json
    """
    import uvloop

    from switch.demo.run import run_demo
    from switch.run import CannotStart

    deployment, _ = deployed(config)
    try:
        right = uvloop.run(run_demo(config, deployment, json_lines=json_lines))
    except CannotStart as error:
        fail(str(error))
    raise typer.Exit(0 if right else 1)
