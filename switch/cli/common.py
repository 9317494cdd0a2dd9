"""Knows what every command shares: how a config is loaded, how things are printed, how a command fails. Does not know any command."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console

from switch.ledger.database import Database, ledger_url
from switch.ledger.store import Ledger, LedgerUnreadable, LedgerUnwritable
from switch.settings.load import Loaded, load
from switch.settings.plan import Deployment
from switch.settings.problem import Position, show

T = TypeVar("T")

app = typer.Typer(
    name="payphone",
    help="A pay-per-call softswitch: SIP in, menus, routing under caps, RTP bridged, every call judged.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigDir = Annotated[Path, typer.Option("--config", "-c", help="Directory of the YAML files.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line instead of text.")]

out = Console(soft_wrap=True)


def loaded_config(config: Path) -> Loaded:
    """A config without errors; or else its errors on stderr, and exit 1."""
    loaded = load(config)
    if loaded.deployment is None:
        for problem in loaded.errors:
            typer.echo(show(problem) + "\n", err=True)
        fail(f"{config} has errors: see above, or run `payphone check --config {config}`")
    return loaded


def deployed(config: Path) -> tuple[Deployment, Mapping[str, Position]]:
    """What such a config says, and where its parts are written."""
    loaded = loaded_config(config)
    if loaded.deployment is None:
        raise AssertionError("loaded_config lets no such config pass")
    return loaded.deployment, loaded.positions


def ledger_of(deployment: Deployment, *, config: Path) -> Ledger:
    """The ledger that a switch with this config writes; exit 1 when there is none yet."""
    settings = deployment.switch
    if settings.ledger_url is None and not (settings.data / "payphone.sqlite").exists():
        fail(f"no ledger in {settings.data} yet: `payphone run --config {config}` makes it")
    return from_ledger(lambda: Ledger(Database(ledger_url(settings.data, settings.ledger_url))))


def from_ledger(ask: Callable[[], T]) -> T:
    """What `ask` gives; a ledger that can't be read or written is said, and exit 1."""
    try:
        return ask()
    except (LedgerUnreadable, LedgerUnwritable) as error:
        fail(f"the ledger: {error}; is it there, and may you read and write it? See `switch.ledger` and `switch.data`")


def count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def print_json(row: Mapping[str, Any]) -> None:
    typer.echo(json.dumps(row, ensure_ascii=False, separators=(", ", ": ")))


def fail(why: str) -> NoReturn:
    typer.echo(f"payphone: {why}", err=True)
    raise typer.Exit(1)
