"""What is heard of a recording: levels to the decibel, pitches to the hertz, ringing not taken for somebody."""

from pathlib import Path

import numpy as np
import pytest

from media.dsp.g711 import PCMU
from media.dsp.levels import FULL_SCALE_DBM0
from media.dsp.tones import silence, tone
from media.dsp.wav import write_wav
from switch.probe.measured import OWN_TONE_DB, SILENCE, heard, heard_in, write_own_tone
from switch.probe_settings import OWN_TONE_HZ

LEAST = -45.0


def level(db: float) -> float:
    """dBm0 of a sine that is so many dB below full scale."""
    return db + FULL_SCALE_DBM0[PCMU]


def test_a_tone_has_its_pitch_its_level_and_its_length(tmp_path: Path) -> None:
    path = tmp_path / "heard.wav"
    path.write_bytes(write_wav(np.concatenate([silence(1_000), tone((440,), 2_000, level_db=-20.0), silence(1_000)])))
    found = heard_in(path, least_dbm0=LEAST)
    (one,) = found.tones
    assert one.hz == pytest.approx(440, abs=1)
    assert one.level_dbm0 == pytest.approx(level(-20.0), abs=0.2)
    assert one.ms == pytest.approx(2_000, abs=60)
    assert found.ms == pytest.approx(2_000, abs=40)
    assert found.level_dbm0 == pytest.approx(level(-20.0), abs=0.2)


@pytest.mark.parametrize(("dbm0", "ms"), [(-44.5, 1_000), (-45.5, 0)])
def test_what_is_quieter_than_the_least_is_silence(dbm0: float, ms: int) -> None:
    samples = tone((800,), 1_000, level_db=dbm0 - FULL_SCALE_DBM0[PCMU]).astype(np.float64)
    assert heard(samples, least_dbm0=LEAST).ms == ms


def test_ringing_is_nobody() -> None:
    ringing = np.concatenate([tone((440, 480), 2_000, level_db=-19.0), silence(4_000)]).astype(np.float64)
    found = heard(ringing, least_dbm0=LEAST)
    assert found.ms <= 60  # its edges
    assert found.tones == ()


def test_pieces_of_one_pitch_are_one_tone_and_the_longest_comes_first() -> None:
    pieces = [tone((700,), 400), silence(300), tone((700,), 400), silence(300), tone((1_200,), 600)]
    found = heard(np.concatenate(pieces).astype(np.float64), least_dbm0=LEAST)
    assert [round(each.hz, -1) for each in found.tones] == [700, 1_200]
    assert found.tones[0].ms > 650


@pytest.mark.parametrize("data", [b"", b"RIFF", write_wav(silence(50)), None])
def test_what_is_no_recording_has_nothing_in_it(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "heard.wav"
    if data is not None:
        path.write_bytes(data)
    assert heard_in(path, least_dbm0=LEAST) == SILENCE


def test_its_own_tone_loops_without_a_click(tmp_path: Path) -> None:
    path = tmp_path / "own.wav"
    write_own_tone(path)
    twice = np.tile(np.frombuffer(path.read_bytes()[44:], "<i2"), 2).astype(np.float64)
    found = heard(twice, least_dbm0=LEAST)
    assert [each.hz for each in found.tones] == [pytest.approx(OWN_TONE_HZ, abs=1)]
    assert found.tones[0].ms > 1_900
    assert found.level_dbm0 == pytest.approx(level(OWN_TONE_DB), abs=0.2)
