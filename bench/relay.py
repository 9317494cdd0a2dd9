"""CPU of the media worker for one forwarded packet, beside a bare `epoll + recv_into + sendto` loop. Prints one JSON line.

`python bench/relay.py [--calls 200] [--seconds 5] [--rounds 3]`. The machine is shared and no two minutes on it are alike: worker and
bare loop take turns, and the figure to trust is their ratio. Three kinds of process, so that no other one's CPU is counted: the one
under test, a generator of paced packets (50 a second and leg, over its own sockets), and this one.

What the ratio is made of: the worker does more for each packet, and wakes up less often (`TURN_NS` in media/worker/relay.py lets packets
gather for a millisecond at most), where the bare loop is woken by nearly every one.
"""

import argparse
import contextlib
import json
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import monotonic_ns
from typing import Any

from media.control import (
    Bridge,
    Close,
    Closed,
    Open,
    OpenFailed,
    Quit,
    Ready,
    RemoteMedia,
    Srtp,
    Tap,
    decode_report,
    encode,
)
from media.rtp.packet import RtpPacket, build

HOST = "127.0.0.1"
FIRST_PORT = 30_000
MAX_CALLS = 480  # two even ports each, 30000 to 31999
MAX_SECONDS = 60
FRAME_NS = 20_000_000
FRAME_SAMPLES = 160
QUIET_S = 0.5  # after the last packet was sent
PATIENCE_S = 10
TARGET_RATIO = 1.6
RTCP = 192  # the second octet of RTCP is not below this


def main() -> None:
    options = _options()
    if options.role == "generator":
        generate(options.calls * 2, seconds=options.seconds)
        return
    if options.role == "bare":
        relay_bare(options.calls * 2)
        return
    runs: dict[str, list[dict[str, float]]] = {"relay": [], "bare": []}
    for _ in range(options.rounds):
        for role, start in (("relay", worker), ("bare", bare)):
            runs[role].append(measure(start, calls=options.calls, seconds=options.seconds))
    figures = {role: median(run["us"] for run in taken) for role, taken in runs.items()}
    ratio = figures["relay"] / figures["bare"]
    line = {
        "bench": "relay",
        "relay_us": round(figures["relay"], 2),
        "bare_us": round(figures["bare"], 2),
        "ratio": round(ratio, 2),
        "target_ratio": TARGET_RATIO,
        "met": ratio <= TARGET_RATIO,
        "lost": int(sum(run["lost"] for run in runs["relay"])),
        "bare_lost": int(sum(run["lost"] for run in runs["bare"])),
        "packets": int(sum(run["sent"] for run in runs["relay"])),
        "calls": options.calls,
        "seconds": options.seconds,
        "rounds": options.rounds,
    }
    print(json.dumps(line))


def measure(start: Any, *, calls: int, seconds: int, script: str = __file__, phones: str = "generator") -> dict[str, float]:
    """One run of one kind of relay: CPU microseconds for each packet that came out of it, packets put in, packets lost. `phones`: the role
    of `script` that plays them."""
    with _child(phones, calls=calls, seconds=seconds, script=script) as generator, start(json.loads(_line(generator))) as pids:
        before = sum(map(_cpu_ns, pids))
        generator.stdin.write("go\n")
        generator.stdin.flush()
        result = json.loads(_line(generator))
        spent = sum(map(_cpu_ns, pids)) - before
    return {"us": spent / 1e3 / max(1, result["received"]), "sent": result["sent"], "lost": result["sent"] - result["received"]}


@contextlib.contextmanager
def worker(
    phones: list[int], *, orders: Callable[[int], list[Tap]] = lambda _: [], srtp: Srtp | None = None
) -> Iterator[tuple[int, ...]]:
    """A media worker with every two phones bridged. `orders`: further ones, for the port of the first of two. `srtp`: the keys of all
    legs."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, tempfile.TemporaryDirectory() as prompts:
        fd = str(theirs.fileno())
        command = [sys.executable, "-m", "media.worker", "--socket-fd", fd, "--prompts", prompts]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()
        ours.settimeout(PATIENCE_S)
        try:
            _until(ours, Ready)
            for leg, phone in enumerate(phones):
                ours.send(encode(Open(host=HOST, port=_port(leg), peer=RemoteMedia(host=HOST, port=phone, srtp=srtp))))
            for leg in range(0, len(phones), 2):
                ours.send(encode(Bridge(a=_port(leg), b=_port(leg + 1))))
                for order in orders(_port(leg)):
                    ours.send(encode(order))
            ours.send(encode(Close(port=1)))  # its answer comes when all before it is done
            _until(ours, Closed)
            yield (process.pid,)
            ours.send(encode(Quit()))
            process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def bare(phones: list[int]) -> Iterator[tuple[int, ...]]:
    with _child("bare", calls=len(phones) // 2, seconds=1) as process:
        process.stdin.write(json.dumps(phones) + "\n")
        process.stdin.flush()
        _line(process)
        yield (process.pid,)


def relay_bare(legs: int) -> None:
    """The least that a relay can do: no look at the packet, at where it came from, or at what may go wrong."""
    phones = json.loads(sys.stdin.readline())
    sockets = [_udp(_port(leg)) for leg in range(legs)]
    epoll = select.epoll()
    routes = {}
    for leg, sock in enumerate(sockets):
        epoll.register(sock, select.EPOLLIN)
        routes[sock.fileno()] = (sock.recv_into, sockets[leg ^ 1].sendto, (HOST, phones[leg ^ 1]))
    buffer = bytearray(2_048)
    view = memoryview(buffer)
    print("ready", flush=True)
    while True:
        for fd, _ in epoll.poll():
            receive, send, address = routes[fd]
            send(view[: receive(buffer)], address)


def frame_of(leg: int, frame: int) -> bytes:
    return build(
        RtpPacket(
            payload_type=0, sequence=frame & 0xFFFF, timestamp=frame * FRAME_SAMPLES, ssrc=leg + 1, payload=b"\xff" * FRAME_SAMPLES
        )
    )


def generate(legs: int, *, seconds: int, datagram: Callable[[int, int], bytes] = frame_of) -> None:
    """Phones: each sends a 20 ms frame when its own moment comes, evenly spread over the 20 ms, and counts what it gets. `datagram`: of a
    leg, the frame with this number."""
    sockets = [_udp(0) for _ in range(legs)]
    print(json.dumps([sock.getsockname()[1] for sock in sockets]), flush=True)
    sys.stdin.readline()
    epoll = select.epoll()
    receivers = {}
    for sock in sockets:
        epoll.register(sock, select.EPOLLIN)
        receivers[sock.fileno()] = sock.recv_into
    total = legs * seconds * 50
    buffer = bytearray(2_048)
    sent = received = 0
    start_ns = monotonic_ns()
    while True:
        now_ns = monotonic_ns()
        due = min(total, (now_ns - start_ns) * legs // FRAME_NS + 1)
        for number in range(sent, due):
            leg, frame = number % legs, number // legs
            sockets[leg].sendto(datagram(leg, frame), (HOST, _port(leg)))
        sent = due
        events = epoll.poll(0.001 if sent < total else QUIET_S, legs)
        for fd, _ in events:
            receivers[fd](buffer)
            received += buffer[1] < RTCP
        if sent == total and not events:
            break
    print(json.dumps({"sent": sent, "received": received}), flush=True)


def _port(leg: int) -> int:
    return FIRST_PORT + 2 * leg


def _udp(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, port))
    sock.settimeout(0)
    return sock


@contextlib.contextmanager
def _child(role: str, *, calls: int, seconds: int, script: str = __file__) -> Iterator[Any]:
    command = [sys.executable, script, "--role", role, "--calls", str(calls), "--seconds", str(seconds)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _line(process: Any) -> str:
    """The child's next line, within the time that a whole run may take."""
    ready, _, _ = select.select([process.stdout], [], [], MAX_SECONDS + PATIENCE_S)
    line = process.stdout.readline() if ready else ""
    if not line:
        raise SystemExit("relay bench: a child process gave no answer")
    return str(line)


def _until(control: socket.socket, kind: type) -> None:
    while not isinstance(report := decode_report(control.recv(65_536)), kind):
        if isinstance(report, OpenFailed):
            raise SystemExit(f"relay bench: port {report.port} can't be had: {report.why}")


def _cpu_ns(pid: int) -> int:
    """User and system time of a process's threads (proc(5), schedstat): `stat` has it in hundredths of a second only."""
    return sum(int(each.read_text(encoding="ascii").split()[0]) for each in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200, choices=range(1, MAX_CALLS + 1), metavar=f"1..{MAX_CALLS}")
    parser.add_argument("--seconds", type=int, default=5, choices=range(1, MAX_SECONDS + 1), metavar=f"1..{MAX_SECONDS}")
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, 11), metavar="1..10")
    parser.add_argument("--role", choices=("bench", "generator", "bare"), default="bench", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
