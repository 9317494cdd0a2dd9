"""The page Figures: what `payphone report` reports, of any span and by any dimension, with plots, and as CSV or Parquet."""

from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from switch.period import HOUR_US, BadInstant, Period, days, parse_period
from switch.report.fields import CAPACITY, DEFAULT, DIMENSIONS, LOAD, METRICS, PEAK, QUALITY, Metric, Unit
from switch.report.query import InvalidQuery, ReportQuery, parse_dimensions, parse_filter
from switch.web.pages import NOTHING, amount, page, sight, span
from switch.web.sight import Sight
from switch.web.site import Site
from switch.web.zones import zone_of_request

if TYPE_CHECKING:
    from switch.report.aggregate import Report

DAY_US = 24 * HOUR_US
SPANS = {"today": "today", "yesterday": "yesterday", "7d": "last 7 days", "30d": "last 30 days", "custom": "from … to"}
SETS: dict[str, tuple[str, ...]] = {
    "overview": DEFAULT,
    "talk": (
        "incoming",
        "connected",
        "conversion_of_incoming",
        "connected_mean_ms",
        "connected_p50_ms",
        "connected_p90_ms",
        "near_misses",
    ),
    "money": (
        *("converted", "paid", "revenue_micros", "payout_micros", "cost_micros", "margin_micros"),
        *("revenue_per_call_micros", "revenue_per_incoming_micros", "cost_per_acquisition_micros"),
    ),
    "capacity": ("incoming", "connected", PEAK, CAPACITY, LOAD),
    "quality": ("connected", *QUALITY),
}
COUNTS = ("incoming", "connected", "converted")
AMOUNTS = ("revenue_micros", "payout_micros", "margin_micros")
MANY_DAYS_US = 2 * DAY_US
"""A longer span is plotted by day, a shorter one by hour of the day."""
MAX_ROWS = 500
"""On the page; files have all."""
NO_REPORTS = "Figures take the extra `report`: pip install 'payphone[report]'"


def add_figures(app: FastAPI, site: Site) -> None:
    @app.get("/figures")
    async def figures(request: Request) -> Response:
        seen, told = sight(request), dict(request.query_params)
        if not seen.is_whole:
            told.pop("where", None)
        try:
            query = _query(told, seen, zone=zone_of_request(request), now_us=site.now_us())
            report, over = await site.ask(partial(_run, site, query, seen))
        except (InvalidQuery, BadInstant) as error:
            return page(request, "figures.html", **_form(told, seen), report=None, why=str(error), plots=[])
        except ModuleNotFoundError:
            return page(request, "figures.html", **_form(told, seen), report=None, why=NO_REPORTS, plots=[])
        match told.get("as"):
            case "csv":
                return _file(report.csv().encode(), "text/csv; charset=utf-8", "figures.csv")
            case "parquet":
                return _file(await site.ask(partial(_parquet, report)), "application/vnd.apache.parquet", "figures.parquet")
        values: dict[str, Any] = {"report": _table(report), "why": None, "plots": _plots(over), "period": query.period}
        return page(request, "figures.html", **_form(told, seen), **values, currency=site.deployment.switch.currency)


def _query(told: dict[str, str], seen: Sight, *, zone: str, now_us: int) -> ReportQuery:
    """Raises InvalidQuery, BadInstant. What a user may not see is left out of what it asks for."""
    by = parse_dimensions(",".join(filter(None, (told.get("by", ""), told.get("and", "")))))
    forbidden = [name for name in by if name not in seen.dimensions(tuple(DIMENSIONS))]
    if forbidden:
        raise InvalidQuery(f"there are no figures by {forbidden[0]} for you")
    metrics = SETS.get(told.get("show", "overview"), DEFAULT)
    where = parse_filter(seen.where or told.get("where") or None)
    return ReportQuery(by=by, metrics=_allowed(metrics, seen), period=_period(told, zone=zone, now_us=now_us), where=where)


def _allowed(metrics: tuple[str, ...], seen: Sight) -> tuple[str, ...]:
    return metrics if seen.is_whole else seen.metrics(tuple(METRICS))


def _period(told: dict[str, str], *, zone: str, now_us: int) -> Period:
    match told.get("span", "today"):
        case "yesterday":
            today = days(now_us, 1, zone=zone)
            return replace(days(today.from_us - HOUR_US, 1, zone=zone))
        case "7d":
            return replace(days(now_us - 6 * DAY_US, 7, zone=zone))
        case "30d":
            return replace(days(now_us - 29 * DAY_US, 30, zone=zone))
        case "custom":
            return parse_period(told.get("from") or None, told.get("to") or None, zone=zone, options=("from", "to"))
        case _:
            return days(now_us, 1, zone=zone)


def _run(site: Site, query: ReportQuery, seen: Sight) -> "tuple[Report, Report]":
    """The report, and the one that is plotted over time."""
    from switch.report.aggregate import run_queries  # noqa: PLC0415 polars may not be installed
    from switch.report.capacity import Capacity  # noqa: PLC0415
    from switch.report.live import live_calls  # noqa: PLC0415

    deployment = site.deployment
    table, data = deployment.plan.table, deployment.switch.data
    is_long = query.period.to_us - query.period.from_us > MANY_DAYS_US
    over = replace(query, by=("day" if is_long else "hour",), metrics=_allowed((*COUNTS, *AMOUNTS), seen))
    reports = run_queries(
        site.ledger.database,
        [query, over],
        Capacity(table=table, max_calls=deployment.plan.max_calls),
        live=lambda: live_calls(data / "journal"),
    )
    return reports[0], reports[1]


def _parquet(report: "Report") -> bytes:
    found = BytesIO()
    report.rows.write_parquet(found)
    return found.getvalue()


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _form(told: dict[str, str], seen: Sight) -> dict[str, Any]:
    return {
        "told": {"span": "today", "by": "", "and": "", "show": "overview", "where": "", "from": "", "to": "", **told},
        "spans": SPANS,
        "dimensions": seen.dimensions(tuple(DIMENSIONS)),
        "sets": list(SETS) if seen.is_whole else [],
    }


def _table(report: "Report") -> dict[str, Any]:
    metrics = [METRICS[name] for name in report.metrics]
    rows = report.rows.head(MAX_ROWS).iter_rows(named=True)
    return {
        "by": report.by,
        "metrics": metrics,
        "rows": [([_named(row[name]) for name in report.by], [shown(row[each.name], each) for each in metrics]) for row in rows],
        "totals": [shown(report.totals[each.name].item(), each) for each in metrics],
        "left_out": max(0, report.rows.height - MAX_ROWS),
        "empty": report.first_us is None,
    }


def _named(value: object) -> str:
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def shown(value: float | None, metric: Metric) -> str:
    """A metric as people read it."""
    if value is None:
        return NOTHING
    match metric.unit:
        case Unit.RATIO:
            return f"{value:.1%}"
        case Unit.MS:
            return span(int(value))
        case Unit.MICROS:
            return amount(int(value))
        case Unit.FEW_MS:
            return f"{value:.1f} ms"
        case Unit.MOS:
            return f"{value:.2f}"
        case _:
            return f"{value:,}"


def _plots(over: "Report") -> list[dict[str, Any]]:
    """Returns what uPlot draws: counts, and amounts in whole units of the currency."""
    (by,) = over.by
    places = [str(each) for each in over.rows[by]]
    found = []
    for title, names, scale in (("calls", COUNTS, 1), ("money", AMOUNTS, 1_000_000)):
        there = [name for name in names if name in over.metrics]
        series = [{"label": METRICS[name].title, "values": [value / scale for value in over.rows[name]]} for name in there]
        if series and places:
            found.append({"title": f"{title} by {by}", "places": places, "series": series})
    return found
