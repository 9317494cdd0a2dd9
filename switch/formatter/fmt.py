"""Knows how a config file is written in the one canonical way, so that what changes in it is all that a diff shows.

Keys come in the order of the models, since that is the order of the guide and of editors' help. Entries of sections keep the order of
their author, which often says something, unless they are to be sorted by name. Comments stay with what they are about; braces stay
braces. What a value means never changes: a result that does not read the same as before, with the same comments, is thrown away.

The text is changed where the parser says that something stands. Libraries that load YAML and write it anew tie a comment to what is
above it, so that it ends up elsewhere when keys move, and drop those inside of brackets.
"""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from tempfile import NamedTemporaryFile

from switch.formatter.layout import laid_out
from switch.formatter.order import Orderer
from switch.formatter.shape import Form, Place, whole
from switch.formatter.tree import Comment, Pairs, Text, comments, text_of, tree_of
from switch.formatter.value import meaning
from switch.formatter.written import Writer, applied
from switch.settings.directory import without_secrets
from switch.settings.problem import Problem
from switch.settings.source import Blank, SourceFile, Value, shown, trouble
from switch.settings.text import parsed

# YAML takes these for ends of lines, editors do not: nobody would see what is a line.
_ODD_BREAKS = "\x85\u2028\u2029"
_Pass = Callable[[Text, Pairs, dict[int, Comment]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Formatted:
    """A file before and after. Equal: there is nothing to do."""

    path: Path
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after

    def diff(self) -> str:
        """What changes, as a unified diff. Secrets are not in it."""
        name = shown(self.path)
        before, after = (without_secrets(text).splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(unified_diff(before, after, f"{name} (as it is)", f"{name} (formatted)"))


def format_directory(directory: Path, *, by_name: bool = False) -> list[Formatted | Problem]:
    """Every file of a config, by name; for one that is not understood, why. Nothing is written."""
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix == ".yaml" and not path.name.startswith("."))
    except OSError as error:
        return [trouble(SourceFile(path=shown(directory)), None, f"the config directory cannot be read: {error.strerror}")]
    if not paths:
        return [trouble(SourceFile(path=shown(directory)), None, "no config here", expected="files that end in .yaml")]
    return [format_file(path, by_name=by_name) for path in paths]


def format_file(path: Path, *, by_name: bool = False) -> Formatted | Problem:
    file = SourceFile(path=shown(path))
    try:
        before = path.read_bytes().decode("utf-8")
    except OSError as error:
        return trouble(file, None, f"the file cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return trouble(file, None, "the file is not UTF-8")
    after = formatted(before, name=file.path, by_name=by_name)
    return after if isinstance(after, Problem) else Formatted(path=path, before=before, after=after)


def formatted(before: str, *, name: str, by_name: bool = False) -> str | Problem:
    """The text in its canonical form, or why it is left alone. `name`: how people are told of the file."""
    file = SourceFile(path=name, lines=tuple(without_secrets(before).splitlines()))
    if odd := next((char for char in before if char in _ODD_BREAKS), None):
        return trouble(file, None, f"a line ends in U+{ord(odd):04X}", expected="lines that end in a newline")
    text = before.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    first = _read(text, file)
    if isinstance(first, Problem):
        return first
    now = first
    for each in (_values(by_name=by_name), _order(by_name=by_name), laid_out):
        after = each(now.text, now.tree, now.comments)
        if after == now.text.whole:
            continue
        read = _read(after, file)  # anew: what one pass has moved is somewhere else for the next
        if isinstance(read, Problem):
            return _defect(file)
        now = read
    return now.text.whole if now is first or _say_the_same(first, now) else _defect(file)


def write(result: Formatted) -> None:
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


def _values(*, by_name: bool) -> _Pass:
    def run(text: Text, tree: Pairs, found: dict[int, Comment]) -> str:
        writer = Writer(text=text, comments=found, by_name=by_name)
        return applied(list(writer.edits(tree, whole())), text, found)

    return run


def _order(*, by_name: bool) -> _Pass:
    def run(text: Text, tree: Pairs, found: dict[int, Comment]) -> str:
        orderer = Orderer(text=text, comments=found, lines=list(text.lines), by_name=by_name)
        orderer.order(tree, whole())
        return "\n".join(orderer.lines)

    return run


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A text as it was read."""

    text: Text
    data: dict[str, Value]
    tree: Pairs
    comments: dict[int, Comment]


def _read(whole_text: str, file: SourceFile) -> _Read | Problem:
    """The text with all that is in it, or the first thing that is wrong with it."""
    found = parsed(whole_text, file)
    if isinstance(found, Problem):
        return found
    if found.problems:
        return found.problems[0]
    text = text_of(whole_text)
    tree = tree_of(found, text)
    return _Read(text=text, data=found.data, tree=tree, comments=comments(text, tree))


def _say_the_same(one: _Read, other: _Read) -> bool:
    """Whether both have the same meaning and the same comments."""
    remarks = [Counter(comment.text for comment in read.comments.values()) for read in (one, other)]
    return remarks[0] == remarks[1] and _said(one.data, whole()) == _said(other.data, whole())


def _said(value: Value, place: Place) -> object:
    """What a part of a file says, whatever it is written like."""
    match value:
        case dict():
            keys = place.of_keys({key: inner if isinstance(inner, str) else None for key, inner in value.items()})
            return {key: _said(inner, keys.place(key)) for key, inner in value.items()}
        case list():
            return [_said(item, place.item()) for item in value]
        case Blank():
            return value
        case str() if place.form is Form.OTHER:
            return value
        case _:
            return meaning(value, place.form)


def _defect(file: SourceFile) -> Problem:
    return trouble(
        file, None, "formatting would change what this file says: it is left as it is", hint="this is a defect: report it"
    )
