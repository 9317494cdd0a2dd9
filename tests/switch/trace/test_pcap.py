"""A packet capture, read by a parser of this test's own: lengths, checksums, sequence numbers, and the messages that went in."""

import struct
from dataclasses import dataclass
from ipaddress import ip_address

from msgspec.structs import replace
from traces import call, message

from switch.trace.message import Endpoint, Trace, TracedMessage
from switch.trace.pcap import MAX_DATAGRAM, MAX_SEGMENT, pcap


@dataclass(frozen=True)
class Packet:
    at_us: int
    protocol: int
    source: tuple[str, int]
    target: tuple[str, int]
    sequence: tuple[int, int] | None
    data: bytes


def folded(data: bytes) -> int:
    """Returns the ones' complement sum of 16-bit words: 0xFFFF where the checksum among them is right."""
    total = 0
    for start in range(0, len(data), 2):
        total += int.from_bytes(data[start : start + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def packets(file: bytes) -> list[Packet]:
    assert struct.unpack(">IHHiIII", file[:24]) == (0xA1B2C3D4, 2, 4, 0, 0, 262_144, 101)
    found, place = [], 24
    while place < len(file):
        seconds, micros, kept, length = struct.unpack(">IIII", file[place : place + 16])
        assert kept == length
        found.append(packet(seconds * 1_000_000 + micros, file[place + 16 : place + 16 + kept]))
        place += 16 + kept
    return found


def packet(at_us: int, raw: bytes) -> Packet:
    if raw[0] >> 4 == 4:
        assert len(raw) == int.from_bytes(raw[2:4], "big")
        assert folded(raw[:20]) == 0xFFFF
        protocol, ends, rest = raw[9], raw[12:20], raw[20:]
        pseudo = ends + bytes([0, protocol]) + len(rest).to_bytes(2, "big")
    else:
        assert len(raw) == 40 + int.from_bytes(raw[4:6], "big")
        protocol, ends, rest = raw[6], raw[8:40], raw[40:]
        pseudo = ends + len(rest).to_bytes(4, "big") + bytes([0, 0, 0, protocol])
    assert folded(pseudo + rest) == 0xFFFF
    half = len(ends) // 2
    source, target = str(ip_address(ends[:half])), str(ip_address(ends[half:]))
    from_port, to_port = struct.unpack(">HH", rest[:4])
    if protocol == 17:
        assert int.from_bytes(rest[4:6], "big") == len(rest)
        return Packet(at_us, protocol, (source, from_port), (target, to_port), None, rest[8:])
    assert rest[12] >> 4 == 5
    sequence = struct.unpack(">II", rest[4:12])
    return Packet(at_us, protocol, (source, from_port), (target, to_port), (sequence[0], sequence[1]), rest[20:])


def written(*messages: TracedMessage) -> list[Packet]:
    return packets(pcap(Trace(call_id="c", sip_call_id="c", parties=("carrier",), messages=messages)))


def test_each_message_is_a_datagram_from_where_it_came_to_where_it_went() -> None:
    found = packets(pcap(call()))
    assert [each.data for each in found] == [each.data for each in call().messages]
    assert [each.at_us for each in found] == [each.at_us for each in call().messages]
    assert (found[0].source, found[0].target) == (("198.51.100.7", 5080), ("192.0.2.1", 5060))
    assert (found[2].source, found[2].target) == (("192.0.2.1", 5060), ("203.0.113.10", 5060))
    assert {each.protocol for each in found} == {17}


def test_over_tcp_sequence_numbers_run_on_in_each_direction() -> None:
    asked, ringing = message("INVITE sip:1 SIP/2.0", transport="TCP"), message("SIP/2.0 180 R", transport="TCP", sent=True)
    first, second, third = written(asked, ringing, asked)
    length, answer = len(asked.data), len(ringing.data)
    assert [each.sequence for each in (first, second, third)] == [(1, 1), (1, 1 + length), (1 + length, 1 + answer)]
    assert {each.protocol for each in (first, second, third)} == {6}


def test_a_message_of_more_than_a_segment_is_cut_and_a_datagram_is_never_too_long() -> None:
    for more in (0, 1):
        long = replace(message("x", transport="TCP"), data=b"x" * (MAX_SEGMENT + more))
        assert [len(each.data) for each in written(long)] == [MAX_SEGMENT, 1][: 1 + more]
        wide = replace(message("x"), data=b"x" * (MAX_DATAGRAM + more))
        assert [len(each.data) for each in written(wide)] == [MAX_DATAGRAM]


def test_ipv6_and_an_odd_length() -> None:
    ours, theirs = Endpoint("2001:db8::1", 5060), Endpoint("2001:db8::7", 5070)
    (found,) = written(replace(message("x"), ours=ours, theirs=theirs, data=b"abc"))
    assert (found.source, found.target, found.data) == (("2001:db8::7", 5070), ("2001:db8::1", 5060), b"abc")


def test_what_came_over_tls_is_tcp_on_a_port_that_readers_take_for_sip() -> None:
    secure = message("INVITE sip:1 SIP/2.0", transport="TLS", sent=True)
    (found,) = written(replace(secure, ours=Endpoint("192.0.2.1", 5061), theirs=Endpoint("198.51.100.7", 40_001)))
    assert (found.protocol, found.source, found.target) == (6, ("192.0.2.1", 5060), ("198.51.100.7", 40_001))
