"""A recorder in its own process: for tests. Every wait is for a condition, with a deadline."""

import socket
import subprocess
import sys
import wave
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt
from child_process import mortal

from media.control import MAX_MESSAGE_BYTES, Message, WorkerProblem, encode
from media.dsp.g711 import PCMU
from media.dsp.g711 import encode as to_g711
from media.recording import RecorderOrder, RecorderReady, RecorderReport, decode_recorder_report
from media.tap_frame import pack
from switch.engine.clock import SystemClock

PATIENCE_S = 60.0
MAX_SKIPPED = 500
FRAME_NS = 20_000_000

R = TypeVar("R", bound=Message)


class RecorderClient:
    """The engine's side, and a worker's: `send_frame` is what a tap sends."""

    def __init__(self, directory: Path, *, keep_days: int | None = None) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(PATIENCE_S)
        directory.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "media.recorder", "--socket-fd", str(theirs.fileno())]
        command += ["--directory", str(directory), "--taps", str(directory / "taps")]
        command += [] if keep_days is None else ["--keep-days", str(keep_days)]
        self.process = subprocess.Popen(mortal(command), pass_fds=[theirs.fileno()])
        theirs.close()
        self.skipped: list[RecorderReport | WorkerProblem] = []
        self._frames = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            ready = self.expect(RecorderReady)
            self._frames.connect(ready.taps)
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._control.close()
        self._frames.close()
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def order(self, *orders: RecorderOrder) -> None:
        for order in orders:
            self._control.send(encode(order))

    def expect(self, kind: type[R]) -> R:
        """The next report of this kind."""
        for _ in range(MAX_SKIPPED):
            report = decode_recorder_report(self._control.recv(MAX_MESSAGE_BYTES))
            if isinstance(report, kind):
                return report
            self.skipped.append(report)
        raise AssertionError(f"no {kind.__name__} among {MAX_SKIPPED} reports")

    def send(self, datagram: bytes) -> None:
        self._frames.send(datagram)


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
