"""The commands around editing a config: fmt and diff. How a file is written: `switch.formatter`; how plans are compared:
`switch.config_diff`."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from switch.cli.common import (
    DEFAULT_CONFIG,
    AsJson,
    ConfigDir,
    app,
    count,
    fail,
    from_ledger,
    loaded_config,
    open_ledger,
    require_config,
    show_problem,
)
from switch.output import write_folded, write_json, write_line, write_lines

if TYPE_CHECKING:
    from switch.config_diff.diff import Change
    from switch.formatter.format import FormattedFile
    from switch.settings.model.document import Document

__all__ = ["app", "diff", "fmt"]

SAME, DIFFERENT, TROUBLE = 0, 1, 2
"""How `diff` exits, as diff(1) does."""
MONEY_MARK = "$ "


@app.command(epilog="Exit 0: done; 1: a file can't be read, or with --check would change; 2: wrong usage.")
def fmt(
    config: ConfigDir = DEFAULT_CONFIG,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; show what would change and exit 1 if anything would.")
    ] = False,
    by_name: Annotated[bool, typer.Option("--sort", help="Sort the entries of sections by name too.")] = False,
) -> None:
    """Write the config files in their canonical form.

    Keys are in order, values in one spelling. Comments and meaning stay. A file that can't be read as YAML is left alone.

    \b
    Examples:
      payphone fmt
      payphone fmt --check
    """
    from switch.formatter.format import FormattedFile, format_directory
    from switch.settings.problem import Problem

    require_config(config)
    results = format_directory(config, by_name=by_name)
    problems = [result for result in results if isinstance(result, Problem)]
    changed = [result for result in results if isinstance(result, FormattedFile) and result.changed]
    for problem in problems:
        show_problem(problem, err=True)
    for result in changed:
        if check:
            write_lines(result.diff().removesuffix("\n").split("\n"))
        else:
            _write(result)
    if not check:
        text = f"{count(len(changed), 'file')} formatted, {len(results) - len(problems) - len(changed)} unchanged"
        write_folded([f"{config}: {text}"])
    raise typer.Exit(1 if problems or (check and changed) else 0)


@app.command(epilog="Exit 0: no change; 1: changes; 2: a config can't be loaded or is not kept, or wrong usage.")
def diff(
    before: Annotated[Path | None, typer.Argument(help="A config directory; alone, it is compared with what ran last.")] = None,
    after: Annotated[Path | None, typer.Argument(help="Another config directory: what changes from the first to this one.")] = None,
    was: Annotated[str | None, typer.Option(help="A config version that the ledger keeps, to compare with.")] = None,
    *,
    config: ConfigDir = DEFAULT_CONFIG,
    json_lines: AsJson = False,
) -> None:
    """Say in words what changes between two configs.

    What may change money is marked with $. Without directories, --config is compared with the version that the last recorded call ran on.

    \b
    Examples:
      payphone diff
      payphone diff --was 3f2a9c01d4b7
      payphone diff /etc/payphone /tmp/new
    """
    from switch.config_diff.diff import changes

    try:
        found = changes(*_sides(before, after, was=was, config=config), kept=not (before and after))
    except typer.Exit as failed:
        raise typer.Exit(TROUBLE) from failed
    if json_lines:
        for change in found:
            write_json(change.as_json())
    else:
        _write_changes(found)
    raise typer.Exit(DIFFERENT if found else SAME)


def _write(result: "FormattedFile") -> None:
    from switch.formatter.format import write

    try:
        write(result)
    except OSError as error:
        fail(f"{result.path} can't be written: {error.strerror or error}; the file is as it was")


def _sides(before: Path | None, after: Path | None, *, was: str | None, config: Path) -> "tuple[Document, Document]":
    if before and after:
        if was:
            fail("--was takes the place of the first directory: give one directory or none")
        return _directory(before), _directory(after)
    return _kept_version(before or config, was), _directory(before or config)


def _directory(directory: Path) -> "Document":
    document = loaded_config(directory).document
    if document is None:
        raise AssertionError("loaded_config lets no such config pass")
    return document


def _kept_version(config: Path, version: str | None) -> "Document":
    """A version that the ledger of `config` keeps; by default that of the last call."""
    from switch.ledger.versions import differences, versions_now
    from switch.settings.load import load_kept

    ledger, _ = open_ledger(config)
    if version is None:
        calls = from_ledger(lambda: ledger.calls(limit=1))
        if not calls:
            fail(
                "no call is recorded yet, so nothing says which config ran last: name it with --was VERSION, or give two directories"
            )
        version = calls[0].record.config
    wanted = version
    files = from_ledger(lambda: ledger.config(wanted))
    if not files:
        fail(f"the ledger keeps no config {wanted}: `payphone calls --json` shows which one each call ran on")
    for difference in differences(from_ledger(lambda: ledger.config_versions(wanted)), versions_now()):
        write_folded([f"it ran with {difference}: the same text may mean other dates, times or places"], err=True)
    kept = load_kept(files)
    if kept.document is None:
        fail(f"the kept config {wanted} can't be read by this version of payphone: {kept.problems[0].message}")
    return kept.document


def _write_changes(found: "Sequence[Change]") -> None:
    """One paragraph a group."""
    if not found:
        write_line("no change")
    for number, (_, group) in enumerate(groupby(found, key=lambda change: change.group)):
        if number:
            write_line()
        for change in group:
            write_folded([(MONEY_MARK if change.money else " " * len(MONEY_MARK)) + change.words])
