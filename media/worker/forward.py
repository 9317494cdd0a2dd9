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
from media.worker.leg import Leg
from media.worker.path import NO_TYPE, Address

BUFFER_BYTES = MAX_RTP_BYTES + 1  # a datagram that fills it is too long to be RTP, whatever its true length

EMPTY = -2  # the payload type, in effect, of a packet without payload (RFC 6263): equal to none that is heard, nor to `NO_TYPE`


class Forwarder:
    """`buffer` is where the next datagram has to be received."""

    __slots__ = ("_report", "_send_press", "_view", "buffer")

    def __init__(self, report: Callable[[DigitReceived | Heard], None], *, send_press: Callable[[Leg, Press, int], None]) -> None:
        """`send_press`: a leg is to be sent its partner's press anew."""
        self.buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self.buffer)
        self._report = report
        self._send_press = send_press

    def datagram(self, leg: Leg, size: int, source: Address, now_ns: int) -> None:
        """`size` octets from `source` lie in the buffer: count them, hear them, send them on."""
        buffer = self.buffer
        payload_type = buffer[1] & 0x7F
        if payload_type != leg.audio_type or buffer[0] != PLAIN or not HEADER_BYTES < size <= MAX_RTP_BYTES:
            size = self._take_unusual(leg, payload_type, size, source, now_ns)
            if not size:
                return
        elif source is not leg.latched and source != leg.latched and not self._admit(leg, source, now_ns):
            leg.stray += 1
            return
        to, recode = leg.relay_to, leg.recode
        if to is None:
            self._take_aside(leg, size, now_ns)
            return
        if recode is not None:
            buffer[HEADER_BYTES:size] = buffer[HEADER_BYTES:size].translate(recode)
        elapsed_ns = now_ns - leg.audio_ns
        leg.audio_ns = now_ns
        leg.received_octets += size - HEADER_BYTES
        if payload_type != to.send_type:
            buffer[1] += to.send_type - payload_type
        stream = to.stream
        if stream.renumber(buffer, now_ns):
            leg.steady += 1
            off_ns = elapsed_ns - leg.step_ns
            if off_ns < 0:
                off_ns = -off_ns
            elif off_ns > leg.late_ns:
                leg.late_ns = off_ns
            leg.jitter_ns += (off_ns - leg.jitter_ns) >> 4
        else:
            self._note(leg, elapsed_ns)
            leg.counted += 1
            is_placed = stream.rewrite(buffer, now_ns)
            leg.reception.step(stream.step)
            if not is_placed:
                return
        send = to.send
        try:
            send(self._view[:size])
        except OSError:
            to.transmit(self._view[:size])
            return
        to.sent += 1
        to.sent_octets += size - HEADER_BYTES

    def _take_aside(self, leg: Leg, size: int, now_ns: int) -> None:
        """Audio that goes to no one, or to the transcoder and comes back later. What that does not take nobody hears."""
        if leg.transcoding is None:
            leg.newest = self._ssrc(), self._sequence()
        elif not leg.transcoding.hand_over(self._view[:size], now_ns):
            self._note(leg, 0, is_audio=False)
            leg.unheard += 1
            return
        elapsed_ns = now_ns - leg.audio_ns
        leg.audio_ns = now_ns
        leg.received_octets += size - HEADER_BYTES
        self._note(leg, elapsed_ns)
        leg.counted += 1

    def _note(self, leg: Leg, elapsed_ns: int, *, is_audio: bool = True) -> None:
        """The buffer's packet has arrived, and is not known to be a steady one."""
        leg.reception.take(
            ssrc=self._ssrc(), sequence=self._sequence(), timestamp=self._timestamp(), elapsed_ns=elapsed_ns, is_audio=is_audio
        )

    def _take_unusual(self, leg: Leg, payload_type: int, size: int, source: Address, now_ns: int) -> int:
        """Takes a packet that is not plainly one more of the same audio. Returns its size where it is audio all the same, made plain, else
        0: there is nothing left to do."""
        if payload_type in RTCP_TYPES and leg.hear_rtcp(self._view[:size], source, now_ns, on_rtp_port=True):
            return 0  # both on one port (RFC 5761), or sent to the wrong one
        if self.buffer[0] != PLAIN or not HEADER_BYTES < size <= MAX_RTP_BYTES or payload_type in RTCP_TYPES:
            size = self._flatten(size)
            if size < HEADER_BYTES:
                leg.malformed += 1
                return 0
            if size == HEADER_BYTES:
                payload_type = EMPTY
        if source != leg.latched and not self._may_come(leg, payload_type, source, now_ns):
            leg.stray += 1
            return 0
        return size if payload_type == leg.audio_type or self._turns_to(leg, payload_type, size, now_ns) else 0

    def _may_come(self, leg: Leg, payload_type: int, source: Address, now_ns: int) -> bool:
        """What was not agreed on may be anybody's: nobody is latched on to for it. Without payload it may keep a NAT open (RFC 6263)."""
        if payload_type == EMPTY or leg.agrees_to(payload_type):
            return self._admit(leg, source, now_ns)
        return leg.is_signalled(source)

    def _turns_to(self, leg: Leg, payload_type: int, size: int, now_ns: int) -> bool:
        """A packet of another type than the audio before. Returns whether it is audio."""
        if payload_type not in leg.codecs:
            self._take_other(leg, payload_type, size, now_ns)
            return False
        self._turn_to_audio(leg, payload_type, size, now_ns)
        return True

    def _turn_to_audio(self, leg: Leg, payload_type: int, size: int, now_ns: int) -> None:
        if leg.turn_to_audio(payload_type, now_ns):
            hear_first(leg, now_ns, self._report)
        for tap in leg.taps_received:
            tap.take(self._view[:size], now_ns, direction=RECEIVED, codec=leg.audio_codec)

    def _admit(self, leg: Leg, source: Address, now_ns: int) -> bool:
        return leg.admit(source, now_ns, ssrc=self._ssrc(), sequence=self._sequence())

    def _take_other(self, leg: Leg, payload_type: int, size: int, now_ns: int) -> None:
        """A packet that is no audio: comfort noise, an event, or nothing that can be heard."""
        self._note(leg, now_ns - leg.audio_ns, is_audio=payload_type == leg.cn_type)
        to = leg.hearer
        if payload_type == leg.cn_type:
            self._take_comfort_noise(leg, to, size, now_ns)
            return
        heard = None
        if payload_type in leg.event_types:
            heard = leg.detector.hear(
                self._view[HEADER_BYTES:size],
                ssrc=self._ssrc(),
                sequence=self._sequence(),
                timestamp=self._timestamp(),
                now_ns=now_ns,
            )
        if heard is None:
            leg.unheard += 1
            if to is not None:
                self._skip(leg, to)
            return
        leg.count(size, now_ns)
        press, is_first = heard
        if is_first:
            press.is_spent = to is None
            if press.digit:
                self._report(DigitReceived(port=leg.port, digit=press.digit, at_ns=now_ns))
                if leg.partner is not None and leg.playing is None and leg.partner.takes_keys_from_us:
                    self._send_press(leg.partner, press, now_ns)
        if to is None:
            leg.newest = self._ssrc(), self._sequence()
        elif press.is_spent or to.dtmf_type == NO_TYPE:
            self._skip(leg, to)
        else:
            self.buffer[1] += to.dtmf_type - payload_type
            if leg.transcoding is not None:
                leg.transcoding.renumber(self.buffer)
            if to.stream.rewrite_event(self.buffer, now_ns, press):
                to.transmit(self._view[:size])

    def _take_comfort_noise(self, leg: Leg, to: Leg | None, size: int, now_ns: int) -> None:
        """Goes on where the partner has it too: its payload is that of no codec (RFC 3389 §3). Else the partner hears silence."""
        leg.count(size, now_ns)
        leg.audio_ns = now_ns
        if to is None:
            leg.newest = self._ssrc(), self._sequence()
        elif to.cn_type == NO_TYPE:
            self._skip(leg, to)
        else:
            self.buffer[1] += to.cn_type - leg.cn_type
            if leg.transcoding is not None:
                leg.transcoding.renumber(self.buffer)
            if to.stream.rewrite(self.buffer, now_ns):
                to.transmit(self._view[:size])
            leg.reception.step(to.stream.step)

    def _skip(self, leg: Leg, to: Leg) -> None:
        if leg.transcoding is not None:
            leg.transcoding.skip(self.buffer)
        else:
            to.stream.skip(self.buffer)

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

    def _timestamp(self) -> int:
        return int.from_bytes(self._view[4:8], "big")
