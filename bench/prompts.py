"""How much longer relayed packets take while a prompt of ten minutes is made and first played. Prints one JSON line.

`python bench/prompts.py [--calls 50] [--seconds 10]`. One media worker relays `calls` bridged calls, whose packets carry the moment they
were sent at. Three turns of so many seconds: nothing else happens; then another process makes a prompt of ten minutes (44.1 kHz, stereo);
then another caller hears it for the first time, five times a second, each time under another key.
"""

import argparse
import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from time import monotonic_ns
from typing import Any

import numpy as np
import soundfile

from media.control import Bridge, Close, Closed, Open, Play, Quit, Ready, RemoteMedia, SetPrompts, decode_report, encode
from media.prompts.cache import PromptCache
from media.prompts.maker import PromptMaker
from media.prompts.prepared import prepared_name
from media.prompts.prompt import Prompt
from media.prompts.source import PromptFile
from media.rtp.packet import HEADER_BYTES, RTCP_TYPES, RtpPacket, build

HOST = "127.0.0.1"
FIRST_PORT = 31_900  # with 400 legs still below those that phones are given
MAX_CALLS = 200
MAX_SECONDS = 60
FRAME_NS = 20_000_000
PATIENCE_S = 30
RATE = 44_100
PROMPT_S = 600
PLAYS_A_SECOND = 5
TARGET_MS = 5.0
LISTENER = FIRST_PORT - 2


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder, _worker(Path(folder) / "cache") as tell:
        file = Path(folder) / "long.wav"
        noise = np.random.default_rng(1).standard_normal((RATE, 2)) * 0.1
        soundfile.write(file, np.tile(noise, (PROMPT_S, 1)), RATE, subtype="PCM_16")
        phones = [_udp() for _ in range(2 * options.calls)]
        for leg, phone in enumerate(phones):
            tell(Open(host=HOST, port=_port(leg), peer=RemoteMedia(host=HOST, port=phone.getsockname()[1])))
        for leg in range(0, len(phones), 2):
            tell(Bridge(a=_port(leg), b=_port(leg + 1)))
        quiet = _delays(phones, seconds=options.seconds, often=lambda _: None)
        making = _while_made(file, Path(folder) / "cache", phones, seconds=options.seconds)
        playing = _while_played(making["key"], Path(folder) / "cache", phones, tell, seconds=options.seconds)
    line = {"bench": "prompts", "calls": options.calls, "quiet": quiet, "making": making["delays"], "playing": playing}
    added_ms = max(each["p99_ms"] for each in (making["delays"], playing)) - quiet["p99_ms"]
    print(json.dumps({**line, "added_p99_ms": round(added_ms, 2), "target_ms": TARGET_MS, "met": added_ms <= TARGET_MS}))


def _while_made(file: Path, cache: Path, phones: list[socket.socket], *, seconds: int) -> dict[str, Any]:
    made: list[Any] = []

    def make() -> None:
        with PromptMaker(cache) as maker:
            made.append(PromptCache(cache, maker)(PromptFile(file)))

    thread = Thread(target=make)
    thread.start()
    delays = _delays(phones, seconds=seconds, often=lambda _: None)
    thread.join()
    assert isinstance(made[0], Prompt), made
    return {"key": made[0].key, "delays": delays}


def _while_played(
    key: str, cache: Path, phones: list[socket.socket], tell: Callable[[Any], None], *, seconds: int
) -> dict[str, float]:
    names = [f"long-{number}" for number in range(seconds * PLAYS_A_SECOND + 1)]
    for name in names:
        os.link(cache / prepared_name(key), cache / prepared_name(name))
    tell(SetPrompts(keys={name: name for name in names}))
    with _udp() as listener:
        tell(Open(host=HOST, port=LISTENER, peer=RemoteMedia(host=HOST, port=listener.getsockname()[1])))
        left, due_ns = iter(names), monotonic_ns()

        def often(at_ns: int) -> None:
            nonlocal due_ns
            if at_ns >= due_ns and (name := next(left, None)) is not None:
                due_ns += 1_000_000_000 // PLAYS_A_SECOND
                tell(Play(port=LISTENER, play=1, prompt=name))

        found = _delays(phones, seconds=seconds, often=often)
        heard = 0
        with contextlib.suppress(BlockingIOError):
            while listener.recv(2_048):
                heard += 1
        return {**found, "heard": heard}


def _delays(phones: list[socket.socket], *, seconds: int, often: Callable[[int], None]) -> dict[str, float]:
    """Milliseconds from one phone to the other, by the moment that a packet carries."""
    epoll, receivers = select.epoll(), {}
    for phone in phones:
        epoll.register(phone, select.EPOLLIN)
        receivers[phone.fileno()] = phone.recv
    total, sent, took = len(phones) * seconds * 50, 0, []
    start_ns = monotonic_ns()
    while True:
        now_ns = monotonic_ns()
        often(now_ns)
        due = min(total, (now_ns - start_ns) * len(phones) // FRAME_NS + 1)
        for number in range(sent, due):
            leg, frame = number % len(phones), number // len(phones)
            payload = monotonic_ns().to_bytes(8, "big").ljust(160, b"\xff")
            packet = RtpPacket(payload_type=0, sequence=frame & 0xFFFF, timestamp=frame * 160, ssrc=leg + 1, payload=payload)
            phones[leg].sendto(build(packet), (HOST, _port(leg)))
        sent = due
        events = epoll.poll(0.0005 if sent < total else 0.5, len(phones))
        for fd, _ in events:
            data = receivers[fd](2_048)
            if data[1] & 0x7F in RTCP_TYPES:
                continue  # of a leg whose phone has the port below
            took.append(monotonic_ns() - int.from_bytes(data[HEADER_BYTES : HEADER_BYTES + 8], "big"))
        if sent == total and not events:
            break
    ms = np.array(took) / 1e6
    return {
        "p50_ms": round(float(np.percentile(ms, 50)), 2),
        "p99_ms": round(float(np.percentile(ms, 99)), 2),
        "max_ms": round(float(ms.max()), 2),
        "lost": total - len(took),
    }


@contextlib.contextmanager
def _worker(cache: Path) -> Iterator[Callable[[Any], None]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "media.worker", "--socket-fd", str(theirs.fileno()), "--prompts", str(cache)]
    with ours, subprocess.Popen(command, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        ours.settimeout(PATIENCE_S)
        try:
            _until(ours, Ready)
            yield lambda order: _tell(ours, order)
            ours.send(encode(Close(port=1)))
            _until(ours, Closed)
            ours.send(encode(Quit()))
            process.wait(PATIENCE_S)
        finally:
            process.kill()


def _tell(control: socket.socket, order: Any) -> None:
    """Orders, and what is reported meanwhile is read and thrown away."""
    control.send(encode(order))
    control.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while control.recv(65_536):
            pass
    control.settimeout(PATIENCE_S)


def _until(control: socket.socket, kind: type) -> None:
    while not isinstance(decode_report(control.recv(65_536)), kind):
        pass


def _port(leg: int) -> int:
    return FIRST_PORT + 2 * leg


def _udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, 0))
    sock.settimeout(0)
    return sock


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50, choices=range(1, MAX_CALLS + 1), metavar=f"1..{MAX_CALLS}")
    parser.add_argument("--seconds", type=int, default=10, choices=range(1, MAX_SECONDS + 1), metavar=f"1..{MAX_SECONDS}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
