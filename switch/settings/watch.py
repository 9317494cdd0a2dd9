"""Knows when config files change on disk. Does not read them: who waits here loads the directory anew."""

from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import Change, awatch

# An editor writes a file in several steps, a deployment several files: a change is told once it is quiet for QUIET_MS, at the latest
# after BURST_MS.
QUIET_MS = 200
BURST_MS = 2_000
LOOK_MS = 5_000  # how often it is looked at whether the directory is still the one that is watched


async def changes(directory: Path) -> AsyncIterator[None]:
    """One None for each burst of changes to the YAML of `directory` itself. Ends when another directory stands in its place.

    Raises what the watcher raises: no more watches to be had, a file name that is not UTF-8, no such directory.
    """
    watched = _inode(directory)
    async for changed in awatch(
        directory,
        watch_filter=is_config,
        step=QUIET_MS,
        debounce=BURST_MS,
        recursive=False,
        rust_timeout=LOOK_MS,
        yield_on_timeout=True,
    ):
        if changed or _inode(directory) != watched:
            yield None
        if _inode(directory) != watched:
            return


def _inode(directory: Path) -> int:
    return directory.stat().st_ino


def is_config(change: Change, path: str) -> bool:
    """Whether a changed path is one that `load` would read."""
    del change
    name = Path(path).name
    return name.endswith(".yaml") and not name.startswith(".")
