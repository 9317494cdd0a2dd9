"""Makes a prompt of a source: decoded, levelled, in every codec; looked at only, or written where a cache wants it."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from media.dsp.g711 import encode
from media.dsp.speech_level import Wave, levelled
from media.dsp.tones import FRAME_SAMPLES, FULL_SCALE
from media.prompts.decode import Doubt, Unplayable, decoded
from media.prompts.prepared import FRAME_MS, LAWS, prepared_name, write_prepared
from media.prompts.source import PromptOctets, Source, Speech, key_of, octets_of

MAX_KNOWN = 1_000


class Prompt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One that can be played. `key`: of its source."""

    key: str
    length_ms: int
    doubts: tuple[Doubt, ...] = ()


Prepare = Callable[[Source], Prompt | Unplayable]
"""Says what becomes of a source; some have it ready for the media workers afterwards."""

_known: OrderedDict[str, Prompt] = OrderedDict()


def inspect(source: Source) -> Prompt | Unplayable:
    """What would become of a source: nothing is written. The same octets are decoded once in a process."""
    key = key_of(source)
    if isinstance(key, Unplayable) or key in _known:
        return key if isinstance(key, Unplayable) else _known[key]
    octets = octets_of(source)
    if isinstance(octets, Unplayable):
        return octets
    found = decoded(octets)
    if isinstance(found, Unplayable):
        return found
    _known[key] = Prompt(key=key, length_ms=_frames(found.wave) * FRAME_MS, doubts=found.doubts)
    if len(_known) > MAX_KNOWN:
        _known.popitem(last=False)
    return _known[key]


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
    frames = _frames(found.wave)
    samples = np.zeros(frames * FRAME_SAMPLES, np.int16)
    samples[: len(found.wave)] = np.rint(np.clip(levelled(found.wave), -1.0, 1.0) * FULL_SCALE)
    payloads = {codec: encode(samples, law) for codec, law in LAWS.items()}
    try:
        write_prepared(directory / prepared_name(key), payloads=payloads, frames=frames, doubts=found.doubts)
    except OSError as error:
        return Unplayable(why=f"{directory} can't be written: {error.strerror}")
    return Prompt(key=key, length_ms=frames * FRAME_MS, doubts=found.doubts)


def _frames(wave: Wave) -> int:
    """The last one is filled up with silence."""
    return -(-len(wave) // FRAME_SAMPLES)
