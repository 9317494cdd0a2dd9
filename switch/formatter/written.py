"""Knows how the values of a file come to be written in the one way, where they stand. Lines stay where they are, and so do comments:
on the line of a value that gets longer or shorter, the comment keeps its column where it can.

Braces and brackets on one line are written with single spaces and their keys in order. Those on several lines keep their layout; with
a comment between them their keys keep their order too, for nobody knows which of them it is about.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, assert_never

from switch.formatter.shape import Keys, Place
from switch.formatter.tree import Comment, Items, Leaf, Node, Pair, Pairs, Text
from switch.formatter.value import name_written, written

_COLON = re.compile(r"[ \t]*:[ \t]+")
_BLOCKS = ("|", ">")
LEAST_GAP = 2
"""Spaces before a comment that can't keep its column."""


class Edit(NamedTuple):
    """The characters from `start` to `end`, and what stands there instead."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes the values of one file."""

    text: Text
    comments: dict[int, Comment]
    by_name: bool = False
    """Whether names are sorted too, where the schema has them sorted on demand."""

    def edits(self, node: Node, place: Place) -> Iterator[Edit]:
        """What changes in `node`."""
        match node:
            case Leaf():
                yield from self._replaced(node, self._leaf(node, place))
            case Items() | Pairs() if node.flow and not self._has_comment(node):
                yield from self._replaced(node, self._flow(node, place))
            case Items(items=items):
                for item in items:
                    yield from self.edits(item, place.item())
            case Pairs(pairs=pairs):
                keys = place.of_keys(node.plain)
                for pair in pairs:
                    yield from self._replaced(pair.key, self._key(pair.key, keys))
                    yield from self._colon(pair)
                    yield from self.edits(pair.value, keys.place(pair.key.text))
            case _:
                assert_never(node)

    def _replaced(self, node: Node, new: str) -> Iterator[Edit]:
        if new != self._source(node):
            yield Edit(node.start, node.end, new)

    def _colon(self, pair: Pair) -> Iterator[Edit]:
        between = self.text.whole[pair.key.end : pair.value.start]
        if between != ": " and _COLON.fullmatch(between):
            yield Edit(pair.key.end, pair.value.start, ": ")

    def _leaf(self, leaf: Leaf, place: Place) -> str:
        source = self._source(leaf)
        if leaf.blank or leaf.style in _BLOCKS or "\n" in source:
            return source
        new = written(leaf.text, place.form, style=leaf.style)
        return source if new is None else new

    def _key(self, key: Leaf, keys: Keys) -> str:
        source = self._source(key)
        if "\n" in source:
            return source
        if keys.place(key.text).of_model:
            return key.text
        # Tiers are numbered, here and for other readers of YAML.
        new = None if keys.numbered else name_written(key.text)
        return source if new is None else new

    def _flow(self, node: Node, place: Place) -> str:
        """A value inside of braces or brackets, with all that it holds."""
        match node:
            case Leaf():
                return self._leaf(node, place)
            case Items(items=items):
                return self._woven(node, items, [self._flow(item, place.item()) for item in items], "[]")
            case Pairs(pairs=pairs):
                keys = place.of_keys(node.plain)
                texts = [self._pair(pair, keys) for pair in keys.sorted(pairs, by_name=self.by_name)]
                return self._woven(node, pairs, texts, "{}")
            case _:
                assert_never(node)

    def _pair(self, pair: Pair, keys: Keys) -> str:
        between = self.text.whole[pair.key.end : pair.value.start]
        colon = between if "\n" in between else ": "
        return self._key(pair.key, keys) + colon + self._flow(pair.value, keys.place(pair.key.text))

    def _woven(self, node: Items | Pairs, parts: tuple[Node, ...] | tuple[Pair, ...], texts: list[str], ends: str) -> str:
        """`texts` where `parts` stand. What has keys without values is not taken apart."""
        source = self._source(node)
        slots = [(part.key.start, part.value.end) if isinstance(part, Pair) else (part.start, part.end) for part in parts]
        values = [part.value if isinstance(part, Pair) else part for part in parts]
        if any(value.start == value.end for value in values):
            return source
        if "\n" not in source:
            return ends[0] + ", ".join(texts) + ends[1]
        if source[:1] != ends[0]:
            return source
        woven, at = "", node.start
        for (start, end), text in zip(slots, texts, strict=True):
            woven += self.text.whole[at:start] + text
            at = end
        return woven + self.text.whole[at : node.end]

    def _has_comment(self, node: Node) -> bool:
        first, last = self.text.line_of(node.start), self.text.last_line(node)
        found = (self.comments[line] for line in range(first, last + 1) if line in self.comments)
        return any(self.text.starts[comment.line] + comment.column < node.end for comment in found)

    def _source(self, node: Node) -> str:
        return self.text.whole[node.start : node.end]


def applied(edits: list[Edit], text: Text, comments: dict[int, Comment]) -> str:
    """The text with its edits, which do not overlap. Comments behind them keep their columns where there is room."""
    moved: dict[int, int] = {}
    for edit in edits:
        line = text.line_of(edit.start)
        if line in comments and edit.end <= text.starts[line] + comments[line].column:
            moved[line] = moved.get(line, 0) + len(edit.new) - (edit.end - edit.start)
    gaps = [_gap(text, comments[line], by) for line, by in moved.items() if by]
    done, at = [], 0
    for edit in sorted([*edits, *gaps]):
        done += [text.whole[at : edit.start], edit.new]
        at = edit.end
    return "".join(done) + text.whole[at:]


def _gap(text: Text, comment: Comment, by: int) -> Edit:
    """The space before a comment whose line grew `by` characters."""
    line = text.lines[comment.line]
    gap = comment.column - len(line[: comment.column].rstrip())
    end = text.starts[comment.line] + comment.column
    return Edit(end - gap, end, " " * max(gap - by, min(gap, LEAST_GAP)))
