"""Sound files: which can be played, what they sound like at 8 kHz, what is wrong with them, and that no octets break the reader."""

import io
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from media.dsp import g711, levels, tones
from media.dsp.wav import write_wav
from media.prompts.decode import decoded
from media.prompts.prompt import Unplayable

MAX_S = 900
RATE = 8_000
SPEECH = tones.sine(440, 500, level_db=-20)
ONE_S = tones.tone((440,), 1_000, level_db=-20, rate=44_100)


def read(data: bytes) -> g711.Samples:
    found = decoded(data)
    assert not isinstance(found, Unplayable)
    return np.rint(found.wave * 32_768).clip(-32_768, 32_767).astype(np.int16)


def fault(data: bytes) -> str:
    found = decoded(data)
    assert isinstance(found, Unplayable)
    return found.why


def heard(data: bytes) -> list[str]:
    """What is wrong with a file that can be played, by the first two words."""
    found = decoded(data)
    assert not isinstance(found, Unplayable)
    return [" ".join(doubt.what.split()[:2]) for doubt in found.doubts]


def sound(samples: npt.NDArray[Any], rate: int, kind: str, coding: str) -> bytes:
    file = io.BytesIO()
    samples = samples / 32_768 if samples.dtype == np.int16 else samples
    soundfile.write(file, samples, rate, format=kind, subtype=coding)
    return file.getvalue()


def made(*, channels: int = 1, rate: int = RATE, data: bytes = b"\1\0\2\0", tag: int = 1, extra: bytes = b"") -> bytes:
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * channels * 2, channels * 2, 16) + extra
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"LIST\3\0\0\0abc\0" + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


KINDS = [
    *(
        ("WAV", coding)
        for coding in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW", "IMA_ADPCM", "MS_ADPCM")
    ),
    ("WAVEX", "PCM_16"),
    ("WAVEX", "PCM_24"),
    ("RF64", "PCM_16"),
    ("MP3", "MPEG_LAYER_III"),
    ("OGG", "VORBIS"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
]


@pytest.mark.parametrize(("kind", "coding"), KINDS, ids=str)
def test_every_kind_of_file_sounds_as_what_was_saved(kind: str, coding: str) -> None:
    data = sound(np.stack((ONE_S, ONE_S), axis=1), 44_100, kind, coding)
    samples = read(data)
    assert len(samples) == pytest.approx(RATE, abs=600)
    assert levels.tone_db(samples[800:-800], 440) == pytest.approx(-20, abs=0.4)
    assert levels.tone_share(samples[800:-800], 440) > 0.99
    assert heard(data) == []


def test_opus_in_ogg() -> None:
    samples = read(sound(tones.tone((440,), 1_000, level_db=-20, rate=48_000), 48_000, "OGG", "OPUS"))
    assert levels.tone_db(samples[800:-800], 440) == pytest.approx(-20, abs=0.4)


def test_a_wav_at_8_khz_is_taken_as_it_is() -> None:
    tone = tones.sine(440, 100)
    assert read(write_wav(tone)).tolist() == tone.tolist()


@pytest.mark.parametrize("rate", [11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000])
def test_other_rates_are_resampled(rate: int) -> None:
    samples = read(write_wav(tones.tone((1_000,), 500, rate=rate), rate=rate))
    assert len(samples) == pytest.approx(4_000, abs=1)
    assert levels.tone_db(samples, 1_000) == pytest.approx(-13, abs=0.2)
    assert levels.tone_share(samples[200:-200], 1_000) > 0.999


def test_resampling_goes_on_from_block_to_block() -> None:
    """Three blocks of the reader, without a click between them."""
    samples = read(write_wav(tones.tone((1_000,), 4_000, rate=44_100), rate=44_100))
    assert len(samples) == pytest.approx(32_000, abs=1)
    assert levels.tone_share(samples[400:-400], 1_000) > 0.9999


@pytest.mark.parametrize("rate", [11_025, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("hz", [300, 3_400, 3_600])
def test_the_telephone_band_is_flat(rate: int, hz: float) -> None:
    samples = read(write_wav(tones.tone((hz,), 500, rate=rate), rate=rate))
    assert levels.tone_db(samples[400:-400], hz) == pytest.approx(-13, abs=0.1)


@pytest.mark.parametrize("hz", [4_050, 4_200, 4_800, 6_000, 7_000])
def test_what_8_khz_cannot_carry_does_not_fold_back(hz: float) -> None:
    samples = read(write_wav(tones.tone((hz,), 500, rate=48_000), rate=48_000))
    assert levels.level_db(samples[400:-400]) < -90


def test_stereo_is_mixed_down() -> None:
    assert read(made(channels=2, data=struct.pack("<4h", 100, 300, -50, -150))).tolist() == [200, -100]


def test_a_length_left_open_by_a_streaming_writer() -> None:
    data = made().replace(b"data\4\0\0\0", b"data\xff\xff\xff\xff")
    assert read(data).tolist() == [1, 2]


VIDEO = struct.pack(">I", 32) + b"ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(10_000)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "the file is empty"),
        (b"RIFF", "not a WAV, MP3, OGG or FLAC file"),
        (b"welcome, caller\n" * 500, "not a WAV, MP3, OGG or FLAC file"),
        (np.random.default_rng(1).bytes(200_000), "not a WAV, MP3, OGG or FLAC file"),
        (VIDEO, "not a WAV, MP3, OGG or FLAC file"),
        (sound(ONE_S, 44_100, "AIFF", "PCM_16"), "not a WAV, MP3, OGG or FLAC file"),
        (made(data=b""), "no samples"),
        (made(channels=9, data=bytes(18)), "9 channels, 1 to 8 can be played"),
        (made(rate=7_999), "7999 Hz, 8000 to 192000 can be played"),
        (made(rate=192_001), "192001 Hz, 8000 to 192000 can be played"),
        (sound(np.array([0.1, np.nan, 0.1]), RATE, "WAV", "FLOAT"), "it holds samples that are no numbers"),
        (sound(np.array([0.1, np.inf, 0.1]), RATE, "WAV", "DOUBLE"), "it holds samples that are no numbers"),
        (sound(ONE_S, 44_100, "FLAC", "PCM_16")[:2_000], "damaged after 0.0 s: flac decoder lost sync"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_cannot_be_played_says_why(data: bytes, why: str) -> None:
    assert fault(data) == why


@pytest.mark.parametrize(("channels", "rate"), [(1, 8_000), (8, 8_000), (1, 192_000)])
def test_the_most_that_is_taken(channels: int, rate: int) -> None:
    assert heard(made(channels=channels, rate=rate, data=bytes(2 * channels * 800))) == ["is silent:"]


def test_a_file_may_be_as_large_as_the_limit_and_no_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_wav(SPEECH)
    monkeypatch.setattr("media.prompts.decode.MAX_FILE_BYTES", len(data))
    assert heard(data) == []
    assert fault(data + b"\0") == "larger than 0 MiB"


@pytest.mark.parametrize("more", [0, 1])
def test_a_small_file_that_unpacks_to_more_than_15_minutes_is_not_unpacked_further(more: int) -> None:
    """Two hours of silence are 100 KB of FLAC."""
    data = sound(np.zeros(MAX_S * RATE + more, np.int16), RATE, "FLAC", "PCM_16")
    if more:
        assert fault(data) == "longer than 15 min"
    else:
        assert heard(data) == ["is silent:"]


def in_stereo(left: g711.Samples, right: g711.Samples) -> bytes:
    return made(channels=2, data=np.stack((left, right), axis=1).astype("<i2").tobytes())


def level(rms: float) -> bytes:
    """A square wave, whose mean square is that of its level."""
    return made(data=np.tile(np.array([rms, -rms], "<i2"), 4_000).tobytes())


@pytest.mark.parametrize(
    ("data", "doubts"),
    [
        (write_wav(SPEECH), []),
        (in_stereo(SPEECH, SPEECH), []),
        (in_stereo(SPEECH, np.zeros_like(SPEECH)), []),  # one channel is silent: 6 dB less is heard
        (in_stereo(SPEECH, tones.sine(1_000, 500, level_db=-20)), []),
        (in_stereo(SPEECH, -SPEECH), ["nearly vanishes"]),
        (in_stereo(SPEECH, (-0.9 * SPEECH).astype(np.int16)), ["nearly vanishes"]),
        (in_stereo(SPEECH, (-0.7 * SPEECH).astype(np.int16)), []),  # 16 dB less
        (in_stereo(SPEECH, np.rint(-0.8005 * SPEECH).astype(np.int16)), ["nearly vanishes"]),  # a little more than 20 dB less
        (in_stereo(SPEECH, np.rint(-0.7995 * SPEECH).astype(np.int16)), []),  # and a little less than that
        (in_stereo(np.zeros_like(SPEECH), np.zeros_like(SPEECH)), ["is silent:"]),
        (level(52), []),
        (level(51), ["is silent:"]),
    ],
)
def test_what_callers_would_not_hear(data: bytes, doubts: list[str]) -> None:
    assert heard(data) == doubts


@pytest.mark.parametrize(
    ("gain", "doubts"),
    [(1.0, []), (1.02, []), (2.0, ["is clipped:"])],
    ids=["just reaches full scale", "touches it", "cut off"],
)
def test_a_clipped_recording_stays_at_full_scale(gain: float, doubts: list[str]) -> None:
    loud = np.sin(np.arange(8_000) * 2 * np.pi * 400 / 8_000 + 0.05) * 32_767 * gain
    assert heard(write_wav(np.clip(loud, -32_768, 32_767).astype(np.int16))) == doubts


@pytest.mark.parametrize(("flat", "doubts"), [(9, []), (10, ["is clipped:"])])
def test_a_thousandth_of_it_may_be_clipped(flat: int, doubts: list[str]) -> None:
    samples = np.tile(SPEECH, 3)[:8_002].copy()  # 8,000 triples
    samples[100 : 100 + flat] = 32_760
    assert heard(write_wav(samples)) == doubts


@pytest.mark.parametrize(("flat", "doubts"), [(81, []), (82, ["is clipped:"])])
def test_a_clipped_peak_may_lie_across_two_blocks_of_the_reader(flat: int, doubts: list[str]) -> None:
    samples = np.tile(SPEECH, 30)[:80_002].copy()  # 80,000 triples; a block has 65,536 frames
    samples[65_500 : 65_500 + flat] = 32_760
    assert heard(write_wav(samples)) == doubts


@pytest.mark.parametrize(
    ("announced", "doubts"),
    [(8_000, []), (8_001, []), (8_002, ["breaks off:"]), (0x7FFE_FFFF, ["breaks off:"]), (0x7FFF_0000, []), (0xFFFF_FFFF, [])],
)
def test_a_wav_that_announces_more_than_it_holds_breaks_off(announced: int, doubts: list[str]) -> None:
    data = write_wav(SPEECH).replace(b"data" + struct.pack("<I", 8_000), b"data" + struct.pack("<I", announced))
    assert heard(data) == doubts


@pytest.mark.parametrize(("kind", "coding"), [("MP3", "MPEG_LAYER_III"), ("WAV", "IMA_ADPCM"), ("WAV", "PCM_24"), ("WAV", "ALAW")])
def test_half_a_file_breaks_off(kind: str, coding: str) -> None:
    data = sound(np.tile(ONE_S, 3), 44_100, kind, coding)
    found = decoded(data[: len(data) // 2])
    assert not isinstance(found, Unplayable)
    (doubt,) = found.doubts
    held, announced = (float(word) for word in doubt.what.split() if word.replace(".", "").isdecimal())
    assert announced == pytest.approx(3.0, abs=0.25)
    assert held == pytest.approx(1.5, abs=0.2)


def test_a_damaged_mp3_says_where() -> None:
    data = bytearray(sound(np.tile(ONE_S, 3), 44_100, "MP3", "MPEG_LAYER_III"))
    data[len(data) // 2 : len(data) // 2 + 2_000] = b"\x55" * 2_000
    assert fault(bytes(data)).startswith(("damaged after", "unspecified"))


def test_what_a_library_remarks_stays_out_of_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    test_a_damaged_mp3_says_where()
    assert capfd.readouterr() == ("", "")


HEADS = [b"", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt ", b"fLaC\0\0\0\x22", b"OggS\0\2", b"\xff\xfb\x90\0", b"ID3\4\0\0\0\0\0\0"]


@given(st.sampled_from(HEADS), st.binary(max_size=300))
def test_no_octets_break_the_reader(head: bytes, tail: bytes) -> None:
    found = decoded(head + tail)
    assert isinstance(found, Unplayable) or len(found.wave)


@pytest.mark.parametrize(
    ("kind", "coding"), [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("FLAC", "PCM_16"), ("WAV", "MS_ADPCM")]
)
def test_no_damage_to_a_file_breaks_the_reader(kind: str, coding: str) -> None:
    whole = sound(ONE_S, 44_100, kind, coding)
    rng = np.random.default_rng(7)
    for _ in range(60):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 8):
            data[at] = rng.integers(0, 256)
        found = decoded(bytes(data[: rng.integers(1, len(data) + 1)]))
        assert isinstance(found, Unplayable) or len(found.wave)
