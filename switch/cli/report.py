"""The command `payphone report`. What the metrics are and how they are computed: `switch.report`."""

from datetime import datetime
from enum import StrEnum
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from routing.expression import Kind
from routing.zone import time_zone
from switch.billing.money import show_cents
from switch.cli.common import EXIT, AsJson, ConfigDir, app, deployed, fail, from_ledger, ledger_of
from switch.cli.table import figures_table, show, write_file
from switch.ledger.database import Database, ledger_url
from switch.output import Table, progress, write_line, write_lines
from switch.report.query import (
    DIMENSIONS,
    METRICS,
    InvalidQuery,
    ReportQuery,
    Unit,
    parse_dimensions,
    parse_filter,
    parse_metrics,
    parse_period,
    parse_zone,
)
from switch.settings.plan import Deployment
from switch.simulation.period import zone_of

if TYPE_CHECKING:  # polars takes a quarter of a second, and may not be installed
    from switch.report.aggregate import Report

NOTHING = "-"
TOTAL = "all"
PNG = ".png"
_S_US = 1_000_000


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


_ENDINGS = {".txt": Format.TABLE, ".csv": Format.CSV, ".json": Format.JSON, ".jsonl": Format.JSON, ".parquet": Format.PARQUET}
_BY = f"What there is a row for, in any combination: {', '.join(DIMENSIONS)}. Without it: one row of everything."
_WHICH = f"Which metrics, or `all`: {', '.join(metric.short for metric in METRICS.values())}."
_OUT = f"Write it to this file, in the format of its ending: {', '.join(_ENDINGS)}."


@app.command(epilog=EXIT)
def report(
    by: Annotated[str, typer.Option(help=_BY)] = "",
    *,
    metrics: Annotated[str | None, typer.Option(help=_WHICH)] = None,
    start: Annotated[str | None, typer.Option("--from", help="Calls from then on: 2026-03-01 or 2026-03-01T14:00.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Calls before then: the first day that is not included.")] = None,
    where: Annotated[str | None, typer.Option(help="A filter as in the config, about the names above.")] = None,
    zone: Annotated[str | None, typer.Option(help="Whose hours and days. Default: that of most campaigns.")] = None,
    style: Annotated[Format | None, typer.Option("--format", help="Default: by the ending of --out, else table.")] = None,
    path: Annotated[Path | None, typer.Option("--out", help=_OUT)] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw calls, capacity and money to this .png file, too.")] = None,
    config: ConfigDir = Path("config"),
    json_lines: AsJson = False,
) -> None:
    """Report calls, talk time and money by publisher, line, hour or anything else. Works while the switch runs.

    A call counts in every row it belongs to, and once in the totals: two lines tried for one call are two rows and one call.

    \b
    Examples:
      payphone report --by publisher,hour --from 2026-03-01 --to 2026-04-01
      payphone report --by final_state --where 'campaign == auto-quotes and state in [TX, OK]'
      payphone report --by line,day --metrics all --out march.parquet
      payphone report --by hour --metrics incoming,peak,capacity --plot march.png
    """
    style = _style(style, path, json_lines=json_lines)
    _check_installed(plot)
    deployment, _ = deployed(config)
    zone = zone or zone_of(deployment.plan)
    try:
        query = ReportQuery(
            by=parse_dimensions(by),
            metrics=parse_metrics(metrics),
            period=parse_period(start, end, zone=parse_zone(zone)),
            where=parse_filter(where),
            zone=zone,
        )
    except InvalidQuery as error:
        fail(str(error))
    ledger_of(deployment, config=config).close()  # says what to do where there is none yet
    found, *drawn = _run(deployment, query, plot=plot)
    currency = deployment.switch.currency
    if found.first_us is None:
        asked = (("from", start), ("before", end), ("where", where))
        write_line("payphone: no calls " + (" ".join(f"{word} {text}" for word, text in asked if text) or "at all"), err=True)
    try:
        _write(found, style, path, title=f"{_title(found, query, where)}, amounts in {currency}")
        if drawn and plot is not None and found.first_us is not None:
            _draw(drawn, plot, title=_title(found, query, where), currency=currency)
    except OSError as error:
        fail(f"{error.filename or path or plot} can't be written: {error.strerror or error}; choose another file")


def _style(style: Format | None, path: Path | None, *, json_lines: bool) -> Format:
    """The format that is asked for, or that of the file's ending."""
    if json_lines:
        style = Format.JSON
    elif style is None:
        style = _ENDINGS.get(path.suffix.lower()) if path else Format.TABLE
    if style is None:
        fail(f"--out {path}: its ending says no format that there is; take one of {', '.join(_ENDINGS)}, or say --format")
    if style is Format.PARQUET and path is None:
        fail("Parquet is no text: say where to with --out FILE.parquet")
    return style


def _check_installed(plot: Path | None) -> None:
    if plot is not None and plot.suffix.lower() != PNG:
        fail(f"--plot {plot}: pictures are PNG files; name it {plot.with_suffix(PNG) if plot.name else 'report.png'}")
    needed = ("polars",) if plot is None else ("polars", "matplotlib")
    if missing := [name for name in needed if find_spec(name) is None]:
        fail(f"reports need {' and '.join(missing)}: pip install 'payphone[report]'")


def _run(deployment: Deployment, query: ReportQuery, *, plot: Path | None) -> "list[Report]":
    """The report, and the two that a plot is drawn from."""
    from switch.report.aggregate import plot_queries, run_queries
    from switch.report.capacity import Capacity
    from switch.report.live import live_calls

    settings, plan = deployment.switch, deployment.plan
    queries = [query] if plot is None else [query, *plot_queries(query)]
    with progress("reading calls") as read:
        return from_ledger(
            lambda: run_queries(
                Database(ledger_url(settings.data, settings.ledger_url)),
                queries,
                Capacity(table=plan.table, max_calls=plan.max_calls),
                live=lambda: live_calls(settings.data / "journal"),
                progress=read,
            )
        )


def _write(found: "Report", style: Format, path: Path | None, *, title: str) -> None:
    """Raises OSError."""
    match style, path:
        case Format.PARQUET, Path():
            found.write_parquet(path)
        case Format.TABLE, None:
            show(title, _table(found))
        case Format.TABLE, Path():
            write_file(path, title, _table(found))
        case _:
            text = found.csv() if style is Format.CSV else found.json_lines()
            if path is None:
                write_lines(text.splitlines())
            else:
                path.write_text(text)


def _draw(reports: "list[Report]", path: Path, *, title: str, currency: str) -> None:
    """Raises OSError."""
    from switch.report.plot import draw

    over, money = reports
    draw(path, title=title, over=over, money=money, currency=currency)


def _title(found: "Report", query: ReportQuery, where: str | None) -> str:
    """`Calls from 2026-03-01 to 2026-03-31, America/New_York`: as asked for; where no end is given, as far as there are calls."""
    period = query.period
    first_us = found.first_us if period.from_us is None else period.from_us
    last_us = found.last_us if period.to_us is None else period.to_us - 1
    if first_us is None or last_us is None:
        return f"Calls, {query.zone}" if where is None else f"Calls where {where}, {query.zone}"
    clock = time_zone(query.zone)
    first, last = (datetime.fromtimestamp(at_us // _S_US, clock) for at_us in (first_us, last_us))
    by_day = (period.from_us is None or f"{first:%T}" == "00:00:00") and (period.to_us is None or f"{last:%T}" == "23:59:59")
    begin, end = (f"{each:%Y-%m-%d}" if by_day else f"{each:%Y-%m-%d %H:%M:%S}" for each in (first, last))
    when = f"of {begin}" if begin == end else f"from {begin} to {end}"
    return f"Calls {when}, {query.zone}" + ("" if where is None else f", where {where}")


def _table(found: "Report") -> Table:
    """Money to the cent, time as m:ss, ratios in per cent. Exact numbers are in the files."""
    metrics = [METRICS[name] for name in found.metrics]
    totals = [*("" for _ in found.by), *(shown(found.totals[metric.name].item(), metric.unit) for metric in metrics)]
    if found.by:
        totals[0] = TOTAL
    return figures_table(
        names=[name.replace("_", " ") for name in found.by],
        groups=[[metric.title for metric in alike] for _, alike in groupby(metrics, key=lambda metric: metric.unit)],
        rows=[
            [*(_named(row[name]) for name in found.by), *(shown(row[metric.name], metric.unit) for metric in metrics)]
            for row in found.rows.iter_rows(named=True)
        ],
        total=totals if found.by else None,
        right=frozenset(name for name in found.by if DIMENSIONS[name].kind is Kind.NUMBER),
    )


def shown(value: float | None, unit: Unit) -> str:
    """A metric as people read it. Money and times are whole numbers."""
    if value is None:
        return NOTHING
    match unit:
        case Unit.CALLS:
            return str(value)
        case Unit.RATIO:
            return f"{value:.1%}"
        case Unit.MS:
            minutes, seconds = divmod(int(value) // 1_000, 60)
            return f"{minutes}:{seconds:02d}"
        case Unit.MICROS:
            return show_cents(int(value))
        case unknown:
            assert_never(unknown)


def _named(value: object) -> str:
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
