"""Ears in their own process: for tests."""

from collections.abc import Iterable
from pathlib import Path

from side_process import SideProcess
from tap_frames import packed

from media.listening import EarsReady, EarsReport, decode_ears_report
from media.tap_frame import Frame


class EarsClient(SideProcess[EarsReport]):
    """The engine's side, and a worker's: `send` is what a tap does."""

    def __init__(self, taps: Path) -> None:
        super().__init__(["media.ears", "--taps", str(taps)], decode=decode_ears_report, ready=EarsReady)

    def send(self, frames: Iterable[Frame], *, garbage: bytes = b"") -> None:
        self.send_frames(b"".join(map(packed, frames)) + garbage)
