"""The command `payphone test`. How tests are run and shown is in `switch.cli.verifying`."""

from pathlib import Path
from typing import Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, AsJson, ConfigDir, app

__all__ = ["app", "call_tests"]


@app.command("test", epilog="Exit 0: all passed; 1: one failed, or can't be run; 2: wrong usage.")
def call_tests(
    config: ConfigDir = DEFAULT_CONFIG,
    tests: Annotated[Path | None, typer.Option(help="Directory of the call tests. Default: tests, in that of the config.")] = None,
    only: Annotated[str, typer.Option("-k", help="Only tests with this in their name.", metavar="WORD")] = "",
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show how each call went, too.")] = False,
    json_lines: AsJson = False,
) -> None:
    """Run the call tests beside the config.

    A test says: this call at this time goes to that line, and bills that. Every call goes through routing, menus, caps and money as it
    would on the wire, in simulated time and without a socket. A failure says where it is written and what happened instead; -v adds
    the rules that decided.

    docs/guide-call-tests.md says how tests are written.

    \b
    Examples:
      payphone test
      payphone test -k closed -v
    """
    from switch.cli.verifying import run_tests

    directory = config / "tests" if tests is None else tests
    raise typer.Exit(0 if run_tests(config, directory, only=only, verbose=verbose, json_lines=json_lines) else 1)
