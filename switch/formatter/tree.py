"""Knows a file as what is written where: the parts of the tree with their places in the text, and the comments between them.

Does not know what a part means. Places come from the parser (`text`); a place is an offset into the text, or the number of a line.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from switch.settings.source import KeyPath, Parsed, Piece, Value

_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A single value. `style`: its quote, `|` or `>`; "" for a plain one. `blank`: nothing is written there, or `null`."""

    start: int
    end: int
    text: str
    style: str
    blank: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    start: int
    end: int
    flow: bool
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    key: Leaf
    value: "Node"

    @property
    def name(self) -> str:
        return self.key.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """`flow`: written in braces. The sections of a file are never so taken: their place is the whole file."""

    start: int
    end: int
    flow: bool
    pairs: tuple[Pair, ...]

    @property
    def plain(self) -> dict[str, object]:
        """Keys with their single values, for those who choose by what is written."""
        return {pair.key.text: pair.value.text if isinstance(pair.value, Leaf) else None for pair in self.pairs}


Node = Leaf | Items | Pairs


@dataclass(frozen=True, slots=True)
class Text:
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


def text_of(whole: str) -> Text:
    lines = whole.split("\n")
    starts = [0]
    for line in lines[:-1]:
        starts.append(starts[-1] + len(line) + 1)
    return Text(whole, tuple(lines), tuple(starts))


def tree_of(found: Parsed, text: Text) -> Pairs:
    """What `text` was parsed into, with its places."""
    pairs = tuple(_pair(found, text, (key,), value) for key, value in found.data.items())
    return Pairs(start=0, end=len(text.whole), flow=False, pairs=pairs)


def last_content(text: Text, node: Node) -> int:
    """The last line that has something of `node`; comments behind it apart."""
    match node:
        case Items(flow=False, items=items) if items:
            return last_content(text, items[-1])
        case Pairs(flow=False, pairs=pairs) if pairs:
            return last_content(text, pairs[-1].value)
        case Leaf() if node.start == node.end:
            return text.line_of(node.start)
        case _:
            return text.last_line(node)


def leaves(node: Node) -> Iterator[Leaf]:
    """All single values and keys, in the order written."""
    match node:
        case Leaf():
            yield node
        case Items(items=items):
            for item in items:
                yield from leaves(item)
        case Pairs(pairs=pairs):
            for pair in pairs:
                yield pair.key
                yield from leaves(pair.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """`column`: where its `#` is."""

    line: int
    column: int
    text: str


def comments(text: Text, tree: Pairs) -> dict[int, Comment]:
    """By line, the comment that is there."""
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


def long_lines(text: Text, tree: Pairs) -> set[int]:
    """The lines of values that go over several: what seems blank or trailing there is part of the value."""
    found: set[int] = set()
    for leaf in leaves(tree):
        first, last = text.line_of(leaf.start), text.last_line(leaf)
        if last > first:
            found.update(range(first, last + 1))
    return found


def _hidden(text: Text, tree: Pairs) -> dict[int, list[tuple[int, int]]]:
    """By line, the columns that values take up: a `#` in them begins no comment."""
    found: dict[int, list[tuple[int, int]]] = {}
    for leaf in leaves(tree):
        first, last = text.line_of(leaf.start), text.last_line(leaf)
        for number in range(first, last + 1):
            if leaf.style in ("|", ">") and number == first:
                continue  # its mark; a comment may follow
            start = text.column_of(leaf.start) if number == first else 0
            end = leaf.end - text.starts[number] if number == last else len(text.lines[number])
            found.setdefault(number, []).append((start, end))
    return found


def _pair(found: Parsed, text: Text, path: KeyPath, value: Value) -> Pair:
    spot = found.spots[path]
    key = spot.key_piece
    if key is None:
        raise AssertionError("a key without a place")
    name = _leaf(key, text, str(path[-1]))
    return Pair(key=name, value=_node(found, text, path, value))


def _node(found: Parsed, text: Text, path: KeyPath, value: Value) -> Node:
    spot = found.spots[path]
    start, end = text.offset(spot.first.start_mark), text.offset(spot.last.end_mark)
    flow = bool(getattr(spot.first, "flow_style", False))
    match value:
        case list():
            items = tuple(_node(found, text, (*path, at), item) for at, item in enumerate(value))
            return Items(start=start, end=end, flow=flow, items=items)
        case dict():
            pairs = tuple(_pair(found, text, (*path, key), inner) for key, inner in value.items())
            return Pairs(start=start, end=end, flow=flow, pairs=pairs)
        case str():
            return _leaf(spot.first, text, value)
        case _:
            return Leaf(start=start, end=end, text="", style="", blank=True)


def _leaf(piece: Piece, text: Text, value: str) -> Leaf:
    style = getattr(piece, "style", None) or ""
    return Leaf(start=text.offset(piece.start_mark), end=text.offset(piece.end_mark), text=value, style=style)
