"""PURE. Writes a SIP message as a HEP packet, version 3: what Homer's capture server takes (https://github.com/sipcapture/HEP).

A packet is `HEP3`, its length, and chunks: vendor (0: generic), type, length with these six octets, value; all in network order.
"""

import struct
from ipaddress import ip_address

from switch.trace.message import TracedMessage

_MAGIC = b"HEP3"
_IPV4, _IPV6 = 2, 10
"""Address families, as Linux numbers them."""
_PROTOCOLS = {"UDP": 17, "TCP": 6, "TLS": 6}
_SIP = 1

FAMILY, PROTOCOL, SOURCE4, TARGET4, SOURCE6, TARGET6 = 1, 2, 3, 4, 5, 6
SOURCE_PORT, TARGET_PORT, SECONDS, MICROSECONDS, KIND, CAPTURE_ID = 7, 8, 9, 10, 11, 12
PASSWORD, PAYLOAD, CORRELATION = 14, 15, 17
"""Types of generic chunks."""
MAX_PAYLOAD = 65_000
"""A longer message is cut off: the packet must fit into a datagram."""


def hep3(message: TracedMessage, *, call_id: str, capture_id: int, password: str | None) -> bytes:
    """Returns the packet. `call_id`: what all messages of the call have in common, on whatever leg they are; Homer shows them together."""
    source, target = (message.ours, message.theirs) if message.is_sent else (message.theirs, message.ours)
    is_v6 = ":" in source.host
    chunks = [
        _chunk(FAMILY, struct.pack(">B", _IPV6 if is_v6 else _IPV4)),
        _chunk(PROTOCOL, struct.pack(">B", _PROTOCOLS[message.transport])),
        _chunk(SOURCE6 if is_v6 else SOURCE4, ip_address(source.host).packed),
        _chunk(TARGET6 if is_v6 else TARGET4, ip_address(target.host).packed),
        _chunk(SOURCE_PORT, struct.pack(">H", source.port)),
        _chunk(TARGET_PORT, struct.pack(">H", target.port)),
        _chunk(SECONDS, struct.pack(">I", message.at_us // 1_000_000)),
        _chunk(MICROSECONDS, struct.pack(">I", message.at_us % 1_000_000)),
        _chunk(KIND, struct.pack(">B", _SIP)),
        _chunk(CAPTURE_ID, struct.pack(">I", capture_id)),
    ]
    if password is not None:
        chunks.append(_chunk(PASSWORD, password.encode()))
    if call_id:
        chunks.append(_chunk(CORRELATION, call_id.encode("utf-8", "surrogateescape")))
    chunks.append(_chunk(PAYLOAD, message.data[:MAX_PAYLOAD]))
    body = b"".join(chunks)
    return _MAGIC + struct.pack(">H", len(_MAGIC) + 2 + len(body)) + body


def _chunk(kind: int, value: bytes) -> bytes:
    return struct.pack(">HHH", 0, kind, 6 + len(value)) + value
