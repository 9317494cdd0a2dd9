"""Knows how an answer looks on a terminal: money to the cent, time as m:ss, ratios in per cent. Exact figures are in the files.

Figures that do not fit beside each other go into tables below each other. Does not know how figures are worked out.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table

from routing.expression import Kind
from switch.billing.money import show_micros
from switch.report.answer import Answer
from switch.report.dimension import DIMENSIONS
from switch.report.figure import FIGURES, Unit

NOTHING = "-"
TOTAL = "all"
_CENT_MICROS = 10_000
_MS = 1_000
_MINUTE_S = 60


class AnswerTable:
    """What `rich` prints of an answer."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for figures in self._fitting(console, options):
            yield self._table(figures)

    def _fitting(self, console: Console, options: ConsoleOptions) -> Iterator[Sequence[str]]:
        """The figures in their order, as many to a table as it has room for; at least one."""
        wide = options.update(max_width=10 * options.max_width)
        chosen: list[str] = []
        for name in self._answer.figures:
            table = self._table([*chosen, name])
            if chosen and Measurement.get(console, wide, table).maximum > options.max_width:
                yield chosen
                chosen = []
            chosen.append(name)
        yield chosen

    def _table(self, figures: Sequence[str]) -> Table:
        answer = self._answer
        table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_footer=bool(answer.by))
        totals = answer.totals.row(0, named=True)
        for place, name in enumerate(answer.by):
            justify: Literal["left", "right"] = "right" if DIMENSIONS[name].kind is Kind.NUMBER else "left"
            table.add_column(name.replace("_", " "), TOTAL if place == 0 else "", justify=justify, no_wrap=True)
        for name in figures:
            figure = FIGURES[name]
            table.add_column("\n".join(figure.title.split(" ", 1)), shown(totals[name], figure.unit), justify="right", no_wrap=True)
        for row in answer.rows.iter_rows(named=True):
            told = [_named(row[name]) for name in answer.by]
            table.add_row(*told, *(shown(row[name], FIGURES[name].unit) for name in figures))
        return table


def shown(value: float | None, unit: Unit) -> str:
    """A figure as people read it; money and times are whole numbers."""
    if value is None:
        return NOTHING
    match unit:
        case Unit.CALLS:
            return str(value)
        case Unit.RATIO:
            return f"{value:.1%}"
        case Unit.MS:
            return clock(int(value))
        case Unit.MICROS:
            return show_micros((int(value) * 2 + _CENT_MICROS) // (2 * _CENT_MICROS) * _CENT_MICROS)


def clock(ms: int) -> str:
    """Minutes and whole seconds begun: 1:35."""
    minutes, seconds = divmod(ms // _MS, _MINUTE_S)
    return f"{minutes}:{seconds:02d}"


def _named(value: object) -> str:
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
