"""Knows YAML: reads a directory into one tree of plain data and, beside it, where each part of it is written.

The only file that imports yaml. Knows no section and no key: what the data must look like is `switch.settings.model`'s business.
Every scalar stays text, so that `on`, `no`, `12:30` and `+18005550100` mean what they look like (YAML 1.1 reads them as a
boolean, a boolean, 750 and an integer). Aliases, tags and merge keys are refused: nothing here needs them, and they are how small
files get huge.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import yaml

from switch.settings.problem import Problem, Severity, order, quote

MAX_FILES = 1_000
MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 24
MAX_EVENTS = 400_000  # a tracking number is six: this is 60,000 of them

# libyaml is ten times faster; a build of PyYAML without it still works.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BLANK_WORDS = frozenset({"", "~", "null", "Null", "NULL"})


class Blank(Enum):
    """A key with nothing behind it: neither a text nor a mapping."""

    BLANK = "blank"


Value = str | Blank | list["Value"] | dict[str, "Value"]
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Characters of one line; `line` and `column` count from 1."""

    line: int
    column: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file as read. `path` is how people are told of it."""

    path: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a value is written, and the key that it is written under. Items of a list have no key."""

    file: SourceFile
    key: Span | None
    value: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All files as one. `spots`: where each path of `data` is written. `unread`: the text of files that could not be parsed."""

    root: str
    data: dict[str, Value]
    spots: Mapping[KeyPath, Spot]
    problems: tuple[Problem, ...]
    unread: tuple[str, ...]


def read(directory: Path) -> Tree:
    """Every `*.yaml` of `directory`, merged. What can't be read is a problem of the tree; the rest is there all the same."""
    builder = _Builder()
    for path in _files(directory, builder):
        builder.add(path)
    return Tree(
        root=shown(directory),
        data=builder.data,
        spots=builder.spots,
        problems=tuple(sorted(builder.problems, key=order)),
        unread=tuple(builder.unread),
    )


def shown(path: Path) -> str:
    """A path as people are told it: relative to the working directory when below it."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


def trouble(file: SourceFile, span: Span | None, message: str, *, expected: str | None = None, hint: str | None = None) -> Problem:
    """An error at `span` of `file`; None: about the file as a whole."""
    if span is None:
        return Problem(path=file.path, line=0, column=0, severity=Severity.ERROR, message=message, expected=expected, hint=hint)
    return Problem(
        path=file.path,
        line=span.line,
        column=span.column,
        length=span.length,
        severity=Severity.ERROR,
        message=message,
        excerpt=file.lines[span.line - 1] if span.line <= len(file.lines) else "",
        expected=expected,
        hint=hint,
    )


@dataclass(frozen=True, slots=True)
class _Builder:
    """The tree while files are added to it."""

    data: dict[str, Value] = field(default_factory=dict)
    spots: dict[KeyPath, Spot] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def add(self, path: Path) -> None:
        """Read one file into the tree."""
        file = SourceFile(path=shown(path))
        text = _text(path, file)
        if isinstance(text, Problem):
            self.problems.append(text)
            return
        file = SourceFile(path=file.path, lines=tuple(text.splitlines()))
        node = _parse(text, file)
        match node:
            case Problem():
                self.problems.append(node)
                self.unread.append(text)
            case yaml.MappingNode():
                self._merge(node, file)
            case yaml.Node():
                self.problems.append(
                    trouble(file, _span(node, file), "a file must hold sections", expected="`section:` at the margin")
                )
            case None:
                pass  # comments only

    def _merge(self, root: yaml.MappingNode, file: SourceFile) -> None:
        """A section may be spread over files; its entries may not."""
        for section, key, node in self._pairs(root, file, seen={}):
            self.spots.setdefault((section,), Spot(file=file, key=_span(key, file), value=_span(node, file)))
            is_mapping = isinstance(node, yaml.MappingNode) or _is_blank(node)
            if section not in self.data:
                # The models tell what is wrong with a section that is no mapping.
                self.data[section] = {} if is_mapping else self._value(node, file, path=(section,))
            elif not is_mapping:
                span = _span(key, file)
                self.problems.append(trouble(file, span, f"{quote(section)} must hold names", expected="a mapping: `name: ...`"))
            entries = self.data[section]
            if isinstance(node, yaml.MappingNode) and isinstance(entries, dict):
                taken = {name: self.spots[section, name] for name in entries}
                self._fill(entries, self._pairs(node, file, seen=taken), file, path=(section,))

    def _fill(
        self, into: dict[str, Value], pairs: Iterator[tuple[str, yaml.Node, yaml.Node]], file: SourceFile, *, path: KeyPath
    ) -> None:
        for name, key, node in pairs:
            here = (*path, name)
            self.spots[here] = Spot(file=file, key=_span(key, file), value=_span(node, file))
            into[name] = self._value(node, file, path=here)

    def _value(self, node: yaml.Node, file: SourceFile, *, path: KeyPath) -> Value:
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, Value] = {}
            self._fill(mapping, self._pairs(node, file, seen={}), file, path=path)
            return mapping
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.spots[(*path, index)] = Spot(file=file, key=None, value=_span(item, file))
            return [self._value(item, file, path=(*path, index)) for index, item in enumerate(node.value)]
        return Blank.BLANK if _is_blank(node) else str(node.value)

    def _pairs(
        self, node: yaml.MappingNode, file: SourceFile, *, seen: dict[str, Spot]
    ) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """The keys of a mapping with their values; a key that is there already is a problem and left out."""
        for key, value in node.value:
            span = _span(key, file)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(trouble(file, span, "a key must be one word"))
            elif key.value == "<<" and not key.style:
                self.problems.append(trouble(file, span, "merge keys are not supported", hint="write the keys out"))
            elif first := seen.get(key.value):
                self.problems.append(_twice(key.value, first, Spot(file=file, key=span, value=span)))
            else:
                seen[key.value] = Spot(file=file, key=span, value=span)
                yield str(key.value), key, value


def _twice(name: str, first: Spot, again: Spot) -> Problem:
    span = first.key or first.value
    where = f"line {span.line}" if first.file.path == again.file.path else f"{first.file.path}:{span.line}"
    return trouble(again.file, again.key, f"{quote(name)} is here twice", hint=f"the first one is at {where}; keep one of them")


def _files(directory: Path, builder: _Builder) -> list[Path]:
    """The files to read, by name. Editors' hidden lock and swap files are not config."""
    root = SourceFile(path=shown(directory))
    try:
        names = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except OSError as error:
        builder.problems.append(trouble(root, None, f"the config directory cannot be read: {error.strerror}"))
        return []
    found = [path for path in names if path.suffix == ".yaml"]
    if not found:
        builder.problems.append(trouble(root, None, "no config here", expected="files that end in .yaml"))
    if len(found) > MAX_FILES:
        builder.problems.append(trouble(root, None, f"{len(found)} files", expected=f"at most {MAX_FILES:,}"))
    for path in (path for path in names if path.suffix == ".yml"):
        builder.problems.append(trouble(SourceFile(path=shown(path)), None, "this file would not be read", hint="name it *.yaml"))
    return found[:MAX_FILES]


def _text(path: Path, file: SourceFile) -> str | Problem:
    """The text of a file. Reading a pipe would wait for ever, so only regular files are opened."""
    try:
        if not path.is_file():
            return trouble(file, None, "not a regular file")
        if path.stat().st_size > MAX_FILE_BYTES:
            return trouble(
                file, None, "the file is too large", expected=f"at most {MAX_FILE_BYTES // 1024**2} MiB; spread it over files"
            )
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        return trouble(file, None, f"the file cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        return _not_utf8(raw, error.start, file)
    if not text.strip():
        # An editor empties a file before it writes it: taking that for "no numbers any more" would refuse calls.
        return trouble(file, None, "the file is empty", hint="delete it, or say in a comment what it is for")
    return text


def _not_utf8(raw: bytes, at: int, file: SourceFile) -> Problem:
    before = raw[:at].decode("utf-8", errors="replace")
    lines = tuple(raw.decode("utf-8", errors="replace").splitlines())
    span = Span(line=before.count("\n") + 1, column=len(before) - (before.rfind("\n") + 1) + 1, length=1)
    return trouble(SourceFile(path=file.path, lines=lines), span, f"not UTF-8: byte 0x{raw[at]:02x}", hint="save the file as UTF-8")


def _parse(text: str, file: SourceFile) -> yaml.Node | Problem | None:
    """The node tree. The events are looked at first: composing recurses in C, and deep nesting would end the process."""
    try:
        refused = next(_refused(text, file), None)
        return refused or yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        span = Span(line=mark.line + 1, column=mark.column + 1, length=1) if mark else None
        return trouble(file, _inside(span, file), f"not YAML: {error.problem}", hint=_context(error, text))
    except yaml.reader.ReaderError as error:
        # libyaml counts octets, the Python reader characters.
        before = text.encode()[: error.position].decode(errors="ignore") if error.encoding == "utf-8" else text[: error.position]
        span = Span(line=before.count("\n") + 1, column=len(before) - (before.rfind("\n") + 1) + 1, length=1)
        return trouble(file, _inside(span, file), f"not YAML: {error.reason}")


def _refused(text: str, file: SourceFile) -> Iterator[Problem]:
    """What is YAML, but more of it than a config needs."""
    depth = documents = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        mark = event.start_mark
        span = Span(line=mark.line + 1, column=mark.column + 1, length=1) if mark else None
        if number > MAX_EVENTS:
            yield trouble(file, span, f"more than {MAX_EVENTS} parts in one file", hint="spread it over several files")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            yield trouble(file, span, "anchors and aliases are not supported", hint="write the value out where it is used")
        elif tag := getattr(event, "tag", None):
            yield trouble(file, span, f"tags are not supported: {quote(tag)}", hint="leave the tag out")
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                yield trouble(file, span, "a second document in one file", hint="put it into a file of its own")
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                yield trouble(file, span, "nested too deeply", expected=f"at most {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _context(error: yaml.MarkedYAMLError, text: str) -> str | None:
    if error.problem_mark and text[error.problem_mark.index : error.problem_mark.index + 1] == "\t":
        return "YAML is indented with spaces, never with tabs"
    if not error.context:
        return None
    return f"{error.context}, begun on line {error.context_mark.line + 1}" if error.context_mark else error.context


def _inside(span: Span | None, file: SourceFile) -> Span | None:
    """An error at the end of a file is marked behind its last line: move it to the last line's end."""
    if span is None or span.line <= len(file.lines):
        return span
    return Span(line=len(file.lines), column=len(file.lines[-1]) + 1, length=1)


def _span(node: yaml.Node, file: SourceFile) -> Span:
    """The node's characters on its first line. A block collection reaches beyond its line: its first line stands for it."""
    start, end = node.start_mark, node.end_mark
    if end.line == start.line:
        length = end.column - start.column
    else:
        line = file.lines[start.line] if start.line < len(file.lines) else ""
        length = len(line.rstrip()) - start.column
    return Span(line=start.line + 1, column=start.column + 1, length=max(1, length))


def _is_blank(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value in _BLANK_WORDS
