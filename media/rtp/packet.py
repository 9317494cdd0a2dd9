"""PURE. One RTP packet, bytes <-> fields (RFC 3550 §5.1). Skips padding, contributing sources and extensions.

Reads neither payloads nor streams: `continuity` numbers packets, `telephone_event` reads digits.
"""

import struct
from dataclasses import dataclass

HEADER_BYTES = 12
MAX_RTP_BYTES = 1_500  # no Ethernet path carries a larger one whole; 60 ms of G.711 are 492
PLAIN = 0x80  # first octet of version 2 without padding, extension or contributing sources
MARKER = 0x80  # of the second octet
RTCP_TYPES = frozenset(range(72, 80))  # RTCP 200-207 read as RTP: marker and a type that RFC 5761 §4 keeps free for this

_HEADER = struct.Struct("!BBHII")


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpPacket:
    """One packet. `timestamp` counts samples; `payload` is without padding."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    marker: bool = False
    payload: bytes = b""


def parse(data: bytes) -> RtpPacket | None:
    """The packet, or None where `data` is not RTP version 2 or its lengths contradict each other."""
    span = payload_span(data)
    if span is None:
        return None
    _, kind, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    return RtpPacket(
        payload_type=kind & 0x7F,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        marker=bool(kind & MARKER),
        payload=bytes(data[span.start : span.stop]),
    )


def build(packet: RtpPacket) -> bytes:
    """Fields -> bytes. struct.error where a number does not fit its field."""
    kind = packet.payload_type | (MARKER if packet.marker else 0)
    return _HEADER.pack(PLAIN, kind, packet.sequence, packet.timestamp, packet.ssrc) + packet.payload


def payload_span(data: bytes | bytearray | memoryview) -> range | None:
    """Where the payload lies in `data`; None where this is not RTP."""
    size = len(data)
    if not HEADER_BYTES <= size <= MAX_RTP_BYTES or data[0] >> 6 != 2 or data[1] & 0x7F in RTCP_TYPES:
        return None
    start = HEADER_BYTES + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        if size < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    stop = size
    if data[0] & 0x20:
        # The last octet counts the padding, itself included: zero is a contradiction.
        if data[-1] == 0:
            return None
        stop -= data[-1]
    return range(start, stop) if start <= stop else None
