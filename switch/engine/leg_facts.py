"""Translates what the SIP agent tells of a call's leg into the call's events, and keeps the leg's media, port and end in step with it."""

from typing import assert_never

from switch.call import event as ev
from switch.call.cause import Cause, cause_of_answer
from switch.call.moment import Moment
from switch.call.state import CALLER, Ended
from switch.call.steps import why_ended
from switch.engine.call_control import CallControl
from switch.engine.call_runner import CallRunner
from switch.engine.digit_relay import DigitRelay
from switch.engine.ears import EarsController
from switch.engine.live import LiveCall, LiveCalls
from switch.engine.media import MediaController
from switch.engine.renegotiation import Renegotiator
from switch.engine.transfer import TransferController
from switch.sip.agent import UserAgent
from switch.sip.fact import (
    AckReceived,
    AnswerReceived,
    EndReason,
    FailedOver,
    InfoDigit,
    LegFact,
    LegTerminated,
    OfferAccepted,
    OfferReceived,
    OfferRefused,
    PlainOffered,
    ProvisionalReceived,
    RedirectFollowed,
    ReferReceived,
)
from switch.sip.info import InfoKey

MAX_LINE_REST_S = 600
"""How long a line is left alone at most because it asked for it (Retry-After)."""


_Told = ProvisionalReceived | FailedOver | PlainOffered | RedirectFollowed | ReferReceived | AnswerReceived | InfoDigit
"""What a call is told of as one event."""


class LegFacts:
    """Facts of legs that belong to a call. `InviteReceived` opens one: see `call_setup`."""

    __slots__ = ("_agent", "_calls", "_control", "_digits", "_ears", "_media", "_renegotiator", "_runner", "_transfers")

    def __init__(
        self,
        *,
        agent: UserAgent,
        media: MediaController,
        renegotiator: Renegotiator,
        transfers: TransferController,
        digits: DigitRelay,
        ears: EarsController,
        control: CallControl,
        calls: LiveCalls,
        runner: CallRunner,
    ) -> None:
        self._agent = agent
        self._media = media
        self._renegotiator = renegotiator
        self._transfers = transfers
        self._digits = digits
        self._ears = ears
        self._control = control
        self._calls = calls
        self._runner = runner

    def on_fact(self, live: LiveCall, number: int, *, fact: LegFact, at: Moment) -> None:
        if fact.leg != live.legs[number].sip:  # the target of a transfer, or a leg that one left behind
            event = self._transfers.on_fact(live, number, fact, at)
            if event is not None:
                self._runner.feed(live, event)
            return
        match fact:
            case LegTerminated():
                self._on_terminated(live, number, fact, at)
            case _ if isinstance(live.call.phase, Ended):  # the leg was answered after the record was written: hang it up
                self._agent.hangup(fact.leg, at.mono_ns)
            case AckReceived(body=body):
                self._on_ack(live, number, body, at)
            case OfferReceived() | OfferAccepted() | OfferRefused():
                self._renegotiator.on_fact(live, number, fact, at)
            case InfoDigit(digit=digit) if self._ears.is_repeat(live, number, digit, at):
                pass
            case _:
                self._runner.feed(live, self._event_of(live, number, fact, at))
        self._ears.follow(live, at)  # telephone-event may have been agreed on, or no longer

    def _event_of(self, live: LiveCall, number: int, fact: _Told, at: Moment) -> ev.Event:
        """Returns the call's event of a fact, once the leg's handles are in step with it."""
        leg = live.legs[number]
        match fact:
            case ProvisionalReceived(status=status, body=body, to_tag=fork):
                leg.source = self._agent.flow_of(fact.leg) or leg.source
                early = self._media.apply_early_answer(live, leg, body, fork=fork) and self._media.can_answer_early(live)
                return ev.LegRang(at=at, leg=number, status=status, early_media=early)
            case FailedOver(target=target):
                return ev.LegFailedOver(at=at, leg=number, target=str(target))
            case PlainOffered(status=status):
                leg.is_plain = True
                return ev.LegOfferedPlain(at=at, leg=number, status=status)
            case RedirectFollowed(uri=uri):
                return ev.LegRedirected(at=at, leg=number, uri=uri)
            case ReferReceived(uri=uri):
                return ev.TransferRequested(at=at, leg=number, uri=uri)
            case AnswerReceived(body=body, to_tag=fork):
                leg.source = self._agent.flow_of(fact.leg) or leg.source
                if self._media.apply_final_answer(live, leg, body, fork=fork):
                    return ev.LegAnswered(at=at, leg=number, encrypted=leg.is_encrypted)
                return ev.AnswerUnusable(at=at, leg=number, why=self._media.answer_objection(leg, body))
            case InfoDigit(digit=digit, duration_ms=duration_ms):
                self._digits.on_info(live, number, InfoKey(digit, duration_ms), at)  # first: a key that bridges is not passed on
                return ev.DigitHeard(at=at, leg=number, digit=digit)
            case _:
                assert_never(fact)

    def _on_ack(self, live: LiveCall, number: int, body: bytes, at: Moment) -> None:
        leg = live.legs[number]
        is_answer = leg.offered and (leg.asked or leg.remote is None)  # else a re-INVITE of ours still waits
        leg.asked = False
        if is_answer and not self._media.apply_answer(live, leg, body):
            self._runner.feed(live, ev.MediaFailed(at=at, why="no usable SDP in the ACK"))
            return
        if is_answer:
            self._renegotiator.on_answer(live, number, at)
        if number == CALLER:
            self._runner.feed(live, ev.CallerAcknowledged(at=at))

    def _on_terminated(self, live: LiveCall, number: int, fact: LegTerminated, at: Moment) -> None:
        """A leg is over: its port is released, whatever the state of the call."""
        leg = live.legs[number]
        self._calls.drop_leg(fact.leg)
        self._media.close(live.worker, leg, at.mono_ns)
        if number != CALLER and leg.follows is None and fact.status == 503 and fact.retry_after_s:
            rest_us = min(fact.retry_after_s, MAX_LINE_REST_S) * 1_000_000
            self._control.usage.rest_line(live.call.history.attempts[number - 1].line, at.utc_us + rest_us)
        cause = why_ended(live.call, number, by_peer=fact.by_peer, cause=end_cause(fact, number=number))
        if fact.by_peer:
            live.left = (cause, fact.q850)
        event: ev.Event = ev.LegEnded(
            at=at,
            leg=number,
            by_peer=fact.by_peer,
            cause=cause,
            sip_code=fact.status,
            q850=fact.q850,
            why=fact.words or None,
        )
        if number != CALLER and self._transfers.on_line_left(live, number):
            event = ev.TransferorLeft(at=at, leg=number, by_peer=fact.by_peer, cause=cause, q850=fact.q850)
        self._runner.feed(live, event)


_OF_CALLER = {
    EndReason.NO_ACK: Cause.CALLER_NO_ACK,
    EndReason.UNREACHABLE: Cause.CALLER_NO_ACK,
    EndReason.EXPIRED: Cause.SESSION_EXPIRED,
    EndReason.INVITE_EXPIRED: Cause.INVITE_EXPIRED,
}

_OF_LINE = {
    EndReason.BYE: Cause.LINE_HUNG_UP,
    EndReason.EXPIRED: Cause.SESSION_EXPIRED,
    EndReason.CANCELLED: Cause.NO_ANSWER,
    EndReason.TIMEOUT: Cause.SILENT,
    EndReason.UNREACHABLE: Cause.LINE_FAILED,
    EndReason.CERTIFICATE_REFUSED: Cause.CERTIFICATE_REFUSED,
    EndReason.BAD_ANSWER: Cause.LINE_FAILED,
}


def end_cause(ended: LegTerminated, *, number: int) -> Cause:
    """Returns why the leg with this number ended, as SIP has it."""
    if number == CALLER:
        return _OF_CALLER.get(ended.why, Cause.CALLER_HUNG_UP)
    if ended.why is EndReason.REFUSED:
        return cause_of_answer(ended.status or 500)
    return _OF_LINE.get(ended.why, Cause.LINE_FAILED)
