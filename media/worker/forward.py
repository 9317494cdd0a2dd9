"""The packet path: what happens to one received datagram. Uses legs and RTP; no sockets, epoll or orders.

Everything here runs a hundred times a second for each call, so it is written for the interpreter: one buffer for all packets,
changed in place, no objects for the usual packet, positional arguments, the usual case first.
"""

from collections.abc import Callable

from media.control import DigitReceived
from media.rtp.packet import HEADER_BYTES, MAX_RTP_BYTES, PLAIN, RTCP_TYPES, payload_span
from media.worker.leg import Address, Leg

BUFFER_BYTES = MAX_RTP_BYTES + 1  # a datagram that fills it is too long to be RTP, whatever its true length


class Forwarder:
    """`buffer` is where the next datagram has to be received. `hearing`: legs with a key press under way."""

    __slots__ = ("_report", "_view", "buffer", "hearing")

    def __init__(self, report: Callable[[DigitReceived], None]) -> None:
        self.buffer = bytearray(BUFFER_BYTES)
        self.hearing: set[Leg] = set()
        self._view = memoryview(self.buffer)
        self._report = report

    def datagram(self, leg: Leg, size: int, source: Address, now_ns: int) -> None:
        """`size` octets from `source` lie in the buffer: count them, hear them, send them on."""
        buffer = self.buffer
        payload_type = buffer[1] & 0x7F
        if buffer[0] != PLAIN or not HEADER_BYTES <= size <= MAX_RTP_BYTES or payload_type in RTCP_TYPES:
            if payload_type in RTCP_TYPES:  # on one port with RTP (RFC 5761), or at the wrong one
                leg.hear_rtcp(source[0], now_ns)
            size = self._flatten(size)
            if size < HEADER_BYTES:
                leg.malformed += 1
                return
        if source != leg.latched and not leg.admit(source, now_ns):
            leg.stray += 1
            return
        leg.received += 1
        leg.received_octets += size - HEADER_BYTES
        leg.last_ns = now_ns
        to = leg.relay_to
        if payload_type == leg.audio_type or leg.takes_audio(payload_type):
            if to is None:
                return
            if leg.recode is not None:
                buffer[HEADER_BYTES:size] = buffer[HEADER_BYTES:size].translate(leg.recode)
            buffer[1] += to.send_type - payload_type
        elif payload_type in leg.event_types:
            is_taken = self._hear(leg, size, now_ns)
            if to is None or to.dtmf_type < 0 or is_taken:
                return
            buffer[1] += to.dtmf_type - payload_type
        else:
            return
        if to.stream.rewrite(buffer, now_ns):
            to.transmit(self._view[:size])

    def expire(self, now_ns: int) -> None:
        """Report the digits whose packets have stopped."""
        for leg in list(self.hearing):
            self._tell(leg, leg.detector.expire(now_ns), now_ns)

    def _flatten(self, size: int) -> int:
        """Take padding, extension and contributing sources out of the buffer's packet; its new size, 0 where it is not RTP."""
        span = payload_span(self._view[:size])
        if span is None:
            return 0
        stop = HEADER_BYTES + len(span)
        self.buffer[HEADER_BYTES:stop] = bytes(self._view[span.start : span.stop])
        self.buffer[0] = PLAIN
        return stop

    def _hear(self, leg: Leg, size: int, now_ns: int) -> bool:
        """Returns whether the packet is a repeated end of a press from before the bridge: pjsua2 and baresip send them 20 ms apart."""
        payload = self._view[HEADER_BYTES:size]
        timestamp = int.from_bytes(self._view[4:8], "big")
        ssrc = int.from_bytes(self._view[8:12], "big")
        self._tell(leg, leg.detector.hear(payload, ssrc=ssrc, timestamp=timestamp, now_ns=now_ns), now_ns)
        return leg.detector.is_taken(payload, ssrc=ssrc, timestamp=timestamp)

    def _tell(self, leg: Leg, digits: str, now_ns: int) -> None:
        for digit in digits:
            self._report(DigitReceived(port=leg.port, digit=digit, at_ns=now_ns))
        if leg.detector.waiting:
            self.hearing.add(leg)
        else:
            self.hearing.discard(leg)
