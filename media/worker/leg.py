"""One leg as the worker sees it: its socket, where its far end is, what feeds it, its counters.

Applies the rules of the source latch and says which leg its packets go to. Handles no orders, no epoll and no packet's contents.
"""

from collections.abc import Callable

from media.control import Counters, Quality, RemoteMedia
from media.dsp.g711 import PCMU, recoding
from media.dsp.tones import FRAME_SAMPLES
from media.rtp.continuity import FRAME_MS, MAX_AHEAD, OutgoingStream
from media.rtp.packet import HEADER_BYTES
from media.rtp.reception import NEVER, Reception
from media.rtp.rtcp import parse
from media.rtp.telephone_event import DigitDetector
from media.tap_frame import RECEIVED, SENT
from media.worker.digits import DigitQueue
from media.worker.latch import QUIET_NS, SourceLatch
from media.worker.path import NO_TYPE, Address, Path
from media.worker.playout import Playout
from media.worker.rtcp_session import NS_PER_US, RtcpSession
from media.worker.sockets import ConnectedSocket, DatagramSocket, sendable
from media.worker.srtp import SrtpContext
from media.worker.tap import LegTap
from media.worker.tones import ToneQueue
from media.worker.transcoding import Transcoder, Transcoding
from switch.codec import Codec, fits, packet_ms


class Leg(Path):
    """Mutable, and open to `Forwarder`, which is the packet path: attributes instead of methods are what keeps that path short."""

    __slots__ = (
        "_latch",
        "_other_ns",
        "address",
        "audio_codec",
        "bridged_ns",
        "cn_type",
        "codec",
        "codecs",
        "connection",
        "detector",
        "digits",
        "dtmf_type",
        "event_types",
        "first_ns",
        "hearer",
        "host",
        "is_awaited",
        "is_heard",
        "is_open",
        "is_quiet",
        "malformed",
        "newest",
        "octets",
        "own",
        "partner",
        "peer",
        "playing",
        "port",
        "reception",
        "rtcp",
        "rtcp_ns",
        "silence_from_ns",
        "silence_told_ns",
        "sock",
        "srtp",
        "stray",
        "tap_clock",
        "taps",
        "taps_received",
        "transcoder",
        "transcoding",
        "unauthentic",
        "unheard",
        "unsent",
        "untold_ns",
    )

    def __init__(
        self,
        host: str,
        port: int,
        sock: DatagramSocket,
        *,
        stream: OutgoingStream,
        now_ns: int,
        transcoder: Transcoder | None = None,
    ) -> None:
        super().__init__(stream)
        self.host = host
        self.port = port
        self.sock = sock
        self.connection: ConnectedSocket | None = None  # to `connected_to`
        self.address: Address | None = None  # where our own packets go
        self.srtp: SrtpContext | None = None  # its audio is encrypted
        self.transcoder = transcoder or Transcoder(None)
        self.detector = DigitDetector()
        self.reception = Reception(self)
        self.rtcp = RtcpSession(ssrc=stream.ssrc)
        self.is_open = True
        self.peer: RemoteMedia | None = None
        self.codecs: dict[int, int] = {}  # by the payload types that may come
        self.audio_codec = PCMU  # of the audio that comes at present
        self.event_types: frozenset[int] = frozenset()
        self.dtmf_type = self.cn_type = NO_TYPE  # of what we send
        self.codec = PCMU
        self._latch = SourceLatch(now_ns)
        self.newest: tuple[int, int] | None = None  # SSRC and sequence of the newest packet that went nowhere, see `_derive_way`
        self.bridged_ns = now_ns
        self.is_awaited = False  # its next audio that goes to the partner is the first since `bridge`, or since both were quiet
        self.is_heard = self.is_quiet = False  # see `hearing`, as `untold_ns`
        self.untold_ns: int | None = None
        self.partner: Leg | None = None
        self.hearer: Leg | None = None  # derived by `update_relay`: the partner, while it hears what is received
        self.transcoding: Transcoding | None = None  # derived by `update_relay`: on the way to `hearer`
        self.playing: Playout | None = None
        self.digits: DigitQueue | ToneQueue | None = None  # that are being sent to it
        self.octets = FRAME_SAMPLES  # of G.711 in packets of our own
        self.unsent = bytearray()  # frames of G.711 that are less than a packet
        self.own: Transcoding | None = None  # of what is played to it, where its codec is none of G.711
        self.taps: tuple[LegTap, ...] = ()
        self.tap_clock: Callable[[], int] = int  # replaced with the first tap
        self.taps_received: tuple[LegTap, ...] = ()  # derived by `set_taps`: while there are any, no audio type is the present one
        self.silence_from_ns = now_ns
        self.silence_told_ns = -1
        self.rtcp_ns: int | None = None  # when its last RTCP came
        self.first_ns: int | None = None
        self._other_ns = NEVER  # when something that is no audio was heard last
        self.unheard = self.stray = self.malformed = self.unauthentic = 0

    @property
    def last_ns(self) -> int | None:
        """Returns when the last packet was heard."""
        last_ns = max(self.audio_ns, self._other_ns)
        return None if last_ns == NEVER else last_ns

    def set_remote(self, peer: RemoteMedia, now_ns: int) -> None:
        """The far end is there from now on. Another address starts the latch anew; a payload type alone moves nobody."""
        if self.peer is None or (peer.host, peer.port) != (self.peer.host, self.peer.port):
            former = None if self.peer is None else (self.peer.host, self.peer.port)
            self._latch.begin(now_ns, former=former, latched=self.latched)
            self.latched = self.rtcp_ns = None
            self.rtcp.move()
            self._send_to(sendable(peer, ours=self.host))
        elif peer.rtcp_port != self.peer.rtcp_port:
            self.rtcp.source = None
        self.peer = peer
        self.codecs = {**peer.audio_types, peer.payload_type: peer.codec}
        self.send_type = peer.payload_type
        self.audio_type = NO_TYPE if self.is_awaited or self.taps_received or self.first_ns is None else peer.payload_type
        self.audio_codec = self.codec = peer.codec
        self.dtmf_type = NO_TYPE if peer.dtmf_type is None else peer.dtmf_type
        self._keep_own()
        self.octets = packet_ms(Codec.PCMU, peer.ptime_ms) * FRAME_SAMPLES // FRAME_MS
        self.cn_type = NO_TYPE if peer.cn_type is None else peer.cn_type
        self.event_types = frozenset((self.dtmf_type, *peer.dtmf_types)) - self.codecs.keys()
        self.silence_from_ns = now_ns
        self._secure(peer)
        self.reception.pause()
        self.reception.count_at(Codec(peer.codec).clock_rate)
        self.stream.detach()
        self.update_relay()

    def _secure(self, peer: RemoteMedia) -> None:
        if peer.srtp is not None and self.srtp is not None:
            self.srtp.rekey(peer.srtp)
        elif peer.srtp is not None or self.srtp is not None:
            self.srtp = None if peer.srtp is None else SrtpContext(self, peer.srtp)
            self._derive_receive()
            self._derive_send()

    def turn_to_audio(self, payload_type: int, now_ns: int) -> bool:
        """The first audio, or another of the peer's audio payload types is the present one: any codec of an answer may come at any time.
        Returns whether this is the first audio since `bridge` that the partner gets."""
        if self.first_ns is None:
            self.first_ns = now_ns
        codec = self.codecs[payload_type]
        if codec != self.audio_codec:
            self.audio_codec = codec
            self.reception.count_at(Codec(codec).clock_rate)
            self.update_relay()
        if self.is_awaited and not self._is_passed_on():
            return False
        self.audio_type = NO_TYPE if self.taps_received else payload_type
        was_awaited, self.is_awaited = self.is_awaited, False
        return was_awaited

    def _is_passed_on(self) -> bool:
        return self.hearer is not None and (self.transcoding is None or self.transcoding.is_connected)

    def count(self, size: int, now_ns: int) -> None:
        """A packet that is no audio was heard."""
        self.counted += 1
        self.received_octets += size - HEADER_BYTES
        self._other_ns = now_ns
        if self.first_ns is None:
            self.first_ns = now_ns

    def agrees_to(self, payload_type: int) -> bool:
        """Returns whether packets of this type are audio, comfort noise or keys."""
        return payload_type in self.codecs or payload_type == self.cn_type or payload_type in self.event_types

    def is_signalled(self, source: Address) -> bool:
        return self.peer is not None and source[:2] == (self.peer.host, self.peer.port)

    def admit(self, source: Address, now_ns: int, *, ssrc: int, sequence: int) -> bool:
        """May a packet from `source`, which is not the latched one, be this leg's? Latches on to it where it may.

        Exactly the signalled address always may; another one before anything has latched, where the latch says so. With `follows_nat`
        another port of the latched host takes over, where that has been quiet for `QUIET_NS` and this packet goes on with its SSRC and
        sequence.
        """
        peer = self.peer
        if peer is None or not (
            self.is_signalled(source)
            or (self.latched is None and self._latch.opens(peer, source, now_ns))
            or (peer.follows_nat and self._was_renumbered(source, now_ns, ssrc=ssrc, sequence=sequence))
        ):
            return False
        self.latched = source
        self._send_to(source)
        return True

    def connect(self, connection: ConnectedSocket | None, source: Address) -> None:
        """What comes from `source` comes by `connection` from now on; None: there is none. What is latched on to decides all the same whose
        packets those are."""
        self.connection, self.connected_to = connection, source
        self._derive_receive()
        self._derive_send()

    def _send_to(self, address: Address | None) -> None:
        self.address = address
        self._derive_send()

    def _was_renumbered(self, source: Address, now_ns: int, *, ssrc: int, sequence: int) -> bool:
        if self.latched is None or self.last_ns is None or source[0] != self.latched[0] or now_ns - self.last_ns < QUIET_NS:
            return False
        if self.transcoding is not None and self.transcoding.expects(ssrc, sequence):
            return True
        if self.hearer is not None and self.hearer.stream.expects(ssrc, sequence):
            return True
        return self.newest is not None and self.newest[0] == ssrc and 0 < (sequence - self.newest[1]) & 0xFFFF <= MAX_AHEAD

    def update_relay(self) -> None:
        """Derive, for both partners, who hears what is received: nobody while either plays, or the other is sent digits or wants
        nothing."""
        for leg in (self, self.partner):
            if leg is not None:
                hearer = leg.listener()
                if hearer is not leg.hearer:
                    leg.hearer = hearer
                    if hearer is not None:
                        hearer.stream.detach()
                leg._derive_way()

    def _derive_way(self) -> None:
        """What is received gets to `hearer` as it is, recoded by table, or by way of a transcoder. Numbers that go the one way are not
        missing on the other."""
        to, was_relayed = self.hearer, self.relay_to is not None
        self.relay_to = self.recode = None
        if self.transcoding is not None and not self.transcoding.is_of(self.audio_codec, to):
            self.transcoding.end()
            self.newest = self.transcoding.newest or self.newest
            self.transcoding = None
        if to is None:
            return
        source, target = Codec(self.audio_codec), Codec(to.codec)
        if fits(source, target):
            self.relay_to, self.recode = to, recoding(source, target)
        elif self.transcoding is None:
            self.transcoding = Transcoding(self.transcoder, source, to)
        if was_relayed is not (self.relay_to is not None):
            to.stream.detach()

    def listener(self) -> "Leg | None":
        partner = self.partner
        if (
            self.peer is None
            or partner is None
            or self.playing is not None
            or partner.playing is not None
            or partner.digits is not None
            or not partner.wants_packets
        ):
            return None
        return partner

    @property
    def takes_tones(self) -> bool:
        """Does it hear digits as tones, and is free for them?"""
        return self.playing is None and self.dtmf_type == NO_TYPE and self.peer is not None and self.peer.takes_tones

    @property
    def takes_keys_from_us(self) -> bool:
        """Are its partner's presses sent to it anew: as tones, or behind digits that are being sent?"""
        return self.takes_tones or isinstance(self.digits, DigitQueue)

    @property
    def wants_packets(self) -> bool:
        return self.peer is not None and self.peer.receives and self.address is not None

    def await_audio(self) -> None:
        """The next audio that goes to the partner is to be told."""
        self.is_awaited, self.audio_type = True, NO_TYPE

    def set_taps(self, taps: tuple[LegTap, ...], clock: Callable[[], int]) -> None:
        """These taps copy the leg's audio from now on. A leg without them pays nothing: what is received takes the way of a first packet,
        and `send` is another function."""
        self.taps = taps
        self.taps_received = tuple(tap for tap in taps if RECEIVED in tap.directions)
        self.audio_type = NO_TYPE
        self.tap_clock = clock
        self._derive_send()

    def _derive_receive(self) -> None:
        if self.connection is not None:
            receive = self.connection.recv_into
            self.receive = receive if self.srtp is None else self.srtp.receiving(receive)

    def _derive_send(self) -> None:
        """Taps copy what is sent before it is encrypted."""
        send = self._plain_send()
        if self.srtp is not None:
            send = self.srtp.sending(send)
        sent = tuple(tap for tap in self.taps if SENT in tap.directions)
        self.send = self._tapped_send(send, sent, self.tap_clock) if sent else send

    def _plain_send(self) -> Callable[[memoryview], int]:
        if self.connection is not None and self.connected_to == self.address:
            return self.connection.send
        return self._send_unconnected

    def _send_unconnected(self, packet: memoryview) -> int:
        if self.address is None:
            raise OSError("it is not known where the far end is")
        return self.sock.sendto(packet, self.address)

    def _tapped_send(
        self, send: Callable[[memoryview], int], taps: tuple[LegTap, ...], clock: Callable[[], int]
    ) -> Callable[[memoryview], int]:
        def send_and_copy(packet: memoryview) -> int:
            size = send(packet)
            if packet[1] & 0x7F == self.send_type:
                for tap in taps:
                    tap.take(packet, clock(), direction=SENT, codec=self.codec)
            return size

        return send_and_copy

    def bridge(self, other: "Leg", now_ns: int) -> None:
        """Relay between this leg and another; former partners are left alone, what plays on either stops. Keys that were pressed before are
        nothing to the other: they have been acted on here."""
        self.unbridge()
        other.unbridge()
        self.partner, other.partner = other, self
        for leg in (self, other):
            leg.playing = leg.digits = None
            leg.end_own()
            leg.detector.spend()
            leg.bridged_ns = now_ns
            leg.is_heard = leg.is_quiet = False
            leg.untold_ns = None
            leg.await_audio()
            leg.stream.detach()
        self.update_relay()

    def unbridge(self) -> None:
        former = self.partner
        if former is None:
            return
        self.partner = former.partner = None
        self.update_relay()
        former.update_relay()

    def play(self, playout: Playout | None) -> None:
        """What plays is replaced, digits that are being sent too; None: nothing plays."""
        if playout is not None:  # else its last frames may still be on their way through the transcoder
            self.end_own()
        self.playing = playout
        self.digits = None
        self.stream.detach()
        self.update_relay()

    def send_digits(self, digits: DigitQueue | ToneQueue | None) -> None:
        """These are sent from now on, in place of what the partner sends; None: all have been sent."""
        if digits is not None:
            self.end_own()
        self.digits = digits
        self.update_relay()

    def _keep_own(self) -> None:
        """Frames that wait may be of the other law, and what comes back from the transcoder of another codec."""
        if self.own is None or self.own.is_of(Codec.PCMU, self):
            self.unsent.clear()
        else:
            self.end_own()

    def end_own(self) -> None:
        """What was played to it, and is on its way through the transcoder or waits for more, is over."""
        self.unsent.clear()
        if self.own is not None:
            self.own.end()
            self.own = None

    def transmit(self, packet: memoryview) -> None:
        """Send one packet where the far end is. What the network refuses is lost, as any datagram may be, and not counted. A connected
        socket says of an earlier packet that it was refused in place of sending this one, which is sent once more."""
        try:
            self.send(packet)
        except OSError:
            try:
                self.send(packet)
            except OSError:
                return
        self.sent += 1
        self.sent_octets += len(packet) - HEADER_BYTES

    def hear_rtcp(self, data: memoryview, source: Address, now_ns: int, *, on_rtp_port: bool = False) -> bool:
        """RTCP came: of the peer's host it is a sign of life, and what it says is read. Returns whether it can be read."""
        compound = parse(data)
        if self.peer is not None and source[0] == (self.peer.host if self.latched is None else self.latched[0]):
            self.rtcp_ns = now_ns
            if not on_rtp_port:
                self.rtcp.source = source
            if compound is not None:
                self.rtcp.take(compound, now_ns, clock_rate=self.stream.clock_rate)
        return compound is not None

    def counters(self) -> Counters:
        return Counters(
            received=self.received,
            received_octets=self.received_octets,
            sent=self.sent,
            sent_octets=self.sent_octets,
            unheard=self.unheard,
            stray=self.stray,
            malformed=self.malformed,
            unauthentic=self.unauthentic,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
        )

    def quality(self) -> Quality:
        reception = self.reception
        reception.sample()
        return Quality(
            lost=max(0, reception.lost),
            jitter_us=_us(reception.mean_jitter_ns),
            max_jitter_us=_us(reception.max_jitter_ns),
            gap_us=_us(reception.gap_ns),
            round_trip_us=self.rtcp.round_trip_us(),
            far_end=self.rtcp.far_end(first_sequence=self.stream.first_sequence, numbers=self.stream.numbers),
        )


def _us(ns: int | None) -> int | None:
    return None if ns is None else ns // NS_PER_US
