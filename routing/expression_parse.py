"""Parses a filter. Takes any tag name: `expression_check` compares it with the tags there are.

    either     = both {"or" both}
    both       = negation {"and" negation}
    negation   = "not" negation | "(" either ")" | condition
    condition  = "known" "(" TAG ")" | TAG [comparison]
    comparison = ("==" | "!=") value | ("<" | "<=" | ">" | ">=") number | "begins_with" text | ["not"] "in" "[" [value {"," value}] "]"

A value is a whole number, a quoted text, a bare word (which is text), or, for `==` and `!=` only, `true` or `false`.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain

from routing.expression_tree import Among, And, BadExpression, Compare, Expression, Is, Known, Not, Op, Or, Scalar, brief, is_word

MAX_LENGTH = 10_000
MAX_DEPTH = 50
"""How many `not` and `(` may stand inside each other."""
MAX_LIST = 1_000

_CONDITION = "a tag, `not`, `known(TAG)` or `(`"
_CONNECTIVE = "`and`, `or` or the end of the filter"
_VALUE = "a word, a whole number or a text in quotes"
_NUMBER = "a whole number of at most 18 digits; text goes in quotes"
_WORD = "words of letters, digits, - and _; other text goes in quotes"
# What other languages write.
_FOREIGN = {"=": "`==`", "&": "`and`", "|": "`or`", "!": "`not` or `!=`"}

_OPS = {op.value: op for op in Op}
_ORDERS = frozenset({Op.LESS, Op.AT_MOST, Op.GREATER, Op.AT_LEAST})


class _Sort(Enum):
    WORD = auto()
    NUMBER = auto()
    QUOTED = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    """`text`: as it is written; what is quoted, without its quotes."""

    sort: _Sort
    text: str
    column: int

    def means(self, *keywords: str) -> bool:
        """Whether it is one of these keywords or signs, rather than a text in quotes."""
        return self.sort in {_Sort.WORD, _Sort.SIGN} and self.text in keywords

    def unexpected(self, expected: str) -> BadExpression:
        message = "the filter ends too soon" if self.sort is _Sort.END else f"unexpected {brief(self.text)}"
        return BadExpression(message, self.column, expected)


# What starts like a number is read to its end: `90210-1234` is one wrong number, not two right ones.
_TOKEN = re.compile(
    r"(?P<WORD>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<NUMBER>-?[0-9][\w.:-]*)"
    r"|(?P<QUOTED>\"[^\"]*\"|'[^']*')"
    r"|(?P<SIGN>[=!<>]=|[<>()\[\],])"
)
_SPACE = re.compile(r"\s*")
# No leading zero: `02134` is a ZIP, and a number would lose it.
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")


def parse(text: str) -> Expression:
    """The filter that a text says; raises BadExpression."""
    if len(text) > MAX_LENGTH:
        raise BadExpression(f"the filter has {len(text)} characters", MAX_LENGTH, f"at most {MAX_LENGTH} characters")
    reader = _Reader(_tokens(text))
    expression = reader.either(0)
    if reader.next.sort is not _Sort.END:
        raise reader.next.unexpected(_CONNECTIVE)
    return expression


def _tokens(text: str) -> list[_Token]:
    """What is written, and an end."""
    tokens = []
    column = _after_space(text, 0)
    while column < len(text):
        found = _TOKEN.match(text, column)
        if not found or not found.lastgroup:
            raise _stray(text, column)
        sort = _Sort[found.lastgroup]
        tokens.append(_Token(sort=sort, text=found[0][1:-1] if sort is _Sort.QUOTED else found[0], column=column))
        column = _after_space(text, found.end())
    return [*tokens, _Token(sort=_Sort.END, text="", column=len(text))]


def _after_space(text: str, column: int) -> int:
    found = _SPACE.match(text, column)
    return found.end() if found else column


def _stray(text: str, column: int) -> BadExpression:
    character = text[column]
    if character in "\"'":
        return BadExpression("this quote is never closed", column, f"another {character} after the text")
    return BadExpression(f"unexpected {brief(character)}", column, _FOREIGN.get(character, _WORD))


class _Reader:
    """Reads tokens from left to right, one method for each rule of the grammar. `depth`: how many `not` and `(` are around."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = iter(tokens)
        self.next = next(self._tokens)

    def either(self, depth: int) -> Expression:
        operands = [self._both(depth)]
        while self.next.means("or"):
            self._take()
            operands.append(self._both(depth))
        if len(operands) == 1:
            return operands[0]
        return Or(operands=tuple(chain.from_iterable(each.operands if isinstance(each, Or) else (each,) for each in operands)))

    def _both(self, depth: int) -> Expression:
        operands = [self._negation(depth)]
        while self.next.means("and"):
            self._take()
            operands.append(self._negation(depth))
        if len(operands) == 1:
            return operands[0]
        return And(operands=tuple(chain.from_iterable(each.operands if isinstance(each, And) else (each,) for each in operands)))

    def _negation(self, depth: int) -> Expression:
        if not self.next.means("not", "("):
            return self._condition()
        opening = self._take()
        if depth == MAX_DEPTH:
            raise BadExpression("the filter is too deep", opening.column, f"at most {MAX_DEPTH} `not` and `(` inside each other")
        if opening.means("not"):
            return Not(operand=self._negation(depth + 1))
        inner = self.either(depth + 1)
        self._demand(")", "`and`, `or` or `)`")
        return inner

    def _condition(self) -> Expression:
        if self.next.means("known"):
            self._take()
            self._demand("(", "`(` and a tag")
            tag = self._tag("a tag")
            self._demand(")", "`)`")
            return Known(name=tag.text, column=tag.column)
        tag = self._tag(_CONDITION)
        if self.next.means(*_OPS):
            return self._comparison(tag, _OPS[self._take().text])
        if self.next.means("in", "not"):
            return self._among(tag)
        return Is(name=tag.text, column=tag.column)

    def _tag(self, expected: str) -> _Token:
        if self.next.sort is not _Sort.WORD or not is_word(self.next.text):
            raise self.next.unexpected(expected)
        return self._take()

    def _comparison(self, tag: _Token, op: Op) -> Expression:
        token = self.next
        value = self._value()
        if isinstance(value, bool):
            if op not in {Op.EQUAL, Op.UNEQUAL}:
                raise token.unexpected("a text" if op is Op.BEGINS_WITH else "a whole number")
            return Is(name=tag.text, wanted=value is (op is Op.EQUAL), column=tag.column)
        if op in _ORDERS and isinstance(value, str):
            raise BadExpression(f"{op} compares numbers, and {brief(value)} is text", token.column, "a whole number")
        if op is Op.BEGINS_WITH and isinstance(value, int):
            raise BadExpression(f"{op} compares text, and {value} is a number", token.column, f'a text: "{value}"')
        return Compare(name=tag.text, op=op, value=value, column=tag.column, value_column=token.column)

    def _among(self, tag: _Token) -> Among:
        negated = self._take().means("not")
        if negated:
            self._demand("in", "`in`")
        opening = self._demand("[", "a list: [TX, OK]")
        values = frozenset(self._values())
        return Among(name=tag.text, values=tuple(sorted(values)), negated=negated, column=tag.column, value_column=opening.column)

    def _values(self) -> list[str | int]:
        """The values of a list, up to its end."""
        values: list[str | int] = []
        if self.next.means("]"):
            self._take()
            return values
        while True:
            token = self.next
            value = self._value()
            if isinstance(value, bool):
                raise token.unexpected("text or numbers: a list has no truths")
            if values and type(value) is not type(values[0]):
                raise BadExpression(
                    "the list mixes text and numbers", token.column, "values of one kind; text such as a ZIP goes in quotes"
                )
            if len(values) == MAX_LIST:
                raise BadExpression("the list is too long", token.column, f"at most {MAX_LIST} values")
            values.append(value)
            if not self.next.means(",", "]"):
                raise self.next.unexpected("`,` or `]`")
            if self._take().means("]"):
                return values

    def _value(self) -> Scalar:
        token = self._take()
        match token.sort:
            case _Sort.QUOTED:
                return token.text
            case _Sort.NUMBER if _INTEGER.fullmatch(token.text):
                return int(token.text)
            case _Sort.NUMBER:
                raise BadExpression(f"{brief(token.text)} is no number", token.column, _NUMBER)
            case _Sort.WORD if token.text in {"true", "false"}:
                return token.text == "true"
            case _Sort.WORD if is_word(token.text):
                return token.text
            case _:
                raise token.unexpected(_VALUE)

    def _demand(self, sign: str, expected: str) -> _Token:
        if not self.next.means(sign):
            raise self.next.unexpected(expected)
        return self._take()

    def _take(self) -> _Token:
        """The token read now; the end is never passed."""
        token = self.next
        self.next = next(self._tokens, token)
        return token
