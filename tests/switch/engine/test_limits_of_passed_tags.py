"""What a header passes as a tag is bounded: at the limit and one past it."""

import pytest

from routing.expression import Kind
from switch.engine.arrival import header_tags, tag_value
from switch.sip.message import Headers

WANTED = {"x-sub": ("sub", Kind.TEXT)}


@pytest.mark.parametrize(("chars", "kept"), [(200, 200), (201, 200)])
def test_so_much_of_a_text_is_kept(chars: int, kept: int) -> None:
    assert header_tags(Headers((("X-Sub", "a" * chars),)), WANTED) == {"sub": "a" * kept}


@pytest.mark.parametrize(("text", "number"), [("9" * 18, 10**18 - 1), ("9" * 19, None)])
def test_a_number_has_at_most_so_many_digits(text: str, number: int | None) -> None:
    assert tag_value(text, Kind.NUMBER) == number
    assert tag_value(f"-{text}", Kind.NUMBER) == (None if number is None else -number)
