"""Reports when the config files of a directory, or its prompts, have changed, however they were changed: written, replaced by another file
of the same name, reached through a link that now points elsewhere (the `..data` of a Kubernetes ConfigMap), or the directory replaced as
a whole.

Whatever happens in the directory only wakes; a fingerprint of what `load` would read decides whether anything changed. Nothing is read
here: the caller loads the directory anew.
"""

from collections.abc import AsyncIterator
from itertools import chain
from pathlib import Path

from watchfiles import awatch

from media.prompts.prompt import SUFFIXES

# An editor writes a file in several steps, a deployment several files: a change is reported once it is quiet for QUIET_MS, at the latest
# after BURST_MS.
QUIET_MS = 200
BURST_MS = 2_000
# How often the fingerprint is taken without being woken: a link may lead out of the directory, and the directory itself may be replaced.
LOOK_MS = 5_000

Fingerprint = tuple[tuple[str, int, int, int], ...]


async def changes(directory: Path, prompts: Path) -> AsyncIterator[None]:
    """One None for each burst of changes to the config files of `directory`, or to the sound files of `prompts`, which are only looked at
    every `LOOK_MS`. Ends when another directory stands in its place: the caller watches that one. While the directory is not there, nothing
    is reported.

    Raises what the watcher raises: no more watches to be had, a file name that is not UTF-8, no such directory at the start.
    """
    watched, known = _inode(directory), fingerprint(directory, prompts)
    async for _ in awatch(
        directory,
        watch_filter=None,
        step=QUIET_MS,
        debounce=BURST_MS,
        recursive=False,
        rust_timeout=LOOK_MS,
        yield_on_timeout=True,
    ):
        here = _inode(directory)
        if here is None:
            continue
        found = fingerprint(directory, prompts)
        if found != known or here != watched:
            known = found
            yield None
        if here != watched:
            return


def fingerprint(directory: Path, prompts: Path) -> Fingerprint:
    """Name, inode, time and size of each config file and of each sound file in `prompts`, links followed.

    A file that is there and can't be looked at counts as empty.
    """
    return tuple(sorted(map(_stamp, chain(directory.glob("[!.]*.yaml"), *(prompts.glob(f"[!.]*{suffix}") for suffix in SUFFIXES)))))


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return path.name, 0, 0, 0
    return path.name, status.st_ino, status.st_mtime_ns, status.st_size


def _inode(directory: Path) -> int | None:
    try:
        return directory.stat().st_ino
    except OSError:
        return None
