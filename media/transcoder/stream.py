"""One direction of audio: packets of one codec -> packets of another, as long as the far end wants them. No sockets or clocks.

Time is the source's: a packet's timestamp says where its samples lie, so silence that was not sent is none in the result either. Loss up to
`MAX_CONCEALED_MS` is concealed by the decoder; what is longer stays a gap, and as many packets are missing in the result's numbers.
A packet that comes late is dropped: its place has been filled, and to wait for it would delay every call.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from media.dsp.g711 import Samples
from media.transcoder.codecs import decoder, encoder
from switch.codec import ANY_OPUS, Codec, OpusWishes, packet_ms

MAX_CONCEALED_MS = 60
"""Three packets: what comes after that sounds like a machine, and a gap tells the truth."""
NARROW_RATE = 8_000
MAX_LATE = 100  # RFC 3550 A.1, MAX_MISORDER
MAX_AHEAD = 3_000  # RFC 3550 A.1, MAX_DROPOUT: more is another source


class Coded(NamedTuple):
    """A packet's content. `lost`: how many are missing before it. `is_first`: of a talk spurt. `timestamp`: unbounded, in the target's
    clock."""

    payload: bytes
    timestamp: int
    lost: int
    is_first: bool


class TranscodedStream:
    """`ptime_ms`: see `packet_ms`. Raises OpusError where the machine has no libopus."""

    def __init__(self, source: Codec, target: Codec, *, ptime_ms: int = 20, opus: OpusWishes = ANY_OPUS) -> None:
        rate = min(source.sample_rate, target.sample_rate)
        if target is Codec.OPUS and opus.max_rate < rate:
            rate = NARROW_RATE
        self._decoder = decoder(source, rate)
        self._encoder = encoder(target, rate, opus=opus)
        self._frame = packet_ms(target, ptime_ms) * rate // 1_000
        self._per_source = source.clock_rate, rate
        self._per_target = target.clock_rate, rate
        self._next_sequence: int | None = None
        self._next_at = 0  # in samples, by the source's timestamps; unbounded
        self._waiting: Samples = np.zeros(0, np.int16)  # less than a frame, up to `_next_at`
        self._lost = 0
        self._is_first = True

    def packets(self, payload: bytes, *, sequence: int, timestamp: int) -> Iterator[Coded]:
        """Yields what has become whole with this packet of the source. OpusError for a payload that is none; it then counts as lost."""
        at = self._at(timestamp)
        if self._next_sequence is None:
            self._begin(at)
        else:
            lost = (sequence - self._next_sequence) & 0xFFFF
            if -lost & 0xFFFF <= MAX_LATE and lost:
                return
            self._bridge(at, lost, payload)
        samples = self._decoder.decode(payload)
        self._next_sequence = (sequence + 1) & 0xFFFF
        self._append(samples)
        while len(self._waiting) >= self._frame:
            yield self._coded()

    def _at(self, timestamp: int) -> int:
        """Returns where the sample of this timestamp lies, near to the last one."""
        clock, rate = self._per_source
        if self._next_sequence is None:
            return timestamp * rate // clock
        near = self._next_at * clock // rate
        return (near + ((timestamp - near + 0x80000000) & 0xFFFFFFFF) - 0x80000000) * rate // clock

    def _begin(self, at: int) -> None:
        """What waits would be heard at a wrong time."""
        self._waiting = self._waiting[:0]
        self._next_at = at
        self._is_first = True

    def _bridge(self, at: int, lost: int, payload: bytes) -> None:
        """From the newest packet to one at `at`."""
        gap = at - self._next_at
        if gap == 0:
            return
        rate = self._per_source[1]
        if 0 < lost <= MAX_AHEAD and 0 < gap <= MAX_CONCEALED_MS * rate // 1_000:
            self._append(self._decoder.conceal(gap, payload))
            if at == self._next_at:
                return
        if 0 < lost <= MAX_AHEAD and gap > 0:
            self._lost += -(-gap // self._frame)
        self._begin(at)

    def _append(self, samples: Samples) -> None:
        self._waiting = np.concatenate((self._waiting, samples)) if len(self._waiting) else samples
        self._next_at += len(samples)

    def _coded(self) -> Coded:
        clock, rate = self._per_target
        at = self._next_at - len(self._waiting)
        frame, self._waiting = self._waiting[: self._frame], self._waiting[self._frame :]
        lost, self._lost = self._lost, 0
        is_first, self._is_first = self._is_first and not lost, False
        return Coded(self._encoder.encode(frame), at * clock // rate, lost, is_first)
