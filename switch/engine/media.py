"""Controls the media of live calls: RTP ports, SDP offers and answers (RFC 3264), and the orders to media workers."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from media.control import Bridge, Close, Open, Order, RemoteMedia, SetRemote
from switch.call.state import CALLER
from switch.engine.live import LiveCall, LiveLeg
from switch.sip import sdp


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpSettings:
    """This switch's RTP: its address as peers see it, the first and last port, and how long a port stays unused between calls."""

    address: str
    ports: tuple[int, int]
    quiet_ms: int


class RtpPorts:
    """Even ports of `first`..`last`, handed out longest-unused first (RFC 3550 §11: RTP on even ports)."""

    __slots__ = ("_free", "_quiet", "_quiet_ns", "range")

    def __init__(self, first: int, last: int, *, quiet_ms: int) -> None:
        self.range = range(first, last + 1)
        self._free = deque(range(first + first % 2, last + 1, 2))
        self._quiet: deque[tuple[int, int]] = deque()
        self._quiet_ns = quiet_ms * 1_000_000

    def allocate(self, now_ns: int) -> int | None:
        """Returns a port that was unused for the quiet time, or None."""
        while self._quiet and self._quiet[0][0] <= now_ns:
            self._free.append(self._quiet.popleft()[1])
        return self._free.popleft() if self._free else None

    def release(self, port: int, now_ns: int) -> None:
        """Releases `port` at `now_ns`. Called once for each `allocate`."""
        self._quiet.append((now_ns + self._quiet_ns, port))

    def release_unused(self, port: int) -> None:
        """Releases a `port` that was never opened: no late packet can come for it."""
        self._free.appendleft(port)


PCMU, PCMA = 0, 8
OFFERED = (PCMU, PCMA)
DTMF_TYPE = 101
"""The payload type we offer for telephone-event; an answer of ours takes the peer's."""

NO_WORKER = -1
"""The worker of a call that is refused because there is none."""

PortOwner = tuple[str, int]
"""A call's id and its leg's number."""


class MediaController:
    """`tell(worker, order)` is where orders go."""

    __slots__ = ("_address", "_calls", "_owners", "_ports", "_tell")

    def __init__(self, rtp: RtpSettings, *, tell: Callable[[int, Order], None]) -> None:
        self._address = rtp.address
        self._ports = RtpPorts(*rtp.ports, quiet_ms=rtp.quiet_ms)
        self._tell = tell
        self._calls: dict[int, int] = {}
        self._owners: dict[int, PortOwner] = {}

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

    def owner_of(self, port: int) -> PortOwner | None:
        return self._owners.get(port)

    # offers and answers (RFC 3264)

    def reserve_port(self, leg: LiveLeg, now_ns: int) -> bool:
        """Reserves a port for the leg; False when none is free."""
        if leg.port is None:
            leg.port = self._ports.allocate(now_ns)
        return leg.port is not None

    def prepare_answer(self, leg: LiveLeg, offer: bytes) -> bool:
        """Prepares the answer to an INVITE's SDP, or our offer when it has none. False: we can't serve it (488)."""
        leg.prepared = self._answer(leg, offer)
        return leg.prepared is not None or not offer

    def answer(self, live: LiveCall, leg: LiveLeg) -> bytes:
        """Returns our SDP for a 200 to a leg with a prepared answer; opens its port and sets its remote address."""
        agreement, leg.prepared = leg.prepared, None
        leg.remote = None if agreement is None else _remote_media(agreement)
        self._open(live, leg, number=CALLER)
        return self._offer(leg) if agreement is None else agreement.body

    def renegotiate(self, live: LiveCall, leg: LiveLeg, offer: bytes) -> bytes | None:
        """Returns our SDP for a 200 to a re-INVITE and sets the new remote address, or None: it can't be served, and nothing changes."""
        if not offer:
            return self._offer(leg)
        agreement = self._answer(leg, offer)
        if agreement is None:
            return None
        self._set_remote(live, leg, agreement)
        return agreement.body

    def offer(self, live: LiveCall, leg: LiveLeg, *, number: int, now_ns: int) -> bytes | None:
        """Returns our SDP for an INVITE and opens the port, or None when no port is free."""
        if not self.reserve_port(leg, now_ns):
            return None
        self._open(live, leg, number=number)
        return self._offer(leg, first=_preferred_codec(live.legs[CALLER]))

    def apply_answer(self, live: LiveCall, leg: LiveLeg, answer: bytes) -> bool:
        """Applies the peer's SDP answer to our offer; False when it can't be used. Changes nothing when no offer of ours is open."""
        if not leg.offered:
            return True
        description = sdp.parse_sdp(answer)
        agreement = None if description is None else sdp.accept_answer(description, payload_types=OFFERED, dtmf_type=DTMF_TYPE)
        if agreement is None or not self._usable(agreement):
            return False
        leg.offered = False
        self._set_remote(live, leg, agreement)
        return True

    def _offer(self, leg: LiveLeg, *, first: int = PCMU) -> bytes:
        port = _port(leg)
        leg.offered = True
        leg.version += 1
        codecs = (first, *(codec for codec in OFFERED if codec != first))
        return sdp.offer(
            host=self._address, port=port, session_id=port, version=leg.version, payload_types=codecs, dtmf_type=DTMF_TYPE
        )

    def _answer(self, leg: LiveLeg, offer: bytes) -> sdp.NegotiatedMedia | None:
        description = sdp.parse_sdp(offer)
        if description is None:
            return None
        port = _port(leg)
        agreement = sdp.answer(description, host=self._address, port=port, session_id=port, version=leg.version + 1)
        if agreement is None or not self._usable(agreement):
            return None
        leg.version += 1
        return agreement

    def _usable(self, agreement: sdp.NegotiatedMedia) -> bool:
        """Our sockets can't reach audio at IPv6; audio at one of our own RTP ports would loop for ever."""
        host, port = agreement.stream.host, agreement.stream.port
        return ":" not in host and not (host == self._address and port in self._ports.range)

    def _set_remote(self, live: LiveCall, leg: LiveLeg, agreement: sdp.NegotiatedMedia) -> None:
        remote = _remote_media(agreement)
        if remote != leg.remote:
            leg.remote = remote
            self._tell(live.worker, SetRemote(port=_port(leg), peer=remote))

    # ports

    def _open(self, live: LiveCall, leg: LiveLeg, *, number: int) -> None:
        if leg.port is not None and not leg.opened:
            leg.opened = True
            self._owners[leg.port] = (live.call_id, number)
            self._tell(live.worker, Open(port=leg.port, peer=leg.remote))

    def close(self, worker: int, leg: LiveLeg, now_ns: int) -> None:
        """Closes the leg's audio; a port that was used stays unused for the quiet time."""
        port, leg.port = leg.port, None
        if port is None:
            return
        if not leg.opened:
            self._ports.release_unused(port)
            return
        del self._owners[port]
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


def _remote_media(agreement: sdp.NegotiatedMedia) -> RemoteMedia:
    return RemoteMedia(
        host=agreement.stream.host,
        port=agreement.stream.port,
        payload_type=agreement.payload_type,
        dtmf_type=agreement.dtmf_type,
        sends=agreement.stream.direction.sends,
        receives=agreement.stream.direction.receives,
    )


def _port(leg: LiveLeg) -> int:
    if leg.port is None:
        raise RuntimeError("a leg without a port has no SDP")
    return leg.port


def _preferred_codec(leg: LiveLeg) -> int:
    """Returns the caller's codec, to be offered first: then nothing need be transcoded."""
    return PCMU if leg.remote is None else leg.remote.payload_type
