"""PURE. The bytes of a WAV file -> 8 kHz mono samples, and what callers would hear wrong in them.

Taken: 16-bit linear PCM, any number of channels up to `MAX_CHANNELS` (mixed down), `MIN_RATE` to `MAX_RATE`, at most `MAX_FILE_BYTES`. All
else is a `WavError` that says what is wrong in words for the person who made the file. `payphone check` and the relay both ask `read_wav`,
with up to `MAX_FILE_BYTES` + 1 bytes of a file, so that what one of them takes the other does.
"""

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from media.dsp.g711 import SAMPLE_RATE, Samples

MIN_RATE = 8_000
MAX_RATE = 192_000
MAX_CHANNELS = 8
MAX_FILE_BYTES = 8 * 1024 * 1024
"""524 s at 8 kHz mono, 47 s at 44.1 kHz stereo. Reading so much takes the relay about 0.1 s, in which it sends nothing."""
_PCM = 0x0001
_EXTENSIBLE = 0xFFFE  # the true format is in the sub-format GUID, whose first two octets are the classic tag
_UNKNOWN_SIZE = 0x7FFF_0000  # writers that can't go back announce about 2 or 4 GiB
SILENT_BELOW = 52.0  # root mean square, of 32,768: 56 dB below it, under the noise of a quiet line (G.711's steps are 8 there)
CANCELLED_OVER = 100.0  # 20 dB; channels that have nothing to do with each other lose 3 dB, one with a silent other one 6 dB
FULL_SCALE = 32_760  # what limiters that stop short of 32,767 leave counts too
CLIPPED_SHARE = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class WavError:
    """Why the bytes can't be played."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What callers would hear wrong. `what`: about the prompt, e.g. `is silent`; `instead`: what to do."""

    what: str
    instead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Format:
    tag: int
    channels: int
    rate: int
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recording:
    """`frames`: one row a frame, one column a channel. `missing`: how many frames the file announces and does not have."""

    frames: npt.NDArray[np.int16]
    rate: int
    missing: int


def read_wav(data: bytes) -> Samples | WavError:
    """The whole file as samples at 8 kHz, mono."""
    recording = _recording(data)
    if isinstance(recording, WavError):
        return recording
    return resample(recording.frames.mean(axis=1), recording.rate)


def doubts(data: bytes) -> tuple[Doubt, ...]:
    """What callers would hear wrong in a file that can be played; none of a file that can't."""
    recording = _recording(data)
    if isinstance(recording, WavError):
        return ()
    found = (_silent(recording.frames) or _cancelled(recording.frames), _clipped(recording.frames), _truncated(recording))
    return tuple(doubt for doubt in found if doubt is not None)


def _silent(frames: npt.NDArray[np.int16]) -> Doubt | None:
    if _power(frames).max() >= SILENT_BELOW**2:
        return None
    return Doubt(what="is silent: callers hear nothing and hang up", instead="record it anew, or raise its level")


def _cancelled(frames: npt.NDArray[np.int16]) -> Doubt | None:
    """Channels that are each other turned upside down: each is loud, and their mean, which callers hear, is not."""
    if _power(frames.mean(axis=1, keepdims=True)).max() >= _power(frames).max() / CANCELLED_OVER:
        return None
    what = "nearly vanishes when its channels are mixed: they cancel each other out, and callers hear mono"
    return Doubt(what=what, instead="save one channel of it as mono")


def _clipped(frames: npt.NDArray[np.int16]) -> Doubt | None:
    """Peaks that are cut off stay at the limit for several samples; a recording that only just reaches it does not."""
    full = (frames >= FULL_SCALE) | (frames <= -FULL_SCALE)
    flat = full[2:] & full[1:-1] & full[:-2]
    share = float(flat.mean(axis=0).max()) if len(flat) else 0.0
    if share < CLIPPED_SHARE:
        return None
    what = f"is clipped: {share:.1%} of it is at full scale, and sounds torn"
    return Doubt(what=what, instead="record it at a lower level; turning a clipped file down does not mend it")


def _truncated(recording: _Recording) -> Doubt | None:
    if recording.missing <= 0:
        return None
    have, whole = (frames / recording.rate for frames in (len(recording.frames), len(recording.frames) + recording.missing))
    what = f"breaks off: the file holds {have:.1f} s of the {whole:.1f} s that it announces"
    return Doubt(what=what, instead="copy it again: the end is missing")


def _power(frames: npt.NDArray[np.int16] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean square of each channel."""
    return np.asarray(np.square(frames.astype(np.float64)).mean(axis=0), np.float64)


def _recording(data: bytes) -> _Recording | WavError:
    if len(data) > MAX_FILE_BYTES:
        seconds = MAX_FILE_BYTES // (2 * SAMPLE_RATE)
        return WavError(why=f"larger than {MAX_FILE_BYTES // 1024**2} MiB; as 8 kHz mono that is {seconds} s")
    chunks = _chunks(data)
    if isinstance(chunks, WavError):
        return chunks
    if "fmt " not in chunks or "data" not in chunks:
        return WavError(why=f"no {'fmt' if 'fmt ' not in chunks else 'data'} chunk")
    shape = _format(chunks["fmt "][1])
    if isinstance(shape, WavError):
        return shape
    announced, held = chunks["data"]
    count = len(held) // (2 * shape.channels)
    if count == 0:
        return WavError(why="no samples")
    frames = np.frombuffer(held, "<i2", count=count * shape.channels).reshape(count, shape.channels)
    missing = 0 if announced >= _UNKNOWN_SIZE else announced // (2 * shape.channels) - count
    return _Recording(frames=frames, rate=shape.rate, missing=missing)


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


def _chunks(data: bytes) -> dict[str, tuple[int, bytes]] | WavError:
    """Announced size and octets of the first chunk of each name. A size beyond the file's end is taken as 'to the end'."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return WavError(why="not a RIFF/WAVE file")
    chunks: dict[str, tuple[int, bytes]] = {}
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        chunks.setdefault(name.decode("latin-1"), (size, data[at + 8 : at + 8 + size]))
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
