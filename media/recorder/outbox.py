"""What the ledger does not know yet of recordings, a small file for each: written when a recording starts and again when it is complete,
removed once its row is stored. Whoever dies in between, the next recorder tells of it.
"""

import os
from pathlib import Path

import msgspec
from msgspec.structs import replace

from media.recording import RecordingEnded

FOLDER = "outbox"
SUFFIX = ".json"
FRESH = ".new"
MODE = 0o600
DIRECTORY_MODE = 0o700

_decode = msgspec.json.Decoder(RecordingEnded).decode


class Outbox:
    """`directory`: of recordings."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / FOLDER

    def put(self, ended: RecordingEnded) -> None:
        """Writes what is known of a recording, in place of what was known before. OSError: nothing has changed."""
        path = self._file(ended.path or "")
        self._folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        fresh = path.with_name(path.name + FRESH)
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE), "wb") as file:
                file.write(msgspec.json.encode(replace(ended, recording=None)))
                file.flush()
                if ended.sha256:
                    os.fsync(file.fileno())
            fresh.replace(path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise

    def remove(self, path: str) -> None:
        """OSError."""
        self._file(path).unlink(missing_ok=True)

    def files(self) -> list[Path]:
        """Returns the files of all recordings that the ledger does not know."""
        return sorted(self._folder.glob(f"*{SUFFIX}"))

    def _file(self, path: str) -> Path:
        return self._folder / f"{key_of(path)}{SUFFIX}"


def read(file: Path) -> RecordingEnded:
    """OSError; ValueError where it holds no recording."""
    return _decode(file.read_bytes())


def key_of(path: str) -> str:
    """Returns a recording's name in the outbox; `path`: in the directory of recordings, whatever the format."""
    return str(Path(path).with_suffix("")).replace("/", "-")
