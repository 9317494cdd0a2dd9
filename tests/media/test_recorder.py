"""The recorder process: orders and frames in, whole files out, also after it was killed and when the disk is full."""

import hashlib
import os
import resource
import signal
from pathlib import Path

import pytest
import soundfile
from msgspec.structs import replace
from recorder_client import FRAME_NS, RecorderClient, frame, frequency, now_ns, read_wav, tone

from media.control import WorkerProblem
from media.recording import (
    DeleteRecordings,
    PauseRecording,
    QuitRecorder,
    RecorderHeartbeat,
    RecordingEnded,
    RecordingFormat,
    RecordingsExpired,
    RecordingStored,
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
        client.send_frames(
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


def test_files_are_completed_at_a_lower_priority_than_packets_are_relayed_at(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        client.order(start(1, now_ns()), StopRecording(recording=1, at_ns=now_ns()))
        client.expect(RecordingEnded)
        threads = [int(each.name) for each in Path(f"/proc/{client.process.pid}/task").iterdir()]
        nice = [os.getpriority(os.PRIO_PROCESS, each) - os.getpriority(os.PRIO_PROCESS, client.process.pid) for each in threads]
    assert (min(nice), max(nice)) == (0, min(10, 19 - os.getpriority(os.PRIO_PROCESS, 0)))


def test_more_is_recorded_at_a_time_than_a_process_may_have_open_files_unless_it_asks(tmp_path: Path) -> None:
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
    try:
        client = RecorderClient(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
    with client:
        at_ns = now_ns()
        client.order(*(start(number, at_ns, call_id=f"call-{number}") for number in range(100)), QuitRecorder())
        assert {client.expect(RecordingEnded).why for _ in range(100)} == {None}


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


def test_what_the_ledger_may_not_know_is_told_again_until_it_does(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        client.order(start(1, now_ns() - 1_000 * MS), PauseRecording(recording=1, at_ns=now_ns() - 500 * MS))
        client.order(StopRecording(recording=1, at_ns=now_ns()))
        ended = client.expect(RecordingEnded)
        client.expect(RecorderHeartbeat)
    with RecorderClient(tmp_path) as client:
        assert client.expect(RecordingEnded) == replace(ended, recording=None)
        client.order(RecordingStored(path=str(DAY / "call.wav")), QuitRecorder())
        assert client.process.wait(60) == 0
    assert ended.paused_ms == pytest.approx(500, abs=20)
    assert told_of(tmp_path) == []


def told_of(directory: Path) -> list[str]:
    """The paths of recordings that a new recorder tells of; it has looked before it ends."""
    with RecorderClient(directory) as client:
        client.order(QuitRecorder())
        assert client.process.wait(60) == 0
        reports = [*client.skipped, *client.rest()]
    return [each.path or "" for each in reports if isinstance(each, RecordingEnded)]


def test_an_engine_that_dies_has_its_recordings_when_it_is_back(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        client.order(start(1, now_ns() - 1_000 * MS), start(2, now_ns() - 1_000 * MS, call_id="other", form="opus"))
        client.expect(RecorderHeartbeat)
        client.hang_up()
        assert client.process.wait(60) == 0
    assert told_of(tmp_path) == [str(DAY / "call.wav"), str(DAY / "other.opus")]


def test_a_file_that_can_not_be_brought_back_hides_no_other(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        client.order(*(start(number, now_ns(), call_id=name) for number, name in enumerate("abc")))
        client.expect(RecorderHeartbeat)
        client.expect(RecorderHeartbeat)
        client.process.kill()
        client.process.wait(60)
    (tmp_path / DAY / "b.part.wav").unlink()
    (tmp_path / "outbox" / "a.json").write_text("no recording")
    assert told_of(tmp_path) == [str(DAY / "a.wav"), str(DAY / "c.wav")]
    assert sorted(each.name for each in (tmp_path / "outbox").iterdir()) == ["2026-11-30-a.json", "2026-11-30-c.json", "a.json"]


def test_killed_before_it_encodes_it_is_encoded_by_the_next(tmp_path: Path) -> None:
    with RecorderClient(tmp_path) as client:
        at_ns = now_ns()
        client.order(start(1, at_ns, form="opus"))
        talk(client, 1, at_ns, frames=50)
        client.expect(RecorderHeartbeat)
        client.expect(RecorderHeartbeat)
        client.process.kill()
        client.process.wait(60)
    with RecorderClient(tmp_path) as client:
        ended = client.expect(RecordingEnded)
    assert (ended.path, ended.format, ended.why) == (str(DAY / "call.opus"), "opus", "the recorder died")
    assert ended.started_us == 1_000_000
    assert ended.ended_us == pytest.approx(1_000_000 + ended.length_ms * 1_000, abs=1_000)
    assert [each.name for each in (tmp_path / DAY).iterdir()] == ["call.opus"]


def test_a_recorder_that_ends_slowly_is_waited_for_by_the_next(tmp_path: Path) -> None:
    """The first one is stopped in the middle, as if its disk was slow; the second finds its file once it is through."""
    with RecorderClient(tmp_path) as first:
        first.order(start(1, now_ns()))
        first.expect(RecorderHeartbeat)
        first.process.send_signal(signal.SIGSTOP)
        first.hang_up()
        with RecorderClient(tmp_path) as second:
            second.expect(RecorderHeartbeat)
            first.process.send_signal(signal.SIGCONT)
            assert second.expect(RecordingEnded).why is None


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
        client.send_frames(b"nothing")
        assert client.expect(WorkerProblem).doing == "reading frames"
        client.order(StopRecording(recording=1, at_ns=now_ns()))
        assert client.expect(RecordingEnded).why is None


def test_old_recordings_are_deleted_and_young_ones_and_strange_files_are_not(tmp_path: Path) -> None:
    old, young, strange = tmp_path / "2026/08/01/old.wav", tmp_path / DAY / "young.wav", tmp_path / "notes/old.wav"
    left = old.with_name("left.part.opus")
    old_ones = ("2026/08/01/left.part.opus", "2026/08/01/old.wav")
    for each in (old, left, young, strange):
        each.parent.mkdir(parents=True, exist_ok=True)
        each.write_bytes(b"sound")
    day_s = 86_400
    for each, days in ((old, 91), (left, 91), (young, 89), (strange, 91)):
        then = each.stat().st_mtime - days * day_s
        os.utime(each, (then, then))
    with RecorderClient(tmp_path, keep_days=90) as client:
        assert client.expect(RecordingsExpired).paths == old_ones
        assert old.exists()  # until the ledger has it
        client.order(DeleteRecordings(paths=old_ones), QuitRecorder())
        assert client.process.wait(60) == 0
    assert not left.exists()
    assert (old.exists(), young.exists(), strange.exists()) == (False, True, True)
    assert not old.parent.exists()
