"""Parses the query for a report: dimensions and metrics (`switch.report.fields`), period, filter and time zone.

Every refusal says what there is instead. Works without polars.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from routing.expression import BadExpression, Expression, names, parse, type_mismatches
from routing.zone import time_zone
from switch.ledger.columns import Period
from switch.report.fields import (
    ATTEMPT_DIMENSIONS,
    BY_SHORT,
    CAPACITY,
    DEFAULT,
    DIMENSIONS,
    KINDS,
    LOAD,
    METRICS,
    PEAK,
)
from switch.settings.value import nearest

ALL = "all"
EVER = Period()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


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
