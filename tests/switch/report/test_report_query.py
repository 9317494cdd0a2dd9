"""What people type, read; and what they are told when it can't be."""

import pytest

from switch.report.fields import DEFAULT, METRICS, QUALITY
from switch.report.query import (
    InvalidQuery,
    ReportQuery,
    parse_dimensions,
    parse_filter,
    parse_metrics,
)


def refused(read: object, *arguments: object, **named: object) -> str:
    with pytest.raises(InvalidQuery) as refusal:
        read(*arguments, **named)  # type: ignore[operator]
    return str(refusal.value)


def test_dimensions_in_their_order_each_once() -> None:
    assert parse_dimensions(" publisher, hour,publisher ") == ("publisher", "hour")
    assert parse_dimensions("") == ()


def test_an_unknown_dimension_is_told_with_the_nearest_and_with_all() -> None:
    assert refused(parse_dimensions, "publisher,huor").startswith(
        'unknown dimension "huor"; did you mean "hour"?; there are publisher,'
    )


def test_metrics_with_and_without_units() -> None:
    assert parse_metrics("revenue, connected_p50_ms,revenue_micros") == ("revenue_micros", "connected_p50_ms")
    assert parse_metrics("all") == tuple(METRICS)
    assert parse_metrics(None) == DEFAULT
    assert parse_metrics("quality") == QUALITY
    assert parse_metrics("loss,incoming,quality") == ("loss", "incoming", "measured_calls", *QUALITY[2:])
    assert 'did you mean "converted"?' in refused(parse_metrics, "convertd")


def test_a_filter_about_what_is_no_dimension() -> None:
    told = refused(parse_filter, "campaign == auto and publishers == radio")
    assert told.startswith('--where, column 22: unknown dimension "publishers"; did you mean "publisher"?')
    assert "is a number, not text" in refused(parse_filter, "hour == nine")
    assert refused(parse_filter, "state in [TX").startswith("--where, column ")


def test_what_has_to_be_known_is_what_is_asked_and_filtered_by() -> None:
    query = ReportQuery(by=("hour",), where=parse_filter("line == east and hour > 9"))
    assert query.dimensions == ("hour", "line")
    assert not query.wants_quality
    assert ReportQuery(by=(), metrics=("incoming", "loss")).wants_quality
    assert query.per_attempt
    assert not ReportQuery(by=("hour", "publisher")).per_attempt
