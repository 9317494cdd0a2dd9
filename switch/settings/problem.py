"""Defines a config problem, and formats it for people and for programs."""

import json
from dataclasses import dataclass
from enum import StrEnum

MAX_QUOTED = 60
MAX_EXCERPT = 120
EXCERPT_LEAD = 40
MARGIN = "      | "


class Severity(StrEnum):
    """An error refuses the config; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where something is written. `line` and `column` count from 1; `column` counts characters."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong, and where.

    `path`: the file (or directory), relative to the working directory when below it. `line` 0: the file as a whole.
    `excerpt`: that line of the file. `length`: how many characters of it, from `column` on, are meant.
    `expected`: what belongs there. `hint`: what to do about it.
    """

    path: str
    line: int
    column: int
    severity: Severity
    message: str
    excerpt: str = ""
    length: int = 1
    expected: str | None = None
    hint: str | None = None


def show(problem: Problem, *, columns: int | None = None) -> str:
    """The problem as people read it: place and message, the line with carets under the whole token, what belongs there, a hint.

    `columns`: how wide the line of the file may be with its number; None: as wide as a log takes it.
    """
    word = "warning: " if problem.severity is Severity.WARNING else ""
    place = f"{problem.path}:{problem.line}:{problem.column}" if problem.line else problem.path
    rows = [f"{place}  {word}{problem.message}"]
    if problem.line:
        rows += _excerpt(problem, MAX_EXCERPT if columns is None else columns - len(MARGIN))
    if problem.expected:
        rows.append(f"  expected  {problem.expected}")
    if problem.hint:
        rows.append(f"  hint      {problem.hint}")
    return "\n".join(_printable(row) for row in rows)


def as_json(problem: Problem) -> dict[str, str | int | None]:
    """The problem for programs; `length` is the number of characters meant, from `column` on."""
    return {
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "length": problem.length,
        "severity": problem.severity.value,
        "message": problem.message,
        "expected": problem.expected,
        "hint": problem.hint,
    }


def quote(text: str) -> str:
    """Text from a config, safe to print: control characters escaped, long ones cut."""
    return json.dumps(_printable(text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED - 1] + "…"), ensure_ascii=False)


def order(problem: Problem) -> tuple[str, int, int, str]:
    """Sorts problems by file, line and column."""
    return problem.path, problem.line, problem.column, problem.message


def _excerpt(problem: Problem, wide: int) -> list[str]:
    """The line and its carets. A line of more than `wide` characters is cut to a window around the token."""
    line, start = _printable(problem.excerpt).rstrip(), problem.column - 1
    if len(line) > wide:
        cut = max(0, start - EXCERPT_LEAD)
        line, start = line[cut : cut + max(wide, EXCERPT_LEAD + 1)], start - cut
    room = max(1, len(line) - start)
    indent = "".join("\t" if char == "\t" else " " for char in line[:start]).ljust(start)
    carets = "^" * max(1, min(problem.length, room))
    return [f"{problem.line:>5} | {line}".rstrip(), f"{MARGIN}{indent}{carets}"]


def _printable(text: str) -> str:
    """Escapes control characters: bytes of an untrusted file must not control the terminal that the problem is shown on."""
    return "".join(char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
