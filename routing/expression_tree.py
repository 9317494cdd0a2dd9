"""Defines what a filter is made of, as plain, comparable data, and writes it down again. `expression_parse` reads one,
`expression_check` says whether it fits the tags there are, `expression_holds` evaluates it for a call.

Columns say where in the written text a node stands, counted from 0; two expressions that differ only in them are equal.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never, final

KEYWORDS = frozenset({"and", "or", "not", "in", "begins_with", "known", "true", "false"})
MAX_BRIEF = 60
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

Scalar = str | int | bool
"""What a tag of a call may be worth."""


class Kind(StrEnum):
    """What a tag holds: `str`, `int` or `bool`."""

    TEXT = "text"
    NUMBER = "number"
    TRUTH = "truth"


class Op(StrEnum):
    """How a tag is compared with a value. The first two take text and numbers, `begins_with` text, the others numbers."""

    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    BEGINS_WITH = "begins_with"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """`age >= 65`. A truth is never compared: see `Is`."""

    name: str
    op: Op
    value: str | int
    column: int = field(default=0, compare=False)
    value_column: int = field(default=0, compare=False)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """`state in [OK, TX]`, or `state not in [OK, TX]`. `values`: of one kind, sorted, each once: long lists are searched fast."""

    name: str
    values: tuple[str | int, ...]
    negated: bool = False
    column: int = field(default=0, compare=False)
    value_column: int = field(default=0, compare=False)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Is:
    """`repeat`, or with `wanted` False `repeat == false`."""

    name: str
    wanted: bool = True
    column: int = field(default=0, compare=False)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """`known(age)`: the call has that tag."""

    name: str
    column: int = field(default=0, compare=False)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    operand: "Expression"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    """At least two operands, none of them an `And`."""

    operands: tuple["Expression", ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Or:
    """At least two operands, none of them an `Or`."""

    operands: tuple["Expression", ...]


Condition = Compare | Among | Is | Known
"""What asks for a single tag."""

Expression = Condition | Not | And | Or


class BadExpression(Exception):
    """A text that is no filter: what is wrong, at which column (from 0), and what would have been right there."""

    def __init__(self, message: str, column: int, expected: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.expected = expected


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TypeMismatch:
    """A filter that says nothing sensible about the tags there are. `name`: the tag, where it is unknown."""

    message: str
    column: int
    name: str | None = None


def is_word(text: str) -> bool:
    """Whether a text stands for itself without quotes. The name of a tag has to be such a word, else no filter can ask for it."""
    return bool(_WORD.fullmatch(text)) and text not in KEYWORDS


def brief(text: str) -> str:
    """A text as a message quotes it, cut where it is long."""
    return f'"{text}"' if len(text) <= MAX_BRIEF else f'"{text[: MAX_BRIEF - 1]}…"'


def names(expression: Expression) -> frozenset[str]:
    """The tags it asks for."""
    match expression:
        case Not(operand=operand):
            return names(operand)
        case And(operands=operands) | Or(operands=operands):
            return frozenset().union(*map(names, operands))
        case _:
            return frozenset({expression.name})


def show(expression: Expression) -> str:
    """Its canonical text, which parses to an equal expression: single spaces, no parenthesis or quote too many, lists sorted."""
    match expression:
        case Or(operands=operands):
            return " or ".join(map(show, operands))
        case And(operands=operands):
            return " and ".join(f"({show(operand)})" if isinstance(operand, Or) else show(operand) for operand in operands)
        case Not(operand=operand):
            return f"not ({show(operand)})" if isinstance(operand, And | Or) else f"not {show(operand)}"
        case Compare(name=name, op=op, value=value):
            return f"{name} {op} {show_value(value)}"
        case Among(name=name, values=values, negated=negated):
            return f"{name} {'not in' if negated else 'in'} [{', '.join(map(show_value, values))}]"
        case Is(name=name, wanted=wanted):
            return name if wanted else f"{name} == false"
        case Known(name=name):
            return f"known({name})"
        case _:
            assert_never(expression)


def show_value(value: str | int) -> str:
    """A value as filters write it. No text that was parsed has quotes of both sorts, for there is no way to write one."""
    if isinstance(value, int):
        return str(value)
    if is_word(value):
        return value
    return f"'{value}'" if '"' in value else f'"{value}"'
