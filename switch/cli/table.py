"""Tables that stay readable: on a terminal as wide as it is, in a pipe or a file as wide as they are, and there without colour.

Columns that do not fit beside each other go into tables below each other, each with the names of its rows; no name is cut off.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

UNBOUNDED = 100_000
"""Columns of a pipe or a file."""
MIN_NAME = 14
"""Columns that a name has, however narrow the terminal is: there it goes on in the next line."""
_GAP = 1

Cells = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedTable:
    """What `rich` prints. A row is as many cells as `names` and `groups` have headings.

    `names`: headings of the columns that say what a row is about. `groups`: headings of the others; a group is never torn apart.
    `total`: a last row, or None. `right`: names that are numbers.
    """

    names: Cells
    groups: Sequence[Cells]
    rows: Sequence[Cells]
    total: Cells | None = None
    right: frozenset[str] = frozenset()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for columns in self._fitting(options.max_width):
            yield self._table(columns)
            yield ""

    def _fitting(self, width: int) -> Iterator[list[int]]:
        """The columns of each table beside the names, by number: as many groups as there is room for, and at least one."""
        names = min(self._wide(range(len(self.names))), width // 2)  # longer ones are folded
        room = width + _GAP - names  # no gap after the last column
        chosen: list[int] = []
        for group in self._groups(room):
            if chosen and self._wide([*chosen, *group]) > room:
                yield chosen
                chosen = []
            chosen += group
        yield chosen

    def _groups(self, room: int) -> Iterator[Sequence[int]]:
        """Columns by number. A group that is too wide by itself comes column by column."""
        start = len(self.names)
        for headings in self.groups:
            group = range(start, start + len(headings))
            start = group.stop
            yield from [group] if self._wide(group) <= room else ([column] for column in group)

    def _wide(self, columns: Iterable[int]) -> int:
        return sum(self._width(column) + _GAP for column in columns)

    def _width(self, column: int) -> int:
        heading = max(map(cell_len, self._heading(column).split("\n")))
        return max(heading, *(cell_len(row[column]) for row in self._all_rows()), 0)

    def _all_rows(self) -> Sequence[Cells]:
        return self.rows if self.total is None else (*self.rows, self.total)

    def _heading(self, column: int) -> str:
        return (*self.names, *(heading for group in self.groups for heading in group))[column]

    def _table(self, columns: Sequence[int]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False, show_footer=self.total is not None)
        shown = [*range(len(self.names)), *columns]
        for column in shown:
            heading = Text(self._heading(column))
            footer = Text("" if self.total is None else self.total[column])
            if column < len(self.names):
                justify = "right" if self.names[column] in self.right else "left"
                table.add_column(heading, footer, justify=justify, overflow="fold", min_width=min(MIN_NAME, self._width(column)))  # type: ignore[arg-type]
            else:
                table.add_column(heading, footer, justify="right", no_wrap=True)
        for row in self.rows:
            table.add_row(*(Text(row[column]) for column in shown))
        return table


def show(*what: FittedTable | str, file: IO[str] | None = None) -> None:
    """Prints tables and lines of text, to stdout unless to a file."""
    is_bounded = file is None and (sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit())
    console = Console(file=file, width=None if is_bounded else UNBOUNDED, highlight=False, markup=False)
    for each in what:
        console.print(each, soft_wrap=isinstance(each, str))
