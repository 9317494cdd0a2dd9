"""One datagram's way through the worker, without sockets: latch, counters, relaying, digits."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from media.control import Counters, DigitReceived, Heard, Latch, RemoteMedia
from media.dsp.g711 import PCMA_TO_PCMU, PCMU_TO_PCMA
from media.rtp.continuity import OutgoingStream
from media.rtp.packet import RtpPacket, build, parse
from media.rtp.telephone_event import Press, press
from media.transcoder.wire import SourcePacket
from media.worker.forward import BUFFER_BYTES, Forwarder
from media.worker.leg import Leg
from media.worker.liveness import last_heard_ns, lost_since
from media.worker.path import Address
from media.worker.playout import Audio, Playout
from media.worker.sockets import sendable
from media.worker.transcoding import Transcoder

SIGNALLED = ("192.0.2.1", 4_000)
BEHIND_NAT = ("192.0.2.1", 61_234)
STRANGER = ("198.51.100.9", 4_000)
OTHER = ("192.0.2.2", 5_000)


@dataclass
class FakeSocket:
    sent: list[tuple[RtpPacket, Address]] = field(default_factory=list)
    refuses: bool = False

    def sendto(self, data: memoryview, address: Address, /) -> int:
        if self.refuses:
            raise ConnectionRefusedError
        packet = parse(bytes(data))
        assert packet is not None
        self.sent.append((packet, address))
        return len(data)

    def recvfrom_into(self, _buffer: bytearray, /) -> tuple[int, tuple[str, int]]:
        raise BlockingIOError

    def setsockopt(self, _level: int, _option: int, _value: int, /) -> None:
        pass

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


class WillingTranscoder(Transcoder):
    """Takes packets or not, and gives none back."""

    def __init__(self) -> None:
        super().__init__(None)
        self.takes = True

    def fileno(self) -> int:
        return 99

    def send(self, packet: SourcePacket) -> bool:
        del packet
        return self.takes


class World:
    """Two legs, bridged: `a` at SIGNALLED, `b` at OTHER."""

    def __init__(self, *, a: RemoteMedia | None = None, b: RemoteMedia | None = None, transcoder: Transcoder | None = None) -> None:
        self.heard: list[str] = []
        self.sounded: list[str] = []
        self.forwarder = Forwarder(self._hear, send_press=self._send_press)
        self.at_a, self.at_b = FakeSocket(), FakeSocket()
        of_a = OutgoingStream(ssrc=0xA, sequence=1, timestamp=0)
        of_b = OutgoingStream(ssrc=0xB, sequence=500, timestamp=9_000)
        self.a = Leg("127.0.0.1", 20_000, self.at_a, stream=of_a, now_ns=0, transcoder=transcoder)
        self.b = Leg("127.0.0.1", 20_002, self.at_b, stream=of_b, now_ns=0, transcoder=transcoder)
        self.a.set_remote(a or RemoteMedia(host=SIGNALLED[0], port=SIGNALLED[1]), 0)
        self.b.set_remote(b or RemoteMedia(host=OTHER[0], port=OTHER[1]), 0)
        self.a.bridge(self.b, 0)

    def _hear(self, heard: DigitReceived | Heard) -> None:
        assert isinstance(heard, DigitReceived)
        assert heard.port == 20_000
        self.heard.append(heard.digit)

    def _send_press(self, leg: Leg, press: Press, _now_ns: int) -> None:
        assert leg is self.b
        self.sounded.append(press.digit)

    def arrive(self, data: bytes, *, source: tuple[str, int] = SIGNALLED, now_ns: int = 7) -> None:
        """A datagram for leg `a`, cut at the buffer's size as the kernel does."""
        size = min(len(data), BUFFER_BYTES)
        self.forwarder.buffer[:size] = data[:size]
        self.forwarder.datagram(self.a, size, source, now_ns)

    @property
    def sources_relayed(self) -> int:
        return len(self.at_b.sent)


def rtp(*, number: int = 0, payload_type: int = 0, payload: bytes = b"\x01" * 160, marker: bool = False) -> bytes:
    timestamp = 1_000 + 160 * number
    return build(
        RtpPacket(payload_type=payload_type, sequence=10 + number, timestamp=timestamp, ssrc=77, marker=marker, payload=payload)
    )


def test_a_packet_is_renumbered_and_sent_to_the_partner() -> None:
    world = World()
    for number in range(3):
        world.arrive(rtp(number=number))
    packets = [packet for packet, _ in world.at_b.sent]
    assert [(p.sequence, p.timestamp, p.ssrc, p.marker) for p in packets] == [
        (500, 9_000, 0xB, True),
        (501, 9_160, 0xB, False),
        (502, 9_320, 0xB, False),
    ]
    assert {packet.payload for packet in packets} == {b"\x01" * 160}
    assert {address for _, address in world.at_b.sent} == {OTHER}
    assert world.a.counters() == Counters(received=3, received_octets=480, first_ns=7, last_ns=7)
    assert world.b.counters() == Counters(sent=3, sent_octets=480)


def test_padding_extension_and_contributing_sources_are_taken_out() -> None:
    world = World()
    plain = rtp(payload=b"abcd")
    world.arrive(bytes([0xB1]) + plain[1:12] + b"csrc" + b"\xbe\xde\0\1word" + b"abcd\0\2")
    packet, _ = world.at_b.sent[0]
    assert packet.payload == b"abcd"
    assert world.a.received_octets == 4


def test_between_the_two_laws_payloads_are_translated() -> None:
    world = World(b=RemoteMedia(host=OTHER[0], port=OTHER[1], codec=8, payload_type=8))
    payload = bytes(range(160))
    world.arrive(rtp(payload=payload, marker=True))
    packet, _ = world.at_b.sent[0]
    assert (packet.payload_type, packet.payload, packet.marker) == (8, payload.translate(PCMU_TO_PCMA), True)


@pytest.mark.parametrize(
    ("case", "sources", "relayed", "stray", "then_to"),
    [
        ("the signalled address", [SIGNALLED], 1, 0, SIGNALLED),
        ("another port of its host", [BEHIND_NAT, BEHIND_NAT], 2, 0, BEHIND_NAT),
        ("a stranger", [STRANGER], 0, 1, SIGNALLED),
        ("a stranger after the latch", [SIGNALLED, STRANGER, SIGNALLED], 2, 1, SIGNALLED),
        ("another port after the latch", [SIGNALLED, BEHIND_NAT], 1, 1, SIGNALLED),
        ("a third port after the second", [BEHIND_NAT, ("192.0.2.1", 9)], 1, 1, BEHIND_NAT),
        ("the signalled address takes over", [BEHIND_NAT, SIGNALLED, BEHIND_NAT], 2, 1, SIGNALLED),
    ],
)
def test_latch(case: str, sources: list[tuple[str, int]], relayed: int, stray: int, then_to: tuple[str, int]) -> None:
    world = World()
    for number, source in enumerate(sources):
        world.arrive(rtp(number=number), source=source)
    assert (world.sources_relayed, world.a.received, world.a.stray) == (relayed, relayed, stray)
    assert world.a.address == then_to


S = 1_000_000_000
MOVED = ("192.0.2.1", 4_444)


def test_the_latch_starts_anew_with_another_address_only() -> None:
    world = World()
    world.arrive(rtp(), source=BEHIND_NAT)
    world.a.set_remote(RemoteMedia(host=SIGNALLED[0], port=SIGNALLED[1], codec=8, payload_type=8), 9)
    assert world.a.address == BEHIND_NAT
    world.a.set_remote(RemoteMedia(host=OTHER[0], port=SIGNALLED[1]), 10)
    assert (world.a.latched, world.a.address) == (None, (OTHER[0], SIGNALLED[1]))
    world.arrive(rtp(), source=BEHIND_NAT)
    assert world.a.stray == 1


@pytest.mark.parametrize(
    ("case", "before", "former", "after_ns", "is_taken"),
    [
        ("the signalled port", SIGNALLED, SIGNALLED, 100 * S, False),
        ("the signalled port of one that never sent", None, SIGNALLED, 100 * S, False),
        ("a port that it had not signalled, a late packet", BEHIND_NAT, BEHIND_NAT, 3 * S - 1, False),
        ("a port that it had not signalled, still sending", BEHIND_NAT, BEHIND_NAT, 3 * S, True),
        ("the signalled port of one that sends from another", BEHIND_NAT, SIGNALLED, 0, True),
        ("a port that nothing came from", SIGNALLED, BEHIND_NAT, 0, True),
    ],
)
def test_where_it_was_before_a_reinvite_it_is_no_more(
    case: str,
    before: tuple[str, int] | None,
    former: tuple[str, int],
    after_ns: int,
    is_taken: bool,  # noqa: FBT001 a column
) -> None:
    world = World()
    if before is not None:
        world.arrive(rtp(), source=before)
    world.a.set_remote(RemoteMedia(host=MOVED[0], port=MOVED[1]), 10)
    world.arrive(rtp(number=1), source=former, now_ns=10 + after_ns)
    assert world.a.address == (former if is_taken else MOVED)
    assert world.a.stray == (not is_taken)


def test_over_ipv6_too_a_former_port_is_over() -> None:
    """The kernel tells flow label and scope as well."""
    leg = Leg("2001:db8::9", 20_000, FakeSocket(), stream=OutgoingStream(ssrc=1, sequence=1, timestamp=0), now_ns=0)
    leg.set_remote(RemoteMedia(host="2001:db8::1", port=4_000), 0)
    leg.set_remote(RemoteMedia(host="2001:db8::1", port=4_002), 0)
    assert not leg.admit(("2001:db8::1", 4_000, 0, 0), S, ssrc=1, sequence=1)
    assert leg.admit(("2001:db8::1", 4_002, 0, 0), S, ssrc=1, sequence=1)


@pytest.mark.parametrize(
    ("latch", "sources", "stray", "then_to"),
    [
        (Latch.STRICT, [(BEHIND_NAT, 0), (SIGNALLED, 0), (BEHIND_NAT, 0)], 2, SIGNALLED),
        (Latch.ANY_FIRST_SECONDS, [(STRANGER, 3 * S - 1), (BEHIND_NAT, 3 * S)], 1, STRANGER),
        (Latch.ANY_FIRST_SECONDS, [(STRANGER, 3 * S), (BEHIND_NAT, 4 * S)], 1, BEHIND_NAT),
        (Latch.ANY_FIRST_SECONDS, [(SIGNALLED, 1), (STRANGER, 2)], 1, SIGNALLED),
        (Latch.ANY_FIRST_SECONDS, [(STRANGER, 1), (SIGNALLED, 2), (STRANGER, 3)], 1, SIGNALLED),
    ],
)
def test_latch_as_configured(
    latch: Latch, sources: list[tuple[tuple[str, int], int]], stray: int, then_to: tuple[str, int]
) -> None:
    world = World(a=peer(SIGNALLED, latch=latch))
    for number, (source, now_ns) in enumerate(sources):
        world.arrive(rtp(number=number), source=source, now_ns=now_ns)
    assert (world.a.stray, world.a.address) == (stray, then_to)


@pytest.mark.parametrize("is_bridged", [True, False])
@pytest.mark.parametrize(
    ("case", "changes", "source", "number", "at_ns", "is_followed"),
    [
        ("the NAT has renumbered it", {}, BEHIND_NAT, 60, S, True),
        ("without the option", {"follows_nat": False}, BEHIND_NAT, 60, S, False),
        ("the old port is not quiet", {}, BEHIND_NAT, 60, S - 1, False),
        ("another host", {}, STRANGER, 60, S, False),
        ("the sequence does not go on", {}, BEHIND_NAT, -1, S, False),
        ("and not where it should", {}, BEHIND_NAT, 3_001, S, False),
    ],
)
def test_a_nat_that_renumbers_in_the_call_is_followed_where_the_stream_goes_on(
    *,
    case: str,
    changes: dict[str, Any],
    source: tuple[str, int],
    number: int,
    at_ns: int,
    is_followed: bool,
    is_bridged: bool,
) -> None:
    world = World(a=peer(SIGNALLED, **{"follows_nat": True} | changes))
    if not is_bridged:
        world.a.unbridge()
    world.arrive(rtp(number=0), now_ns=0)
    world.arrive(rtp(number=number), source=source, now_ns=at_ns)
    assert world.a.address == (source if is_followed else SIGNALLED)
    other = bytearray(rtp(number=61))
    other[8:12] = b"othr"
    world.arrive(bytes(other), source=("192.0.2.1", 9), now_ns=9 * S)
    assert world.a.address != ("192.0.2.1", 9), "another SSRC"


@pytest.mark.parametrize("meanwhile", ["hold", "music", "tones"])
def test_a_nat_that_renumbers_while_nothing_flows_is_followed_too(meanwhile: str) -> None:
    """A hold is the long silence in which a NAT forgets a port."""
    world = World(a=peer(SIGNALLED, follows_nat=True))
    for number in range(3):
        world.arrive(rtp(number=number))
    if meanwhile == "hold":
        world.b.set_remote(peer(OTHER, receives=False), S)
        world.b.set_remote(peer(OTHER), 60 * S)
    else:
        if meanwhile == "music":
            world.b.play(Playout(Audio(payloads={}, frame_count=1), start_ns=0, play=None))
        world.b.stream.own(bytearray(172), S, payload_type=0)
        world.b.play(None)
    world.arrive(rtp(number=3), source=BEHIND_NAT, now_ns=61 * S)
    assert (world.sources_relayed, world.a.stray) == (4, 0)
    world.arrive(rtp(number=4), source=STRANGER, now_ns=70 * S)
    world.arrive(rtp(number=3_004), source=("192.0.2.1", 7_000), now_ns=70 * S)
    assert (world.sources_relayed, world.a.stray) == (4, 2)


def test_who_is_transcoded_is_followed_after_a_hold_too() -> None:
    wide = {"codec": 9, "payload_type": 9}
    world = World(a=peer(SIGNALLED, follows_nat=True), b=peer(OTHER, **wide), transcoder=WillingTranscoder())
    world.arrive(rtp(number=0), now_ns=0)
    assert world.a.transcoding is not None
    world.b.set_remote(peer(OTHER, receives=False, **wide), S)
    world.b.set_remote(peer(OTHER, **wide), 60 * S)
    world.arrive(rtp(number=3_001), source=("192.0.2.1", 7_000), now_ns=61 * S)
    assert world.a.address == SIGNALLED
    world.arrive(rtp(number=1), source=BEHIND_NAT, now_ns=61 * S)
    assert world.a.address == BEHIND_NAT


def test_what_the_transcoder_does_not_take_nobody_hears() -> None:
    transcoder = WillingTranscoder()
    world = World(b=peer(OTHER, codec=9, payload_type=9), transcoder=transcoder)
    for number, takes in enumerate((True, False, False, True)):
        transcoder.takes = takes
        world.arrive(rtp(number=number), now_ns=number * S)
        assert world.a.last_ns == (3 * S if number == 3 else 0)
    assert (world.a.received, world.a.unheard, world.a.reception.lost) == (2, 2, 0)


@pytest.mark.parametrize(
    ("case", "kind", "source", "counted", "then_to"),
    [
        ("unagreed, of another port", 18, BEHIND_NAT, (0, 1), SIGNALLED),
        ("unagreed, of the signalled address", 18, SIGNALLED, (1, 0), SIGNALLED),
        ("agreed, of another port", 0, BEHIND_NAT, (0, 0), BEHIND_NAT),
    ],
)
def test_what_was_not_agreed_on_latches_nobody(
    case: str, kind: int, source: tuple[str, int], counted: tuple[int, int], then_to: tuple[str, int]
) -> None:
    world = World()
    world.arrive(rtp(payload_type=kind), source=source)
    assert ((world.a.unheard, world.a.stray), world.a.address) == (counted, then_to), case


def test_what_keeps_a_nat_open_latches() -> None:
    world = World()
    world.arrive(rtp(payload_type=20, payload=b""), source=BEHIND_NAT)
    assert (world.a.unheard, world.a.address) == (1, BEHIND_NAT)


def test_before_anything_is_signalled_everyone_is_a_stranger() -> None:
    leg = Leg("127.0.0.1", 1, FakeSocket(), stream=OutgoingStream(ssrc=1, sequence=1, timestamp=1), now_ns=0)
    assert not leg.admit(SIGNALLED, 0, ssrc=1, sequence=1)
    assert lost_since(leg, 10**12, rtp_timeout_ns=1, hold_timeout_ns=1) is None


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("192.0.2.1", 4_000, ("192.0.2.1", 4_000)),
        ("192.0.2.1", 65_535, ("192.0.2.1", 65_535)),
        ("0.0.0.0", 4_000, None),
        ("224.0.0.1", 4_000, None),
        ("192.0.2.1", 0, None),
        ("192.0.2.1", 65_536, None),
        ("phone.example", 4_000, None),
        ("2001:DB8::0:1", 4_000, ("2001:db8::1", 4_000)),
        ("::", 4_000, None),
        ("ff02::1", 4_000, None),
    ],
)
def test_where_one_can_send(host: str, port: int, address: tuple[str, int] | None) -> None:
    peer = RemoteMedia(host=host, port=port)
    ours, other = ("2001:db8::9", "192.0.2.9") if ":" in host else ("192.0.2.9", "2001:db8::9")
    assert sendable(peer, ours=ours) == address
    assert sendable(peer, ours=other) is None


@pytest.mark.parametrize(
    ("case", "data"),
    [
        ("empty", b""),
        ("one octet", b"\x80"),
        ("text", b"GET / HTTP/1.1\r\n\r\n"),
        ("64 KB", rtp() + b"x" * 65_000),
        ("version 1", b"\x40" + rtp()[1:]),
        ("RTCP", b"\x80\xc8" + rtp()[2:]),
        ("padding that does not fit", b"\xa0" + rtp()[1:-1] + b"\xff"),
    ],
)
def test_not_rtp_is_counted_and_that_is_all(case: str, data: bytes) -> None:
    world = World()
    world.arrive(rtp())
    world.arrive(data)
    assert world.a.counters() == Counters(received=1, received_octets=160, malformed=1, first_ns=7, last_ns=7)
    assert world.sources_relayed == 1


def test_not_rtp_does_not_latch() -> None:
    world = World()
    world.arrive(b"\x80\xc8" + rtp()[2:], source=BEHIND_NAT)
    assert world.a.latched is None


@pytest.mark.parametrize("payload_type", [8, 13, 9, 96, 127])
def test_types_not_negotiated_are_no_sign_of_life(payload_type: int) -> None:
    world = World()
    world.arrive(rtp(), now_ns=7)
    world.arrive(rtp(number=1, payload_type=payload_type), now_ns=8)
    world.arrive(rtp(number=2), now_ns=9)
    assert world.a.counters() == Counters(received=2, received_octets=320, unheard=1, first_ns=7, last_ns=9)
    assert [packet.sequence for packet, _ in world.at_b.sent] == [500, 501], "what is not sent on is not missing"


@pytest.mark.parametrize("payload_type", [0, 101])
def test_a_packet_without_payload_is_not_heard(payload_type: int) -> None:
    world = World()
    world.arrive(rtp(payload_type=payload_type, payload=b""), source=BEHIND_NAT)
    assert world.a.counters() == Counters(unheard=1)
    assert world.a.address == BEHIND_NAT, "though it says where its NAT is (RFC 6263)"


def peer(at: tuple[str, int], *, codec: int = 0, payload_type: int = 0, **changes: Any) -> RemoteMedia:
    return RemoteMedia(host=at[0], port=at[1], codec=codec, payload_type=payload_type, **changes)


def test_the_numbers_of_one_side_are_nothing_to_the_other() -> None:
    """PCMU is 96 to one side, PCMA 110 to the other."""
    world = World(a=peer(SIGNALLED, payload_type=96), b=peer(OTHER, codec=8, payload_type=110))
    world.arrive(rtp(payload_type=96))
    packet, _ = world.at_b.sent[0]
    assert (packet.payload_type, packet.payload) == (110, (b"\x01" * 160).translate(PCMU_TO_PCMA))


def test_any_codec_that_was_listed_may_come_at_any_time() -> None:
    world = World(a=peer(SIGNALLED, audio_types={8: 8, 96: 0}))
    for number, payload_type in enumerate([0, 8, 96, 8]):
        world.arrive(rtp(number=number, payload_type=payload_type))
    packets = [packet for packet, _ in world.at_b.sent]
    assert {packet.payload_type for packet in packets} == {0}
    recoded = (b"\x01" * 160).translate(PCMA_TO_PCMU)
    assert [packet.payload == recoded for packet in packets] == [False, True, False, True]
    assert [packet.sequence for packet in packets] == [500, 501, 502, 503]


def test_events_come_by_our_number_or_theirs_and_leave_by_theirs() -> None:
    world = World(a=peer(SIGNALLED, dtmf_type=96, dtmf_types=(101,)), b=peer(OTHER, dtmf_type=97, dtmf_types=(101,)))
    for data in keys("5"):
        world.arrive(data)
    start = RtpPacket(payload_type=96, sequence=30, timestamp=9_000, ssrc=77)
    for packet in press("6", start):
        world.arrive(build(packet))
    assert world.heard == ["5", "6"]
    assert {packet.payload_type for packet, _ in world.at_b.sent} == {97}


def test_the_first_packet_says_where_a_peer_is_that_signalled_a_name() -> None:
    world = World(a=peer(SIGNALLED, learns=True))
    assert world.a.address == SIGNALLED
    world.arrive(rtp(), source=STRANGER)
    world.arrive(rtp(number=1), source=BEHIND_NAT)
    assert (world.a.address, world.a.received, world.a.stray) == (STRANGER, 1, 1)


def test_a_partner_on_hold_is_sent_nothing() -> None:
    world = World(b=RemoteMedia(host=OTHER[0], port=OTHER[1], receives=False))
    world.arrive(rtp())
    assert (world.a.received, world.sources_relayed) == (1, 0)
    world.b.set_remote(RemoteMedia(host=OTHER[0], port=OTHER[1]), 8)
    world.arrive(rtp(number=1))
    assert world.sources_relayed == 1


@pytest.mark.parametrize("playing", ["a", "b"])
def test_what_plays_keeps_the_partners_apart(playing: str) -> None:
    world = World()
    leg = {"a": world.a, "b": world.b}[playing]
    leg.play(Playout(Audio(payloads={}, frame_count=9), start_ns=0, play=1))
    world.arrive(rtp())
    assert (world.a.received, world.sources_relayed) == (1, 0)
    leg.play(None)
    world.arrive(rtp(number=1))
    assert world.sources_relayed == 1


def test_parted_legs_do_not_relay_and_a_third_takes_over_the_stream() -> None:
    world = World()
    world.arrive(rtp())
    third = Leg("127.0.0.1", 20_004, world.at_b, stream=OutgoingStream(ssrc=0xC, sequence=1, timestamp=0), now_ns=0)
    third.set_remote(RemoteMedia(host=OTHER[0], port=OTHER[1]), 0)
    third.bridge(world.a, 0)
    assert (world.b.partner, world.b.hearer) == (None, None)
    world.arrive(rtp(number=1))
    world.a.unbridge()
    world.arrive(rtp(number=2))
    assert [packet.ssrc for packet, _ in world.at_b.sent] == [0xB, 0xC]


def test_what_the_network_refuses_is_not_counted_as_sent() -> None:
    world = World()
    world.at_b.refuses = True
    world.arrive(rtp())
    assert world.b.counters() == Counters()


def keys(digit: str, *, timestamp: int = 1_000, sequence: int = 10) -> list[bytes]:
    start = RtpPacket(payload_type=101, sequence=sequence, timestamp=timestamp, ssrc=77)
    return [build(packet) for packet in press(digit, start)]


def test_a_digit_is_heard_once_and_relayed_at_the_partners_payload_type() -> None:
    world = World(b=RemoteMedia(host=OTHER[0], port=OTHER[1], dtmf_type=96))
    for data in keys("5"):
        world.arrive(data)
    assert world.heard == ["5"]
    packets = [packet for packet, _ in world.at_b.sent]
    assert {(packet.payload_type, packet.timestamp) for packet in packets} == {(96, 9_000)}
    assert [packet.sequence for packet in packets] == list(range(500, 507))
    assert [packet.marker for packet in packets] == [True] + [False] * 6


def test_a_digit_is_heard_but_not_relayed_to_a_partner_without_events() -> None:
    world = World(b=RemoteMedia(host=OTHER[0], port=OTHER[1], dtmf_type=None))
    for data in keys("5"):
        world.arrive(data)
    assert world.heard == ["5"]
    assert world.sources_relayed == 0


def test_a_key_that_was_pressed_before_the_bridge_goes_to_nobody() -> None:
    """An early bridge too; and one that begins while the partner can't be sent it."""
    world = World()
    world.a.unbridge()
    first, *rest = keys("5")
    world.arrive(first)
    world.a.bridge(world.b, 0)
    for data in rest:
        world.arrive(data)
    assert world.sources_relayed == 0
    world.b.play(Playout(Audio(payloads={}, frame_count=9), start_ns=0, play=1))
    first, *rest = keys("6", timestamp=4_000, sequence=20)
    world.arrive(first)
    world.b.play(None)
    for data in rest:
        world.arrive(data)
    assert world.sources_relayed == 0
    for data in keys("7", timestamp=8_000, sequence=30):
        world.arrive(data)
    assert world.heard == ["5", "6", "7"]
    assert [packet.sequence for packet, _ in world.at_b.sent] == list(range(500, 507))


@pytest.mark.parametrize("at", [2, 6])
def test_a_key_is_one_key_though_its_hearer_changes_the_codec_meanwhile(at: int) -> None:
    world = World()
    packets = keys("5")
    for number, data in enumerate(packets):
        if number == at:
            world.b.set_remote(peer(OTHER, codec=8, payload_type=8), 0)
        world.arrive(data)
    assert len({packet.timestamp for packet, _ in world.at_b.sent}) == 1
    assert [packet.sequence for packet, _ in world.at_b.sent] == list(range(500, 500 + len(packets)))


def test_a_key_that_one_partner_got_does_not_go_on_to_the_next() -> None:
    world = World()
    first, *rest = keys("5")
    world.arrive(first)
    third = Leg("127.0.0.1", 20_004, world.at_b, stream=OutgoingStream(ssrc=0xC, sequence=1, timestamp=0), now_ns=0)
    third.set_remote(RemoteMedia(host=OTHER[0], port=OTHER[1]), 0)
    third.bridge(world.a, 0)
    for data in rest:
        world.arrive(data)
    assert [packet.ssrc for packet, _ in world.at_b.sent] == [0xB]


def test_what_comes_while_something_plays_is_not_missing_afterwards() -> None:
    world = World()
    world.arrive(rtp(number=0))
    world.a.play(Playout(Audio(payloads={}, frame_count=9), start_ns=0, play=1))
    world.arrive(rtp(number=1))
    world.a.play(None)
    world.arrive(rtp(number=2))
    assert [packet.sequence for packet, _ in world.at_b.sent] == [500, 501]


def test_digits_of_a_stranger_are_not_heard() -> None:
    world = World()
    for data in keys("5"):
        world.arrive(data, source=STRANGER)
    assert world.heard == []


SECOND = 1_000_000_000
TIMEOUTS = {"rtp_timeout_ns": 60 * SECOND, "hold_timeout_ns": 1_800 * SECOND}


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 60),
        ({"held": True}, 1_800),
        ({"held": True, "receives": False}, 1_800),
        ({"sends": False, "held": True}, 1_800),
        ({"moved": True}, 1_800),
    ],
)
def test_how_long_a_peer_may_be_silent(changes: dict[str, bool], seconds: int) -> None:
    world = World(a=peer(SIGNALLED, **changes))
    assert lost_since(world.a, seconds * SECOND - 1, **TIMEOUTS) is None
    assert lost_since(world.a, seconds * SECOND, **TIMEOUTS) == 0


def test_who_moved_and_then_sent_is_waited_for_no_longer_than_others() -> None:
    world = World(a=peer(SIGNALLED, moved=True))
    world.arrive(rtp(), now_ns=SECOND)
    assert lost_since(world.a, 61 * SECOND, **TIMEOUTS) == SECOND


def test_who_need_not_send_is_alive_while_the_partner_is() -> None:
    world = World(a=peer(SIGNALLED, sends=False, held=True))
    world.b.audio_ns = 1_700 * SECOND
    assert lost_since(world.a, 1_800 * SECOND, **TIMEOUTS) is None
    assert lost_since(world.a, 3_500 * SECOND, **TIMEOUTS) == 1_700 * SECOND
    assert last_heard_ns(world.a) == 1_700 * SECOND


@pytest.mark.parametrize(("host", "seconds"), [(SIGNALLED[0], 1_800), (STRANGER[0], 60)])
def test_rtcp_of_the_peer_is_a_sign_of_life(host: str, seconds: int) -> None:
    world = World()
    for each in range(1_800):
        world.a.hear_rtcp(memoryview(b"\x80\xc9\x00\x01\x00\x00\x12\x34"), (host, 4_001), each * SECOND)
        if lost_since(world.a, each * SECOND, **TIMEOUTS) is not None:
            assert each == seconds
            break
    else:
        assert lost_since(world.a, 1_800 * SECOND, **TIMEOUTS) == 0


def test_rtcp_on_the_port_of_rtp_is_a_sign_of_life_too() -> None:
    world = World()
    world.arrive(b"\x80\xc8" + rtp()[2:], now_ns=30 * SECOND)
    assert (world.a.malformed, world.a.rtcp_ns) == (1, 30 * SECOND)
