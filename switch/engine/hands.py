"""Knows how each of a call's commands is carried out: on the SIP agent, the audio desk, and by the brain.

Does not know when calls are made or moved on: that is `switch.engine.engine`. What a command causes at once comes back as events.
"""

from collections.abc import Callable, Iterable
from typing import assert_never

from msgspec.structs import replace

from switch.call import cdr
from switch.call import command as do
from switch.call import event as ev
from switch.call.cause import TREATMENT, Cause
from switch.call.leg import CALLER
from switch.call.moment import Moment
from switch.call.phase import Over
from switch.engine.brain import Brain
from switch.engine.desk import MediaDesk
from switch.engine.effect import Effect, KeepRecord, SyncJournal
from switch.engine.live import Leg, LiveCall, LiveCalls
from switch.sip.agent import Agent
from switch.sip.arrival import DEFAULT_PORT
from switch.sip.message import Address
from switch.sip.uri import parse_uri

RETRY_AFTER_S = 5
"""What callers are told who are refused only because we can't serve them just now."""


class Hands:
    """Carries out commands. `emit` takes the effects they need."""

    __slots__ = ("_agent", "_brain", "_desk", "_emit", "_lives")

    def __init__(self, *, agent: Agent, desk: MediaDesk, brain: Brain, lives: LiveCalls, emit: Callable[[Effect], None]) -> None:
        self._agent = agent
        self._desk = desk
        self._brain = brain
        self._lives = lives
        self._emit = emit

    def carry_out(self, live: LiveCall, command: do.Command, at: Moment) -> Iterable[ev.Event]:
        """`command` done; the events it caused at once."""
        match command:
            case do.AskRoute():
                return (self._brain.rule(live.call, live.dossier, command, at),)
            case do.Dial():
                return self._dial(live, command, at)
            case do.HangUp(leg=leg, cause=cause):
                return self._hang_up(live, leg, cause, at)
            case do.Secure(leg=leg):
                self._emit(SyncJournal(call_id=live.call_id, leg=leg))
            case do.Appraise():
                self._brain.appraise(live.call, live.dossier, at)
            case do.Finish():
                self._finish(live)
            case do.Ring() | do.Answer() | do.Refuse():
                self._to_caller(live, command, at)
            case _:
                self._sound(live, command, at)
        return ()

    def _to_caller(self, live: LiveCall, command: do.Ring | do.Answer | do.Refuse, at: Moment) -> None:
        leg = live.legs[CALLER]
        match command:
            case do.Ring():
                self._agent.ring(leg.sip, at.mono_ns)
            case do.Answer():
                self._agent.answer(leg.sip, self._desk.answer(live, leg), at.mono_ns)
            case do.Refuse(cause=cause):
                how = TREATMENT[cause]
                retry = RETRY_AFTER_S if how.sip == 503 else None
                self._agent.refuse(leg.sip, how.sip, at.mono_ns, q850=how.q850, retry_after_s=retry)
            case _:
                assert_never(command)

    def _sound(self, live: LiveCall, command: do.Bridge | do.Unbridge | do.Play | do.PlayRingback | do.Hush, at: Moment) -> None:
        match command:
            case do.Bridge(leg=leg):
                self._brain.talking(live.call, live.dossier, leg, at=at)
                self._desk.bridge(live, leg)
            case do.Unbridge():
                self._desk.unbridge(live)
            case do.Play(leg=leg, play=play, prompt=prompt):
                self._desk.play(live, leg, play=play, prompt=prompt)
            case do.PlayRingback():
                self._desk.ringback(live)
            case do.Hush(leg=leg):
                self._desk.hush(live, leg)
            case _:
                assert_never(command)

    def _dial(self, live: LiveCall, dial: do.Dial, at: Moment) -> Iterable[ev.Event]:
        target = _target(dial.attempt.uri)
        leg = Leg(sip=-1)
        body = self._desk.offer(live, leg, number=dial.leg, now_ns=at.mono_ns)
        if body is None:
            return (ev.MediaFailed(at=at, why="no RTP port is free"),)
        try:
            leg.sip = self._agent.invite(
                uri=dial.attempt.uri,
                target=target,
                caller=live.call.story.ani,
                body=body,
                now_ns=at.mono_ns,
                hops_left=live.hops_left - 1,
            )
        except Exception:
            self._desk.close(live, leg, at.mono_ns)  # nobody else knows of its port
            raise
        self._lives.add_leg(live, dial.leg, leg)
        return ()

    def _hang_up(self, live: LiveCall, number: int, cause: Cause, at: Moment) -> Iterable[ev.Event]:
        leg = live.legs.get(number)
        if leg is not None:
            if number != CALLER:
                self._brain.given_up(live.call, live.dossier, number, cause=cause, at=at)
            self._agent.hangup(leg.sip, at.mono_ns, q850=TREATMENT[cause].q850)
            return ()
        self._brain.leg_ended(live.call, live.dossier, number, cause=cause, at=at)  # it never got as far as an INVITE
        return (ev.LegEnded(at=at, leg=number, by_peer=False, cause=cause),)

    def renegotiate(self, live: LiveCall, number: int, offer: bytes, at: Moment) -> None:
        """A re-INVITE on a leg: hold, resume, another address. An offer we can't serve changes nothing (RFC 3261 §14.2: 488)."""
        leg = live.legs[number]
        body = self._desk.renegotiate(live, leg, offer)
        if body is None:
            self._agent.decline(leg.sip, 488, at.mono_ns)
        else:
            self._agent.accept(leg.sip, body, at.mono_ns)

    def bury(self, live: LiveCall, at: Moment) -> None:
        """A call whose machine can't end it any more: every leg is told to end, and the record says that it crashed."""
        for leg in live.legs.values():
            self._agent.hangup(leg.sip, at.mono_ns, q850=TREATMENT[Cause.BROKEN].q850)
        live.call = replace(live.call, story=cdr.crashed(live.call.story, at), phase=Over())
        self._finish(live)

    def _finish(self, live: LiveCall) -> None:
        """The record is written now. Legs that the network has not let go of yet keep their ports and caps until it does."""
        if self._lives.drop(live):
            self._desk.left(live.worker)
        self._emit(KeepRecord(judged=self._brain.finish(live.call, live.dossier)))


def _target(uri: str) -> Address:
    """Where a line's URI is reached. Config holds IP literals only, so there is nothing to look up."""
    parsed = parse_uri(uri)
    if parsed is None:
        raise RuntimeError(f"config let an unusable URI pass: {uri}")
    return parsed.host, parsed.port or DEFAULT_PORT
