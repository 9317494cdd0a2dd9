"""PURE. The bytes of a WAV file -> 8 kHz mono samples. Knows RIFF and resampling; does not know where the bytes came from.

Taken: 16-bit linear PCM, any number of channels up to `MAX_CHANNELS` (mixed down), `MIN_RATE` to `MAX_RATE`. All else is a
`WavError` that says what is wrong in words for the person who made the file.
"""

import struct
from dataclasses import dataclass
from math import gcd

import numpy as np
import numpy.typing as npt

from media.dsp.g711 import SAMPLE_RATE, Samples

MIN_RATE = 8_000
MAX_RATE = 192_000
MAX_CHANNELS = 8
MAX_SECONDS = 600
_PCM = 0x0001
_EXTENSIBLE = 0xFFFE  # the true format is in the sub-format GUID, whose first two octets are the classic tag
_LOBES = 16  # zero crossings of the sinc either side: the length of the low-pass in units of the slower rate
_KAISER_BETA = 8.0  # about 80 dB down in the stop band
_CUTOFF = 0.92  # of the slower rate's half: room for the filter's slope, and above the telephone band of 3.4 kHz


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
    """To 8 kHz by a windowed sinc, one set of taps for each phase that the ratio of the rates can have."""
    if rate == SAMPLE_RATE:
        return _rounded(samples)
    common = gcd(rate, SAMPLE_RATE)
    up, down = SAMPLE_RATE // common, rate // common
    half = _LOBES * down // up + 1
    padded = np.pad(samples, (half, half))
    out = np.empty(len(samples) * up // down)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half)
    for phase in range(min(up, len(out))):
        whole, part = divmod(phase * down, up)
        starts = slice(whole + 1, None, down)
        count = len(out[phase::up])
        out[phase::up] = windows[starts][:count] @ _taps(part / up, half=half, slower=up / down)
    return _rounded(out)


def _taps(fraction: float, *, half: int, slower: float) -> npt.NDArray[np.float64]:
    """Weights of the `2 * half` input samples around a point `fraction` of a sample past the middle pair's left one."""
    distance = np.arange(1 - half, half + 1) - fraction
    window = np.i0(_KAISER_BETA * np.sqrt(np.clip(1 - np.square(distance / half), 0.0, None)))
    taps = np.sinc(distance * slower * _CUTOFF) * window
    return np.asarray(taps / taps.sum(), np.float64)  # each phase passes a constant unchanged


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
