"""The packet path: what happens to one received datagram. Uses legs and RTP; no sockets, epoll or orders.

Everything here runs a hundred times a second for each call, so it is written for the interpreter: one buffer for all packets,
changed in place, no objects for the usual packet, positional arguments, the usual case first.
"""

from collections.abc import Callable

from media.control import DigitReceived, Heard
from media.rtp.packet import HEADER_BYTES, MAX_RTP_BYTES, PLAIN, RTCP_TYPES, payload_span
from media.rtp.telephone_event import Press
from media.tap_frame import RECEIVED
from media.worker.hearing import hear_first
from media.worker.leg import NO_TYPE, Address, Leg

BUFFER_BYTES = MAX_RTP_BYTES + 1  # a datagram that fills it is too long to be RTP, whatever its true length

EMPTY = -2  # the payload type, in effect, of a packet without payload (RFC 6263): equal to none that is heard, nor to `NO_TYPE`


class Forwarder:
    """`buffer` is where the next datagram has to be received."""

    __slots__ = ("_report", "_sound", "_view", "buffer")

    def __init__(self, report: Callable[[DigitReceived | Heard], None], *, sound: Callable[[Leg, Press, int], None]) -> None:
        """`sound`: a leg is to be sent the tones of a press."""
        self.buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self.buffer)
        self._report = report
        self._sound = sound

    def datagram(self, leg: Leg, size: int, source: Address, now_ns: int) -> None:
        """`size` octets from `source` lie in the buffer: count them, hear them, send them on."""
        buffer = self.buffer
        payload_type = buffer[1] & 0x7F
        if buffer[0] != PLAIN or not HEADER_BYTES < size <= MAX_RTP_BYTES or payload_type in RTCP_TYPES:
            if payload_type in RTCP_TYPES:  # on one port with RTP (RFC 5761), or at the wrong one
                leg.hear_rtcp(source[0], now_ns)
            size = self._flatten(size)
            if size < HEADER_BYTES:
                leg.malformed += 1
                return
            if size == HEADER_BYTES:
                payload_type = EMPTY
        if source != leg.latched and not self._admit(leg, source, now_ns):
            leg.stray += 1
            return
        if payload_type != leg.audio_type:
            if payload_type not in leg.codecs:
                self._take_other(leg, payload_type, size, now_ns)
                return
            self._turn_to_audio(leg, payload_type, size, now_ns)
        leg.received += 1
        leg.received_octets += size - HEADER_BYTES
        leg.last_ns = now_ns
        to = leg.relay_to
        if to is None:
            leg.newest = self._ssrc(), self._sequence()
            return
        if leg.recode is not None:
            buffer[HEADER_BYTES:size] = buffer[HEADER_BYTES:size].translate(leg.recode)
        buffer[1] += to.send_type - payload_type
        if to.stream.rewrite(buffer, now_ns):
            to.transmit(self._view[:size])

    def _turn_to_audio(self, leg: Leg, payload_type: int, size: int, now_ns: int) -> None:
        if leg.turn_to_audio(payload_type, now_ns):
            hear_first(leg, now_ns, self._report)
        for tap in leg.taps_received:
            tap.take(self._view[:size], now_ns, direction=RECEIVED, codec=leg.audio_codec)

    def _admit(self, leg: Leg, source: Address, now_ns: int) -> bool:
        return leg.admit(source, now_ns, ssrc=self._ssrc(), sequence=self._sequence())

    def _take_other(self, leg: Leg, payload_type: int, size: int, now_ns: int) -> None:
        """A packet that is no audio: an event, or nothing that can be heard."""
        to = leg.relay_to
        heard = None
        if payload_type in leg.event_types:
            heard = leg.detector.hear(
                self._view[HEADER_BYTES:size],
                ssrc=self._ssrc(),
                sequence=self._sequence(),
                timestamp=int.from_bytes(self._view[4:8], "big"),
                now_ns=now_ns,
            )
        if heard is None:
            leg.unheard += 1
            if to is not None:
                to.stream.skip(self.buffer)
            return
        leg.received += 1
        leg.received_octets += size - HEADER_BYTES
        leg.last_ns = now_ns
        if leg.first_ns is None:
            leg.first_ns = now_ns
        press, is_first = heard
        if is_first:
            press.is_spent = to is None
            if press.digit:
                self._report(DigitReceived(port=leg.port, digit=press.digit, at_ns=now_ns))
                if leg.partner is not None and leg.playing is None and leg.partner.takes_tones:
                    self._sound(leg.partner, press, now_ns)
        if to is None:
            leg.newest = self._ssrc(), self._sequence()
        elif press.is_spent or to.dtmf_type == NO_TYPE:
            to.stream.skip(self.buffer)
        else:
            self.buffer[1] += to.dtmf_type - payload_type
            if to.stream.rewrite_event(self.buffer, now_ns, press):
                to.transmit(self._view[:size])

    def _flatten(self, size: int) -> int:
        """Take padding, extension and contributing sources out of the buffer's packet; its new size, 0 where it is not RTP."""
        span = payload_span(self._view[:size])
        if span is None:
            return 0
        stop = HEADER_BYTES + len(span)
        self.buffer[HEADER_BYTES:stop] = bytes(self._view[span.start : span.stop])
        self.buffer[0] = PLAIN
        return stop

    def _ssrc(self) -> int:
        return int.from_bytes(self._view[8:12], "big")

    def _sequence(self) -> int:
        return int.from_bytes(self._view[2:4], "big")
