"""One recording without a process or a clock: what stands where in its file."""

from pathlib import Path

import numpy as np
import pytest
from recorder_client import FRAME_NS, frame, frequency, read_wav, tone

from media.dsp.levels import level_db
from media.dsp.tones import tone as tone_of
from media.recorder.recording import LAG_NS, Recording
from media.recorder.wav_file import WavFile
from media.recording import Sides, StartRecording
from media.tap_frame import NUMBER_MASK, RECEIVED, SENT, frames, pack
from media.transcoder.codecs import encoder
from switch.codec import Codec

MS = 1_000_000
START_NS = 5_000 * MS


def recording(tmp_path: Path, *, sides: Sides = "both") -> Recording[WavFile]:
    order = StartRecording(recording=1, call_id="c", path="c.wav", sides=sides, at_ns=START_NS, started_us=0)
    return Recording(order, lambda channels: WavFile.create(tmp_path / "c.wav", channels=channels))


def take(mine: Recording[WavFile], datagram: bytes) -> None:
    for each in frames(datagram):
        mine.take(each)


def talk(mine: Recording[WavFile], numbers: range, *, hz: float = 400, direction: int = RECEIVED, lost: range = range(0)) -> None:
    """A tone in frames, written every half second, as the recorder does."""
    sound = tone(hz, samples=160 * numbers.stop)
    for number in numbers:
        at_ns = START_NS + number * FRAME_NS
        if number not in lost:
            take(mine, frame(1, number, direction=direction, samples=sound[160 * number : 160 * number + 160], at_ns=at_ns))
        if number % 25 == 0:
            mine.write(at_ns)


def finished(mine: Recording[WavFile], tmp_path: Path, *, ms: int) -> np.ndarray:
    stop_ns = START_NS + ms * MS
    mine.stop(stop_ns)
    mine.write(stop_ns + LAG_NS)
    assert mine.is_over(stop_ns + LAG_NS)
    assert mine.file.length_ms == ms
    mine.file.publish()
    return read_wav(tmp_path / "c.wav")


def test_each_side_has_its_channel(tmp_path: Path) -> None:
    mine = recording(tmp_path)
    heard, said = tone(400, samples=8_000), tone(1_000, samples=8_000)
    for number in range(50):
        part, at_ns = slice(160 * number, 160 * number + 160), START_NS + number * FRAME_NS
        take(mine, frame(1, number, direction=RECEIVED, samples=heard[part], at_ns=at_ns))
        take(mine, frame(1, number, direction=SENT, samples=said[part], at_ns=at_ns, ssrc=2))
    found = finished(mine, tmp_path, ms=1_000)
    assert found.shape == (8_000, 2)
    assert (frequency(found[:, 0]), frequency(found[:, 1])) == (400, 1_000)
    assert np.abs(found[:, 0].astype(int) - heard).max() < 300  # the steps of G.711


def test_one_side_is_mono(tmp_path: Path) -> None:
    mine = recording(tmp_path, sides="caller")
    talk(mine, range(50))
    talk(mine, range(50), direction=SENT, hz=1_000)
    found = finished(mine, tmp_path, ms=1_000)
    assert found.shape == (8_000, 1)
    assert frequency(found[:, 0]) == 400


def test_lost_packets_leave_a_gap_of_their_length(tmp_path: Path) -> None:
    mine = recording(tmp_path, sides="caller")
    talk(mine, range(200), lost=range(60, 75))
    found = finished(mine, tmp_path, ms=4_000)[:, 0]
    assert not found[9_600:12_000].any()
    assert frequency(found[:9_600]) == frequency(found[12_000:]) == 400
    assert mine.frames_lost == 15


@pytest.mark.parametrize("late_ms", [5, 15, 80, 190])
def test_a_tone_behind_a_first_packet_that_was_late_keeps_its_pitch(tmp_path: Path, late_ms: int) -> None:
    mine = recording(tmp_path, sides="caller")
    sound = tone(1_100, samples=160 * 200)
    for number in range(200):
        at_ns = START_NS + number * FRAME_NS + (late_ms * MS if number == 0 else 0)
        take(mine, frame(1, number, direction=RECEIVED, samples=sound[160 * number : 160 * number + 160], at_ns=at_ns))
    found = finished(mine, tmp_path, ms=4_000)[:, 0]
    assert {frequency(found[at : at + 800]) for at in range(1_600, 32_000, 800)} == {1_100}
    assert np.abs(found[1_600:].astype(int) - sound[1_600:]).max() < 300  # in its place, too


def test_nobody_sends_and_time_goes_by(tmp_path: Path) -> None:
    mine = recording(tmp_path)
    mine.write(START_NS + 10_000 * MS)
    assert mine.file.position == (10_000 - LAG_NS // MS) * 8
    assert finished(mine, tmp_path, ms=20_000).shape == (160_000, 2)


def test_a_pause_is_silence_of_the_same_length(tmp_path: Path) -> None:
    mine = recording(tmp_path, sides="caller")
    sound = tone(400, samples=16_000)
    for number in range(100):
        at_ns = START_NS + number * FRAME_NS
        take(mine, frame(1, number, direction=RECEIVED, samples=sound[160 * number : 160 * number + 160], at_ns=at_ns))
        if number == 42:
            mine.pause(START_NS + 800 * MS)  # the order comes 40 ms later than its moment: what came since is cut
        if number == 70:
            mine.resume(START_NS + 1_400 * MS)
    found = finished(mine, tmp_path, ms=2_000)[:, 0]
    assert not found[6_400:11_200].any()
    assert found[6_300:6_400].any()
    assert frequency(found[:6_400]) == frequency(found[11_200:]) == 400
    assert mine.paused_ms == 600


def test_what_was_said_in_a_pause_is_silent_when_it_comes_after_it(tmp_path: Path) -> None:
    """The network stalls from the middle of a pause until after its end; then all comes at once."""
    mine = recording(tmp_path, sides="caller")
    sound = tone(400, samples=24_000)
    for number in range(150):
        at_ns = START_NS + max(number * FRAME_NS, 1_600 * MS if 50 <= number < 80 else 0)
        if number == 40:
            mine.pause(START_NS + 800 * MS)
        if number == 50:
            mine.resume(START_NS + 1_400 * MS)
            mine.write(START_NS + 1_600 * MS)
        take(mine, frame(1, number, direction=RECEIVED, samples=sound[160 * number : 160 * number + 160], at_ns=at_ns))
    found = finished(mine, tmp_path, ms=3_000)[:, 0]
    assert not found[6_400:11_200].any()
    assert frequency(found[:6_400]) == frequency(found[11_200:]) == 400


def test_a_pause_that_is_told_late_silences_what_is_in_the_file(tmp_path: Path) -> None:
    mine = recording(tmp_path)
    talk(mine, range(100))
    mine.write(START_NS + 2_000 * MS)
    mine.pause(START_NS + 800 * MS)
    mine.resume(START_NS + 1_700 * MS)
    found = finished(mine, tmp_path, ms=2_000)[:, 0]
    assert not found[6_400:13_600].any()
    assert found[6_300:6_400].any()
    assert frequency(found[13_600:]) == 400


def test_each_of_many_pauses_stays_silent_for_what_comes_late(tmp_path: Path) -> None:
    mine = recording(tmp_path, sides="caller")
    for second in range(4):
        mine.pause(START_NS + (1_000 * second + 400) * MS)
        mine.resume(START_NS + (1_000 * second + 600) * MS)
    mine.write(START_NS + 5_000 * MS)
    talk(mine, range(200))
    found = finished(mine, tmp_path, ms=5_000)[:, 0]
    assert [found[at : at + 800].any() for at in range(0, 32_000, 800)] == [tenth not in (4, 5) for tenth in range(10)] * 4


def test_a_stop_ends_a_pause(tmp_path: Path) -> None:
    mine = recording(tmp_path)
    mine.pause(START_NS + 400 * MS)
    mine.pause(START_NS + 500 * MS)
    finished(mine, tmp_path, ms=1_000)
    assert mine.paused_ms == 600


def test_frames_that_come_after_their_time_was_written_stand_in_their_place(tmp_path: Path) -> None:
    mine = recording(tmp_path)
    talk(mine, range(50), lost=range(20, 30))
    mine.write(START_NS + 3_000 * MS)
    sound = tone(400, samples=8_000)
    for number in range(20, 30):
        part = sound[160 * number : 160 * number + 160]
        take(mine, frame(1, number, direction=RECEIVED, samples=part, at_ns=START_NS + number * FRAME_NS))
    found = finished(mine, tmp_path, ms=3_500)
    assert frequency(found[:8_000, 0]) == 400
    assert not found[:, 1].any()


def test_frames_before_the_start_and_behind_the_end_are_left_out(tmp_path: Path) -> None:
    mine = recording(tmp_path, sides="caller")
    sound = tone(400, samples=160)
    take(mine, frame(1, 0, direction=RECEIVED, samples=sound, at_ns=START_NS - 10 * MS))
    take(mine, frame(1, 5, direction=RECEIVED, samples=sound, at_ns=START_NS + 90 * MS))
    found = finished(mine, tmp_path, ms=100)[:, 0]
    assert found[:80].any()
    assert not found[80:720].any()
    assert found[720:].any()
    assert len(found) == 800


def test_another_codec_is_passed_over(tmp_path: Path) -> None:
    mine = recording(tmp_path, sides="caller")
    take(mine, pack(1, 0, 0, 0, START_NS, 0, 160, RECEIVED, 9) + bytes(160))
    assert not finished(mine, tmp_path, ms=100).any()


@pytest.mark.parametrize(("numbers", "lost"), [((0, 1, 2), 0), ((0, 3), 2), ((2, 1), 2), ((NUMBER_MASK,), 0)])
def test_lost_frames_are_counted(tmp_path: Path, numbers: tuple[int, ...], lost: int) -> None:
    mine = recording(tmp_path, sides="caller")
    for number in numbers:
        take(mine, pack(1, number, 0, 0, START_NS, 0, 160, RECEIVED, 0) + bytes(160))
    assert mine.frames_lost == lost


def test_the_file_can_be_played_after_each_write(tmp_path: Path) -> None:
    mine = recording(tmp_path)
    for ms in (0, 400, 1_000, 1_700):
        mine.write(START_NS + ms * MS)
        assert len(read_wav(tmp_path / "c.part.wav")) == max(0, ms - 300) * 8


@pytest.mark.parametrize("codec", [Codec.G722, Codec.OPUS], ids=lambda each: each.name)
def test_wide_band_is_recorded_in_its_place(tmp_path: Path, codec: Codec) -> None:
    """Timestamps wrap on the way; three frames are missing."""
    mine = recording(tmp_path, sides="caller")
    coder = encoder(codec, codec.sample_rate)
    sound = tone_of((400.0,), 1_000, level_db=-10.0, rate=codec.sample_rate).reshape(50, -1)
    for number in range(50):
        payload = coder.encode(sound[number])
        timestamp = (0xFFFFF000 + number * codec.clock_rate // 50) & 0xFFFFFFFF
        at_ns = START_NS + number * FRAME_NS
        header = pack(1, number, timestamp, 7, at_ns, number, len(payload), RECEIVED, codec)
        if not 20 <= number < 23:
            take(mine, header + payload)
    found = finished(mine, tmp_path, ms=1_000).reshape(-1)
    silent = np.flatnonzero(np.abs(found[3_000:4_000].astype(int)) < 50) + 3_000
    assert (silent.min(), silent.max()) == (pytest.approx(3_200, abs=60), pytest.approx(3_679, abs=60))
    assert frequency(found[4_000:]) == 400
    assert level_db(found[4_000:]) == pytest.approx(-10.0, abs=1.0)


def test_what_is_no_packet_of_its_codec_is_passed_over(tmp_path: Path) -> None:
    mine = recording(tmp_path, sides="caller")
    for number, codec in enumerate((Codec.OPUS, 99)):
        take(mine, pack(1, number, 0, 7, START_NS, number, 3, RECEIVED, codec) + b"\xff\xff\xff")
    assert not finished(mine, tmp_path, ms=100).any()
