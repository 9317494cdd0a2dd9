"""The commands `payphone numbers ...`: tracking numbers from a spreadsheet to the config, and back."""

from pathlib import Path
from typing import Annotated

import typer

from switch.cli.common import DEFAULT_CONFIG, EXIT, ConfigDir, app, count, fail, loaded_config, show_problem
from switch.output import Styled, write_folded, write_lines

__all__ = ["app", "numbers"]

MAX_SHOWN = 1_000
MAX_FILE_BYTES = 16 * 1024 * 1024

numbers = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Bring tracking numbers from a spreadsheet to the config, and back.

    \b
    Examples:
      payphone numbers export >numbers.csv
      payphone numbers import numbers.csv
      payphone numbers import numbers.csv --write
    """,
    epilog=EXIT,
)
app.add_typer(numbers, name="numbers")

CsvFile = Annotated[Path, typer.Argument(help="CSV with a line of columns: number, publisher, campaign, and others.")]


@numbers.command("import", epilog="Exit 0: done, or shown; 1: a row is refused, and nothing is written; 2: wrong usage.")
def import_numbers(
    file: CsvFile,
    *,
    config: ConfigDir = DEFAULT_CONFIG,
    write: Annotated[bool, typer.Option("--write", help="Write the config; without it, only what would change is shown.")] = False,
) -> None:
    """Show what a CSV of tracking numbers changes in the config, or write it.

    Columns: number, publisher, campaign, state, show_ani, answer, cap, tag.NAME. An empty cell takes the key out of the number; a column
    that is not there changes nothing, nor does a number that is not in the file. Numbers without + are of North America. What a spreadsheet
    made of a number is put right, or refused where digits are lost. It is all or nothing: one refused row, and no file is written.

    \b
    Examples:
      payphone numbers import numbers.csv
      payphone numbers import numbers.csv --write
    """
    from switch.cli.number_changes import NotImported, change_of, changed_files, objections, text_of, write_files
    from switch.cli.number_csv import BadCell, read_numbers

    document = loaded_config(config).document
    if document is None:
        raise AssertionError("loaded_config lets no such config pass")
    try:
        found = read_numbers(_content(file))
    except BadCell as error:
        fail(f"{file}: {error}")
    refused = [*found.refused]
    for row in found.rows:
        refused += [(row.line, f"{row.number}: {why}") for why in objections(row, document)]
    for line, why in sorted(refused):
        write_folded([f"{file}:{line}  {why}"], err=True)
    if refused:
        fail(f"{count(len({line for line, _ in refused}), 'row')} refused: nothing is written")
    changes = [change for row in found.rows if (change := change_of(row, document))]
    try:
        files = changed_files(config, changes) if changes else []
        if write:
            write_files(files)
    except NotImported as error:
        for problem in error.problems:
            show_problem(problem, err=True)
        fail(f"{error}: nothing is written")
    except OSError as error:
        fail(f"{error.filename or config} can't be written: {error.strerror or error}; the config is as it was")
    added = sum(change.before is None for change in changes)
    marks = [("+ " if change.before is None else "~ ") + text_of(change) for change in changes]
    write_folded(marks[:MAX_SHOWN])
    if len(marks) > MAX_SHOWN:
        write_folded([f"and {len(marks) - MAX_SHOWN} more"])
    verb = "" if write else "to be "
    left = len(document.numbers) - (len(changes) - added)
    names = ", ".join(each.path.name for each in files)
    where = f" in {names}" if names else ""
    write_folded([f"{config}: {added} {verb}added, {len(changes) - added} {verb}changed{where}; {left} left as they are"])
    if changes and not write:
        write_folded([Styled("nothing is written yet: add --write", "dim")])


@numbers.command("export", epilog=EXIT)
def export_numbers(config: ConfigDir = DEFAULT_CONFIG) -> None:
    """Write the tracking numbers of the config as CSV, as import takes it.

    `caps` of a number have no column: import leaves them as they are.

    \b
    Examples:
      payphone numbers export >numbers.csv
      payphone numbers export --config /etc/payphone
    """
    from switch.cli.number_changes import fields_of
    from switch.cli.number_csv import BadCell, write_numbers

    document = loaded_config(config).document
    if document is None:
        raise AssertionError("loaded_config lets no such config pass")
    try:
        text = write_numbers({number: fields_of(entry) for number, entry in document.numbers.items()})
    except BadCell as error:
        fail(str(error))
    write_lines(text.splitlines())
    if capped := [number for number, entry in document.numbers.items() if entry.caps]:
        write_folded(
            [f"payphone: {count(len(capped), 'number')} with `caps`, which have no column: {', '.join(capped[:5])}"], err=True
        )


def _content(file: Path) -> bytes:
    try:
        if not file.is_file():
            fail(f"there is no file {file}")
        if file.stat().st_size > MAX_FILE_BYTES:
            fail(f"{file} is too large: at most {MAX_FILE_BYTES // 1024**2} MiB")
        return file.read_bytes()
    except OSError as error:
        fail(f"{file} can't be read: {error.strerror}")
