"""Controls the media of live calls: RTP ports, SDP offers and answers (RFC 3264), and the orders to media workers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from media.control import Bridge, Close, Open, Order, RemoteMedia, SetRemote
from switch.call.state import CALLER
from switch.codec import NARROW_BAND, Codec, fits
from switch.engine.live import EarlyAnswer, LiveCall, LiveLeg
from switch.engine.ports import RtpPorts
from switch.engine.remote import media_host, remote_media
from switch.engine.srtp_keys import SrtpKeyring
from switch.sip import offer_answer
from switch.sip.early_dialogs import MAX_FORKS
from switch.sip.flow import Flow, is_link_local
from switch.sip.offer_answer import DTMF_TYPE, Incompatible, NegotiatedMedia, warning, warning_text
from switch.sip.sdes import Crypto, SrtpMode
from switch.sip.sdp import Direction, Format, SessionDescription, parse_sdp


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpAddress:
    """An address of ours that RTP comes to. `advertised`: as peers see it, where a NAT is before it."""

    local: str
    advertised: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpSettings:
    """This switch's RTP: its address of each family that it has, the first and last port, and how long a port rests between calls."""

    addresses: tuple[RtpAddress, ...]
    ports: tuple[int, int]
    quiet_ms: int


class ClosedLeg(NamedTuple):
    """A leg whose port the worker was told to close. `codec`: what was agreed on at last, None: nothing was."""

    call_id: str
    number: int
    codec: int | None


NO_WORKER = -1
"""The worker of a call that is refused because there is none."""

PortOwner = tuple[str, int]
"""A call's id and its leg's number."""
SPARE_TYPE = 102
"""For what has `DTMF_TYPE` or a codec's number as a rule, where the peer has given that to the codec that is agreed on."""
MAX_NOTED = 1_000
"""Sources whose NAT has been noted; when there are more, all may be noted once more."""


class MediaController:
    """`tell(worker, order)` is where orders go. `note(source, what)`: what is told of a peer's media, once for each source. `token`: makes
    unguessable tokens, which SRTP keys are made of."""

    __slots__ = ("_calls", "_closed", "_keyring", "_local", "_note", "_noted", "_ours", "_owners", "_ports", "_taps", "_tell")

    def __init__(
        self,
        rtp: RtpSettings,
        *,
        tell: Callable[[int, Order], None],
        note: Callable[[Flow, str], None],
        token: Callable[[], str],
    ) -> None:
        self._local = {each.advertised: each.local for each in rtp.addresses}
        self._ours = frozenset((*self._local, *self._local.values()))
        self._ports = RtpPorts(*rtp.ports, quiet_ms=rtp.quiet_ms)
        self._tell = tell
        self._note = note
        self._keyring = SrtpKeyring(token)
        self._noted: set[str] = set()
        self._calls: dict[int, int] = {}
        self._taps = 0
        self._owners: dict[int, PortOwner] = {}
        self._closed: dict[int, ClosedLeg] = {}  # by port, until the worker says what it has counted, or the port is opened again

    # workers

    def worker_up(self, worker: int) -> None:
        self._calls[worker] = 0

    def worker_lost(self, worker: int) -> None:
        self._calls.pop(worker, None)

    def least_busy(self) -> int | None:
        """Returns the worker for a new call, or None while there is none."""
        return min(self._calls, key=lambda worker: (self._calls[worker], worker), default=None)

    def add_call(self, worker: int) -> None:
        if worker in self._calls:
            self._calls[worker] += 1

    def remove_call(self, worker: int) -> None:
        if worker in self._calls:
            self._calls[worker] -= 1

    def new_tap(self) -> int:
        """Returns the number of a new tap, which no other has."""
        self._taps += 1
        return self._taps

    def owner_of(self, port: int) -> PortOwner | None:
        return self._owners.get(port)

    def take_closed(self, port: int) -> ClosedLeg | None:
        """Returns whose port it was that the worker has closed, once; None: nobody waits for that."""
        return self._closed.pop(port, None)

    # offers and answers (RFC 3264)

    def reserve_port(self, leg: LiveLeg, now_ns: int) -> bool:
        """Reserves a port for the leg; False when none is free."""
        if leg.port is None:
            leg.port = self._ports.allocate(now_ns)
        return leg.port is not None

    def prepare_answer(self, leg: LiveLeg, offer: bytes) -> bool:
        """Prepares the answer to an INVITE's SDP, or our offer when it has none. False: we can't serve it (488), for `leg.refusal`."""
        if not offer:
            return True
        agreement = self._answer(leg, offer)
        if isinstance(agreement, Incompatible):
            leg.refusal = warning(agreement, leg.peer.codecs)
            return False
        leg.prepared = agreement
        return True

    def answer(self, live: LiveCall, leg: LiveLeg) -> bytes:
        """Returns our SDP for a 200, or a 183 before it, to a leg with a prepared answer; opens its port and sets its remote address. The
        SDP of both is the same (RFC 3261 §13.2.1). From each on the wait for its first packet begins."""
        agreement = leg.prepared
        if agreement is None:
            leg.is_plain = leg.peer.srtp is SrtpMode.OPTIONAL  # who can't read another offer would be lost
            self._open(live, leg, number=CALLER)
            return self._offer(leg)
        leg.remote = self._remote(leg, agreement, ours=(agreement.format,))
        if leg.opened:
            self._tell(live.worker, SetRemote(port=_port(leg), peer=leg.remote))
        self._open(live, leg, number=CALLER)
        return agreement.body

    def can_answer_early(self, live: LiveCall) -> bool:
        """Returns whether the caller's INVITE had an offer, which an answer in a 183 is for."""
        return live.legs[CALLER].prepared is not None

    def renegotiate(self, live: LiveCall, leg: LiveLeg, offer: bytes, *, direction: Direction) -> bytes | Incompatible:
        """Returns our SDP for a 200 to a re-INVITE, UPDATE or PRACK and sets the new remote address, or why it can't be served; then
        nothing changes. Before our 2xx it takes the place of the answer to the INVITE. `direction`: what we would do."""
        agreement = self._answer(leg, offer, direction=direction)
        if isinstance(agreement, Incompatible):
            return agreement
        leg.told = direction
        if leg.prepared is not None:
            leg.prepared = agreement
        self._set_remote(live, leg, agreement, ours=(agreement.format,))
        return agreement.body

    def wish_of(self, leg: LiveLeg, offer: bytes) -> Direction | Incompatible:
        """Returns the direction that a re-INVITE's offer asks for, or why it can't be served."""
        version = leg.version
        agreement = self._answer(leg, offer)
        leg.version = version
        return agreement if isinstance(agreement, Incompatible) else agreement.stream.direction

    def renew_offer(self, leg: LiveLeg, *, direction: Direction) -> bytes:
        """Returns our SDP for a re-INVITE of ours, or for a 200 to one without SDP."""
        leg.told = direction
        return self._offer(leg, first=_codec(leg), with_cn=_has_cn(leg), direction=direction)

    def offer(self, live: LiveCall, leg: LiveLeg, *, number: int, now_ns: int) -> bytes | None:
        """Returns our SDP for an INVITE and opens the port, or None when no port is free."""
        if not self.reserve_port(leg, now_ns):
            return None
        self._open(live, leg, number=number)
        caller = live.legs[CALLER]
        return self._offer(leg, first=_codec(caller), with_cn=_has_cn(caller))  # then nothing need be transcoded

    def plain_offer(self, live: LiveCall, leg: LiveLeg) -> bytes:
        """Returns our offer of plain RTP to a leg that was made an encrypted one and need not take it; b"": there is none."""
        if leg.peer.srtp is not SrtpMode.OPTIONAL:
            return b""
        caller = live.legs[CALLER]
        return self._description(leg, first=_codec(caller), with_cn=_has_cn(caller), direction=Direction.SENDRECV, crypto=())

    def apply_early_answer(self, live: LiveCall, leg: LiveLeg, answer: bytes, *, fork: str) -> bool:
        """Applies an answer in a provisional response to our INVITE; until the 2xx the latest of all forks counts. `fork`: its To tag.
        False: there is none that can be used."""
        agreement = self._accepted(leg, answer) if leg.offered and answer else None
        if agreement is None:
            return False
        remote = self._set_remote(live, leg, agreement, ours=_formats(leg))
        if fork in leg.early or len(leg.early) < MAX_FORKS:
            leg.early[fork] = EarlyAnswer(body=answer, remote=remote)
        return True

    def note_early_update(self, leg: LiveLeg, *, fork: str) -> None:
        """A fork's UPDATE before the 2xx was accepted: what it described counts for that fork from now on."""
        early = leg.early.get(fork)
        if early is not None and leg.remote is not None:
            early.remote, early.wish = leg.remote, leg.wish

    def apply_final_answer(self, live: LiveCall, leg: LiveLeg, answer: bytes, *, fork: str) -> bool:
        """Applies the answer of the fork that sent the 2xx; False when it can't be used.

        Its early answer (RFC 3261 §13.2.1), as its UPDATE left it, is that of a 2xx without SDP, and of one that only repeats it; where the
        2xx has other SDP, that counts.
        """
        early = leg.early.get(fork) or leg.early.get("")
        leg.early.clear()
        if early is not None and (answer == early.body or parse_sdp(answer) is None):
            leg.remote, leg.wish, leg.offered = early.remote, early.wish, False
            self._tell(live.worker, SetRemote(port=_port(leg), peer=leg.remote))  # the wait for its first packet begins now
            return True
        leg.wish = Direction.SENDRECV
        return self._take_answer(live, leg, answer) if leg.offered else parse_sdp(answer) is not None

    def apply_answer(self, live: LiveCall, leg: LiveLeg, answer: bytes) -> bool:
        """Applies the peer's SDP answer to our offer, in a 2xx or an ACK; False when it can't be used. Changes nothing when no offer of
        ours is open. Where an answer without SDP follows an agreement, that stays."""
        if not leg.offered:
            return True
        if leg.remote is not None and parse_sdp(answer) is None:
            leg.offered = False
            return True
        return self._take_answer(live, leg, answer)

    def _take_answer(self, live: LiveCall, leg: LiveLeg, answer: bytes) -> bool:
        agreement = self._accepted(leg, answer)
        if agreement is None:
            return False
        leg.remote = self._remote(leg, agreement, ours=_formats(leg))
        self._tell(live.worker, SetRemote(port=_port(leg), peer=leg.remote))
        leg.offered = False
        return True

    def answer_objection(self, leg: LiveLeg, answer: bytes) -> str:
        """Returns in words why `apply_answer` can't use an answer."""
        description = parse_sdp(answer)
        if description is None:
            return "its SDP can not be read" if answer else "its answer has no SDP"
        agreement = self._read_answer(leg, description)
        if agreement is None and self._keyring.offered(leg) and not any(media.crypto for media in description.media):
            return "its SDP takes none of the encrypted audio that was offered: it has no a=crypto"
        objection = None if agreement is None else self._objection(leg, agreement)
        if objection is None:
            return "its SDP takes none of the audio that was offered"
        return f"its SDP can not be used: {warning_text(warning(objection, leg.peer.codecs))}"

    def _accepted(self, leg: LiveLeg, answer: bytes) -> NegotiatedMedia | None:
        description = parse_sdp(answer)
        if description is None:
            return None
        agreement = self._read_answer(leg, description)
        return None if agreement is None or self._objection(leg, agreement) else agreement

    def _read_answer(self, leg: LiveLeg, description: SessionDescription) -> NegotiatedMedia | None:
        return offer_answer.accept_answer(
            description,
            host=self._host(leg),
            formats=_formats(leg),
            dtmf_type=_dtmf_type(leg),
            crypto=self._keyring.offered(leg),
            rtcp_mux=_has_mux(leg),
        )

    def _offer(
        self, leg: LiveLeg, *, first: int | None = None, with_cn: bool = False, direction: Direction = Direction.SENDRECV
    ) -> bytes:
        """`first`: the codec that the offer is to suit, see `_formats`. `with_cn`: with comfort noise."""
        leg.offered = True
        leg.version += 1
        return self._description(leg, first=first, with_cn=with_cn, direction=direction, crypto=self._keyring.offered(leg))

    def _description(
        self, leg: LiveLeg, *, first: int | None, with_cn: bool, direction: Direction, crypto: Sequence[Crypto]
    ) -> bytes:
        port = _port(leg)
        return offer_answer.offer(
            host=self._host(leg),
            port=port,
            session_id=port,
            version=leg.version,
            formats=_formats(leg, first=first),
            dtmf_type=_dtmf_type(leg),
            with_cn=with_cn,
            direction=direction,
            crypto=crypto,
            rtcp_mux=_has_mux(leg),
        )

    def _answer(self, leg: LiveLeg, offer: bytes, *, direction: Direction = Direction.SENDRECV) -> NegotiatedMedia | Incompatible:
        description = parse_sdp(offer)
        if description is None:
            return Incompatible.UNREADABLE
        port = _port(leg)
        agreement = offer_answer.answer(
            description,
            hosts=tuple(self._local) if leg.host is None else (leg.host,),
            port=port,
            session_id=port,
            version=leg.version + 1,
            codecs=leg.peer.codecs,
            with_dtmf=leg.peer.dtmf.is_by_events,
            direction=direction,
            srtp=SrtpMode.REQUIRED if leg.is_encrypted else leg.peer.srtp,  # what is encrypted stays so
            key_of=lambda suite: self._keyring.key(leg, suite),
        )
        if isinstance(agreement, Incompatible):
            return agreement
        objection = self._objection(leg, agreement)
        if objection is not None:
            return objection
        leg.version += 1
        leg.host = agreement.host
        return agreement

    def _host(self, leg: LiveLeg) -> str:
        """Returns our RTP address on a leg: of the family that its first SDP said, else of its signalling where we have one."""
        if leg.host is None:
            is_v6 = ":" in leg.source.host
            leg.host = min(self._local, key=lambda host: (":" in host) is not is_v6)
        return leg.host

    def _objection(self, leg: LiveLeg, agreement: NegotiatedMedia) -> Incompatible | None:
        """A name's address is that of the signalling, which may be of the other family; an address of one link names no link; audio at one
        of our own RTP ports would loop for ever."""
        host = self._media_host(leg, agreement)
        if agreement.stream.host in offer_answer.UNSPECIFIED:
            return None
        if (":" in host) is not (":" in agreement.host):
            return Incompatible.FAMILY
        if is_link_local(host):
            return Incompatible.ADDRESS
        return Incompatible.LOOP if host in self._ours and agreement.stream.port in self._ports.range else None

    def _remote(self, leg: LiveLeg, agreement: NegotiatedMedia, *, ours: tuple[Format, ...]) -> RemoteMedia:
        host = self._media_host(leg, agreement)
        our_dtmf = _dtmf_type(leg) if leg.offered else None
        return remote_media(agreement, host=host, ours=ours, our_dtmf=our_dtmf, peer=leg.peer, told=leg.told)

    def _media_host(self, leg: LiveLeg, agreement: NegotiatedMedia) -> str:
        source, signalled = leg.source, agreement.stream.host
        host = media_host(signalled, source.host, nat=leg.peer.nat)
        if host != signalled and source.host not in self._noted:
            if len(self._noted) >= MAX_NOTED:
                self._noted.clear()
            self._noted.add(source.host)
            self._note(source, f"its SDP names {signalled}, which can't be reached: audio goes to where its SIP comes from")
        return host

    def _set_remote(self, live: LiveCall, leg: LiveLeg, agreement: NegotiatedMedia, *, ours: tuple[Format, ...]) -> RemoteMedia:
        remote = self._remote(leg, agreement, ours=ours)
        known = leg.remote
        if known is not None:
            has_moved = known.moved if (known.host, known.port) == (remote.host, remote.port) else not leg.offered
            remote = replace(remote, moved=has_moved)
        if remote != leg.remote:
            leg.remote = remote
            self._tell(live.worker, SetRemote(port=_port(leg), peer=remote))
        return remote

    # ports

    def _open(self, live: LiveCall, leg: LiveLeg, *, number: int) -> None:
        if leg.port is not None and not leg.opened:
            leg.opened = True
            self._owners[leg.port] = (live.call_id, number)
            self._closed.pop(leg.port, None)
            self._tell(live.worker, Open(host=self._local[self._host(leg)], port=leg.port, peer=leg.remote))

    def close(self, worker: int, leg: LiveLeg, now_ns: int) -> None:
        """Closes the leg's audio; a port that was used stays unused for the quiet time."""
        port, leg.port = leg.port, None
        if port is None:
            return
        if not leg.opened:
            self._ports.release_unused(port)
            return
        self._closed[port] = ClosedLeg(*self._owners.pop(port), codec=_codec(leg))
        self._tell(worker, Close(port=port))
        self._ports.release(port, now_ns)

    # sound

    def bridge(self, live: LiveCall, number: int) -> None:
        caller, line = live.legs[CALLER].port, live.legs[number].port
        if caller is not None and line is not None:
            self._tell(live.worker, Bridge(a=caller, b=line))

    def send(self, live: LiveCall, number: int, order: Callable[..., Order], **fields: object) -> None:
        """Sends the worker an order for the leg's port: `order(port=..., **fields)`. Changes nothing once the port is closed."""
        port = live.legs[number].port
        if port is not None:
            self._tell(live.worker, order(port=port, **fields))


def _port(leg: LiveLeg) -> int:
    if leg.port is None:
        raise RuntimeError("a leg without a port has no SDP")
    return leg.port


def _codec(leg: LiveLeg) -> int | None:
    """Returns the codec that a leg is sent, or will be once it is answered."""
    if leg.remote is not None:
        return leg.remote.codec
    return None if leg.prepared is None else leg.prepared.format.codec


def _has_cn(leg: LiveLeg) -> bool:
    """Returns whether comfort noise is agreed on with a leg, or will be once it is answered."""
    agreed = leg.prepared if leg.remote is None else leg.remote
    return agreed is not None and agreed.cn_type is not None


def _has_mux(leg: LiveLeg) -> bool:
    """Returns whether its RTCP was agreed to come to the port of RTP: we answer to that, and never ask for it."""
    return leg.remote is not None and leg.remote.rtcp_mux


def _formats(leg: LiveLeg, *, first: int | None = None) -> tuple[Format, ...]:
    """Returns what we offer a leg: what its config says, in front what needs no transcoder beside `first`; without config G.711, `first` in
    front. What is agreed on keeps its number (RFC 3264 §8.3.2), and no other one gets that."""
    if leg.peer.codecs:
        codecs = leg.peer.codecs if first is None else sorted(leg.peer.codecs, key=lambda each: not fits(Codec(first), each))
    else:
        codecs = sorted(NARROW_BAND, key=lambda each: each != first)
    known = leg.remote
    return tuple(
        Format(known.payload_type if known is not None and known.codec == each else _number(leg, each.value), each)
        for each in codecs
    )


def _dtmf_type(leg: LiveLeg) -> int | None:
    return _number(leg, DTMF_TYPE) if leg.peer.dtmf.is_by_events else None


def _number(leg: LiveLeg, usual: int) -> int:
    """Returns the payload type that we give to what the leg has none for yet."""
    return SPARE_TYPE if leg.remote is not None and leg.remote.payload_type == usual else usual
