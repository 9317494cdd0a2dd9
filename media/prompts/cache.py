"""The cache of prepared prompts: a directory of files named by key. What is not in it is made by another process (`media.prompts.maker`).

A file is trusted after every octet of it was checked. One that no config names goes when it was not used for a week, or sooner where the
directory has grown too large; never within a day, the longest that a call of an older config may go on.
"""

import os
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path

from media.prompts.prepared import BadPrompt, open_prepared, prepared_name
from media.prompts.prompt import Prompt, Unplayable
from media.prompts.source import Source, key_of

KEEP_S = 7 * 86_400
LEAST_S = 86_400
MAX_CACHE_BYTES = 2 * 1024**3


def cache_in(data: Path) -> Path:
    """The cache below a switch's data directory."""
    return data / "cache" / "prompts"


class PromptCache:
    """Has prompts ready in `directory`; `make` writes what is not there."""

    def __init__(self, directory: Path, make: Callable[[Source], Prompt | Unplayable]) -> None:
        self._directory = directory
        self._make = make

    def __call__(self, source: Source) -> Prompt | Unplayable:
        key = key_of(source)
        if isinstance(key, Unplayable):
            return key
        return self._ready(key) or self._make(source)

    def _ready(self, key: str) -> Prompt | None:
        path = self._directory / prepared_name(key)
        try:
            prepared = open_prepared(path)
        except (OSError, BadPrompt):
            return None
        if not prepared.is_sound():
            return None
        with suppress(OSError):  # of another user: it may be pruned sooner than it should
            path.touch()
        return Prompt(key=key, length_ms=prepared.header.length_ms, doubts=prepared.header.doubts)


def use(directory: Path, keys: Iterable[str], *, now_s: float) -> None:
    """These were in use until now."""
    for key in keys:
        with suppress(OSError):
            os.utime(directory / prepared_name(key), (now_s, now_s))


def prune(directory: Path, *, named: Collection[str], now_s: float) -> int:
    """Removes what no config names any more, and what a maker that was killed left. `named`: keys in use. Returns how many files went."""
    kept = {prepared_name(key) for key in named}
    files = []
    with suppress(OSError):
        for path in directory.iterdir():
            with suppress(OSError):
                status = path.stat()
                files.append((now_s - status.st_mtime, status.st_size, path))
    total, removed = sum(size for _, size, _ in files), 0
    for age_s, size, path in sorted(files, reverse=True):
        is_due = age_s > KEEP_S or (total > MAX_CACHE_BYTES and age_s > LEAST_S)
        if path.name not in kept and is_due:
            with suppress(OSError):
                path.unlink()
                total, removed = total - size, removed + 1
    return removed
