"""A recorder in its own process, and what is in its files: for tests."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
from side_process import SideProcess

from media.dsp.g711 import PCMU
from media.dsp.g711 import encode as to_g711
from media.recording import RecorderReady, RecorderReport, decode_recorder_report
from media.tap_frame import pack
from switch.engine.clock import SystemClock

FRAME_NS = 20_000_000


class RecorderClient(SideProcess[RecorderReport]):
    """The engine's side, and a worker's: `send_frames` is what a tap does."""

    def __init__(self, directory: Path, *, keep_days: int | None = None) -> None:
        directory.mkdir(exist_ok=True)
        keep = [] if keep_days is None else ["--keep-days", str(keep_days)]
        command = ["media.recorder", "--directory", str(directory), "--taps", str(directory / "taps"), *keep]
        super().__init__(command, decode=decode_recorder_report, ready=RecorderReady)


def tone(hz: float, *, samples: int, level: int = 8_000) -> npt.NDArray[np.int16]:
    return np.asarray(level * np.sin(2 * np.pi * hz * np.arange(samples) / 8_000), np.int16)


def frame(tap: int, number: int, *, direction: int, samples: npt.NDArray[np.int16], at_ns: int, ssrc: int = 1) -> bytes:
    """Frame `number` of a stream of 20 ms that lost none, as a worker sends it."""
    payload = to_g711(samples, PCMU)
    length = len(samples)
    return pack(tap, number, number * length, ssrc, at_ns, number & 0xFFFF, length, direction, PCMU) + payload


def read_wav(path: Path) -> npt.NDArray[np.int16]:
    """A row for each moment, a column for each channel."""
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getsampwidth()) == (8_000, 2)
        data = file.readframes(file.getnframes())
        assert len(data) == file.getnframes() * 2 * file.getnchannels()
        return np.frombuffer(data, "<i2").reshape(-1, file.getnchannels())


def frequency(samples: npt.NDArray[np.int16]) -> float:
    """The strongest one, in Hz; 0 in silence."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * 8_000 / len(samples) if samples.any() else 0.0


def now_ns() -> int:
    return SystemClock().now().mono_ns
