"""What every command shares: its options, how a config and a ledger are opened, how it fails."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from switch.cli.commands import CommandGroup
from switch.output import width, write_folded, write_line

if TYPE_CHECKING:
    from switch.cli.ledger_place import LedgerPlace
    from switch.deployment import Deployment
    from switch.ledger.store import Ledger
    from switch.settings.load import Loaded
    from switch.settings.problem import Position, Problem

T = TypeVar("T")

app = typer.Typer(
    name="payphone",
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
"""Every module of a command registers on it, and gives it as `app`."""

ConfigDir = Annotated[Path, typer.Option("--config", "-c", help="Directory of the YAML files.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line instead of text.")]
DEFAULT_CONFIG = Path("config")
EXIT = "Exit 0: done; 1: it did not work, and stderr says why; 2: wrong usage."
"""The last line of a command's help, where no other codes have a meaning."""


def _version(wanted: bool) -> None:  # noqa: FBT001 Typer's callback
    if wanted:
        from importlib.metadata import version as installed_version

        write_line(f"payphone {installed_version('payphone')}")
        raise typer.Exit


@app.callback(epilog="Exit 0: done; 1: it did not work, and stderr says why; 2: wrong usage. `payphone COMMAND -h` has examples.")
def payphone(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A pay-per-call softswitch: SIP in, menus, routing under caps, RTP bridged, every call judged."""


# configs


def require_config(config: Path) -> None:
    """Exit 1, with what to do, where there is no config at all."""
    if not config.is_dir() or not any(path.suffix in (".yaml", ".yml") for path in config.iterdir()):
        fail(f"no config in {config}: `payphone init {config}` makes one; --config DIR says where it is")


def loaded_config(config: Path) -> "Loaded":
    """A config without errors; or else its errors on stderr, and exit 1."""
    from switch.settings.load import load

    require_config(config)
    loaded = load(config)
    if loaded.deployment is None:
        for problem in loaded.errors:
            show_problem(problem, err=True)
        fail(f"{config} has errors: see above, or run `payphone check --config {config}`")
    return loaded


def deployed(config: Path) -> "tuple[Deployment, Mapping[str, Position]]":
    """What such a config says, and where its parts are written."""
    loaded = loaded_config(config)
    if loaded.deployment is None:
        raise AssertionError("loaded_config lets no such config pass")
    return loaded.deployment, loaded.positions


def show_problem(problem: "Problem", *, err: bool = False) -> None:
    """The problem and a blank line."""
    from switch.problem_text import show

    write_folded([*show(problem, columns=width(err=err)).split("\n"), ""], err=err)


# ledgers


def place_of(config: Path) -> "LedgerPlace":
    """Where the ledger of a config is. A config that does not say so plainly is loaded whole, and its errors are shown: exit 1.

    One that is broken elsewhere will do: that is said on stderr.
    """
    from switch.cli.ledger_place import LedgerPlace, ledger_place

    require_config(config)
    place = ledger_place(config)
    if place is not None:
        if place.broken:
            hint = f"the ledger is shown all the same; `payphone check --config {config}` says what is wrong"
            write_folded([f"payphone: {place.broken[0]}: {hint}"], err=True)
        return place
    from switch.period import zone_of

    try:
        settings, plan = (deployment := deployed(config)[0]).switch, deployment.plan
    except typer.Exit:
        write_folded(_MEANWHILE, err=True)
        raise
    return LedgerPlace(data=settings.data, url=settings.ledger_url, zone=zone_of(plan), credits={})


def url_of(place: "LedgerPlace", *, config: Path) -> str:
    """The database's URL; exit 1 when there is none yet."""
    from switch.ledger.database import ledger_url

    if place.url is None and not (path := place.data / "payphone.sqlite").exists():
        fail(f"no ledger in {place.data} yet: `payphone run --config {config}` makes {path.name} there")
    return ledger_url(place.data, place.url)


def open_ledger(config: Path) -> "tuple[Ledger, LedgerPlace]":
    """The ledger that a switch with this config writes; exit 1 when there is none yet."""
    from switch.ledger.database import Database
    from switch.ledger.store import Ledger

    place = place_of(config)
    url = url_of(place, config=config)
    return from_ledger(lambda: Ledger(Database(url))), place


def ledger_of(deployment: "Deployment", *, config: Path) -> "Ledger":
    """The same, for a config that is loaded already."""
    from switch.cli.ledger_place import LedgerPlace
    from switch.ledger.database import Database
    from switch.ledger.store import Ledger

    settings = deployment.switch
    place = LedgerPlace(data=settings.data, url=settings.ledger_url, zone="", credits={})
    return from_ledger(lambda: Ledger(Database(url_of(place, config=config))))


def from_ledger(ask: Callable[[], T]) -> T:
    """What `ask` gives; a ledger that can't be read or written is said, and exit 1."""
    from switch.ledger.database import LedgerUnreadable, LedgerUnwritable, OtherSchema

    try:
        return ask()
    except OtherSchema as error:
        fail(f"the ledger: {error}")
    except (LedgerUnreadable, LedgerUnwritable) as error:
        fail(f"the ledger: {error}; is it there, and may you read and write it? See `switch.ledger` and `switch.data`")


_MEANWHILE = (
    "Until that is mended, --config /tmp/ledger shows the ledger, with the directory of payphone.sqlite for DIR:",
    "  mkdir /tmp/ledger && echo 'switch: {data: DIR}' >/tmp/ledger/switch.yaml",
)


# words


def actor() -> str:
    """Who gives a command to the running switch: `cli:anna`, also where she does it as the switch's own user by sudo."""
    from getpass import getuser

    return f"cli:{os.environ.get('SUDO_USER') or getuser()}"


def count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def fail(why: str) -> NoReturn:
    write_folded(f"payphone: {why}".split("\n"), err=True)
    raise typer.Exit(1)
