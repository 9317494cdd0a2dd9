"""PURE. The digits that one leg is being sent as telephone-events: which packet is due when. No sockets or clock: moments are passed in.

The packets of a press are 20 ms apart, its repeated ends too (RFC 4733 §2.5.1.4), and a pause follows it, so that two presses of one key
are two.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from media.rtp.telephone_event import MAX_DURATION, SAMPLES_PER_MS, press_payloads
from media.worker.playout import FRAME_NS

MAX_DIGITS = 32
"""Digits of a leg that are sent or wait; further ones are lost."""
SHORTEST_MS, LONGEST_MS = 40, MAX_DURATION // SAMPLES_PER_MS
"""Of a press: ITU-T Q.24 asks for 40 ms, and one event can't say more (RFC 4733 §2.3.4)."""
PAUSE_NS = 3 * FRAME_NS
"""Between two presses; ITU-T Q.24 asks for 40 ms."""


class EventPacket(NamedTuple):
    """`is_first`: of its press."""

    payload: bytes
    is_first: bool


class DigitQueue:
    """`next_ns`: when the next packet is due, or the pause after the last one ends."""

    __slots__ = ("_packets", "_waiting", "next_ns")

    def __init__(self, now_ns: int) -> None:
        self.next_ns = now_ns
        self._packets: deque[EventPacket] = deque()
        self._waiting: deque[tuple[str, int]] = deque()

    def is_over(self, now_ns: int) -> bool:
        """Returns whether all has been sent, and the pause is over."""
        return not self._packets and not self._waiting and self.next_ns <= now_ns

    def add(self, digit: str, *, duration_ms: int) -> None:
        """Sends `digit` behind those that wait, as long as there is room. ValueError for what is no digit."""
        if len(self._waiting) + bool(self._packets) < MAX_DIGITS:
            self._waiting.append((digit, min(max(duration_ms, SHORTEST_MS), LONGEST_MS)))

    def due(self, now_ns: int) -> Iterator[EventPacket]:
        """Yields the packets that have become due."""
        while (self._packets or self._waiting) and self.next_ns <= now_ns:
            if not self._packets:
                digit, duration_ms = self._waiting.popleft()
                payloads = press_payloads(digit, duration_ms=duration_ms)
                self._packets.extend(EventPacket(payload, number == 0) for number, payload in enumerate(payloads))
            yield self._packets.popleft()
            self.next_ns += FRAME_NS if self._packets else FRAME_NS + PAUSE_NS
