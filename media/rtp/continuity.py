"""PURE. The outgoing stream of one leg: whatever feeds it, the far end sees one SSRC, one run of sequence numbers, one clock.

Numbers packets as RTP counts (RFC 3550 §5.1). Uses no sockets or clocks: moments are passed in.

The theory. A stream is fed by sources: streams of others, each known by its SSRC, and its owner (20 ms frames, digits).

Sequence. Each packet moves the stream on by as much as it moves its own source on: by one, or by more where the source lost some, so the
far end's jitter buffer sees loss as loss, and two interleaved sources share one run of numbers. A latecomer goes to the number that it
would have had, if that lies among those that its source used up without a break; else there is no place left, and it is dropped.

Time. The clock is the wall's: a moment's timestamp is the first one plus the time since. Each source has one shift from its own timestamps
to the stream's, chosen when its first packet comes, and kept as long as the source's time makes sense: the wall says the same, or the
source's own sequence does (a stalled network lets go all at once), as long as no other source comes in between. A packet that neither
explains anchors its source anew, and so does one that begins a talk spurt where the wall says otherwise. Then and at first the marker is
set (RFC 3551 §4.1).

Events. The timestamp of all packets of a press (of a segment, where it is long: RFC 4733 §2.5.1.3) is that of the first. They move the
sequence on, and no source's time.
"""

import struct

from media.rtp.packet import MARKER, PLAIN
from media.rtp.telephone_event import Press

MAX_AHEAD = 3_000  # RFC 3550 A.1, MAX_DROPOUT: a longer jump is a source that started anew, not loss
MAX_BEHIND = 100  # RFC 3550 A.1, MAX_MISORDER
MAX_SOURCES = 4
"""Sources that are remembered; one that had fallen out is met anew."""
FRAME_MS = 20
OFF_MS = 40
"""A packet's time makes sense within this, by the wall: one frame of jitter on either side, and one more. By its sequence it does within
half a frame, since what is off then adds up."""
LONGEST_MS = 60
"""Of a packet. What lies further apart has silence between."""
LEAD_MS = 1_000
"""No source runs further ahead of the wall than this."""
LAG_MS = 200
"""A source that stays further behind the wall than this, at two checks, is not one whose packets were held up and then all came."""
CHECK_NS = 1_000_000_000
"""How often a source is compared with the wall, where its numbers alone give no cause."""

_HEADER = struct.Struct("!HHII")
_unpack = _HEADER.unpack_from
_pack = _HEADER.pack_into
_PLAIN = PLAIN << 8
_MARKED = _PLAIN | MARKER
_NOBODY = -1
_OURSELVES = -2
_OUR_EVENT = -3
_NS_PER_S = 1_000_000_000


class _Source:
    """What feeds the stream. The `next_` numbers are those that its next packet has if nothing happens, in its own count; `step` is the
    length of its packets, a guess until it `has_step`. `first`, `last`: the stream's numbers that it has used up without a break (`last`:
    as of when another source took over). `shift`: from its timestamps to the stream's, once it `is_anchored`."""

    __slots__ = (
        "check_ns",
        "first",
        "has_step",
        "is_anchored",
        "is_behind",
        "last",
        "next_sequence",
        "next_timestamp",
        "shift",
        "ssrc",
        "step",
    )

    def __init__(self, ssrc: int, *, next_sequence: int, next_timestamp: int, step: int) -> None:
        self.ssrc = ssrc
        self.next_sequence = next_sequence
        self.next_timestamp = next_timestamp
        self.step = step
        self.has_step = False
        self.shift = 0
        self.is_anchored = False
        self.first = self.last = 0
        self.check_ns = 0
        self.is_behind = False


class OutgoingStream:
    """The numbers of one stream. `ssrc` and the first `sequence` and `timestamp` are random (RFC 3550 §5.1): the caller draws.
    `clock_rate`: timestamps a second."""

    __slots__ = (
        "_event_stamp",
        "_first_ns",
        "_frame",
        "_ms",
        "_past",
        "_sequence",
        "_source",
        "_sources",
        "_timestamp",
        "clock_rate",
        "first_sequence",
        "ssrc",
    )

    def __init__(self, *, ssrc: int, sequence: int, timestamp: int, clock_rate: int = 8_000) -> None:
        self.ssrc = ssrc
        self.first_sequence = sequence
        self.clock_rate = clock_rate
        self._ms = clock_rate // 1_000
        self._frame = FRAME_MS * self._ms
        self._sequence = sequence - 1  # of the newest packet; runs on past 16 bits
        self._timestamp = timestamp
        self._first_ns: int | None = None
        self._event_stamp: int | None = None
        self._sources: dict[int, _Source] = {}  # the latest one last
        self._past: dict[int, _Source] = {}
        self._source = self._nobody(timestamp - self._frame)

    def detach(self) -> None:
        """What fed the stream ended: whatever comes next is a new source, even if it has the same SSRC."""
        newest = self._newest_timestamp()
        self._part()
        self._source = self._nobody(newest)

    def renumber(self, packet: bytearray, now_ns: int) -> bool:
        """Renumber the usual packet in place: one that is steady, the next of the present source by sequence and by time. False: it is not,
        or the wall says otherwise: `rewrite` is for it."""
        head, sequence, timestamp, ssrc = _unpack(packet)
        source = self._source
        if (
            timestamp == source.next_timestamp
            and sequence == source.next_sequence
            and ssrc == source.ssrc
            and head < _MARKED
            and (now_ns < source.check_ns or self._is_the_wall_s(source, timestamp, now_ns))
        ):
            self._sequence = number = self._sequence + 1
            source.next_sequence = (sequence + 1) & 0xFFFF
            source.next_timestamp = (timestamp + source.step) & 0xFFFFFFFF
            _pack(packet, 0, head, number & 0xFFFF, (timestamp + source.shift) & 0xFFFFFFFF, self.ssrc)
            return True
        return False

    @property
    def step(self) -> int:
        """Returns how far apart, in timestamps, packets of the present source are that are steady."""
        return self._source.step

    @property
    def numbers(self) -> int:
        """Returns how many sequence numbers have been used, by packets that were sent and by those that were lost before."""
        return self._sequence - self.first_sequence + 1

    @property
    def has_wrapped(self) -> bool:
        return self._sequence > 0xFFFF

    def wall_timestamp(self, now_ns: int) -> int:
        """Returns the timestamp of a moment."""
        return self._wall(now_ns) & 0xFFFFFFFF

    def rewrite(self, packet: bytearray, now_ns: int) -> bool:
        """Renumber a packet of another stream in place (its first 12 octets). False: it has no place in this stream, drop it.

        The packet's payload type and marker stay, except that a source whose time begins anew sets the marker.
        """
        if self.renumber(packet, now_ns):
            return True
        head, sequence, timestamp, ssrc = _unpack(packet)
        source = self._known(ssrc, sequence, timestamp)
        ahead = (sequence - source.next_sequence + 1) & 0xFFFF
        goes_on = source is self._source
        placed = self._place(source, sequence, ahead)
        if placed is None:
            return False
        if placed == self._sequence:
            if not self._keeps_time(source, timestamp, ahead=ahead if goes_on else None, is_marked=head >= _MARKED, now_ns=now_ns):
                source.shift = self._next_timestamp(now_ns) - timestamp
                source.is_anchored = True
                source.first = placed
                head |= MARKER
            source.next_timestamp = (timestamp + source.step) & 0xFFFFFFFF
        _pack(packet, 0, head, placed & 0xFFFF, (timestamp + source.shift) & 0xFFFFFFFF, self.ssrc)
        return True

    def rewrite_event(self, packet: bytearray, now_ns: int, press: Press) -> bool:
        """Renumber a telephone-event packet of `press` in place. False: it has no place in this stream. The marker is set on the first
        packet of a press and on no other (RFC 4733 §2.5.1.1)."""
        head, sequence, timestamp, ssrc = _unpack(packet)
        source = self._known(ssrc, sequence, timestamp)
        placed = self._place(source, sequence, (sequence - source.next_sequence + 1) & 0xFFFF)
        if placed is None:
            return False
        head &= ~MARKER
        if press.stamp is None:
            press.stamp = self._begin_event(source, timestamp, press.duration, now_ns)
            head |= MARKER
        _pack(packet, 0, head, placed & 0xFFFF, (press.stamp + press.segment) & 0xFFFFFFFF, self.ssrc)
        return True

    def expects(self, ssrc: int, sequence: int) -> bool:
        """Returns whether a packet goes on where a source of this stream was, or of what fed it before, if nothing has since."""
        source = (self._sources or self._past).get(ssrc)
        return source is not None and (sequence - source.next_sequence) & 0xFFFF < MAX_AHEAD

    def skip(self, packet: bytearray) -> None:
        """A packet of a source is not sent on: its number is not missing."""
        _, sequence, _, ssrc = _unpack(packet)
        source = self._sources.get(ssrc)
        if source is None:
            return
        ahead = (sequence - source.next_sequence + 1) & 0xFFFF
        if 0 < ahead <= MAX_AHEAD and self._place(source, sequence, ahead) is not None:
            self._sequence -= 1
            source.first = self._sequence + 1

    def own(self, packet: bytearray, now_ns: int, *, payload_type: int, ms: int = FRAME_MS) -> None:
        """Write the header of our own next packet into `packet`: its timestamp advances by what is in it, `ms`, not by the clock."""
        if self._source.ssrc == _OURSELVES:
            timestamp = self._source.next_timestamp
        else:
            timestamp = self._next_timestamp(now_ns)
            self._be_source(_OURSELVES, timestamp)
            payload_type |= MARKER
        self._source.next_timestamp = timestamp + ms * self._ms
        self._pack_own(packet, payload_type, timestamp)

    def event(self, packet: bytearray, now_ns: int, *, payload_type: int, is_first: bool) -> None:
        """Write the header of our own next telephone-event packet into `packet`. All of one event have its start as timestamp (RFC 4733
        §2.1)."""
        if is_first:
            self._be_source(_OUR_EVENT, self._next_timestamp(now_ns))
            payload_type |= MARKER
        self._pack_own(packet, payload_type, self._newest_timestamp())

    def _pack_own(self, packet: bytearray, kind: int, timestamp: int) -> None:
        self._sequence += 1
        _pack(packet, 0, _PLAIN | kind, self._sequence & 0xFFFF, timestamp & 0xFFFFFFFF, self.ssrc)

    def _be_source(self, kind: int, timestamp: int) -> None:
        self._part()
        self._source = _Source(kind, next_sequence=_NOBODY, next_timestamp=timestamp + self._frame, step=self._frame)

    def _part(self) -> None:
        """The sources go; the latest that were any are known to `expects`."""
        if self._sources:
            self._past, self._sources = self._sources, {}

    def _nobody(self, timestamp: int) -> _Source:
        return _Source(_NOBODY, next_sequence=_NOBODY, next_timestamp=timestamp + self._frame, step=self._frame)

    # sequence

    def _known(self, ssrc: int, sequence: int, timestamp: int) -> _Source:
        source = self._sources.get(ssrc)
        if source is None:
            if len(self._sources) >= MAX_SOURCES:
                del self._sources[next(iter(self._sources))]
            source = _Source(ssrc, next_sequence=sequence, next_timestamp=timestamp, step=self._frame)
            self._sources[ssrc] = source
        return source

    def _place(self, source: _Source, sequence: int, ahead: int) -> int | None:
        """Returns the stream's number for a packet that is `ahead` of the source's newest one (0: as new), or None. A packet that takes the
        source on makes it the stream's present one."""
        behind = -ahead & 0xFFFF
        if behind <= MAX_BEHIND:
            placed = (self._sequence if source is self._source else source.last) - behind
            return placed if placed >= source.first else None
        if source is not self._source:
            self._turn_to(source)
        if ahead > MAX_AHEAD:
            ahead = 1
            source.first = self._sequence + 1
            source.is_anchored = False
        self._sequence += ahead
        source.next_sequence = (sequence + 1) & 0xFFFF
        return self._sequence

    def _turn_to(self, source: _Source) -> None:
        self._source.last = self._sequence
        if not source.is_anchored:  # until then, the stream's newest timestamp is that of the source before
            source.shift = self._newest_timestamp() - source.next_timestamp + source.step
        source.first = self._sequence + 1
        self._source = source
        self._sources[source.ssrc] = self._sources.pop(source.ssrc)

    # time

    def _keeps_time(self, source: _Source, timestamp: int, *, ahead: int | None, is_marked: bool, now_ns: int) -> bool:
        """Returns whether the newest packet of a source is at its time, by the source's shift. `ahead`: of the one before; None where
        another source has sent since."""
        if not source.is_anchored:
            source.check_ns = now_ns + CHECK_NS
            return False
        off = _signed(timestamp + source.shift - self._wall(now_ns))
        step = _signed(timestamp - source.next_timestamp + source.step)
        stays_behind = False
        if now_ns >= source.check_ns:
            source.check_ns = now_ns + CHECK_NS
            stays_behind, source.is_behind = source.is_behind and off < -LAG_MS * self._ms, off < -LAG_MS * self._ms
        is_on_time = abs(off) <= OFF_MS * self._ms
        is_length = ahead == 1 and 0 < step <= LONGEST_MS * self._ms
        if is_length and not source.has_step:
            source.step, source.has_step = step, True
        is_steady = ahead is not None and abs(step - ahead * source.step) <= self._frame // 2
        if is_length and (is_on_time or not is_steady):
            source.step = step
        return is_on_time or (is_steady and not (is_marked or stays_behind or off > LEAD_MS * self._ms))

    def _is_the_wall_s(self, source: _Source, timestamp: int, now_ns: int) -> bool:
        """Returns whether a steady packet that is due to be looked at is where the wall says: then it is not looked at for a while."""
        if abs(_signed(timestamp + source.shift - self._wall(now_ns))) > OFF_MS * self._ms:
            return False
        source.check_ns = now_ns + CHECK_NS
        source.is_behind = False
        return True

    def _wall(self, now_ns: int) -> int:
        if self._first_ns is None:
            self._first_ns = now_ns
        return self._timestamp + (now_ns - self._first_ns) * self.clock_rate // _NS_PER_S

    def _newest_timestamp(self) -> int:
        source = self._source
        return source.next_timestamp - source.step + source.shift

    def _next_timestamp(self, now_ns: int) -> int:
        """Returns where a source begins: now by the wall; a frame after the newest packet, where that is hardly later; and not before that
        packet, as long as it does not run away."""
        wall = self._wall(now_ns)
        later = _signed(self._newest_timestamp() + self._frame - wall)
        if later > LEAD_MS * self._ms:
            return wall
        return wall + max(0, min(later, OFF_MS * self._ms), later - self._frame)

    def _begin_event(self, source: _Source, timestamp: int, duration: int, now_ns: int) -> int:
        """Returns the timestamp of a press that has lasted for `duration`: where its source says that it began, if that can be; after the
        one before."""
        wall = self._wall(now_ns)
        if not source.is_anchored:
            source.shift = wall - timestamp
            source.is_anchored = True
            source.next_timestamp = (timestamp + source.step) & 0xFFFFFFFF
        stamp = timestamp + source.shift
        if abs(_signed(stamp + duration - wall)) > OFF_MS * self._ms:
            stamp = wall
        if self._event_stamp is not None and _signed(stamp - self._event_stamp) < self._frame:
            stamp = self._event_stamp + max(_signed(wall - self._event_stamp), self._frame)
        self._event_stamp = stamp
        return stamp


def _signed(number: int) -> int:
    """Returns the difference of two timestamps, which wrap at 32 bits."""
    return ((number + 0x80000000) & 0xFFFFFFFF) - 0x80000000
