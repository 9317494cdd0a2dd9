"""Evaluates a filter for the tags of a call. The tags are passed in.

It is asked for every line of a campaign at every hunt, so it walks the expression as it is: nothing to build, nothing to keep.
"""

import operator
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any, assert_never

from routing.expression_tree import Among, And, Compare, Expression, Is, Known, Not, Op, Or, Scalar

_COMPARES: Mapping[Op, Callable[[Any, Any], bool]] = {
    Op.EQUAL: operator.eq,
    Op.UNEQUAL: operator.ne,
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.GREATER: operator.gt,
    Op.AT_LEAST: operator.ge,
    Op.BEGINS_WITH: str.startswith,
}


def holds(expression: Expression, tags: Mapping[str, Scalar]) -> bool:
    """Whether it is true of a call with these tags. A tag that is missing, or of another kind, makes what asks for it false."""
    # A ladder of `type() is` takes half the time of a `match` on classes, a loop half that of `all` over a generator.
    if type(expression) is Compare:
        return _compare(expression, tags.get(expression.name))
    if type(expression) is Is:
        return tags.get(expression.name) is expression.wanted
    if type(expression) is Among:
        return _among(expression, tags.get(expression.name))
    if type(expression) is And:
        for operand in expression.operands:  # noqa: SIM110
            if not holds(operand, tags):
                return False
        return True
    if type(expression) is Not:
        return not holds(expression.operand, tags)
    if type(expression) is Or:
        for operand in expression.operands:  # noqa: SIM110
            if holds(operand, tags):
                return True
        return False
    if type(expression) is Known:
        return expression.name in tags
    assert_never(expression)


def _compare(compare: Compare, value: Scalar | None) -> bool:
    wanted = compare.value
    # To Python a truth is a number too.
    return isinstance(value, type(wanted)) and type(value) is not bool and _COMPARES[compare.op](value, wanted)


def _among(among: Among, value: Scalar | None) -> bool:
    values = among.values
    if not values:
        return among.negated and value is not None
    if not isinstance(value, type(values[0])) or type(value) is bool:
        return False
    place = bisect_left(values, value)
    return (place < len(values) and values[place] == value) is not among.negated
