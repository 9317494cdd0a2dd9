"""PURE. Writes a call's SIP messages as a packet capture, which Wireshark, tshark and sngrep read.

The file is classic pcap (draft-ietf-opsawg-pcap) with the link type RAW: IP packets without a layer below. They are made up around what
was kept: a datagram is one UDP packet, a message over TCP one or more segments with running sequence numbers, without a handshake. What
came over TLS stands there decrypted, as TCP; its port 5061 is written as 5060, since readers take 5061 for something encrypted.
"""

import struct
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from switch.trace.message import Endpoint, Trace, TracedMessage

_MAGIC, _SNAP = 0xA1B2C3D4, 262_144
_LINKTYPE_RAW = 101
_TCP, _UDP = 6, 17
_PSH_ACK = 0x18
_HOPS = 64
_TLS_PORT, _SIP_PORT = 5061, 5060
MAX_SEGMENT = 65_000
"""Octets of a message in one TCP segment; an IP packet has no more than 65,535."""
MAX_DATAGRAM = 65_507
"""Octets of a UDP datagram over IPv4 (RFC 768)."""


def pcap(trace: Trace) -> bytes:
    """Returns the file."""
    header = struct.pack(">IHHiIII", _MAGIC, 2, 4, 0, 0, _SNAP, _LINKTYPE_RAW)
    return header + b"".join(_record(at_us, packet) for at_us, packet in _packets(trace.messages))


def _record(at_us: int, packet: bytes) -> bytes:
    return struct.pack(">IIII", at_us // 1_000_000, at_us % 1_000_000, len(packet), len(packet)) + packet


def _packets(messages: Iterable[TracedMessage]) -> Iterator[tuple[int, bytes]]:
    sent: dict[tuple[Endpoint, Endpoint], int] = {}
    for message in messages:
        source, target = (_port(each, message) for each in _ends(message))
        if message.transport == "UDP":
            data = message.data[:MAX_DATAGRAM]
            head = struct.pack(">HHHH", source.port, target.port, 8 + len(data), 0)
            yield message.at_us, _ip(source, target, _UDP, head, checksum_at=6, data=data)
            continue
        for start in range(0, len(message.data), MAX_SEGMENT):
            data = message.data[start : start + MAX_SEGMENT]
            sequence, acknowledged = sent.get((source, target), 1), sent.get((target, source), 1)
            words = (sequence % 2**32, acknowledged % 2**32, 5 << 12 | _PSH_ACK, 65_535, 0, 0)
            head = struct.pack(">HHIIHHHH", source.port, target.port, *words)
            sent[source, target] = sequence + len(data)
            yield message.at_us, _ip(source, target, _TCP, head, checksum_at=16, data=data)


def _ends(message: TracedMessage) -> tuple[Endpoint, Endpoint]:
    """Returns where a message came from, and where it went."""
    return (message.ours, message.theirs) if message.is_sent else (message.theirs, message.ours)


def _port(end: Endpoint, message: TracedMessage) -> Endpoint:
    return Endpoint(end.host, _SIP_PORT) if message.transport == "TLS" and end.port == _TLS_PORT else end


def _ip(source: Endpoint, target: Endpoint, protocol: int, head: bytes, *, checksum_at: int, data: bytes) -> bytes:
    """Returns the packet of a transport header, whose checksum is still 0, and its data."""
    ends = ip_address(source.host).packed + ip_address(target.host).packed
    length = len(head) + len(data)
    is_v6 = len(ends) > 8
    pseudo = ends + (struct.pack(">IHBB", length, 0, 0, protocol) if is_v6 else struct.pack(">BBH", 0, protocol, length))
    checksum = _checksum(pseudo + head + data) or 0xFFFF
    whole = head[:checksum_at] + struct.pack(">H", checksum) + head[checksum_at + 2 :] + data
    if is_v6:
        return struct.pack(">IHBB", 6 << 28, length, protocol, _HOPS) + ends + whole
    first = struct.pack(">BBHHHBB", 0x45, 0, 20 + length, 0, 0x4000, _HOPS, protocol)
    return first + struct.pack(">H", _checksum(first + b"\0\0" + ends)) + ends + whole


def _checksum(data: bytes) -> int:
    """Returns the Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
