"""Whether a filter makes sense: whether it fits the tags there are, whether any call could pass it, and which of its values no call has.

How tags depend on each other is not looked at: `state == TX and area == "212"` passes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count, product
from math import prod
from typing import assert_never

from routing.expression_holds import holds
from routing.expression_tree import (
    Among,
    And,
    Compare,
    Condition,
    Expression,
    Is,
    Kind,
    Known,
    Not,
    Op,
    Or,
    Scalar,
    TypeMismatch,
    brief,
)

MAX_CASES = 256
"""Beyond so many ways in which a filter could hold, nobody looks whether one of them is possible."""

_WORDS: Mapping[Kind, str] = {Kind.TEXT: "text", Kind.NUMBER: "a number", Kind.TRUTH: "a truth"}
_ADVICE: Mapping[Kind, str] = {
    Kind.TEXT: "== != in and begins_with compare it, with what is no word in quotes",
    Kind.NUMBER: "== != < <= > >= and in compare it with whole numbers",
    Kind.TRUTH: "it stands alone, or is == true or == false",
}


def type_mismatches(expression: Expression, kinds: Mapping[str, Kind]) -> tuple[TypeMismatch, ...]:
    """What is wrong with it where the tags there are have these kinds, in the order it is written."""
    found = (_type_mismatch(condition, kinds) for condition in _conditions(expression))
    return tuple(misfit for misfit in found if misfit)


def _conditions(expression: Expression) -> Iterable[Condition]:
    match expression:
        case Not(operand=operand):
            return _conditions(operand)
        case And(operands=operands) | Or(operands=operands):
            return chain.from_iterable(map(_conditions, operands))
        case _:
            return (expression,)


def _type_mismatch(condition: Condition, kinds: Mapping[str, Kind]) -> TypeMismatch | None:
    name = condition.name
    kind = kinds.get(name)
    if kind is None:
        return TypeMismatch(message=f"unknown tag {brief(name)}", column=condition.column, name=name)
    match condition:
        case Known() | Among(values=()):
            return None
        case Is(column=column):
            asked = Kind.TRUTH
        case Compare(value_column=column, value=value):
            asked = _kind_of(value)
        case Among(value_column=column, values=values):
            asked = _kind_of(values[0])
        case _:
            assert_never(condition)
    if asked is kind:
        return None
    return TypeMismatch(message=f"tag {brief(name)} is {_WORDS[kind]}, not {_WORDS[asked]}: {_ADVICE[kind]}", column=column)


def _kind_of(value: Scalar) -> Kind:
    if isinstance(value, bool):
        return Kind.TRUTH
    return Kind.TEXT if isinstance(value, str) else Kind.NUMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleValue:
    """A value that no call has. `op`: how the tag is asked for it; EQUAL for lists and for `!=`. `column`: of the value, or of its list.
    `excludes`: the value is there to exclude calls (`not in`, `!=`, `not`), and excludes none; else it never lets one pass."""

    name: str
    op: Op
    value: str | int
    column: int
    excludes: bool


def idle_values(expression: Expression, possible: Callable[[str, Op, str | int], bool]) -> Iterator[IdleValue]:
    """The values of it that no call has, in the order written, a list's in ascending order. `possible(name, op, value)`: whether the tag
    can have a value for which that holds."""
    for condition, excludes in _signed(expression, negated=False):
        match condition:
            case Compare(name=name, op=op, value=value, value_column=column):
                asked = Op.EQUAL if op is Op.UNEQUAL else op
                if not possible(name, asked, value):
                    excluding = excludes is not (op is Op.UNEQUAL)
                    yield IdleValue(name=name, op=asked, value=value, column=column, excludes=excluding)
            case Among(name=name, values=values, negated=negated, value_column=column):
                for value in values:
                    if not possible(name, Op.EQUAL, value):
                        yield IdleValue(name=name, op=Op.EQUAL, value=value, column=column, excludes=excludes is not negated)
            case Is() | Known():
                pass
            case _:
                assert_never(condition)


def _signed(expression: Expression, *, negated: bool) -> Iterator[tuple[Condition, bool]]:
    """Each condition, and whether a `not` around it turns it round."""
    match expression:
        case Not(operand=operand):
            yield from _signed(operand, negated=not negated)
        case And(operands=operands) | Or(operands=operands):
            for operand in operands:
                yield from _signed(operand, negated=negated)
        case _:
            yield expression, negated


def never_holds(expression: Expression, kinds: Mapping[str, Kind], values: Mapping[str, frozenset[Scalar]]) -> bool:
    """Whether no call can pass it, where tags have these kinds and those in `values` are missing or one of a closed set.

    True is certain. False may also mean that it could hold in more than MAX_CASES ways and was not looked through.
    """
    if _count(expression, wanted=True) > MAX_CASES:
        return False
    samples = {name: _samples(conditions, kinds.get(name), values.get(name)) for name, conditions in _by_name(expression).items()}
    return not any(_possible(case, samples) for case in _cases(expression, wanted=True))


_Demand = tuple[Condition, bool]
"""A condition, and whether it has to hold."""


def _count(expression: Expression, *, wanted: bool) -> int:
    """How many cases `_cases` gives."""
    match expression:
        case Not(operand=operand):
            return _count(operand, wanted=not wanted)
        case And(operands=operands) | Or(operands=operands):
            counts = [_count(operand, wanted=wanted) for operand in operands]
            return prod(counts) if isinstance(expression, And) is wanted else sum(counts)
        case _:
            return 1


def _cases(expression: Expression, *, wanted: bool) -> Iterator[tuple[_Demand, ...]]:
    """The ways in which it can come out as wanted: in each all demands are met (the disjunctive normal form)."""
    match expression:
        case Not(operand=operand):
            yield from _cases(operand, wanted=not wanted)
        case And(operands=operands) | Or(operands=operands):
            parts = [_cases(operand, wanted=wanted) for operand in operands]
            if isinstance(expression, And) is wanted:
                yield from (tuple(chain.from_iterable(each)) for each in product(*parts))
            else:
                yield from chain.from_iterable(parts)
        case _:
            yield ((expression, wanted),)


def _possible(case: Iterable[_Demand], samples: Mapping[str, Sequence[Mapping[str, Scalar]]]) -> bool:
    """Whether some value of each tag meets all that the case demands of it. Tags are looked at one by one, as if independent."""
    demands = defaultdict[str, list[_Demand]](list)
    for condition, wanted in case:
        demands[condition.name].append((condition, wanted))
    return all(
        any(all(holds(condition, tags) is wanted for condition, wanted in asked) for tags in samples[name])
        for name, asked in demands.items()
    )


def _by_name(expression: Expression) -> Mapping[str, Sequence[Condition]]:
    found = defaultdict[str, list[Condition]](list)
    for condition in _conditions(expression):
        found[condition.name].append(condition)
    return found


def _samples(conditions: Sequence[Condition], kind: Kind | None, closed: frozenset[Scalar] | None) -> list[dict[str, Scalar]]:
    """For one tag enough sample calls: whatever its value, one of them answers all these conditions alike. The first lacks the tag."""
    name = conditions[0].name
    # No set of them all: in one, True and 1 would be the same.
    sampled: Iterable[Scalar] = [True, False, *_texts(conditions), *_numbers(conditions)] if closed is None else closed
    return [{}, *({name: value} for value in sampled if kind is None or _kind_of(value) is kind)]


def _mentioned(conditions: Iterable[Condition]) -> set[str | int]:
    found: set[str | int] = set()
    for condition in conditions:
        match condition:
            case Compare(value=value):
                found.add(value)
            case Among(values=values):
                found.update(values)
    return found


def _numbers(conditions: Iterable[Condition]) -> set[int]:
    """All that are mentioned and their neighbours: between two of them no condition changes its answer. And one more if there is none."""
    mentioned = [value for value in _mentioned(conditions) if isinstance(value, int)]
    return {0, *(number + step for number in mentioned for step in (-1, 0, 1))}


def _texts(conditions: Iterable[Condition]) -> set[str]:
    """All that are mentioned, and each of them, and the empty text, followed by a character that none of them has.

    Any other text begins with the same mentioned ones as the longest of those does, and equals none of them.
    """
    mentioned = [value for value in _mentioned(conditions) if isinstance(value, str)]
    strange = next(character for character in map(chr, count(1)) if not any(character in text for text in mentioned))
    return {*mentioned, strange, *(text + strange for text in mentioned)}
