"""PURE. The outgoing stream of one leg: whatever feeds it, the far end sees one SSRC, one run of sequence numbers, one clock.

Numbers packets as RTP counts (RFC 3550 §5.1), whoever feeds the stream (a prompt, a partner, the next line's partner). Uses no
sockets or clocks: moments are passed in.

The theory. A stream is fed by one source at a time: another stream (by its SSRC), or its owner (20 ms frames). Within a source
the numbers are its own plus two constant shifts, so a gap stays a gap and a packet out of order stays out of order: the far end's
jitter buffer must see loss as loss. Where the source changes, the shifts are chosen anew: the next sequence number, a timestamp
advanced by the time that went by, and the marker bit: a new talk spurt (RFC 3551 §4.1). A latecomer from before its source began
to feed this stream has no place left in the numbers and is dropped.
"""

import struct

from media.rtp.packet import MARKER, PLAIN

FRAME_SAMPLES = 160
MAX_AHEAD = 3_000  # RFC 3550 A.1, MAX_DROPOUT: a longer jump is a source that started anew, not loss
MAX_BEHIND = 100  # RFC 3550 A.1, MAX_MISORDER
MAX_EVENT_SAMPLES = 65_535  # an event's packets keep its start as timestamp (RFC 4733 §2.1): they may lag the audio between them
NS_PER_SAMPLE = 125_000

_HEADER = struct.Struct("!BBHII")
_unpack = _HEADER.unpack_from
_pack = _HEADER.pack_into
_NOBODY = -1
_OURSELVES = -2
_OUR_EVENT = -3


class OutgoingStream:
    """The numbers of one stream. `ssrc` and the first `sequence` and `timestamp` are random (RFC 3550 §5.1): the caller draws."""

    __slots__ = ("_first", "_newest", "_sent_ns", "_sequence_shift", "_source", "_stamp", "_timestamp_shift", "ssrc")

    def __init__(self, *, ssrc: int, sequence: int, timestamp: int) -> None:
        self.ssrc = ssrc
        self._source = _NOBODY
        # In the source's own numbers; the sequence runs on past 16 bits, so that order survives the wrap-around.
        self._newest = sequence - 1
        self._first = sequence
        self._stamp = timestamp - FRAME_SAMPLES
        self._sequence_shift = 0
        self._timestamp_shift = 0
        self._sent_ns: int | None = None

    def detach(self) -> None:
        """What feeds the stream ended: whatever comes next is a new source, even if it has the same SSRC."""
        self._source = _NOBODY

    def rewrite(self, packet: bytearray, now_ns: int) -> bool:
        """Renumber a packet of another stream in place (its first 12 octets). False: it has no place in this stream, drop it.

        The packet's payload type and marker stay, except that a new source sets the marker.
        """
        first, kind, sequence, timestamp, ssrc = _unpack(packet)
        ahead = (sequence - self._newest) & 0xFFFF
        step = (timestamp - self._stamp) & 0xFFFFFFFF
        if ssrc == self._source and 0 < ahead <= MAX_AHEAD and step < 0x80000000:
            self._newest += ahead
            self._stamp = timestamp
            self._sent_ns = now_ns
        elif ssrc == self._source and (0x10000 - ahead) & 0xFFFF <= MAX_BEHIND:
            if self._newest - ((0x10000 - ahead) & 0xFFFF) < self._first:
                return False
        elif ssrc == self._source and ahead <= MAX_AHEAD and 0x100000000 - step <= MAX_EVENT_SAMPLES:
            self._newest += ahead
            self._sent_ns = now_ns
        else:
            self._rebase(ssrc, sequence, timestamp=timestamp, now_ns=now_ns)
            kind |= MARKER
        out_sequence = (sequence + self._sequence_shift) & 0xFFFF
        _pack(packet, 0, first, kind, out_sequence, (timestamp + self._timestamp_shift) & 0xFFFFFFFF, self.ssrc)
        return True

    def own(self, packet: bytearray, now_ns: int, *, payload_type: int) -> None:
        """Write the header of our own next 20 ms frame into `packet`: its timestamp advances by the frame, not by the clock."""
        if self._source == _OURSELVES:
            self._newest += 1
            self._stamp += FRAME_SAMPLES
            self._sent_ns = now_ns
        else:
            self._rebase(_OURSELVES, 0, timestamp=0, now_ns=now_ns)
            payload_type |= MARKER
        sequence = (self._newest + self._sequence_shift) & 0xFFFF
        _pack(packet, 0, PLAIN, payload_type, sequence, (self._stamp + self._timestamp_shift) & 0xFFFFFFFF, self.ssrc)

    def event(self, packet: bytearray, now_ns: int, *, payload_type: int, is_first: bool) -> None:
        """Write the header of our own next telephone-event packet into `packet`. All of one event have its start as timestamp (RFC 4733
        §2.1); what follows counts its time from there."""
        if is_first:
            self._rebase(_OUR_EVENT, 0, timestamp=0, now_ns=now_ns)
            payload_type |= MARKER
        else:
            self._newest += 1
        sequence = (self._newest + self._sequence_shift) & 0xFFFF
        _pack(packet, 0, PLAIN, payload_type, sequence, (self._stamp + self._timestamp_shift) & 0xFFFFFFFF, self.ssrc)

    def _rebase(self, source: int, sequence: int, *, timestamp: int, now_ns: int) -> None:
        pause = FRAME_SAMPLES if self._sent_ns is None else max(FRAME_SAMPLES, (now_ns - self._sent_ns) // NS_PER_SAMPLE)
        self._sequence_shift += self._newest + 1 - sequence
        self._timestamp_shift += self._stamp + pause - timestamp
        self._source = source
        self._newest = self._first = sequence
        self._stamp = timestamp
        self._sent_ns = now_ns
