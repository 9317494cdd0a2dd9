"""Makes a prompt of a source: decoded, levelled, in every codec; written where a cache wants it."""

from pathlib import Path

import numpy as np

from media.dsp.g711 import encode
from media.dsp.speech_level import levelled
from media.dsp.tones import FRAME_SAMPLES, FULL_SCALE
from media.prompts.decode import decoded
from media.prompts.prepared import FRAME_MS, LAWS, prepared_name, write_prepared
from media.prompts.prompt import Prompt, Unplayable
from media.prompts.source import PromptOctets, Source, Speech, key_of, octets_of


def make(source: Source, directory: Path) -> Prompt | Unplayable:
    """Prepares a source and writes it to `directory`, whose file of the same key it replaces."""
    octets = octets_of(source)
    if isinstance(octets, Unplayable):
        return octets
    # The file may have changed since its key was asked for: what was read now is what counts.
    key = key_of(source if isinstance(source, Speech) else PromptOctets(octets))
    found = decoded(octets)
    if isinstance(key, Unplayable):
        return key
    if isinstance(found, Unplayable):
        return found
    frames = found.frames
    samples = np.zeros(frames * FRAME_SAMPLES, np.int16)
    samples[: len(found.wave)] = np.rint(np.clip(levelled(found.wave), -1.0, 1.0) * FULL_SCALE)
    payloads = {codec: encode(samples, law) for codec, law in LAWS.items()}
    try:
        write_prepared(directory / prepared_name(key), payloads=payloads, frames=frames, doubts=found.doubts)
    except OSError as error:
        return Unplayable(why=f"{directory} can't be written: {error.strerror}")
    return Prompt(key=key, length_ms=frames * FRAME_MS, doubts=found.doubts)
