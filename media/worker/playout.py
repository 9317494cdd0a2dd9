"""Says when which 20 ms frame is due: schedules, and a queue of them. Uses no sockets, packets or clock: moments are passed in.

Frame `n` is due at `start + n * 20 ms`: an absolute moment, never 'a sleep after the last one', so lateness does not add up. A late
wake-up gives out every frame that has become due.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np

from media.dsp.g711 import PCMA, PCMU, Samples, encode
from media.dsp.ringing import ringing
from media.dsp.tones import FRAME_SAMPLES, frames

FRAME_NS = 20_000_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """Whole 20 ms frames, one after the other, in both laws."""

    payloads: Mapping[int, bytes | memoryview]
    frame_count: int

    def frame(self, number: int, payload_type: int) -> bytes:
        start = number * FRAME_SAMPLES
        return bytes(self.payloads[payload_type][start : start + FRAME_SAMPLES])


def audio(samples: Samples) -> Audio:
    """8 kHz samples -> frames; the last is filled up with silence."""
    whole = np.concatenate(frames(samples))
    return Audio(payloads={law: encode(whole, law) for law in (PCMU, PCMA)}, frame_count=len(whole) // FRAME_SAMPLES)


@cache
def ringing_tone(country: str) -> Audio:
    """A country's, made when it is first asked for, within 2 ms."""
    return audio(ringing(country))


class Playout:
    """One playing of one audio. `play` is the order's number; None: endless (ringback), the audio starts over at its end."""

    __slots__ = ("audio", "given", "play", "start_ns")

    def __init__(self, audio: Audio, *, start_ns: int, play: int | None) -> None:
        self.audio = audio
        self.start_ns = start_ns
        self.play = play
        self.given = 0

    @property
    def next_ns(self) -> int:
        """When the next frame is due, or, after the last one, when that one has been heard to its end."""
        return self.start_ns + self.given * FRAME_NS

    def is_over(self, now_ns: int) -> bool:
        return self.play is not None and self.given == self.audio.frame_count and self.next_ns <= now_ns

    def due(self, now_ns: int) -> range:
        """The numbers of the frames that have become due and were not given out yet; endless ones run on past the audio's end."""
        first = self.given
        reached = (now_ns - self.start_ns) // FRAME_NS + 1
        if self.play is not None:
            reached = min(reached, self.audio.frame_count)
        self.given = max(first, reached)
        return range(first, self.given)
