"""Draws a report as a picture: calls and their outcomes, peak concurrency against capacity, money. Needs no screen."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

from switch.billing.money import MICROS
from switch.output import clean
from switch.report.aggregate import Report
from switch.report.fields import CAPACITY, PEAK

NOTHING = "none"
MOST_BARS = 40
MOST_NAMES = 12
TITLE_WIDTH = 90
MOST_TITLE, MOST_LABEL = 300, 40
"""Characters that are drawn of a title and of a name."""
_CROWDED = 100
_MOST_LABELS = 31
_SERIES = {"converted": "#1a7f5a", "connected, not converted": "#8cc7ae", "not connected": "#d5d9de"}
_MONEY = {"revenue_micros": ("revenue", "#2f5d8a"), "payout_micros": ("payout", "#e0a458"), "margin_micros": ("margin", "#1a7f5a")}
_PEAK, _CAPACITY = "#6b7a8f", "#c0392b"
_STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # a name with dollar signs is no formula
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#e6e8eb",
    "axes.edgecolor": "#9aa3ad",
    "xtick.color": "#4a535d",
    "ytick.color": "#4a535d",
    "ytick.left": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlepad": 12,
}


def draw(path: Path, *, title: str, over: Report, money: Report, currency: str) -> None:
    """A PNG file. `over`: a report by one dimension, for the calls; `money`: by one, maybe the same. Raises OSError."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph ")  # of what the font can't write it draws a box
        spaced = ConstrainedLayoutEngine(h_pad=0.15, w_pad=0.2, hspace=0.02, rect=(0.01, 0.01, 0.98, 0.98))
        figure = Figure(figsize=(12, 13), dpi=110, layout=spaced)
        FigureCanvasAgg(figure)
        calls_axes, peak_axes, money_axes = figure.subplots(3, 1, height_ratios=(4, 3, 4))
        figure.suptitle(_title(title), x=0.03, ha="left", fontsize=14, fontweight="bold")
        _calls(calls_axes, over)
        _against_capacity(peak_axes, over)
        _money(money_axes, money, currency=currency)
        with path.open("wb") as file:
            figure.savefig(file, format="png")


def _title(text: str) -> str:
    return "\n".join(wrap(_short(text, MOST_TITLE), TITLE_WIDTH))


def _calls(axes: Axes, report: Report) -> None:
    rows = _rows(report)
    converted = [row["converted"] for row in rows]
    short = [row["connected"] - row["converted"] for row in rows]
    unconnected = [row["incoming"] - row["connected"] for row in rows]
    bottom = [0] * len(rows)
    for (label, colour), heights in zip(_SERIES.items(), (converted, short, unconnected), strict=True):
        axes.bar(range(len(rows)), heights, bottom=bottom, color=colour, width=0.8, label=label)
        bottom = [below + height for below, height in zip(bottom, heights, strict=True)]
    axes.set_title(f"Incoming calls by {_words(report)}")
    _finish(axes, report, rows)


def _against_capacity(axes: Axes, report: Report) -> None:
    rows = _rows(report)
    axes.bar(range(len(rows)), [row[PEAK] for row in rows], color=_PEAK, width=0.8, label="most at once")
    limits = [row[CAPACITY] for row in rows]
    if any(limit is not None for limit in limits):
        heights = [float("nan") if limit is None else limit for limit in limits]
        edges = [place - 0.5 for place in range(len(rows) + 1)]
        axes.stairs(heights, edges, baseline=None, color=_CAPACITY, linewidth=2, label="capacity by today's caps")
        _label_capacity(axes, limits)
        axes.margins(y=0.15)  # room for the number above it
    against = "against capacity" if any(limit is not None for limit in limits) else "which no cap bounds"
    axes.set_title(f"Most attempts at once by {_words(report)}, {against}")
    _finish(axes, report, rows)


def _label_capacity(axes: Axes, limits: Sequence[int | None]) -> None:
    """The number above each stretch of the line that is level, at its first bar."""
    before: int | None = None
    for place, limit in enumerate(limits):
        if limit is not None and limit != before:
            axes.annotate(
                f"capacity {limit:,}" if before is None else f"{limit:,}",
                (place - 0.5, limit),
                xytext=(2, 5),
                textcoords="offset points",
                color=_CAPACITY,
                fontsize=9,
                fontweight="bold",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
            )
        before = limit


def _money(axes: Axes, report: Report, *, currency: str) -> None:
    rows = _rows(report)
    width = 0.8 / len(_MONEY)
    for number, (name, (label, colour)) in enumerate(_MONEY.items()):
        places = [place + (number - 1) * width for place in range(len(rows))]
        axes.bar(places, [row[name] / MICROS for row in rows], color=colour, width=width * 0.94, label=label)
    axes.axhline(0, color="#9aa3ad", linewidth=0.8)
    axes.set_title(f"Money by {_words(report)}, {currency}")
    _finish(axes, report, rows)


def _finish(axes: Axes, report: Report, rows: Sequence[dict[str, Any]]) -> None:
    """Names below, a legend above, whole numbers with separators beside."""
    names = _labels(report, rows)
    crowded = sum(max(map(len, name.split("\n"))) for name in names) > _CROWDED
    step = -(-len(names) // _MOST_LABELS)
    axes.set_xticks(range(0, len(names), step), names[::step], rotation=35 if crowded else 0, ha="right" if crowded else "center")
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.tick_params(axis="x", length=0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=3, frameon=False, borderaxespad=0)


def _rows(report: Report) -> list[dict[str, Any]]:
    """All hours of the day, also those without calls; of names, those with the most revenue; of days, the last."""
    rows = list(report.rows.iter_rows(named=True))
    match report.by:
        case ("hour",):
            by_hour = {row["hour"]: row for row in rows}
            nothing = {name: 0 for name in report.metrics if name != CAPACITY}
            limit = rows[0][CAPACITY] if rows else None
            return [by_hour.get(hour, {"hour": hour, CAPACITY: limit, **nothing}) for hour in range(24)]
        case ("day",) | ("weekday",):
            return rows[-MOST_BARS:]
        case _:
            return sorted(rows, key=lambda row: (-row["revenue_micros"], -row["incoming"]))[:MOST_NAMES]


def _words(report: Report) -> str:
    name = report.by[0]
    return "hour of the day" if name == "hour" else name.replace("_", " ")


def _labels(report: Report, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Days without their year where it is one year's; final states as words."""
    name = report.by[0]
    labels = [_label(row[name]) for row in rows]
    if name == "day" and len({label[:4] for label in labels}) == 1:
        return [label[5:] for label in labels]
    return [label.replace("_", "\n") for label in labels] if name == "final_state" else labels


def _label(value: object) -> str:
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:02d}"
        case _:
            return _short(str(value), MOST_LABEL)


def _short(text: str, most: int) -> str:
    """Returns the first `most` characters of what came from the wire, a config or a question, and none that is not to be seen."""
    seen = clean(text[: most + 1])
    return seen if len(seen) <= most else f"{seen[: most - 1]}…"
