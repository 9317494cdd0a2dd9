"""What people type, read; and what they are told when it can't be."""

import pytest

from switch.ledger.columns import Period
from switch.report.fields import DEFAULT, METRICS
from switch.report.query import (
    InvalidQuery,
    ReportQuery,
    parse_dimensions,
    parse_filter,
    parse_metrics,
    parse_period,
    parse_zone,
)
from tests.switch.report.ten_calls import us


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
    assert 'did you mean "converted"?' in refused(parse_metrics, "convertd")


def test_a_filter_about_what_is_no_dimension() -> None:
    told = refused(parse_filter, "campaign == auto and publishers == radio")
    assert told.startswith('--where, column 22: unknown dimension "publishers"; did you mean "publisher"?')
    assert "is a number, not text" in refused(parse_filter, "hour == nine")
    assert refused(parse_filter, "state in [TX").startswith("--where, column ")


def test_what_has_to_be_known_is_what_is_asked_and_filtered_by() -> None:
    query = ReportQuery(by=("hour",), where=parse_filter("line == east and hour > 9"))
    assert query.dimensions == ("hour", "line")
    assert query.per_attempt
    assert not ReportQuery(by=("hour", "publisher")).per_attempt


def test_periods() -> None:
    assert parse_period(None, None, zone="UTC") == Period()
    period = parse_period("2026-03-08", "2026-03-08T03:00", zone="America/New_York")
    assert period == Period(from_us=us("2026-03-08T05:00"), to_us=us("2026-03-08T07:00"))  # two hours: one was skipped
    assert parse_period("2026-03-08T00:00Z", None, zone="America/New_York").from_us == us("2026-03-08T00:00")
    assert "no date" in refused(parse_period, "yesterday", None, zone="UTC")
    assert "is not before" in refused(parse_period, "2026-03-02", "2026-03-02", zone="UTC")


def test_zones() -> None:
    assert parse_zone("America/New_York") == "America/New_York"
    for name in ("Mars/Olympus", "../etc/passwd", ""):
        assert "no time zone" in refused(parse_zone, name)
