"""One leg as the worker sees it: its socket, where its far end is, what feeds it, its counters.

Applies the rules of the source latch and says which leg its packets go to. Handles no orders, no epoll and no packet's contents.
"""

import ipaddress
import socket
from typing import Protocol

from media.control import Counters, RemoteMedia
from media.dsp.g711 import PCMU, recoding
from media.rtp.continuity import OutgoingStream
from media.rtp.packet import HEADER_BYTES
from media.rtp.telephone_event import DigitDetector
from media.worker.digits import DigitQueue
from media.worker.playout import Playout

Address = tuple[str, int] | tuple[str, int, int, int]
"""Of IPv4; of IPv6, with flow label and scope where the kernel says it."""
NO_TYPE = -1  # no payload type is negotiated: equal to none that a packet can carry


class DatagramSocket(Protocol):
    """What the worker needs of a UDP socket; a test may give another."""

    def sendto(self, data: memoryview, address: Address, /) -> int: ...
    def recvfrom_into(self, buffer: bytearray, /) -> tuple[int, Address]: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...


class Leg:
    """Mutable, and open to `Forwarder`, which is the packet path: attributes instead of methods are what keeps that path short."""

    __slots__ = (
        "address",
        "audio_codec",
        "audio_type",
        "codec",
        "codecs",
        "detector",
        "digits",
        "dtmf_type",
        "event_types",
        "first_ns",
        "host",
        "last_ns",
        "latched",
        "malformed",
        "partner",
        "peer",
        "playing",
        "port",
        "receive",
        "received",
        "received_octets",
        "recode",
        "relay_to",
        "rtcp_ns",
        "send",
        "send_type",
        "sent",
        "sent_octets",
        "silence_from_ns",
        "silence_told_ns",
        "sock",
        "stray",
        "stream",
    )

    def __init__(self, host: str, port: int, sock: DatagramSocket, *, stream: OutgoingStream, now_ns: int) -> None:
        self.host = host
        self.port = port
        self.sock = sock
        self.receive = sock.recvfrom_into
        self.send = sock.sendto
        self.stream = stream
        self.detector = DigitDetector()
        self.peer: RemoteMedia | None = None
        self.codecs: dict[int, int] = {}  # by the payload types that may come
        self.audio_type = NO_TYPE  # of the audio that comes at present
        self.audio_codec = PCMU
        self.event_types: frozenset[int] = frozenset()
        self.send_type = self.dtmf_type = NO_TYPE  # of what we send
        self.codec = PCMU
        self.address: Address | None = None  # where we send: the latched source, until then the signalled address
        self.latched: Address | None = None
        self.partner: Leg | None = None
        self.playing: Playout | None = None
        self.digits: DigitQueue | None = None  # that are being sent to it
        self.relay_to: Leg | None = None  # derived by `update_relay`: the partner, while packets may go to it
        self.recode: bytes | None = None  # derived by `update_relay`
        self.silence_from_ns = now_ns
        self.silence_told_ns = -1
        self.rtcp_ns: int | None = None  # when its last RTCP came
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.received = self.received_octets = self.sent = self.sent_octets = self.stray = self.malformed = 0

    def set_remote(self, peer: RemoteMedia, now_ns: int) -> None:
        """The far end is there from now on. Another address starts the latch anew; a payload type alone moves nobody. Its stream runs on
        where it was being sent one: a key whose packets had another timestamp from now on would be two."""
        was_fed = self.wants_packets
        if self.peer is None or (peer.host, peer.port) != (self.peer.host, self.peer.port):
            self.latched = None
            self.address = sendable(peer, ours=self.host)
        self.peer = peer
        self.codecs = {**peer.audio_types, peer.payload_type: peer.codec}
        self.audio_type = self.send_type = peer.payload_type
        self.audio_codec = self.codec = peer.codec
        self.dtmf_type = NO_TYPE if peer.dtmf_type is None else peer.dtmf_type
        self.event_types = frozenset((self.dtmf_type, *peer.dtmf_types)) - self.codecs.keys()
        self.silence_from_ns = now_ns
        if not was_fed:
            self.stream.detach()
        self.update_relay()

    def takes_audio(self, payload_type: int) -> bool:
        """Is this another of the peer's audio payload types? Then it is the present one: any codec of an answer may come at any time."""
        if payload_type not in self.codecs:
            return False
        self.audio_type, self.audio_codec = payload_type, self.codecs[payload_type]
        self.update_relay()
        return True

    def admit(self, source: Address, now_ns: int) -> bool:
        """May a packet from `source`, which is not the latched one, be this leg's? Latches on to it where it may.

        Exactly the signalled address always may. Another port of the signalled host may once, before anything has latched: a NAT
        has renumbered the far end (RFC 4961 symmetric RTP). Everything else could be anybody. Of a peer that signalled a name the first
        packet says where it is.
        """
        peer = self.peer
        if peer is None:
            return False
        if not (peer.learns and self.latched is None) and (
            source[0] != peer.host or (source[1] != peer.port and self.latched is not None)
        ):
            return False
        self.latched = self.address = source
        if self.first_ns is None:
            self.first_ns = now_ns
        return True

    def update_relay(self) -> None:
        """Derive, for both partners, where received packets go: nowhere while either plays, or the other is sent digits or wants
        nothing."""
        for leg in (self, self.partner):
            if leg is not None:
                leg.relay_to = leg.listener()
                leg.recode = None if leg.relay_to is None else recoding(leg.audio_codec, leg.relay_to.codec)

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
    def wants_packets(self) -> bool:
        return self.peer is not None and self.peer.receives and self.address is not None

    def bridge(self, other: "Leg") -> None:
        """Relay between this leg and another; former partners are left alone, what plays on either stops. What is still to come of a key
        that was heard before is not for the other."""
        self.unbridge()
        other.unbridge()
        self.partner, other.partner = other, self
        for leg in (self, other):
            leg.playing = leg.digits = None
            leg.detector.take()
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
        self.playing = playout
        self.digits = None
        self.stream.detach()
        self.update_relay()

    def send_digits(self, digits: DigitQueue | None) -> None:
        """These are sent from now on, in place of what the partner sends; None: all have been sent."""
        self.digits = digits
        self.update_relay()

    def transmit(self, packet: memoryview) -> None:
        """Send one packet where the far end is. What the network refuses is lost, as any datagram may be, and not counted."""
        if self.address is None:
            return
        try:
            self.send(packet, self.address)
        except OSError:
            return
        self.sent += 1
        self.sent_octets += len(packet) - HEADER_BYTES

    def lost_since(self, now_ns: int, *, rtp_timeout_ns: int, hold_timeout_ns: int) -> int | None:
        """Since when a peer is silent that has been so for too long; None where it has not, or that was reported already. A peer that need
        not send is alive as long as its partner is."""
        peer, partner = self.peer, self.partner
        if peer is None:
            return None
        since = self._heard_ns()
        if not peer.sends and partner is not None and partner.peer is not None:
            since = max(since, partner._heard_ns())
        has_moved = peer.moved and (self.last_ns is None or self.last_ns < self.silence_from_ns)
        sends_rtcp = self.rtcp_ns is not None and now_ns - self.rtcp_ns < rtp_timeout_ns
        is_patient = peer.held or not peer.sends or has_moved or sends_rtcp
        if since == self.silence_told_ns or now_ns - since < (hold_timeout_ns if is_patient else rtp_timeout_ns):
            return None
        return since

    def last_heard_ns(self) -> int | None:
        """Returns when the last packet came, of a peer that need not send or of its partner."""
        legs = (self,) if self.partner is None or (self.peer is not None and self.peer.sends) else (self, self.partner)
        return max((leg.last_ns for leg in legs if leg.last_ns is not None), default=None)

    def _heard_ns(self) -> int:
        return self.silence_from_ns if self.last_ns is None else max(self.silence_from_ns, self.last_ns)

    def hear_rtcp(self, host: str, now_ns: int) -> None:
        """RTCP came from `host`: a sign of life where the peer is there. What it says is not read."""
        if self.peer is not None and host == (self.peer.host if self.latched is None else self.latched[0]):
            self.rtcp_ns = now_ns

    def counters(self) -> Counters:
        return Counters(
            received=self.received,
            received_octets=self.received_octets,
            sent=self.sent,
            sent_octets=self.sent_octets,
            stray=self.stray,
            malformed=self.malformed,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
        )


def sendable(peer: RemoteMedia, *, ours: str) -> Address | None:
    """The signalled address, where one can send to it from `ours`: an IP literal of its family that names a host, and a port.

    A name would make `sendto` ask the DNS and hold up every call; 0.0.0.0 and :: are how old phones say hold (RFC 2543 B.5).
    """
    try:
        host = ipaddress.ip_address(peer.host)
    except ValueError:
        return None
    is_reached = (host.version == 6) is (":" in ours) and not host.is_unspecified and not host.is_multicast
    if not is_reached or not 0 < peer.port < 65_536:
        return None
    return str(host), peer.port


def bind(host: str, port: int, *, buffer_bytes: int) -> socket.socket:
    """A non-blocking UDP socket. OSError where the port can't be had. Not SO_REUSEADDR: another process could take our packets."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        sock.bind((host, port))
    except (OSError, OverflowError):
        sock.close()
        raise
    return sock
