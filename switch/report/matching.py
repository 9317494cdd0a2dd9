"""Knows how a filter about dimensions is asked of whole columns at once: what `routing.expression.holds` says of one call.

Does not know where columns come from.
"""

import operator
from collections.abc import Callable, Mapping
from typing import assert_never

import polars as pl

from routing.expression import Expression
from routing.expression_tree import Among, And, Compare, Is, Known, Not, Op, Or

_COMPARED: Mapping[Op, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    Op.EQUAL: operator.eq,
    Op.UNEQUAL: operator.ne,
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.GREATER: operator.gt,
    Op.AT_LEAST: operator.ge,
    Op.BEGINS_WITH: lambda column, value: column.str.starts_with(value),
}


def matches(expression: Expression) -> pl.Expr:
    """True where it holds. What is not known of a call makes what asks for it false, `!=` and `not in` too."""
    match expression:
        case Compare(name=name, op=op, value=value):
            return _COMPARED[op](pl.col(name), pl.lit(value)).fill_null(value=False)
        case Is(name=name, wanted=wanted):
            return pl.col(name).eq(wanted).fill_null(value=False)
        case Among(name=name, values=values, negated=negated):
            found = pl.col(name).is_in(list(values)) if values else pl.lit(value=False)
            return pl.col(name).is_not_null() & (~found if negated else found).fill_null(value=False)
        case Known(name=name):
            return pl.col(name).is_not_null()
        case Not(operand=operand):
            return ~matches(operand)
        case And(operands=operands):
            return pl.all_horizontal(matches(each) for each in operands)
        case Or(operands=operands):
            return pl.any_horizontal(matches(each) for each in operands)
        case unknown:
            assert_never(unknown)
