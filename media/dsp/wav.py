"""PURE. The bytes of a WAV file -> 8 kHz mono samples. Reads RIFF; where the bytes came from is the caller's business.

Taken: 16-bit linear PCM, any number of channels up to `MAX_CHANNELS` (mixed down), `MIN_RATE` to `MAX_RATE`. All else is a
`WavError` that says what is wrong in words for the person who made the file.
"""

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from media.dsp.g711 import SAMPLE_RATE, Samples

MIN_RATE = 8_000
MAX_RATE = 192_000
MAX_CHANNELS = 8
MAX_SECONDS = 600
_PCM = 0x0001
_EXTENSIBLE = 0xFFFE  # the true format is in the sub-format GUID, whose first two octets are the classic tag


@dataclass(frozen=True, slots=True, kw_only=True)
class WavError:
    """Why the bytes can't be played."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Format:
    tag: int
    channels: int
    rate: int
    bits: int


def read_wav(data: bytes) -> Samples | WavError:
    """The whole file as samples at 8 kHz, mono."""
    chunks = _chunks(data)
    if isinstance(chunks, WavError):
        return chunks
    if "fmt " not in chunks or "data" not in chunks:
        return WavError(why=f"no {'fmt' if 'fmt ' not in chunks else 'data'} chunk")
    shape = _format(chunks["fmt "])
    if isinstance(shape, WavError):
        return shape
    frames = len(chunks["data"]) // (2 * shape.channels)
    if frames == 0:
        return WavError(why="no samples")
    if frames > MAX_SECONDS * shape.rate:
        return WavError(why=f"longer than {MAX_SECONDS} s")
    interleaved = np.frombuffer(chunks["data"], "<i2", count=frames * shape.channels).reshape(frames, shape.channels)
    return resample(interleaved.mean(axis=1), shape.rate)


def write_wav(samples: Samples, *, rate: int = SAMPLE_RATE) -> bytes:
    """A 16-bit mono file."""
    data = samples.astype("<i2").tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, _PCM, 1, rate, 2 * rate, 2, 16, b"data", len(data)
    )
    return header + data


def resample(samples: npt.NDArray[np.float64], rate: int) -> Samples:
    """To 8 kHz, by soxr (`docs/adr/0015-libraries-tried.md`): flat up to 3.6 kHz, and nothing above 4 kHz folds back."""
    if rate == SAMPLE_RATE:
        return _rounded(samples)
    import soxr  # noqa: PLC0415 - 25 ms, and most prompts are at 8 kHz

    return _rounded(soxr.resample(samples, rate, SAMPLE_RATE, quality="HQ"))


def _rounded(samples: npt.NDArray[np.float64]) -> Samples:
    return np.clip(np.rint(samples), -32_768, 32_767).astype(np.int16)


def _chunks(data: bytes) -> dict[str, bytes] | WavError:
    """The first chunk of each name. A length beyond the file's end is taken as 'to the end': streaming writers leave it so."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return WavError(why="not a RIFF/WAVE file")
    chunks: dict[str, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        chunks.setdefault(name.decode("latin-1"), data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return chunks


def _format(chunk: bytes) -> _Format | WavError:
    if len(chunk) < 16:
        return WavError(why="fmt chunk too short")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE and len(chunk) >= 26:
        (tag,) = struct.unpack_from("<H", chunk, 24)
    if tag != _PCM or bits != 16:
        return WavError(why=f"not 16-bit PCM (format {tag:#06x}, {bits} bits)")
    if not 1 <= channels <= MAX_CHANNELS:
        return WavError(why=f"{channels} channels, 1 to {MAX_CHANNELS} can be played")
    if not MIN_RATE <= rate <= MAX_RATE:
        return WavError(why=f"{rate} Hz, {MIN_RATE} to {MAX_RATE} can be played")
    return _Format(tag=tag, channels=channels, rate=rate, bits=bits)
