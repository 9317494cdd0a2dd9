"""Carries out transfers by REFER: dials the target as a SIP leg of its own for the line's leg number, and swaps the two.

`LiveCall.legs` has who is behind a leg number now; `LiveCall.transfer` is a target that rings while the line is still there. Every other
SIP leg of the call is one that was left behind: it is only ended. Which transfer is followed is decided in `switch.call.transfer`.
"""

from collections.abc import Iterable

from media.control import Unbridge
from switch.call import command as do
from switch.call import event as ev
from switch.call.cause import TREATMENT, Cause
from switch.call.moment import Moment
from switch.call.state import CALLER
from switch.engine.line_invite import expires_s, invite
from switch.engine.live import LiveCall, LiveCalls, LiveLeg
from switch.engine.media import MediaController
from switch.engine.renegotiation import NOT_ACCEPTABLE, Renegotiator
from switch.sip.agent import UserAgent
from switch.sip.fact import AnswerReceived, LegFact, LegTerminated, OfferReceived, PlainOffered, ProvisionalReceived, ReferReceived

DONE, FORBIDDEN, TIMEOUT, UNAVAILABLE = 200, 403, 408, 503


class TransferController:
    """Its commands and facts are those of the one leg number whose line talks with the caller."""

    __slots__ = ("_agent", "_calls", "_media", "_renegotiator")

    def __init__(
        self,
        *,
        agent: UserAgent,
        media: MediaController,
        renegotiator: Renegotiator,
        calls: LiveCalls,
    ) -> None:
        self._agent = agent
        self._media = media
        self._renegotiator = renegotiator
        self._calls = calls

    # commands

    def carry_out(
        self, live: LiveCall, command: do.Transfer | do.RefuseTransfer | do.CompleteTransfer | do.EndTransfer, at: Moment
    ) -> Iterable[ev.Event]:
        """Returns the events that the command caused at once."""
        match command:
            case do.Transfer():
                return self._dial(live, command, at)
            case do.RefuseTransfer(leg=leg, status=status, why=why):
                self._agent.decline_refer(live.legs[leg].sip, status, at.mono_ns, why=why)
            case do.CompleteTransfer(leg=leg):
                self._complete(live, leg, at)
            case do.EndTransfer(leg=leg, status=status):
                self._drop_target(live, at)
                self._agent.finish_refer(live.legs[leg].sip, status, at.mono_ns)
        return ()

    def _dial(self, live: LiveCall, command: do.Transfer, at: Moment) -> Iterable[ev.Event]:
        line, tried = live.legs[command.leg], live.call.history.attempts[command.leg - 1]
        number = len(tried.transferred_to)
        seed = live.call.history.seed + number
        targets = self._agent.locator.redirected(command.uri, like=line.source, seed=seed, now_ns=at.mono_ns)
        if not targets:
            self._agent.decline_refer(line.sip, FORBIDDEN, at.mono_ns, why="no address is known for its target")
            return (ev.TransferFailed(at=at, leg=command.leg, status=FORBIDDEN),)
        target = LiveLeg(sip=-1, source=targets[0], peer=line.peer, follows=line.sip)
        body = self._media.offer(live, target, number=command.leg, now_ns=at.mono_ns)
        if body is None:
            self._agent.decline_refer(line.sip, UNAVAILABLE, at.mono_ns, why="no RTP port is free")
            return (ev.TransferFailed(at=at, leg=command.leg, status=UNAVAILABLE),)
        live.transfer = target  # from here on its port has an owner
        self._agent.accept_refer(line.sip, at.mono_ns, expires_s=expires_s(command.ring_ms))
        call_id = None if tried.sip_call_id is None else f"{tried.sip_call_id}-{number}"
        invite(
            self._agent,
            live,
            target,
            targets=targets,
            line=tried.line,
            uri=command.uri,
            body=body,
            plain=self._media.plain_offer(live, target),
            silence_ms=live.context.plan.table.lines[tried.line].silence_ms,
            ring_ms=command.ring_ms,
            call_id=call_id,
            at=at,
        )
        self._calls.add_sip(live, command.leg, target.sip)
        return ()

    def _complete(self, live: LiveCall, number: int, at: Moment) -> None:
        """The target has answered. A line that is still there is let go."""
        target, live.transfer = live.transfer, None
        if target is not None:
            line = live.legs[number]
            self._renegotiator.on_unbridged(live, at)
            self._media.send(live, CALLER, Unbridge)
            self._media.close(live.worker, line, at.mono_ns)
            live.legs[number] = target
            self._agent.finish_refer(line.sip, DONE, at.mono_ns)
        self._media.bridge(live, number)
        self._renegotiator.on_bridged(live, at)

    def hang_up(self, live: LiveCall, leg: LiveLeg, at: Moment, *, q850: int) -> None:
        """Hangs up who is behind a leg number, with a target that rings for it, or the line that it followed, which may still be there."""
        self._agent.hangup(leg.sip, at.mono_ns, q850=q850)
        if leg.follows is not None:
            self._agent.hangup(leg.follows, at.mono_ns, q850=q850)
        if live.transfer is not None and live.transfer.follows == leg.sip:
            self._drop_target(live, at, q850=q850)

    def _drop_target(self, live: LiveCall, at: Moment, *, q850: int = TREATMENT[Cause.NO_ANSWER].q850) -> None:
        target, live.transfer = live.transfer, None
        if target is not None:
            self._media.close(live.worker, target, at.mono_ns)
            self._agent.hangup(target.sip, at.mono_ns, q850=q850)

    # facts

    def on_line_left(self, live: LiveCall, number: int) -> bool:
        """The leg behind `number` has ended. Returns whether a target that rings has taken its place."""
        target = live.transfer
        if target is None or target.follows != live.legs[number].sip:
            return False
        live.legs[number], live.transfer = target, None
        return True

    def on_fact(self, live: LiveCall, number: int, fact: LegFact, at: Moment) -> ev.Event | None:
        """A fact of a target that rings, or of a leg that was left behind. Returns the call's event of it, or None."""
        target = live.transfer if live.transfer is not None and live.transfer.sip == fact.leg else None
        match fact:
            case LegTerminated(status=status):
                self._calls.drop_leg(fact.leg)
                if target is not None:
                    return ev.TransferFailed(at=at, leg=number, status=TIMEOUT if status is None or status < 300 else status)
            case ProvisionalReceived(body=body, to_tag=fork) if target is not None:
                target.source = self._agent.flow_of(fact.leg) or target.source
                self._media.apply_early_answer(live, target, body, fork=fork)
            case PlainOffered() if target is not None:
                target.is_plain = True
            case AnswerReceived(body=body, to_tag=fork) if target is not None:
                target.source = self._agent.flow_of(fact.leg) or target.source
                if self._media.apply_final_answer(live, target, body, fork=fork):
                    return ev.TransferAnswered(at=at, leg=number)
                return ev.TransferFailed(at=at, leg=number, status=NOT_ACCEPTABLE)
            case AnswerReceived():
                self._agent.hangup(fact.leg, at.mono_ns)
            case OfferReceived():
                self._agent.decline(fact.leg, NOT_ACCEPTABLE, at.mono_ns)
            case ReferReceived():
                self._agent.decline_refer(fact.leg, FORBIDDEN, at.mono_ns, why="the line has transferred the call already")
            case _:
                pass
        return None
