"""One recording: frames in, samples of both sides in step out. Reads no clock and no socket.

Frames wait until `LAG_NS` after they were due, so that they come into the file in order; those that are later still are written over the
silence that stands in their place.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from media.dsp.g711 import PCMA, PCMU, Samples, decode
from media.recorder.timeline import MAX_SLIP, NS_PER_SAMPLE, Timeline
from media.recorder.wide_band import WideBand
from media.recording import StartRecording
from media.tap_frame import NUMBER_MASK, RECEIVED, SENT, Frame

LAG_NS = 300_000_000
CHANNELS = {RECEIVED: 0, SENT: 1}
MAX_LATE = 8_000 * 60
"""Samples; who is later than that is lost."""


class SampleSink(Protocol):
    """Where samples go: a WAV file, or who listens. `position`: how many samples a channel have been written. Each method: OSError."""

    position: int

    def append(self, samples: npt.NDArray[np.int16]) -> None:
        """Writes samples, a row for each moment, a column for each channel."""

    def patch(self, position: int, samples: Samples, *, channel: int) -> None:
        """Writes samples of one channel that come late over what is there."""

    def silence(self, start: int) -> None:
        """Writes silence over what stands from `start` on."""


Sink = TypeVar("Sink", bound=SampleSink)


@dataclass(slots=True)
class _Run:
    """Payloads that follow one another without a gap."""

    position: int
    end: int
    codec: int
    payloads: list[bytes]


class Recording(Generic[Sink]):
    """`stop_ns`: when it is to end; None: not yet. `why`: what ended it early. `frames_lost`: by the numbers of the frames."""

    __slots__ = (
        "_lag_ns",
        "_next_number",
        "_paused_ns",
        "_pauses",
        "_runs",
        "_timelines",
        "_wide_band",
        "file",
        "frames_lost",
        "order",
        "stop_ns",
        "why",
    )

    def __init__(self, order: StartRecording, open_file: Callable[[int], Sink], *, lag_ns: int = LAG_NS) -> None:
        """`open_file(channels)`. OSError."""
        self.order = order
        self._lag_ns = lag_ns
        directions = (RECEIVED, SENT) if order.sides == "both" else (RECEIVED,)
        self._timelines = {direction: Timeline(order.at_ns) for direction in directions}
        self.file = open_file(len(directions))
        self._runs: dict[int, list[_Run]] = {direction: [] for direction in directions}
        self._wide_band = WideBand()
        self._next_number = dict.fromkeys(directions, 0)
        self._pauses: list[tuple[int, int]] = []
        self._paused_ns: int | None = None
        self.stop_ns: int | None = None
        self.why: str | None = None
        self.frames_lost = 0

    def take(self, frame: Frame) -> None:
        """Takes a frame of its tap. One of a codec that can't be decoded or of another direction is passed over."""
        timeline = self._timelines.get(frame.direction)
        if timeline is None:
            return
        if frame.codec not in (PCMU, PCMA):
            narrow = self._wide_band.narrow(frame)
            if narrow is None:
                return
            frame = narrow
        if frame.number != self._next_number[frame.direction]:
            missing = (frame.number - self._next_number[frame.direction]) & NUMBER_MASK
            self.frames_lost += missing if missing <= NUMBER_MASK >> 1 else 0
        self._next_number[frame.direction] = (frame.number + 1) & NUMBER_MASK
        payload = frame.payload
        position, slip = timeline.place(
            ssrc=frame.ssrc, sequence=frame.sequence, timestamp=frame.timestamp, at_ns=frame.at_ns, length=len(payload)
        )
        if 0 < slip <= MAX_SLIP:  # the first samples stand twice: a hole would click
            payload, position = payload[:slip] + payload, position - slip
        runs = self._runs[frame.direction]
        if runs and runs[-1].end == position and runs[-1].codec == frame.codec:
            runs[-1].payloads.append(payload)
            runs[-1].end += len(payload)
        else:
            runs.append(_Run(position, position + len(payload), frame.codec, [payload]))

    def pause(self, at_ns: int) -> None:
        """What has come since `at_ns` is silenced, too. OSError."""
        if self._paused_ns is None:
            self._paused_ns = at_ns
            self.file.silence(max(0, self._position(at_ns)))

    def resume(self, at_ns: int) -> None:
        if self._paused_ns is not None:
            self._pauses.append((self._paused_ns, at_ns))
            self._paused_ns = None

    def stop(self, at_ns: int) -> None:
        if self.stop_ns is None:
            self.stop_ns = at_ns
            self.resume(at_ns)

    def write(self, now_ns: int) -> None:
        """Writes what is due, silence where nothing came. OSError."""
        until_ns = now_ns - self._lag_ns
        if self.stop_ns is not None:
            until_ns = min(until_ns, self.stop_ns)
        until = self._position(until_ns)
        start = self.file.position
        block = np.zeros((max(0, until - start), len(self._timelines)), np.int16)
        for direction in self._timelines:
            runs, self._runs[direction] = self._runs[direction], []
            for run in runs:
                self._write_run(block, run, direction)
        if len(block):
            self.file.append(block)

    def is_over(self, now_ns: int) -> bool:
        """Returns whether all that belongs to it has been written."""
        return self.stop_ns is not None and now_ns - self._lag_ns >= self.stop_ns

    @property
    def paused_ms(self) -> int:
        return sum(until_ns - from_ns for from_ns, until_ns in self._pauses) // 1_000_000

    def _position(self, at_ns: int) -> int:
        return (at_ns - self.order.at_ns) // NS_PER_SAMPLE

    def _write_run(self, block: npt.NDArray[np.int16], run: _Run, direction: int) -> None:
        """Part of it may belong before the block, and part behind it."""
        start, stop, channel = self.file.position, self.file.position + len(block), CHANNELS[direction]
        position, payload = run.position, b"".join(run.payloads)
        if position < 0:
            position, payload = 0, payload[-position:]
        late = min(max(0, start - position), len(payload))
        if late and start - position <= MAX_LATE:
            self.file.patch(position, self._heard(payload[:late], run.codec, position), channel=channel)
        position, payload = position + late, payload[late:]
        now = min(max(0, stop - position), len(payload))
        block[position - start : position - start + now, channel] = self._heard(payload[:now], run.codec, position)
        if now < len(payload):
            self._runs[direction].append(_Run(position + now, position + len(payload), run.codec, [payload[now:]]))

    def _heard(self, payload: bytes, codec: int, position: int) -> Samples:
        """Returns the samples that stand at a position, with silence where there was a pause then, whenever they came."""
        samples = decode(payload, codec)
        if self._paused_ns is not None:
            samples[max(0, self._position(self._paused_ns) - position) :] = 0
        for from_ns, until_ns in reversed(self._pauses):
            until = self._position(until_ns) - position
            if until <= 0:
                break
            samples[max(0, self._position(from_ns) - position) : until] = 0
        return samples
