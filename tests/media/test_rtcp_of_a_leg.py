"""What a leg reports and is told by RTCP: when, where to, and what becomes of it. Sockets are fakes, and time goes by as a test says."""

from dataclasses import dataclass, field
from itertools import pairwise
from statistics import mean
from typing import Any

import pytest
from bridged_legs import CALLER, LINE, MS, FakeSocket, World

from media.control import Close, Closed, Quality, RemoteMedia, SendDigit, SetRemote
from media.rtp.packet import RtpPacket
from media.rtp.packet import build as build_rtp
from media.rtp.rtcp import Compound, ReportBlock, SenderInfo, build, middle, ntp, parse
from media.worker.leg import Leg
from media.worker.path import Address
from media.worker.reporter import destination
from media.worker.sockets import DatagramSocket

A, B = 20_000, 20_002
SECOND = 1_000 * MS
STRANGER = ("198.51.100.9", 4_001)


@dataclass
class Reports(FakeSocket):
    """Takes RTCP as well as RTP. `told`: (moment, what, where to)."""

    told: list[tuple[int, Compound, Address]] = field(default_factory=list)

    def sendto(self, data: memoryview, address: Address, /) -> int:
        compound = parse(data)
        if compound is None:
            return super().sendto(data, address)
        self.told.append((self.world.now_ns, compound, address))
        return len(data)


class Talk(World):
    """`beside`: the sockets of the ports beside RTP's."""

    def __init__(self) -> None:
        self.beside: dict[int, Reports] = {}
        super().__init__()

    def bind(self, _host: str, port: int) -> DatagramSocket:
        self.sockets[port] = Reports(self)
        return self.sockets[port]

    def watch(self, leg: Leg) -> None:
        super().watch(leg)
        leg.rtcp.sock = self.beside[leg.port] = Reports(self)

    def tell(self, port: int, data: bytes, source: Address) -> None:
        """RTCP comes to the port beside RTP's."""
        self.legs[port].hear_rtcp(memoryview(data), source, self.now_ns)

    def arrive(self, port: int, data: bytes, source: tuple[str, int]) -> None:
        self.forwarder.buffer[: len(data)] = data
        self.forwarder.datagram(self.legs[port], len(data), source, self.now_ns)

    def change_line(self, **changes: Any) -> None:
        self.do(SetRemote(port=B, peer=RemoteMedia(**{"host": LINE[0], "port": LINE[1], "dtmf_type": None, **changes})))

    def closed(self, port: int) -> Quality:
        self.do(Close(port=port))
        report = self.reports[-1]
        assert isinstance(report, Closed)
        return report.quality


def block_about(leg: Leg, **changes: int) -> ReportBlock:
    return ReportBlock(
        **{"ssrc": leg.stream.ssrc, "fraction_lost": 0, "lost": 0, "highest": 0, "jitter": 0, "lsr": 0, "dlsr": 0, **changes}
    )


def test_reports_come_by_chance_every_five_seconds_and_the_first_one_sooner() -> None:
    firsts, intervals = [], []
    for _ in range(20):
        talk = Talk()
        for _ in range(300):
            talk.now_ns += 100 * MS
            talk.board.send_frames(talk.now_ns)
        moments = [at_ns for at_ns, _, _ in talk.beside[B].told]
        firsts.append(moments[0] / SECOND)
        intervals += [(b - a) / SECOND for a, b in pairwise(moments)]
    assert all(1.0 <= each <= 3.2 for each in firsts)
    assert all(2.0 <= each <= 6.3 for each in intervals)
    assert 3.5 < mean(intervals) < 4.7, "four and a bit: 5 s divided by e - 1.5"
    assert len(set(intervals)) > 10


def test_a_leg_that_sends_reports_that_and_what_arrived() -> None:
    talk = Talk()
    talk.run(7_000)
    at_ns, compound, address = talk.beside[B].told[-1]
    assert address == (LINE[0], LINE[1] + 1)
    leg = talk.legs[B]
    assert compound.ssrc == leg.stream.ssrc
    assert compound.info is not None
    assert abs(compound.info.packets - at_ns // (20 * MS)) <= 1
    assert compound.info.octets == 160 * compound.info.packets
    last_ns, last = talk.to_line[-1]
    ahead = (compound.info.timestamp - last.timestamp) & 0xFFFFFFFF
    assert abs(((ahead + 2**31) % 2**32 - 2**31) - (at_ns - last_ns) * 8 // MS) <= 160
    (block,) = compound.blocks
    assert (block.ssrc, block.fraction_lost, block.lost, block.lsr, block.dlsr) == (B, 0, 0, 0, 0)
    assert abs(block.highest - at_ns // (20 * MS)) <= 1


def test_a_leg_that_sent_nothing_since_reports_only_what_arrived() -> None:
    talk = Talk()
    talk.change_line(receives=False)
    talk.run(4_000)
    _, compound, _ = talk.beside[B].told[-1]
    assert compound.info is None
    assert len(compound.blocks) == 1


def test_a_report_answers_the_far_ends_last_one() -> None:
    talk = Talk()
    talk.run(1_000)
    info = SenderInfo(ntp=0x1122334455667788, timestamp=0, packets=1, octets=160)
    talk.tell(B, build(ssrc=B, cname="line", info=info), (LINE[0], LINE[1] + 1))
    talk.run(6_000)
    at_ns, compound, _ = talk.beside[B].told[-1]
    assert compound.blocks[0].lsr == 0x33445566
    assert compound.blocks[0].dlsr == pytest.approx((at_ns - SECOND) * 65_536 / SECOND, abs=1)


def test_what_the_far_end_says_comes_with_the_end() -> None:
    talk = Talk()
    talk.run(2_000)
    leg = talk.legs[B]
    sent_at = leg.rtcp.ntp(talk.now_ns - 150 * MS)
    first = leg.stream.first_sequence
    block = block_about(leg, lost=5, highest=first + 99, jitter=80, lsr=middle(sent_at), dlsr=65_536 // 10)
    talk.tell(B, build(ssrc=B, cname="line", blocks=[block_about(talk.legs[A], lost=9), block]), (LINE[0], LINE[1] + 1))
    quality = talk.closed(B)
    assert quality.far_end is not None
    assert (quality.far_end.expected, quality.far_end.lost, quality.far_end.jitter_us) == (100, 5, 10_000)
    assert quality.round_trip_us == pytest.approx(50_000, abs=50)
    assert talk.closed(A).far_end is None


def test_a_far_end_can_not_lose_more_than_was_sent() -> None:
    talk = Talk()
    talk.run(2_000)
    leg = talk.legs[B]
    talk.tell(B, build(ssrc=B, cname="line", blocks=[block_about(leg, lost=10**6, highest=leg.stream.first_sequence + 49)]), LINE)
    far_end = talk.closed(B).far_end
    assert far_end is not None
    assert (far_end.expected, far_end.lost) == (50, 50)


def test_a_far_end_can_not_expect_more_than_was_sent() -> None:
    talk = Talk()
    talk.run(2_000)
    leg = talk.legs[B]
    talk.tell(B, build(ssrc=B, cname="line", blocks=[block_about(leg, highest=leg.stream.first_sequence + 10**6)]), LINE)
    far_end = talk.closed(B).far_end
    assert far_end is not None
    assert far_end.expected == leg.stream.numbers


def test_what_a_stranger_says_is_not_read() -> None:
    talk = Talk()
    talk.run(100)
    talk.tell(B, build(ssrc=B, cname="line", blocks=[block_about(talk.legs[B], lost=5)]), STRANGER)
    assert talk.legs[B].rtcp.source is None
    assert talk.closed(B).far_end is None


def test_rtcp_that_comes_among_the_audio_is_read_and_not_malformed() -> None:
    talk = Talk()
    talk.run(100)
    talk.arrive(B, build(ssrc=B, cname="line", blocks=[block_about(talk.legs[B], lost=5)]), LINE)
    leg = talk.legs[B]
    assert (leg.malformed, leg.unheard, leg.rtcp_ns) == (0, 0, 100 * MS)
    assert talk.closed(B).far_end is not None


def test_xr_is_read() -> None:
    talk = Talk()
    talk.run(100)
    leg = talk.legs[B]
    xr = bytes.fromhex("80cf000a1122334407000008") + leg.stream.ssrc.to_bytes(4, "big") + bytes.fromhex("0d1a0000")
    xr += bytes(8) + bytes.fromhex("7f7f7f105d7f2c290000003c00780078")
    talk.tell(B, build(ssrc=B, cname="line", blocks=[block_about(leg)]) + xr, LINE)
    far_end = talk.closed(B).far_end
    assert far_end is not None
    assert (far_end.discarded, far_end.mos) == (26 / 256, 4.1)


@pytest.mark.parametrize(
    ("changes", "source", "to"),
    [
        ({}, None, (LINE[0], LINE[1] + 1)),
        ({"rtcp_port": 7_000}, None, (LINE[0], 7_000)),
        ({"rtcp_port": 7_000}, (LINE[0], 9_999), (LINE[0], 9_999)),
        ({"rtcp_port": 7_000}, STRANGER, (LINE[0], 7_000)),
        ({"port": 65_535}, None, None),
        ({"port": 65_534}, None, (LINE[0], 65_535)),
        ({"rtcp_mux": True, "rtcp_port": 7_000}, (LINE[0], 9_999), LINE),
        ({"host": "0.0.0.0"}, None, None),
        ({"host": "2001:db8::1"}, None, None),
    ],
)
def test_where_reports_go(changes: dict[str, Any], source: Address | None, to: Address | None) -> None:
    talk = Talk()
    talk.change_line(**changes)
    leg = talk.legs[B]
    if source is not None:
        talk.tell(B, build(ssrc=B, cname="line"), source)
    way = destination(leg)
    assert (None if way is None else way[1]) == to
    if way is not None:
        assert way[0] is (leg.sock if leg.peer and leg.peer.rtcp_mux else leg.rtcp.sock)


def test_without_the_port_beside_there_are_none() -> None:
    talk = Talk()
    talk.legs[B].rtcp.sock = None
    talk.run(10_000)
    assert destination(talk.legs[B]) is None


def test_where_the_far_end_has_moved_its_rtcp_is_not_sought_where_it_was() -> None:
    talk = Talk()
    talk.tell(B, build(ssrc=B, cname="line"), (LINE[0], 9_999))
    talk.change_line(port=6_000)
    way = destination(talk.legs[B])
    assert way is not None
    assert way[1] == (LINE[0], 6_001)


def test_another_far_end_is_not_answered_on_the_reports_of_the_one_before() -> None:
    talk = Talk()
    talk.run(1_000)
    talk.tell(B, build(ssrc=B, cname="line", info=SenderInfo(ntp=0x1122334455667788, timestamp=0, packets=1, octets=160)), LINE)
    talk.change_line(port=6_000)
    assert talk.legs[B].rtcp.last_report(talk.now_ns) == (0, 0)


def test_the_far_end_says_another_port_for_its_rtcp() -> None:
    talk = Talk()
    talk.change_line(rtcp_port=7_000)
    talk.tell(B, build(ssrc=B, cname="line"), (LINE[0], 7_000))
    talk.change_line(rtcp_port=8_000)
    way = destination(talk.legs[B])
    assert way is not None
    assert way[1] == (LINE[0], 8_000)


def test_a_leg_that_is_closed_says_so() -> None:
    talk = Talk()
    talk.run(500)
    leg = talk.legs[B]
    talk.closed(B)
    assert talk.beside[B].told[-1][1].bye == (leg.stream.ssrc,)
    told = len(talk.beside[B].told)
    for _ in range(100):
        talk.now_ns += 100 * MS
        talk.board.send_frames(talk.now_ns)
    assert len(talk.beside[B].told) == told


def test_a_leg_that_never_sent_anything_says_nothing() -> None:
    talk = Talk()
    talk.closed(B)
    assert talk.beside[B].told == []


def test_each_leg_has_a_name_of_its_own() -> None:
    talk = Talk()
    assert talk.legs[A].rtcp.cname != talk.legs[B].rtcp.cname


def test_loss_jitter_and_gap_come_with_the_end() -> None:
    talk = Talk()
    for number in range(300):
        talk.now_ns += 20 * MS
        if number % 20 and not 100 <= number < 110:
            late = 5 * MS if number % 2 else 0
            talk.now_ns += late
            talk.arrive(
                A,
                build_rtp(RtpPacket(payload_type=0, sequence=number, timestamp=160 * number, ssrc=5, payload=b"\1" * 160)),
                CALLER,
            )
            talk.now_ns -= late
        if number % 50 == 0:
            talk.board.report_silence(talk.now_ns)
    quality = talk.closed(A)
    assert quality.lost == 14 + 9  # of the first nobody knows; of the ten in a row one is a twentieth anyway
    assert quality.jitter_us is not None
    assert quality.jitter_us == pytest.approx(4_500, abs=600)
    assert (quality.max_jitter_us or 0) >= quality.jitter_us
    assert quality.gap_us == 215_000


def test_a_report_on_a_stranger_clock_is_no_round_trip() -> None:
    talk = Talk()
    talk.run(100)
    block = block_about(talk.legs[B], lsr=middle(ntp(0)), dlsr=1)
    talk.tell(B, build(ssrc=B, cname="line", blocks=[block]), LINE)
    assert talk.closed(B).round_trip_us is None


def test_a_codec_with_another_clock_begins_another_stream() -> None:
    talk = Talk()
    talk.run(2_000)
    leg = talk.legs[B]
    former = leg.stream.ssrc
    talk.tell(B, build(ssrc=B, cname="line", blocks=[block_about(leg, lost=7)]), LINE)
    talk.change_line(codec=107, payload_type=107, dtmf_type=101)
    assert leg.stream.ssrc != former
    assert leg.reception.clock_rate == 48_000
    talk.do(SendDigit(port=B, digit="5", duration_ms=100))
    talk.run(200)
    highest = leg.stream.first_sequence + leg.stream.numbers - 1
    talk.tell(B, build(ssrc=B, cname="line", blocks=[block_about(leg, lost=2, jitter=480, highest=highest)]), LINE)
    told = talk.closed(B).far_end
    assert told is not None
    assert (told.lost, told.jitter_us) == (2, 10_000)
    _, compound, _ = talk.beside[B].told[-1]
    assert compound.bye == (leg.stream.ssrc,)


@pytest.mark.parametrize("passes", [True, False])
def test_comfort_noise_is_part_of_the_stream_and_the_silence_is_no_gap(*, passes: bool) -> None:
    """After it the next audio may be steady: a frame behind the comfort noise."""
    talk = Talk()
    talk.change_line(cn_type=13 if passes else None)
    talk.do(SetRemote(port=A, peer=RemoteMedia(host=CALLER[0], port=CALLER[1], dtmf_type=None, cn_type=13)))
    for sequence, frame in enumerate([*range(50), 149, *range(150, 200)]):
        talk.now_ns = frame * 20 * MS
        packet = RtpPacket(
            payload_type=13 if frame == 149 else 0, sequence=sequence, timestamp=160 * frame, ssrc=5, payload=b"\1" * 160
        )
        talk.arrive(A, build_rtp(packet), CALLER)
    quality = talk.closed(A)
    assert (quality.lost, quality.gap_us, quality.max_jitter_us) == (0, 20_000, 0)
