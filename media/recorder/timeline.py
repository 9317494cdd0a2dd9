"""PURE. Where in a recording the audio of each RTP packet belongs: by its sender's clock, anchored to the wall's.

Positions count samples of 8 kHz from the start of the recording. The theory is that of `media.rtp.continuity`: each source (an SSRC) has
one shift from its timestamps to positions, set by its first packet; silence, loss, late packets and bursts fall into place by their
timestamps. A source whose clock jumps is anchored anew.

A sender's crystal is not ours: 100 ppm are 0.36 s an hour. The packets that were on their way for the shortest time tell: where the best
of `WINDOW` is off by more than `TOLERANCE`, packets slip by two samples each until it is made good, which nobody hears in speech. What no
crystal does in so short a time is made good in one jump: a first packet that was held up, a way that has become longer. Behind `SILENCE`
all is, as far as a crystal explains it or the packet came too early for anything else.
"""

from typing import NamedTuple

SAMPLE_RATE = 8_000
NS_PER_SAMPLE = 1_000_000_000 // SAMPLE_RATE
MAX_SOURCES = 4
WINDOW = 2 * SAMPLE_RATE
TOLERANCE = SAMPLE_RATE // 500
"""2 ms."""
JUMP = SAMPLE_RATE // 100
"""10 ms: what is off by more jumps, and does not slip. One jump is a click; slips would be a false pitch for seconds."""
MAX_SLIP = 2
"""Samples a packet; 1.25 % of one of 20 ms."""
SILENCE = SAMPLE_RATE
"""1 s."""
DRIFT_SHARE = 5_000
"""200 ppm: so much of a silence, at most, a crystal may be off."""
OFF = SAMPLE_RATE // 5
"""200 ms: beyond that ahead of the wall, or behind it without an explanation by the sequence, a source's clock has jumped."""
FRAME_OFF = SAMPLE_RATE // 25
"""40 ms: two frames. A sequence explains a step in time up to this."""


class Place(NamedTuple):
    """`slip`: so many samples are missing before the packet (negative: it covers as many of the one before)."""

    position: int
    slip: int = 0


class _Source:
    """`timestamp`, `position`, `sequence`: of its newest packet. `best`: the earliest packet of its window, by how much it is ahead of
    the wall; None: there was none. `debt`: samples to slip. `is_new`: no window has ended."""

    __slots__ = ("best", "debt", "is_new", "position", "sequence", "timestamp", "window_end")

    def __init__(self, *, timestamp: int, sequence: int, wall: int) -> None:
        self.timestamp = timestamp
        self.sequence = sequence
        self.position = wall
        self.best: int | None = None
        self.debt = 0
        self.window_end = wall + WINDOW
        self.is_new = True

    def slip(self, off: int, wall: int) -> int:
        """Returns by how much a packet slips that is `off` samples ahead of the wall."""
        if off > (TOLERANCE if self.is_new else JUMP):  # no jitter makes a packet early: its source's first one had been late
            self.debt = -off
        elif not self.debt:
            if wall >= self.window_end:
                self.is_new = False
                self.debt = -self.best if self.best is not None and abs(self.best) > TOLERANCE else 0
                self.begin_window(wall)
            self.best = off if self.best is None else max(self.best, off)
        if not self.debt:
            return 0
        self.begin_window(wall)  # behind what is still to be made good
        most = MAX_SLIP if abs(self.debt) <= JUMP and not self.is_new else abs(self.debt)
        slip = max(-most, min(self.debt, most))
        self.debt -= slip
        return slip

    def begin_window(self, wall: int) -> None:
        self.best = None
        self.window_end = wall + WINDOW


class Timeline:
    """One direction of a leg. `start_ns`: when the recording starts. `slips`: whether a source that is off is brought back while it
    speaks. Each slip is a jump in phase, which breaks a tone."""

    __slots__ = ("_slips", "_sources", "_start_ns")

    def __init__(self, start_ns: int, *, slips: bool = True) -> None:
        self._start_ns = start_ns
        self._slips = slips
        self._sources: dict[int, _Source] = {}

    def wall(self, at_ns: int) -> int:
        """Returns the position of a moment; negative before the start."""
        return (at_ns - self._start_ns) // NS_PER_SAMPLE

    def place(self, *, ssrc: int, sequence: int, timestamp: int, at_ns: int, length: int, clock_rate: int = SAMPLE_RATE) -> Place:
        """Returns where a packet that came at `at_ns` and is `length` samples long begins. `clock_rate`: of its timestamps."""
        wall = (at_ns - self._start_ns) // NS_PER_SAMPLE
        source = self._sources.get(ssrc)
        if source is not None and (timestamp - source.timestamp) & 0xFFFFFFFF == length and clock_rate == SAMPLE_RATE:
            off = source.position + length - wall  # the usual packet: the next one, and at its time
            if (
                -OFF <= off <= (TOLERANCE if source.is_new else JUMP)
                and not source.debt
                and (wall < source.window_end or not self._slips)
            ):
                if source.best is None or off > source.best:
                    source.best = off
                source.position += length
                source.timestamp, source.sequence = timestamp, sequence
                return Place(source.position)
        if source is None:
            if len(self._sources) >= MAX_SOURCES:
                del self._sources[next(iter(self._sources))]
            self._sources[ssrc] = _Source(timestamp=timestamp, sequence=sequence, wall=wall)
            return Place(wall)
        step = _signed(timestamp - source.timestamp, 32) * SAMPLE_RATE // clock_rate
        ahead = _signed(sequence - source.sequence, 16)
        off = source.position + step - wall
        if off > OFF or (off < -OFF and abs(step - ahead * length) > FRAME_OFF):
            self._sources[ssrc] = _Source(timestamp=timestamp, sequence=sequence, wall=wall)
            return Place(wall)
        position = source.position + step
        if step <= 0:
            return Place(position)  # late, or twice
        source.timestamp, source.sequence = timestamp, sequence
        if step > SILENCE:
            source.begin_window(wall)
            source.debt = 0
            source.position = position - max(off, -step // DRIFT_SHARE)
            return Place(source.position)
        slip = source.slip(off, wall) if self._slips else 0
        source.position = position + slip
        return Place(source.position, slip)


def _signed(number: int, bits: int) -> int:
    """Returns a difference of numbers that wrap."""
    half = 1 << (bits - 1)
    return ((number + half) & ((1 << bits) - 1)) - half
