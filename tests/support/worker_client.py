"""A media worker in its own process, and phones to talk to it: for tests. Every wait is for a condition, with a deadline."""

import select
import socket
import subprocess
import sys
from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, TypeVar

from child_process import mortal
from rig_ports import BLOCK_PORTS, PortBlock

from media.control import (
    MAX_MESSAGE_BYTES,
    Close,
    Closed,
    Counters,
    Message,
    Order,
    Ready,
    RemoteMedia,
    Report,
    SetPrompts,
    WorkerProblem,
    decode_report,
    encode,
)
from media.rtp.packet import RtpPacket, build, parse

HOST = "127.0.0.1"
HOST6 = "::1"
PATIENCE_S = 60.0
MAX_SKIPPED = 200

R = TypeVar("R", bound=Message)


class WorkerClient:
    """The engine's side of one worker. Reports that a test does not wait for are kept in `skipped`."""

    def __init__(
        self,
        prompts: Path,
        keys: Mapping[str, str] | None = None,
        *,
        rtp_timeout_ms: int = 60_000,
        transcoder: Path | None = None,
    ) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(PATIENCE_S)
        fd = theirs.fileno()
        command = [sys.executable, "-m", "media.worker", "--socket-fd", str(fd)]
        command += ["--prompts", str(prompts), "--rtp-timeout-ms", str(rtp_timeout_ms)]
        command += ["--transcoders", *([] if transcoder is None else [str(transcoder)])]
        self.process = subprocess.Popen(mortal(command), pass_fds=[fd], stderr=subprocess.PIPE)
        theirs.close()
        self.skipped: list[Report | WorkerProblem] = []
        try:
            self.ready = self.expect(Ready)
            self.order(SetPrompts(keys=dict(keys or {})))
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._control.close()
        self.process.kill()
        self.process.communicate(timeout=PATIENCE_S)

    def order(self, *orders: Order) -> None:
        for order in orders:
            self.send(encode(order))

    def send(self, message: bytes) -> None:
        self._control.send(message)

    def expect(self, kind: type[R]) -> R:
        """The next report of this kind."""
        for _ in range(MAX_SKIPPED):
            report = decode_report(self._control.recv(MAX_MESSAGE_BYTES))
            if isinstance(report, kind):
                return report
            self.skipped.append(report)
        raise AssertionError(f"no {kind.__name__} among {MAX_SKIPPED} reports")

    def settle(self) -> None:
        """Every order sent before this has been obeyed."""
        self.order(Close(port=1))
        self.expect(Closed)

    def close(self, port: int) -> Counters:
        self.order(Close(port=port))
        closed = self.expect(Closed)
        assert closed.port == port
        return closed.counters

    def hang_up(self) -> None:
        """Nothing is sent or received any more, as by a dying engine."""
        self._control.shutdown(socket.SHUT_RDWR)

    def exit_code(self) -> int:
        return self.process.wait(PATIENCE_S)

    def problems(self) -> list[WorkerProblem]:
        """All that it reported; ends it."""
        self._control.shutdown(socket.SHUT_WR)
        while data := self._control.recv(MAX_MESSAGE_BYTES):
            self.skipped.append(decode_report(data))
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        assert errors == b""
        return [report for report in self.skipped if isinstance(report, WorkerProblem)]


class Phone:
    """A UDP socket that speaks RTP with one leg of the worker."""

    def __init__(self, leg: int, *, ssrc: int = 0x1234, sequence: int = 100, timestamp: int = 8_000, host: str = HOST) -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.sock.settimeout(PATIENCE_S)
        self.leg = leg
        self._ours = HOST if self.sock.family == socket.AF_INET else HOST6
        self.ssrc = ssrc
        self.sequence = sequence
        self.timestamp = timestamp

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])

    def peer(self, *, payload_type: int = 0, dtmf_type: int | None = 101, sends: bool = True, receives: bool = True) -> RemoteMedia:
        host = str(self.sock.getsockname()[0])
        return RemoteMedia(
            host=host,
            port=self.port,
            codec=payload_type,
            payload_type=payload_type,
            dtmf_type=dtmf_type,
            sends=sends,
            receives=receives,
        )

    def talk(self, payload: bytes = b"\xff" * 160, *, payload_type: int = 0) -> RtpPacket:
        """Send the next 20 ms."""
        packet = RtpPacket(
            payload_type=payload_type, sequence=self.sequence, timestamp=self.timestamp, ssrc=self.ssrc, payload=payload
        )
        self.send(build(packet))
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + 160) & 0xFFFFFFFF
        return packet

    def send(self, datagram: bytes) -> None:
        self.sock.sendto(datagram, (self._ours, self.leg))

    def hear(self) -> RtpPacket:
        """The next packet."""
        packet = parse(self.sock.recv(65_536))
        assert packet is not None
        return packet

    def hears_nothing(self) -> bool:
        """Nothing has arrived. True means something only after `WorkerClient.settle`."""
        ready, _, _ = select.select([self.sock], [], [], 0)
        return not ready


class Ports:
    """Free even ports, out of a block that this test process has to itself."""

    _block: ClassVar[PortBlock | None] = None

    def __init__(self) -> None:
        if Ports._block is None:
            Ports._block = PortBlock()
        self._ports = cycle(range(Ports._block.base + 2, Ports._block.base + BLOCK_PORTS, 2))

    def take(self) -> int:
        for port in islice(self._ports, BLOCK_PORTS):
            if all(_is_free(host, port) for host in (HOST, HOST6)):
                return port
        raise AssertionError("no free port")


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
