"""Edits the text of a file: values in their canonical spelling, then keys in the order of the schema.

Values are rewritten where they stand, so lines and comments stay too; a comment behind a value that gets longer or shorter keeps its
column where there is room. Braces and brackets on one line are written with single spaces and their keys in order. Those on several
lines keep their layout; with a comment between them their keys keep their order too, since the comment may be about any of them.

Keys are sorted by moving whole lines. A comment belongs to the entry below it, or to the entry above if it is indented deeper than that.
A paragraph of comment before the first entry that a blank line ends is about all of them and stays, as does what follows the last entry.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, assert_never

from switch.formatter.schema_place import SchemaKeys, SchemaPlace, canonical_name, canonical_text
from switch.formatter.yaml_text import Comment, MappingEntry, MappingNode, Node, ScalarNode, SequenceNode, SourceText, last_line_of

_COLON = re.compile(r"[ \t]*:[ \t]+")
_BLOCKS = ("|", ">")
_DASHES = re.compile(r" *-[ -]*")
_MODELINE = "# yaml-language-server:"
LEAST_GAP = 2
"""Spaces before a comment that can't keep its column."""


class Edit(NamedTuple):
    """The characters from `start` to `end`, and what stands there instead."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRewriter:
    """Writes the values of one file."""

    text: SourceText
    comments: dict[int, Comment]
    by_name: bool = False
    """Whether names are sorted too, where the schema has them sorted on demand."""

    def edits(self, node: Node, place: SchemaPlace) -> Iterator[Edit]:
        """Yields the edits of the values in `node`."""
        match node:
            case ScalarNode():
                yield from self._replaced(node, self._scalar(node, place))
            case SequenceNode() | MappingNode() if node.flow and not self._has_comment(node):
                yield from self._replaced(node, self._flow(node, place))
            case SequenceNode(items=items):
                for item in items:
                    yield from self.edits(item, place.item())
            case MappingNode(entries=entries):
                keys = place.of_keys(node.plain)
                for entry in entries:
                    yield from self._replaced(entry.key, self._key(entry.key, keys))
                    yield from self._colon(entry)
                    yield from self.edits(entry.value, keys.place(entry.key.text))
            case _:
                assert_never(node)

    def _replaced(self, node: Node, new: str) -> Iterator[Edit]:
        if new != self._source(node):
            yield Edit(node.start, node.end, new)

    def _colon(self, entry: MappingEntry) -> Iterator[Edit]:
        between = self.text.whole[entry.key.end : entry.value.start]
        if between != ": " and _COLON.fullmatch(between):
            yield Edit(entry.key.end, entry.value.start, ": ")

    def _scalar(self, scalar: ScalarNode, place: SchemaPlace) -> str:
        source = self._source(scalar)
        if scalar.blank or scalar.style in _BLOCKS or "\n" in source:
            return source
        new = canonical_text(scalar.text, place.kind, style=scalar.style)
        return source if new is None else new

    def _key(self, key: ScalarNode, keys: SchemaKeys) -> str:
        source = self._source(key)
        if "\n" in source:
            return source
        if keys.place(key.text).of_model:
            return key.text
        # Tiers are numbered, here and for other readers of YAML.
        new = None if keys.numbered else canonical_name(key.text)
        return source if new is None else new

    def _flow(self, node: Node, place: SchemaPlace) -> str:
        """A value inside of braces or brackets, with all that it holds."""
        match node:
            case ScalarNode():
                return self._scalar(node, place)
            case SequenceNode(items=items):
                return self._filled_in(node, [self._flow(item, place.item()) for item in items], "[]")
            case MappingNode(entries=entries):
                keys = place.of_keys(node.plain)
                texts = [self._entry(entry, keys) for entry in keys.sorted(entries, by_name=self.by_name)]
                return self._filled_in(node, texts, "{}")
            case _:
                assert_never(node)

    def _entry(self, entry: MappingEntry, keys: SchemaKeys) -> str:
        between = self.text.whole[entry.key.end : entry.value.start]
        colon = between if "\n" in between else ": "
        return self._key(entry.key, keys) + colon + self._flow(entry.value, keys.place(entry.key.text))

    def _filled_in(self, node: SequenceNode | MappingNode, texts: list[str], ends: str) -> str:
        """Returns the text of `node` with `texts` for its items or entries. A node that has keys without values is left as it is."""
        parts = node.items if isinstance(node, SequenceNode) else node.entries
        source = self._source(node)
        slots = [(part.key.start, part.value.end) if isinstance(part, MappingEntry) else (part.start, part.end) for part in parts]
        values = [part.value if isinstance(part, MappingEntry) else part for part in parts]
        if any(value.start == value.end for value in values):
            return source
        if "\n" not in source:
            return ends[0] + ", ".join(texts) + ends[1]
        if source[:1] != ends[0]:
            return source
        filled, at = "", node.start
        for (start, end), text in zip(slots, texts, strict=True):
            filled += self.text.whole[at:start] + text
            at = end
        return filled + self.text.whole[at : node.end]

    def _has_comment(self, node: Node) -> bool:
        first, last = self.text.line_of(node.start), self.text.last_line(node)
        found = (self.comments[line] for line in range(first, last + 1) if line in self.comments)
        return any(self.text.starts[comment.line] + comment.column < node.end for comment in found)

    def _source(self, node: Node) -> str:
        return self.text.whole[node.start : node.end]


def apply_edits(edits: list[Edit], text: SourceText, comments: dict[int, Comment]) -> str:
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


def _gap(text: SourceText, comment: Comment, by: int) -> Edit:
    """The space before a comment whose line grew `by` characters."""
    line = text.lines[comment.line]
    gap = comment.column - len(line[: comment.column].rstrip())
    end = text.starts[comment.line] + comment.column
    return Edit(end - gap, end, " " * max(gap - by, min(gap, LEAST_GAP)))


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLines:
    """The lines of an entry: comments from `start` on, its key at `key`, up to `end`, which is not part of it."""

    name: str
    start: int
    key: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySorter:
    """Orders the lines of one file. Inner mappings come first: their lines stay inside the block of the entry around them."""

    text: SourceText
    comments: dict[int, Comment]
    lines: list[str]
    by_name: bool

    def sort(self, node: Node, place: SchemaPlace) -> None:
        """Brings the lines of `node` into order."""
        if isinstance(node, ScalarNode) or node.flow:
            return
        if isinstance(node, SequenceNode):
            for item in node.items:
                self.sort(item, place.item())
            return
        keys = place.of_keys(node.plain)
        for entry in node.entries:
            self.sort(entry.value, keys.place(entry.name))
        blocks = self._blocks(node)
        ordered = keys.sorted(blocks, by_name=self.by_name)
        if ordered != blocks:
            self._move(ordered, blocks)

    def _blocks(self, node: MappingNode) -> list[EntryLines]:
        """Its entries as blocks of lines; none where they can't be told apart."""
        keys = [self.text.line_of(entry.key.start) for entry in node.entries]
        columns = {self.text.column_of(entry.key.start) for entry in node.entries}
        if len(columns) != 1:
            return []
        column = columns.pop()
        before = [self.text.lines[line][:column] for line in keys]
        if any(each.strip() for each in before[1:]) or (before[0].strip() and not _DASHES.fullmatch(before[0])):
            return []
        blocks, start = [], keys[0] if before[0].strip() else self._first_line(keys[0])
        for key, entry in zip(keys, node.entries, strict=True):
            end = self._line_behind(entry, column)
            blocks.append(EntryLines(name=entry.name, start=start, key=key, end=end))
            start = end
        return blocks

    def _first_line(self, key: int) -> int:
        """Returns the line on which the comment right above begins."""
        start = key
        while self._is_comment(start - 1) and not self.comments[start - 1].text.startswith(_MODELINE):
            start -= 1
        return start

    def _line_behind(self, entry: MappingEntry, column: int) -> int:
        """Returns the line behind an entry whose key is at `column`, and behind the comments that belong to it."""
        end = last_line_of(self.text, entry.value) + 1
        line = end
        while line < len(self.text.lines) and (self._is_comment(line) or not self.text.lines[line].strip()):
            if self._is_comment(line):
                if self.comments[line].column <= column:
                    break
                end = line + 1
            line += 1
        return end

    def _move(self, ordered: list[EntryLines], blocks: list[EntryLines]) -> None:
        first, column = blocks[0], self._column(blocks)
        dashes = self.lines[first.key][:column]
        self.lines[first.key] = " " * column + self.lines[first.key][column:]
        moved = [line for block in ordered for line in self.lines[block.start : block.end]]
        if dashes.strip():
            self._put_dash(moved, ordered[0], dashes)
        self.lines[first.start : blocks[-1].end] = moved

    def _put_dash(self, moved: list[str], block: EntryLines, dashes: str) -> None:
        """The first line of an item has its dash; the comments about it stand above."""
        at = block.key - block.start
        margin = dashes[: dashes.index("-")]
        moved[:at] = [(margin + line.lstrip()).rstrip() for line in moved[:at]]
        moved[at] = dashes + moved[at][len(dashes) :]

    def _column(self, blocks: list[EntryLines]) -> int:
        """Where the keys begin: the first may stand behind a dash, the others behind spaces only."""
        line = self.text.lines[blocks[1].key]
        return len(line) - len(line.lstrip())

    def _is_comment(self, line: int) -> bool:
        """Whether there is nothing else on it."""
        comment = self.comments.get(line)
        return comment is not None and not self.text.lines[line][: comment.column].strip()
