"""RTCP of one leg: what its far end reports of the audio that we send, and where our own reports go. Sends nothing, and reads no clock."""

from typing import TYPE_CHECKING

from media.control import FarEnd
from media.rtp.rtcp import UNITS_PER_S, Compound, ReportBlock, VoipMetrics, middle, ntp, round_trip_ns

if TYPE_CHECKING:
    from media.worker.path import Address
    from media.worker.sockets import DatagramSocket

NS_PER_US = 1_000
NS_PER_S = 1_000_000_000


class RtcpSession:
    """`sock`: bound to the port beside RTP's; None: that could not be had. `source`: where the far end's RTCP comes from, to `sock`.
    `packets_before`, `octets_before`: of RTP, that were sent under another SSRC. `sent_before`: packets of RTP that were sent by the last
    report; None: there was none. `utc_offset_ns`: from the worker's moments to UTC."""

    __slots__ = (
        "_block",
        "_jitters_ns",
        "_newest_report",
        "_reports",
        "_trips",
        "_trips_ns",
        "_voip",
        "cname",
        "octets_before",
        "packets_before",
        "sent_before",
        "sock",
        "source",
        "ssrc",
        "utc_offset_ns",
    )

    def __init__(self, *, ssrc: int, cname: str = "", utc_offset_ns: int = 0) -> None:
        self.ssrc = ssrc
        self.cname = cname
        self.utc_offset_ns = utc_offset_ns
        self.sock: DatagramSocket | None = None
        self.source: Address | None = None
        self.sent_before: int | None = None
        self._newest_report: tuple[int, int] | None = (
            None  # NTP timestamp (middle) of the far end's newest sender report, and when it came
        )
        self._block: ReportBlock | None = None
        self._voip: VoipMetrics | None = None
        self.packets_before = self.octets_before = 0
        self._reports = self._jitters_ns = self._trips = self._trips_ns = 0

    def begin(self, ssrc: int, *, packets: int, octets: int) -> None:
        """Our stream has another SSRC from now on. What the far end said is of the former one, which ends."""
        self.ssrc = ssrc
        self.packets_before, self.octets_before = packets, octets
        self._block = self._voip = None
        self._reports = self._jitters_ns = 0

    def move(self) -> None:
        """The far end is elsewhere from now on, and maybe another one."""
        self.source = self._newest_report = None

    def take(self, compound: Compound, now_ns: int, *, clock_rate: int) -> None:
        """The far end says this."""
        if compound.info is not None:
            self._newest_report = middle(compound.info.ntp), now_ns
        for block in compound.blocks:
            if block.ssrc == self.ssrc:
                self._block = block
                self._reports += 1
                self._jitters_ns += block.jitter * NS_PER_S // clock_rate
                trip_ns = round_trip_ns(block, ntp_now=self.ntp(now_ns))
                if trip_ns is not None:
                    self._trips += 1
                    self._trips_ns += trip_ns
        for metrics in compound.voip:
            if metrics.ssrc == self.ssrc:
                self._voip = metrics

    def ntp(self, now_ns: int) -> int:
        return ntp(now_ns + self.utc_offset_ns)

    def last_report(self, now_ns: int) -> tuple[int, int]:
        """Returns LSR and DLSR of a report block (RFC 3550 §6.4.1); 0, 0 where the far end sent no sender report."""
        if self._newest_report is None:
            return 0, 0
        lsr, came_ns = self._newest_report
        return lsr, min((now_ns - came_ns) * UNITS_PER_S // NS_PER_S, 0xFFFFFFFF)

    def round_trip_us(self) -> int | None:
        """Returns the mean of all that could be measured."""
        return self._trips_ns // self._trips // NS_PER_US if self._trips else None

    def far_end(self, *, first_sequence: int, numbers: int) -> FarEnd | None:
        """Returns what the far end said of our stream, which began with that sequence number and has used so many; None: nothing."""
        block = self._block
        if block is None:
            return None
        expected = min(((block.highest - first_sequence) & 0xFFFFFFFF) + 1, numbers)
        return FarEnd(
            expected=expected,
            lost=min(max(0, block.lost), expected),
            jitter_us=self._jitters_ns // self._reports // NS_PER_US,
            discarded=0.0 if self._voip is None else self._voip.discard,
            mos=None if self._voip is None else self._voip.mos,
        )
