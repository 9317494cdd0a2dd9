"""The command `payphone init`: a starter config in a directory, and what to do with it next. `switch.starter` copies the files."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from switch.cli.common import EXIT, app, count, fail
from switch.output import write_folded
from switch.starter import DATA, DirectoryInUse, starter_files, write_starter

DEFAULT_DIRECTORY = Path("config")

_NEXT = (
    ("check", "says what is wrong with the config, and where"),
    ("test", "runs its call tests: no call is placed"),
    ("run", "starts the switch; Ctrl-C ends it"),
)


__all__ = ["app", "init"]


@app.command(epilog=EXIT)
def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the config is made; it and its parents need not be there.")
    ] = DEFAULT_DIRECTORY,
    *,
    minimal: Annotated[bool, typer.Option("--minimal", help="One carrier, one number, one campaign, one line, no menu.")] = False,
) -> None:
    """Make a config to start from.

    It has commented YAML, prompts, call tests and schemas for editors, and works as it stands, on loopback. A directory that has
    something in it is refused, and left as it is.

    \b
    Examples:
      payphone init
      payphone init /etc/payphone --minimal
    """
    files = starter_files(minimal=minimal)
    try:
        write_starter(directory, files)
    except DirectoryInUse as error:
        fail(f"{error}; name another directory: payphone init DIR")
    except OSError as error:
        fail(f"{directory} can't be made: {error.strerror or error}")
    _write_next_steps(directory, len(files))


def _write_next_steps(directory: Path, files: int) -> None:
    option = "" if directory == DEFAULT_DIRECTORY else f" --config {shlex.quote(str(directory))}"
    begin = directory / "switch.yaml"
    write_folded(
        [
            f"{directory}: {count(files, 'file')} made. Begin with {begin}: it says what to change first.",
            f"Call records and money will be kept in {(directory / DATA).resolve()}, as `data` there says.",
            "",
            "Next:",
        ]
    )
    width = max(len(f"payphone {name}{option}") for name, _ in _NEXT)
    for name, what in _NEXT:
        write_folded([f"  {f'payphone {name}{option}':<{width}}  {what}"])
