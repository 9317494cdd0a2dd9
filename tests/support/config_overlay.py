"""Config directories to load: a small sound one, with the files of a test laid over it."""

import re
import shutil
from pathlib import Path

from ivr.menu import DIGIT_PROMPTS
from media.dsp.tones import sine
from media.dsp.wav import write_wav

SETTINGS_TESTS = Path(__file__).parents[1] / "switch" / "settings"
SAMPLE = Path(__file__).parents[2] / "config"
PROMPTS = ("welcome", "sorry", "goodbye")
GOLDEN = "expected.txt"
GUIDE = SAMPLE.parent / "docs" / "guide-config.md"


def lay_base(directory: Path) -> None:
    """The sound config: it loads without a problem."""
    shutil.copytree(SETTINGS_TESTS / "base", directory)
    (directory / "prompts").mkdir()
    for name in PROMPTS:
        (directory / "prompts" / f"{name}.wav").write_bytes(write_wav(sine(440, 20, level_db=-20)))
    (directory / "prompts" / "broken.wav").write_bytes(b"RIFF, but no more than that")


def lay_digits(directory: Path) -> None:
    """The prompts that say digits, for configs that read ZIP codes back."""
    for prompt in DIGIT_PROMPTS.values():
        shutil.copy(directory / "prompts" / "welcome.wav", directory / "prompts" / f"{prompt}.wav")


def guide_text() -> str:
    """The YAML of the guide, put together: a config with every key."""
    return "\n".join(re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))


def lay_guide(directory: Path, text: str) -> None:
    """`text` instead of what the base has, with all prompts it may name."""
    (directory / "shop.yaml").unlink(missing_ok=True)
    (directory / "switch.yaml").write_text(text, encoding="utf-8")
    lay_digits(directory)


def lay_over(directory: Path, source: Path) -> None:
    """Copy a bad config's files over it; one of the same name takes its place."""
    for path in source.iterdir():
        if path.name != GOLDEN:
            shutil.copy(path, directory / path.name)
