"""Knows how the entries of a file come into the order of the models: as whole lines, each with the comments that are about it.

A comment is about the entry below it, or about the one above if it is indented deeper than that. A paragraph of comment before the
first entry that a blank line ends is about all of them and stays where it is; so does what follows the last entry.
"""

import re
from dataclasses import dataclass

from switch.formatter.shape import Place
from switch.formatter.tree import Comment, Items, Leaf, Node, Pair, Pairs, Text, last_content

_DASHES = re.compile(r" *-[ -]*")
_MODELINE = "# yaml-language-server:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The lines of an entry: comments from `start` on, its key at `key`, up to `end`, which is not part of it."""

    name: str
    start: int
    key: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Orderer:
    """Orders the lines of one file. Inner mappings come first: their lines stay inside the chunk of the entry around them."""

    text: Text
    comments: dict[int, Comment]
    lines: list[str]
    by_name: bool

    def order(self, node: Node, place: Place) -> None:
        """Brings the lines of `node` into order."""
        if isinstance(node, Leaf) or node.flow:
            return
        if isinstance(node, Items):
            for item in node.items:
                self.order(item, place.item())
            return
        keys = place.of_keys(node.plain)
        for pair in node.pairs:
            self.order(pair.value, keys.place(pair.name))
        chunks = self._chunks(node)
        ordered = keys.sorted(chunks, by_name=self.by_name)
        if ordered != chunks:
            self._move(ordered, chunks)

    def _chunks(self, node: Pairs) -> list[Chunk]:
        """Its entries as chunks of lines; none where they can't be told apart."""
        keys = [self.text.line_of(pair.key.start) for pair in node.pairs]
        columns = {self.text.column_of(pair.key.start) for pair in node.pairs}
        if len(columns) != 1:
            return []
        column = columns.pop()
        before = [self.text.lines[line][:column] for line in keys]
        if any(each.strip() for each in before[1:]) or (before[0].strip() and not _DASHES.fullmatch(before[0])):
            return []
        chunks, start = [], keys[0] if before[0].strip() else self._lead(keys[0])
        for key, pair in zip(keys, node.pairs, strict=True):
            end = self._end(pair, column)
            chunks.append(Chunk(name=pair.name, start=start, key=key, end=end))
            start = end
        return chunks

    def _lead(self, key: int) -> int:
        """Where the comment on the lines right above begins."""
        start = key
        while self._is_comment(start - 1) and not self.comments[start - 1].text.startswith(_MODELINE):
            start -= 1
        return start

    def _end(self, pair: Pair, column: int) -> int:
        """The line behind an entry whose key is at `column`, and behind the comments that belong to it."""
        end = last_content(self.text, pair.value) + 1
        line = end
        while line < len(self.text.lines) and (self._is_comment(line) or not self.text.lines[line].strip()):
            if self._is_comment(line):
                if self.comments[line].column <= column:
                    break
                end = line + 1
            line += 1
        return end

    def _move(self, ordered: list[Chunk], chunks: list[Chunk]) -> None:
        first, column = chunks[0], self._column(chunks)
        dashes = self.lines[first.key][:column]
        self.lines[first.key] = " " * column + self.lines[first.key][column:]
        moved = [line for chunk in ordered for line in self.lines[chunk.start : chunk.end]]
        if dashes.strip():
            self._begin(moved, ordered[0], dashes)
        self.lines[first.start : chunks[-1].end] = moved

    def _begin(self, moved: list[str], chunk: Chunk, dashes: str) -> None:
        """The first line of an item has its dash; the comments about it stand above."""
        at = chunk.key - chunk.start
        margin = dashes[: dashes.index("-")]
        moved[:at] = [(margin + line.lstrip()).rstrip() for line in moved[:at]]
        moved[at] = dashes + moved[at][len(dashes) :]

    def _column(self, chunks: list[Chunk]) -> int:
        """Where the keys begin: the first may stand behind a dash, the others behind spaces only."""
        line = self.text.lines[chunks[1].key]
        return len(line) - len(line.lstrip())

    def _is_comment(self, line: int) -> bool:
        """Whether there is nothing else on it."""
        comment = self.comments.get(line)
        return comment is not None and not self.text.lines[line][: comment.column].strip()
