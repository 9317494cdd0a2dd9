"""PURE. Runs an INVITE of ours until its dialog is established (RFC 3261 §9, §13): what refuses it, and CANCEL. What it says is in
`own_invite`, its early dialogs are in `early_dialogs`, its targets in `failover`. Acknowledges every 2xx:

    Calling ──1xx──▸ Proceeding ──hangup──▸ Cancelling ──final, or 64*T1──▸ Done
       └──hangup──▸ Abandoned ──1xx──────────▸┘            (a final response or Timer B: ──▸ Done, from anywhere)

CANCEL waits for a provisional response (RFC 3261 §9.1): hence Abandoned, in which the INVITE is sent no more. The first 2xx makes a
`Session`; the leg stays behind it for Timer M, to acknowledge 2xx that come again or from forks. After a CANCEL that came too late, the
user ends the session with a BYE.
"""

from enum import IntEnum, auto

from switch.sip.bye import send_bye
from switch.sip.core import Sent, UserAgentCore
from switch.sip.dialog import Dialog, caller_dialog
from switch.sip.early_dialogs import MAX_FORKS, EarlyDialogs
from switch.sip.fact import AnswerReceived, EndReason, FailedOver, LegTerminated, PlainOffered, RedirectFollowed
from switch.sip.failover import AbandonedInvite, Failover
from switch.sip.flow import Flow
from switch.sip.headers import parse_name_addr, parse_seconds
from switch.sip.locator import FAILED_NS
from switch.sip.message import Request, Response
from switch.sip.own_invite import OwnInvite
from switch.sip.peer import PeerProfile
from switch.sip.received import ReceivedRequest
from switch.sip.refusal import MAX_WORDS, refusal_words, unusable_words
from switch.sip.requests import Fields, cancel_of, contact_of, credentials_of, q850_of, reason_q850
from switch.sip.session import Session
from switch.sip.session_timer import interval_answered
from switch.sip.statistics import Statistic
from switch.sip.transaction import NS_PER_S, Timer, Transaction
from switch.sip.transaction_table import TransactionEnd

MAX_RETRY_S = 3_600
"""Of a line's Retry-After."""
NOT_ENCRYPTED = (415, 488, 606)
"""By these a device refuses a body, or a session, whose transport it does not have (RFC 3261 §21.4.13, §21.4.26, §21.6.4)."""
_UNANSWERED = {
    TransactionEnd.UNREACHABLE: (EndReason.UNREACHABLE, "can't be reached"),
    TransactionEnd.CERTIFICATE_REFUSED: (EndReason.CERTIFICATE_REFUSED, "shows a certificate that is not accepted"),
}
_SILENT = (EndReason.TIMEOUT, "is silent")


class OutgoingState(IntEnum):
    CALLING = auto()
    PROCEEDING = auto()
    ABANDONED = auto()
    CANCELLING = auto()
    DONE = auto()


class OutgoingLeg:
    """An INVITE of ours."""

    __slots__ = (
        "_acks",
        "_core",
        "_early",
        "_failover",
        "_invite",
        "_peer",
        "_phase",
        "_q850",
        "_request",
        "_tag",
        "_timeout_timer",
        "_transaction",
        "number",
    )

    def __init__(
        self,
        core: UserAgentCore,
        *,
        uri: str,
        targets: tuple[Flow, ...],
        silence_ns: int | None,
        caller: str,
        body: bytes,
        now_ns: int,
        max_forwards: int,
        call_id: str | None,
        expires_s: int | None,
        extra: Fields,
        peer: PeerProfile,
        plain: bytes = b"",
    ) -> None:
        self.number = core.next_leg()
        self._core = core
        self._failover = Failover(core, targets, silence_ns=silence_ns)
        self._peer = peer
        self._tag = core.token()
        self._phase = OutgoingState.CALLING
        self._q850: int | None = None
        self._timeout_timer: Timer | None = None
        self._acks: dict[str, Sent] = {}
        self._early = EarlyDialogs(core, number=self.number, abilities=peer.abilities)
        self._invite = OwnInvite(
            core,
            uri=uri,
            host=core.listeners.local(targets[0]).host,
            caller=caller,
            tag=self._tag,
            body=body,
            max_forwards=max_forwards,
            call_id=call_id,
            expires_s=expires_s,
            extra=extra,
            peer=peer,
            plain=plain,
        )
        self._request, self._transaction = self._send(uri, now_ns)
        core.legs[self.number] = self
        core.dialogs[self._tag] = self

    @property
    def flow(self) -> Flow:
        """Returns where the INVITE went last."""
        return self._failover.present

    # what the user does

    def hangup(self, now_ns: int, *, q850: int | None) -> None:
        match self._phase:
            case OutgoingState.CALLING:  # nobody may be there: a phone that comes up late hears no INVITE of a dead call
                self._phase = OutgoingState.ABANDONED
                self._q850 = q850
                self._failover.settle()
                self._transaction.stop_retransmitting()
            case OutgoingState.PROCEEDING:
                self._q850 = q850
                self._cancel(now_ns)
            case OutgoingState.ABANDONED | OutgoingState.CANCELLING | OutgoingState.DONE:
                pass

    def accept(self, body: bytes, now_ns: int) -> None:
        """Answers the offer of an UPDATE in an early dialog."""
        self._early.accept(body, now_ns)

    def decline(self, status: int, now_ns: int, *, extra: Fields = ()) -> None:
        self._early.decline(status, now_ns, extra=extra)

    # what the peer does

    def is_peer(self, call_id: str, _remote_tag: str) -> bool:
        """Any fork may send a request: which one answers is not known yet."""
        return call_id == self._request.headers.get("Call-ID")

    def on_request(self, received: ReceivedRequest, now_ns: int) -> None:
        self._early.on_request(received, now_ns)

    def on_ack(self, cseq: int, body: bytes, now_ns: int) -> None:
        """We have sent no 2xx."""

    def on_message(self, transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        if not isinstance(message, Response) or transaction is not self._transaction:
            return
        if message.status != 503:
            self._core.locator.answered(self._failover.present)
        if message.status < 200:
            self._on_provisional(message, now_ns)
        elif message.status < 300:
            self._on_2xx(message, now_ns)
        else:
            self._on_failure(message, now_ns)

    def on_end(self, transaction: Transaction, end: TransactionEnd, now_ns: int) -> None:
        """Timer B or the transport. After a final answer the leg has ended already and this changes nothing."""
        if self._phase is OutgoingState.DONE or transaction is not self._transaction:
            return
        why, words = _UNANSWERED.get(end, _SILENT)
        if transaction.failure:
            words = f"{words}: {transaction.failure}"
        target = self._failover.present
        if self._phase is OutgoingState.CALLING and self._moves_on(words, now_ns):
            return
        self._finish(why, by_peer=False, status=None, words="" if end is TransactionEnd.TIMEOUT else f"{target} {words}")

    def _on_silence(self, now_ns: int) -> None:
        """The target has not answered: the INVITE goes to the next one, and what still comes from this one is taken care of."""
        heir = AbandonedInvite(self._core, self._transaction, invite=self._request, nat=self._peer.nat, digest=self._invite.digest)
        self._moves_on("is silent", now_ns, heir=heir)

    def _moves_on(self, why: str, now_ns: int, *, heir: AbandonedInvite | None = None, for_ns: int = FAILED_NS) -> bool:
        """The target has failed (RFC 3263 §4.3): sends the INVITE to the next one. False: there is none. `heir`: see `_send_again`."""
        call_id = self._request.headers.get("Call-ID") or ""
        if not self._failover.moves_on(why, now_ns, call_id=call_id, for_ns=for_ns):
            return False
        self._send_again(self._request.uri, now_ns, heir=heir)
        self._core.report(FailedOver(leg=self.number, target=self._failover.present))
        return True

    def _on_provisional(self, response: Response, now_ns: int) -> None:
        match self._phase:
            case OutgoingState.CALLING | OutgoingState.PROCEEDING:
                self._phase = OutgoingState.PROCEEDING
                self._failover.heard()
                if response.status > 100:
                    self._failover.settle()
                    self._early.on_progress(response, dialog_of=self._dialog, cseq=self._invite.cseq, now_ns=now_ns)
            case OutgoingState.ABANDONED:
                self._cancel(now_ns)
            case OutgoingState.CANCELLING | OutgoingState.DONE:
                pass

    def _on_failure(self, response: Response, now_ns: int) -> None:
        cancelled = self._phase in (OutgoingState.ABANDONED, OutgoingState.CANCELLING)
        if not cancelled and self._again(response, now_ns):
            return
        why = EndReason.CANCELLED if cancelled else EndReason.REFUSED
        retry_after_s = parse_seconds(response.headers.get("Retry-After") or "", MAX_RETRY_S)
        hosts, has_credentials = self._peer.redirects, self._invite.digest is not None
        self._finish(
            why,
            by_peer=not cancelled,
            status=response.status,
            q850=q850_of(response.headers),
            retry_after_s=retry_after_s,
            words="" if cancelled else refusal_words(response, self._request, has_credentials=has_credentials, hosts=hosts),
        )

    def _again(self, response: Response, now_ns: int) -> bool:
        """Sends the INVITE again where the refusal says how: with credentials (§22.2), for a longer session (RFC 4028 §7.3), in plain,
        elsewhere; or to the next target, when this one has no room (RFC 3263 §4.3)."""
        tries, digest = self._transaction.tries, self._invite.digest
        if digest is not None and digest.takes(response, self._request, tries=tries):
            self._send_again(self._request.uri, now_ns)
            self._transaction.tries = tries + 1
            return True
        if response.status == 422 and self._invite.lengthen(response):
            self._send_again(self._request.uri, now_ns)
            return True
        if response.status in NOT_ENCRYPTED and self._invite.turns_plain():
            target, call_id = self._failover.present, self._request.headers.get("Call-ID") or ""
            what = f"{target} answers {response.status} to encrypted audio: it is offered plain audio"
            self._core.note_oddity(target, what, call_id, kind=Statistic.SRTP_REFUSED)
            self._send_again(self._request.uri, now_ns)
            self._core.report(PlainOffered(leg=self.number, status=response.status))
            return True
        if response.status == 503:
            asked_s = parse_seconds(response.headers.get("Retry-After") or "", MAX_RETRY_S) or 0
            return self._moves_on("answers 503", now_ns, for_ns=max(FAILED_NS, asked_s * NS_PER_S))
        return response.status < 400 and self._is_redirected(response, now_ns)

    def _is_redirected(self, response: Response, now_ns: int) -> bool:
        found = self._invite.redirection(response, like=self._failover.named, now_ns=now_ns)
        if found is None:
            return False
        uri, targets = found
        self._failover.redirect(targets)
        self._send_again(uri, now_ns)
        self._core.report(RedirectFollowed(leg=self.number, uri=uri))
        return True

    def _send_again(self, uri: str, now_ns: int, *, heir: AbandonedInvite | None = None) -> None:
        """The INVITE in a new transaction: it has had no provisional answer yet, so a CANCEL waits for one. `heir` hears what still comes
        in the old one; None: that has acknowledged the refusal, and absorbs what comes again."""
        self._transaction.user = heir
        self._early.end(now_ns)
        self._phase = OutgoingState.CALLING
        self._request, self._transaction = self._send(uri, now_ns)

    def _send(self, uri: str, now_ns: int) -> tuple[Request, Transaction]:
        core, failover, invite = self._core, self._failover, self._invite
        request = invite.next_try(uri, failover.present)
        if failover.takes_tcp(request, now_ns):
            request = invite.over(failover.present)
        transaction = core.send_request(request, branch=invite.branch, flow=failover.present, user=self, now_ns=now_ns)
        failover.begin(now_ns, self._on_silence)
        core.call_host(self.number, failover.present.host)
        return request, transaction

    def _on_2xx(self, response: Response, now_ns: int) -> None:
        """Acknowledges every one (§13.2.2.4). The first makes the session, a fork's is ended at once, a retransmission changes nothing."""
        to = parse_name_addr(response.headers.get("To") or "")
        remote_tag = "" if to is None else to.tag or ""
        if remote_tag in self._acks:
            self._core.send(*self._acks[remote_tag])
            return
        if len(self._acks) >= MAX_FORKS:
            return
        contact = contact_of(response.headers)
        dialog = self._dialog(response, remote_tag, contact or self._request.uri)
        fork = self._early.fork(remote_tag)
        if fork is not None and fork.numbers is not None:  # they go on, its route set is the 2xx's (§13.2.2.4)
            dialog.cseq, dialog.peer_cseq = fork.numbers
        credentials = credentials_of(self._request)
        ack = dialog.request("ACK", branch=self._core.new_branch(), cseq=self._invite.cseq, extra=credentials)
        self._acks[remote_tag] = self._core.send_ack(ack, dialog.next_hop)
        is_first, is_usable = self._phase is not OutgoingState.DONE, contact is not None and remote_tag != ""
        if is_first and is_usable:
            self._leave(now_ns)
            session = Session(
                self._core,
                self.number,
                dialog=dialog,
                peer=self._peer,
                tag=self._tag,
                status=response.status,
                is_caller=True,
                sdp=self._invite.body if fork is None or fork.sdp is None else fork.sdp,
            )
            session.note_allowed(response.headers)
            session.set_interval(interval_answered(response, self._invite.interval_s), now_ns)
            self._core.report(AnswerReceived(leg=self.number, body=response.body, to_tag=remote_tag))
            return
        send_bye(self._core, dialog, user=None, q850=None, now_ns=now_ns)
        if is_first:
            words = unusable_words(response, has_contact=contact is not None)
            self._finish(EndReason.BAD_ANSWER, by_peer=False, status=response.status, words=words)

    def _dialog(self, response: Response, remote_tag: str, target: str) -> Dialog:
        return caller_dialog(
            self._request,
            response,
            cseq=self._invite.cseq,
            target=target,
            remote_tag=remote_tag,
            flow=self._failover.present,
            listeners=self._core.listeners,
            nat=self._peer.nat,
            digest=self._invite.digest,
        )

    def _cancel(self, now_ns: int) -> None:
        """§9.1. The answer to the CANCEL itself is ignored; the INVITE's final answer is awaited for 64*T1."""
        self._phase = OutgoingState.CANCELLING
        request = cancel_of(self._request, extra=reason_q850(self._q850))
        self._core.send_request(request, branch=self._invite.branch, flow=self._failover.present, user=None, now_ns=now_ns)
        self._timeout_timer = self._core.timer_heap.add(now_ns + self._core.timers.transaction_timeout_ns, self._never_answered)

    def _never_answered(self, _now_ns: int) -> None:
        self._transaction.destroy()
        self._finish(EndReason.TIMEOUT, by_peer=False, status=None)

    def _leave(self, now_ns: int) -> None:
        self._phase = OutgoingState.DONE
        self._failover.settle()
        self._early.end(now_ns)
        self._core.timer_heap.cancel(self._timeout_timer)
        self._core.dialogs.pop(self._tag, None)

    def _finish(
        self,
        why: EndReason,
        *,
        by_peer: bool,
        status: int | None,
        q850: int | None = None,
        retry_after_s: int | None = None,
        words: str = "",
    ) -> None:
        self._leave(0)
        self._core.end(
            LegTerminated(
                leg=self.number,
                why=why,
                by_peer=by_peer,
                status=status,
                q850=q850,
                retry_after_s=retry_after_s,
                words=words[:MAX_WORDS],
            )
        )
