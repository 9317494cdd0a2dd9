"""Delay and CPU that transcoding adds to a call, by pair of codecs, in turns with plain relaying. Prints one JSON line.

`python bench/transcoding.py [--calls 20] [--seconds 5] [--rounds 3]`. One media worker, one transcoder; phones send noise in syllables,
20 ms a packet, evenly spread. A packet is known again by its place in its stream. Figures are medians of the rounds.
"""

import argparse
import contextlib
import json
import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns

import numpy as np

from media.control import Bridge, Close, Closed, Open, Quit, Ready, RemoteMedia, decode_report, encode
from media.rtp.packet import RtpPacket, build, parse
from media.transcoder.codecs import encoder
from media.transcoder.wire import READY
from switch.codec import Codec

HOST = "127.0.0.1"
FIRST_PORT = 31_000  # below those that phones are given
MAX_CALLS = 200
MAX_SECONDS = 60
MAX_ROUNDS = 20
FRAME_NS = 20_000_000
PATIENCE_S = 30
QUIET_S = 0.5
TARGET_MS = 5.0
PAIRS = (
    (Codec.PCMU, Codec.PCMU),
    (Codec.PCMU, Codec.G722),
    (Codec.PCMU, Codec.OPUS),
    (Codec.G722, Codec.OPUS),
)


def main() -> None:
    options = _options()
    runs: dict[str, list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        for a, b in PAIRS:
            found = _measure(a, b, calls=options.calls, seconds=options.seconds)
            runs.setdefault(f"{a.name}-{b.name}", []).append(found)
    figures = {
        pair: {key: round(statistics.median(run[key] for run in found), 2) for key in found[0]} for pair, found in runs.items()
    }
    relayed, *transcoded = figures.values()
    added = {key: max(each[key] for each in transcoded) - relayed[key] for key in ("p50_ms", "p99_ms")}
    line = {
        "bench": "transcoding",
        "pairs": figures,
        **{f"added_{key}": round(value, 2) for key, value in added.items()},
        "target_ms": TARGET_MS,
        "met": added["p99_ms"] <= TARGET_MS and not any(each["lost"] for each in figures.values()),
        "calls": options.calls,
        "seconds": options.seconds,
        "rounds": options.rounds,
    }
    print(json.dumps(line))


def _measure(a: Codec, b: Codec, *, calls: int, seconds: int) -> dict[str, float]:
    """`transcoder_ms`, `worker_ms`: CPU of each process for one second of one call, which is two directions."""
    with tempfile.TemporaryDirectory() as folder, _processes(Path(folder)) as (control, transcoder, worker):
        codecs = [a, b] * calls
        phones = [_udp() for _ in codecs]
        for leg, (codec, phone) in enumerate(zip(codecs, phones, strict=True)):
            peer = RemoteMedia(host=HOST, port=phone.getsockname()[1], codec=codec, payload_type=codec.value)
            control.send(encode(Open(host=HOST, port=_port(leg), peer=peer)))
        for leg in range(0, len(phones), 2):
            control.send(encode(Bridge(a=_port(leg), b=_port(leg + 1))))
        control.send(encode(Close(port=1)))
        _until(control, Closed)
        before = _cpu_ns(transcoder), _cpu_ns(worker)
        took, lost = _delays(phones, codecs, seconds=seconds)
        spent = _cpu_ns(transcoder) - before[0], _cpu_ns(worker) - before[1]
        for phone in phones:
            phone.close()
    ms = np.array(took) / 1e6
    return {
        "p50_ms": float(np.percentile(ms, 50)),
        "p99_ms": float(np.percentile(ms, 99)),
        "transcoder_ms": spent[0] / 1e6 / calls / seconds,
        "worker_ms": spent[1] / 1e6 / calls / seconds,
        "lost": lost,
    }


def _delays(phones: list[socket.socket], codecs: list[Codec], *, seconds: int) -> tuple[list[int], int]:
    """Nanoseconds from one phone to the other of each packet that came, and how many did not."""
    said = {codec: _frames(codec) for codec in set(codecs)}
    epoll = select.epoll()
    legs = {phone.fileno(): leg for leg, phone in enumerate(phones)}
    for phone in phones:
        epoll.register(phone, select.EPOLLIN)
    total, sent = len(phones) * seconds * 50, 0
    sent_ns: list[list[int]] = [[] for _ in phones]
    first: dict[int, int] = {}
    took: list[int] = []
    start_ns = monotonic_ns()
    while True:
        due = min(total, (monotonic_ns() - start_ns) * len(phones) // FRAME_NS + 1)
        for number in range(sent, due):
            leg, frame = number % len(phones), number // len(phones)
            codec = codecs[leg]
            data = build(
                RtpPacket(
                    payload_type=codec.value,
                    sequence=frame & 0xFFFF,
                    timestamp=frame * codec.clock_rate // 50,
                    ssrc=leg + 1,
                    payload=said[codec][frame % 50],
                )
            )
            sent_ns[leg].append(monotonic_ns())
            phones[leg].sendto(data, (HOST, _port(leg)))
        sent = due
        events = epoll.poll(0.0005 if sent < total else QUIET_S, len(phones))
        for fd, _ in events:
            leg = legs[fd]
            packet = parse(phones[leg].recv(2_048))
            if packet is None:
                continue  # RTCP of a leg whose phone has the port below
            place = (packet.sequence - first.setdefault(leg, packet.sequence)) & 0xFFFF
            took.append(monotonic_ns() - sent_ns[leg ^ 1][place])
        if sent == total and not events:
            return took, total - len(took)


def _frames(codec: Codec) -> list[bytes]:
    """A second of noise in syllables."""
    rate = codec.sample_rate
    noise = np.convolve(np.random.default_rng(1).normal(0, 3_000, rate), np.ones(6) / 6, mode="same")
    syllables = np.abs(np.sin(np.arange(rate) * 2 * np.pi * 4 / rate))
    coder = encoder(codec, rate)
    return [coder.encode(frame) for frame in (noise * syllables).astype(np.int16).reshape(50, -1)]


@contextlib.contextmanager
def _processes(folder: Path) -> Iterator[tuple[socket.socket, int, int]]:
    """The worker's control socket; the process ids of transcoder and worker."""
    with _child("media.transcoder", "--control-fd", "--socket", str(folder / "transcoder")) as (lifeline, transcoder):
        assert lifeline.recv(100) == READY
        options = ["--prompts", str(folder), "--transcoders", str(folder / "transcoder")]
        with _child("media.worker", "--socket-fd", *options) as (control, worker):
            _until(control, Ready)
            yield control, transcoder, worker
            control.send(encode(Quit()))


@contextlib.contextmanager
def _child(module: str, fd_option: str, *options: str) -> Iterator[tuple[socket.socket, int]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", module, fd_option, str(theirs.fileno()), *options]
    with ours, subprocess.Popen(command, pass_fds=[theirs.fileno()], env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}) as process:
        theirs.close()
        ours.settimeout(PATIENCE_S)
        try:
            yield ours, process.pid
            ours.close()
            process.wait(PATIENCE_S)
        finally:
            process.kill()


def _until(control: socket.socket, kind: type) -> None:
    while not isinstance(decode_report(control.recv(65_536)), kind):
        pass


def _cpu_ns(pid: int) -> int:
    """All CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    return int(fields[0])


def _port(leg: int) -> int:
    return FIRST_PORT + 2 * leg


def _udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, 0))
    sock.settimeout(0)
    return sock


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, usual, most in (("calls", 20, MAX_CALLS), ("seconds", 5, MAX_SECONDS), ("rounds", 3, MAX_ROUNDS)):
        parser.add_argument(f"--{name}", type=int, default=usual, choices=range(1, most + 1), metavar=f"1..{most}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
