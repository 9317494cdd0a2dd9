"""Both sides of a call, for somebody who listens in: frames of a tap of the caller's leg in, one stream of µ-law out. No clock, no socket.

What the caller's leg receives and is sent is all that the two hear of each other, menus and ringing included, from the first to the last
line: one tap is enough, and the time of its stream never jumps.
"""

from collections import deque

import numpy as np
import numpy.typing as npt

from media.dsp.g711 import PCMU, Samples, encode
from media.recorder.recording import Recording
from media.recording import StartRecording
from media.tap_frame import Frame

LAG_NS = 200_000_000
"""What comes later than that is not heard: a worker sends frames twenty times a second (`media.worker.tap.FLUSH_NS`)."""
_LIMITS = np.iinfo(np.int16)


class _Mix:
    """The sum of all channels, as µ-law that has not been read."""

    def __init__(self, _channels: int) -> None:
        self.position = 0
        self._unread: deque[bytes] = deque()

    def append(self, samples: npt.NDArray[np.int16]) -> None:
        self.position += len(samples)
        mixed = np.clip(samples.sum(axis=1, dtype=np.int32), _LIMITS.min, _LIMITS.max)
        self._unread.append(encode(mixed.astype(np.int16), PCMU))

    def patch(self, position: int, samples: Samples, *, channel: int) -> None:
        """Too late to be heard."""

    def silence(self, start: int) -> None:
        """What was heard was heard."""

    def read(self) -> bytes:
        unread = b"".join(self._unread)
        self._unread.clear()
        return unread


class Eavesdropper:
    """`tap`: the number of the tap; `start_ns`: when listening begins."""

    def __init__(self, tap: int, *, start_ns: int) -> None:
        order = StartRecording(recording=tap, call_id="", path="", sides="both", at_ns=start_ns, started_us=0)
        self._both = Recording(order, _Mix, lag_ns=LAG_NS)

    def take(self, frame: Frame) -> None:
        self._both.take(frame)

    def mute(self, now_ns: int) -> None:
        """Nothing is heard of what comes from now on."""
        self._both.pause(now_ns)

    def unmute(self, now_ns: int) -> None:
        self._both.resume(now_ns)

    def read(self, now_ns: int) -> bytes:
        """Returns all that is due and has not been read, silence where nothing came: 8,000 octets of µ-law a second."""
        self._both.write(now_ns)
        return self._both.file.read()
