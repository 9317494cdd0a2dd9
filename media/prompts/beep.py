"""PURE. The tone that tells a caller to begin to speak, as a sound file. Needs no numpy, for a config is looked at without."""

import math
import struct

HZ, MS = 1_000, 400
RATE = 8_000
PEAK = 8_000


def beep() -> bytes:
    """A 16-bit mono WAV file."""
    samples = (round(PEAK * math.sin(2 * math.pi * HZ * at / RATE)) for at in range(RATE * MS // 1_000))
    data = b"".join(struct.pack("<h", sample) for sample in samples)
    shape = (16, 1, 1, RATE, 2 * RATE, 2, 16)
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", *shape, b"data", len(data)) + data
