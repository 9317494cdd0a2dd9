"""What people type, read; and what they are told when it can't be."""

import pytest

from switch.ledger.columns import Period
from switch.report.figure import DEFAULT, FIGURES
from switch.report.question import BadQuestion, Question, dimensions_of, figures_of, filter_of, known_zone, period_of
from tests.switch.report.ten_calls import us


def refused(read: object, *arguments: object, **named: object) -> str:
    with pytest.raises(BadQuestion) as refusal:
        read(*arguments, **named)  # type: ignore[operator]
    return str(refusal.value)


def test_dimensions_in_their_order_each_once() -> None:
    assert dimensions_of(" publisher, hour,publisher ") == ("publisher", "hour")
    assert dimensions_of("") == ()


def test_an_unknown_dimension_is_told_with_the_nearest_and_with_all() -> None:
    assert refused(dimensions_of, "publisher,huor").startswith(
        'unknown dimension "huor"; did you mean "hour"?; there are publisher,'
    )


def test_figures_with_and_without_units() -> None:
    assert figures_of("revenue, connected_p50_ms,revenue_micros") == ("revenue_micros", "connected_p50_ms")
    assert figures_of("all") == tuple(FIGURES)
    assert figures_of(None) == DEFAULT
    assert 'did you mean "converted"?' in refused(figures_of, "convertd")


def test_a_filter_about_what_is_no_dimension() -> None:
    told = refused(filter_of, "campaign == auto and publishers == radio")
    assert told.startswith('--where, column 22: unknown dimension "publishers"; did you mean "publisher"?')
    assert "is a number, not text" in refused(filter_of, "hour == nine")
    assert refused(filter_of, "state in [TX").startswith("--where, column ")


def test_what_has_to_be_known_is_what_is_asked_and_filtered_by() -> None:
    question = Question(by=("hour",), where=filter_of("line == east and hour > 9"))
    assert question.dimensions == ("hour", "line")
    assert question.per_attempt
    assert not Question(by=("hour", "publisher")).per_attempt


def test_periods() -> None:
    assert period_of(None, None, zone="UTC") == Period()
    period = period_of("2026-03-08", "2026-03-08T03:00", zone="America/New_York")
    assert period == Period(from_us=us("2026-03-08T05:00"), to_us=us("2026-03-08T07:00"))  # two hours: one was skipped
    assert period_of("2026-03-08T00:00Z", None, zone="America/New_York").from_us == us("2026-03-08T00:00")
    assert "no date" in refused(period_of, "yesterday", None, zone="UTC")
    assert "is not before" in refused(period_of, "2026-03-02", "2026-03-02", zone="UTC")


def test_zones() -> None:
    assert known_zone("America/New_York") == "America/New_York"
    for name in ("Mars/Olympus", "../etc/passwd", ""):
        assert "no time zone" in refused(known_zone, name)
