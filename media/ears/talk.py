"""PURE. Listens to both sides of a talk, from one moment on, and says at its end what was heard."""

import numpy as np
from msgspec.structs import replace

from media.dsp.ears import Ears
from media.dsp.g711 import Samples
from media.dsp.heard import UNKNOWN_SHARE, one_way
from media.ears.audio import FramedAudio
from media.listening import HeardSide, ListenToTalk, TalkHeard
from media.tap_frame import NUMBER_MASK, Frame

LAG_NS = 300_000_000
"""How long frames are waited for; those that are later still are not heard."""
FRAME_MS = 20
"""What a frame counts that was not heard: its length is not known."""


class Side:
    """What one side says. `lost`: frames that did not come from the media worker."""

    __slots__ = ("_audio", "_ears", "_next_number", "_upto", "lost")

    def __init__(self, start_ns: int) -> None:
        self._audio = FramedAudio(start_ns)
        self._ears = Ears()
        self._upto = 0
        self._next_number = 0
        self.lost = 0

    def take(self, frame: Frame) -> None:
        missing = (frame.number - self._next_number) & NUMBER_MASK
        self.lost += missing if missing <= NUMBER_MASK >> 1 else 0
        self._next_number = (frame.number + 1) & NUMBER_MASK
        self._audio.add(frame)

    def hear(self, until_ns: int) -> None:
        """Hears what came before a moment, silence where nothing came."""
        until = self._audio.position(until_ns)
        parts: list[Samples] = []
        for position, samples in self._audio.taken(before=until):
            if position > self._upto:
                parts.append(_silence(position - self._upto))
            parts.append(samples)
            self._upto = position + len(samples)
        if until > self._upto:
            parts.append(_silence(until - self._upto))
            self._upto = until
        if parts:
            self._ears.hear(np.concatenate(parts))

    def heard(self) -> HeardSide:
        heard = self._ears.heard()
        unheard = self.lost + self._audio.undecoded + self._audio.late
        if unheard * FRAME_MS > UNKNOWN_SHARE * heard.duration_ms:  # then silence says nothing
            heard = replace(heard, silence_ms=0, unknown_ms=heard.unknown_ms + heard.silence_ms, dead_air=(), dead_air_ms=0)
        return HeardSide(heard=heard, frames_unheard=unheard)


class Talk:
    """`order`: which taps it is heard by."""

    __slots__ = ("_caller", "_line", "order")

    def __init__(self, order: ListenToTalk) -> None:
        self.order = order
        self._caller, self._line = Side(order.at_ns), Side(order.at_ns)

    def take(self, frame: Frame) -> None:
        (self._caller if frame.tap == self.order.caller else self._line).take(frame)

    def hear(self, now_ns: int) -> None:
        """Hears what is due by now."""
        self._hear(now_ns - LAG_NS)

    def end(self, at_ns: int) -> TalkHeard:
        """The talk ended at `at_ns`."""
        self._hear(at_ns)
        caller, line = self._caller.heard(), self._line.heard()
        order = self.order
        return TalkHeard(
            call_id=order.call_id,
            attempt=order.attempt,
            started_us=order.started_us,
            caller=caller,
            line=line,
            one_way=one_way(caller.heard, line.heard),
        )

    def _hear(self, until_ns: int) -> None:
        self._caller.hear(until_ns)
        self._line.hear(until_ns)


def _silence(samples: int) -> Samples:
    return np.zeros(samples, np.int16)
