"""G.711, tones, levels, WAV files."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.dsp import g711, levels, tones, wav

ALL_SAMPLES = np.arange(-32_768, 32_768, dtype=np.int32).astype(np.int16)
ALL_OCTETS = bytes(range(256))
MAX_FILE_BYTES = 8_388_608


@pytest.mark.parametrize(
    ("law", "sample", "octet"),
    [
        (g711.PCMU, 0, 0xFF),
        (g711.PCMU, 32_767, 0x80),
        (g711.PCMU, -32_768, 0x00),
        (g711.PCMU, 1_000, 0xCE),
        (g711.PCMU, -1_000, 0x4E),
        (g711.PCMU, 4, 0xFE),
        (g711.PCMA, 0, 0xD5),
        (g711.PCMA, -1, 0x55),
        (g711.PCMA, 32_767, 0xAA),
        (g711.PCMA, -32_768, 0x2A),
        (g711.PCMA, 1_000, 0xFA),
        (g711.PCMA, -1_000, 0x7A),
        (g711.PCMA, 16, 0xD4),
    ],
)
def test_octet_of_a_sample(law: int, sample: int, octet: int) -> None:
    assert g711.encode(np.array([sample], np.int16), law) == bytes([octet])


@pytest.mark.parametrize(
    ("law", "octet", "sample"),
    [
        (g711.PCMU, 0x00, -32_124),
        (g711.PCMU, 0x80, 32_124),
        (g711.PCMU, 0x7F, 0),
        (g711.PCMU, 0xFF, 0),
        (g711.PCMU, 0xCE, 988),
        (g711.PCMA, 0x2A, -32_256),
        (g711.PCMA, 0xAA, 32_256),
        (g711.PCMA, 0x55, -8),
        (g711.PCMA, 0xD5, 8),
        (g711.PCMA, 0xFA, 1_008),
    ],
)
def test_sample_of_an_octet(law: int, octet: int, sample: int) -> None:
    assert g711.decode(bytes([octet]), law).tolist() == [sample]


@pytest.mark.parametrize("law", [g711.PCMU, g711.PCMA])
def test_coding_again_changes_nothing_more(law: int) -> None:
    coded = g711.encode(g711.decode(ALL_OCTETS, law), law)
    assert (g711.decode(coded, law) == g711.decode(ALL_OCTETS, law)).all()
    negative_zero = {0x7F} if law == g711.PCMU else set()
    assert {was for was, now in zip(ALL_OCTETS, coded, strict=True) if was != now} == negative_zero


@pytest.mark.parametrize("law", [g711.PCMU, g711.PCMA])
def test_error_is_within_half_a_step(law: int) -> None:
    """Steps double from segment to segment: half of one is a 32nd of the magnitude and the bias, and 8 at the least."""
    samples = ALL_SAMPLES[np.abs(ALL_SAMPLES.astype(np.int32)) <= 32_124].astype(np.int32)
    decoded = g711.decode(g711.encode(samples.astype(np.int16), law), law).astype(np.int32)
    error, magnitude = np.abs(decoded - samples), np.abs(samples)
    assert not np.any(error > np.maximum(8, (magnitude + 132) / 32))
    assert not np.any(np.diff(decoded) < 0), "louder in, not quieter out"


@pytest.mark.parametrize(("source", "target"), [(g711.PCMU, g711.PCMA), (g711.PCMA, g711.PCMU)])
def test_translating_is_decoding_and_encoding(source: int, target: int) -> None:
    table = g711.recoding(source, target)
    assert table is not None
    assert ALL_OCTETS.translate(table) == g711.encode(g711.decode(ALL_OCTETS, source), target)


def test_one_law_needs_no_translation() -> None:
    assert g711.recoding(g711.PCMA, g711.PCMA) is None


def test_full_scale_is_the_largest_sample_and_no_more() -> None:
    assert np.abs(tones.sine(1_000, 100, level_db=0)).max() == 32_767
    assert np.abs(tones.tone((1_000, 1_004), 1_000, level_db=0)).max() == 32_767  # would add up to twice as much


@pytest.mark.parametrize(("law", "dbm0"), [(g711.PCMU, 3.17), (g711.PCMA, 3.14)])
def test_a_full_scale_sine_is_as_loud_as_g711_says(law: int, dbm0: float) -> None:
    power = float(np.mean(np.square(tones.sine(1_000, 1_000, level_db=0).astype(np.float64))))
    assert levels.dbm0(power, law=law) == pytest.approx(dbm0, abs=0.001)
    assert levels.mean_square(dbm0, law=law) == pytest.approx(power, rel=0.001)
    assert levels.dbm0(levels.mean_square(-20)) == pytest.approx(-20)
    assert levels.dbm0(0) == -120


def test_a_tone_is_found_where_it_is_and_nowhere_else() -> None:
    tone = tones.sine(1_000, 1_000, level_db=-10)
    assert levels.level_db(tone) == pytest.approx(-10, abs=0.01)
    assert levels.tone_db(tone, 1_000) == pytest.approx(-10, abs=0.01)
    assert levels.tone_share(tone, 1_000) == pytest.approx(1, abs=0.001)
    assert levels.tone_share(tone, 440) < 0.001
    assert levels.tone_db(tone, 440) < -60


def test_a_tone_is_found_through_g711_and_with_a_frame_lost() -> None:
    tone = g711.decode(g711.encode(tones.sine(440, 2_000), g711.PCMU), g711.PCMU)
    with_gap = np.concatenate((tone[:7_003], tone[7_163:]))
    assert levels.tone_share(with_gap, 440) > 0.9


@pytest.mark.parametrize("nothing", [np.zeros(0, np.int16), np.zeros(8_000, np.int16)])
def test_silence_has_no_level(nothing: g711.Samples) -> None:
    assert levels.level_db(nothing) == -120
    assert levels.tone_db(nothing, 440) == -120
    assert levels.tone_share(nothing, 440) == 0.0


def test_ringback_is_two_seconds_on_four_off() -> None:
    cadence = tones.ringback()
    on, off = cadence[:16_000], cadence[16_000:]
    assert len(tones.frames(cadence)) == 300
    assert levels.tone_share(on, 440) == pytest.approx(0.5, abs=0.01)
    assert levels.tone_share(on, 480) == pytest.approx(0.5, abs=0.01)
    assert len(off) == 32_000
    assert not off.any()


def test_the_last_frame_is_filled_up() -> None:
    frames = tones.frames(np.ones(161, np.int16))
    assert [len(frame) for frame in frames] == [160, 160]
    assert frames[1].tolist() == [1] + [0] * 159


def test_a_wav_at_8_khz_is_taken_as_it_is() -> None:
    tone = tones.sine(440, 100)
    samples = wav.read_wav(wav.write_wav(tone))
    assert not isinstance(samples, wav.WavError)
    assert samples.tolist() == tone.tolist()


@pytest.mark.parametrize("rate", [11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000])
def test_other_rates_are_resampled(rate: int) -> None:
    samples = wav.read_wav(wav.write_wav(tones.tone((1_000,), 500, rate=rate), rate=rate))
    assert not isinstance(samples, wav.WavError)
    assert len(samples) == pytest.approx(4_000, abs=1)
    assert levels.tone_db(samples, 1_000) == pytest.approx(-13, abs=0.2)
    assert levels.tone_share(samples[200:-200], 1_000) > 0.999


@pytest.mark.parametrize("rate", [11_025, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("hz", [300, 3_400, 3_600])
def test_the_telephone_band_is_flat(rate: int, hz: float) -> None:
    samples = wav.read_wav(wav.write_wav(tones.tone((hz,), 500, rate=rate), rate=rate))
    assert not isinstance(samples, wav.WavError)
    assert levels.tone_db(samples[400:-400], hz) == pytest.approx(-13, abs=0.1)


@pytest.mark.parametrize("hz", [4_050, 4_200, 4_800, 6_000, 7_000])
def test_what_8_khz_cannot_carry_does_not_fold_back(hz: float) -> None:
    samples = wav.read_wav(wav.write_wav(tones.tone((hz,), 500, rate=48_000), rate=48_000))
    assert not isinstance(samples, wav.WavError)
    assert levels.level_db(samples[400:-400]) < -90


def made(
    *, tag: int = 1, channels: int = 1, rate: int = 8_000, bits: int = 16, data: bytes = b"\1\0\2\0", extra: bytes = b""
) -> bytes:
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * channels * 2, channels * 2, bits) + extra
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"LIST\3\0\0\0abc\0" + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_stereo_is_mixed_down() -> None:
    samples = wav.read_wav(made(channels=2, data=struct.pack("<4h", 100, 300, -50, -150)))
    assert not isinstance(samples, wav.WavError)
    assert samples.tolist() == [200, -100]


def test_extensible_pcm_is_pcm() -> None:
    extra = struct.pack("<HHIH14s", 22, 16, 4, 1, b"\0" * 14)
    samples = wav.read_wav(made(tag=0xFFFE, extra=extra))
    assert not isinstance(samples, wav.WavError)
    assert samples.tolist() == [1, 2]


def test_a_length_left_open_by_a_streaming_writer() -> None:
    samples = wav.read_wav(made().replace(b"data\4\0\0\0", b"data\xff\xff\xff\xff"))
    assert not isinstance(samples, wav.WavError)
    assert samples.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a RIFF/WAVE file"),
        (b"ID3 an mp3, in truth", "not a RIFF/WAVE file"),
        (made()[:36], "no data chunk"),
        (b"RIFF\4\0\0\0WAVE", "no fmt chunk"),
        (made(data=b""), "no samples"),
        (made(data=b"\1"), "no samples"),
        (made(bits=8), "not 16-bit PCM (format 0x0001, 8 bits)"),
        (made(bits=24), "not 16-bit PCM (format 0x0001, 24 bits)"),
        (made(tag=3, bits=32), "not 16-bit PCM (format 0x0003, 32 bits)"),
        (made(tag=7, bits=8), "not 16-bit PCM (format 0x0007, 8 bits)"),
        (made(channels=0), "0 channels, 1 to 8 can be played"),
        (made(channels=9), "9 channels, 1 to 8 can be played"),
        (made(rate=4_000), "4000 Hz, 8000 to 192000 can be played"),
        (made(data=b"\0" * MAX_FILE_BYTES), "larger than 8 MiB; as 8 kHz mono that is 524 s"),
    ],
)
def test_what_cannot_be_played_says_why(data: bytes, why: str) -> None:
    assert wav.read_wav(data) == wav.WavError(why=why)


def of_size(size: int) -> bytes:
    """A file of exactly so many bytes."""
    return made(data=b"\1\0" * ((size - len(made(data=b""))) // 2)) + b"\0" * (size % 2)


def test_a_file_may_be_as_large_as_the_limit_and_no_larger() -> None:
    assert len(of_size(MAX_FILE_BYTES)) == MAX_FILE_BYTES
    assert not isinstance(wav.read_wav(of_size(MAX_FILE_BYTES)), wav.WavError)
    assert isinstance(wav.read_wav(of_size(MAX_FILE_BYTES + 1)), wav.WavError)
    assert wav.doubts(of_size(MAX_FILE_BYTES + 1)) == ()


SPEECH = tones.sine(440, 500, level_db=-20)


def in_stereo(left: g711.Samples, right: g711.Samples) -> bytes:
    return made(channels=2, data=np.stack((left, right), axis=1).astype("<i2").tobytes())


def heard(data: bytes) -> list[str]:
    """What is wrong with it, by the first two words."""
    return [" ".join(doubt.what.split()[:2]) for doubt in wav.doubts(data)]


def level(rms: float) -> bytes:
    """A square wave, whose mean square is that of its level."""
    return made(data=np.tile(np.array([rms, -rms], "<i2"), 4_000).tobytes())


@pytest.mark.parametrize(
    ("data", "doubts"),
    [
        (wav.write_wav(SPEECH), []),
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
    assert heard(wav.write_wav(np.clip(loud, -32_768, 32_767).astype(np.int16))) == doubts


@pytest.mark.parametrize(("flat", "doubts"), [(9, []), (10, ["is clipped:"])])
def test_a_thousandth_of_it_may_be_clipped(flat: int, doubts: list[str]) -> None:
    samples = np.tile(SPEECH, 3)[:8_002].copy()  # 8,000 triples
    samples[100 : 100 + flat] = 32_760
    assert heard(wav.write_wav(samples)) == doubts


@pytest.mark.parametrize(
    ("announced", "doubts"),
    [(8_000, []), (8_001, []), (8_002, ["breaks off:"]), (0x7FFE_FFFF, ["breaks off:"]), (0x7FFF_0000, []), (0xFFFF_FFFF, [])],
)
def test_a_file_that_announces_more_than_it_holds_breaks_off(announced: int, doubts: list[str]) -> None:
    data = wav.write_wav(SPEECH).replace(b"data" + struct.pack("<I", 8_000), b"data" + struct.pack("<I", announced))
    assert heard(data) == doubts


@given(st.binary(max_size=80))
def test_no_bytes_break_the_reader(tail: bytes) -> None:
    for data in (tail, b"RIFF\0\0\0\0WAVE" + tail, b"RIFF\0\0\0\0WAVEfmt " + tail):
        samples = wav.read_wav(data)
        assert isinstance(samples, wav.WavError) or len(samples)
        assert isinstance(wav.doubts(data), tuple)
