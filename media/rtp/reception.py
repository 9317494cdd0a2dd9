"""PURE. What of a stream arrived: loss, interarrival jitter, the longest gap (RFC 3550 A.1, A.3, A.8). No sockets or clocks.

The theory. Most packets are the next one by sequence and time. Whoever forwards them has found out already that they are (`OutgoingStream`
in `media.rtp.continuity` has), and calls them *steady*: of these it is enough to know when they came, so the packet path
(`media.worker.forward`) keeps `Arrivals` for them itself. Every other packet goes through `take`.

A stream of another SSRC begins anew, and so does one that jumps by more than loss explains; what was counted so far is kept. Timestamps
that jump are no jitter: the device's clock was set. Duplicates count as received (A.3), so loss may be below 0.
"""

from functools import lru_cache

from media.rtp.continuity import LONGEST_MS, MAX_AHEAD, MAX_BEHIND
from media.rtp.rtcp import ReportBlock

MAX_TRANSIT_NS = 1_000_000_000
"""A transit time that differs by more from that of the packet before is a clock that was set."""
FRAME_NS = 20_000_000
NEVER = -1
LENGTHS = 64
_NS_PER_S = 1_000_000_000


class Arrivals:
    """What the packet path keeps of what comes. `audio_ns`: when the last audio came, or `NEVER`. `steady`: packets since the last `take`,
    each a step after the one before; `step_ns`: the time that such a one stands for. `counted`: all that were heard before those.
    `late_ns`: the longest time in which none came although it should have. `jitter_ns`: the present jitter."""

    __slots__ = ("audio_ns", "counted", "jitter_ns", "late_ns", "steady", "step_ns")

    def __init__(self) -> None:
        self.audio_ns = NEVER
        self.step_ns = FRAME_NS
        self.counted = self.steady = self.late_ns = self.jitter_ns = 0

    @property
    def received(self) -> int:
        """Returns how many packets were heard."""
        return self.counted + self.steady


class Reception:
    """Figures of what `arrivals` are of."""

    __slots__ = (
        "_arrivals",
        "_expected_before",
        "_first",
        "_highest",
        "_is_paused",
        "_jitters_ns",
        "_max_jitter_ns",
        "_of_former",
        "_prior",
        "_received",
        "_sampled",
        "_samples",
        "_timestamp",
        "clock_rate",
        "ssrc",
    )

    def __init__(self, arrivals: Arrivals, *, clock_rate: int = 8_000) -> None:
        self._arrivals = arrivals
        self.clock_rate = clock_rate
        self.ssrc: int | None = None
        self._first = self._highest = 0  # sequence numbers; they run on past 16 bits
        self._received = 0
        self._of_former = self._expected_before = 0  # packets received and expected of streams before this one
        self._prior = 0, 0  # expected and received at the last report
        self._timestamp = 0
        self._is_paused = True
        self._samples = self._jitters_ns = self._max_jitter_ns = self._sampled = 0

    def take(self, *, ssrc: int, sequence: int, timestamp: int, elapsed_ns: int, is_audio: bool = True) -> None:
        """A packet came that is not known to be steady, `elapsed_ns` after the audio before it. One that is no audio has a number among the
        others, and its time says nothing; with an SSRC of its own it is none of this stream."""
        self.settle()
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
            self._time(timestamp, elapsed_ns, ahead=0 if is_late else ahead)

    def step(self, units: int) -> None:
        """Packets that are steady from now on are so far apart."""
        self.settle()
        self._arrivals.step_ns = _length_ns(units, self.clock_rate)

    def count_at(self, clock_rate: int) -> None:
        """The stream's timestamps count so many a second from now on."""
        if clock_rate != self.clock_rate:
            self.settle()
            self.clock_rate = clock_rate
            self._is_paused = True

    def pause(self) -> None:
        """The far end may stop sending now: how long it does is no gap."""
        self.settle()
        self._is_paused = True

    def settle(self) -> None:
        """Counts the steady ones."""
        arrivals = self._arrivals
        if arrivals.steady:
            arrivals.counted += arrivals.steady
            self._received += arrivals.steady
            self._highest += arrivals.steady
            self._timestamp += arrivals.steady * (arrivals.step_ns * self.clock_rate // _NS_PER_S)
            arrivals.steady = 0

    def _begin(self, ssrc: int, sequence: int) -> None:
        self._of_former, self._expected_before = self.packets, self.packets + self.lost
        self._received, self._prior = 0, (0, 0)
        self.ssrc = ssrc
        self._first, self._highest = sequence, sequence - 1
        self._is_paused = True

    def _time(self, timestamp: int, elapsed_ns: int, *, ahead: int) -> None:
        arrivals = self._arrivals
        units = _signed(timestamp - self._timestamp)
        off_ns = elapsed_ns - units * _NS_PER_S // self.clock_rate
        self._timestamp = timestamp
        if ahead == 1 and 0 < units <= LONGEST_MS * self.clock_rate // 1_000 and not self._is_paused:
            arrivals.step_ns = _length_ns(units, self.clock_rate)  # who forwards it may know better, and says so
        if self._is_paused or abs(off_ns) > MAX_TRANSIT_NS:
            self._is_paused = False
            return
        arrivals.jitter_ns += (abs(off_ns) - arrivals.jitter_ns) >> 4
        if ahead > 0:  # of lost ones nothing was heard, however their time was counted; a silence that was meant is none
            arrivals.late_ns = max(arrivals.late_ns, off_ns if ahead == 1 else elapsed_ns - arrivals.step_ns)

    # figures

    @property
    def packets(self) -> int:
        return self._of_former + self._received + self._arrivals.steady

    @property
    def lost(self) -> int:
        """Of all streams so far; duplicates count against it."""
        return self._expected_before - self._of_former + self._lost_now()

    @property
    def gap_ns(self) -> int | None:
        """Returns the longest time between two packets of a stream that did not pause; None: there were no two."""
        return None if self.packets < 2 else self._arrivals.late_ns + self._arrivals.step_ns

    def sample(self) -> None:
        """Take the present jitter for `mean_jitter_ns`, where packets came since the last time. Meant for once a second."""
        if self.packets > max(1, self._sampled):
            jitter_ns = self._arrivals.jitter_ns
            self._sampled = self.packets
            self._samples += 1
            self._jitters_ns += jitter_ns
            self._max_jitter_ns = max(self._max_jitter_ns, jitter_ns)

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
        self.settle()
        expected, received = self._highest - self._first + 1, self._received
        expected_now, received_now = expected - self._prior[0], received - self._prior[1]
        self._prior = expected, received
        lost = expected_now - received_now
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=0 if expected_now <= 0 or lost <= 0 else min(255, 256 * lost // expected_now),
            lost=expected - received,
            highest=self._highest & 0xFFFFFFFF,
            jitter=min(self._arrivals.jitter_ns * self.clock_rate // _NS_PER_S, 0xFFFFFFFF),
            lsr=lsr,
            dlsr=dlsr,
        )

    def _lost_now(self) -> int:
        return 0 if self.ssrc is None else self._highest - self._first + 1 - self._received


@lru_cache(LENGTHS)
def _length_ns(units: int, clock_rate: int) -> int:
    """One object for all streams: the packet path reads it at every packet, and would find one of each stream's own in no cache."""
    return units * _NS_PER_S // clock_rate


def _signed(number: int) -> int:
    """Returns the difference of two timestamps, which wrap at 32 bits."""
    return ((number + 0x80000000) & 0xFFFFFFFF) - 0x80000000
