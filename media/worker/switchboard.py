"""Carries out orders on the legs, and what time does to them: prompts, silence, the heartbeat.

Handles orders, legs and playouts. Packets are in `forward`, epoll in `relay`, the way of reports in `link`.
"""

import secrets
from collections.abc import Callable, Sequence
from itertools import cycle
from time import monotonic_ns, time_ns
from typing import Protocol, assert_never

from media.control import (
    MAX_HEARTBEAT_PORTS,
    Bridge,
    Close,
    Closed,
    Counters,
    Heartbeat,
    MediaTimeout,
    Open,
    OpenFailed,
    Order,
    Play,
    PlayFinished,
    PlayMusic,
    Quality,
    Quit,
    RemoteMedia,
    Report,
    Ringback,
    SendDigit,
    SetPrompts,
    SetRemote,
    StopPlay,
    Tap,
    Unbridge,
    Untap,
)
from media.dsp.g711 import PCMU, SAMPLE_RATE
from media.dsp.tones import FRAME_SAMPLES
from media.rtp.continuity import FRAME_MS, OutgoingStream
from media.rtp.packet import HEADER_BYTES
from media.rtp.telephone_event import Press
from media.worker.digits import DigitQueue
from media.worker.hearing import tell
from media.worker.leg import Leg
from media.worker.liveness import last_heard_ns, lost_since
from media.worker.path import NO_TYPE
from media.worker.playout import Audio, Playout, ringing_tone
from media.worker.prompts import PromptUnplayable
from media.worker.reporter import Reporter
from media.worker.sockets import DatagramSocket
from media.worker.tap import MAX_TAPS, Consumers
from media.worker.tones import SHORTEST_MS, ToneQueue
from media.worker.transcoding import Transcoder, Transcoding
from switch.codec import LONGEST_MS, NARROW_BAND, Codec
from switch.timer_heap import TimerHeap

LONGEST_BYTES = HEADER_BYTES + LONGEST_MS * SAMPLE_RATE // 1_000
EVENT_BYTES = HEADER_BYTES + 4
CNAME_BYTES = 12  # of chance, each leg its own: a CNAME tells nobody who is in which call (RFC 7022 §4.2)
HOLD_TIMEOUT_NS = 1_800_000_000_000
_CODECS = frozenset(codec.value for codec in Codec)
NO_PLAY = 0  # what music is told by: no order to play has this number


class Sockets(Protocol):
    """Binds a leg's port and has its packets received from then on."""

    def bind(self, host: str, port: int) -> DatagramSocket:
        """OSError or OverflowError where the port can't be had."""

    def watch(self, leg: Leg) -> None: ...

    def unwatch(self, leg: Leg) -> None: ...


class Switchboard:
    __slots__ = (
        "_forget",
        "_frame",
        "_hold_timeout_ns",
        "_legs",
        "_prompt",
        "_report",
        "_reporter",
        "_rtp_timeout_ns",
        "_schedule",
        "_sockets",
        "_taps",
        "_transcoders",
        "_utc_offset_ns",
        "_view",
    )

    def __init__(
        self,
        *,
        sockets: Sockets,
        prompt: Callable[[str], Audio | PromptUnplayable],
        report: Callable[[Report], None],
        taps: Consumers,
        rtp_timeout_ns: int,
        hold_timeout_ns: int = HOLD_TIMEOUT_NS,
        transcoders: Sequence[Transcoder] = (),
    ) -> None:
        self._sockets = sockets
        self._prompt = prompt
        self._report = report
        self._taps = taps
        self._transcoders = cycle(transcoders or [Transcoder(None)])
        self._rtp_timeout_ns = rtp_timeout_ns
        self._hold_timeout_ns = hold_timeout_ns
        self._legs: dict[int, Leg] = {}
        self._reporter = Reporter()
        self._utc_offset_ns = time_ns() - monotonic_ns()
        self._schedule: TimerHeap[tuple[Leg, Playout | DigitQueue | ToneQueue]] = TimerHeap()
        self._frame = bytearray(LONGEST_BYTES)
        self._view = memoryview(self._frame)

    def execute(self, order: Order, now_ns: int) -> None:
        """Do it. An order about a port that is not open does nothing, `Close` excepted. `Quit` and `SetPrompts` are the loop's business."""
        match order:
            case Open():
                self._open(order, now_ns)
            case Close():
                self._close(order.port, now_ns)
            case Bridge():
                self._bridge(order, now_ns)
            case SetRemote() | Play() | PlayMusic() | Ringback() | StopPlay() | SendDigit() | Unbridge() | Tap() | Untap():
                leg = self._legs.get(order.port)
                if leg is not None:
                    self._execute_on(leg, order, now_ns)
            case Quit() | SetPrompts():
                pass
            case _:
                assert_never(order)

    def _execute_on(
        self,
        leg: Leg,
        order: SetRemote | Play | PlayMusic | Ringback | StopPlay | SendDigit | Unbridge | Tap | Untap,
        now_ns: int,
    ) -> None:
        match order:
            case SetRemote():
                _set_remote(leg, order.peer, now_ns)
            case Play():
                self._play(leg, order.prompt, play=order.play, now_ns=now_ns)
            case PlayMusic():
                self._play(leg, order.prompt, play=None, now_ns=now_ns)
            case Ringback():
                self._start(leg, Playout(ringing_tone(order.country), start_ns=now_ns, play=None), now_ns)
            case StopPlay():
                leg.play(None)
            case SendDigit():
                self._send_digit(leg, order, now_ns)
            case Unbridge():
                leg.unbridge()
            case Tap():
                self._tap(leg, order)
            case Untap():
                self._untap(leg, {order.tap})
            case _:
                assert_never(order)

    def _open(self, order: Open, now_ns: int) -> None:
        if order.port in self._legs:
            self._report(OpenFailed(port=order.port, why="already open"))
            return
        try:
            sock = self._sockets.bind(order.host, order.port)
        except (OSError, OverflowError) as error:
            self._report(OpenFailed(port=order.port, why=str(error)))
            return
        leg = Leg(order.host, order.port, sock, stream=_new_stream(), transcoder=next(self._transcoders), now_ns=now_ns)
        leg.rtcp.cname, leg.rtcp.utc_offset_ns = secrets.token_urlsafe(CNAME_BYTES), self._utc_offset_ns
        self._legs[order.port] = leg
        self._sockets.watch(leg)
        self._reporter.start(leg, now_ns)
        if order.peer is not None:
            _set_remote(leg, order.peer, now_ns)

    def _close(self, port: int, now_ns: int) -> None:
        leg = self._legs.pop(port, None)
        counters, quality = Counters(), Quality()
        if leg is not None:
            leg.unbridge()
            leg.play(None)
            self._untap(leg, {each.tap for each in leg.taps})
            leg.end_own()
            self._reporter.stop(leg, now_ns)
            self._sockets.unwatch(leg)
            leg.sock.close()
            counters, quality = leg.counters(), leg.quality()
        self._report(Closed(port=port, counters=counters, quality=quality))

    def _bridge(self, order: Bridge, now_ns: int) -> None:
        a, b = self._legs.get(order.a), self._legs.get(order.b)
        if a is not None and b is not None and a is not b:
            a.bridge(b, now_ns)

    def _tap(self, leg: Leg, order: Tap) -> None:
        if len(leg.taps) >= MAX_TAPS or any(each.tap == order.tap for each in leg.taps):
            raise ValueError(f"port {leg.port} can't be tapped once more, by {order.tap}")
        tap = self._taps.tap(order.tap, order.path, received=order.received, sent=order.sent)
        if tap is not None:
            leg.set_taps((*leg.taps, tap), self._taps.clock)

    def _untap(self, leg: Leg, numbers: set[int]) -> None:
        ended = tuple(each for each in leg.taps if each.tap in numbers)
        if ended:
            leg.set_taps(tuple(each for each in leg.taps if each not in ended), self._taps.clock)
            self._taps.release(ended)

    def _play(self, leg: Leg, name: str, *, play: int | None, now_ns: int) -> None:
        prompt = self._prompt(name)
        if isinstance(prompt, PromptUnplayable):
            leg.play(None)
            self._report(PlayFinished(port=leg.port, play=play or NO_PLAY, at_ns=now_ns, why=prompt.why))
            return
        self._start(leg, Playout(prompt, start_ns=now_ns, play=play), now_ns)

    def _send_digit(self, leg: Leg, order: SendDigit, now_ns: int) -> None:
        if leg.takes_tones:
            self._tones(leg, now_ns).add(order.digit, duration_ms=order.duration_ms)
            return
        if leg.dtmf_type == NO_TYPE or leg.playing is not None:
            return
        digits = leg.digits
        if isinstance(digits, DigitQueue):
            digits.add(order.digit, duration_ms=order.duration_ms)
            return
        digits = DigitQueue(now_ns)
        digits.add(order.digit, duration_ms=order.duration_ms)
        leg.send_digits(digits)
        self._step_digits(leg, digits, now_ns)

    def send_press(self, leg: Leg, press: Press, now_ns: int) -> None:
        """A leg that takes tones is sent those of its partner's press, as long as that lasts; one that is being sent digits gets this one
        behind them."""
        if isinstance(leg.digits, DigitQueue):
            leg.digits.add(press.digit, duration_ms=SHORTEST_MS)
            return
        self._tones(leg, now_ns).add(press.digit, press=press)

    def _tones(self, leg: Leg, now_ns: int) -> ToneQueue:
        if isinstance(leg.digits, ToneQueue):
            return leg.digits
        tones = ToneQueue(now_ns)
        leg.send_digits(tones)
        self._schedule.add(now_ns, (leg, tones))
        return tones

    def _start(self, leg: Leg, playout: Playout, now_ns: int) -> None:
        leg.play(playout)
        self._step(leg, playout, now_ns)

    def next_frame_ns(self) -> int | None:
        """When `send_frames` has something to do."""
        frame_ns, report_ns = self._schedule.next_at(), self._reporter.next_ns()
        return report_ns if frame_ns is None else frame_ns if report_ns is None else min(frame_ns, report_ns)

    def send_frames(self, now_ns: int) -> None:
        """Every frame that is due by now, on every leg that plays, and every report."""
        self._reporter.send_due(now_ns)
        while (entry := self._schedule.pop_due(now_ns)) is not None:
            leg, source = entry
            if isinstance(source, Playout) and leg.playing is source:
                self._step(leg, source, now_ns)
            elif isinstance(source, DigitQueue) and leg.digits is source:
                self._step_digits(leg, source, now_ns)
            elif isinstance(source, ToneQueue) and leg.digits is source:
                self._step_tones(leg, source, now_ns)

    def _step(self, leg: Leg, playout: Playout, now_ns: int) -> None:
        for number in playout.due(now_ns):
            self._send_frame(leg, playout.audio, number % playout.audio.frame_count, now_ns)
        if not playout.is_over(now_ns):
            self._schedule.add(playout.next_ns, (leg, playout))
            return
        if leg.unsent:
            self._send_octets(leg, len(leg.unsent), now_ns)
        leg.play(None)
        if playout.play is not None:
            self._report(PlayFinished(port=leg.port, play=playout.play, at_ns=now_ns))

    def _send_frame(self, leg: Leg, sound: Audio, number: int, now_ns: int) -> None:
        if not leg.wants_packets:
            return
        if leg.codec not in NARROW_BAND:
            if leg.own is None or not leg.own.is_of(Codec.PCMU, leg):
                leg.end_own()
                leg.own = Transcoding(leg.transcoder, Codec.PCMU, leg)
            leg.own.hand_over_own(sound.frame(number, PCMU), now_ns)
            return
        leg.unsent += sound.frame(number, leg.codec)
        while len(leg.unsent) >= leg.octets:
            self._send_octets(leg, leg.octets, now_ns)

    def _send_octets(self, leg: Leg, count: int, now_ns: int) -> None:
        """Sends so many octets of G.711 that wait, in one packet."""
        stop = HEADER_BYTES + count
        leg.stream.own(self._frame, now_ns, payload_type=leg.send_type, ms=count * FRAME_MS // FRAME_SAMPLES)
        self._frame[HEADER_BYTES:stop] = leg.unsent[:count]
        del leg.unsent[:count]
        leg.transmit(self._view[:stop])

    def _step_digits(self, leg: Leg, digits: DigitQueue, now_ns: int) -> None:
        for packet in digits.due(now_ns):
            if leg.wants_packets and leg.dtmf_type != NO_TYPE:
                leg.stream.event(self._frame, now_ns, payload_type=leg.dtmf_type, is_first=packet.is_first)
                self._frame[HEADER_BYTES:EVENT_BYTES] = packet.payload
                leg.transmit(self._view[:EVENT_BYTES])
        if digits.is_over(now_ns):
            leg.send_digits(None)
        else:
            self._schedule.add(digits.next_ns, (leg, digits))

    def _step_tones(self, leg: Leg, tones: ToneQueue, now_ns: int) -> None:
        for sound, number in tones.due(now_ns):
            self._send_frame(leg, sound, number, now_ns)
        if tones.is_over(now_ns):
            leg.send_digits(None)
        else:
            self._schedule.add(tones.next_ns, (leg, tones))

    def report_silence(self, now_ns: int) -> None:
        """Report who is heard, and each silence once: what is remembered as reported is when it began, so the next packet starts
        another."""
        for leg in self._legs.values():
            leg.reception.sample()
            tell(leg, now_ns, self._report, rtcp_timeout_ns=self._rtp_timeout_ns)
            since = lost_since(leg, now_ns, rtp_timeout_ns=self._rtp_timeout_ns, hold_timeout_ns=self._hold_timeout_ns)
            if since is not None:
                leg.silence_told_ns = since
                self._report(MediaTimeout(port=leg.port, last_ns=last_heard_ns(leg)))

    def report_heartbeat(self, now_ns: int) -> None:
        last = [(port, leg.last_ns) for port, leg in self._legs.items() if leg.last_ns is not None]
        for start in range(0, max(1, len(last)), MAX_HEARTBEAT_PORTS):
            self._report(Heartbeat(at_ns=now_ns, last=dict(last[start : start + MAX_HEARTBEAT_PORTS])))

    def close_all(self) -> None:
        for leg in self._legs.values():
            self._sockets.unwatch(leg)
            leg.sock.close()
        self._legs.clear()


def _checked(peer: RemoteMedia) -> RemoteMedia:
    """ValueError where a payload type is none that the packet path can write: the engine is wrong, its order refused."""
    optional = [each for each in (peer.dtmf_type, peer.cn_type) if each is not None]
    payload_types = (peer.payload_type, *peer.audio_types, *optional, *peer.dtmf_types)
    if not {peer.codec, *peer.audio_types.values()} <= _CODECS or not all(0 <= each < 128 for each in payload_types):
        raise ValueError(f"payload types {payload_types} of codec {peer.codec}")
    return peer


def _set_remote(leg: Leg, peer: RemoteMedia, now_ns: int) -> None:
    """Another clock is another stream (RFC 7160 §4.1: SSRC and clock rate go together). So is what goes to a far end with a new SRTP key,
    once the sequence numbers have wrapped: it may be another device, which knows nothing of our rollover counter; a new SSRC begins at
    zero for every device (RFC 3711 §3.2.1)."""
    clock_rate = Codec(_checked(peer).codec).clock_rate
    if clock_rate != Codec(leg.codec).clock_rate or (leg.stream.has_wrapped and _is_rekeyed(leg, peer)):
        leg.stream = _new_stream(clock_rate)
        leg.rtcp.begin(leg.stream.ssrc, packets=leg.sent, octets=leg.sent_octets)
    leg.set_remote(peer, now_ns)


def _is_rekeyed(leg: Leg, peer: RemoteMedia) -> bool:
    before = None if leg.peer is None else leg.peer.srtp
    return before is not None and peer.srtp is not None and peer.srtp.receive != before.receive


def _new_stream(clock_rate: int = SAMPLE_RATE) -> OutgoingStream:
    """The first sequence number is of the lower half, so that no receiver of SRTP takes a wrap for the beginning (RFC 3711 §3.3.1)."""
    return OutgoingStream(
        ssrc=secrets.randbits(32), sequence=secrets.randbits(15), timestamp=secrets.randbits(32), clock_rate=clock_rate
    )
