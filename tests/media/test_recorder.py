"""The recorder process: orders and frames in, whole files out, also after it was killed and when the disk is full."""

import hashlib
import os
import resource
from pathlib import Path

import pytest
import soundfile
from recorder_client import FRAME_NS, RecorderClient, frame, frequency, now_ns, read_wav, tone

from media.control import WorkerProblem
from media.recording import (
    PauseRecording,
    QuitRecorder,
    RecorderHeartbeat,
    RecordingEnded,
    RecordingFormat,
    RecordingsExpired,
    ResumeRecording,
    Sides,
    StartRecording,
    StopRecording,
)
from media.tap_frame import RECEIVED, SENT

MS = 1_000_000
DAY = Path("2026/11/30")


def start(
    number: int,
    at_ns: int,
    *,
    call_id: str = "call",
    path: str | None = None,
    sides: Sides = "both",
    form: RecordingFormat = "wav",
) -> StartRecording:
    place = str(DAY / f"{call_id}.{form}") if path is None else path
    return StartRecording(
        recording=number, call_id=call_id, path=place, sides=sides, at_ns=at_ns, started_us=1_000_000, format=form
    )


def talk(client: RecorderClient, number: int, start_ns: int, *, frames: int) -> None:
    """As a worker would have sent it that was asked to at `start_ns`."""
    left, right = tone(400, samples=160 * frames), tone(1_000, samples=160 * frames)
    for index in range(frames):
        part, at_ns = slice(160 * index, 160 * index + 160), start_ns + index * FRAME_NS
        client.send(
            frame(number, index, direction=RECEIVED, samples=left[part], at_ns=at_ns)
            + frame(number, index, direction=SENT, samples=right[part], at_ns=at_ns, ssrc=2)
        )


def test_a_recording_has_its_name_length_and_hash(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        at_ns = now_ns() - 2_000 * MS
        client.order(start(1, at_ns))
        talk(client, 1, at_ns, frames=50)
        client.order(StopRecording(recording=1, at_ns=at_ns + 1_000 * MS))
        ended = client.expect(RecordingEnded)
    file = tmp_path / DAY / "call.wav"
    assert ended == RecordingEnded(
        recording=1,
        call_id="call",
        path=str(DAY / "call.wav"),
        sides="both",
        started_us=1_000_000,
        ended_us=2_000_000,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        length_ms=1_000,
    )
    found = read_wav(file)
    assert (frequency(found[:, 0]), frequency(found[:, 1])) == (400, 1_000)
    assert [each.name for each in file.parent.iterdir()] == ["call.wav"]
    assert file.stat().st_mode & 0o077 == 0


def test_pause_and_resume(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        at_ns = now_ns() - 2_000 * MS
        client.order(
            start(1, at_ns), PauseRecording(recording=1, at_ns=at_ns), ResumeRecording(recording=1, at_ns=at_ns + 500 * MS)
        )
        client.expect(RecorderHeartbeat)
        talk(client, 1, at_ns, frames=50)
        client.order(StopRecording(recording=1, at_ns=at_ns + 1_000 * MS))
        ended = client.expect(RecordingEnded)
    found = read_wav(tmp_path / DAY / "call.wav")[:, 0]
    assert ended.paused_ms == 500
    assert not found[:4_000].any()
    assert frequency(found[4_000:]) == 400


def test_opus_is_made_of_the_whole(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        at_ns = now_ns() - 2_000 * MS
        client.order(start(1, at_ns, form="opus"))
        talk(client, 1, at_ns, frames=50)
        client.order(StopRecording(recording=1, at_ns=at_ns + 1_000 * MS))
        ended = client.expect(RecordingEnded)
    file = tmp_path / DAY / "call.opus"
    assert (ended.path, ended.format, ended.length_ms, ended.why) == (str(DAY / "call.opus"), "opus", 1_000, None)
    assert ended.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert [each.name for each in file.parent.iterdir()] == ["call.opus"]
    assert file.stat().st_mode & 0o077 == 0
    samples, rate = soundfile.read(file, dtype="int16")
    assert (samples.shape, rate) == ((8_000, 2), 8_000)
    assert (frequency(samples[:, 0]), frequency(samples[:, 1])) == (400, 1_000)


def test_what_can_not_be_encoded_stays_wav(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        (tmp_path / DAY / "call.part.opus" / "in the way").mkdir(parents=True)
        client.order(start(1, now_ns() - 1_000 * MS, form="opus"))
        client.order(StopRecording(recording=1, at_ns=now_ns()))
        ended = client.expect(RecordingEnded)
    assert (ended.path, ended.format, ended.why) == (str(DAY / "call.wav"), "wav", "it could not be encoded")
    read_wav(tmp_path / DAY / "call.wav")


def test_quitting_finishes_what_runs(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        at_ns = now_ns() - 1_000 * MS
        client.order(start(1, at_ns), start(2, at_ns, call_id="other"), QuitRecorder())
        assert {client.expect(RecordingEnded).call_id, client.expect(RecordingEnded).call_id} == {"call", "other"}
        assert client.process.wait(60) == 0
    assert len(list((tmp_path / DAY).glob("*.wav"))) == 2


def test_killed_in_the_middle_it_leaves_a_file_that_plays_up_to_the_last_second(tmp_path: Path) -> None:
    part = tmp_path / DAY / "call.part.wav"
    with RecorderClient(tmp_path) as client:
        at_ns = now_ns()
        client.order(start(1, at_ns))
        for index in range(3):
            talk(client, 1, at_ns + index * 500 * MS, frames=25)
            client.expect(RecorderHeartbeat)
        client.expect(RecorderHeartbeat)
        killed_ns = now_ns()
        client.process.kill()
        client.process.wait(60)
    found = read_wav(part)
    assert len(found) >= ((killed_ns - at_ns) // MS - 1_000) * 8
    assert found[:, 0].any()
    with RecorderClient(tmp_path) as client:
        ended = client.expect(RecordingEnded)
    assert (ended.recording, ended.call_id, ended.path) == (None, "call", str(DAY / "call.wav"))
    assert (ended.sides, ended.length_ms, ended.why) == ("both", len(found) // 8, "the recorder died")
    assert ended.sha256 == hashlib.sha256((tmp_path / DAY / "call.wav").read_bytes()).hexdigest()
    assert not part.exists()


def test_what_another_recorder_writes_is_left_alone(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        client.order(start(1, now_ns()))
        client.expect(RecorderHeartbeat)
        with RecorderClient(tmp_path) as second:
            second.order(QuitRecorder())
            assert second.process.wait(60) == 0
            assert not [each for each in second.skipped if isinstance(each, RecordingEnded)]
        assert (tmp_path / DAY / "call.part.wav").exists()


def test_a_full_disk_stops_the_recording_and_keeps_what_there_is(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        resource.prlimit(client.process.pid, resource.RLIMIT_FSIZE, (44 + 8_000, resource.RLIM_INFINITY))
        client.order(start(1, now_ns() - 10_000 * MS))
        ended = client.expect(RecordingEnded)
        assert ended.why == "File too large"
        assert ended.path is not None
        assert ended.length_ms * 32 <= 8_000
        resource.prlimit(client.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        client.order(start(2, now_ns(), call_id="next"), StopRecording(recording=2, at_ns=now_ns()))
        assert client.expect(RecordingEnded).why is None
    read_wav(tmp_path / ended.path)


@pytest.mark.parametrize("path", ["../out.wav", "/tmp/out.wav", "2026/../../out.wav"])  # noqa: S108 a place that is refused
def test_a_path_outside_is_refused(tmp_path: Path, path: str) -> None:
    with RecorderClient(tmp_path / "recordings") as client:
        client.order(start(1, 0, path=path))
        ended = client.expect(RecordingEnded)
    assert ended.path is None
    assert ended.why == f"{path} is not in the directory of recordings"


def test_a_directory_that_can_not_be_made(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        (tmp_path / "2026").write_text("a file")
        client.order(start(1, 0))
        assert client.expect(RecordingEnded).why == "Not a directory"


def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / DAY / "call.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"before")
    with RecorderClient(tmp_path) as client:
        client.order(start(1, now_ns()))
        assert client.expect(RecordingEnded).path is None
        client.order(start(2, now_ns(), path=str(DAY / "call.wav")))
        assert client.expect(RecordingEnded).why == "there is a recording of this name"
    assert file.read_bytes() == b"before"


def test_frames_that_are_none_are_a_problem_and_end_nothing(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        client.order(start(1, now_ns()))
        client.send(b"nothing")
        assert client.expect(WorkerProblem).doing == "reading frames"
        client.order(StopRecording(recording=1, at_ns=now_ns()))
        assert client.expect(RecordingEnded).why is None


def test_old_recordings_are_deleted_and_young_ones_and_strange_files_are_not(tmp_path: Path) -> None:
    old, young, strange = tmp_path / "2026/08/01/old.wav", tmp_path / DAY / "young.wav", tmp_path / "notes/old.wav"
    for each in (old, young, strange):
        each.parent.mkdir(parents=True)
        each.write_bytes(b"sound")
    day_s = 86_400
    for each, days in ((old, 91), (young, 89), (strange, 91)):
        then = each.stat().st_mtime - days * day_s
        os.utime(each, (then, then))
    with RecorderClient(tmp_path, keep_days=90) as client:
        assert client.expect(RecordingsExpired).paths == ("2026/08/01/old.wav",)
    assert (old.exists(), young.exists(), strange.exists()) == (False, True, True)
    assert not old.parent.exists()
