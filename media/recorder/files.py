"""The files in the directory of recordings: those that a dead recorder left, and those that are too old."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from media.recorder.wav_file import PART, SUFFIX

DAYS = "[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]"
"""The directories of recordings, YYYY/MM/DD: nothing else in there is ours."""


def leftovers(directory: Path) -> list[Path]:
    """Returns the files that are not complete."""
    return sorted(directory.glob(f"{DAYS}/*{PART}"))


def expired(directory: Path, *, before_ns: int) -> Iterator[Path]:
    """Deletes and yields the recordings that were last written before a moment, UTC, and removes days that are empty then."""
    for path in sorted(directory.glob(f"{DAYS}/*{SUFFIX}")):
        if path.name.endswith(PART):
            continue
        with suppress(FileNotFoundError):
            if path.stat().st_mtime_ns < before_ns:
                path.unlink()
                yield path
                with suppress(OSError):
                    path.parent.rmdir()
