"""The directory of recordings: how much of a disk it leaves to others, what it does when a file can't be completed."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from media.recorder.archive import NO_ROOM, RESERVE_BYTES, RESERVE_SHARE, Archive
from media.recording import StartRecording

BLOCK = 4_096
LARGE = RESERVE_BYTES * 100
SMALL = RESERVE_BYTES


def order(path: str = "2026/11/30/call.wav") -> StartRecording:
    return StartRecording(recording=1, call_id="call", path=path, sides="both", at_ns=0, started_us=0)


@pytest.mark.parametrize(
    ("size", "free", "room"),
    [
        (LARGE, RESERVE_BYTES, True),
        (LARGE, RESERVE_BYTES - BLOCK, False),
        (SMALL, SMALL // RESERVE_SHARE, True),
        (SMALL, SMALL // RESERVE_SHARE - BLOCK, False),
        (0, 0, True),  # a file system that does not say
    ],
)
def test_room_is_left_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, free: int, room: bool) -> None:  # noqa: FBT001
    blocks = SimpleNamespace(f_frsize=BLOCK, f_blocks=size // BLOCK, f_bavail=-(-free // BLOCK))
    monkeypatch.setattr(os, "statvfs", lambda _: blocks)
    archive = Archive(tmp_path)
    assert archive.has_room() is room
    if room:
        archive.create(order(), channels=2).discard()
    else:
        with pytest.raises(OSError, match=NO_ROOM):
            archive.create(order(), channels=2)
        assert not [each for each in tmp_path.rglob("*") if each.is_file()]


def test_the_note_that_can_not_be_written_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("in the way")
    with pytest.raises(OSError, match="File exists"):
        Archive(tmp_path).create(order(), channels=2)
    assert not list(tmp_path.rglob("*.wav"))


def test_notes_of_two_days_do_not_meet(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for path in ("2026/11/30/call.wav", "2026/12/01/call.opus"):
        archive.create(order(path), channels=1)
    assert [each.name for each in sorted((tmp_path / "outbox").iterdir())] == ["2026-11-30-call.json", "2026-12-01-call.json"]


def test_a_note_of_the_start_brings_back_a_file_that_has_its_name_already(tmp_path: Path) -> None:
    """The disk was full when the recording was complete: its note could not be written again."""
    archive = Archive(tmp_path)
    archive.create(order(), channels=2).publish()
    (found,) = Archive(tmp_path).unreported()
    assert (found.path, found.length_ms) == ("2026/11/30/call.wav", 0)  # type: ignore[union-attr]
    assert (tmp_path / "2026/11/30/call.wav").exists()


def test_what_is_stored_while_others_are_looked_for_is_no_problem(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for path in ("2026/11/30/a.wav", "2026/11/30/b.wav"):
        archive.create(order(path), channels=2).publish()
    other = Archive(tmp_path)
    found = other.unreported()
    assert next(found).path == "2026/11/30/a.wav"  # type: ignore[union-attr]
    other.stored("2026/11/30/b.wav")
    assert list(found) == []
