"""Speech for tests: what espeak-ng says at 8 kHz, in several voices and languages, the same for the same seed."""

import random
import subprocess

import numpy as np

from media.dsp.g711 import SAMPLE_RATE, Samples
from media.prompts.decode import decoded
from media.prompts.prompt import Unplayable

VOICES = ("en-us", "en-us+f2", "en-us+m3", "en-gb+f4", "en-gb-x-rp", "es-419+f3", "de", "fr+f1", "it+m5", "en-us+whisper")
WORDS = """
time year people way day man thing woman life child world school state family student group country problem hand part place case
week company system program question work government number night point home water room mother area money story fact month lot right study
book eye job word business issue side kind head house service friend father power hour game line end member law car city community name
president team minute idea body information back parent face others level office door health person history party result change morning
reason research moment air teacher education zero one two three four five six seven eight nine ten hundred thousand please call insurance
quote plumber roof window estimate address zip code speak connected
"""


def spoken(words: str, *, voice: str = "en-us", words_a_minute: int = 160, pitch: int = 50) -> Samples:
    """What espeak-ng says. FileNotFoundError where it is missing: `make rig-tools` installs it."""
    command = ["espeak-ng", "-v", voice, "-s", str(words_a_minute), "-p", str(pitch), "--stdout", words]
    sound = decoded(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60).stdout)
    assert not isinstance(sound, Unplayable), sound.why
    return np.rint(sound.wave * 32_767).astype(np.int16)


def talk(seconds: int, *, seed: int = 5) -> Samples:
    """So much of somebody who talks on and on, every half minute or so in another voice, as fast and as high as the seed has it."""
    draw, words = random.Random(seed), WORDS.split()
    said: list[Samples] = []
    while sum(map(len, said)) < seconds * SAMPLE_RATE:
        sentences = (" ".join(draw.choice(words) for _ in range(draw.randint(4, 12))) for _ in range(10))
        voice = VOICES[len(said) % len(VOICES)]
        said.append(spoken(". ".join(sentences), voice=voice, words_a_minute=draw.randint(120, 200), pitch=draw.randint(20, 80)))
    return np.concatenate(said)[: seconds * SAMPLE_RATE]
