"""How `payphone report` asks for a report and writes it. What the metrics are and how they are computed: `switch.report`."""

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from routing.expression import Kind
from switch.billing.money import show_cents
from switch.cli.common import deployed, fail, from_ledger, ledger_of
from switch.cli.table import figures_table, show, write_file
from switch.deployment import Deployment
from switch.ledger.database import Database, ledger_url
from switch.output import Table, progress, write_folded, write_lines
from switch.period import BadInstant, local_text, parse_period, zone_of
from switch.report.fields import DIMENSIONS, METRICS, Format, Unit
from switch.report.query import InvalidQuery, ReportQuery, parse_dimensions, parse_filter, parse_metrics

if TYPE_CHECKING:  # polars takes a quarter of a second, and may not be installed
    from switch.report.aggregate import Report

NOTHING = "-"
TOTAL = "all"


def write_report(
    config: Path,
    *,
    by: str,
    metrics: str | None,
    start: str | None,
    end: str | None,
    where: str | None,
    zone: str | None,
    style: Format,
    path: Path | None,
    plot: Path | None,
) -> None:
    """Writes the report to `path`, or stdout where that is None, and draws it to `plot`; exit 1 where it can't."""
    deployment, _ = deployed(config)
    try:
        query = ReportQuery(
            by=parse_dimensions(by),
            metrics=parse_metrics(metrics),
            period=parse_period(start, end, zone=zone or zone_of(deployment.plan)),
            where=parse_filter(where),
        )
    except (InvalidQuery, BadInstant) as error:
        fail(str(error))
    ledger_of(deployment, config=config).close()  # says what to do where there is none yet
    found, *drawn = _run(deployment, query, plot=plot)
    currency = deployment.switch.currency
    if found.first_us is None:
        asked = (("from", start), ("before", end), ("where", where))
        write_folded(["payphone: no calls " + (" ".join(f"{word} {text}" for word, text in asked if text) or "at all")], err=True)
    try:
        has_money = any(METRICS[name].unit is Unit.MICROS for name in query.metrics)
        amounts = f", amounts in {currency}, rounded to cents" if has_money else ""
        _write(found, style, path, title=f"{_title(found, query, where)}{amounts}")
        if drawn and plot is not None and found.first_us is not None:
            _draw(drawn, plot, title=_title(found, query, where), currency=currency)
    except OSError as error:
        fail(f"{error.filename or path or plot} can't be written: {error.strerror or error}; choose another file")


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
    first_us = period.from_us if period.has_start else found.first_us
    last_us = period.to_us - 1 if period.has_end else found.last_us
    if first_us is None or last_us is None:
        return f"Calls, {period.zone}" if where is None else f"Calls where {where}, {period.zone}"
    first, last = (local_text(at_us, period.zone) for at_us in (first_us, last_us))
    if (not period.has_start or first.endswith("00:00:00")) and (not period.has_end or last.endswith("23:59:59")):
        first, last = first.split(" ")[0], last.split(" ")[0]
    when = f"of {first}" if first == last else f"from {first} to {last}"
    return f"Calls {when}, {period.zone}" + ("" if where is None else f", where {where}")


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
        case Unit.FEW_MS:
            return f"{value:.1f} ms"
        case Unit.MOS:
            return f"{value:.2f}"
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
