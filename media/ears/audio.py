"""PURE. The audio of one direction of a leg, from the frames of its tap: decoded, in order, each piece at its place in time.

Positions count samples of 8 kHz from `start_ns`, by RTP time (`media.recorder.timeline`). What comes too late for its place is dropped.
"""

from typing import NamedTuple

from media.dsp.g711 import PCMA, PCMU, Samples, decode
from media.recorder.timeline import NS_PER_SAMPLE, Timeline
from media.tap_frame import Frame

MAX_WAITING = 1_000
"""Frames that have not been asked for yet: 20 s. Who sends more is too fast to be heard."""


class Piece(NamedTuple):
    """`samples` that begin at `position`."""

    position: int
    samples: Samples


class FramedAudio:
    """`undecoded`: frames of codecs that can't be decoded here; `late`: frames that came too late, or too many of them at once."""

    __slots__ = ("_start_ns", "_timeline", "_upto", "_waiting", "late", "undecoded")

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._timeline = Timeline(start_ns, slips=False)
        self._upto = 0
        self._waiting: list[tuple[int, int, bytes]] = []  # position, codec, payload
        self.undecoded = self.late = 0

    def add(self, frame: Frame) -> None:
        if frame.codec not in (PCMU, PCMA):
            self.undecoded += 1
            return
        if len(self._waiting) >= MAX_WAITING:
            self.late += 1
            return
        payload = frame.payload
        position, _ = self._timeline.place(
            ssrc=frame.ssrc, sequence=frame.sequence, timestamp=frame.timestamp, at_ns=frame.at_ns, length=len(payload)
        )
        self._waiting.append((position, frame.codec, payload))

    def moment(self, position: int) -> int:
        """Returns the monotonic nanoseconds of a position."""
        return self._start_ns + position * NS_PER_SAMPLE

    def position(self, at_ns: int) -> int:
        return (at_ns - self._start_ns) // NS_PER_SAMPLE

    def taken(self, before: int | None = None, *, patience: int = 0) -> list[Piece]:
        """Returns the pieces that wait, in order and without overlaps. Those that begin at `before`, or behind it, wait on; what comes for
        positions before it from now on is late. So do those behind a hole that began less than `patience` samples before the newest ends:
        what belongs there may have been overtaken."""
        self._waiting.sort(key=lambda each: each[0])
        newest = max((position + len(payload) for position, _, payload in self._waiting), default=0)
        pieces: list[Piece] = []
        count = 0
        for position, codec, payload in self._waiting:
            if (before is not None and position >= before) or (position > self._upto and newest - self._upto < patience):
                break
            count += 1
            overlap = max(0, self._upto - position)
            if overlap >= len(payload):
                self.late += 1
                continue
            pieces.append(Piece(position + overlap, decode(payload[overlap:], codec)))
            self._upto = position + len(payload)
        del self._waiting[:count]
        if before is not None:
            self._upto = max(self._upto, before)
        return pieces
