"""Knows how an answer looks on a terminal: money to the cent, time as m:ss, ratios in per cent. Exact figures are in the files.

Figures that do not fit beside each other go into tables below each other. Does not know how figures are worked out.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from routing.expression import Kind
from switch.billing.money import show_cents
from switch.output import Column, Table
from switch.report.answer import Answer
from switch.report.dimension import DIMENSIONS
from switch.report.figure import FIGURES, Unit

NOTHING = "-"
TOTAL = "all"
_MS = 1_000
_MINUTE_S = 60


def table_of(answer: Answer) -> Table:
    """A row for each part, and one of everything at the end."""
    keys = [Column(name.replace("_", " "), right=DIMENSIONS[name].kind is Kind.NUMBER, key=True) for name in answer.by]
    table = Table([*keys, *(Column(FIGURES[name].title.split(" ", 1), right=True) for name in answer.figures)])
    for row in answer.rows.iter_rows(named=True):
        table.add_row(*(_named(row[name]) for name in answer.by), *_figures(answer, row))
    if answer.by:
        table.add_row(TOTAL, *("" for _ in answer.by[1:]), *_figures(answer, answer.totals.row(0, named=True)), style="bold")
    return table


def _figures(answer: Answer, row: Mapping[str, Any]) -> Iterator[str]:
    return (shown(row[name], FIGURES[name].unit) for name in answer.figures)


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
            return show_cents(int(value))


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
