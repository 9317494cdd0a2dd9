"""Speaks the prompts of the sample with espeak-ng, written as 8 kHz mono 16-bit WAV files. No test runs it: the output is kept.

python tests/support/make_prompts.py config/prompts
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from media.dsp.g711 import Samples
from media.dsp.wav import write_wav
from media.prompts.decode import decoded
from media.prompts.prompt import Unplayable

VOICE = "en-us"
WORDS_A_MINUTE = "190"
PEAK = 20_000
SILENCE = 300
PAD_SAMPLES = 400  # 50 ms
WORDS = {
    "welcome": "For a quote, press 1. If not, press 2.",
    "sorry": "Sorry, that was not one of the choices.",
    "goodbye": "Thank you for calling. Goodbye.",
    "closed": "We are closed now. Please call again tomorrow.",
    "all-busy": "All our lines are busy. Please call again soon.",
    "recorded": "This call may be recorded. If that is all right, press 1.",
    "ask-age": "How old are you? Please type your age in years, then the pound key.",
    "ask-zip": "Please type your five digit zip code.",
    "you-typed": "You typed",
    "right-or-again": "If that is right, press 1. To type it again, press 2.",
    "who-calls": "A caller about Medicare. To take the call, press 1.",
} | {f"digit-{digit}": str(digit) for digit in range(10)}


def main() -> None:
    """Write every prompt to the directory named on the command line."""
    for name, words in WORDS.items():
        path = Path(sys.argv[1]) / f"{name}.wav"
        path.write_bytes(write_wav(trimmed(spoken(words))))


def spoken(words: str) -> Samples:
    """What espeak-ng says, at the 8 kHz of a telephone."""
    command = ["espeak-ng", "-v", VOICE, "-s", WORDS_A_MINUTE, "--stdout", words]
    found = decoded(subprocess.run(command, check=True, capture_output=True).stdout)
    if isinstance(found, Unplayable):
        raise SystemExit(f"espeak-ng: {found.why}")
    return np.asarray(np.rint(found.wave * PEAK), np.int16)


def trimmed(samples: Samples) -> Samples:
    """Without silence at the ends but for a moment, and all prompts equally loud."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > SILENCE)
    cut = samples[max(0, loud[0] - PAD_SAMPLES) : loud[-1] + PAD_SAMPLES].astype(np.float64)
    return np.asarray(np.rint(cut * (PEAK / np.abs(cut).max())), np.int16)


if __name__ == "__main__":
    main()
