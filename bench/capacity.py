"""How many bridged calls this machine carries with their phones beside them: stamped packets, counted and timed. Prints one JSON line.

`python bench/capacity.py [--calls 1000] [--seconds 5] [--workers 2]`. Media workers as a switch starts them, each with its share of the
calls. One process plays all phones, as cheaply as it can be done: it stamps packets by the array and sends and receives many in one system
call (`sendmmsg`, `recvmmsg`), so that what is measured is the relay and not the phones. Where so many calls are too many, a tenth fewer are
tried, until none is lost and the delay's 99th percentile is in time.
"""

import argparse
import ctypes
import json
import os
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from time import monotonic_ns, sleep
from typing import Any

import numpy as np

from media.control import Bridge, Close, Closed, Open, Quit, Ready, RemoteMedia, decode_report, encode
from media.rtp.packet import HEADER_BYTES, RTCP_TYPES

HOST = "127.0.0.1"
FIRST_PORT = 20_000
MAX_CALLS = 3_000
MAX_SECONDS = 60
MAX_WORKERS = 8
FRAME_NS = 20_000_000
FRAMES_A_SECOND = 50
PACKET_BYTES = HEADER_BYTES + 160
LEGS_A_SOCKET = 100
AT_ONCE = 256
"""Packets of one system call."""
SLICE_NS = 1_000_000
"""Phones send what is due about so often."""
QUIET_NS = 500_000_000
PATIENCE_S = 30
TARGET_MS = 5.0

_libc = ctypes.CDLL(None, use_errno=True)
_VECTOR = np.dtype([("base", "u8"), ("length", "u8")])
_MESSAGE = np.dtype(
    [
        *(("name", "u8"), ("name_length", "u4"), ("pad", "u4"), ("vectors", "u8"), ("vector_count", "u8")),
        *(("control", "u8"), ("control_length", "u8"), ("flags", "i4"), ("pad2", "u4"), ("length", "u4"), ("pad3", "u4")),
    ]
)
_ADDRESS = np.dtype([("family", "u2"), ("port", ">u2"), ("host", "u4"), ("zero", "u8")])


def main() -> None:
    options = _options()
    calls = options.calls
    while True:
        found = measure(calls, seconds=options.seconds, workers=options.workers)
        met = found["lost"] == 0 and found["p99_ms"] <= TARGET_MS
        print(f"capacity: {calls} calls: {found}", file=sys.stderr, flush=True)
        if met or calls <= options.calls // 10:
            break
        calls -= options.calls // 10
    line = {"bench": "capacity", "wanted": options.calls, "calls": calls, **found, "workers": options.workers}
    print(json.dumps({**line, "target_p99_ms": TARGET_MS, "met": met and calls == options.calls}))


def measure(calls: int, *, seconds: int, workers: int) -> dict[str, Any]:
    """`worker_cores`, `phone_cores`: CPU seconds a second."""
    with ExitStack() as stack:
        phones = Phones(2 * calls)
        stack.callback(phones.close)
        share = -(-calls // workers)
        pids = [os.getpid()]
        for first in range(0, calls, share):
            legs = range(2 * first, 2 * min(calls, first + share))
            pids.append(stack.enter_context(worker(legs, phones)))
        before = [_cpu_ns(pid) for pid in pids]
        start_ns = monotonic_ns()
        took, lost = phones.talk(seconds)
        elapsed_ns = monotonic_ns() - start_ns
        spent = [_cpu_ns(pid) - then for pid, then in zip(pids, before, strict=True)]
    ms = took / 1e6
    return {
        "p50_ms": round(float(np.percentile(ms, 50)), 2),
        "p99_ms": round(float(np.percentile(ms, 99)), 2),
        "max_ms": round(float(ms.max()), 2),
        "lost": lost,
        "packets": len(took),
        "phone_cores": round(spent[0] / elapsed_ns, 2),
        "worker_cores": [round(each / elapsed_ns, 2) for each in spent[1:]],
    }


class Phones:
    """One for each leg, many behind one socket: a leg's packets go to the port of its leg, and come back to the socket of its partner."""

    def __init__(self, legs: int) -> None:
        self.legs = legs
        self.sockets = [_udp() for _ in range(0, legs, LEGS_A_SOCKET)]
        self.packets = np.zeros((legs, PACKET_BYTES), np.uint8)
        self.packets[:, 0] = 0x80
        self.packets[:, HEADER_BYTES:] = 0xFF
        self.packets[:, 8:12] = (np.arange(legs, dtype=">u4") + 1).view(np.uint8).reshape(legs, 4)
        self._addresses = np.zeros(legs, _ADDRESS)
        self._addresses["family"] = socket.AF_INET
        self._addresses["port"] = [port_of(leg) for leg in range(legs)]
        self._addresses["host"] = int.from_bytes(socket.inet_aton(HOST), sys.byteorder)
        self._vectors, self._messages = _messages(self.packets)
        self._messages["name"] = self._addresses.ctypes.data + np.arange(legs, dtype=np.uint64) * _ADDRESS.itemsize
        self._messages["name_length"] = _ADDRESS.itemsize
        self._room = np.zeros((AT_ONCE, 2_048), np.uint8)
        self._room_vectors, self._room_messages = _messages(self._room)
        self._epoll = select.epoll()
        for sock in self.sockets:
            self._epoll.register(sock, select.EPOLLIN)

    def address_of(self, leg: int) -> tuple[str, int]:
        host, port = self.sockets[leg // LEGS_A_SOCKET].getsockname()
        return host, port

    def talk(self, seconds: int) -> tuple[np.ndarray[Any, np.dtype[np.int64]], int]:
        """Every leg's 20 ms frames, evenly spread; returns nanoseconds on the way of those that came, and how many did not."""
        total, sent, quiet_ns = self.legs * seconds * FRAMES_A_SECOND, 0, 0
        took: list[np.ndarray[Any, np.dtype[np.int64]]] = []
        start_ns = monotonic_ns()
        while sent < total or monotonic_ns() - quiet_ns < QUIET_NS:
            now_ns = monotonic_ns()
            due = min(total, (now_ns - start_ns) * self.legs // FRAME_NS + 1)
            while sent < due:
                sent += self._send(sent, min(due - sent, self.legs - sent % self.legs))
                quiet_ns = now_ns
            for fd, _ in self._epoll.poll(0, len(self.sockets)):
                took.append(self._receive(fd))
            sleep(max(0, now_ns + SLICE_NS - monotonic_ns()) / 1e9)
        delays = np.concatenate(took)
        return delays, total - len(delays)

    def _send(self, number: int, count: int) -> int:
        """Sends the next packets, of one socket in one call. Returns how many."""
        frame, leg = divmod(number, self.legs)
        stop = min(leg + count, (leg // LEGS_A_SOCKET + 1) * LEGS_A_SOCKET)
        packets = self.packets[leg:stop]
        packets[:, 2:4] = np.array([frame & 0xFFFF], ">u2").view(np.uint8)
        packets[:, 4:8] = np.array([frame * 160 & 0xFFFFFFFF], ">u4").view(np.uint8)
        packets[:, HEADER_BYTES : HEADER_BYTES + 8] = np.array([monotonic_ns()], ">i8").view(np.uint8)
        messages = self._messages[leg:stop]
        fd = self.sockets[leg // LEGS_A_SOCKET].fileno()
        done = _libc.sendmmsg(fd, ctypes.c_void_p(messages.ctypes.data), stop - leg, 0)
        return int(done) if done > 0 else stop - leg  # what the kernel refuses is lost

    def _receive(self, fd: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        count = max(0, _libc.recvmmsg(fd, ctypes.c_void_p(self._room_messages.ctypes.data), AT_ONCE, socket.MSG_DONTWAIT, None))
        found = self._room[:count]
        audio = found[~np.isin(found[:, 1] & 0x7F, list(RTCP_TYPES))]
        stamps = np.ascontiguousarray(audio[:, HEADER_BYTES : HEADER_BYTES + 8]).view(">i8").reshape(-1)
        return np.asarray(monotonic_ns() - stamps, np.int64)

    def close(self) -> None:
        self._epoll.close()
        for sock in self.sockets:
            sock.close()


@contextmanager
def worker(legs: range, phones: Phones) -> Iterator[int]:
    """A media worker with every two of these legs bridged; yields its process id."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with closing(ours), TemporaryDirectory() as prompts:
        command = [sys.executable, "-m", "media.worker", "--socket-fd", str(theirs.fileno()), "--prompts", prompts]
        process = Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()
        ours.settimeout(PATIENCE_S)
        try:
            _until(ours, Ready)
            for leg in legs:
                host, port = phones.address_of(leg)
                ours.send(encode(Open(host=HOST, port=port_of(leg), peer=RemoteMedia(host=host, port=port))))
            for leg in legs[::2]:
                ours.send(encode(Bridge(a=port_of(leg), b=port_of(leg + 1))))
            ours.send(encode(Close(port=1)))  # its answer comes when all before it is done
            _until(ours, Closed)
            yield process.pid
            ours.send(encode(Quit()))
            process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.wait()


def port_of(leg: int) -> int:
    return FIRST_PORT + 2 * leg


def _messages(rows: np.ndarray[Any, np.dtype[np.uint8]]) -> tuple[Any, Any]:
    """One message header for each row, and the vectors that they point to (sendmmsg(2))."""
    vectors = np.zeros(len(rows), _VECTOR)
    vectors["base"] = rows.ctypes.data + np.arange(len(rows), dtype=np.uint64) * rows.strides[0]
    vectors["length"] = rows.shape[1]
    messages = np.zeros(len(rows), _MESSAGE)
    messages["vectors"] = vectors.ctypes.data + np.arange(len(rows), dtype=np.uint64) * _VECTOR.itemsize
    messages["vector_count"] = 1
    return vectors, messages


def _until(control: socket.socket, kind: type) -> None:
    while not isinstance(decode_report(control.recv(65_536)), kind):
        pass


def _udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((HOST, 0))
    sock.settimeout(0)
    return sock


def _cpu_ns(pid: int) -> int:
    """User and system time of a process's threads (proc(5), schedstat)."""
    return sum(int(each.read_text(encoding="ascii").split()[0]) for each in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, usual, most in (("calls", 1_000, MAX_CALLS), ("seconds", 5, MAX_SECONDS), ("workers", 2, MAX_WORKERS)):
        parser.add_argument(f"--{name}", type=int, default=usual, choices=range(1, most + 1), metavar=f"1..{most}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
