"""Two bridged legs of a worker without sockets or a loop: time goes by as a test says, and what is sent is kept."""

from dataclasses import dataclass, field
from pathlib import Path

from media.control import Bridge, Open, Order, RemoteMedia, Report
from media.rtp.packet import RtpPacket, build, parse
from media.rtp.telephone_event import DigitDetector, press
from media.worker.forward import Forwarder
from media.worker.leg import Leg
from media.worker.path import Address
from media.worker.playout import FRAME_NS
from media.worker.prompts import Prompts
from media.worker.sockets import DatagramSocket
from media.worker.switchboard import Switchboard
from media.worker.tap import Consumers

MS = 1_000_000
CALLER, LINE = ("192.0.2.1", 4_000), ("192.0.2.2", 5_000)


@dataclass
class FakeSocket:
    """`sent`: (moment, packet)."""

    world: "World"
    sent: list[tuple[int, RtpPacket]] = field(default_factory=list)

    def sendto(self, data: memoryview, address: Address, /) -> int:
        packet = parse(bytes(data))
        assert packet is not None
        assert address in (CALLER, LINE)
        self.sent.append((self.world.now_ns, packet))
        return len(data)

    def recvfrom_into(self, _buffer: bytearray, /) -> tuple[int, tuple[str, int]]:
        raise BlockingIOError

    def setsockopt(self, _level: int, _option: int, _value: int, /) -> None:
        pass

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


class World:
    """A caller's leg 20000 and a line's leg 20002, bridged, both sending 20 ms frames all the time."""

    def __init__(self, *, line_dtmf: int | None = 96, line_takes_tones: bool = False, caller_dtmf: int | None = None) -> None:
        self.now_ns: int = 0
        self.reports: list[Report] = []
        self.legs: dict[int, Leg] = {}
        self.sockets: dict[int, FakeSocket] = {}
        self.problems: list[str] = []
        self.taps = Consumers(lambda doing, why: self.problems.append(f"{doing}: {why}"), clock=lambda: self.now_ns)
        self.board = Switchboard(
            sockets=self,
            prompt=Prompts(Path("nowhere")).get,
            report=self.reports.append,
            taps=self.taps,
            rtp_timeout_ns=10**12,
        )
        self.forwarder = Forwarder(self.reports.append, send_press=self.board.send_press)
        self._frames = 0
        self._events = 60_000
        self.do(Open(host="192.0.2.9", port=20_000, peer=RemoteMedia(host=CALLER[0], port=CALLER[1], dtmf_type=caller_dtmf)))
        self.do(
            Open(
                host="192.0.2.9",
                port=20_002,
                peer=RemoteMedia(host=LINE[0], port=LINE[1], dtmf_type=line_dtmf, takes_tones=line_takes_tones),
            )
        )
        self.do(Bridge(a=20_000, b=20_002))

    def bind(self, _host: str, port: int) -> DatagramSocket:
        self.sockets[port] = FakeSocket(self)
        return self.sockets[port]

    def watch(self, leg: Leg) -> None:
        self.legs[leg.port] = leg

    def unwatch(self, leg: Leg) -> None:
        del self.legs[leg.port]

    def do(self, order: Order) -> None:
        self.board.execute(order, self.now_ns)

    def run(self, ms: int) -> None:
        """Both sides talk; a millisecond is the worker's turn."""
        for _ in range(ms):
            if self.now_ns % FRAME_NS == 0:
                for port, source in ((20_000, CALLER), (20_002, LINE)):
                    self._talk(port, source)
                self._frames += 1
            self.now_ns += MS
            self.board.send_frames(self.now_ns)

    def key(self, digit: str, *, duration_ms: int = 100, packets: int = 99) -> None:
        """The caller holds a key; of its packets only the first `packets` come. Both talk meanwhile."""
        self._events += 1_000
        start = RtpPacket(payload_type=101, sequence=self._events & 0xFFFF, timestamp=self.now_ns // 125_000, ssrc=9)
        for packet in list(press(digit, start, duration_ms=duration_ms))[:packets]:
            data = build(packet)
            self.forwarder.buffer[: len(data)] = data
            self.forwarder.datagram(self.legs[20_000], len(data), CALLER, self.now_ns)
            self.run(20)

    def _talk(self, port: int, source: tuple[str, int]) -> None:
        data = build(RtpPacket(payload_type=0, sequence=self._frames, timestamp=160 * self._frames, ssrc=port, payload=b"\1" * 160))
        self.forwarder.buffer[: len(data)] = data
        self.forwarder.datagram(self.legs[port], len(data), source, self.now_ns)

    @property
    def to_line(self) -> list[tuple[int, RtpPacket]]:
        return self.sockets[20_002].sent

    def events(self) -> list[tuple[int, RtpPacket]]:
        return [(at_ns, packet) for at_ns, packet in self.to_line if packet.payload_type == 96]

    def heard(self) -> str:
        """What the line makes of it."""
        detector = DigitDetector()
        digits = ""
        for at_ns, packet in self.events():
            heard = detector.hear(
                packet.payload, ssrc=packet.ssrc, sequence=packet.sequence, timestamp=packet.timestamp, now_ns=at_ns
            )
            digits += heard[0].digit if heard and heard[1] else ""
        return digits
