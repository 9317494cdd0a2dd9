"""RTP headers: what is parsed, what is built, what is refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.packet import RTCP_TYPES, RtpPacket, build, parse

packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127).filter(lambda kind: kind not in RTCP_TYPES),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    marker=st.booleans(),
    payload=st.binary(max_size=400),
)


@given(packets)
def test_what_is_built_is_parsed(packet: RtpPacket) -> None:
    assert parse(build(packet)) == packet


@given(st.binary(max_size=2_000))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    packet = parse(data)
    assert packet is None or len(packet.payload) <= len(data) - 12


def header(first: int, *, kind: int = 0) -> bytes:
    return struct.pack("!BBHII", first, kind, 7, 1_600, 99)


@pytest.mark.parametrize(
    ("case", "data", "payload"),
    [
        ("plain", header(0x80) + b"abcd", b"abcd"),
        ("empty payload", header(0x80), b""),
        ("two contributing sources", header(0x82) + b"\1" * 8 + b"abcd", b"abcd"),
        ("an extension of one word", header(0x90) + b"\xbe\xde\0\1wordabcd", b"abcd"),
        ("an empty extension", header(0x90) + b"\xbe\xde\0\0abcd", b"abcd"),
        ("padding", header(0xA0) + b"abcd\0\0\3", b"abcd"),
        ("nothing but padding", header(0xA0) + b"\0\0\0\4", b""),
        ("all of it", header(0xB1) + b"\1" * 4 + b"\xbe\xde\0\1wordabcd\0\2", b"abcd"),
        ("the longest", header(0x80) + b"x" * 1_488, b"x" * 1_488),
    ],
)
def test_payload(case: str, data: bytes, payload: bytes) -> None:
    packet = parse(data)
    assert packet is not None
    assert packet.payload == payload
    assert (packet.sequence, packet.timestamp, packet.ssrc) == (7, 1_600, 99)


@pytest.mark.parametrize(
    ("case", "data"),
    [
        ("nothing", b""),
        ("a short header", header(0x80)[:11]),
        ("version 1", header(0x40) + b"abcd"),
        ("version 0, as STUN", header(0x00) + b"abcd"),
        ("version 3", header(0xC0) + b"abcd"),
        ("contributing sources beyond the end", header(0x8F) + b"\1" * 8),
        ("an extension header beyond the end", header(0x90) + b"\xbe\xde"),
        ("an extension beyond the end", header(0x90) + b"\xbe\xde\0\2word"),
        ("padding of zero octets", header(0xA0) + b"abc\0"),
        ("padding longer than the payload", header(0xA0) + b"abc\5"),
        ("an RTCP sender report", header(0x80, kind=200) + b"x" * 16),
        ("one octet too long", header(0x80) + b"x" * 1_489),
    ],
)
def test_not_rtp(case: str, data: bytes) -> None:
    assert parse(data) is None
