"""Reads how long prompts play."""

from collections.abc import Mapping
from pathlib import Path

from media.dsp.g711 import SAMPLE_RATE
from media.dsp.wav import MAX_FILE_BYTES, WavError, read_wav


def lengths_ms(folder: Path) -> Mapping[str, int]:
    """By name, for every WAV in `folder` that can be played."""
    found: dict[str, int] = {}
    for path in sorted(folder.glob("*.wav")):
        with path.open("rb") as file:
            samples = read_wav(file.read(MAX_FILE_BYTES + 1))
        if not isinstance(samples, WavError):
            found[path.stem] = len(samples) * 1_000 // SAMPLE_RATE
    return found
