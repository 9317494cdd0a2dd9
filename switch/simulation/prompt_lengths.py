"""Knows how long prompts play. Does not know who hears them."""

from collections.abc import Mapping
from pathlib import Path

from media.dsp.g711 import SAMPLE_RATE
from media.dsp.wav import WavError, read_wav


def lengths_ms(folder: Path) -> Mapping[str, int]:
    """By name, for every WAV in `folder` that can be played."""
    found: dict[str, int] = {}
    for path in sorted(folder.glob("*.wav")):
        samples = read_wav(path.read_bytes())
        if not isinstance(samples, WavError):
            found[path.stem] = len(samples) * 1_000 // SAMPLE_RATE
    return found
