"""HEP version 3, read by a parser written by its specification."""

import struct

import pytest
from msgspec.structs import replace
from traces import message

from switch.trace import hep
from switch.trace.hep import MAX_PAYLOAD, hep3
from switch.trace.message import Endpoint


def chunks(packet: bytes) -> dict[int, bytes]:
    assert packet[:4] == b"HEP3"
    assert int.from_bytes(packet[4:6], "big") == len(packet)
    found, place = {}, 6
    while place < len(packet):
        vendor, kind, length = struct.unpack(">HHH", packet[place : place + 6])
        assert (vendor, kind in found) == (0, False)
        assert length >= 6
        found[kind] = packet[place + 6 : place + length]
        place += length
    assert place == len(packet)
    return found


SHARED = "opensesame"


def test_a_message_that_came() -> None:
    said = message("INVITE sip:1 SIP/2.0", at_ms=1_234)
    found = chunks(hep3(said, call_id="3f2a9c", capture_id=7, password=SHARED))
    assert found == {
        0x01: b"\x02",
        0x02: b"\x11",
        0x03: bytes([198, 51, 100, 7]),
        0x04: bytes([192, 0, 2, 1]),
        0x07: (5080).to_bytes(2, "big"),
        0x08: (5060).to_bytes(2, "big"),
        0x09: (1_772_463_601).to_bytes(4, "big"),
        0x0A: (234_000).to_bytes(4, "big"),
        0x0B: b"\x01",
        0x0C: (7).to_bytes(4, "big"),
        0x0E: SHARED.encode(),
        0x0F: said.data,
        0x11: b"3f2a9c",
    }


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_one_that_was_sent_over_a_stream_and_ipv6_without_password_or_call(transport: str) -> None:
    said = message("SIP/2.0 200 OK", sent=True, transport=transport)
    said = replace(said, ours=Endpoint("2001:db8::1", 5060), theirs=Endpoint("2001:db8::7", 5070))
    found = chunks(hep3(said, call_id="", capture_id=0, password=None))
    assert found[hep.FAMILY] == b"\x0a"
    assert found[hep.PROTOCOL] == b"\x06"
    assert found[hep.SOURCE6].hex() == "20010db8000000000000000000000001"
    assert found[hep.TARGET6].hex() == "20010db8000000000000000000000007"
    assert not {hep.PASSWORD, hep.CORRELATION, hep.SOURCE4, hep.TARGET4} & set(found)


@pytest.mark.parametrize("more", [0, 1])
def test_a_longer_message_than_fits_is_cut_off(more: int) -> None:
    packet = hep3(replace(message("x"), data=b"x" * (MAX_PAYLOAD + more)), call_id="c", capture_id=1, password=SHARED)
    assert len(chunks(packet)[hep.PAYLOAD]) == MAX_PAYLOAD
    assert len(packet) <= 65_507
