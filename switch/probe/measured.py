"""What a probe heard: how long, how loud, at which pitch. Reads the phone's recording, and makes the tone that it sends."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from media.dsp.g711 import SAMPLE_RATE
from media.dsp.levels import dbm0, mean_square
from media.dsp.tone_finder import BLOCK, FRAME, ToneFinder, ToneRun
from media.dsp.tones import tone
from media.dsp.wav import write_wav
from switch.probe_settings import OWN_TONE_HZ

OWN_TONE_MS = 1_000
"""It is played in a loop: a whole number of its periods."""
OWN_TONE_DB = -13.0
BLOCK_MS = BLOCK * 1_000 // SAMPLE_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardTone:
    """A tone of one frequency: its pitch, its level, and how long it was heard in all."""

    hz: float
    level_dbm0: float
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardAudio:
    """`ms`: how long it was louder than the least that counts, ringing and busy tones left out; `level_dbm0`: of that, None: nothing was.
    `tones`: of one frequency, the longest first."""

    ms: int
    level_dbm0: float | None
    tones: tuple[HeardTone, ...]


SILENCE = HeardAudio(ms=0, level_dbm0=None, tones=())


def write_own_tone(path: Path) -> None:
    path.write_bytes(write_wav(tone((OWN_TONE_HZ,), OWN_TONE_MS, level_db=OWN_TONE_DB)))


def heard_in(path: Path, *, least_dbm0: float) -> HeardAudio:
    """Returns what is in a recording: 16-bit mono WAV at 8 kHz. One that is not there, or not whole, has nothing in it."""
    try:
        with wave.open(str(path), "rb") as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    except (OSError, EOFError, wave.Error):
        return SILENCE
    return heard(samples, least_dbm0=least_dbm0)


def heard(samples: "np.ndarray[tuple[int], np.dtype[np.float64]]", *, least_dbm0: float) -> HeardAudio:
    """Returns what is in these samples, 8 kHz, full scale 32,767."""
    runs = _runs(samples)
    blocks = np.square(samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK)).mean(axis=1)
    loud = blocks >= mean_square(least_dbm0)
    for run in runs:
        if len(run.hz) > 1:
            loud[run.start : run.end] = False
    many = int(loud.sum())
    level = round(dbm0(float(blocks[loud].mean())), 1) if many else None
    return HeardAudio(ms=many * BLOCK_MS, level_dbm0=level, tones=_together([run for run in runs if len(run.hz) == 1]))


def _runs(samples: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> list[ToneRun]:
    if len(samples) < FRAME:
        return []
    finder = ToneFinder()
    return [*finder.hear(samples), *finder.finish()]


def _together(runs: list[ToneRun]) -> tuple[HeardTone, ...]:
    """Adds up the runs of one pitch, as rounded to 10 Hz."""
    by_pitch: dict[int, list[ToneRun]] = {}
    for run in runs:
        by_pitch.setdefault(round(run.hz[0] / 10), []).append(run)
    found = [_one(same) for same in by_pitch.values()]
    return tuple(sorted(found, key=lambda each: -each.ms))


def _one(runs: list[ToneRun]) -> HeardTone:
    blocks = [run.end - run.start for run in runs]
    weights = np.array(blocks, np.float64)
    hz = float(np.average([run.hz[0] for run in runs], weights=weights))
    power = float(np.average([run.power for run in runs], weights=weights))
    return HeardTone(hz=round(hz, 1), level_dbm0=round(dbm0(power), 1), ms=sum(blocks) * BLOCK_MS)
