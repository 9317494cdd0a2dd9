"""Which calls pass a filter."""

from enum import StrEnum

import pytest

from routing.expression import Scalar, holds, parse

TAGS: dict[str, Scalar] = {
    "state": "TX",
    "age": 70,
    "repeat": False,
    "anonymous": True,
    "caller": "+12125550123",
    "sub": "true",
    "count": 1,
}


class Grade(StrEnum):
    A = "A"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("state in [TX, OK] and age >= 65 and not repeat", True),
        ("state == TX", True),
        ("state == tx", False),
        ("state != OK", True),
        ("state != TX", False),
        ("state in [OK, AZ]", False),
        ("state in [WY]", False),
        ("state in []", False),
        ("state not in [OK]", True),
        ("state not in [TX, OK]", False),
        ("state not in []", True),
        ("age < 70", False),
        ("age <= 70", True),
        ("age > 70", False),
        ("age >= 70", True),
        ("age == 70", True),
        ("age in [70, 5]", True),
        ("age > -1", True),
        ('caller begins_with "+1212"', True),
        ('caller begins_with "+1213"', False),
        ('caller begins_with ""', True),
        ("repeat", False),
        ("not repeat", True),
        ("repeat == false", True),
        ("anonymous", True),
        ("anonymous != true", False),
        ("known(age)", True),
        ("known(repeat)", True),
        ("repeat or anonymous", True),
        ("repeat or age < 3", False),
        ("anonymous and repeat", False),
    ],
)
def test_what_a_call_has(text: str, answer: bool) -> None:  # noqa: FBT001
    assert holds(parse(text), TAGS) is answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("income < 18", False),
        ("income != 18", False),
        ("income in [18]", False),
        ("income not in [18]", False),
        ("income not in []", False),
        ("income begins_with x", False),
        ("income", False),
        ("income == false", False),
        ("known(income)", False),
        ("not income < 18", True),
        ("not income", True),
        ("known(income) and not income < 18", False),
    ],
)
def test_a_tag_the_call_lacks_makes_every_condition_false(text: str, answer: bool) -> None:  # noqa: FBT001
    assert holds(parse(text), TAGS) is answer


@pytest.mark.parametrize(
    "text", ["state < 5", "age begins_with x", "repeat == x", "repeat < 1", "age == x", "state in [5]", "sub", "count"]
)
def test_a_tag_of_another_kind_makes_it_false_too(text: str) -> None:
    assert not holds(parse(text), TAGS)


def test_a_truth_is_no_number() -> None:
    assert not holds(parse("anonymous == 1"), TAGS)
    assert not holds(parse("anonymous in [1]"), TAGS)
    assert not holds(parse("anonymous not in [2]"), TAGS)


def test_a_named_text_is_text() -> None:
    assert holds(parse("grade == A and grade in [A, B]"), {"grade": Grade.A})


def test_every_value_of_a_long_list_is_found_and_no_other() -> None:
    expression = parse("age in [" + ", ".join(str(number) for number in range(0, 1_000, 2)) + "]")
    assert [number for number in range(-1, 1_001) if holds(expression, {"age": number})] == list(range(0, 1_000, 2))
