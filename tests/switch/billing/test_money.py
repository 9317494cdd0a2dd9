"""Amounts as people read them."""

import pytest

from switch.billing.money import show_cents


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (0, "0.00"),
        (25_000_000, "25.00"),
        (16_000, "0.02"),
        (4_999, "0.00"),
        (5_000, "0.00"),  # halves go to the even cent
        (5_001, "0.01"),
        (15_000, "0.02"),
        (14_999, "0.01"),
        (-5_000, "0.00"),
        (-15_000, "-0.02"),
        (-16_000, "-0.02"),
        (-80_864_000, "-80.86"),
        (999_995_000, "1000.00"),
    ],
)
def test_sums_are_in_whole_cents(micros: int, shown: str) -> None:
    assert show_cents(micros) == shown
