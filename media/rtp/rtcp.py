"""PURE. RTCP on the wire (RFC 3550 §6), bytes <-> what we need of it: sender and receiver reports, CNAME, BYE; of XR the VoIP metrics.

Reads what devices send: reports in any order, one alone (RFC 5506), kinds that we do not know. Whose they are, and when one is due, is
decided elsewhere. No sockets or clocks: moments are passed in.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SR, RR, SDES, BYE, APP, XR = 200, 201, 202, 203, 204, 207
FIRST, LAST = 192, 223
"""Second octets that RTCP has and RTP on the same port has not (RFC 5761 §4)."""
MAX_RTCP_BYTES = 1_500
MAX_BLOCKS = 31
"""Report blocks of one packet: their count has five bits."""
MAX_CNAME_BYTES = 255
MAX_LOST, MIN_LOST = 0x7FFFFF, -0x800000
"""Cumulative loss has 24 bits and a sign."""
NTP_EPOCH_S = 2_208_988_800
"""From 1900 to 1970."""
UNITS_PER_S = 65_536
"""Of the middle 32 bits of an NTP timestamp, and of all delays in reports."""

_CNAME_ITEM = 1
_VOIP_METRICS = 7
_MOS_CQ = 16
"""Its place among the fields of the VoIP metrics (RFC 3611 §4.7)."""
_VERSION = 0x80
_PADDING = 0x20
_HEADER = struct.Struct("!BBH")
_SSRC = struct.Struct("!I")
_SENDER = struct.Struct("!QIII")
_BLOCK = struct.Struct("!IIIIII")
_VOIP = struct.Struct("!I4B4H4B4B2B3H")
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBlock:
    """What a receiver says of the stream `ssrc`. `fraction_lost`: of 256, since its last report. `lost`: since the beginning, below 0 where
    more came than was sent. `highest`: sequence number, wraps in the upper 16 bits. `jitter`: timestamp units. `lsr`: the middle 32 bits
    of the NTP timestamp of the last sender report that it has, 0: none. `dlsr`: since that one came, in 1/65536 s."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    lsr: int
    dlsr: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderInfo:
    """`ntp`: all 64 bits. `timestamp`: the same moment in the stream's units."""

    ntp: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VoipMetrics:
    """RFC 3611 §4.7, as far as it is used. `loss`, `discard`: shares of the packets that were lost, and that came too late to be played.
    `mos`: for conversation, 1.0 to 5.0; None: not known."""

    ssrc: int
    loss: float
    discard: float
    mos: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compound:
    """What one datagram says. `ssrc`: whose report it is, None where it has none. `info`: of a sender report."""

    ssrc: int | None = None
    info: SenderInfo | None = None
    blocks: tuple[ReportBlock, ...] = ()
    voip: tuple[VoipMetrics, ...] = ()
    bye: tuple[int, ...] = ()


def is_rtcp(data: bytes | bytearray | memoryview) -> bool:
    """Returns whether a datagram of a port that RTP comes to as well is RTCP (RFC 5761 §4)."""
    return len(data) >= _HEADER.size and data[0] >> 6 == 2 and FIRST <= data[1] <= LAST


def parse(data: bytes | bytearray | memoryview) -> Compound | None:
    """What a datagram says; None where it is no RTCP: another version, or lengths that do not add up (RFC 3550 A.2)."""
    packets = _packets(data)
    if packets is None:
        return None
    ssrc: int | None = None
    info: SenderInfo | None = None
    blocks: list[ReportBlock] = []
    voip: list[VoipMetrics] = []
    bye: list[int] = []
    for kind, count, body in packets:
        start = 4
        if kind == SR and len(body) >= 4 + _SENDER.size:
            info = SenderInfo(**dict(zip(("ntp", "timestamp", "packets", "octets"), _SENDER.unpack_from(body, 4), strict=True)))
            start += _SENDER.size
        elif kind == XR:
            voip.extend(_voip(body[4:]))
            continue
        elif kind == BYE:
            bye.extend(_SSRC.unpack_from(body, at)[0] for at in range(0, min(4 * count, len(body) // 4 * 4), 4))
            continue
        elif kind != RR:
            continue
        if len(body) >= 4:
            (ssrc,) = _SSRC.unpack_from(body)
            blocks.extend(_blocks(body[start:], count))
    return Compound(ssrc=ssrc, info=info, blocks=tuple(blocks), voip=tuple(voip), bye=tuple(bye))


def _packets(data: bytes | bytearray | memoryview) -> list[tuple[int, int, memoryview]] | None:
    """The packets of a datagram: kind, count, and what follows the header, without padding; None where the lengths do not add up."""
    if not _HEADER.size <= len(data) <= MAX_RTCP_BYTES:
        return None
    view = memoryview(data)
    found = []
    at = 0
    while at < len(view):
        if len(view) - at < _HEADER.size:
            return None
        first, kind, words = _HEADER.unpack_from(view, at)
        stop = at + 4 + 4 * words
        if first >> 6 != 2 or not FIRST <= kind <= LAST or stop > len(view):
            return None
        end = stop
        if first & _PADDING:
            padding = view[stop - 1]
            if stop != len(view) or padding % 4 or not 0 < padding <= stop - at - 4:
                return None
            end -= padding
        found.append((kind, first & 0x1F, view[at + 4 : end]))
        at = stop
    return found


def _blocks(body: memoryview, count: int) -> Iterator[ReportBlock]:
    for at in range(0, min(count * _BLOCK.size, len(body) // _BLOCK.size * _BLOCK.size), _BLOCK.size):
        ssrc, loss, highest, jitter, lsr, dlsr = _BLOCK.unpack_from(body, at)
        lost = loss & 0xFFFFFF
        yield ReportBlock(
            ssrc=ssrc,
            fraction_lost=loss >> 24,
            lost=lost - 0x1000000 if lost > MAX_LOST else lost,
            highest=highest,
            jitter=jitter,
            lsr=lsr,
            dlsr=dlsr,
        )


def _voip(body: memoryview) -> Iterator[VoipMetrics]:
    """The VoIP metrics among the blocks of an XR packet."""
    at = 0
    while at + _HEADER.size <= len(body):
        kind, _, words = _HEADER.unpack_from(body, at)
        stop = at + 4 + 4 * words
        if kind == _VOIP_METRICS and 4 * words >= _VOIP.size and stop <= len(body):
            fields = _VOIP.unpack_from(body, at + 4)
            ssrc, loss, discard, mos = fields[0], fields[1], fields[2], fields[_MOS_CQ]
            is_known = 10 <= mos <= 50  # 127: not known
            yield VoipMetrics(ssrc=ssrc, loss=loss / 256, discard=discard / 256, mos=mos / 10 if is_known else None)
        at = stop


def build(
    *, ssrc: int, cname: str, info: SenderInfo | None = None, blocks: Sequence[ReportBlock] = (), with_bye: bool = False
) -> bytes:
    """A compound packet: a sender report where `info` is given, else a receiver report; CNAME; BYE where the session ends. struct.error
    where a number does not fit its field."""
    body = _SSRC.pack(ssrc)
    if info is not None:
        body += _SENDER.pack(info.ntp, info.timestamp, info.packets & 0xFFFFFFFF, info.octets & 0xFFFFFFFF)
    for block in blocks[:MAX_BLOCKS]:
        lost = min(max(block.lost, MIN_LOST), MAX_LOST) & 0xFFFFFF
        body += _BLOCK.pack(block.ssrc, block.fraction_lost << 24 | lost, block.highest, block.jitter, block.lsr, block.dlsr)
    name = cname.encode()[:MAX_CNAME_BYTES]
    item = bytes((_CNAME_ITEM, len(name))) + name
    item += bytes(4 - len(item) % 4)  # an end, and up to the word
    packets = _packet(RR if info is None else SR, len(blocks[:MAX_BLOCKS]), body) + _packet(SDES, 1, _SSRC.pack(ssrc) + item)
    return packets + _packet(BYE, 1, _SSRC.pack(ssrc)) if with_bye else packets


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(_VERSION | count, kind, len(body) // 4) + body


def ntp(utc_ns: int) -> int:
    """A moment, nanoseconds since 1970, as the 64 bits of an NTP timestamp (RFC 3550 §4)."""
    seconds, rest_ns = divmod(utc_ns, _NS_PER_S)
    return (seconds + NTP_EPOCH_S & 0xFFFFFFFF) << 32 | (rest_ns << 32) // _NS_PER_S


def middle(ntp_timestamp: int) -> int:
    """The middle 32 bits: seconds and 1/65536 seconds."""
    return ntp_timestamp >> 16 & 0xFFFFFFFF


def round_trip_ns(block: ReportBlock, *, ntp_now: int) -> int | None:
    """How long to the far end and back, by its report on a report of ours (RFC 3550 §6.4.1); None: it has none, or it can't be.

    Clocks that run apart may make a short trip less than nothing: that is 0.
    """
    if block.lsr == 0:
        return None
    units = (middle(ntp_now) - block.lsr - block.dlsr + 0x80000000 & 0xFFFFFFFF) - 0x80000000
    if not -UNITS_PER_S // 20 <= units <= 10 * UNITS_PER_S:
        return None
    return max(0, units) * _NS_PER_S // UNITS_PER_S
