"""PURE. What a media worker and a transcoder send each other: one message a packet, over a local SOCK_SEQPACKET connection.

`stream` is the worker's number for one direction of audio between two legs, and new whenever its source or either codec is another. A
message says all that it takes to begin a stream, so a transcoder that was started anew goes on with the next packet.
"""

import struct
from typing import NamedTuple

from switch.codec import OpusWishes

MAX_MESSAGE_BYTES = 2_048
READY = b"ready"
"""To the switch, once workers can connect."""

_SOURCE = struct.Struct("!QIBBB??IIHI")
_RESULT = struct.Struct("!IHBI")


class SourcePacket(NamedTuple):
    """A packet of a source, to be transcoded. `at_ns`: when it came, CLOCK_MONOTONIC. `source`, `target`: `switch.codec.Codec`. `ptime_ms`:
    how long packets of the target are. `opus`: how its far end wants Opus. `sequence`, `timestamp`: of the source's RTP; numbers that
    carried no audio are left out."""

    at_ns: int
    stream: int
    source: int
    target: int
    ptime_ms: int
    opus: OpusWishes
    sequence: int
    timestamp: int
    payload: bytes

    def packed(self) -> bytes:
        *first, opus, sequence, timestamp, payload = self
        return _SOURCE.pack(*first, *opus, sequence, timestamp) + payload


class TranscodedPacket(NamedTuple):
    """`lost`: how many packets before it the far end will miss. `is_first`: of a talk spurt. `timestamp`: in the target's clock."""

    stream: int
    lost: int
    is_first: bool
    timestamp: int
    payload: bytes

    def packed(self) -> bytes:
        return _RESULT.pack(*self[:-1]) + self.payload


def source_packet(message: bytes) -> SourcePacket:
    """Raises struct.error for what is none."""
    at_ns, stream, source, target, ptime_ms, *opus, sequence, timestamp = _SOURCE.unpack_from(message)
    return SourcePacket(at_ns, stream, source, target, ptime_ms, OpusWishes(*opus), sequence, timestamp, message[_SOURCE.size :])


def transcoded_packet(message: bytes) -> TranscodedPacket:
    """Raises struct.error for what is none."""
    stream, lost, is_first, timestamp = _RESULT.unpack_from(message)
    return TranscodedPacket(stream, lost, bool(is_first), timestamp, message[_RESULT.size :])
