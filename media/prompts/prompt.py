"""What becomes of the source of a prompt: one that can be played, or the reason why not. Decodes nothing."""

import msgspec

MAX_S = 900
MAX_FILE_BYTES = 256 * 1024 * 1024
"""What `MAX_S` of 24-bit stereo at 48 kHz take: 247 MiB."""
SUFFIXES = (".wav", ".mp3", ".ogg", ".flac")


class Unplayable(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Why there is nothing to play, in words for the operator; `hint`: what to do."""

    why: str
    hint: str | None = None


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """What callers would hear wrong. `what`: about the prompt, e.g. `is silent`; `instead`: what to do."""

    what: str
    instead: str


class Prompt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One that can be played. `key`: of its source."""

    key: str
    length_ms: int
    doubts: tuple[Doubt, ...] = ()
