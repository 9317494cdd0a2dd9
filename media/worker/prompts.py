"""Prompts by name -> audio ready to send: prepared frames that `media.prompts` wrote, mapped into memory when a call first asks for them.

Opening one takes less than a millisecond, however long it is. Nothing is decoded here; no legs or packets are known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from media.prompts.prepared import LAWS, BadPrompt, open_prepared, prepared_name
from media.worker.playout import Audio

MAX_OPEN = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptUnplayable:
    """Why a prompt can't be played, in words for the operator."""

    why: str


class Prompts:
    """Audio stays open until another prompt has its name, and while a call hears it."""

    __slots__ = ("_directory", "_keys", "_open")

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._keys: dict[str, str] = {}
        self._open: dict[str, Audio] = {}  # by key

    def know(self, keys: Mapping[str, str]) -> None:
        """From now on these names have these keys; other names keep theirs: calls of an older config may ask for them."""
        self._keys.update(keys)
        for key in self._open.keys() - self._keys.values():
            del self._open[key]

    def get(self, name: str) -> Audio | PromptUnplayable:
        key = self._keys.get(name)
        if key is None:
            return PromptUnplayable(why=f"{name}: no prompt has this name")
        found = self._open.get(key)
        if found is not None:
            return found
        try:
            prepared = open_prepared(self._directory / prepared_name(key))
            payloads = {law: prepared.payload(codec) for codec, law in LAWS.items()}
        except (OSError, BadPrompt, KeyError) as problem:
            what = problem.strerror if isinstance(problem, OSError) else str(problem)
            return PromptUnplayable(why=f"{name}: its prepared audio can't be used: {what}")
        if len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]  # the one that was opened first
        audio = self._open[key] = Audio(payloads=payloads, frame_count=prepared.header.frames)
        return audio
