"""Defines a config problem, and quotes texts of a config safely. `switch.problem_text` shows problems to people and programs."""

import json
from dataclasses import dataclass
from enum import StrEnum

MAX_QUOTED = 60


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


def quote(text: str) -> str:
    """Text from a config, safe to print: control characters escaped, long ones cut."""
    return json.dumps(printable(text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED - 1] + "…"), ensure_ascii=False)


def order(problem: Problem) -> tuple[str, int, int, str]:
    """Sorts problems by file, line and column."""
    return problem.path, problem.line, problem.column, problem.message


def printable(text: str) -> str:
    """Escapes control characters: bytes of an untrusted file must not control the terminal that the problem is shown on."""
    return "".join(char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
