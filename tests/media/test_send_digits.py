"""Digits that the worker itself sends as telephone-events: what the far end reads, and what becomes of the audio meanwhile."""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from media.control import Bridge, Open, Order, PlayMusic, RemoteMedia, Report, Ringback, SendDigit
from media.rtp.packet import RtpPacket, build, parse
from media.rtp.telephone_event import DigitDetector, parse_event
from media.worker.digits import LONGEST_MS, MAX_DIGITS, PAUSE_NS, SHORTEST_MS
from media.worker.forward import Forwarder
from media.worker.leg import Address, DatagramSocket, Leg
from media.worker.playout import FRAME_NS
from media.worker.prompts import Prompts
from media.worker.switchboard import Switchboard

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

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


class World:
    """A caller's leg 20000 and a line's leg 20002, bridged, both sending 20 ms frames all the time."""

    def __init__(self, *, line_dtmf: int | None = 96) -> None:
        self.now_ns = 0
        self.reports: list[Report] = []
        self.legs: dict[int, Leg] = {}
        self.sockets: dict[int, FakeSocket] = {}
        self.board = Switchboard(
            sockets=self, prompt=Prompts(Path("nowhere")).get, report=self.reports.append, rtp_timeout_ns=10**12
        )
        self.forwarder = Forwarder(self.reports.append)
        self._frames = 0
        self.do(Open(host="192.0.2.9", port=20_000, peer=RemoteMedia(host=CALLER[0], port=CALLER[1], dtmf_type=None)))
        self.do(Open(host="192.0.2.9", port=20_002, peer=RemoteMedia(host=LINE[0], port=LINE[1], dtmf_type=line_dtmf)))
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


def test_a_digit_is_a_press_in_the_one_stream_of_the_leg() -> None:
    world = World()
    world.run(200)
    world.do(SendDigit(port=20_002, digit="5", duration_ms=100))
    world.run(400)
    assert world.heard() == "5"
    packets = [packet for _, packet in world.to_line]
    assert {packet.ssrc for packet in packets} == {packets[0].ssrc}
    assert [packet.sequence for packet in packets] == [(packets[0].sequence + n) & 0xFFFF for n in range(len(packets))]
    (stamp,) = {packet.timestamp for _, packet in world.events()}
    assert [packet.marker for _, packet in world.events()] == [True, *[False] * 6]
    durations = [parse_event(packet.payload) for _, packet in world.events()]
    assert [event.duration for event in durations if event] == [160, 320, 480, 640, 800, 800, 800]
    assert [event.end for event in durations if event] == [False] * 4 + [True] * 3
    first_after = packets[packets.index(world.events()[-1][1]) + 1]
    assert first_after.marker
    assert first_after.payload_type == 0
    assert (first_after.timestamp - stamp) & 0xFFFFFFFF >= 800, "audio goes on after the end of the event"


def test_meanwhile_the_line_hears_no_audio_and_the_caller_goes_on_hearing() -> None:
    world = World()
    world.run(200)
    start_ns = world.now_ns
    world.do(SendDigit(port=20_002, digit="5", duration_ms=100))
    world.run(400)
    times = [at_ns for at_ns, packet in world.to_line if packet.payload_type == 0]
    gap_end_ns = next(at_ns for at_ns in times if at_ns > start_ns)
    assert 7 * FRAME_NS + PAUSE_NS <= gap_end_ns - start_ns <= 8 * FRAME_NS + PAUSE_NS
    assert len(world.sockets[20_000].sent) == 30, "every frame of 600 ms"


def test_digits_wait_for_each_other_with_a_pause_between() -> None:
    world = World()
    for digit in "5512":
        world.do(SendDigit(port=20_002, digit=digit, duration_ms=60))
    world.run(1_000)
    assert world.heard() == "5512"
    starts = [at_ns for at_ns, packet in world.events() if packet.marker]
    press_ns = 5 * FRAME_NS  # 20, 40, and the end three times
    assert [after - before for before, after in pairwise(starts)] == [press_ns + PAUSE_NS] * 3


@pytest.mark.parametrize(("digits", "heard"), [(MAX_DIGITS, MAX_DIGITS), (MAX_DIGITS + 1, MAX_DIGITS)])
def test_so_many_digits_wait(digits: int, heard: int) -> None:
    world = World()
    for number in range(digits):
        world.do(SendDigit(port=20_002, digit=str(number % 10), duration_ms=SHORTEST_MS))
    world.run(10_000)
    assert len(world.heard()) == heard


@pytest.mark.parametrize(
    ("asked_ms", "lasted_ms"), [(0, SHORTEST_MS), (SHORTEST_MS, SHORTEST_MS), (LONGEST_MS, LONGEST_MS), (60_000, LONGEST_MS)]
)
def test_a_press_lasts_no_shorter_and_no_longer(asked_ms: int, lasted_ms: int) -> None:
    world = World()
    world.do(SendDigit(port=20_002, digit="#", duration_ms=asked_ms))
    world.run(9_000)
    event = parse_event(world.events()[-1][1].payload)
    assert event is not None
    assert event.duration == 8 * lasted_ms
    assert world.heard() == "#"


def test_nothing_is_sent_where_no_telephone_event_was_agreed_on() -> None:
    world = World(line_dtmf=None)
    world.do(SendDigit(port=20_002, digit="5", duration_ms=100))
    world.run(200)
    assert {packet.payload_type for _, packet in world.to_line} == {0}
    assert len(world.to_line) == 10


@pytest.mark.parametrize("order", [Ringback(port=20_002), Bridge(a=20_000, b=20_002)])
def test_what_plays_or_bridges_puts_an_end_to_digits(order: Order) -> None:
    world = World()
    world.do(SendDigit(port=20_002, digit="5", duration_ms=1_000))
    world.run(60)
    count = len(world.events())
    world.do(order)
    world.run(200)
    assert len(world.events()) == count
    assert [packet.payload_type for at_ns, packet in world.to_line if at_ns > 60 * MS].count(0) >= 9
    if isinstance(order, Ringback):
        world.do(SendDigit(port=20_002, digit="6", duration_ms=100))  # something plays: it does nothing
        world.run(200)
        assert len(world.events()) == count


def test_music_that_can_not_be_played_leaves_the_leg_open_for_digits() -> None:
    world = World()
    world.do(PlayMusic(port=20_002, prompt="none"))
    world.do(SendDigit(port=20_002, digit="5", duration_ms=100))
    world.run(300)
    assert world.heard() == "5"
