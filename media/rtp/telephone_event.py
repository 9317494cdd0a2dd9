"""PURE. Digits as RTP telephone events (RFC 4733): the packets of one key press, and a detector that reports each press once.

Writes and reads event payloads; all packets of one event share its start as timestamp. Payload type numbers (from SDP) and moments
are passed in: no sockets or clocks here. Events beyond the sixteen DTMF keys are not digits and are not reported.
"""

import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from media.rtp.packet import RtpPacket

DIGITS = "0123456789*#ABCD"  # by event code, RFC 4733 §3.2
END_PACKETS = 3  # RFC 4733 §2.5.1.4: the last report is sent three times, so that a digit survives loss
FRAME_MS = 20
SAMPLES_PER_MS = 8
MAX_DURATION = 0xFFFF
LOST_NS = 250_000_000  # updates come every 20-50 ms: after five missing ones the event is over, its end was lost
TOLD_EVENTS = 32  # how many past presses are remembered against late and repeated packets

_PAYLOAD = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True, kw_only=True)
class TelephoneEvent:
    """One report about one event. `duration` counts samples since its start; `volume` is the power level in -dBm0."""

    code: int
    end: bool
    volume: int
    duration: int


def parse_event(payload: bytes | bytearray | memoryview) -> TelephoneEvent | None:
    """The payload's first event report; None where it is too short."""
    if len(payload) < 4:
        return None
    code, flags, duration = _PAYLOAD.unpack_from(payload)
    return TelephoneEvent(code=code, end=bool(flags & 0x80), volume=flags & 0x3F, duration=duration)


def build_event(event: TelephoneEvent) -> bytes:
    return _PAYLOAD.pack(event.code, (0x80 if event.end else 0) | event.volume, event.duration)


def press_payloads(digit: str, *, duration_ms: int, volume: int = 10) -> Iterator[bytes]:
    """The payloads of one key press, to be sent 20 ms apart (the repeated ends too): a growing duration, then the end three times.
    ValueError for what is no digit, or too long."""
    code = DIGITS.index(digit)
    if not FRAME_MS <= duration_ms <= MAX_DURATION // SAMPLES_PER_MS:
        raise ValueError(f"a press of {duration_ms} ms")
    lasting = [*range(FRAME_MS, duration_ms, FRAME_MS), *[duration_ms] * END_PACKETS]
    for number, so_far_ms in enumerate(lasting):
        end = number >= len(lasting) - END_PACKETS
        yield build_event(TelephoneEvent(code=code, end=end, volume=volume, duration=so_far_ms * SAMPLES_PER_MS))


def press(digit: str, start: RtpPacket, *, duration_ms: int = 100, volume: int = 10) -> Iterator[RtpPacket]:
    """The packets of one key press, see `press_payloads`. `start` gives SSRC, payload type, the first packet's sequence and the event's
    timestamp."""
    for number, payload in enumerate(press_payloads(digit, duration_ms=duration_ms, volume=volume)):
        yield replace(start, sequence=(start.sequence + number) & 0xFFFF, marker=number == 0, payload=payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Press:
    """A press that is under way: its name on the wire, and when it was last heard of."""

    ssrc: int
    timestamp: int
    code: int
    heard_ns: int


class DigitDetector:
    """Reports each press once: at its first end packet, or when the next event cuts it off, or when its packets stop.

    A press is named by SSRC, timestamp and code. Names already reported are remembered, so repeated ends, duplicates and latecomers are
    silent, while the same key pressed again has a new timestamp and is a new digit.
    """

    __slots__ = ("_pending", "_taken", "_told")

    def __init__(self) -> None:
        self._pending: _Press | None = None
        self._taken: frozenset[tuple[int, int, int]] = frozenset()
        self._told: deque[tuple[int, int, int]] = deque(maxlen=TOLD_EVENTS)

    @property
    def waiting(self) -> bool:
        """A press is under way: `expire` has to be asked from time to time."""
        return self._pending is not None

    def take(self) -> None:
        """Presses reported so far are `is_taken` from now on: whoever listens next must not hear the rest of them."""
        self._taken = frozenset(self._told)

    def is_taken(self, payload: bytes | bytearray | memoryview, *, ssrc: int, timestamp: int) -> bool:
        return bool(self._taken) and len(payload) > 0 and (ssrc, timestamp, payload[0]) in self._taken

    def hear(self, payload: bytes | bytearray | memoryview, *, ssrc: int, timestamp: int, now_ns: int) -> str:
        """One telephone-event packet -> the digits it completes: none, one, or two (a cut-off one and a new one already ended)."""
        event = parse_event(payload)
        if event is None or event.code >= len(DIGITS) or (ssrc, timestamp, event.code) in self._told:
            return ""
        heard = _Press(ssrc=ssrc, timestamp=timestamp, code=event.code, heard_ns=now_ns)
        digits = ""
        if self._pending is not None and not _same_press(self._pending, heard):
            digits = self._tell(self._pending)
        elif self._pending is not None and self._pending.timestamp != timestamp:
            self._remember(self._pending)
        self._pending = heard
        if event.end:
            digits += self._tell(heard)
        return digits

    def expire(self, now_ns: int) -> str:
        """The digit whose packets stopped without an end, once `LOST_NS` went by; else nothing."""
        if self._pending is None or now_ns - self._pending.heard_ns < LOST_NS:
            return ""
        return self._tell(self._pending)

    def _tell(self, press: _Press) -> str:
        self._pending = None
        self._remember(press)
        return DIGITS[press.code]

    def _remember(self, press: _Press) -> None:
        self._told.append((press.ssrc, press.timestamp, press.code))


def _same_press(pending: _Press, heard: _Press) -> bool:
    """The same event, or its next segment: one longer than its duration field can say goes on under a new timestamp (§2.5.1.3)."""
    if (pending.ssrc, pending.code) != (heard.ssrc, heard.code):
        return False
    return (heard.timestamp - pending.timestamp) & 0xFFFFFFFF in (0, MAX_DURATION)
