"""Each country's ringing tone, measured: frequencies, cadence, level, and no click at any edge or seam."""

import numpy as np
import pytest

from media.dsp.g711 import PCMA, PCMU, SAMPLE_RATE, Samples, decode
from media.dsp.levels import level_db
from media.dsp.ringing import LEVEL_DB, ringing
from media.dsp.tones import FRAME_SAMPLES, sine
from media.ringing_tones import RINGING_TONES, RingingTone
from media.worker.playout import Playout, ringing_tone

COUNTRIES = sorted(RINGING_TONES)
MS = SAMPLE_RATE // 1_000
SILENT = 8
"""The smallest step of A-law: its silence is no zero."""
SHORTEST_PAUSE_MS = 100
"""A modulated tone has none within a burst that is as long as this."""


def played(country: str, *, rounds: int, law: int) -> Samples:
    """What a phone decodes of so many rounds, as a worker plays them."""
    sound = ringing_tone(country)
    playout = Playout(sound, start_ns=0, play=None)
    numbers = playout.due((rounds * sound.frame_count - 1) * 20_000_000)
    return decode(b"".join(sound.frame(number % sound.frame_count, law) for number in numbers), law)


def runs(samples: Samples) -> list[tuple[bool, int]]:
    """(is it sound, ms) of each burst and pause, in order."""
    ends = np.flatnonzero(np.abs(samples) > SILENT)
    gaps = np.flatnonzero(np.diff(ends) > SHORTEST_PAUSE_MS * MS)
    bursts = zip((ends[0], *ends[gaps + 1]), (*ends[gaps], ends[-1]), strict=True)
    found: list[tuple[bool, int]] = []
    at = 0
    for start, end in bursts:
        found += [(False, (start - at) // MS)] * bool(found) + [(True, (end - start) // MS)]
        at = end
    return [*found, (False, (len(samples) - at) // MS)]


def lines(tone: RingingTone) -> dict[float, float]:
    """The spectrum as it should be: frequency -> share of the power."""
    if tone.modulated_hz is None:
        return dict.fromkeys(tone.hz, 1 / len(tone.hz))
    hz, by = tone.hz[0], tone.modulated_hz
    return {hz - by: 1 / 6, hz: 2 / 3, hz + by: 1 / 6}


@pytest.mark.parametrize("law", [PCMU, PCMA])
@pytest.mark.parametrize("country", COUNTRIES)
def test_cadence_is_the_countrys_over_several_rounds(country: str, law: int) -> None:
    cadence = RINGING_TONES[country].cadence
    found = runs(played(country, rounds=3, law=law))
    assert [is_sound for is_sound, _ in found] == [number % 2 == 0 for number in range(3 * len(cadence))]
    assert [ms for _, ms in found] == pytest.approx(cadence * 3, abs=15)


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_burst_has_the_countrys_frequencies_and_nothing_else(country: str) -> None:
    tone = RINGING_TONES[country]
    burst = played(country, rounds=1, law=PCMU)[: tone.cadence[0] * MS].astype(np.float64)
    power = np.abs(np.fft.rfft(burst * np.hanning(len(burst)))) ** 2
    resolution = SAMPLE_RATE / len(burst)
    hz = np.arange(len(power)) * resolution
    near = {line: np.abs(hz - line) <= 2.5 * resolution for line in lines(tone)}
    for line, share in lines(tone).items():
        assert power[near[line]].sum() / power.sum() == pytest.approx(share, abs=0.01), f"{line} Hz"
        assert hz[near[line]][np.argmax(power[near[line]])] == pytest.approx(line, abs=resolution)
    assert power[~np.any(list(near.values()), axis=0)].sum() / power.sum() < 1e-3, "30 dB below: what G.711 makes of a tone"


@pytest.mark.parametrize("country", COUNTRIES)
def test_all_are_equally_loud(country: str) -> None:
    burst = played(country, rounds=1, law=PCMU)[: RINGING_TONES[country].cadence[0] * MS]
    assert level_db(burst) == pytest.approx(LEVEL_DB, abs=0.25)


def clicks_db(samples: Samples) -> float:
    """How loud anything above 1.2 kHz gets for 20 ms, against a burst."""
    windows = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), FRAME_SAMPLES)[::40]
    power = np.abs(np.fft.rfft(windows * np.hanning(FRAME_SAMPLES), axis=1)) ** 2
    return float(10 * np.log10(power[:, 25:].sum(axis=1).max() / power.sum(axis=1).max()))


@pytest.mark.parametrize("country", COUNTRIES)
def test_nothing_clicks_at_edges_and_seams(country: str) -> None:
    round_of = ringing(country)
    assert clicks_db(np.concatenate([round_of] * 3)) < -60


def test_an_edge_that_clicks_is_found() -> None:
    cut = np.concatenate((np.zeros(800, np.int16), sine(425, 1_001, level_db=LEVEL_DB), np.zeros(800, np.int16)))
    assert clicks_db(cut) > -40


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_round_is_whole_frames_that_begin_and_end_in_silence(country: str) -> None:
    round_of = ringing(country)
    assert len(round_of) % FRAME_SAMPLES == 0
    assert round_of[0] == 0
    assert not round_of[-RINGING_TONES[country].cadence[-1] * MS :].any()


def test_who_is_in_no_table_has_no_tone() -> None:
    with pytest.raises(KeyError):
        ringing("xx")
