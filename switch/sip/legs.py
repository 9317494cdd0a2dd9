"""PURE. Runs INVITE legs until their dialog is established: the caller's (`IncomingLeg`) and a line's (`OutgoingLeg`), RFC 3261 §9, §13.

An incoming leg sends 100, 180, then 200 or a refusal, and takes the caller's CANCEL or early BYE. After the 200 it is a `Session`.
An outgoing leg handles provisional responses, CANCEL and forks, and acknowledges every 2xx:

    Calling ──1xx──▸ Proceeding ──hangup──▸ Cancelling ──final, or 64*T1──▸ Done
       └──hangup──▸ Abandoned ──1xx──────────▸┘            (a final response or Timer B: ──▸ Done, from anywhere)

CANCEL waits for a provisional response (RFC 3261 §9.1): hence Abandoned. The first 2xx makes a `Session`; the leg stays behind it for
Timer M, to acknowledge 2xx that come again or from forks. After a CANCEL that came too late, the user ends the session with a BYE.
"""

from enum import IntEnum, auto

from switch.sip.core import UserAgentCore
from switch.sip.fact import AnswerReceived, EndReason, InviteReceived, LegTerminated, ProvisionalReceived
from switch.sip.flow import Flow
from switch.sip.headers import parse_name_addr
from switch.sip.identity import sender
from switch.sip.message import Headers, Request, Response
from switch.sip.peer import PeerProfile
from switch.sip.requests import (
    ALLOW,
    CAPABILITIES,
    DEFAULT_MAX_FORWARDS,
    SDP,
    SUPPORTED,
    Fields,
    ReceivedRequest,
    cancel_of,
    contact_of,
    q850_of,
    reason_q850,
    rejection_of,
    retry_after,
)
from switch.sip.session import Session, callee_dialog, caller_dialog, send_bye
from switch.sip.transaction import NS_PER_MS, Timer, Transaction
from switch.sip.transaction_table import TransactionEnd

RING_AGAIN_NS = 60_000 * NS_PER_MS
"""RFC 3261 §13.3.1.1: a 180 every minute restarts the proxies' Timer C."""
HUNG_UP_STATUS = 480
"""The final answer when the user hangs up before answering: Temporarily Unavailable."""


class IncomingLeg:
    """An INVITE that has no final answer yet. `target`: the caller's Contact. `rejection`: the only answer it can get, with its headers."""

    __slots__ = ("_core", "_peer", "_received", "_rejection", "_ring_timer", "_tag", "_target", "_transaction", "number")

    def __init__(
        self,
        core: UserAgentCore,
        received: ReceivedRequest,
        *,
        peer: PeerProfile,
        target: str,
        now_ns: int,
        rejection: tuple[int, Fields] | None = None,
    ) -> None:
        self.number = core.next_leg()
        self._core = core
        self._peer = peer
        self._received = received
        self._target = target
        self._rejection = rejection
        self._tag = core.token()
        self._ring_timer: Timer | None = None
        self._transaction = core.serve(received, now_ns, tag=self._tag)
        self._transaction.user = self
        core.legs[self.number] = self
        core.dialogs[self._tag] = self
        core.respond(self._transaction, received, 100, now_ns=now_ns)

    def invited(self, source: Flow) -> InviteReceived:
        """The fact that opens this leg."""
        request = self._received.request
        hops = request.headers.get("Max-Forwards")
        return InviteReceived(
            leg=self.number,
            source=source,
            uri=request.uri,
            call_id=self._received.call_id,
            offer=request.body,
            headers=request.headers,
            max_forwards=DEFAULT_MAX_FORWARDS if hops is None else int(hops),
            reject_status=None if self._rejection is None else self._rejection[0],
            peer=self._peer.name,
        )

    def ring(self, now_ns: int) -> None:
        self._core.timer_heap.cancel(self._ring_timer)
        self._ring_timer = self._core.timer_heap.add(now_ns + RING_AGAIN_NS, self.ring)
        extra = (self._core.listeners.contact(self._received.reply_to), ALLOW)
        self._core.respond(self._transaction, self._received, 180, now_ns=now_ns, extra=extra)

    def answer(self, body: bytes, now_ns: int) -> None:
        self._core.timer_heap.cancel(self._ring_timer)
        if self._rejection is not None:  # there is only one answer to it
            self.refuse(self._rejection[0], now_ns, extra=())
            return
        dialog = callee_dialog(self._received, tag=self._tag, target=self._target, listeners=self._core.listeners)
        session = Session(self._core, self.number, dialog=dialog, peer=self._peer, tag=self._tag, status=200)
        session.start(self._transaction, received=self._received, body=body, now_ns=now_ns)

    def refuse(self, status: int, now_ns: int, *, extra: Fields) -> None:
        if self._rejection is not None:
            status, extra = self._rejection
        self._close(
            status, now_ns, LegTerminated(leg=self.number, why=EndReason.REFUSED, by_peer=False, status=status), extra=extra
        )

    def hangup(self, now_ns: int, *, q850: int | None) -> None:
        self.refuse(HUNG_UP_STATUS, now_ns, extra=reason_q850(q850))

    def is_peer(self, call_id: str, remote_tag: str) -> bool:
        return call_id == self._received.call_id and remote_tag == self._received.from_tag

    def on_request(self, received: ReceivedRequest, now_ns: int) -> None:
        """In the early dialog: BYE ends it (§15.1.2), a second INVITE gets 500 with Retry-After (§14.2)."""
        core, method = self._core, received.request.method
        rejection = rejection_of(received.request)
        if received.cseq < self._received.cseq:
            core.refuse(received, 500, now_ns=now_ns)
        elif rejection is not None:
            core.refuse(received, rejection[0], now_ns=now_ns, extra=rejection[1])
        elif method == "INVITE":
            core.refuse(received, 500, now_ns=now_ns, extra=retry_after(core.retry_after_s()))
        elif method == "BYE":
            core.reply(received, 200, now_ns=now_ns)
            self._left_by_peer(EndReason.BYE, received.request, now_ns)
        else:
            core.reply_stateless(received, 200, extra=CAPABILITIES)

    def on_ack(self, cseq: int, body: bytes, now_ns: int) -> None:
        """There is nothing to acknowledge yet."""

    def on_message(self, _transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        """The caller's CANCEL."""
        if isinstance(message, Request) and message.method == "CANCEL":
            self._left_by_peer(EndReason.CANCELLED, message, now_ns)

    def on_end(self, _transaction: Transaction, _end: TransactionEnd) -> None:
        """Before the final answer only the transport ends a transaction."""
        self._forget(LegTerminated(leg=self.number, why=EndReason.UNREACHABLE, by_peer=False, status=None))

    def _left_by_peer(self, why: EndReason, request: Request, now_ns: int) -> None:
        ended = LegTerminated(leg=self.number, why=why, by_peer=True, status=487, q850=q850_of(request.headers))
        self._close(487, now_ns, ended)

    def _close(self, status: int, now_ns: int, ended: LegTerminated, *, extra: Fields = ()) -> None:
        self._transaction.user = None
        self._core.respond(self._transaction, self._received, status, now_ns=now_ns, extra=extra)
        self._forget(ended)

    def _forget(self, ended: LegTerminated) -> None:
        self._core.timer_heap.cancel(self._ring_timer)
        self._core.dialogs.pop(self._tag, None)
        self._core.end(ended)


FIRST_CSEQ = 1
MAX_FORKS = 16
"""2xx with different To tags that one INVITE may bring; further ones are dropped."""


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
        "_branch",
        "_core",
        "_flow",
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
        target: Flow,
        caller: str,
        body: bytes,
        now_ns: int,
        max_forwards: int,
        call_id: str | None,
        extra: Fields,
        peer: PeerProfile,
    ) -> None:
        self.number = core.next_leg()
        self._core = core
        self._flow = target
        self._peer = peer
        self._tag = core.token()
        self._phase = OutgoingState.CALLING
        self._q850: int | None = None
        self._timeout_timer: Timer | None = None
        self._acks: dict[str, tuple[bytes, Flow]] = {}
        self._branch = core.new_branch()
        from_value = f"{sender(caller, host=core.listeners.local(target).host, uri=uri)};tag={self._tag}"
        identity = (("From", from_value), ("To", f"<{uri}>"), ("Call-ID", call_id or core.token()))
        self._request = _invite(
            core, uri, flow=target, identity=identity, branch=self._branch, body=body, max_forwards=max_forwards, extra=extra
        )
        self._transaction = core.send_request(self._request, branch=self._branch, flow=target, user=self, now_ns=now_ns)
        core.legs[self.number] = self
        core.call_host(self.number, target.host)
        core.dialogs[self._tag] = self

    def hangup(self, now_ns: int, *, q850: int | None) -> None:
        match self._phase:
            case OutgoingState.CALLING:
                self._phase = OutgoingState.ABANDONED
                self._q850 = q850
            case OutgoingState.PROCEEDING:
                self._q850 = q850
                self._cancel(now_ns)
            case OutgoingState.ABANDONED | OutgoingState.CANCELLING | OutgoingState.DONE:
                pass

    def is_peer(self, call_id: str, _remote_tag: str) -> bool:
        """Any fork may send a request: which one answers is not known yet."""
        return call_id == self._request.headers.get("Call-ID")

    def on_request(self, received: ReceivedRequest, now_ns: int) -> None:
        """Before the 2xx we keep no early dialogs: an INVITE gets 491, since ours is pending (§14.2); other requests get 481."""
        status = 491 if received.request.method == "INVITE" else 481
        self._core.refuse(received, status, now_ns=now_ns)

    def on_ack(self, cseq: int, body: bytes, now_ns: int) -> None:
        """We have sent no 2xx."""

    def on_message(self, _transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        if not isinstance(message, Response):
            return
        if message.status < 200:
            self._on_provisional(message, now_ns)
        elif message.status < 300:
            self._on_2xx(message, now_ns)
        else:
            self._on_failure(message)

    def on_end(self, _transaction: Transaction, end: TransactionEnd) -> None:
        """Timer B or the transport. After a final answer the leg has ended already and this changes nothing."""
        why = EndReason.UNREACHABLE if end is TransactionEnd.UNREACHABLE else EndReason.TIMEOUT
        if self._phase is not OutgoingState.DONE:
            self._finish(why, by_peer=False, status=None)

    def _on_provisional(self, response: Response, now_ns: int) -> None:
        match self._phase:
            case OutgoingState.CALLING | OutgoingState.PROCEEDING:
                self._phase = OutgoingState.PROCEEDING
                if response.status > 100:
                    self._core.report(ProvisionalReceived(leg=self.number, status=response.status, body=response.body))
            case OutgoingState.ABANDONED:
                self._cancel(now_ns)
            case OutgoingState.CANCELLING | OutgoingState.DONE:
                pass

    def _on_failure(self, response: Response) -> None:
        cancelled = self._phase in (OutgoingState.ABANDONED, OutgoingState.CANCELLING)
        why = EndReason.CANCELLED if cancelled else EndReason.REFUSED
        self._finish(why, by_peer=not cancelled, status=response.status, q850=q850_of(response.headers))

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
        dialog = caller_dialog(
            self._request,
            response,
            cseq=FIRST_CSEQ,
            target=contact or self._request.uri,
            remote_tag=remote_tag,
            flow=self._flow,
            listeners=self._core.listeners,
        )
        ack = dialog.request("ACK", via=self._core.listeners.via(dialog.next_hop, self._core.new_branch()), cseq=FIRST_CSEQ)
        self._acks[remote_tag] = self._core.send_ack(ack, dialog.next_hop)
        is_first, is_usable = self._phase is not OutgoingState.DONE, contact is not None and remote_tag != ""
        if is_first and is_usable:
            self._leave()
            Session(self._core, self.number, dialog=dialog, peer=self._peer, tag=self._tag, status=response.status)
            self._core.report(AnswerReceived(leg=self.number, body=response.body))
            return
        send_bye(self._core, dialog, user=None, q850=None, now_ns=now_ns)
        if is_first:
            self._finish(EndReason.BAD_ANSWER, by_peer=False, status=response.status)

    def _cancel(self, now_ns: int) -> None:
        """§9.1. The answer to the CANCEL itself is ignored; the INVITE's final answer is awaited for 64*T1."""
        self._phase = OutgoingState.CANCELLING
        request = cancel_of(self._request, extra=reason_q850(self._q850))
        self._core.send_request(request, branch=self._branch, flow=self._flow, user=None, now_ns=now_ns)
        self._timeout_timer = self._core.timer_heap.add(now_ns + self._core.timers.transaction_timeout_ns, self._never_answered)

    def _never_answered(self, _now_ns: int) -> None:
        self._transaction.destroy()
        self._finish(EndReason.TIMEOUT, by_peer=False, status=None)

    def _leave(self) -> None:
        self._phase = OutgoingState.DONE
        self._core.timer_heap.cancel(self._timeout_timer)
        self._core.dialogs.pop(self._tag, None)

    def _finish(self, why: EndReason, *, by_peer: bool, status: int | None, q850: int | None = None) -> None:
        self._leave()
        self._core.end(LegTerminated(leg=self.number, why=why, by_peer=by_peer, status=status, q850=q850))


def _invite(
    core: UserAgentCore, uri: str, *, flow: Flow, identity: Fields, branch: str, body: bytes, max_forwards: int, extra: Fields
) -> Request:
    """`identity`: From, To and Call-ID, which identify the dialog."""
    fields = [
        core.listeners.via(flow, branch),
        ("Max-Forwards", str(max_forwards)),
        *identity,
        ("CSeq", f"{FIRST_CSEQ} INVITE"),
        core.listeners.contact(flow),
        ALLOW,
        SUPPORTED,
        ("User-Agent", core.listeners.user_agent),
        *extra,
    ]
    if body:
        fields.append(SDP)
    return Request(method="INVITE", uri=uri, headers=Headers(fields), body=body)
