"""G.711, tones, levels."""

import numpy as np
import pytest

from media.dsp import g711, levels, tones

ALL_SAMPLES = np.arange(-32_768, 32_768, dtype=np.int32).astype(np.int16)
ALL_OCTETS = bytes(range(256))


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


def test_the_last_frame_is_filled_up() -> None:
    frames = tones.frames(np.ones(161, np.int16))
    assert [len(frame) for frame in frames] == [160, 160]
    assert frames[1].tolist() == [1] + [0] * 159
