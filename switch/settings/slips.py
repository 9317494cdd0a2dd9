"""Finds the author's mistake behind a YAML syntax error, and says what to do about it.

A YAML parser says where it could not go on, which is often lines below. The rules here look for what is likely meant; where none fits,
the parser's own words are told.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from switch.settings.source import Span

_NO_SPACE = re.compile(r"^(\s*(?:- +)?)([\w-]+:)([^\s:/].*)$")
_EQUALS = re.compile(r"^(\s*(?:- +)?)([\w-]+)\s*=\s*(.*)$")
_PAIR = re.compile(r"^(\s*(?:- +)?)([\w-]+|\"[^\"]*\"|'[^']*'):(?:\s|$)")
_CLOSER = {"{": "}", "[": "]"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """What is wrong with the YAML, where, and what to do."""

    span: Span
    message: str
    hint: str


def slip_of(error: yaml.MarkedYAMLError, lines: Sequence[str]) -> Slip | None:
    """Returns the most likely mistake, or None where no rule fits. `lines`: of the file, without secrets."""
    mark, context = error.problem_mark, error.context_mark
    if mark is None or not lines:
        return None
    at = min(mark.line, len(lines) - 1)
    begun = min(context.line, at) if context else at
    problem, char = error.problem or "", lines[at][mark.column : mark.column + 1] if mark.line == at else ""
    if char == "\t" or "tab character" in problem:
        return _slip(mark.line, mark.column, 1, "a tab", "YAML is indented with spaces, never with tabs")
    if "expected ':'" in problem:
        return _no_pair(begun, lines[begun])
    if (quote := _open_quote(lines, begun, at)) is not None:
        return _slip(*quote, 1, "a quote that is not closed", f"close it on this line with {lines[quote[0]][quote[1]]}")
    if "mapping values" in problem:
        return _nested(at, mark.column, lines)
    if "',' or" in problem and context:
        return _unclosed(begun, context.column, lines, end=(mark.line, mark.column))
    if "expected key" in problem or "expected '-'" in problem:
        return _no_key(at, mark.column, lines)
    if "cannot start any token" in problem:
        return _slip(at, mark.column, 1, f"a value that begins with {char}", "put the value in quotes")
    if "escape character" in problem:
        hint = "write the backslash twice, or the whole value in single quotes"
        return _slip(at, mark.column, 1, "a backslash that says nothing", hint)
    return None


def _slip(line: int, column: int, length: int, message: str, hint: str) -> Slip:
    """`line`, `column`: from 0."""
    return Slip(span=Span(line=line + 1, column=column + 1, length=max(1, length)), message=message, hint=hint)


def _no_pair(line: int, row: str) -> Slip:
    """Returns the slip for a line that should be `key: value`."""
    if (slip := _no_space(line, row)) is not None:
        return slip
    if found := _EQUALS.match(row):
        return _slip(
            line, len(found[1]), len(row) - len(found[1]), "an equals sign for a colon", f"write `{found[2]}: {found[3].strip()}`"
        )
    words = row.strip().removeprefix("- ").split(maxsplit=1)
    wish = f"`{words[0]}: {words[1]}`" if len(words) == 2 else f"`{words[0]}:`"
    return _slip(line, len(row) - len(row.lstrip()), len(row.strip()), "a key without a colon", f"write {wish}")


def _no_space(line: int, row: str) -> Slip | None:
    found = _NO_SPACE.match(row)
    if found is None:
        return None
    return _slip(line, len(found[1]), len(found[2]), "no space behind the colon", f"write `{found[2]} {found[3].strip()}`")


def _open_quote(lines: Sequence[str], first: int, last: int) -> tuple[int, int] | None:
    """(line, column) of a quote that begins a value and is not closed on its line."""
    for line in range(first, last + 1):
        mark, before = "", ":"
        opened = 0
        for column, char in enumerate(lines[line]):
            if mark:
                mark = "" if char == mark and lines[line][column - 1] != "\\" else mark
            elif char == "#" and (column == 0 or lines[line][column - 1].isspace()):
                break
            elif char in "\"'" and before in ":,[{-":
                mark, opened = char, column
            before = before if char.isspace() else char
        if mark:
            return line, opened
    return None


def _nested(line: int, column: int, lines: Sequence[str]) -> Slip | None:
    """A `key:` where none can be: below a value, or inside one."""
    above = next((number for number in range(line - 1, -1, -1) if lines[number].strip()), None)
    if above is not None and (slip := _no_space(above, lines[above])) is not None:
        return slip
    own, pair = _indent(lines[line]), _PAIR.match(lines[line])
    if pair and pair.end() <= column:
        return _slip(line, column, 1, "a colon in a value", "put the value in quotes")
    if above is not None and own > _indent(lines[above]):
        return _slip(line, own, len(lines[line].strip()), "indented deeper than it belongs", _like(above, lines))
    return None


def _unclosed(line: int, column: int, lines: Sequence[str], *, end: tuple[int, int]) -> Slip:
    """A bracket that none closes, or no comma between its items. `end`: (line, column) where the parser could not go on."""
    opener, (at, stop) = lines[line][column], end
    closer = _CLOSER[opener]
    rest = lines[at][stop : stop + 1] if at == line else ""
    if rest in ("}", "]"):
        return _slip(line, stop, 1, f'"{rest}" where the "{opener}" of column {column + 1} is open', f'write "{closer}" before it')
    if rest in ("", "#"):
        return _slip(line, column, 1, f'a "{opener}" that is not closed', f'close it with "{closer}"')
    return _slip(line, stop, 1, "no comma between two entries", "put a comma between them, or the value in quotes")


def _no_key(line: int, column: int, lines: Sequence[str]) -> Slip | None:
    """Something that is no `key: value` in the midst of such lines."""
    row = lines[line]
    if row[column : column + 1] in ("}", "]"):
        return _slip(line, column, 1, f'one "{row[column]}" too many', "leave it out, or open it before")
    if column != _indent(row):
        return _slip(
            line, column, len(row.rstrip()) - column, "text behind a value that has ended", "put the whole value in quotes"
        )
    above = [number for number in range(line) if lines[number].strip() and not lines[number].lstrip().startswith("#")]
    like = next((number for number in reversed(above) if _indent(lines[number]) != column), None)
    if like is None:
        return None
    return _slip(line, column, len(row.strip()), "indented like no line above that it belongs to", _like(like, lines))


def _like(line: int, lines: Sequence[str]) -> str:
    spaces = _indent(lines[line])
    return (
        f"line {line + 1} has {spaces} space{'' if spaces == 1 else 's'} before it: give this one as many, if they belong together"
    )


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip(" "))
