"""PURE. 8 kHz mono samples -> the bytes of a WAV file. `media.prompts.decode` reads sound files."""

import struct

from media.dsp.g711 import SAMPLE_RATE, Samples

_PCM = 0x0001


def write_wav(samples: Samples, *, rate: int = SAMPLE_RATE) -> bytes:
    """A 16-bit mono file."""
    data = samples.astype("<i2").tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, _PCM, 1, rate, 2 * rate, 2, 16, b"data", len(data)
    )
    return header + data
