"""Finds the prompts that a config may play: sound files by name, and texts that a program speaks."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path, PurePosixPath

import msgspec

from ivr.menu import DIGIT_PROMPTS
from ivr.spoken_value import LANGUAGES, Way, vocabulary
from media.prompts.beep import beep
from media.prompts.inspection import Prepare
from media.prompts.prompt import SUFFIXES, Prompt, Unplayable
from media.prompts.source import PromptFile, PromptOctets, Source, Speech
from switch.call.voicemail import BEEP
from switch.settings.source import display_path

MAX_SLUG = 32
DIGEST_DIGITS = 8
_TAG = re.compile(rf"\{{([A-Za-z0-9_-]+):({'|'.join(Way)})\}}")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text in the place of a prompt's name. `language` None: that of the menu it stands in, or else the default."""

    text: str
    language: str | None = None

    def __str__(self) -> str:
        return f"`{self.text}`" + (f" in {self.language}" if self.language else "")


@dataclass(frozen=True, slots=True)
class SpokenTag:
    """`{TAG:WAY}` in a text: the value of a tag, said as digits, a number, money or a date."""

    tag: str
    way: Way


def parts_of(spoken: Spoken) -> tuple[Spoken | SpokenTag, ...]:
    """A text cut at its tags: what is between them, and they."""
    texts = _TAG.split(spoken.text)
    found: list[Spoken | SpokenTag] = []
    for at in range(0, len(texts), 3):
        if re.search(r"\w", texts[at]):
            found.append(replace(spoken, text=texts[at].strip()))
        if at + 2 < len(texts):
            found.append(SpokenTag(texts[at + 1], Way(texts[at + 2])))
    return tuple(found)


PromptChoice = str | Spoken
"""The name of a prompt, or a text."""


def digits_after(lead_in: PromptChoice) -> dict[str, PromptChoice]:
    """What says each digit when an answer is read back: after a text it is spoken in its language, after a file it is a file."""
    if isinstance(lead_in, str):
        return dict(DIGIT_PROMPTS)
    return {digit: Spoken(digit, lead_in.language) for digit in DIGIT_PROMPTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Voices:
    """Who speaks. `language`: the default. `commands`: by language, the programs that are not espeak-ng."""

    language: str
    commands: Mapping[str, tuple[str, ...]]

    def speech(self, spoken: Spoken, *, language: str | None = None) -> Speech:
        """`language`: of the menu that the text stands in."""
        spoken_in = self.spoken_in(spoken, language=language)
        default = ("espeak-ng", "-v", spoken_in, "--stdin", "--stdout")
        return Speech(spoken.text, self.commands.get(spoken_in, default))

    def spoken_in(self, spoken: Spoken, *, language: str | None = None) -> str:
        """The language of a text."""
        return spoken.language or language or self.language

    def pieces(self, tag: SpokenTag, language: str) -> dict[str, Spoken]:
        """All that the value of a tag may be said by; nothing where a language has no words for it."""
        base = language.partition("-")[0]
        if tag.way is not Way.DIGITS and base not in LANGUAGES:
            return {}
        return {piece: Spoken(piece, language) for piece in vocabulary(tag.way, base)}

    def name(self, prompt: PromptChoice, *, language: str | None = None) -> str:
        """The name that a prompt has in the plan. That of a text changes with the text and with who speaks it: so calls of an older config
        keep theirs."""
        if isinstance(prompt, str):
            return prompt
        speech = self.speech(prompt, language=language)
        digest = sha256(msgspec.json.encode((speech.text, speech.command))).hexdigest()[:DIGEST_DIGITS]
        plain = unicodedata.normalize("NFKD", prompt.text).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "-", plain)[:MAX_SLUG].strip("-")
        return "-".join(part for part in ("say", self.spoken_in(prompt, language=language), slug, digest) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """The prompts a config may play. `place`: where people find the files. `names`: the files of each. `prepared`: what becomes of a
    name; `spoken`: of a text; `beep`: of the tone that tells callers to begin, unless a file has its name."""

    place: str
    names: Mapping[str, tuple[str, ...]]
    prepared: Callable[[str], Prompt | Unplayable]
    spoken: Callable[[Speech], Prompt | Unplayable]
    beep: Callable[[], Prompt | Unplayable]


def prompts_in(directory: Path, prepare: Prepare) -> Prompts:
    """The sound files of a directory."""
    try:
        found = [path.name for path in directory.iterdir() if path.suffix in SUFFIXES and path.is_file()]
    except (OSError, ValueError):  # ValueError: a null character in the path
        found = []  # each prompt that is used is then told as unknown
    return _prompts(display_path(directory), found, lambda name: PromptFile(directory / name), prepare)


def prompts_among(files: Mapping[str, bytes | str], folder: str, prepare: Prepare) -> Prompts:
    """The sound files among `files` that stand in `folder`."""
    sounds = {
        path.name: content
        for name, content in files.items()
        if (path := PurePosixPath(name)).suffix in SUFFIXES and path.parent == PurePosixPath(folder) and isinstance(content, bytes)
    }
    return _prompts(folder, sounds, lambda name: PromptOctets(sounds[name]), prepare)


def _prompts(place: str, files: Iterable[str], source: Callable[[str], Source], prepare: Prepare) -> Prompts:
    names: dict[str, tuple[str, ...]] = {}
    for file in sorted(files):
        stem = PurePosixPath(file).stem
        names[stem] = (*names.get(stem, ()), file)

    def prepared(name: str) -> Prompt | Unplayable:
        first, *others = names[name]
        if others:
            return Unplayable(why=f"{' and '.join((first, *others))} have one name", hint="keep one of them")
        return prepare(source(first))

    def the_beep() -> Prompt | Unplayable:
        return prepared(BEEP) if BEEP in names else prepare(PromptOctets(beep()))

    return Prompts(place=place, names=names, prepared=cache(prepared), spoken=cache(prepare), beep=cache(the_beep))
