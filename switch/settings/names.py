"""Collects the names that a config defines and where, so that the error about an undefined name suggests the nearest defined one.

It looks at the tree as it was read, before anything is validated: a name is known, whatever else is wrong with what it stands for. Prompts
are names too: the sound files of the prompts directory.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from media.prompts.prompt import MAX_S, Unplayable
from routing.expression import Kind
from routing.tags import BUILT_IN
from switch.nearest import alike
from switch.settings.problem import quote
from switch.settings.prompts import Prompts
from switch.settings.source import KeyPath, SourceSpan, Tree, Value
from switch.settings.value import Invalid, nearest

MAX_LISTED = 6
SOUND = f"a WAV, MP3, OGG or FLAC file of at most {MAX_S // 60} min"


class EntryKind(StrEnum):
    """The kinds of things that have names, in the words of a message."""

    LINE = "line"
    CAMPAIGN = "campaign"
    MENU = "menu"
    HOURS = "hours"
    PUBLISHER = "publisher"
    ADVERTISER = "advertiser"
    PROMPT = "prompt"
    TAG = "tag"

    @property
    def one(self) -> str:
        """One of them, in a sentence."""
        if self is EntryKind.HOURS:
            return "opening hours"
        return f"an {self}" if self is EntryKind.ADVERTISER else f"a {self}"


PLURALS = (EntryKind.CAMPAIGN, EntryKind.MENU, EntryKind.PUBLISHER, EntryKind.ADVERTISER, EntryKind.TAG)
SECTIONS = {**{kind: f"{kind}s" for kind in PLURALS}, EntryKind.HOURS: "hours"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """All that is defined. Made by `names_of`.

    `defined`: where, by kind and name. `again`: lines whose name another has. `prompts` None: any will do. `kinds`: what each tag holds.
    `unread`: the words of files that could not be parsed, and may define more. `hint`: the nearest known name. `incomplete`: keys under
    which entries are left out, since they have errors. `directory`: of the config; None: it was in force once.
    """

    defined: Mapping[EntryKind, Mapping[str, SourceSpan]]
    again: tuple[KeyPath, ...]
    prompts: Prompts | None
    kinds: Mapping[str, Kind]
    unread: frozenset[str]
    expected: Callable[[EntryKind], str]
    hint: Callable[[EntryKind, str], str | None]
    incomplete: frozenset[str] = frozenset()
    directory: Path | None = None

    def check(self, kind: EntryKind, name: str) -> str:
        """Returns the name if it is defined; else raises Invalid with the nearest defined name."""
        if kind is EntryKind.PROMPT:
            return self._check_prompt(name)
        if name not in self.defined[kind] and name not in self.unread:
            raise Invalid(f"unknown {kind} {quote(name)}", expected=self.expected(kind), hint=self.hint(kind, name))
        return name

    def _check_prompt(self, name: str) -> str:
        if self.prompts and name not in self.prompts.names:
            expected = f"a sound file in {self.prompts.place}: {_listed(sorted(self.prompts.names)) or 'there is none'}"
            hint = "to have a text spoken, write {say: TEXT}" if " " in name else self.hint(EntryKind.PROMPT, name)
            raise Invalid(f"unknown prompt {quote(name)}", expected=expected, hint=hint)
        if self.prompts and isinstance(found := self.prompts.prepared(name), Unplayable):
            raise Invalid(f"prompt {quote(name)} cannot be played: {found.why}", expected=SOUND, hint=found.hint)
        return name

    def place(self, kind: EntryKind, name: str) -> str:
        """The file and line where a name is defined."""
        place = self.defined[kind][name]
        return f"{place.file.path}:{_line(place)}"


def names_of(tree: Tree, *, prompts: Prompts | None, directory: Path | None) -> Names:
    """Collect what `tree` defines. Parts with a wrong shape define nothing."""
    defined = {
        kind: {name: tree.places[section, name] for name in mapping(tree.data.get(section))} for kind, section in SECTIONS.items()
    }
    lines: dict[str, list[KeyPath]] = {}
    for advertiser, entry in mapping(tree.data.get("advertisers")).items():
        for line in mapping(mapping(entry).get("lines")):
            lines.setdefault(line, []).append(("advertisers", advertiser, "lines", line))
    defined[EntryKind.LINE] = {name: tree.places[paths[0]] for name, paths in lines.items()}
    known: dict[EntryKind, Collection[str]] = {**defined, EntryKind.PROMPT: prompts.names if prompts else ()}
    return Names(
        defined=defined,
        again=tuple(path for paths in lines.values() for path in paths[1:]),
        prompts=prompts,
        kinds=_tag_kinds(tree),
        unread=frozenset(word for text in tree.unread for word in re.findall(r"[\w+-]+", text)),
        # One wrong name is often used by very many: it is compared once.
        expected=cache(lambda kind: _expected(kind, defined[kind])),
        hint=cache(lambda kind, name: nearest(name, alike(name, known[kind]))),
        directory=directory,
    )


def mapping(value: Value | None) -> dict[str, Value]:
    """`value` where it is a mapping; else an empty one: its wrong shape is told elsewhere."""
    return value if isinstance(value, dict) else {}


def _tag_kinds(tree: Tree) -> dict[str, Kind]:
    """Of built-in and declared tags; and text, where a menu or a number sets a tag without further ado. What has an error is text."""
    known = {kind.value: kind for kind in Kind}
    declared = {
        name: known.get(str(mapping(entry).get("type")), Kind.TEXT) for name, entry in mapping(tree.data.get("tags")).items()
    }
    entries = [entry for section in ("numbers", "menus") for entry in mapping(tree.data.get(section)).values()]
    implied = dict.fromkeys(_set_tags(entries), Kind.TEXT)
    return {**implied, **declared, **BUILT_IN}


def _set_tags(value: Value) -> Iterator[str]:
    """Yields the keys of every `tags` and `route` inside `value`."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from mapping(inner) if key in ("tags", "route") else _set_tags(inner)
        case list():
            for item in value:
                yield from _set_tags(item)


def _expected(kind: EntryKind, entries: Mapping[str, SourceSpan]) -> str:
    places = sorted(entries.items(), key=lambda entry: (entry[1].file.path, _line(entry[1])))
    files = {place.file.path for _, place in places}
    if not places:
        return f"{kind.one}, but none is defined"
    if len(files) == 1:
        return f"{kind.one} from {files.pop()}: {_listed([f'{name} (line {_line(place)})' for name, place in places])}"
    return f"{kind.one}: {_listed([f'{name} ({place.file.path}:{_line(place)})' for name, place in places])}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more


def _line(place: SourceSpan) -> int:
    return (place.key or place.value).line
