"""Parses a YAML file to nodes with their positions in the text, and the comments between them.

A position is an offset into the text, or the number of a line. Positions come from the parser (`switch.settings.text`).
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from yaml.events import Event

from switch.settings.source import KeyPath, ParsedFile, Value

_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarNode:
    """A single value. `style`: its quote, `|` or `>`; "" for a plain one. `blank`: nothing is written there, or `null`."""

    start: int
    end: int
    text: str
    style: str
    blank: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceNode:
    start: int
    end: int
    flow: bool
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingEntry:
    key: ScalarNode
    value: "Node"

    @property
    def name(self) -> str:
        return self.key.text


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingNode:
    """`flow`: written in braces. The sections of a file are never so taken: their place is the whole file."""

    start: int
    end: int
    flow: bool
    entries: tuple[MappingEntry, ...]

    @property
    def plain(self) -> dict[str, object]:
        """SchemaKeys with their single values, for callers that choose by what is written."""
        return {entry.key.text: entry.value.text if isinstance(entry.value, ScalarNode) else None for entry in self.entries}


Node = ScalarNode | SequenceNode | MappingNode


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text and its lines, without their ends."""

    whole: str
    lines: tuple[str, ...]
    starts: tuple[int, ...]

    def offset(self, mark: object) -> int:
        line, column = mark.line, mark.column  # type: ignore[attr-defined]  # a mark of the parser
        return self.starts[line] + column if line < len(self.starts) else len(self.whole)

    def line_of(self, offset: int) -> int:
        return bisect_right(self.starts, offset) - 1

    def column_of(self, offset: int) -> int:
        return offset - self.starts[self.line_of(offset)]

    def last_line(self, node: Node) -> int:
        """The last line that has something of `node`. A block of text ends before the line that follows it."""
        return self.line_of(max(node.start, node.end - 1))


def source_text(whole: str) -> SourceText:
    lines = whole.split("\n")
    starts = [0]
    for line in lines[:-1]:
        starts.append(starts[-1] + len(line) + 1)
    return SourceText(whole, tuple(lines), tuple(starts))


def parse_tree(found: ParsedFile, text: SourceText) -> MappingNode:
    """Returns the nodes of `text`, with their positions."""
    entries = tuple(_entry(found, text, (key,), value) for key, value in found.data.items())
    return MappingNode(start=0, end=len(text.whole), flow=False, entries=entries)


def last_line_of(text: SourceText, node: Node) -> int:
    """The last line that has something of `node`; comments behind it apart."""
    match node:
        case SequenceNode(flow=False, items=items) if items:
            return last_line_of(text, items[-1])
        case MappingNode(flow=False, entries=entries) if entries:
            return last_line_of(text, entries[-1].value)
        case ScalarNode() if node.start == node.end:
            return text.line_of(node.start)
        case _:
            return text.last_line(node)


def scalars(node: Node) -> Iterator[ScalarNode]:
    """All single values and keys, in the order written."""
    match node:
        case ScalarNode():
            yield node
        case SequenceNode(items=items):
            for item in items:
                yield from scalars(item)
        case MappingNode(entries=entries):
            for entry in entries:
                yield entry.key
                yield from scalars(entry.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """`column`: where its `#` is."""

    line: int
    column: int
    text: str


def comments_in(text: SourceText, tree: MappingNode) -> dict[int, Comment]:
    """Returns the comments by line."""
    hidden = _hidden(text, tree)
    found = {}
    for number, line in enumerate(text.lines):
        if "#" not in line:
            continue
        shown = line
        for start, end in hidden.get(number, ()):
            shown = shown[:start] + "x" * (min(end, len(line)) - start) + shown[end:]
        if comment := _COMMENT.search(shown):
            found[number] = Comment(line=number, column=comment.start(), text=line[comment.start() :].rstrip())
    return found


def multiline_values(text: SourceText, tree: MappingNode) -> set[int]:
    """The lines of values that go over several: what seems blank or trailing there is part of the value."""
    found: set[int] = set()
    for scalar in scalars(tree):
        first, last = text.line_of(scalar.start), text.last_line(scalar)
        if last > first:
            found.update(range(first, last + 1))
    return found


def _hidden(text: SourceText, tree: MappingNode) -> dict[int, list[tuple[int, int]]]:
    """By line, the columns that values take up: a `#` in them begins no comment."""
    found: dict[int, list[tuple[int, int]]] = {}
    for scalar in scalars(tree):
        first, last = text.line_of(scalar.start), text.last_line(scalar)
        for number in range(first, last + 1):
            if scalar.style in ("|", ">") and number == first:
                continue  # its mark; a comment may follow
            start = text.column_of(scalar.start) if number == first else 0
            end = scalar.end - text.starts[number] if number == last else len(text.lines[number])
            found.setdefault(number, []).append((start, end))
    return found


def _entry(found: ParsedFile, text: SourceText, path: KeyPath, value: Value) -> MappingEntry:
    place = found.places[path]
    key = place.key_event
    if key is None:
        raise AssertionError("a key without a place")
    name = _scalar(key, text, str(path[-1]))
    return MappingEntry(key=name, value=_node(found, text, path, value))


def _node(found: ParsedFile, text: SourceText, path: KeyPath, value: Value) -> Node:
    place = found.places[path]
    start, end = text.offset(place.first.start_mark), text.offset(place.last.end_mark)
    flow = bool(getattr(place.first, "flow_style", False))
    match value:
        case list():
            items = tuple(_node(found, text, (*path, at), item) for at, item in enumerate(value))
            return SequenceNode(start=start, end=end, flow=flow, items=items)
        case dict():
            entries = tuple(_entry(found, text, (*path, key), inner) for key, inner in value.items())
            return MappingNode(start=start, end=end, flow=flow, entries=entries)
        case str():
            return _scalar(place.first, text, value)
        case _:
            return ScalarNode(start=start, end=end, text="", style="", blank=True)


def _scalar(piece: Event, text: SourceText, value: str) -> ScalarNode:
    style = getattr(piece, "style", None) or ""
    return ScalarNode(start=text.offset(piece.start_mark), end=text.offset(piece.end_mark), text=value, style=style)
