"""The commands `payphone user ...`: makes the entry of somebody who logs in to the console."""

from pathlib import Path
from typing import Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, ConfigDir, app, fail, loaded_config, require_config, show_problem
from switch.output import asked_secret, write_line, write_lines

__all__ = ["app", "user"]

USERS_FILE = "users.yaml"
LEAST_CHARS = 10
"""Of a password. Its strength is its length: NIST SP 800-63B §5.1.1.2 asks for no other rule."""
MOST_CHARS = 256

user = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Make the entry of somebody who logs in to the console.

    \b
    Examples:
      payphone user add anna --role ops
      payphone user add radio --role publisher --publisher radio-one --write
    """,
    epilog=EXIT,
)
app.add_typer(user, name="user")


@user.command("add", epilog=EXIT)
def add(
    name: Annotated[str, typer.Argument(help="What the user logs in by.")],
    *,
    role: Annotated[str, typer.Option(help="ops, viewer, publisher or advertiser.")],
    publisher: Annotated[str | None, typer.Option(help="Of role publisher: whose calls it sees.")] = None,
    advertiser: Annotated[str | None, typer.Option(help="Of role advertiser: whose calls it sees.")] = None,
    write: Annotated[bool, typer.Option("--write", help=f"Write it to {USERS_FILE} of the config directory.")] = False,
    config: ConfigDir = DEFAULT_CONFIG,
) -> None:
    """Ask for a password, and print the entry of `users` to paste; or write it, with --write.

    The password is asked for twice. Where stdin is no terminal, it is its first line. A running switch takes the entry in at once.

    \b
    Examples:
      payphone user add anna --role ops
      payphone user add radio --role publisher --publisher radio-one --write
    """
    require_config(config)
    parties = {"publisher": publisher, "advertiser": advertiser}
    _check(name, role, parties)
    lines = _entry(name, role, parties, _password())
    if not write:
        write_lines(["users:", *lines])
        return
    _write(config, lines)
    write_line(f"{config / USERS_FILE}: added {name}", err=True)


def _check(name: str, role: str, parties: dict[str, str | None]) -> None:
    from switch.deployment import Role
    from switch.settings import value

    try:
        value.name(name)
        for party in filter(None, parties.values()):
            value.name(party)
    except value.Invalid as error:
        fail(f"{error.message}; expected {error.expected}")
    if role not in set(Role):
        fail(f"there is no role {role!r}: it is one of {', '.join(Role)}")
    for key, given in parties.items():
        if given is not None and role != key:
            fail(f"--{key} goes with --role {key}, and with no other")
        if given is None and role == key:
            fail(f"--role {key} needs --{key} NAME: whose calls it sees")


def _password() -> str:
    given = asked_secret("Password: ") or ""
    if not LEAST_CHARS <= len(given) <= MOST_CHARS:
        fail(f"a password has {LEAST_CHARS} to {MOST_CHARS} characters, this one {len(given)}")
    if asked_secret("Once more: ", again=True) not in (None, given):
        fail("the two passwords differ: nothing was made")
    return given


def _entry(name: str, role: str, parties: dict[str, str | None], password: str) -> list[str]:
    from argon2 import PasswordHasher

    said = [f"{key}: {value}" for key, value in (("role", role), *parties.items()) if value is not None]
    return [f"  {name}:", *(f"    {line}" for line in said), f'    password: "{PasswordHasher().hash(password)}"']


def _write(config: Path, lines: list[str]) -> None:
    """Adds the entry to the file. A config that it makes wrong gets it not: the file stays as it was."""
    from switch.settings.load import load

    loaded_config(config)
    path = config / USERS_FILE
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text("\n".join([(before or "users:").rstrip("\n"), *lines, ""]), encoding="utf-8")
    if load(config).deployment is not None:
        return
    for problem in load(config).errors:
        show_problem(problem, err=True)
    if before is None:
        path.unlink()
    else:
        path.write_text(before, encoding="utf-8")
    fail(f"{path} is as it was: with this user the config has the errors above")
