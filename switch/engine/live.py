"""Holds the engine's state of each live call beside the call itself: its legs' SIP and media handles, and its pinned plan."""

from collections.abc import Iterator, Mapping

import msgspec

from media.control import RemoteMedia
from switch.call.cause import Cause
from switch.call.moment import Moment
from switch.call.state import CALLER, Bridged, Call
from switch.engine.call_control import CallContext
from switch.sip.flow import Flow
from switch.sip.offer_answer import NegotiatedMedia
from switch.sip.peer import DEFAULT_PEER, PeerProfile
from switch.sip.requests import Fields
from switch.sip.sdes import Suite
from switch.sip.sdp import Direction
from switch.timer_heap import TimerEntry


class EarlyAnswer(msgspec.Struct, kw_only=True):
    """What one fork of a line's INVITE described before the 2xx. `body`: the SDP of its latest provisional answer. `remote`, `wish`: where
    its audio is and which way it flows, which its UPDATE may have changed since."""

    body: bytes
    remote: RemoteMedia
    wish: Direction = Direction.SENDRECV


class LiveLeg(msgspec.Struct, kw_only=True):
    """One leg's handles. `sip`: the agent's number. `source`: where its SIP comes from. `peer`: what config says of its trunk or line.
    `host`, `port`: our RTP address, once its family is known, and port. `remote`: where its audio is, once agreed. `refusal`: why its SDP
    can't be served, for a Warning header.

    `prepared`: the answer to its INVITE's SDP (caller; None: it had none). `version`: how many SDP bodies we sent it.
    `opened`: the worker has bound the port. `offered`: our offer was sent on it (an INVITE, or a 200 to an INVITE without SDP), so an
    answer must come. `asked`: that is in the ACK of a re-INVITE without SDP.
    `silent_since`: its last packet, while its audio has stopped. `wish`: the direction that it last asked for.
    `early`: the early answers to our INVITE, by the To tag of their fork.
    `told`: the direction that we last described to it. `waiting`: its offer, while the other leg is asked. `music`: it hears hold music.
    `follows`: the agent's number of the leg whose REFER this one is the target of.
    `in_band`: its latest keys that were heard as tones, each with its moment. `keys_by_info`: it has sent one by INFO.
    `keys`: our SRTP keys, by suite: drawn when they are first needed, and kept. `is_plain`: it is offered no SRTP, though it may have it.
    """

    sip: int
    source: Flow
    peer: PeerProfile = DEFAULT_PEER
    host: str | None = None
    port: int | None = None
    remote: RemoteMedia | None = None
    prepared: NegotiatedMedia | None = None
    version: int = 0
    opened: bool = False
    offered: bool = False
    asked: bool = False
    silent_since: Moment | None = None
    refusal: str | None = None
    wish: Direction = Direction.SENDRECV
    told: Direction = Direction.SENDRECV
    waiting: bytes | None = None
    music: bool = False
    follows: int | None = None
    early: dict[str, EarlyAnswer] = {}
    in_band: tuple[tuple[str, int], ...] = ()
    keys_by_info: bool = False
    keys: dict[Suite, bytes] = {}
    is_plain: bool = False

    def __repr__(self) -> str:
        return f"LiveLeg(sip={self.sip}, source={self.source}, peer={self.peer.name!r}, port={self.port})"

    @property
    def is_encrypted(self) -> bool:
        """Returns whether it was agreed that its audio is encrypted."""
        if self.remote is not None:
            return self.remote.srtp is not None
        return self.prepared is not None and self.prepared.srtp is not None


class LiveCall(msgspec.Struct, kw_only=True):
    """`max_forwards`: the Max-Forwards it came with. `passable`: the headers that its trunk is trusted to send to lines. `legs`: by leg
    number, 0 the caller's. `recorded`: its record has been emitted.
    `transfer`: the target of a REFER, which rings for the leg that it follows.
    `left`: why the latest leg that its far end ended did so, and the Q.850 cause value it gave, or None (RFC 3326).
    `deadline_ns`, `timer`: its next deadline, and the timer entry for it."""

    call: Call
    context: CallContext
    worker: int
    max_forwards: int
    legs: dict[int, LiveLeg]
    passable: Fields = ()
    transfer: LiveLeg | None = None
    recorded: bool = False
    left: tuple[Cause, int | None] | None = None
    deadline_ns: int | None = None
    timer: "TimerEntry[LiveCall] | None" = None

    @property
    def call_id(self) -> str:
        return self.call.history.call_id

    def partner_of(self, number: int) -> int | None:
        """Returns the leg that leg `number` is bridged with, or None."""
        match self.call.phase:
            case Bridged(leg=line) if number in {CALLER, line}:
                other = line if number == CALLER else CALLER
                return other if other in self.legs else None
            case _:
                return None

    def talks_with(self, advertiser: str) -> bool:
        """Returns whether the caller is bridged with a line of an advertiser."""
        phase = self.call.phase
        return isinstance(phase, Bridged) and self.call.history.attempts[phase.leg - 1].advertiser == advertiser

    def silent_since(self) -> Moment | None:
        """Returns the earliest last packet of the legs that should send audio and do not, or None."""
        silent = [
            leg.silent_since for leg in self.legs.values() if leg.silent_since and leg.remote is not None and leg.remote.sends
        ]
        return min(silent, default=None)


class LiveCalls:
    """Every live call, by id, by the SIP agent's leg numbers, and by trunk."""

    __slots__ = ("_by_id", "_by_sip", "_by_trunk")

    def __init__(self) -> None:
        self._by_id: dict[str, LiveCall] = {}
        self._by_sip: dict[int, tuple[LiveCall, int]] = {}
        self._by_trunk: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def by_id(self) -> Mapping[str, LiveCall]:
        """Returns all calls, as they come and go."""
        return self._by_id

    def __iter__(self) -> Iterator[LiveCall]:
        return iter(list(self._by_id.values()))

    def get(self, call_id: str) -> LiveCall | None:
        return self._by_id.get(call_id)

    def ids_beginning_with(self, beginning: str) -> tuple[str, ...]:
        return tuple(call_id for call_id in self._by_id if call_id.startswith(beginning)) if beginning else ()

    def of_sip(self, sip: int) -> tuple[LiveCall, int]:
        """Returns the call and leg number of one of the agent's legs, until that has ended."""
        return self._by_sip[sip]

    def has_sip(self, sip: int) -> bool:
        return sip in self._by_sip

    def id_of_sip(self, sip: int) -> str:
        """Returns the id of the call that has this leg of the agent's, or ""."""
        return self._by_sip[sip][0].call_id if sip in self._by_sip else ""

    def add(self, live: LiveCall) -> None:
        self._by_id[live.call_id] = live
        self._by_trunk.setdefault(live.call.history.trunk, set()).add(live.call_id)

    def on_trunk(self, trunk: str) -> int:
        """Returns how many calls of a trunk are live."""
        return len(self._by_trunk.get(trunk, ()))

    def add_leg(self, live: LiveCall, number: int, leg: LiveLeg) -> None:
        live.legs[number] = leg
        self.add_sip(live, number, leg.sip)

    def add_sip(self, live: LiveCall, number: int, sip: int) -> None:
        """One more of the agent's legs belongs to leg `number`."""
        self._by_sip[sip] = (live, number)

    def drop_leg(self, sip: int) -> None:
        del self._by_sip[sip]

    def has_leg(self, live: LiveCall, number: int) -> bool:
        """Returns whether the SIP agent still has this leg of the call."""
        leg = live.legs.get(number)
        return leg is not None and leg.sip in self._by_sip

    def drop(self, live: LiveCall) -> bool:
        """The call is over; False: it was already. Legs that have not terminated yet are still found until they do."""
        members = self._by_trunk.get(live.call.history.trunk, set())
        members.discard(live.call_id)
        if not members:
            self._by_trunk.pop(live.call.history.trunk, None)
        return self._by_id.pop(live.call_id, None) is not None
