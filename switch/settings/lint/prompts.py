"""Warnings about prompts that can be played, and that callers will not hear as they were meant."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from media.dsp.wav import MAX_FILE_BYTES, Doubt, doubts
from switch.settings.finding import Finding, warning
from switch.settings.model import menu as menus
from switch.settings.model.document import Document
from switch.settings.problem import quote
from switch.settings.source import KeyPath

SPOKEN = ("prompt", "invalid", "say", "consent", "read_back", "confirm")
ONWARD = ("then", "failed", "otherwise")
"""Keys of menus: those that name a prompt, and those that lead onward."""


def bad_prompts(document: Document, directory: Path) -> Iterator[Finding]:
    """Each prompt that is in use, once, where it is named first. `directory`: where its file is."""
    told: set[str] = set()
    for path, name in prompts_used(document):
        if name not in told:
            told.add(name)
            for doubt in _doubts(directory / f"{name}.wav"):
                yield warning(path, f"prompt {quote(name)} {doubt.what}", hint=doubt.instead)


def _doubts(path: Path) -> tuple[Doubt, ...]:
    """Returns the doubts about a file; none where it can't be read any more: it was readable a moment ago, and the next load reports it."""
    try:
        with path.open("rb") as file:
            return doubts(file.read(MAX_FILE_BYTES + 1))
    except OSError:
        return ()


def prompts_used(document: Document) -> Iterator[tuple[KeyPath, str]]:
    """(path, name) wherever config names a prompt. The prompts that say digits are used without being named."""
    for name, node in document.menus.items():
        yield from _of_menu(node, ("menus", name))
    for owner, advertiser in document.advertisers.items():
        for name, line in advertiser.lines.items():
            path: KeyPath = ("advertisers", owner, "lines", name)
            if line.whisper is not None:
                yield (*path, "whisper"), line.whisper
            if line.accept is not None:
                yield (*path, "accept", "prompt"), line.accept.prompt
    for name, campaign in document.campaigns.items():
        for cause, overflow in campaign.overflow.items():
            if overflow.message is not None:
                yield ("campaigns", name, "overflow", cause.value, "message"), overflow.message


def _of_menu(node: menus.AnyNode, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    for key in SPOKEN:
        if isinstance(prompt := getattr(node, key, None), str):
            yield (*path, key), prompt
    for where, outcome in _outcomes(node):
        if isinstance(outcome.hangup, str):
            yield (*path, *where, "hangup"), outcome.hangup


def _outcomes(node: menus.AnyNode) -> Iterator[tuple[KeyPath, menus.OnwardConfig | menus.OutcomeConfig]]:
    """(path inside the menu, outcome) of all that it leads to."""
    keys: Mapping[str, menus.OutcomeConfig] = node.keys if isinstance(node, menus.MenuConfig) else {}
    yield from ((("keys", key), outcome) for key, outcome in keys.items())
    if isinstance(node, menus.BranchConfig):
        yield from ((("branch", index, "then"), case.then) for index, case in enumerate(node.branch))
    for key in ONWARD:
        if isinstance(onward := getattr(node, key, None), menus.OnwardConfig):
            yield (key,), onward
