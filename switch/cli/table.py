"""Tables of `report`, `replay` and `simulate`: names of rows, then groups of figures, then perhaps a total. Drawn by `switch.output`."""

from collections.abc import Sequence
from pathlib import Path

from switch.output import Column, Table, write_folded

Cells = Sequence[str]


def figures_table(
    *, names: Cells, groups: Sequence[Cells], rows: Sequence[Cells], total: Cells | None = None, right: frozenset[str] = frozenset()
) -> Table:
    """`names`: headings of the columns that say what a row is about. `groups`: headings of the others. A row is as many cells as both have
    headings. `total`: a last row, or None. `right`: names that are numbers."""
    keys = [Column(name, right=name in right, key=True) for name in names]
    table = Table([*keys, *(Column(heading.split("\n"), right=True) for group in groups for heading in group)])
    for row in rows:
        table.add_row(*row)
    if total is not None:
        table.add_row(*total, style="bold")
    return table


def show(*what: Table | str) -> None:
    """Writes tables and lines of text to stdout, folded to the width of the terminal."""
    for each in what:
        if isinstance(each, str):
            write_folded([each])
        else:
            each.show()


def write_file(path: Path, *what: Table | str) -> None:
    """Writes the same to a file, tables as wide as they are. Raises OSError."""
    lines = [line for each in what for line in ([each] if isinstance(each, str) else [drawn.text for drawn in each.lines(None)])]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
