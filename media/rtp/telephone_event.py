"""PURE. Digits as RTP telephone events (RFC 4733): the packets of one key press, and a detector of presses, each from its first packet.

Writes and reads event payloads; all packets of one event share its start as timestamp. Payload type numbers (from SDP) and moments
are passed in: no sockets or clocks here. Events beyond the sixteen DTMF keys (a hook flash) are no digits.
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
LOST_NS = 250_000_000  # updates come every 20-50 ms: after five missing ones an event whose end was lost is over
PAUSE_SAMPLES = 40 * SAMPLES_PER_MS  # the shortest pause between two presses (ITU-T Q.24)
SHORTEST_SAMPLES = 2 * PAUSE_SAMPLES  # a press of 40 ms and the pause behind it
WRAP_SAMPLES = 200 * SAMPLES_PER_MS  # so near its limit a duration that starts over has wrapped
SEGMENTS = (MAX_DURATION, MAX_DURATION + 1)
"""How far a long event's timestamp moves on from segment to segment (RFC 4733 §2.5.1.3); some devices go one too far."""
KNOWN_PRESSES = 8
"""Past presses that are remembered against latecomers."""
MAX_LATE_PACKETS = 100  # RFC 3550 A.1, MAX_MISORDER
MAX_LATE_NS = 1_000_000_000

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


class Press:
    """One event, from key-down on. `segment`: what its timestamps have moved on by in segments of 65,535 (RFC 4733 §2.5.1.3). `is_spent`:
    it has been acted on here, no further packet of it goes to anybody. `stamp`: its timestamp in the stream that it is sent on in."""

    __slots__ = (
        "code",
        "duration",
        "has_ended",
        "heard_ns",
        "is_moving",
        "is_spent",
        "segment",
        "sequence",
        "ssrc",
        "stamp",
        "timestamp",
    )

    def __init__(self, event: TelephoneEvent, *, ssrc: int, sequence: int, timestamp: int, now_ns: int) -> None:
        self.code = event.code
        self.ssrc = ssrc
        self.sequence = sequence  # of its newest packet, like the next four
        self.timestamp = timestamp
        self.duration = event.duration
        self.has_ended = event.end
        self.heard_ns = now_ns
        self.is_moving = False
        self.segment = 0
        self.is_spent = False
        self.stamp: int | None = None

    @property
    def digit(self) -> str:
        """The key; "" where it is an event of another kind."""
        return DIGITS[self.code] if self.code < len(DIGITS) else ""


class DigitDetector:
    """Tells of each packet which press it belongs to.

    A packet that is newer than the press before belongs to another one if its code says so, or its time: a press is over once an end came,
    and where all ends were lost, its next packet would not begin a pause later. What devices do to the timestamps within a press
    (one for each packet, the next segment at 65,535 or 65,536, the last press's once more) is told by sequence, duration and ends.
    A packet that is older is a latecomer, and names its press by the timestamp.
    """

    __slots__ = ("_presses",)

    def __init__(self) -> None:
        self._presses: deque[Press] = deque(maxlen=KNOWN_PRESSES)  # of each SSRC the newest one last

    def hear(
        self, payload: bytes | bytearray | memoryview, *, ssrc: int, sequence: int, timestamp: int, now_ns: int
    ) -> tuple[Press, bool] | None:
        """Returns the press that a packet belongs to and whether it is the first of it; None where the payload is no event."""
        event = parse_event(payload)
        if event is None:
            return None
        last = next((press for press in reversed(self._presses) if press.ssrc == ssrc), None)
        if last is not None:
            ahead = (sequence - last.sequence) & 0xFFFF
            if -ahead & 0xFFFF <= MAX_LATE_PACKETS and now_ns - last.heard_ns < MAX_LATE_NS:
                known = self._late(event.code, ssrc=ssrc, timestamp=timestamp)
                if known is not None:
                    return known, False
                press = Press(event, ssrc=ssrc, sequence=sequence, timestamp=timestamp, now_ns=now_ns)
                self._insert(press, before=last)
                return press, True
            if _goes_on(last, event, ahead=ahead, timestamp=timestamp, now_ns=now_ns):
                _go_on(last, event, sequence=sequence, timestamp=timestamp, now_ns=now_ns)
                return last, False
        press = Press(event, ssrc=ssrc, sequence=sequence, timestamp=timestamp, now_ns=now_ns)
        self._presses.append(press)
        return press, True

    def spend(self) -> None:
        """All presses that are known by now have been acted on."""
        for press in self._presses:
            press.is_spent = True

    def _late(self, code: int, *, ssrc: int, timestamp: int) -> Press | None:
        """Returns the press of a packet that is not newer than all before: the one that began when it says, or so near that no other one
        fits in between."""
        for press in reversed(self._presses):
            if (press.ssrc, press.code) == (ssrc, code):
                moved = _signed(timestamp - press.timestamp)
                if abs(moved) < SHORTEST_SAMPLES or -moved in SEGMENTS:
                    return press
        return None

    def _insert(self, press: Press, *, before: Press) -> None:
        if len(self._presses) == KNOWN_PRESSES:
            self._presses.popleft()
        self._presses.insert(self._presses.index(before) if before in self._presses else len(self._presses), press)


def _goes_on(press: Press, event: TelephoneEvent, *, ahead: int, timestamp: int, now_ns: int) -> bool:
    """Returns whether a packet that is newer than all of `press`, by `ahead`, is one more of it."""
    if event.code != press.code:
        return False
    moved = _signed(timestamp - press.timestamp)
    pause = moved - press.duration
    if press.has_ended:
        return event.end and pause < PAUSE_SAMPLES
    if moved == 0:
        is_restarted = event.duration < press.duration < MAX_DURATION - WRAP_SAMPLES
        return not is_restarted or now_ns - press.heard_ns < LOST_NS
    if moved in SEGMENTS and press.duration > MAX_DURATION // 2:
        return True
    may_be_lost = press.is_moving and now_ns - press.heard_ns < LOST_NS
    lost = (ahead - 1) * FRAME_MS * SAMPLES_PER_MS if may_be_lost else 0
    return pause < PAUSE_SAMPLES + lost


def _go_on(press: Press, event: TelephoneEvent, *, sequence: int, timestamp: int, now_ns: int) -> None:
    moved = _signed(timestamp - press.timestamp)
    if moved in SEGMENTS and event.duration < press.duration:
        press.segment += MAX_DURATION
    elif moved != 0:
        press.is_moving = True
    press.sequence = sequence
    press.timestamp = timestamp
    press.duration = event.duration
    press.has_ended = press.has_ended or event.end
    press.heard_ns = now_ns


def _signed(number: int) -> int:
    """Returns the difference of two timestamps, which wrap at 32 bits."""
    return ((number + 0x80000000) & 0xFFFFFFFF) - 0x80000000
