"""Prepared prompts, as a media worker finds them: of samples as they are, not levelled."""

from collections.abc import Mapping
from pathlib import Path

from media.dsp.g711 import Samples, encode
from media.dsp.tones import frames
from media.prompts.prepared import LAWS, prepared_name, write_prepared


def lay_prepared(directory: Path, sounds: Mapping[str, Samples]) -> dict[str, str]:
    """Writes one file for each name; returns the keys of all, by name."""
    keys = {name: f"key-of-{name}" for name in sounds}
    for name, samples in sounds.items():
        payloads = {codec: b"".join(encode(frame, law) for frame in frames(samples)) for codec, law in LAWS.items()}
        write_prepared(directory / prepared_name(keys[name]), payloads=payloads, frames=len(frames(samples)), doubts=())
    return keys
