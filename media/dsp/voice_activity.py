"""PURE. Which blocks of 20 ms are voiced: have the pitch of a voice. Knows no tones: they are found first, and taken out.

A voiced sound repeats itself 60 to 400 times a second, noise does not. Noise of a narrow band is like itself for a while, too, but ever
less: a rumble from one sample to the next, a hiss of one pitch from one of its waves to the next. A voice is unlike itself within its
period, and as much like itself after it as anywhere before. Whisper is not voiced, music mostly is, and a tone always is: this tells speech
from noise, nothing else.
"""

import numpy as np
import numpy.typing as npt

from media.dsp.g711 import SAMPLE_RATE
from media.dsp.levels import mean_square

BLOCK = 160
FRAME = 320
LOOKAHEAD = FRAME - BLOCK
"""How many samples beyond the last block its frame needs."""

MIN_SPEECH_DBM0 = -50.0
"""What is weaker than this nobody hears as speech: 30 dB below an ordinary talker."""
MIN_PERIODICITY = 0.5
"""How well a frame must match itself a pitch period later, of 1. White noise comes to 0.25, speech under noise 3 dB below it to 0.6."""
MIN_DIP = 0.3
"""How much less it matches itself somewhere within the period."""
MAX_DECAY = 0.1
"""How much better, at most, it matches itself before the shortest period, at the waves of a formant."""
PITCH_HZ = (60, 400)
MIN_RUN = 3
"""So many voiced blocks in a row are a voice: the shortest vowel."""

Float = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
_SHORTEST, _LONGEST = SAMPLE_RATE // PITCH_HZ[1], SAMPLE_RATE // PITCH_HZ[0]
_FFT = 512  # FRAME + _LONGEST and more: no lag wraps around
_WEIGHT: Float = FRAME / (FRAME - np.arange(_LONGEST + 1))  # a longer lag has fewer samples to compare
_MIN_POWER = mean_square(MIN_SPEECH_DBM0)


def voiced_blocks(samples: Float) -> Flags:
    """A flag for each block. `samples` are whole blocks, and `LOOKAHEAD` more."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), FRAME)[::BLOCK]
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = np.square(frames).mean(axis=1)
    flags = np.zeros(len(frames), np.bool_)
    loud = np.flatnonzero(power >= _MIN_POWER)
    spectrum = np.fft.rfft(frames[loud], _FFT, axis=1)
    similar = np.fft.irfft(np.square(spectrum.real) + np.square(spectrum.imag), _FFT, axis=1)[:, : _LONGEST + 1] * _WEIGHT
    flags[loud] = _has_pitch(similar / (FRAME * power[loud, np.newaxis]))
    return flags


def _has_pitch(similar: Float) -> Flags:
    """`similar`: a row for each frame, how well it matches itself at each lag from 0 on, of 1."""
    period = _SHORTEST + similar[:, _SHORTEST:].argmax(axis=1)
    rows = np.arange(len(similar))
    best = similar[rows, period]
    least = np.minimum.accumulate(similar, axis=1)[rows, period]
    rises = np.maximum.accumulate(np.diff(similar[:, : _SHORTEST + 1], axis=1) > 0, axis=1)  # from the first wave on
    formant = np.where(rises, similar[:, :_SHORTEST], -1.0).max(axis=1)
    has_peak = (period > _SHORTEST) & (best - least >= MIN_DIP)
    return np.asarray((best >= MIN_PERIODICITY) & has_peak & (best >= formant - MAX_DECAY))


def dilated(flags: Flags, blocks: int) -> Flags:
    """True for so many blocks before and after each true one, too. No flags at all are none."""
    if not len(flags):
        return flags
    return np.asarray(np.convolve(flags, np.ones(2 * blocks + 1))[blocks : blocks + len(flags)] > 0.5)


def without_short_runs(flags: Flags, shortest: int = MIN_RUN) -> Flags:
    """Runs of fewer true blocks than that become false."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    kept = flags.copy()
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start < shortest:
            kept[start:end] = False
    return kept
