"""PURE. What of a stream arrived: loss, interarrival jitter, the longest gap (RFC 3550 A.1, A.3, A.8). No sockets or clocks.

The theory. Most packets are the next one by sequence and time. Whoever forwards them has found out already that they are (`OutgoingStream`
in `media.rtp.continuity` has), and calls them *steady*: of these it is enough to know when they came, so they are four lines in the packet
path (`media.worker.forward`). Every other packet goes through `take`.

A stream of another SSRC begins anew, and so does one that jumps by more than loss explains; what was counted so far is kept. Timestamps
that jump are no jitter: the device's clock was set. Duplicates count as received (A.3), so loss may be below 0.
"""

from media.rtp.continuity import MAX_AHEAD, MAX_BEHIND
from media.rtp.rtcp import ReportBlock

MAX_TRANSIT_NS = 1_000_000_000
"""A transit time that differs by more from that of the packet before is a clock that was set."""
FRAME_MS = 20
_NS_PER_S = 1_000_000_000


class Reception:
    """The last six are what the packet path may read and write. `steady`: packets since the last `take`, each a step after the one before.
    `step_ns`: the time that such a one stands for. `last_ns`: when the last packet came. `late_ns`: the longest time in which none came
    although it should have. `jitter_ns`: the present jitter."""

    __slots__ = (
        "_expected_before",
        "_first",
        "_highest",
        "_is_paused",
        "_jitters_ns",
        "_max_jitter_ns",
        "_of_former",
        "_prior",
        "_received",
        "_sampled_ns",
        "_samples",
        "_timestamp",
        "clock_rate",
        "jitter_ns",
        "last_ns",
        "late_ns",
        "ssrc",
        "steady",
        "step_ns",
    )

    def __init__(self, *, clock_rate: int = 8_000) -> None:
        self.clock_rate = clock_rate
        self.ssrc: int | None = None
        self._first = self._highest = 0  # sequence numbers; they run on past 16 bits
        self._received = 0
        self._of_former = self._expected_before = 0  # packets received and expected of streams before this one
        self._prior = 0, 0  # expected and received at the last report
        self._timestamp = 0
        self._is_paused = True
        self._samples = self._jitters_ns = self._max_jitter_ns = self._sampled_ns = 0
        self.steady = 0
        self.step_ns = FRAME_MS * 1_000_000
        self.last_ns = self.late_ns = self.jitter_ns = 0

    def take(self, *, ssrc: int, sequence: int, timestamp: int, now_ns: int, is_audio: bool = True) -> None:
        """A packet came that is not known to be steady. One that is no audio has a number among the others, and its time says nothing; with
        an SSRC of its own it is none of this stream."""
        self._settle()
        if ssrc != self.ssrc:
            if not is_audio:
                return
            self._begin(ssrc, sequence)
        ahead = (sequence - self._highest) & 0xFFFF
        is_late = 0 < 0x10000 - ahead <= MAX_BEHIND
        if ahead > MAX_AHEAD and not is_late:
            self._begin(ssrc, sequence)
            ahead = 1
        self._received += 1
        if not is_late:
            self._highest += ahead
        if is_audio:
            self._time(timestamp, now_ns, ahead=0 if is_late else ahead)

    def step(self, units: int) -> None:
        """Packets that are steady from now on are so far apart."""
        self._settle()
        self.step_ns = units * _NS_PER_S // self.clock_rate

    def count_at(self, clock_rate: int) -> None:
        """The stream's timestamps count so many a second from now on."""
        if clock_rate != self.clock_rate:
            self._settle()
            self.clock_rate = clock_rate
            self._is_paused = True

    def pause(self) -> None:
        """The far end may stop sending now: how long it does is no gap."""
        self._settle()
        self._is_paused = True

    def _begin(self, ssrc: int, sequence: int) -> None:
        self._of_former, self._expected_before = self.packets, self.packets + self.lost
        self._received, self._prior = 0, (0, 0)
        self.ssrc = ssrc
        self._first, self._highest = sequence, sequence - 1
        self._is_paused = True

    def _settle(self) -> None:
        """Count the steady ones."""
        if self.steady:
            self._received += self.steady
            self._highest += self.steady
            self._timestamp += self.steady * (self.step_ns * self.clock_rate // _NS_PER_S)
            self.steady = 0

    def _time(self, timestamp: int, now_ns: int, *, ahead: int) -> None:
        elapsed_ns = now_ns - self.last_ns
        off_ns = elapsed_ns - _signed(timestamp - self._timestamp) * _NS_PER_S // self.clock_rate
        self._timestamp, self.last_ns = timestamp, now_ns
        if self._is_paused or abs(off_ns) > MAX_TRANSIT_NS:
            self._is_paused = False
            return
        self.jitter_ns += (abs(off_ns) - self.jitter_ns) >> 4
        if ahead > 0:  # of lost ones nothing was heard, however their time was counted; a silence that was meant is none
            self.late_ns = max(self.late_ns, off_ns if ahead == 1 else elapsed_ns - self.step_ns)

    # figures

    @property
    def packets(self) -> int:
        return self._of_former + self._received + self.steady

    @property
    def lost(self) -> int:
        """Of all streams so far; duplicates count against it."""
        return self._expected_before - self._of_former + self._lost_now()

    @property
    def gap_ns(self) -> int | None:
        """Returns the longest time between two packets of a stream that did not pause; None: there were no two."""
        return None if self.packets < 2 else self.late_ns + self.step_ns

    def sample(self) -> None:
        """Take the present jitter for `mean_jitter_ns`, where packets came since the last time. Meant for once a second."""
        if self.last_ns != self._sampled_ns and self.packets > 1:
            self._sampled_ns = self.last_ns
            self._samples += 1
            self._jitters_ns += self.jitter_ns
            self._max_jitter_ns = max(self._max_jitter_ns, self.jitter_ns)

    @property
    def mean_jitter_ns(self) -> int | None:
        return self._jitters_ns // self._samples if self._samples else None

    @property
    def max_jitter_ns(self) -> int | None:
        return self._max_jitter_ns if self._samples else None

    def block(self, *, lsr: int, dlsr: int) -> ReportBlock | None:
        """Returns the report block of this stream, and counts from here for the next one's fraction; None: nothing came yet."""
        if self.ssrc is None:
            return None
        self._settle()
        expected, received = self._highest - self._first + 1, self._received
        expected_now, received_now = expected - self._prior[0], received - self._prior[1]
        self._prior = expected, received
        lost = expected_now - received_now
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=0 if expected_now <= 0 or lost <= 0 else min(255, 256 * lost // expected_now),
            lost=expected - received,
            highest=self._highest & 0xFFFFFFFF,
            jitter=min(self.jitter_ns * self.clock_rate // _NS_PER_S, 0xFFFFFFFF),
            lsr=lsr,
            dlsr=dlsr,
        )

    def _lost_now(self) -> int:
        return 0 if self.ssrc is None else self._highest - self._first + 1 - self._received


def _signed(number: int) -> int:
    """Returns the difference of two timestamps, which wrap at 32 bits."""
    return ((number + 0x80000000) & 0xFFFFFFFF) - 0x80000000
