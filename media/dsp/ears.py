"""PURE. Listens to one direction of a call, fed with 8 kHz samples in pieces of any length, and says what was heard. No packets, no clock.

Samples are worked on by the second, and each block of 20 ms gets its class as soon as its neighbours are known: tones and keys first, since
what tells a voice from noise takes a tone for a voice; then speech; then noise that is too loud to say that nobody speaks; the rest is
silence. Samples that are missing (lost packets, silence suppression) are fed as zeros. Music that is no tone counts as speech, whisper
as noise.
"""

import copy
from collections import deque

import numpy as np
import numpy.typing as npt

from media.dsp.call_progress import CallProgress, named
from media.dsp.dtmf import DtmfDetector, DtmfDigit
from media.dsp.g711 import SAMPLE_RATE, Samples
from media.dsp.heard import HeardAudio, HeardDigit, HeardTone
from media.dsp.levels import dbm0, mean_square
from media.dsp.timeline import BLOCK_MS, NOISE, SILENCE, SPEECH, TONE, Classes, Timeline
from media.dsp.tone_finder import BLOCK, LOOKAHEAD, ToneFinder, ToneRun, phase_reversals
from media.dsp.voice_activity import LOOKAHEAD as VOICE_LOOKAHEAD
from media.dsp.voice_activity import MIN_SPEECH_DBM0, dilated, voiced_blocks, without_short_runs

DEAD_AIR_MS = 10_000
"""Silence of so long is dead air, unless somebody asks for another length."""
NOISE_DBM0 = -40.0
"""Noise above this may hide somebody who speaks quietly."""
HANGOVER_BLOCKS = 5
"""What is heard within 100 ms of a voice belongs to it: consonants. So does a gap of 200 ms between two voices: a stop (ITU-T P.56)."""
STEADY_DB = 6.0
"""A second whose blocks are all within so little of each other is hum or a held note: no voice is as even."""
MAX_DIGITS = 100
"""Of one direction of one call."""

_SECOND = SAMPLE_RATE // BLOCK
_AROUND = 4 * HANGOVER_BLOCKS  # blocks before and after one that its class may depend on
_MAX_REVERSALS = 64
_MIN_SPEECH, _MIN_NOISE = mean_square(MIN_SPEECH_DBM0), mean_square(NOISE_DBM0)

Float = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Ears:
    """One direction of one call. What it says does not depend on how the samples are cut."""

    __slots__ = (
        "_analysed", "_begin", "_detector", "_digits", "_finder", "_peak", "_pending", "_power", "_progress", "_reversals", "_samples",
        "_timeline", "_tonal", "_voiced",
    )  # fmt: skip

    def __init__(self, *, dead_air_ms: int = DEAD_AIR_MS) -> None:
        self._samples = np.zeros(0, np.int16)
        self._begin, self._pending, self._analysed = 0, 0, 0
        """Blocks: the first that `_power`, `_voiced` and `_tonal` have, the first without a class, and how many have been analysed."""
        self._power: Float = np.zeros(0)
        self._voiced: Flags = np.zeros(0, np.bool_)
        self._tonal: Flags = np.zeros(0, np.bool_)
        self._peak = 0
        self._finder, self._progress = ToneFinder(), CallProgress()
        self._reversals: deque[int] = deque(maxlen=_MAX_REVERSALS)
        self._detector = DtmfDetector()
        self._digits: list[DtmfDigit] = []
        self._timeline = Timeline(dead_air_ms=dead_air_ms)

    def hear(self, samples: Samples) -> None:
        """The next samples."""
        self._samples = np.concatenate((self._samples, samples))
        whole = _SECOND * BLOCK
        while len(self._samples) >= whole + LOOKAHEAD:
            self._analyse(self._samples[: whole + LOOKAHEAD])
            self._samples = self._samples[whole:].copy()
            self._classify(self._analysed - _AROUND)

    def heard(self) -> HeardAudio:
        """What was heard so far, as if this were the end. Less than a block at the end is left out."""
        ended = copy.deepcopy(self)
        return ended._end()

    def _end(self) -> HeardAudio:
        rest = len(self._samples) // BLOCK * BLOCK
        if rest:
            self._analyse(np.pad(self._samples[:rest], (0, LOOKAHEAD)))
        for run in self._finder.finish():
            self._run_ended(run)
        self._digits_ended(self._detector.finish())
        self._classify(self._analysed)
        self._timeline.end()
        return _heard(self._timeline, self._progress, self._digits, self._peak)

    def _analyse(self, samples: Samples) -> None:
        """Whole blocks, and `LOOKAHEAD` samples more, which come again."""
        wave = samples.astype(np.float64)
        new = samples[: len(samples) - LOOKAHEAD]
        power = wave[: len(new)].reshape(-1, BLOCK).var(axis=1)  # an offset is no sound
        voiced = voiced_blocks(wave[: len(new) + VOICE_LOOKAHEAD])
        self._power = np.concatenate((self._power, power))
        self._voiced = np.concatenate((self._voiced, voiced & ~_is_steady(self._power[-_SECOND:])))
        self._tonal = np.concatenate((self._tonal, np.zeros(len(power), np.bool_)))
        self._peak = max(self._peak, int(np.abs(new.astype(np.int32)).max()))
        self._reversals += [self._analysed + at // BLOCK for at in phase_reversals(wave)]
        self._analysed += len(power)
        for run in self._finder.hear(wave):
            self._run_ended(run)
        self._digits_ended(self._detector.hear(new))
        if self._finder.current is not None:
            self._mark(self._finder.current.start, self._analysed)
        if self._detector.pressed is not None:
            self._mark(self._detector.pressed.start // BLOCK, self._analysed)

    def _run_ended(self, run: ToneRun) -> None:
        self._mark(run.start, run.end)
        self._progress.hear(run, reversals=sum(run.start <= at < run.end for at in self._reversals))

    def _digits_ended(self, digits: tuple[DtmfDigit, ...]) -> None:
        for digit in digits:
            self._mark(digit.start // BLOCK, digit.end // BLOCK + 1)
            if len(self._digits) < MAX_DIGITS:
                self._digits.append(digit)

    def _mark(self, start: int, end: int) -> None:
        """These blocks are a tone, and those at its edges, which it fills in part."""
        self._tonal[max(0, start - 1 - self._begin) : max(0, end + 1 - self._begin)] = True

    def _classify(self, upto: int) -> None:
        """The blocks from the first without a class up to that one."""
        if upto <= self._pending:
            return
        classes = _classes(self._power, self._voiced, self._tonal)
        new = slice(self._pending - self._begin, upto - self._begin)
        self._timeline.add(classes[new], self._power[new])
        self._pending = upto
        gone = max(0, upto - _SECOND - self._begin)
        self._begin += gone
        self._power, self._voiced, self._tonal = self._power[gone:], self._voiced[gone:], self._tonal[gone:]


def _is_steady(power: Float) -> np.bool_:
    return np.bool_(len(power) == _SECOND and power.max() <= power.min() * 10 ** (STEADY_DB / 10))


def _classes(power: Float, voiced: Flags, tonal: Flags) -> Classes:
    voice = without_short_runs(voiced & ~tonal)
    near = dilated(voice, HANGOVER_BLOCKS)
    whole = ~dilated(~near, HANGOVER_BLOCKS)  # the gaps are filled
    speech = (whole | (near & (power >= _MIN_SPEECH))) & ~tonal
    classes = np.where(power >= _MIN_NOISE, NOISE, SILENCE).astype(np.uint8)
    classes[speech], classes[tonal] = SPEECH, TONE
    return classes


def _heard(timeline: Timeline, progress: CallProgress, digits: list[DtmfDigit], peak: int) -> HeardAudio:
    silence, noise, speech, tone = (blocks * BLOCK_MS for blocks in timeline.blocks)
    whole, spoken = sum(timeline.energy), timeline.energy[SPEECH]
    return HeardAudio(
        duration_ms=silence + noise + speech + tone,
        level_dbm0=_rounded(dbm0(whole / max(1, sum(timeline.blocks)))),
        peak_dbm0=_rounded(dbm0(peak**2 / 2)),
        speech_dbm0=_rounded(dbm0(spoken / timeline.blocks[SPEECH])) if speech else None,
        speech_ms=speech,
        tone_ms=tone,
        silence_ms=silence,
        unknown_ms=noise,
        first_speech_ms=timeline.first_speech_ms,
        early_silence_ms=timeline.early_silence_ms,
        dead_air_ms=timeline.dead_air_ms,
        dead_air=tuple(timeline.dead_air),
        tones=tuple(
            HeardTone(
                name=name,
                start_ms=cadence.start * BLOCK_MS,
                end_ms=cadence.end * BLOCK_MS,
                count=cadence.runs,
                hz=tuple(round(hz) for hz in cadence.hz),
                level_dbm0=_rounded(dbm0(cadence.power)),
            )
            for name, cadence in named(progress.cadences, after_speech=timeline.spoke_before)
        ),
        digits=tuple(HeardDigit(digit=one.digit, start_ms=one.start // 8, end_ms=one.end // 8) for one in digits),
    )


def _rounded(dbm0: float) -> float:
    return round(dbm0, 1)
