"""Writes config files in their canonical form, so that a diff shows only what has changed in meaning.

Keys come in the order of the schema, which is the order of the guide and of editors' help. Entries of sections keep their order, which
often says something, unless they are to be sorted by name. Comments stay with what they are about; braces stay braces. A result that
does not read the same as before, with the same comments, is thrown away.

The text is edited in place, at the positions that the parser gives (`docs/adr/0015-libraries-tried.md` says why no YAML emitter does it).
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from tempfile import NamedTemporaryFile

from switch.formatter.rewrite import KeySorter, ValueRewriter, apply_edits
from switch.formatter.schema_place import SchemaPlace, ValueKind, parsed_value, whole_file
from switch.formatter.yaml_text import (
    Comment,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    SourceText,
    comments_in,
    multiline_values,
    parse_tree,
    source_text,
)
from switch.settings.files import without_secrets
from switch.settings.problem import Problem
from switch.settings.source import NoValue, SourceFile, Value, display_path, error_at
from switch.settings.text import parse_yaml

# YAML takes these for ends of lines, editors do not: nobody would see what is a line.
_ODD_BREAKS = "\x85\u2028\u2029"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormattedFile:
    """A file before and after. Equal: there is nothing to do."""

    path: Path
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after

    def diff(self) -> str:
        """The change as a unified diff, without secrets."""
        name = display_path(self.path)
        before, after = (without_secrets(text).splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(unified_diff(before, after, f"{name} (as it is)", f"{name} (formatted)"))


def format_directory(directory: Path, *, by_name: bool = False) -> list[FormattedFile | Problem]:
    """Every file of a config, by name; for one that is not understood, why. Nothing is written."""
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix == ".yaml" and not path.name.startswith("."))
    except OSError as error:
        return [error_at(SourceFile(path=display_path(directory)), None, f"the config directory cannot be read: {error.strerror}")]
    if not paths:
        return [error_at(SourceFile(path=display_path(directory)), None, "no config here", expected="files that end in .yaml")]
    return [format_file(path, by_name=by_name) for path in paths]


def format_file(path: Path, *, by_name: bool = False) -> FormattedFile | Problem:
    file = SourceFile(path=display_path(path))
    try:
        before = path.read_bytes().decode("utf-8")
    except OSError as error:
        return error_at(file, None, f"the file cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return error_at(file, None, "the file is not UTF-8")
    after = format_text(before, name=file.path, by_name=by_name)
    return after if isinstance(after, Problem) else FormattedFile(path=path, before=before, after=after)


def format_text(before: str, *, name: str, by_name: bool = False) -> str | Problem:
    """Returns the text in its canonical form, or the problem why it is left alone. `name`: how people are told of the file."""
    file = SourceFile(path=name, lines=tuple(without_secrets(before).splitlines()))
    if odd := next((char for char in before if char in _ODD_BREAKS), None):
        return error_at(file, None, f"a line ends in U+{ord(odd):04X}", expected="lines that end in a newline")
    first = _read(before.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"), file)
    if isinstance(first, Problem):
        return first
    now = first
    for step in (_canonical_values, _canonical_order, _canonical_white_space):
        after = step(now, by_name=by_name)
        if after == now.text.whole:
            continue
        read = _read(after, file)  # again: what one step has moved stands elsewhere for the next
        if isinstance(read, Problem):
            return _defect(file)
        now = read
    return now.text.whole if now is first or _same_meaning(first, now) else _defect(file)


def write(result: FormattedFile) -> None:
    """Puts the new text in the place of the old one, at once: who reads the file finds one or the other. Raises OSError."""
    target = result.path.resolve()
    with NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        try:
            file.write(result.after.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(target.stat().st_mode & 0o7777)
            Path(file.name).replace(target)
        except OSError:
            with suppress(OSError):
                Path(file.name).unlink()
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A text as it was read."""

    text: SourceText
    data: dict[str, Value]
    tree: MappingNode
    comments: dict[int, Comment]


def _read(whole_text: str, file: SourceFile) -> _Read | Problem:
    """The text with all that is in it, or the first thing that is wrong with it."""
    found = parse_yaml(whole_text, file)
    if isinstance(found, Problem):
        return found
    if found.problems:
        return found.problems[0]
    text = source_text(whole_text)
    tree = parse_tree(found, text)
    return _Read(text=text, data=found.data, tree=tree, comments=comments_in(text, tree))


def _canonical_values(read: _Read, *, by_name: bool) -> str:
    rewriter = ValueRewriter(text=read.text, comments=read.comments, by_name=by_name)
    return apply_edits(list(rewriter.edits(read.tree, whole_file())), read.text, read.comments)


def _canonical_order(read: _Read, *, by_name: bool) -> str:
    sorter = KeySorter(text=read.text, comments=read.comments, lines=list(read.text.lines), by_name=by_name)
    sorter.sort(read.tree, whole_file())
    return "\n".join(sorter.lines)


def _same_meaning(one: _Read, other: _Read) -> bool:
    """Whether both have the same meaning and the same comments."""
    remarks = [Counter(comment.text for comment in read.comments.values()) for read in (one, other)]
    return remarks[0] == remarks[1] and _meaning_of(one.data, whole_file()) == _meaning_of(other.data, whole_file())


def _meaning_of(value: Value, place: SchemaPlace) -> object:
    """Returns the meaning of a part of a file, however it is spelled."""
    match value:
        case dict():
            keys = place.of_keys({key: inner if isinstance(inner, str) else None for key, inner in value.items()})
            return {key: _meaning_of(inner, keys.place(key)) for key, inner in value.items()}
        case list():
            return [_meaning_of(item, place.item()) for item in value]
        case NoValue():
            return value
        case str() if place.kind is ValueKind.OTHER:
            return value
        case _:
            return parsed_value(value, place.kind)


def _defect(file: SourceFile) -> Problem:
    return error_at(
        file, None, "formatting would change what this file says: it is left as it is", hint="this is a defect: report it"
    )


def _canonical_white_space(read: _Read, *, by_name: bool) -> str:
    """No white space at the ends of lines, no two blank lines in a row, one between sections, none behind a key that opens a block or
    at the ends of the file. Other blank lines are their author's paragraphs and stay. Lines inside of a value are left alone."""
    del by_name
    text, tree = read.text, read.tree
    kept = multiline_values(text, tree)
    openers = set(_opening_lines(text, tree))
    sections = _section_starts(text, tree, read.comments)
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


def _opening_lines(text: SourceText, node: Node) -> Iterator[int]:
    """The lines of keys whose value begins on a line of its own."""
    match node:
        case SequenceNode(items=items):
            for item in items:
                yield from _opening_lines(text, item)
        case MappingNode(entries=entries):
            for entry in entries:
                line = text.line_of(entry.key.end)
                if not isinstance(entry.value, ScalarNode) and text.line_of(entry.value.start) > line:
                    yield line
                yield from _opening_lines(text, entry.value)
        case ScalarNode():
            pass


def _section_starts(text: SourceText, tree: MappingNode, comments: dict[int, Comment]) -> set[int]:
    """The first lines of sections but the first: of the comments right above them."""
    found = set()
    for entry in tree.entries[1:]:
        line = text.line_of(entry.key.start)
        if text.column_of(entry.key.start):
            continue
        while line - 1 in comments and not comments[line - 1].column:
            line -= 1
        found.add(line)
    return found
