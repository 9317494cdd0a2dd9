"""Collects the names that a config defines and where, so that the error about an undefined name suggests the nearest defined one.

Prompts are names too: the WAV files of the prompts directory.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path, PurePosixPath

from media.dsp.wav import MAX_FILE_BYTES, WavError, read_wav
from routing.expression import Kind as TagKind
from switch.settings.problem import quote
from switch.settings.source import Blank, Spot, Tree, Value, shown
from switch.settings.value import Invalid, nearest

MAX_LISTED = 6
# Comparing a wrong name with very many right ones takes seconds: beyond this only those that begin alike are compared.
MAX_COMPARED = 200
WAV = "a 16-bit PCM WAV file, such as 8 kHz mono"


class Kind(StrEnum):
    """The kinds of things that have names, in the words of a message."""

    LINE = "line"
    CAMPAIGN = "campaign"
    MENU = "menu"
    HOURS = "hours"
    PUBLISHER = "publisher"
    PROMPT = "prompt"
    TAG = "tag"

    @property
    def one(self) -> str:
        """One of them, in a sentence."""
        return "opening hours" if self is Kind.HOURS else f"a {self}"


SECTIONS = {Kind.CAMPAIGN: "campaigns", Kind.MENU: "menus", Kind.HOURS: "hours", Kind.PUBLISHER: "publishers", Kind.TAG: "tags"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """The prompts a config may play. `place`: where people find them. `fault`: why one of them can't be played; None: it can."""

    place: str
    names: Collection[str]
    fault: Callable[[str], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """All that is defined, and by kind what the author of a wrong name is told. Made by `names_of`.

    `kinds`: what each tag holds. `unread`: the words of files that could not be parsed, and may define more. `hint`: the nearest known one.
    `wav_fault`: why a prompt can't be played. `incomplete`: keys under which entries are left out, since they have
    errors.
    """

    known: Mapping[Kind, Collection[str]]
    kinds: Mapping[str, TagKind]
    expected: Mapping[Kind, str]
    unread: frozenset[str]
    hint: Callable[[Kind, str], str | None]
    wav_fault: Callable[[str], str | None]
    incomplete: frozenset[str] = frozenset()

    def check(self, kind: Kind, name: str) -> str:
        """Returns the name if it is defined; else raises Invalid with the nearest defined name."""
        if name not in self.known[kind] and (kind is Kind.PROMPT or name not in self.unread):
            raise Invalid(f"unknown {kind} {quote(name)}", expected=self.expected[kind], hint=self.hint(kind, name))
        if kind is Kind.PROMPT and (fault := self.wav_fault(name)):
            raise Invalid(f"prompt {quote(name)} cannot be played: {fault}", expected=WAV)
        return name


def names_of(tree: Tree, *, prompts: Prompts, kinds: Mapping[str, TagKind]) -> Names:
    """Collect what `tree` defines. Parts with a wrong shape define nothing. `kinds`: of its tags."""
    spots = {kind: _entries(tree, section) for kind, section in SECTIONS.items()}
    spots[Kind.LINE] = {name: places[0] for name, places in lines_of(tree).items()}
    expected = {kind: _expected(kind, entries) for kind, entries in spots.items()}
    expected[Kind.PROMPT] = f"a WAV file in {prompts.place}: {_listed(sorted(prompts.names)) or 'there is none'}"
    known: dict[Kind, Collection[str]] = {**spots, Kind.PROMPT: prompts.names}
    return Names(
        known=known,
        kinds=kinds,
        expected=expected,
        unread=frozenset(word for text in tree.unread for word in re.findall(r"[\w+-]+", text)),
        # One wrong name is often used by very many: it is compared, and a prompt is read, once.
        hint=cache(lambda kind, name: nearest(name, _alike(name, known[kind]))),
        wav_fault=cache(prompts.fault),
    )


def prompts_in(directory: Path) -> Prompts:
    """The WAV files of a directory."""
    try:
        names = frozenset(path.stem for path in directory.iterdir() if path.suffix == ".wav" and path.is_file())
    except (OSError, ValueError):  # ValueError: a null character in the path
        names = frozenset()  # each prompt that is used is then told as unknown
    return Prompts(place=shown(directory), names=names, fault=lambda name: _fault_of_file(directory / f"{name}.wav"))


def prompts_among(files: Mapping[str, bytes | str], folder: str) -> Prompts:
    """The WAV files among `files` that stand in `folder`."""
    waves = {
        path.stem: content
        for name, content in files.items()
        if (path := PurePosixPath(name)).suffix == ".wav" and path.parent == PurePosixPath(folder) and isinstance(content, bytes)
    }
    return Prompts(place=folder, names=waves.keys(), fault=lambda name: _fault(waves[name]))


class _EveryName(Collection[str]):
    """Contains every name."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


ANY_PROMPT = Prompts(place="", names=_EveryName(), fault=lambda _: None)
"""For configs whose prompts may be gone by now: nobody looks for them."""


def lines_of(tree: Tree) -> dict[str, list[Spot]]:
    """Every line of every advertiser, with all the places that define a line of that name."""
    found: dict[str, list[Spot]] = {}
    for advertiser, entry in mapping(tree.data.get("advertisers")).items():
        for name in mapping(mapping(entry).get("lines")):
            found.setdefault(name, []).append(tree.spots["advertisers", advertiser, "lines", name])
    return found


def mapping(value: Value | None) -> dict[str, Value]:
    """`value` where it is a mapping; else an empty one: its wrong shape is told elsewhere."""
    return value if isinstance(value, dict) else {}


def listed(value: Value | None) -> list[Value]:
    """`value` where it is a list; a single text as a list of one."""
    if value is None or isinstance(value, Blank | dict):
        return []
    return value if isinstance(value, list) else [value]


def _entries(tree: Tree, section: str) -> dict[str, Spot]:
    return {name: tree.spots[section, name] for name in mapping(tree.data.get(section))}


def _expected(kind: Kind, entries: Mapping[str, Spot]) -> str:
    spots = sorted(entries.items(), key=lambda entry: (entry[1].file.path, _line(entry[1])))
    files = {spot.file.path for _, spot in spots}
    if not spots:
        return f"{kind.one}, but none is defined"
    if len(files) == 1:
        return f"{kind.one} from {files.pop()}: {_listed([f'{name} (line {_line(spot)})' for name, spot in spots])}"
    return f"{kind.one}: {_listed([f'{name} ({spot.file.path}:{_line(spot)})' for name, spot in spots])}"


def _fault_of_file(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return _fault(file.read(MAX_FILE_BYTES + 1))
    except OSError as error:
        return error.strerror or "it cannot be read"


def _fault(wav: bytes) -> str | None:
    """Returns why the relay can not play this file, or None."""
    found = read_wav(wav)
    return found.why if isinstance(found, WavError) else None


def _alike(name: str, known: Collection[str]) -> list[str]:
    names = sorted(known)
    return names if len(names) <= MAX_COMPARED else [other for other in names if other[:3] == name[:3]][:MAX_COMPARED]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more


def _line(spot: Spot) -> int:
    return (spot.key or spot.value).line
