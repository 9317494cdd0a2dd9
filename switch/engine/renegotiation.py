"""Carries offers of one leg of a bridged call to the other (RFC 3264 §8): hold, resume, and what else changes the direction of audio.

An offer changes something for the other leg only where it changes which way audio flows: addresses and codecs end here, since audio is
relayed and recoded. Then the other leg is asked first, and its refusal is this leg's, too (ADR 0022).
"""

from typing import Protocol, assert_never

from media.control import PlayMusic, StopPlay
from switch.call.moment import Moment
from switch.call.state import CALLER
from switch.engine.live import LiveCall, LiveLeg
from switch.engine.media import MediaController
from switch.sip.fact import OfferAccepted, OfferReceived, OfferRefused
from switch.sip.offer_answer import Incompatible, warning
from switch.sip.sdp import Direction, direction_of

NOT_ACCEPTABLE = 488
PENDING = 491


class OfferingAgent(Protocol):
    """What of the SIP agent is needed here."""

    def offer(self, leg: int, body: bytes, now_ns: int) -> None: ...

    def accept(self, leg: int, body: bytes, now_ns: int) -> None: ...

    def decline(self, leg: int, status: int, now_ns: int, *, warning: str = "") -> None: ...


class Renegotiator:
    __slots__ = ("_agent", "_media")

    def __init__(self, *, agent: OfferingAgent, media: MediaController) -> None:
        self._agent = agent
        self._media = media

    def on_fact(self, live: LiveCall, number: int, fact: OfferReceived | OfferAccepted | OfferRefused, at: Moment) -> None:
        match fact:
            case OfferReceived(offer=offer, fork=fork):
                self.on_offer(live, number, offer, at, fork=fork)
            case OfferAccepted(body=body):
                self.on_offer_accepted(live, number, body, at)
            case OfferRefused(status=status):
                self.on_offer_refused(live, number, status, at)
            case _:
                assert_never(fact)

    def on_offer(self, live: LiveCall, number: int, offer: bytes, at: Moment, *, fork: str = "") -> None:
        """A re-INVITE, UPDATE or PRACK with an offer, or a re-INVITE that asks for ours. Before a line has answered there is no other leg
        to ask: it is answered with what we can do (RFC 3311 §5.2). `fork`: whose UPDATE it is then."""
        leg, other = live.legs[number], live.partner_of(number)
        if not offer:
            body = self._media.renew_offer(leg, direction=_direction(live, number))
            leg.asked = True
            self._agent.accept(leg.sip, body, at.mono_ns)
            return
        asked = self._media.wish_of(leg, offer)
        if isinstance(asked, Incompatible):
            self._agent.decline(leg.sip, NOT_ACCEPTABLE, at.mono_ns, warning=warning(asked, leg.peer.codecs))
            return
        wish = _wish(leg, asked)
        told = None if other is None else _direction(live, other, wish=wish)
        if other is None or told is None or live.legs[other].offered or told == live.legs[other].told:
            if self._accept(live, number, offer, at) and fork:
                self._media.note_early_update(leg, fork=fork)
            self._play_music(live)
        elif live.legs[other].waiting is not None:  # its offer waits for this leg: each would wait for the other
            self._agent.decline(leg.sip, PENDING, at.mono_ns)
        else:
            leg.waiting = offer
            self._offer(live.legs[other], told, at)

    def on_answer(self, live: LiveCall, number: int, at: Moment) -> None:
        """A leg answered an offer that our 200 made: nobody was asked, so the other leg is told."""
        leg = live.legs[number]
        _read_wish(leg)
        self._tell_other(live, number, at)
        self._play_music(live)

    def on_offer_accepted(self, live: LiveCall, number: int, body: bytes, at: Moment) -> None:
        """A leg took our offer: so does whoever caused it."""
        leg, other = live.legs[number], live.partner_of(number)
        self._media.apply_answer(live, leg, body)
        leg.offered = False
        if leg.told is Direction.SENDRECV:  # else it says no more than what we asked for
            _read_wish(leg)
        waiting = None if other is None else live.legs[other].waiting
        if other is not None and waiting is not None:
            self._accept(live, other, waiting, at)
        if other is not None and _direction(live, number) != leg.told:  # it changed in the meantime
            self._offer(leg, _direction(live, number), at)
        self._play_music(live)

    def on_offer_refused(self, live: LiveCall, number: int, status: int, at: Moment) -> None:
        """A leg refused our offer: both go on as they were."""
        leg, other = live.legs[number], _partner(live, number)
        leg.offered = False
        if other is not None and other.waiting is not None:
            leg.told, other.waiting = _direction(live, number), None
            self._agent.decline(other.sip, status, at.mono_ns)

    def on_bridged(self, live: LiveCall, at: Moment) -> None:
        """A line talks with the caller now, who may be on hold already. What played to them is over."""
        for leg in live.legs.values():
            leg.music = False
        self._tell_other(live, CALLER, at)
        self._play_music(live)

    def on_unbridged(self, live: LiveCall, at: Moment) -> None:
        """Line and caller are apart: nobody is left to ask."""
        for number, leg in live.legs.items():
            leg.music = False
            waiting, leg.waiting = leg.waiting, None
            if waiting is not None and leg.port is not None:  # else it is the leg that has ended
                self._accept(live, number, waiting, at)

    def _tell_other(self, live: LiveCall, number: int, at: Moment) -> None:
        other = live.partner_of(number)
        if other is not None and not live.legs[other].offered and _direction(live, other) != live.legs[other].told:
            self._offer(live.legs[other], _direction(live, other), at)

    def _offer(self, leg: LiveLeg, direction: Direction, at: Moment) -> None:
        self._agent.offer(leg.sip, self._media.renew_offer(leg, direction=direction), at.mono_ns)

    def _accept(self, live: LiveCall, number: int, offer: bytes, at: Moment) -> bool:
        """Answers a leg's offer. Returns False when it had to be refused."""
        leg = live.legs[number]
        leg.waiting = None
        asked = self._media.wish_of(leg, offer)
        if not isinstance(asked, Incompatible):
            leg.wish = _wish(leg, asked)
        body = self._media.renegotiate(live, leg, offer, direction=_direction(live, number))
        if isinstance(body, Incompatible):
            self._agent.decline(leg.sip, NOT_ACCEPTABLE, at.mono_ns, warning=warning(body, leg.peer.codecs))
            return False
        self._agent.accept(leg.sip, body, at.mono_ns)
        return True

    def _play_music(self, live: LiveCall) -> None:
        """Starts and stops music to the caller as the line holds the call or not."""
        caller, line = live.legs[CALLER], _partner(live, CALLER)
        music = _music(live, CALLER)
        wanted = music is not None and line is not None and not line.wish.receives and caller.wish.receives
        if wanted and not caller.music:
            self._media.send(live, CALLER, PlayMusic, prompt=music)
        elif caller.music and not wanted:
            self._media.send(live, CALLER, StopPlay)
        caller.music = wanted


def _direction(live: LiveCall, number: int, *, wish: Direction | None = None) -> Direction:
    """Returns what we do on a leg. `wish`: its partner's, where that is about to change. A caller on hold hears music even from a line
    that sends nothing."""
    partner = _partner(live, number)
    if partner is None:
        return Direction.SENDRECV
    wish = partner.wish if wish is None else wish
    has_music = not wish.receives and _music(live, number) is not None
    return direction_of(sends=wish.sends or has_music, receives=wish.receives)


def _music(live: LiveCall, number: int) -> str | None:
    """Returns the prompt that a leg hears over and over while its partner has it on hold, or None: what the partner sends."""
    campaign = live.call.history.campaign
    return None if number != CALLER or campaign is None else live.context.plan.hold_music.get(campaign)


def _wish(leg: LiveLeg, asked: Direction) -> Direction:
    """Returns what a leg wants. One that only repeats its side of a hold by the other wants nothing itself: phones refresh so."""
    is_reply = leg.told is not Direction.SENDRECV and asked is leg.told.reversed
    return Direction.SENDRECV if is_reply else asked


def _read_wish(leg: LiveLeg) -> None:
    if leg.remote is not None:
        leg.wish = _wish(leg, direction_of(sends=leg.remote.sends, receives=leg.remote.receives))


def _partner(live: LiveCall, number: int) -> LiveLeg | None:
    other = live.partner_of(number)
    return None if other is None else live.legs[other]
