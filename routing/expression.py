"""Re-exports the language of filters: `state in [TX, OK] and age >= 65 and not repeat` (docs/guide-filters.md). Pure, like all of routing.

What a filter is made of is in `expression_tree`, reading in `expression_parse`, evaluating in `expression_holds`, finding nonsense in
`expression_check`. Which tags calls have is in `routing.tags`.
"""

from routing.expression_check import IdleValue, idle_values, never_holds, type_mismatches
from routing.expression_holds import holds
from routing.expression_parse import MAX_DEPTH, MAX_LENGTH, MAX_LIST, parse
from routing.expression_tree import BadExpression, Expression, Kind, Scalar, TypeMismatch, is_word, names, show, show_value

__all__ = [
    "MAX_DEPTH",
    "MAX_LENGTH",
    "MAX_LIST",
    "BadExpression",
    "Expression",
    "IdleValue",
    "Kind",
    "Scalar",
    "TypeMismatch",
    "holds",
    "idle_values",
    "is_word",
    "names",
    "never_holds",
    "parse",
    "show",
    "show_value",
    "type_mismatches",
]
