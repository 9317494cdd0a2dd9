"""Defines a config as it was read: one tree of plain data and, beside it, where each part of it is written.

`files` and `text` read it. Sections and keys have no meaning here: what the data must look like is defined in `switch.settings.model`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, cast

from yaml.error import Mark
from yaml.events import Event

from switch.settings.problem import Position, Problem, Severity, quote

_WORD = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'|[=!<>]+|.""")


class NoValue(Enum):
    """Neither a text nor a list nor a mapping: a key with nothing behind it, or a value with an error, which is looked at no more."""

    NULL = "null"
    LEFT_OUT = "left out"


Value = str | NoValue | list["Value"] | dict[str, "Value"]
KeyPath = tuple[str | int, ...]


class Span(NamedTuple):
    """Characters of one line; `line` and `column` count from 1."""

    line: int
    column: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file as read. `path` is how people are told of it; `lines` have no secrets."""

    path: str
    lines: tuple[str, ...] = ()


class SourceSpan(NamedTuple):
    """Where a value is written, from `first` to `last`, and the key that it is written under. Items of a list have no key.

    There is one for every value of a config, and few are ever asked for: so it is a tuple, and spans are made on demand.
    """

    file: SourceFile
    key_event: Event | None
    first: Event
    last: Event

    @property
    def key(self) -> Span | None:
        return span_of(self.key_event, self.key_event, self.file) if self.key_event else None

    @property
    def value(self) -> Span:
        return span_of(self.first, self.last, self.file)


def span_of(first: Event, last: Event, file: SourceFile) -> Span:
    """The characters on the first line. A block collection reaches beyond its line: its first line stands for it."""
    start, end = cast(Mark, first.start_mark), cast(Mark, last.end_mark)
    if end.line == start.line:
        length = end.column - start.column
    else:
        line = file.lines[start.line] if start.line < len(file.lines) else ""
        length = len(line.rstrip()) - start.column
    return Span(line=start.line + 1, column=start.column + 1, length=max(1, length))


def part_of(place: SourceSpan, text: str, at: int) -> Span:
    """The word or sign at `at` of the value `text`; where it is written with escapes or on many lines, the whole value."""
    whole = place.value
    row = place.file.lines[whole.line - 1]
    raw = row[whole.column - 1 : whole.column - 1 + whole.length]
    mark = raw[0] if raw[:1] in ("'", '"') else ""
    before = text[:at].replace("'", "''") if mark == "'" else text[:at]
    if not raw.startswith(mark + before):
        return whole
    word = _WORD.match(text, at)
    column = whole.column + len(mark + before)
    return Span(line=whole.line, column=column, length=len(word[0]) if word else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All files as one. `places`: where each path of `data` is written. `unread`: the text of files that could not be parsed.
    `files`: the text of each, by its name in the directory, without secrets."""

    root: str
    data: dict[str, Value] = field(default_factory=dict)
    places: dict[KeyPath, SourceSpan] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """One file: its sections, where its parts are written, and what is wrong with keys."""

    data: dict[str, Value]
    places: dict[KeyPath, SourceSpan]
    problems: list[Problem]


def display_path(path: Path) -> str:
    """A path as people are told it: relative to the working directory when below it."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


def error_at(file: SourceFile, span: Span | None, message: str, *, expected: str | None = None, hint: str | None = None) -> Problem:
    """An error at `span` of `file`; None: about the file as a whole."""
    line, column, length = span or (0, 0, 1)
    found = Problem(path=file.path, line=line, column=column, length=length, severity=Severity.ERROR, message=message)
    return replace(found, excerpt=file.lines[line - 1] if 0 < line <= len(file.lines) else "", expected=expected, hint=hint)


def duplicate_key(name: str, first: SourceSpan, again: SourceSpan) -> Problem:
    span = first.key or first.value
    where = f"line {span.line}" if first.file.path == again.file.path else f"{first.file.path}:{span.line}"
    return error_at(again.file, again.key, f"{quote(name)} is here twice", hint=f"the first one is at {where}; keep one of them")


class Positions(Mapping[str, Position]):
    """Where each part of a config is written, by the name that call records give it. Worked out when first asked for."""

    def __init__(self, places: Mapping[KeyPath, SourceSpan]) -> None:
        self._places = places

    @cached_property
    def _by_rule(self) -> dict[str, Position]:
        return {rule_name(path): _position(place) for path, place in self._places.items()}

    def __getitem__(self, rule: str) -> Position:
        return self._by_rule[rule]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_rule)

    def __len__(self) -> int:
        return len(self._by_rule)


def position_of(positions: Mapping[str, Position], rule: str) -> Position | None:
    """Where `rule` is written; for a key that is left out, the nearest part around it."""
    while rule not in positions and "." in rule:
        rule = rule.rpartition(".")[0]
    return positions.get(rule)


def rule_name(path: KeyPath) -> str:
    """A path as rules are named in trails: lines stand under `lines.` whatever advertiser has them."""
    if path[:1] == ("advertisers",) and path[2:3] == ("lines",) and len(path) > 3:
        path = ("lines", *path[3:])
    return ".".join(str(part) for part in path)


def _position(place: SourceSpan) -> Position:
    """Of the key, where there is one. Every part of a config is asked for, so no more is worked out than this."""
    mark = cast(Mark, (place.key_event or place.first).start_mark)
    return Position(file=place.file.path, line=mark.line + 1, column=mark.column + 1)
