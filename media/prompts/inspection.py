"""Looks at the source of a prompt: says what would become of it, and writes nothing. Decoders are loaded with the first one."""

from collections import OrderedDict
from collections.abc import Callable

from media.prompts.prepared import FRAME_MS
from media.prompts.prompt import Prompt, Unplayable
from media.prompts.source import Source, key_of, octets_of

MAX_KNOWN = 1_000

Prepare = Callable[[Source], Prompt | Unplayable]
"""Says what becomes of a source; some have it ready for the media workers afterwards."""

_known: OrderedDict[str, Prompt] = OrderedDict()


def inspect(source: Source) -> Prompt | Unplayable:
    """What would become of a source. The same octets are decoded once in a process."""
    key = key_of(source)
    if isinstance(key, Unplayable) or key in _known:
        return key if isinstance(key, Unplayable) else _known[key]
    octets = octets_of(source)
    if isinstance(octets, Unplayable):
        return octets
    # Here, since it brings numpy, which a switch, whose prompts are decoded by another process, does without.
    from media.prompts.decode import decoded  # noqa: PLC0415

    found = decoded(octets)
    if isinstance(found, Unplayable):
        return found
    _known[key] = Prompt(key=key, length_ms=found.frames * FRAME_MS, doubts=found.doubts)
    if len(_known) > MAX_KNOWN:
        _known.popitem(last=False)
    return _known[key]
