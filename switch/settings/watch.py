"""Knows when config files change on disk. Does not read them: who waits here loads the directory anew."""

from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import Change, awatch

# An editor writes a file in several steps, a deployment several files: a change is told once it is quiet for QUIET_MS, at the latest
# after BURST_MS.
QUIET_MS = 200
BURST_MS = 2_000


async def changes(directory: Path) -> AsyncIterator[None]:
    """One None for each burst of changes to the YAML of `directory` itself. Ends when its task is cancelled."""
    async for _ in awatch(directory, watch_filter=is_config, step=QUIET_MS, debounce=BURST_MS, recursive=False):
        yield None


def is_config(change: Change, path: str) -> bool:
    """Whether a changed path is one that `load` would read."""
    del change
    name = Path(path).name
    return name.endswith(".yaml") and not name.startswith(".")
