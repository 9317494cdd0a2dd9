"""Knows the white space of a file: none at the ends of lines, no more than one blank line at a time, one between sections, none behind
the key that opens a block or at the ends of the file. Where else a blank line stands is its author's paragraph, and stays."""

from collections.abc import Iterator

from switch.formatter.tree import Comment, Items, Leaf, Node, Pairs, Text, long_lines


def laid_out(text: Text, tree: Pairs, comments: dict[int, Comment]) -> str:
    """The text with its white space in order. Lines inside of a value are part of it and left alone."""
    kept = long_lines(text, tree)
    openers = set(_openers(text, tree))
    sections = _section_starts(text, tree, comments)
    rows: list[str] = []
    no_blank = True
    for number, line in enumerate(text.lines):
        row = line if number in kept else line.rstrip(" \t")
        if number in sections and rows and rows[-1]:
            rows.append("")
        if row or number in kept or not no_blank:
            rows.append(row)
        no_blank = number in openers or not row
    while rows and not rows[-1]:
        rows.pop()
    return "\n".join(rows) + "\n"


def _openers(text: Text, node: Node) -> Iterator[int]:
    """The lines of keys whose value begins on a line of its own."""
    match node:
        case Items(items=items):
            for item in items:
                yield from _openers(text, item)
        case Pairs(pairs=pairs):
            for pair in pairs:
                line = text.line_of(pair.key.end)
                if not isinstance(pair.value, Leaf) and text.line_of(pair.value.start) > line:
                    yield line
                yield from _openers(text, pair.value)
        case Leaf():
            pass


def _section_starts(text: Text, tree: Pairs, comments: dict[int, Comment]) -> set[int]:
    """The first lines of sections but the first: of the comments right above them."""
    found = set()
    for pair in tree.pairs[1:]:
        line = text.line_of(pair.key.start)
        if text.column_of(pair.key.start):
            continue
        while line - 1 in comments and not comments[line - 1].column:
            line -= 1
        found.add(line)
    return found
