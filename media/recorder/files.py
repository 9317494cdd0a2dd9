"""The files in the directory of recordings: those that a dead recorder left, and those that are too old."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from media.recorder import opus_file
from media.recorder.wav_file import PART, SUFFIX

DAYS = "[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]"
"""The directories of recordings, YYYY/MM/DD: nothing else in there is ours."""


def leftovers(directory: Path) -> list[Path]:
    """Returns the files that are not complete."""
    return sorted(directory.glob(f"{DAYS}/*{PART}"))


def complete(directory: Path) -> list[Path]:
    found = [path for suffix in (SUFFIX, opus_file.SUFFIX) for path in directory.glob(f"{DAYS}/*{suffix}")]
    return sorted(path for path in found if not path.name.endswith((PART, opus_file.PART)))


def expired(directory: Path, *, before_ns: int) -> Iterator[Path]:
    """Deletes and yields the recordings that were last written before a moment, UTC, and removes days that are empty then."""
    for path in complete(directory):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime_ns < before_ns:
                path.unlink()
                yield path
                with suppress(OSError):
                    path.parent.rmdir()
