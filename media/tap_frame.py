"""PURE. What a media worker sends to the consumer of a tap: datagrams of frames, each frame the audio of one RTP packet.

A frame is a header in network order and a payload: the tap's number, the frame's own number in its tap and direction (a gap is what was
lost on the way from the worker), the packet's timestamp and SSRC, its moment, sequence, the payload's size, direction and codec.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

RECEIVED, SENT = 0, 1
"""Directions, as the worker sees the leg: what its far end says, and what it hears."""
MAX_DATAGRAM_BYTES = 32_768
_HEADER = struct.Struct("!IIIIQHHBB")
HEADER_BYTES = _HEADER.size
NUMBER_MASK = 0xFFFFFFFF

pack = _HEADER.pack
"""tap, number, timestamp, ssrc, at_ns, sequence, size, direction, codec."""


class Frame(NamedTuple):
    """`codec`: its number in `switch.codec.Codec`, whatever the leg calls it. `at_ns`: CLOCK_MONOTONIC."""

    tap: int
    number: int
    timestamp: int
    ssrc: int
    at_ns: int
    sequence: int
    size: int
    direction: int
    codec: int
    payload: bytes


def frames(datagram: bytes) -> Iterator[Frame]:
    """Yields the frames of a datagram. struct.error or ValueError where it is none of a worker's."""
    start = 0
    while start < len(datagram):
        fields = _HEADER.unpack_from(datagram, start)
        start += HEADER_BYTES
        stop = start + fields[6]
        if stop > len(datagram):
            raise ValueError("a frame is cut off")
        yield Frame._make((*fields, datagram[start:stop]))
        start = stop
