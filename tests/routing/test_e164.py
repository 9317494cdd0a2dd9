"""One grammar of telephone numbers, for the wire, the config and call tests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.geo import is_e164, to_e164


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+18005550100", "+18005550100"),
        ("18005550100", "+18005550100"),
        ("8005550100", "+18005550100"),
        ("(800) 555-0100", "+18005550100"),
        ("+442079460000", "+442079460000"),
        ("442079460000", "442079460000"),
        ("5550100", "5550100"),
        ("+12345", "+12345"),
        ("+1234567890123456", "+1234567890123456"),
        ("+0123456789", "+0123456789"),
        ("+0-123-456-789", "+0-123-456-789"),
        ("sales", "sales"),
        ("", ""),
        ("٨٠٠٥٥٥٠١٠٠", "٨٠٠٥٥٥٠١٠٠"),
    ],
)
def test_numbers_become_e164_and_what_is_none_stays(written: str, number: str) -> None:
    assert to_e164(written) == number


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("+123456", False),
        ("+1234567", True),
        ("+123456789012345", True),
        ("+1234567890123456", False),
        ("+0123456789", False),
        ("1234567890", False),
        ("+1234567\n", False),
        ("+١٢٣٤٥٦٧", False),
    ],
)
def test_lengths_and_the_first_digit(text: str, holds: bool) -> None:  # noqa: FBT001 (a column of the table)
    assert is_e164(text) is holds


@given(st.text(alphabet="+0123456789-.() ", max_size=20))
def test_a_text_becomes_a_number_or_stays_as_it_is(text: str) -> None:
    number = to_e164(text)
    assert is_e164(number) or number == text
    assert to_e164(number) == number
