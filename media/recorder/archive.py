"""The directory of recordings: files are begun, completed, brought back after a crash, found to be too old, deleted.

What takes long, `complete`, `unreported` and `expired`, is done in a thread, one thing at a time.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from media.control import WorkerProblem
from media.recorder import opus_file, outbox
from media.recorder.opus_file import encode_opus
from media.recorder.outbox import Outbox
from media.recorder.wav_file import SUFFIX, WavFile, part_of, sha256_of
from media.recording import RecordingEnded, StartRecording

DAYS = "[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]"
"""The directories of recordings, YYYY/MM/DD: nothing else in there is ours."""
RESERVE_BYTES = 256 << 20
RESERVE_SHARE = 20
"""Of a small disk a twentieth is left to others: calls need the disk for the journal and the ledger."""
NO_ROOM = "the disk is nearly full"
DIED = "the recorder died"
NOT_ENCODED = "it could not be encoded"


class Archive:
    """`root`: the directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._outbox = Outbox(root)
        self._told: set[str] = set()  # recordings of this process, and those that it has told of

    def create(self, order: StartRecording, *, channels: int) -> WavFile:
        """Begins a file. OSError."""
        path = self._root / order.path
        if ".." in path.parts or not path.is_relative_to(self._root):
            raise OSError(f"{order.path} is not in the directory of recordings")
        if path.exists():
            raise FileExistsError(errno.EEXIST, "there is a recording of this name")
        file = WavFile.create(path.with_suffix(SUFFIX), channels=channels)
        self._told.add(outbox.key_of(order.path))
        try:
            if not self.has_room():
                raise OSError(NO_ROOM)
            self._outbox.put(ended(order, order.started_us, path=order.path, why=DIED))
        except OSError:
            file.discard()
            raise
        return file

    def has_room(self) -> bool:
        """Returns whether the disk has more room than is left to others. OSError."""
        disk = os.statvfs(self._root)
        return disk.f_bavail * disk.f_frsize >= min(RESERVE_BYTES, disk.f_blocks * disk.f_frsize // RESERVE_SHARE)

    def complete(self, file: WavFile, known: RecordingEnded) -> RecordingEnded:
        """Gives a file its name, in the format that `known` asks for, or as it is where it can't be encoded. OSError: it stays as it is."""
        opus = file.final.with_suffix(opus_file.SUFFIX)
        why, is_opus = known.why, known.format == "opus"
        if is_opus:
            try:
                encode_opus(file.part, opus)
            except OSError:
                why, is_opus = why or NOT_ENCODED, False
        final = opus if is_opus else file.final
        found = replace(
            known,
            path=str(final.relative_to(self._root)),
            sha256=sha256_of(final) if is_opus else file.seal(),
            length_ms=file.length_ms,
            ended_us=known.started_us + file.position * 125,
            format="opus" if is_opus else "wav",
            why=why,
        )
        with suppress(OSError):  # a full disk: the row comes from the report, or else from the file
            self._outbox.put(found)
        if is_opus:
            file.discard()
        else:
            file.publish()
        return found

    def unreported(self) -> Iterator[RecordingEnded | WorkerProblem]:
        """Yields the recordings that other processes left and the ledger may not know, complete now. Each is told once."""
        for note in self._outbox.files():
            if note.stem in self._told:
                continue
            try:
                known = outbox.read(note)
            except FileNotFoundError:  # its row has been stored meanwhile
                continue
            except (OSError, ValueError) as error:
                self._told.add(note.stem)
                yield WorkerProblem(doing=f"reading {note}", why=str(error))
                continue
            try:
                found = self._recovered(known)
            except OSError as error:
                self._told.add(note.stem)
                if isinstance(error, FileNotFoundError):  # somebody has deleted it
                    note.unlink(missing_ok=True)
                yield WorkerProblem(doing=f"bringing back the recording {known.path}", why=str(error))
                continue
            if found is not None:
                self._told.add(note.stem)
                yield found

    def _recovered(self, known: RecordingEnded) -> RecordingEnded | None:
        """None: another process writes it still. OSError."""
        path = self._root / (known.path or "")
        wav = path.with_suffix(SUFFIX)
        part = part_of(wav)
        if known.sha256 and path.exists():
            part.unlink(missing_ok=True)
            return known
        if wav.exists() and not part.exists():  # a full disk: the note is of the start
            wav.rename(part)
        file = WavFile.reopen(wav, channels=2 if known.sides == "both" else 1)
        return None if file is None else self.complete(file, known)

    def stored(self, path: str) -> None:
        """The ledger has the recording's row. OSError."""
        self._outbox.remove(path)
        self._told.discard(outbox.key_of(path))

    def expired(self, *, before_ns: int) -> list[str]:
        """Returns the paths of the recordings that were last written before a moment, UTC; files that a crash left, too. OSError."""
        found = (path for suffix in (SUFFIX, opus_file.SUFFIX) for path in self._root.glob(f"{DAYS}/*{suffix}"))
        return sorted(str(path.relative_to(self._root)) for path in found if _written_ns(path) < before_ns)

    def delete(self, path: str) -> None:
        """Deletes a file, and its day where that is empty then. OSError."""
        file = self._root / path
        file.unlink(missing_ok=True)
        with suppress(OSError):
            file.parent.rmdir()


def ended(order: StartRecording, ended_us: int, *, path: str | None, why: str | None) -> RecordingEnded:
    return RecordingEnded(
        recording=order.recording,
        call_id=order.call_id,
        path=path,
        sides=order.sides,
        format=order.format,
        kind=order.kind,
        started_us=order.started_us,
        ended_us=ended_us,
        why=why,
    )


def _written_ns(path: Path) -> int:
    """A file that is gone meanwhile is not old."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 1 << 63
