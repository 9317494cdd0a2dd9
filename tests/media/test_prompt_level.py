"""The active speech level, and samples brought to one: pauses do not count, nothing is clipped."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.dsp.speech_level import PEAK, Wave, active_level_dbm0, levelled

RATE = 8_000
TARGET_DBM0 = -16


def sine(db: float, *, s: float = 2.0, hz: float = 440) -> Wave:
    """`db`: relative to a sine of full scale, which is +3.17 dBm0 in PCMU."""
    return np.asarray(10 ** (db / 20) * np.sin(2 * np.pi * hz * np.arange(int(RATE * s)) / RATE), np.float32)


def silence(s: float) -> Wave:
    return np.zeros(int(RATE * s), np.float32)


def words(db: float, *, pause_s: float) -> Wave:
    """Ten bursts of 0.5 s, with pauses between them."""
    return np.concatenate([part for _ in range(10) for part in (sine(db, s=0.5), silence(pause_s))])


@pytest.mark.parametrize("db", [0.0, -6.0, -20.0, -40.0])
def test_a_tone_has_the_level_of_its_power(db: float) -> None:
    assert active_level_dbm0(sine(db)) == pytest.approx(db + 3.17, abs=0.1)


@pytest.mark.parametrize("pause_s", [0.0, 1.0, 3.0])
def test_pauses_do_not_count(pause_s: float) -> None:
    """The hangover of 200 ms after each burst does."""
    assert active_level_dbm0(words(-20, pause_s=pause_s)) == pytest.approx(-16.83, abs=2.0)


@pytest.mark.parametrize("wave", [silence(0), silence(1), np.full(4_000, 1e-7, np.float32)], ids=["none", "silence", "next to it"])
def test_silence_has_the_lowest_level_and_stays_silence(wave: Wave) -> None:
    assert active_level_dbm0(wave) == -80
    assert levelled(wave) is wave


@pytest.mark.parametrize("db", [0.0, -13.0, -30.0, -45.0])
def test_prompts_are_brought_to_one_level(db: float) -> None:
    assert active_level_dbm0(levelled(sine(db))) == pytest.approx(TARGET_DBM0, abs=0.1)
    assert active_level_dbm0(levelled(words(db, pause_s=0.4))) == pytest.approx(TARGET_DBM0, abs=0.2)


def test_noise_is_not_raised_to_the_level_of_speech() -> None:
    assert active_level_dbm0(levelled(sine(-60))) == pytest.approx(-60 + 3.17 + 30, abs=0.1)


def test_a_peak_is_turned_down_and_not_clipped() -> None:
    wave = sine(-40, s=4)
    wave[16_000:16_040] = sine(-1, s=0.005)
    found = levelled(wave)
    assert np.abs(found).max() <= PEAK
    assert np.abs(found[16_000:16_040]).max() == pytest.approx(PEAK, abs=0.01)
    shape = found[16_000:16_040] / wave[16_000:16_040].max()
    assert np.unique(np.round(np.abs(shape), 3)).size > 5, "a sine still, and no square"
    assert active_level_dbm0(found[:8_000]) == pytest.approx(active_level_dbm0(found[-8_000:]), abs=0.1)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 3_000), st.floats(0, 8)), min_size=1, max_size=6),
    st.integers(0, 2**32 - 1),
)
def test_nothing_is_ever_clipped(parts: list[tuple[int, float]], seed: int) -> None:
    """Whatever comes in, files of floats with samples beyond full scale among it."""
    rng = np.random.default_rng(seed)
    wave = np.concatenate([rng.standard_normal(size).astype(np.float32) * np.float32(loud) for size, loud in parts])
    found = levelled(wave)
    assert len(found) == len(wave)
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= max(PEAK, 0) + 1e-6 or active_level_dbm0(wave) == -80
