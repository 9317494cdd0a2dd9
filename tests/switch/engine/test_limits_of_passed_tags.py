"""What a header passes as a tag is bounded: at the limit and one past it."""

import pytest

from routing.expression import Kind
from switch.engine.plan import MAX_DIGITS, MAX_TEXT, header_tags, tag_value
from switch.sip.message import Headers

WANTED = {"x-sub": ("sub", Kind.TEXT)}


@pytest.mark.parametrize(("chars", "kept"), [(MAX_TEXT, MAX_TEXT), (MAX_TEXT + 1, MAX_TEXT)])
def test_so_much_of_a_text_is_kept(chars: int, kept: int) -> None:
    assert header_tags(Headers((("X-Sub", "a" * chars),)), WANTED) == {"sub": "a" * kept}


@pytest.mark.parametrize(("text", "number"), [("9" * MAX_DIGITS, 10**MAX_DIGITS - 1), ("9" * (MAX_DIGITS + 1), None)])
def test_a_number_has_at_most_so_many_digits(text: str, number: int | None) -> None:
    assert tag_value(text, Kind.NUMBER) == number
    assert tag_value(f"-{text}", Kind.NUMBER) == (None if number is None else -number)
