"""Config directories to load: a small sound one, with the files of a test laid over it."""

import shutil
from pathlib import Path

import numpy as np

from media.dsp.wav import write_wav

SETTINGS_TESTS = Path(__file__).parents[1] / "switch" / "settings"
SAMPLE = Path(__file__).parents[2] / "config"
PROMPTS = ("welcome", "sorry", "goodbye")
GOLDEN = "expected.txt"


def lay_base(directory: Path) -> None:
    """The sound config: it loads without a problem."""
    shutil.copytree(SETTINGS_TESTS / "base", directory)
    (directory / "prompts").mkdir()
    for name in PROMPTS:
        (directory / "prompts" / f"{name}.wav").write_bytes(write_wav(np.ones(80, np.int16)))
    (directory / "prompts" / "broken.wav").write_bytes(b"RIFF, but no more than that")


def lay_over(directory: Path, source: Path) -> None:
    """Copy a bad config's files over it; one of the same name takes its place."""
    for path in source.iterdir():
        if path.name != GOLDEN:
            shutil.copy(path, directory / path.name)
