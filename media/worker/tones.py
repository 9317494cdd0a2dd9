"""PURE. The digits that one leg is being sent as DTMF tones, in place of audio: which frame is due when. No sockets or clock.

A tone lasts as long as its key is held, as far as that is known, and long enough to be heard; a pause follows it, so that two presses of
one key are two. The pause is silence that is sent: with no packets at all the far end might go on with the tone.
"""

from collections import deque
from collections.abc import Iterator
from functools import cache

from media.dsp.dtmf import key_tones
from media.dsp.tones import silence
from media.rtp.telephone_event import DIGITS, LOST_NS, Press
from media.worker.digits import LONGEST_MS, MAX_DIGITS
from media.worker.playout import FRAME_NS, Audio, audio

SHORTEST_MS = 100
"""Of a tone; 40 ms are a digit (ITU-T Q.24), where nothing is lost on the way."""
PAUSE_FRAMES = 3
"""Between two tones; Q.24 asks for 40 ms."""
_MS_PER_FRAME = FRAME_NS // 1_000_000


class ToneQueue:
    """`next_ns`: when the next frame is due, or the last one has been heard to its end."""

    __slots__ = ("_digit", "_least", "_pause", "_press", "_sent", "_waiting", "next_ns")

    def __init__(self, now_ns: int) -> None:
        self.next_ns = now_ns
        self._waiting: deque[tuple[str, int, Press | None]] = deque()
        self._digit = ""
        self._press: Press | None = None
        self._least = self._sent = self._pause = 0  # frames of the present digit: at the least, so far, of its pause still to come

    def add(self, digit: str, *, duration_ms: int = SHORTEST_MS, press: Press | None = None) -> None:
        """Sends `digit` behind those that wait, as long as there is room; for longer while `press` goes on. ValueError for what is no
        digit."""
        if len(digit) != 1 or digit not in DIGITS:
            raise ValueError(f"no digit: {digit!r}")
        if len(self._waiting) + bool(self._digit) < MAX_DIGITS:
            self._waiting.append((digit, min(max(duration_ms, SHORTEST_MS), LONGEST_MS), press))

    def is_over(self, now_ns: int) -> bool:
        """Returns whether all has been sent, pauses too."""
        return not self._digit and not self._pause and not self._waiting and self.next_ns <= now_ns

    def due(self, now_ns: int) -> Iterator[tuple[Audio, int]]:
        """Yields the frames that have become due: of which audio, and which."""
        while self.next_ns <= now_ns and (self._digit or self._pause or self._waiting):
            if not self._digit and not self._pause:
                self._digit, duration_ms, self._press = self._waiting.popleft()
                self._least, self._sent = -(-duration_ms // _MS_PER_FRAME), 0
            yield self._frame()
            self.next_ns += FRAME_NS
            if self._digit and self._sent >= self._least and not self._is_held(now_ns):
                self._digit, self._press, self._pause = "", None, PAUSE_FRAMES

    def _frame(self) -> tuple[Audio, int]:
        if not self._digit:
            self._pause -= 1
            return _quiet(), 0
        self._sent += 1
        sounding = _sounding(self._digit)
        return sounding, (self._sent - 1) % sounding.frame_count

    def _is_held(self, now_ns: int) -> bool:
        press = self._press
        if press is None or press.has_ended or now_ns - press.heard_ns >= LOST_NS:
            return False
        return self._sent * _MS_PER_FRAME < LONGEST_MS


def prepare() -> None:
    """Makes what a loop that carries calls should not have to wait for."""
    for digit in DIGITS:
        _sounding(digit)
    _quiet()


@cache
def _sounding(digit: str) -> Audio:
    """A second of a key's tones: whole periods of both, so it repeats without a click."""
    return audio(key_tones(digit, 1_000))


@cache
def _quiet() -> Audio:
    return audio(silence(_MS_PER_FRAME))
