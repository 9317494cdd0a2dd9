"""Looks at the prompts that a checked document uses: texts that can't be spoken, what callers would hear wrong, what workers must have."""

from collections.abc import Iterable, Iterator

from ivr.spoken_value import LANGUAGES
from media.prompts.prompt import Prompt, Unplayable
from switch.call.voicemail import BEEP
from switch.settings.finding import Finding, warning
from switch.settings.model.document import Document
from switch.settings.model.menu import BranchConfig
from switch.settings.problem import quote
from switch.settings.prompts import PromptChoice, Prompts, Spoken, SpokenTag, digits_after, parts_of
from switch.settings.source import KeyPath
from switch.settings.value import Invalid

_OF_MENUS = ("prompt", "invalid", "say", "consent", "read_back", "confirm", "hangup")
_WITH_TAGS = ("say", "announce")
KEYS = (*_OF_MENUS, "whisper", "message", "hold_music", "notice", "music", "announce", "greeting", "goodbye")
"""Keys that name a prompt."""
SPEAKERS = "an installed program that speaks it: docs/prompts.md"


def prompts_used(document: Document) -> Iterator[tuple[KeyPath, PromptChoice]]:
    """(path, prompt) wherever config has one.

    Of a text with tags, its parts and all that their values may be said by. Those that say digits stand where an answer is read back.
    """
    for path, found in document.fields(*KEYS):
        if isinstance(found, PromptChoice):
            yield from ((path, each) for each in _said(found, path, document))
            if path[-1] == "read_back":
                yield from ((path, digit) for digit in digits_after(found).values())


def _said(found: PromptChoice, path: KeyPath, document: Document) -> Iterator[PromptChoice]:
    """A prompt; or the parts of a text, those included that the values of its tags may be said by."""
    if isinstance(found, str):
        yield found
        return
    for part in parts_of(found):
        if isinstance(part, SpokenTag):
            yield from _pieces(part, found, path, document)
        else:
            yield part


def _pieces(tag: SpokenTag, text: Spoken, path: KeyPath, document: Document) -> Iterable[Spoken]:
    """What the value of a tag in the text at `path` may be said by; nothing where its language has no words for it."""
    return document.switch.speech.by_language.pieces(tag, _spoken_in(text, path, document)).values()


def prepared(path: KeyPath, found: PromptChoice, document: Document, prompts: Prompts) -> Prompt | Unplayable:
    """What becomes of the prompt at `path`."""
    if isinstance(found, str):
        return prompts.prepared(found)
    return prompts.spoken(document.switch.speech.by_language.speech(found, language=_language(path, document)))


def unspoken(document: Document, prompts: Prompts) -> Iterator[Finding]:
    """Texts that can't be spoken, and a beep that can't be played. Other files are told where they are named, when that is read."""
    if document.switch is None or document.switch.speech is None:
        return  # it has an error itself
    told: set[KeyPath] = set()  # a voice that is not there can't say hundreds of numbers either
    for path, found in prompts_used(document):
        if path in told or not isinstance(found, Spoken):
            continue
        if isinstance(fault := prepared(path, found, document, prompts), Unplayable):
            told.add(path)
            error = Invalid(f"{quote(found.text)} cannot be spoken: {fault.why}", expected=SPEAKERS, hint=fault.hint)
            yield Finding(path=(*path, "say"), error=error)
    for path, _ in document.fields("voicemail"):
        if isinstance(fault := prompts.beep(), Unplayable):
            message = f"the sound file {quote(BEEP)}, which voicemail plays, cannot be played: {fault.why}"
            hint = fault.hint or "replace it; without it callers hear the switch's own"
            yield Finding(path=path, error=Invalid(message, hint=hint))
    for path, found in document.fields(*_WITH_TAGS):
        for part in parts_of(found) if isinstance(found, Spoken) else ():
            if isinstance(part, SpokenTag) and not _pieces(part, found, path, document):
                message = f"nobody knows how a {part.way} is said in {_spoken_in(found, path, document)}"
                yield Finding(path=(*path, "say"), error=Invalid(message, expected=f"one of {', '.join(LANGUAGES)}; digits in any"))


def doubtful(document: Document, prompts: Prompts) -> Iterator[Finding]:
    """Each prompt that callers would hear wrong, at one place that names it."""
    told: set[PromptChoice] = set()
    for path, found in prompts_used(document):
        if found not in told:
            told.add(found)
            made = prepared(path, found, document, prompts)
            what = f"prompt {quote(found)}" if isinstance(found, str) else f"the text {quote(found.text)}"
            for doubt in made.doubts if isinstance(made, Prompt) else ():
                yield warning(path, f"{what} {doubt.what}", hint=doubt.instead)


def prompts_of(document: Document, prompts: Prompts) -> dict[str, Prompt]:
    """What the document's plan plays, by the name it has there."""
    voices = document.switch.speech.by_language
    found = {}
    for path, choice in prompts_used(document):
        name = voices.name(choice, language=_language(path, document))
        found[name] = prepared(path, choice, document, prompts)
    if any(document.fields("voicemail")):
        found[BEEP] = prompts.beep()
    return {name: made for name, made in found.items() if isinstance(made, Prompt)}


def _spoken_in(text: Spoken, path: KeyPath, document: Document) -> str:
    """The language of the text at `path`."""
    return document.switch.speech.by_language.spoken_in(text, language=_language(path, document))


def _language(path: KeyPath, document: Document) -> str | None:
    """Of the menu that the path leads into."""
    node = document.menus.get(str(path[1])) if path[0] == "menus" else None
    return None if node is None or isinstance(node, BranchConfig) else node.language
