"""Knows the command line, `payphone`. Does not know what lies behind a command: each is a few lines on top of a part that does."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import uvloop
from rich.console import Console

from switch.app import NotOurs, check_packages
from switch.billing.statement import as_json
from switch.console import calls_table, show_ruling
from switch.demo.show import play_demo
from switch.ledger.keeper import ledger_url
from switch.ledger.store import Ledger, LedgerUnreadable, LedgerUnwritable
from switch.routecheck import BadQuestion, ask
from switch.run import CannotStart, serve
from switch.settings.load import load
from switch.settings.plan import Deployment
from switch.settings.problem import Position, show
from switch.settings.problem import as_json as problem_as_json

app = typer.Typer(
    name="payphone",
    help="A pay-per-call softswitch: SIP in, menus, routing under caps, RTP bridged, every call judged.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigDir = Annotated[Path, typer.Option("--config", "-c", help="Directory of the YAML files.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line instead of text.")]

_out = Console(soft_wrap=True)


@app.command()
def run(config: ConfigDir = Path("config")) -> None:
    """Run the switch until SIGTERM or Ctrl-C. SIGHUP, or a changed file, reloads the config: all of it or nothing."""
    try:
        uvloop.run(serve(config))
    except CannotStart as error:
        _fail(str(error))


@app.command()
def check(config: ConfigDir = Path("config"), *, json_lines: AsJson = False) -> None:
    """Check the config: every problem with file, line and a hint. Exit 1 when there is an error; warnings alone are fine."""
    loaded = load(config)
    for problem in loaded.problems:
        if json_lines:
            _json(problem_as_json(problem))
        else:
            typer.echo(show(problem) + "\n")
    errors = len(loaded.errors)
    warnings = len(loaded.problems) - errors
    if not json_lines:
        typer.echo(
            f"{config}: {_count(errors, 'error')}, {_count(warnings, 'warning')}" if loaded.problems else f"{config}: no problems"
        )
    raise typer.Exit(1 if loaded.deployment is None else 0)


@app.command()
def route(
    did: Annotated[str, typer.Option(help="The tracking number that is called, e.g. +18005550100.")],
    ani: Annotated[str, typer.Option(help="The caller's number.")],
    at: Annotated[str | None, typer.Option(help="When, ISO 8601 with zone, e.g. 2026-03-02T14:00:00-05:00. Default: now.")] = None,
    digits: Annotated[str, typer.Option(help="What the caller presses in menus, in order.")] = "",
    config: ConfigDir = Path("config"),
    *,
    json_lines: AsJson = False,
) -> None:
    """Say where a call would go and why. No call is placed; the lines are taken to be idle."""
    deployment, positions = _loaded(config)
    try:
        answer = ask(deployment.plan, did=did, ani=ani, at=at, digits=digits)
    except BadQuestion as error:
        _fail(str(error))
    if json_lines:
        _json(answer.as_json())
    else:
        show_ruling(_out, answer, positions)


@app.command()
def calls(
    config: ConfigDir = Path("config"),
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    *,
    json_lines: AsJson = False,
) -> None:
    """Show call records with their verdicts, newest first. Works while the switch runs."""
    deployment, _ = _loaded(config)
    data = deployment.switch.data
    if not (data / "payphone.sqlite").exists():
        _fail(f"no ledger in {data} yet: `payphone run --config {config}` makes it")
    try:
        judged = Ledger(ledger_url(data)).calls(limit=limit)
    except (LedgerUnreadable, LedgerUnwritable) as error:
        _fail(str(error))
    if json_lines:
        for each in judged:
            _json(as_json(each))
    else:
        _out.print(calls_table(judged))


@app.command()
def demo(config: ConfigDir = Path("config"), *, json_lines: AsJson = False) -> None:
    """Run four calls over real SIP and RTP on loopback, before your eyes, against the sample config. Exit 0 when all are judged right."""
    deployment, _ = _loaded(config)
    try:
        right = uvloop.run(play_demo(deployment, json_lines=json_lines))
    except CannotStart as error:
        _fail(str(error))
    raise typer.Exit(0 if right else 1)


def _loaded(config: Path) -> tuple[Deployment, Mapping[str, Position]]:
    """A config without errors and where its parts are written; or else its errors on stderr, and exit 1."""
    loaded = load(config)
    if loaded.deployment is None:
        for problem in loaded.errors:
            typer.echo(show(problem) + "\n", err=True)
        _fail(f"{config} has errors: see above, or run `payphone check --config {config}`")
    return loaded.deployment, loaded.positions


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _json(row: Mapping[str, Any]) -> None:
    typer.echo(json.dumps(row, ensure_ascii=False, separators=(", ", ": ")))


def _fail(why: str) -> NoReturn:
    typer.echo(f"payphone: {why}", err=True)
    raise typer.Exit(1)


def main() -> None:
    """Entry point of the `payphone` script."""
    try:
        check_packages()
    except NotOurs as error:
        sys.exit(f"payphone: {error}")
    app()


if __name__ == "__main__":
    main()
