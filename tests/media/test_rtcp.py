"""RTCP on the wire: datagrams written by hand after RFC 3550 §6 and RFC 3611, what we write, and anything at all."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.rtcp import (
    MAX_CNAME_BYTES,
    MAX_LOST,
    MAX_RTCP_BYTES,
    MIN_LOST,
    UNITS_PER_S,
    Compound,
    ReportBlock,
    SenderInfo,
    VoipMetrics,
    build,
    middle,
    ntp,
    parse,
    round_trip_ns,
)

SENDER_REPORT = bytes.fromhex(
    "81c8000c"  # SR with one block, 13 words
    "11223344"  # whose
    "e8f1a2b380000000"  # NTP: half past a second
    "000013880000006400003e80"  # timestamp 5000, 100 packets, 16000 octets
    "aabbccdd"  # of this stream
    "40000003"  # a quarter lost, 3 in all
    "00010010"  # once around, and 16
    "000000a0"  # jitter of 20 ms
    "a2b38000"  # our last report
    "00008000"  # half a second ago
    "81ca0003"  # SDES, one chunk
    "11223344"
    "01046a6f6500"  # CNAME "joe", with its nul counted: some do
    "0000"
)
BLOCK = ReportBlock(ssrc=0xAABBCCDD, fraction_lost=64, lost=3, highest=0x10010, jitter=160, lsr=0xA2B38000, dlsr=0x8000)
INFO = SenderInfo(ntp=0xE8F1A2B380000000, timestamp=5_000, packets=100, octets=16_000)
RECEIVER_REPORT = bytes.fromhex("80c9000111223344")
GOODBYE = bytes.fromhex("81cb000111223344")
VOIP = bytes.fromhex(
    "80cf000a"  # XR
    "11223344"
    "07000008"  # VoIP metrics, 8 words
    "aabbccdd"
    "0d1a0000"  # loss 13/256, discard 26/256
    "0000000000000000"
    "7f7f7f10"
    "5d7f2c29"  # R 93, no external one, MOS-LQ 4.4, MOS-CQ 4.1
    "0000003c00780078"
)


def test_a_sender_report_with_its_name_is_read() -> None:
    assert parse(SENDER_REPORT) == Compound(ssrc=0x11223344, info=INFO, blocks=(BLOCK,))


def test_a_receiver_report_and_a_bye_are_read() -> None:
    assert parse(RECEIVER_REPORT + GOODBYE) == Compound(ssrc=0x11223344, bye=(0x11223344,))


def test_voip_metrics_are_read() -> None:
    assert len(VOIP) == 44
    assert parse(RECEIVER_REPORT + VOIP) == Compound(
        ssrc=0x11223344, voip=(VoipMetrics(ssrc=0xAABBCCDD, loss=13 / 256, discard=26 / 256, mos=4.1),)
    )


def test_a_mos_that_is_not_known_is_none() -> None:
    compound = parse(VOIP.replace(bytes.fromhex("5d7f2c29"), bytes.fromhex("7f7f7f7f")))
    assert compound is not None
    assert compound.voip[0].mos is None


def test_fewer_packets_lost_than_none_are_read_with_their_sign() -> None:
    compound = parse(SENDER_REPORT.replace(bytes.fromhex("40000003"), bytes.fromhex("00fffffe")))
    assert compound is not None
    assert compound.blocks[0].lost == -2


def test_a_bye_alone_is_read() -> None:
    """RFC 5506."""
    assert parse(GOODBYE) == Compound(bye=(0x11223344,))


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("nothing", b""),
        ("no whole header", b"\x80\xc9\x00"),
        ("another version", b"\x40" + RECEIVER_REPORT[1:]),
        ("a packet longer than the datagram", b"\x80\xc9\x00\x02" + RECEIVER_REPORT[4:]),
        ("a rest behind the last packet", RECEIVER_REPORT + b"\x80"),
        ("RTP", b"\x80\x00" + bytes(170)),
        ("padding of nothing", b"\xa0" + RECEIVER_REPORT[1:-1] + b"\x00"),
        ("padding longer than the packet", b"\xa0" + RECEIVER_REPORT[1:-1] + b"\x08"),
        ("padding in the middle", b"\xa0" + RECEIVER_REPORT[1:-1] + b"\x04" + GOODBYE),
        ("too long", RECEIVER_REPORT * (MAX_RTCP_BYTES // 8 + 1)),
    ],
)
def test_what_is_no_rtcp(what: str, data: bytes) -> None:
    assert parse(data) is None, what


def test_a_datagram_as_long_as_can_be_is_read() -> None:
    assert parse(RECEIVER_REPORT * (MAX_RTCP_BYTES // 8)) is not None


def test_padding_of_the_last_packet_is_no_report() -> None:
    padded = b"\xa1\xc9\x00\x02\x11\x22\x33\x44\x00\x00\x00\x04"
    assert parse(padded) == Compound(ssrc=0x11223344)


@pytest.mark.parametrize(("count", "size"), [(2, 24), (31, 24), (1, 20), (0, 24)])
def test_fewer_blocks_than_are_said_are_read_as_far_as_they_go(count: int, size: int) -> None:
    body = b"\x11\x22\x33\x44" + SENDER_REPORT[28:52][:size]
    compound = parse(struct.pack("!BBH", 0x80 | count, 201, len(body) // 4) + body)
    assert compound is not None
    assert compound.blocks == ((BLOCK,) if count and size == 24 else ())


u32 = st.integers(0, 0xFFFFFFFF)
blocks = st.builds(
    ReportBlock,
    ssrc=u32,
    fraction_lost=st.integers(0, 255),
    lost=st.integers(MIN_LOST, MAX_LOST),
    highest=u32,
    jitter=u32,
    lsr=u32,
    dlsr=u32,
)
infos = st.builds(SenderInfo, ntp=st.integers(0, 2**64 - 1), timestamp=u32, packets=u32, octets=u32)


@given(
    ssrc=u32,
    cname=st.text(max_size=300),
    info=st.none() | infos,
    reports=st.lists(blocks, max_size=3),
    with_bye=st.booleans(),
)
def test_what_is_written_reads_back(
    ssrc: int, cname: str, info: SenderInfo | None, reports: list[ReportBlock], *, with_bye: bool
) -> None:
    data = build(ssrc=ssrc, cname=cname, info=info, blocks=reports, with_bye=with_bye)
    assert len(data) % 4 == 0
    assert parse(data) == Compound(ssrc=ssrc, info=info, blocks=tuple(reports), bye=(ssrc,) if with_bye else ())


@pytest.mark.parametrize("size", range(MAX_CNAME_BYTES - 4, MAX_CNAME_BYTES + 2))
def test_a_name_ends_with_a_nul_at_the_word(size: int) -> None:
    data = build(ssrc=1, cname="n" * size)
    item = data[data.index(b"\x01\xff" if size >= MAX_CNAME_BYTES else bytes((1, size))) :]
    assert item[2:].rstrip(b"\0") == b"n" * min(size, MAX_CNAME_BYTES)
    assert item.endswith(b"\0")
    assert parse(data) is not None


@pytest.mark.parametrize(("lost", "read"), [(MAX_LOST + 1, MAX_LOST), (MIN_LOST - 1, MIN_LOST)])
def test_loss_beyond_24_bits_stays_at_the_limit(lost: int, read: int) -> None:
    block = ReportBlock(ssrc=1, fraction_lost=0, lost=lost, highest=0, jitter=0, lsr=0, dlsr=0)
    compound = parse(build(ssrc=1, cname="n", blocks=[block]))
    assert compound is not None
    assert compound.blocks[0].lost == read


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_not(data: bytes) -> None:
    parse(data)


@given(st.lists(st.tuples(st.integers(0x80, 0xBF), st.integers(192, 223), st.binary(max_size=60)), max_size=4))
def test_any_packets_of_right_lengths_are_read_or_not(packets: list[tuple[int, int, bytes]]) -> None:
    data = b""
    for first, kind, body in packets:
        padded = body + bytes(-len(body) % 4)
        data += struct.pack("!BBH", first, kind, len(padded) // 4) + padded
    parse(data)
    parse(bytearray(data))
    parse(memoryview(data))


def test_ntp_counts_from_1900() -> None:
    assert ntp(0) == 2_208_988_800 << 32
    assert ntp(500_000_000) == (2_208_988_800 << 32) + (1 << 31)
    assert middle(0x1122334455667788) == 0x33445566
    assert ntp(2_085_978_496 * 10**9) == 0, "2036 it begins anew"


@pytest.mark.parametrize(
    ("lsr", "dlsr", "now", "ns"),
    [
        (0xB7052000, 0x00054000, 0xB7108000, 6_125_000_000),  # RFC 3550 figure 2
        (0x00000001, 0x00008000, 0x00008001 + UNITS_PER_S // 8, 125_000_000),
        (0xFFFFFF00, 0x00000100, 0x00001000, 4_096 * 10**9 // UNITS_PER_S),  # the clock wraps
        (0x00010000, 0x00000010, 0x0001000F, 0),  # clocks that run apart
        (0x00010000, 0x00010000, 0x00010000, None),  # a second before it was sent
        (0x00010000, 0, 0x00010000 + 10 * UNITS_PER_S, 10_000_000_000),
        (0x00010000, 0, 0x00010001 + 10 * UNITS_PER_S, None),  # longer than can be
        (0, 0x00010000, 0x00020000, None),  # it has no report of ours
    ],
)
def test_the_round_trip_is_now_less_both(lsr: int, dlsr: int, now: int, ns: int | None) -> None:
    block = ReportBlock(ssrc=1, fraction_lost=0, lost=0, highest=0, jitter=0, lsr=lsr, dlsr=dlsr)
    assert round_trip_ns(block, ntp_now=now << 16) == ns
