"""Carrier cost: increments begun are increments billed, and no micro is lost."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.billing.judge import billed_s, cost_micros
from switch.billing.terms import Rate

SIX_SIX = Rate(per_minute_micros=8_000)
MINUTES = Rate(per_minute_micros=6_500, initial_s=60, step_s=60)


@pytest.mark.parametrize(
    ("total_ms", "rate", "seconds"),
    [
        (1, SIX_SIX, 6),
        (5_999, SIX_SIX, 6),
        (6_000, SIX_SIX, 6),
        (6_001, SIX_SIX, 12),
        (12_000, SIX_SIX, 12),
        (12_001, SIX_SIX, 18),
        (60_000, MINUTES, 60),
        (60_001, MINUTES, 120),
        (30_001, Rate(per_minute_micros=1, initial_s=30, step_s=1), 31),
    ],
)
def test_every_increment_that_was_begun_is_billed(total_ms: int, rate: Rate, seconds: int) -> None:
    assert billed_s(total_ms, rate) == seconds


@pytest.mark.parametrize(
    ("total_ms", "rate", "micros"),
    [
        (0, SIX_SIX, 0),
        (1, SIX_SIX, 800),
        (90_000, SIX_SIX, 12_000),
        (6_000, Rate(per_minute_micros=8_001), 801),
        (6_000, Rate(per_minute_micros=0), 0),
    ],
)
def test_whole_micros_rounded_up(total_ms: int, rate: Rate, micros: int) -> None:
    assert cost_micros(total_ms, rate) == micros


@given(
    total_ms=st.integers(1, 14_400_000),
    rate=st.builds(
        Rate, per_minute_micros=st.integers(0, 1_000_000), initial_s=st.integers(1, 60), step_s=st.sampled_from([1, 6, 30, 60])
    ),
)
def test_never_less_than_the_time_and_never_a_whole_increment_more(total_ms: int, rate: Rate) -> None:
    billed_ms = billed_s(total_ms, rate) * 1_000
    assert total_ms <= max(billed_ms, rate.initial_s * 1_000)
    assert billed_ms < max(total_ms + rate.step_s * 1_000, rate.initial_s * 1_000 + 1)
    assert cost_micros(total_ms, rate) == ceil(Fraction(billed_s(total_ms, rate) * rate.per_minute_micros, 60))
