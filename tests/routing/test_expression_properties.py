"""Filters of any shape: reading undoes showing, evaluation agrees with the plainest one, no possible filter is called impossible."""

from collections.abc import Mapping
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from routing.expression import BadExpression, Expression, Kind, Scalar, holds, never_holds, parse, show
from routing.expression_tree import Among, And, Compare, Is, Known, Not, Op, Or

KINDS = {"state": Kind.TEXT, "sub": Kind.TEXT, "age": Kind.NUMBER, "repeat": Kind.TRUTH}
TEXTS = ["a", "ab", "abc", "b", "", "or", "a b", "7"]
CLOSED: Mapping[str, frozenset[Scalar]] = {
    "state": frozenset({"a", "ab", "b"}),
    "sub": frozenset({"", "abc", "or"}),
    "age": frozenset({-1, 0, 2}),
    "repeat": frozenset({True, False}),
}
NAMES = st.sampled_from([*KINDS])
NUMBERS = st.integers(-3, 3)
ANY_TEXT = st.text(max_size=6).filter(lambda text: not ('"' in text and "'" in text))
VALUES = st.sampled_from(TEXTS) | NUMBERS


def _among(name: str, values: list[str] | list[int], negated: object) -> Among:
    return Among(name=name, values=tuple(sorted({*values})), negated=bool(negated))


def _joined(kind: type[And] | type[Or], parts: list[Expression]) -> Expression:
    """As the parser makes it: no And right inside an And."""
    operands: list[Expression] = []
    for part in parts:
        operands += part.operands if isinstance(part, kind) and isinstance(part, And | Or) else [part]
    return kind(operands=tuple(operands))


def _conditions(texts: st.SearchStrategy[str], numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Expression]:
    def compare(ops: list[Op], values: st.SearchStrategy[str | int]) -> st.SearchStrategy[Expression]:
        return st.builds(lambda name, op, value: Compare(name=name, op=op, value=value), NAMES, st.sampled_from(ops), values)

    return st.one_of(
        compare([Op.EQUAL, Op.UNEQUAL], texts | numbers),
        compare([Op.LESS, Op.AT_MOST, Op.GREATER, Op.AT_LEAST], numbers),
        compare([Op.BEGINS_WITH], texts),
        st.builds(_among, NAMES, st.lists(texts, max_size=4) | st.lists(numbers, max_size=4), st.booleans()),
        st.builds(lambda name, wanted: Is(name=name, wanted=wanted), NAMES, st.booleans()),
        st.builds(lambda name: Known(name=name), NAMES),
    )


def _expressions(conditions: st.SearchStrategy[Expression], leaves: int) -> st.SearchStrategy[Expression]:
    def wider(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        several = st.lists(parts, min_size=2, max_size=3)
        return st.one_of(
            st.builds(lambda part: Not(operand=part), parts),
            st.builds(lambda each: _joined(And, each), several),
            st.builds(lambda each: _joined(Or, each), several),
        )

    return st.recursive(conditions, wider, max_leaves=leaves)


EXPRESSIONS = _expressions(_conditions(st.sampled_from(TEXTS), NUMBERS), 8)
LITERARY = _expressions(_conditions(ANY_TEXT, st.integers(-(10**18) + 1, 10**18 - 1)), 8)
CALLS = st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from(TEXTS) | st.text(max_size=3),
        "sub": st.sampled_from(TEXTS) | st.text(max_size=3),
        "age": st.integers(-5, 5),
        "repeat": st.booleans(),
    },
)
WORDS = [
    "and",
    "or",
    "not",
    "in",
    "known",
    "true",
    "age",
    "state",
    "TX",
    "(",
    ")",
    "[",
    "]",
    ",",
    "==",
    "<",
    "begins_with",
    "5",
    "'",
    '"',
    " ",
    "-",
]


@given(LITERARY)
def test_what_is_shown_parses_to_the_same(expression: Expression) -> None:
    text = show(expression)
    assert parse(text) == expression
    assert show(parse(text)) == text


@given(EXPRESSIONS)
def test_all_parentheses_or_none_but_the_needed_mean_the_same(expression: Expression) -> None:
    assert parse(_fully_parenthesised(expression)) == expression


def _fully_parenthesised(expression: Expression) -> str:
    match expression:
        case And(operands=operands):
            return "(" + " and ".join(map(_fully_parenthesised, operands)) + ")"
        case Or(operands=operands):
            return "(" + " or ".join(map(_fully_parenthesised, operands)) + ")"
        case Not(operand=operand):
            return f"(not {_fully_parenthesised(operand)})"
        case _:
            return f"({show(expression)})"


@given(
    st.text()
    | st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join)
    | st.lists(st.sampled_from(WORDS), max_size=20).map("".join)
)
def test_any_text_is_a_filter_or_is_refused_at_a_place_in_it(text: str) -> None:
    read = _read(text)
    if isinstance(read, BadExpression):
        assert 0 <= read.column <= len(text)
        assert read.message
    else:
        assert parse(show(read)) == read


def _read(text: str) -> Expression | BadExpression:
    try:
        return parse(text)
    except BadExpression as bad:
        return bad


@given(EXPRESSIONS, CALLS)
def test_holds_agrees_with_the_plainest_evaluation(expression: Expression, tags: dict[str, Scalar]) -> None:
    assert holds(expression, tags) is _plainly(expression, tags)


def _plainly(expression: Expression, tags: Mapping[str, Scalar]) -> bool:
    match expression:
        case And(operands=operands):
            return False not in [_plainly(operand, tags) for operand in operands]
        case Or(operands=operands):
            return True in [_plainly(operand, tags) for operand in operands]
        case Not(operand=operand):
            return not _plainly(operand, tags)
        case _ if expression.name not in tags:
            return False
        case Known():
            return True
        case Is(name=name, wanted=wanted):
            return repr(tags[name]) == repr(wanted)
        case Among(name=name, values=values, negated=negated):
            alike = not values or type(tags[name]) is type(values[0])
            return alike and (repr(tags[name]) in map(repr, values)) != negated
        case Compare(name=name, op=op, value=value):
            return type(tags[name]) is type(value) and _compared(tags[name], op, value)


def _compared(value: Scalar, op: Op, wanted: Scalar) -> bool:
    if op is Op.BEGINS_WITH:
        return str(value)[: len(str(wanted))] == wanted
    return bool(eval(f"{value!r} {op} {wanted!r}"))  # noqa: S307  Python's own comparison of two literals


@given(EXPRESSIONS, CALLS)
def test_no_filter_that_a_call_passes_is_called_impossible(expression: Expression, tags: dict[str, Scalar]) -> None:
    if holds(expression, tags):
        assert not never_holds(expression, KINDS, {})


@given(EXPRESSIONS)
def test_with_closed_sets_it_is_exactly_what_trying_every_call_finds(expression: Expression) -> None:
    every = product(*([(name, None), *((name, value) for value in values)] for name, values in CLOSED.items()))
    calls = [{name: value for name, value in call if value is not None} for call in every]
    assert never_holds(expression, KINDS, CLOSED) is not any(holds(expression, tags) for tags in calls)
