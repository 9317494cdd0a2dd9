"""Knows what a report can be asked, and reads it from what people type. Does not answer it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from routing.expression import BadExpression, Expression, names, parse, type_mismatches
from routing.zone import time_zone
from switch.ledger.columns import Period
from switch.report.dimension import ATTEMPT_DIMENSIONS, DIMENSIONS, KINDS
from switch.report.figure import BY_SHORT, CAPACITY, DEFAULT, FIGURES, LOAD, PEAK
from switch.settings.value import nearest

ALL = "all"
EVER = Period()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class BadQuestion(Exception):
    """What was asked can't be: says why, and what could be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`by`: dimensions, none for one row of everything. `figures`: names of columns. `zone`: IANA, of hours and days.

    `where`: only calls, and attempts, of which it holds; None: all.
    """

    by: tuple[str, ...]
    figures: tuple[str, ...] = DEFAULT
    period: Period = EVER
    where: Expression | None = None
    zone: str = "UTC"

    @property
    def dimensions(self) -> tuple[str, ...]:
        """All that have to be known, each once."""
        asked = names(self.where) if self.where is not None else frozenset()
        return tuple(dict.fromkeys((*self.by, *sorted(asked))))

    @property
    def per_attempt(self) -> bool:
        """Whether a call counts by the lines that were dialled for it."""
        return not ATTEMPT_DIMENSIONS.isdisjoint(self.dimensions)

    @property
    def wants_peaks(self) -> bool:
        return not {PEAK, LOAD}.isdisjoint(self.figures)

    @property
    def wants_capacity(self) -> bool:
        return not {CAPACITY, LOAD}.isdisjoint(self.figures)


def dimensions_of(text: str) -> tuple[str, ...]:
    """`publisher,hour`; each once. Raises BadQuestion."""
    words = tuple(dict.fromkeys(_words(text)))
    for word in words:
        if word not in DIMENSIONS:
            raise BadQuestion(_unknown("dimension", word, DIMENSIONS))
    return words


def figures_of(text: str | None) -> tuple[str, ...]:
    """`revenue,connected_p50`, with or without the unit at the end; `all`; None: those that are shown by default. Raises BadQuestion."""
    if text is None:
        return DEFAULT
    if text.strip() == ALL:
        return tuple(FIGURES)
    found = []
    for word in _words(text):
        figure = FIGURES.get(word) or BY_SHORT.get(word)
        if figure is None:
            raise BadQuestion(_unknown("figure", word, (*BY_SHORT, ALL)))
        found.append(figure.name)
    return tuple(dict.fromkeys(found)) or DEFAULT


def filter_of(text: str | None) -> Expression | None:
    """`publisher == radio-one and state in [TX, OK]`: the language of filters, about dimensions. Raises BadQuestion."""
    if text is None:
        return None
    try:
        expression = parse(text)
    except BadExpression as error:
        expected = f"; expected {error.expected}" if error.expected else ""
        raise BadQuestion(f"--where, column {error.column + 1}: {error.message}{expected}") from error
    for misfit in type_mismatches(expression, KINDS):
        if misfit.name is not None:
            raise BadQuestion(f"--where, column {misfit.column + 1}: {_unknown('dimension', misfit.name, DIMENSIONS)}")
        raise BadQuestion(f"--where, column {misfit.column + 1}: {misfit.message}")
    return expression


def period_of(start: str | None, end: str | None, *, zone: str) -> Period:
    """From the first instant of `start` to the first of `end`: dates or date and time of the zone's clocks, unless they say their own.

    Raises BadQuestion.
    """
    period = Period(from_us=_instant_us("--from", start, zone=zone), to_us=_instant_us("--to", end, zone=zone))
    if period.from_us is not None and period.to_us is not None and period.from_us >= period.to_us:
        raise BadQuestion(f"--from {start} is not before --to {end}, which is not included itself")
    return period


def known_zone(name: str) -> str:
    """The name of an IANA zone. Raises BadQuestion."""
    try:
        time_zone(name)
    except KeyError as error:
        raise BadQuestion(f"--zone: no time zone {name!r}; one is America/New_York") from error
    return name


def _instant_us(option: str, text: str | None, *, zone: str) -> int | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadQuestion(f"{option}: {text!r} is no date; such as 2026-03-01 or 2026-03-01T14:00") from error
    local = instant if instant.tzinfo is not None else instant.replace(tzinfo=time_zone(zone))
    return (local - _EPOCH) // _MICROSECOND


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _unknown(what: str, word: str, known: Iterable[str]) -> str:
    options = tuple(known)
    hint = nearest(word, options)
    return f'unknown {what} "{word}"' + (f"; {hint}" if hint else "") + f"; there are {', '.join(options)}"
