"""Filters that make no sense: for the tags there are, or for any call."""

import pytest

from routing.expression import Kind, Scalar, TypeMismatch, idle_values, never_holds, parse, type_mismatches
from routing.expression_tree import Compare, Op

KINDS = {
    "state": Kind.TEXT,
    "zip": Kind.TEXT,
    "age": Kind.NUMBER,
    "hour": Kind.NUMBER,
    "repeat": Kind.TRUTH,
    "anonymous": Kind.TRUTH,
}
CLOSED: dict[str, frozenset[Scalar]] = {"state": frozenset({"TX", "OK", "NY"}), "hour": frozenset(range(24))}

TEXT = "== != in and begins_with compare it, with what is no word in quotes"
NUMBER = "== != < <= > >= and in compare it with whole numbers"
TRUTH = "it stands alone, or is == true or == false"


@pytest.mark.parametrize(
    "text",
    [
        "state == TX",
        "state not in [TX]",
        "zip begins_with '9'",
        "age != 3",
        "age in [1, 2]",
        "not repeat",
        "known(age)",
        "state in []",
        "repeat == false",
    ],
)
def test_what_fits(text: str) -> None:
    assert type_mismatches(parse(text), KINDS) == ()


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("zip == 90210", 7, f'tag "zip" is text, not a number: {TEXT}'),
        ("zip in [90210]", 7, f'tag "zip" is text, not a number: {TEXT}'),
        ("state < 5", 8, f'tag "state" is text, not a number: {TEXT}'),
        ("not state", 4, f'tag "state" is text, not a truth: {TEXT}'),
        ("age", 0, f'tag "age" is a number, not a truth: {NUMBER}'),
        ("age begins_with '6'", 16, f'tag "age" is a number, not text: {NUMBER}'),
        ("age == old", 7, f'tag "age" is a number, not text: {NUMBER}'),
        ("repeat == yes", 10, f'tag "repeat" is a truth, not text: {TRUTH}'),
        ("repeat not in [1]", 14, f'tag "repeat" is a truth, not a number: {TRUTH}'),
        ("repeat > 0", 9, f'tag "repeat" is a truth, not a number: {TRUTH}'),
    ],
)
def test_a_tag_taken_for_what_it_is_not(text: str, column: int, message: str) -> None:
    assert type_mismatches(parse(text), KINDS) == (TypeMismatch(message=message, column=column),)


def test_unknown_tags_are_named_and_all_misfits_told_in_order() -> None:
    found = type_mismatches(parse("stat == TX and (not known(agee) or age == old) and income in []"), KINDS)
    assert [(misfit.column, misfit.name) for misfit in found] == [(0, "stat"), (26, "agee"), (42, None), (51, "income")]
    assert found[0].message == 'unknown tag "stat"'


@pytest.mark.parametrize(
    "text",
    [
        "age > 65 and age < 60",
        "age > 65 and age < 66",
        "age >= 65 and not age > 64",
        "age == 3 and age == 4",
        "age == 3 and age != 3",
        "age in [1, 2] and age not in [2, 1]",
        "age in [1, 2] and age > 2",
        "state == TX and state == OK",
        "state in []",
        "not known(age) and age > 3",
        "not known(age) and age != 3",
        "known(age) and not age < 3 and not age >= 3",
        "zip begins_with 'ab' and not zip begins_with 'a'",
        "zip begins_with 'ab' and zip begins_with 'ac'",
        "zip == abc and zip begins_with 'b'",
        "repeat and not repeat",
        "repeat and repeat == false",
        "known(repeat) and not repeat and not repeat == false",
        "not (repeat or not repeat)",
        "state == Texas",
        "not (state != Texas or not known(state))",
        "state begins_with C",
        "hour > 23",
        "known(hour) and hour not in [" + ",".join(map(str, range(24))) + "]",
        "(age > 65 or age < 18) and age in [20, 30]",
        "repeat and (age > 5 and age < 5 or not repeat)",
    ],
)
def test_contradictions_are_found(text: str) -> None:
    assert never_holds(parse(text), KINDS, CLOSED)


@pytest.mark.parametrize(
    "text",
    [
        "age > 65 and age < 67",
        "age > 65 or age < 60",
        "not age < 3 and not age >= 3",
        "state == TX or state == Texas",
        "state != Texas",
        "zip begins_with 'ab' and zip begins_with 'a'",
        "zip begins_with 'a' and not zip begins_with 'ab' and zip != a",
        "zip != a and zip != b",
        "not zip begins_with 'a' and known(zip)",
        "zip not in []",
        "not repeat and not repeat == false",
        "hour >= 23",
        "age not in []",
        "age < -7",
        "age > 7",
        "age == 1",
        "not known(hour)",
        "undeclared == 3 and known(undeclared)",
    ],
)
def test_what_some_call_could_pass_is_left_alone(text: str) -> None:
    assert not never_holds(parse(text), KINDS, CLOSED)


def test_too_many_cases_are_not_looked_through() -> None:
    doubtful = " and ".join(["(age > 5 or hour > 5)"] * 60)
    assert not never_holds(parse(f"{doubtful} and state in []"), KINDS, CLOSED)


@pytest.mark.parametrize(("ways", "found"), [(256, True), (257, False)])
def test_a_filter_with_too_many_ways_to_hold_is_not_looked_through(ways: int, found: bool) -> None:  # noqa: FBT001 a column of the table
    either = " or ".join(f"a == {number}" for number in range(ways))
    assert never_holds(parse(f"b == 1 and b == 2 and ({either})"), {"a": Kind.NUMBER, "b": Kind.NUMBER}, {}) is found


def possible(name: str, op: Op, value: str | int) -> bool:
    """As settings ask: `state` and `hour` are closed sets, all else may be anything."""
    return name not in CLOSED or not never_holds(Compare(name=name, op=op, value=value), KINDS, CLOSED)


@pytest.mark.parametrize(
    ("text", "idle"),
    [
        ("state in [TX, OK]", []),
        ("state in [TX, OKL]", [("==", "OKL", False)]),
        ("state not in [TX, OKL]", [("==", "OKL", True)]),
        ("not state in [TX, OKL]", [("==", "OKL", True)]),
        ("not (state not in [TX, OKL] or repeat)", [("==", "OKL", False)]),
        ("state == Texas", [("==", "Texas", False)]),
        ("state != Texas", [("==", "Texas", True)]),
        ("not state != Texas", [("==", "Texas", False)]),
        ("state begins_with T", []),
        ("state begins_with t", [("begins_with", "t", False)]),
        ("hour in [8, 24, 25] or hour >= 24", [("==", 24, False), ("==", 25, False), (">=", 24, False)]),
        ("hour <= 23 and hour > -1", []),  # always true, which harms nobody
        ("hour < 0", [("<", 0, False)]),
        ("zip == anything and age == 500 and known(age) and repeat", []),
        ("state in []", []),
    ],
)
def test_values_that_no_call_has_are_found_each_by_itself(text: str, idle: list[tuple[str, Scalar, bool]]) -> None:
    assert [(each.op.value, each.value, each.excludes) for each in idle_values(parse(text), possible)] == idle


def test_an_idle_value_tells_where_it_is() -> None:
    (compared,) = idle_values(parse("repeat or state == Texas"), possible)
    (listed,) = idle_values(parse("repeat or state in [TX, Texas]"), possible)
    assert compared.column == len("repeat or state == ")
    assert listed.column == len("repeat or state in ")  # of the list: its items have none
