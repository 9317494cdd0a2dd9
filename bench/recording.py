"""CPU of media worker and recorder for one relayed packet while every call is recorded in stereo, beside the worker's alone while none is.
Prints one JSON line.

`python bench/recording.py [--calls 100] [--seconds 10] [--rounds 3]`. The two take turns; the figure to trust is their ratio.
"""

import argparse
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import monotonic_ns
from typing import TypeVar

import relay

from media.control import MAX_MESSAGE_BYTES, Message, Tap, encode
from media.recording import QuitRecorder, RecorderReady, RecordingEnded, StartRecording, decode_recorder_report

MAX_RATIO = 2.0
PATIENCE_S = 30

R = TypeVar("R", bound=Message)


class Recorded:
    """`lost`: frames that were not recorded, `short`: recordings that lack more than a second, of all runs."""

    def __init__(self, *, seconds: int) -> None:
        self.seconds = seconds
        self.lost = self.short = 0

    @contextlib.contextmanager
    def start(self, phones: list[int]) -> Iterator[tuple[int, ...]]:
        """A worker and a recorder that records each caller's leg."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            command = [sys.executable, "-m", "media.recorder", "--socket-fd", str(theirs.fileno())]
            command += ["--directory", name, "--taps", str(folder / "taps")]
            process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
            theirs.close()
            ours.settimeout(PATIENCE_S)
            try:
                self._until(ours, RecorderReady)

                def orders(port: int) -> list[Tap]:
                    begin = StartRecording(
                        recording=port, call_id=str(port), path=f"{port}.wav", sides="both", at_ns=monotonic_ns(), started_us=0
                    )
                    ours.send(encode(begin))
                    return [Tap(port=port, tap=port, path=str(folder / "taps"))]

                with relay.worker(phones, orders=orders) as pids:
                    yield (*pids, process.pid)
                ours.send(encode(QuitRecorder()))
                for _ in range(len(phones) // 2):
                    ended = self._until(ours, RecordingEnded)
                    self.lost += ended.frames_lost
                    self.short += ended.length_ms < (self.seconds - 1) * 1_000 or ended.why is not None
                process.wait(PATIENCE_S)
            finally:
                process.kill()
                process.wait()

    def _until(self, control: socket.socket, kind: type[R]) -> R:
        while True:
            report = decode_recorder_report(control.recv(MAX_MESSAGE_BYTES))
            if isinstance(report, kind):
                return report


def main() -> None:
    options = _options()
    recorded = Recorded(seconds=options.seconds)
    runs: dict[str, list[dict[str, float]]] = {"plain": [], "recorded": []}
    for _ in range(options.rounds):
        runs["plain"].append(relay.measure(relay.worker, calls=options.calls, seconds=options.seconds))
        runs["recorded"].append(relay.measure(recorded.start, calls=options.calls, seconds=options.seconds))
    figures = {role: median(run["us"] for run in taken) for role, taken in runs.items()}
    ratio = figures["recorded"] / figures["plain"]
    line = {
        "bench": "recording",
        "recorded_us": round(figures["recorded"], 2),
        "plain_us": round(figures["plain"], 2),
        "ratio": round(ratio, 2),
        "max_ratio": MAX_RATIO,
        "met": ratio <= MAX_RATIO and not recorded.lost and not recorded.short,
        "frames_lost": recorded.lost,
        "short_recordings": recorded.short,
        "packets_lost": int(sum(run["lost"] for run in runs["recorded"])),
        "calls": options.calls,
        "seconds": options.seconds,
        "rounds": options.rounds,
    }
    print(json.dumps(line))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100, choices=range(1, relay.MAX_CALLS + 1), metavar=f"1..{relay.MAX_CALLS}")
    parser.add_argument(
        "--seconds", type=int, default=10, choices=range(2, relay.MAX_SECONDS + 1), metavar=f"2..{relay.MAX_SECONDS}"
    )
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, 11), metavar="1..10")
    return parser.parse_args()


if __name__ == "__main__":
    main()
