"""Splits the recording that the switch made of a call into its sides, for who listens to them."""

import wave
from collections.abc import Mapping
from pathlib import Path

import numpy as np

SIDES = {"recording-left": 0, "recording-right": 1}
"""As `heard` in expected.yaml names them: what the caller says, and what the caller hears."""


def sides_of(work: Path) -> Mapping[str, list[Path]]:
    """Writes a mono WAV file for each side of each recording that is complete, in the order of their names."""
    found: dict[str, list[Path]] = {name: [] for name in SIDES}
    for path in sorted((work / "var" / "recordings").glob("*/*/*/*.wav")):
        if path.name.endswith(".part.wav"):
            continue
        with wave.open(str(path), "rb") as recorded:
            channels, rate = recorded.getnchannels(), recorded.getframerate()
            samples = np.frombuffer(recorded.readframes(recorded.getnframes()), "<i2").reshape(-1, channels)
        for name, channel in SIDES.items():
            if channel < channels:
                side = work / f"{path.stem}.{name}.wav"
                with wave.open(str(side), "wb") as out:
                    out.setnchannels(1)
                    out.setsampwidth(2)
                    out.setframerate(rate)
                    out.writeframes(samples[:, channel].tobytes())
                found[name].append(side)
    return found
