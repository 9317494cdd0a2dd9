"""PURE. Runs an INVITE session from the 2xx on, in either direction: ACK, the peer's offers, its timer, BYE, and its end.

Leg set-up is in `incoming` and `outgoing`, the dialog in `dialog`, our own offers and refreshes in `own_offer`; SDP is opaque here.

    Unacked ──ACK──▸ Confirmed ──hangup──▸ Closing ──answer to BYE, Timer F, peer's BYE──▸ Over
       └──hangup──▸ Leaving ──ACK──▸ Closing            (peer's BYE, or a 2xx never acknowledged: ──▸ Over, from anywhere)

The callee may not send BYE before the ACK (RFC 3261 §15): hence Leaving. A session that is over stays in `UserAgentCore.dialogs` while its
own BYE's transaction lives, to answer a BYE of the peer's that crossed it.
"""

from dataclasses import dataclass
from enum import IntEnum, auto

from switch.sip.bye import send_bye
from switch.sip.capabilities import rejection_of
from switch.sip.core import UserAgentCore
from switch.sip.dialog import Dialog
from switch.sip.fact import AckReceived, EndReason, InfoDigit, LegTerminated, OfferReceived
from switch.sip.flow import Flow
from switch.sip.headers import parse_cseq
from switch.sip.info import InfoKey, info_rejection, key_of
from switch.sip.message import Headers, Request, Response
from switch.sip.own_keys import OwnKeys
from switch.sip.own_offer import OwnOffers
from switch.sip.peer import PeerProfile
from switch.sip.peer_offer import PeerOffer
from switch.sip.received import ReceivedRequest
from switch.sip.refer import Referrals, note_refused
from switch.sip.requests import Fields, contact_of, names_option, q850_of, retry_after
from switch.sip.retransmission import Retransmission
from switch.sip.session_timer import SessionInterval, SessionTimer, interval_rejection, interval_to_answer
from switch.sip.transaction import Transaction
from switch.sip.transaction_table import TransactionEnd

EXPIRED_Q850 = 102
"""Recovery on timer expiry."""


class SessionState(IntEnum):
    UNACKED = auto()
    CONFIRMED = auto()
    LEAVING = auto()
    CLOSING = auto()
    OVER = auto()


_LIVE = frozenset({SessionState.UNACKED, SessionState.CONFIRMED})
_ENDING = frozenset({SessionState.CLOSING, SessionState.OVER})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unacked:
    """A 2xx of ours without its ACK."""

    cseq: int
    retransmission: Retransmission


class Session:
    """An answered leg. `tag`: ours, its key in `UserAgentCore.dialogs`. `status`: the 2xx that made it. `is_caller`: we sent the INVITE."""

    __slots__ = (
        "_bye",
        "_core",
        "_dialog",
        "_keys",
        "_own",
        "_peer",
        "_pending",
        "_phase",
        "_q850",
        "_referrals",
        "_status",
        "_tag",
        "_timer",
        "_unacked",
        "number",
    )

    def __init__(
        self,
        core: UserAgentCore,
        number: int,
        *,
        dialog: Dialog,
        peer: PeerProfile,
        tag: str,
        status: int,
        is_caller: bool,
        sdp: bytes,
    ) -> None:
        self.number = number
        self._core = core
        self._dialog = dialog
        self._peer = peer
        self._tag = tag
        self._status = status
        self._phase = SessionState.CONFIRMED
        self._pending: PeerOffer | None = None
        self._unacked: _Unacked | None = None
        self._bye: Transaction | None = None
        self._keys: OwnKeys | None = None
        self._q850: int | None = None
        core.note_nat(dialog)
        core.call_host(number, *dialog.hosts)
        self._timer = SessionTimer(core.timer_heap)
        self._own = OwnOffers(core, self, dialog=dialog, timer=self._timer, is_caller=is_caller, sdp=sdp, peer=peer)
        self._referrals: Referrals | None = None
        core.legs[number] = self
        core.dialogs[tag] = self

    @property
    def flow(self) -> Flow:
        """Returns where its INVITE went, or came from."""
        return self._dialog.flow

    # what the user does

    def start(self, transaction: Transaction, *, received: ReceivedRequest, body: bytes, now_ns: int) -> None:
        """Sends our 2xx to the INVITE that makes this session, and waits for its ACK."""
        self._phase = SessionState.UNACKED
        self.note_allowed(received.request.headers)
        self._send_2xx(transaction, received=received, body=body, now_ns=now_ns)

    def hangup(self, now_ns: int, *, q850: int | None) -> None:
        match self._phase:
            case SessionState.UNACKED:
                self._phase = SessionState.LEAVING
                self._q850 = q850
            case SessionState.CONFIRMED:
                self._send_bye(now_ns, q850=q850)
            case SessionState.LEAVING | SessionState.CLOSING | SessionState.OVER:
                pass

    def offer(self, body: bytes, now_ns: int) -> None:
        """Offers `body` to the peer by a re-INVITE; b"": asks for its offer. One at a time: another one waits, the newest for all."""
        self._own.offer(body, now_ns)

    def press(self, key: InfoKey, now_ns: int) -> None:
        """Sends a key by INFO."""
        if self._keys is None:
            self._keys = OwnKeys(self._core, self, dialog=self._dialog)
        self._keys.press(key, now_ns)

    def accept(self, body: bytes, now_ns: int) -> None:
        """Answers the pending offer: by the ACK, where it came in the 2xx to a re-INVITE of ours, else by a 200. Changes nothing when the
        request was cancelled in the meantime."""
        if self._own.acknowledge(body, now_ns):
            return
        pending, self._pending = self._pending, None
        if pending is None:
            return
        self._retarget(pending.received.request.headers)
        if pending.received.request.method == "INVITE":
            self._send_2xx(pending.transaction, received=pending.received, body=body, now_ns=now_ns)
        else:
            self._own.sdp = body
            self._answer_update(pending.transaction, pending.received, body=body, now_ns=now_ns)
            self._own.resume(now_ns)

    def decline(self, status: int, now_ns: int, *, extra: Fields = ()) -> None:
        """Refuses the pending offer: the session goes on as it was (§14.2)."""
        self._refuse_pending(status, now_ns, extra=extra)
        self._own.resume(now_ns)

    @property
    def referrals(self) -> Referrals:
        """Returns the peer's REFERs, made when they are used: in most sessions nobody transfers."""
        if self._referrals is None:
            self._referrals = Referrals(self._core, self, dialog=self._dialog, peer=self._peer)
        return self._referrals

    def _refuse_pending(self, status: int, now_ns: int, *, extra: Fields = ()) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.decline(self._core, status, now_ns, extra=extra)

    # what the peer does

    def is_peer(self, call_id: str, remote_tag: str) -> bool:
        return call_id == self._dialog.call_id and remote_tag == self._dialog.remote_tag

    def on_request(self, received: ReceivedRequest, now_ns: int) -> None:
        request = received.request
        if request.method == "BYE" and self._phase in _ENDING:
            self._core.reply(received, 200, now_ns=now_ns)
            self._finish(EndReason.BYE, by_peer=False, q850=q850_of(request.headers))
        elif self._phase is SessionState.OVER:
            self._core.refuse(received, 481, now_ns=now_ns)
        elif not self._dialog.accepts(received.cseq):
            self._core.refuse(received, 500, now_ns=now_ns)
        elif (rejection := rejection_of(request, self._peer.abilities)) is not None:
            self._core.refuse(received, rejection[0], now_ns=now_ns, extra=rejection[1])
            if request.method == "REFER":
                note_refused(self._core, received, "the peer may not transfer calls, or requires too much")
        else:
            self._serve(received, now_ns)

    def _serve(self, received: ReceivedRequest, now_ns: int) -> None:
        match received.request.method:
            case "BYE":
                self._on_bye(received, now_ns)
            case "INVITE" | "UPDATE":
                self._on_offer(received, now_ns)
            case "INFO":
                self._on_info(received, now_ns)
            case "REFER":
                self.referrals.on_refer(received, now_ns)
            case "PRACK":  # our reliable responses are over with the 2xx
                self._core.refuse(received, 481, now_ns=now_ns)
            case _:
                self._core.reply_stateless(received, 200, extra=self._peer.abilities.answer_fields)

    def on_ack(self, cseq: int, body: bytes, now_ns: int) -> None:
        if self._unacked is None or self._unacked.cseq != cseq:
            return
        self._stop_2xx()
        match self._phase:
            case SessionState.UNACKED | SessionState.CONFIRMED:
                self._phase = SessionState.CONFIRMED
                self._core.report(AckReceived(leg=self.number, body=body))
                self._own.resume(now_ns)
            case SessionState.LEAVING:
                self._send_bye(now_ns, q850=self._q850)
            case SessionState.CLOSING | SessionState.OVER:
                pass

    def on_message(self, transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        """From our BYE: its answer, with any final status (§15.1.1). From INVITEs: an ACK that reuses the branch, or a CANCEL."""
        if isinstance(message, Response):
            if transaction is self._bye:
                self._on_bye_answered(message, now_ns)
        elif message.method == "ACK":
            cseq = parse_cseq(message.headers.get("CSeq") or "")
            self.on_ack(-1 if cseq is None else cseq.number, message.body, now_ns)
        elif self._pending is not None and self._pending.transaction is transaction:
            self.decline(487, now_ns)

    def on_end(self, transaction: Transaction, _end: TransactionEnd, _now_ns: int) -> None:
        if transaction is self._bye:
            self._finish(EndReason.BYE, by_peer=False)
            self._bye = None
            self._core.dialogs.pop(self._tag, None)
        elif self._pending is not None and self._pending.transaction is transaction:
            self._pending = None

    def _on_bye(self, received: ReceivedRequest, now_ns: int) -> None:
        self._core.reply(received, 200, now_ns=now_ns)
        self._close_exchanges(now_ns)
        self._finish(EndReason.BYE, by_peer=self._phase is not SessionState.LEAVING, q850=q850_of(received.request.headers))

    def _on_offer(self, received: ReceivedRequest, now_ns: int) -> None:
        """A re-INVITE (§14.2), or an UPDATE (RFC 3311 §5.2), which without SDP only refreshes. One at a time: 500 while another one of the
        peer's is unanswered, 491 while one of ours, or a 2xx without ACK, is unfinished."""
        request = received.request
        is_invite = request.method == "INVITE"
        too_small = interval_rejection(request)
        if too_small is not None:
            self._core.refuse(received, too_small[0], now_ns=now_ns, extra=too_small[1])
        elif not is_invite and not request.body:
            self._retarget(request.headers)
            self._answer_update(self._core.serve(received, now_ns), received, body=b"", now_ns=now_ns)
        elif self._pending is not None:
            self._core.refuse(received, 500, now_ns=now_ns, extra=retry_after(self._core.retry_after_s()))
        elif self._unacked is not None or self._own.is_pending or self._phase is not SessionState.CONFIRMED:
            self._core.refuse(received, 491, now_ns=now_ns)
        else:
            transaction = self._core.serve(received, now_ns)
            transaction.user = self
            self._pending = PeerOffer(received, transaction)
            if is_invite:
                self._core.respond(transaction, received, 100, now_ns=now_ns)
            self._core.report(OfferReceived(leg=self.number, offer=request.body, method=request.method))

    def _on_info(self, received: ReceivedRequest, now_ns: int) -> None:
        rejection = info_rejection(received.request)
        if rejection is not None:
            self._core.refuse(received, rejection[0], now_ns=now_ns, extra=rejection[1])
            return
        self._core.reply(received, 200, now_ns=now_ns)
        key = key_of(received.request)
        if key is not None and self._peer.dtmf.is_by_info:
            self._core.report(InfoDigit(leg=self.number, digit=key.digit, duration_ms=key.duration_ms))

    # what `own_offer` needs

    @property
    def may_offer(self) -> bool:
        """Returns whether no other offer is on the way: a request of ours may go out."""
        return self._phase is SessionState.CONFIRMED and self._pending is None and self._unacked is None

    @property
    def is_live(self) -> bool:
        return self._phase in _LIVE

    def note_allowed(self, headers: Headers) -> None:
        """Reads from a message of the peer's whether it takes UPDATE (RFC 3311 §5.1)."""
        if "Allow" in headers:
            self._own.has_update = names_option(headers, "Allow", "UPDATE")

    def on_accepted(self, response: Response, interval: SessionInterval | None, now_ns: int) -> None:
        """A 2xx to a request of ours: the peer's target and the session's time are refreshed."""
        self._retarget(response.headers)
        self.note_allowed(response.headers)
        self.set_interval(interval, now_ns)

    def lost(self, now_ns: int) -> None:
        """The peer does not know the dialog any more, or is silent, or the session has run out: BYE, and the end."""
        if self.is_live:
            self._send_bye(now_ns, q850=EXPIRED_Q850)
            self._finish(EndReason.EXPIRED, by_peer=False)

    def set_interval(self, interval: SessionInterval | None, now_ns: int) -> None:
        """Starts the session's time anew; an end is no time."""
        if interval is None or not self.is_live:
            self._timer.stop()
        else:
            self._timer.start(interval, now_ns, refresh=self._own.refresh, expired=self.lost)

    # how it is done

    def _retarget(self, headers: Headers) -> None:
        """A target refresh (§12.2)."""
        target = contact_of(headers)
        if target is not None:
            self._dialog.retarget(target)
            self._core.call_host(self.number, *self._dialog.hosts)

    def _answer_update(self, transaction: Transaction, received: ReceivedRequest, *, body: bytes, now_ns: int) -> None:
        transaction.user = None
        interval, extra = self._fields_of_2xx(received)
        self._core.respond(transaction, received, 200, now_ns=now_ns, extra=extra, body=body)
        self.set_interval(interval, now_ns)

    def _fields_of_2xx(self, received: ReceivedRequest) -> tuple[SessionInterval | None, Fields]:
        interval, fields = interval_to_answer(received.request, self._peer.session_expires_s)
        return interval, (self._core.contact(received), *self._peer.abilities.answer_fields, *fields)

    def _send_2xx(self, transaction: Transaction, *, received: ReceivedRequest, body: bytes, now_ns: int) -> None:
        core = self._core
        transaction.user = self
        interval, extra = self._fields_of_2xx(received)
        wire = core.respond(transaction, received, 200, now_ns=now_ns, extra=extra, body=body)
        if body:
            self._own.sdp = body
        self.set_interval(interval, now_ns)
        retransmission = Retransmission(
            core,
            lambda again_ns: transaction.respond(200, wire, again_ns),
            on_timeout=self._never_acknowledged,
            longest_ns=core.timers.t2_ns,
            now_ns=now_ns,
        )
        self._unacked = _Unacked(cseq=received.cseq, retransmission=retransmission)

    def _never_acknowledged(self, now_ns: int) -> None:
        self._send_bye(now_ns, q850=self._q850)
        self._finish(EndReason.NO_ACK, by_peer=False)

    def _send_bye(self, now_ns: int, *, q850: int | None) -> None:
        self._close_exchanges(now_ns)
        self._stop_2xx()
        self._phase = SessionState.CLOSING
        self._timer.stop()
        self._q850 = q850
        self._bye = send_bye(self._core, self._dialog, user=self, q850=q850, now_ns=now_ns)

    def _close_exchanges(self, now_ns: int) -> None:
        self._refuse_pending(487, now_ns)
        if self._referrals is not None:
            self._referrals.close(now_ns)
        self._own.close(now_ns)

    def _on_bye_answered(self, response: Response, now_ns: int) -> None:
        """A challenge is answered once; the leg ends by any other final answer."""
        if response.status < 200:
            return
        if self._bye is not None:
            retried = self._core.answer_challenge(self._dialog, self._bye, response, user=self, now_ns=now_ns)
            if retried is not None:
                self._bye = retried
                return
        self._finish(EndReason.BYE, by_peer=False)

    def _stop_2xx(self) -> None:
        unacked, self._unacked = self._unacked, None
        if unacked is not None:
            unacked.retransmission.stop()

    def _finish(self, why: EndReason, *, by_peer: bool, q850: int | None = None) -> None:
        """The leg is over; the dialog's entry stays while the transaction of our BYE lives."""
        if self._phase is not SessionState.OVER:
            self._phase = SessionState.OVER
            self._stop_2xx()
            self._timer.stop()
            self._keys = None
            del self._own, self._referrals  # they refer to this session: without a cycle it is freed with its last transaction
            self._core.end(LegTerminated(leg=self.number, why=why, by_peer=by_peer, status=self._status, q850=q850))
        if self._bye is None:
            self._core.dialogs.pop(self._tag, None)
