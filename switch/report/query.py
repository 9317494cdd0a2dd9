"""Parses the query for a report: dimensions and metrics (`switch.report.fields`), and the filter. Its period: `switch.period`.

Every refusal says what there is instead. Works without polars.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from routing.expression import BadExpression, Expression, names, parse, type_mismatches
from switch.period import Period
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
    QUALITY,
)
from switch.settings.value import nearest

ALL = "all"
GROUPS = {"quality": QUALITY}
"""Words that stand for several metrics."""
EVER = Period()


class InvalidQuery(Exception):
    """Says what is wrong with it, and what there is instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQuery:
    """`by`: dimensions, none for one row of everything. `metrics`: names of columns. `where`: only calls, and attempts, for which it holds;
    None: all. The period's zone is that of hours and days.
    """

    by: tuple[str, ...]
    metrics: tuple[str, ...] = DEFAULT
    period: Period = EVER
    where: Expression | None = None

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
    def wants_quality(self) -> bool:
        return not set(QUALITY).isdisjoint(self.metrics)

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
    """`revenue,connected_p50`, with or without the unit at the end; `quality`; `all`; None: those that are shown by default.

    Raises InvalidQuery.
    """
    if text is None:
        return DEFAULT
    if text.strip() == ALL:
        return tuple(METRICS)
    found: list[str] = []
    for word in _words(text):
        if word in GROUPS:
            found += GROUPS[word]
            continue
        metric = METRICS.get(word) or BY_SHORT.get(word)
        if metric is None:
            raise InvalidQuery(_unknown("metric", word, (*BY_SHORT, *GROUPS, ALL)))
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


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _unknown(what: str, word: str, known: Iterable[str]) -> str:
    options = tuple(known)
    hint = nearest(word, options)
    return f'unknown {what} "{word}"' + (f"; {hint}" if hint else "") + f"; there are {', '.join(options)}"
