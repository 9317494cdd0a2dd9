"""What a report can say, and the query for one: dimensions (its rows), metrics (its columns), period, filter and time zone.

Reads a query from what people type; every refusal says what there is instead. Works without polars, so that `--help` starts at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from routing.expression import BadExpression, Expression, Kind, names, parse, type_mismatches
from routing.zone import time_zone
from switch.ledger.columns import Period
from switch.settings.value import nearest

ALL = "all"
EVER = Period()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Of(StrEnum):
    """What a dimension is of. One of an attempt has a value for every line that was dialled for a call."""

    CALL = "call"
    ATTEMPT = "attempt"
    TIME = "time"
    """Of a call, too: when its INVITE came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """What calls are grouped and filtered by."""

    name: str
    kind: Kind = Kind.TEXT
    of: Of = Of.CALL


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DIMENSIONS = (
    Dimension(name="publisher"),
    Dimension(name="campaign"),
    Dimension(name="advertiser", of=Of.ATTEMPT),
    Dimension(name="line", of=Of.ATTEMPT),
    Dimension(name="number"),
    Dimension(name="trunk"),
    Dimension(name="state"),
    Dimension(name="hour", kind=Kind.NUMBER, of=Of.TIME),
    Dimension(name="day", of=Of.TIME),
    Dimension(name="weekday", of=Of.TIME),
    Dimension(name="final_state"),
    Dimension(name="ended_by"),
    Dimension(name="near_miss", kind=Kind.TRUTH),
)
DIMENSIONS = {dimension.name: dimension for dimension in _DIMENSIONS}
KINDS = {dimension.name: dimension.kind for dimension in _DIMENSIONS}
CALL_DIMENSIONS, ATTEMPT_DIMENSIONS, TIME_DIMENSIONS = (
    frozenset(dimension.name for dimension in _DIMENSIONS if dimension.of is of) for of in Of
)


class Unit(StrEnum):
    CALLS = "calls"
    RATIO = "ratio"
    MS = "ms"
    MICROS = "micros"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """`name`: of its column in files, the unit at its end. `title`: the heading of its column in a table, in one or two lines."""

    name: str
    title: str
    unit: Unit = Unit.CALLS

    @property
    def short(self) -> str:
        """Its name as it may be asked for, without the unit."""
        return self.name.removesuffix("_ms").removesuffix("_micros").removesuffix("_calls")


PEAK, CAPACITY, LOAD = "peak_calls", "capacity_calls", "peak_of_capacity"
_METRICS = (  # what each means: docs/guide-reports.md
    Metric(name="incoming", title="incoming"),
    Metric(name="live", title="live"),
    Metric(name="connected", title="connected"),
    Metric(name="converted", title="converted"),
    Metric(name="paid", title="paid"),
    Metric(name="near_misses", title="near\nmisses"),
    Metric(name="conversion_of_connected", title="conv. of\nconnected", unit=Unit.RATIO),
    Metric(name="conversion_of_incoming", title="conv. of\nincoming", unit=Unit.RATIO),
    Metric(name="connected_mean_ms", title="mean\ntalk", unit=Unit.MS),
    Metric(name="connected_p50_ms", title="p50\ntalk", unit=Unit.MS),
    Metric(name="connected_p90_ms", title="p90\ntalk", unit=Unit.MS),
    Metric(name="revenue_micros", title="revenue", unit=Unit.MICROS),
    Metric(name="payout_micros", title="payout", unit=Unit.MICROS),
    Metric(name="cost_micros", title="carrier\ncost", unit=Unit.MICROS),
    Metric(name="margin_micros", title="margin", unit=Unit.MICROS),
    Metric(name="revenue_per_call_micros", title="revenue\nper call", unit=Unit.MICROS),
    Metric(name="revenue_per_incoming_micros", title="revenue\nper incoming", unit=Unit.MICROS),
    Metric(name="revenue_per_connected_micros", title="revenue\nper connected", unit=Unit.MICROS),
    Metric(name="cost_per_acquisition_micros", title="cost\nper acquisition", unit=Unit.MICROS),
    Metric(name=PEAK, title="peak"),
    Metric(name=CAPACITY, title="capacity"),
    Metric(name=LOAD, title="peak of\ncapacity", unit=Unit.RATIO),
)
METRICS = {metric.name: metric for metric in _METRICS}
BY_SHORT = {metric.short: metric for metric in _METRICS}
DEFAULT = (
    *("incoming", "connected", "converted", "conversion_of_connected"),
    *("revenue_micros", "payout_micros", "margin_micros"),
)
"""How we are doing, in eighty columns with one or two dimensions."""


class InvalidQuery(Exception):
    """Says what is wrong with it, and what there is instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQuery:
    """`by`: dimensions, none for one row of everything. `metrics`: names of columns. `zone`: IANA, of hours and days.

    `where`: only calls, and attempts, for which it holds; None: all.
    """

    by: tuple[str, ...]
    metrics: tuple[str, ...] = DEFAULT
    period: Period = EVER
    where: Expression | None = None
    zone: str = "UTC"

    @property
    def dimensions(self) -> tuple[str, ...]:
        """All that have to be read, each once."""
        filtered = names(self.where) if self.where is not None else frozenset()
        return tuple(dict.fromkeys((*self.by, *sorted(filtered))))

    @property
    def per_attempt(self) -> bool:
        """Whether a call counts by the lines that were dialled for it."""
        return not ATTEMPT_DIMENSIONS.isdisjoint(self.dimensions)

    @property
    def wants_peaks(self) -> bool:
        return not {PEAK, LOAD}.isdisjoint(self.metrics)

    @property
    def wants_capacity(self) -> bool:
        return not {CAPACITY, LOAD}.isdisjoint(self.metrics)


def parse_dimensions(text: str) -> tuple[str, ...]:
    """`publisher,hour`; each once. Raises InvalidQuery."""
    words = tuple(dict.fromkeys(_words(text)))
    for word in words:
        if word not in DIMENSIONS:
            raise InvalidQuery(_unknown("dimension", word, DIMENSIONS))
    return words


def parse_metrics(text: str | None) -> tuple[str, ...]:
    """`revenue,connected_p50`, with or without the unit at the end; `all`; None: those that are shown by default. Raises InvalidQuery."""
    if text is None:
        return DEFAULT
    if text.strip() == ALL:
        return tuple(METRICS)
    found = []
    for word in _words(text):
        metric = METRICS.get(word) or BY_SHORT.get(word)
        if metric is None:
            raise InvalidQuery(_unknown("metric", word, (*BY_SHORT, ALL)))
        found.append(metric.name)
    return tuple(dict.fromkeys(found)) or DEFAULT


def parse_filter(text: str | None) -> Expression | None:
    """`publisher == radio-one and state in [TX, OK]`: the language of filters, about dimensions. Raises InvalidQuery."""
    if text is None:
        return None
    try:
        expression = parse(text)
    except BadExpression as error:
        expected = f"; expected {error.expected}" if error.expected else ""
        raise InvalidQuery(f"--where, column {error.column + 1}: {error.message}{expected}") from error
    for misfit in type_mismatches(expression, KINDS):
        if misfit.name is not None:
            raise InvalidQuery(f"--where, column {misfit.column + 1}: {_unknown('dimension', misfit.name, DIMENSIONS)}")
        raise InvalidQuery(f"--where, column {misfit.column + 1}: {misfit.message}")
    return expression


def parse_period(start: str | None, end: str | None, *, zone: str) -> Period:
    """From the first instant of `start` to the first of `end`: dates or date and time of the zone's clocks, unless they say their own.

    Raises InvalidQuery.
    """
    period = Period(from_us=_instant_us("--from", start, zone=zone), to_us=_instant_us("--to", end, zone=zone))
    if period.from_us is not None and period.to_us is not None and period.from_us >= period.to_us:
        raise InvalidQuery(f"--from {start} is not before --to {end}, which is not included itself")
    return period


def parse_zone(name: str) -> str:
    """The name of an IANA zone. Raises InvalidQuery."""
    try:
        time_zone(name)
    except KeyError as error:
        raise InvalidQuery(f"--zone: no time zone {name!r}; one is America/New_York") from error
    return name


def _instant_us(option: str, text: str | None, *, zone: str) -> int | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidQuery(f"{option}: {text!r} is no date; such as 2026-03-01 or 2026-03-01T14:00") from error
    local = instant if instant.tzinfo is not None else instant.replace(tzinfo=time_zone(zone))
    return (local - _EPOCH) // _MICROSECOND


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _unknown(what: str, word: str, known: Iterable[str]) -> str:
    options = tuple(known)
    hint = nearest(word, options)
    return f'unknown {what} "{word}"' + (f"; {hint}" if hint else "") + f"; there are {', '.join(options)}"
