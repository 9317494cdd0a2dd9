"""PURE. Runs the caller's INVITE until its final answer (RFC 3261 §9, §13): provisional answers, reliable ones among them (RFC 3262), the
caller's CANCEL, early BYE, PRACK and UPDATE, and the INVITE's own time (Expires). After our 2xx it is a `Session`.
"""

from dataclasses import dataclass

from switch.sip.capabilities import ALLOW, CAPABILITIES, SUPPORTED, Rejection, rejection_of
from switch.sip.core import UserAgentCore
from switch.sip.dialog import Dialog, callee_dialog
from switch.sip.digest import DigestClient
from switch.sip.fact import EndReason, InviteReceived, LegTerminated, OfferReceived
from switch.sip.flow import Flow
from switch.sip.headers import parse_uint
from switch.sip.message import Request, Response
from switch.sip.peer import PeerProfile
from switch.sip.peer_offer import PeerOffer
from switch.sip.received import ReceivedRequest
from switch.sip.requests import DEFAULT_MAX_FORWARDS, Fields, contact_of, names_option, q850_of, reason_q850, retry_after
from switch.sip.retransmission import Retransmission
from switch.sip.session import Session
from switch.sip.session_timer import interval_rejection
from switch.sip.transaction import NS_PER_MS, NS_PER_S, Timer, Transaction
from switch.sip.transaction_table import TransactionEnd

RING_AGAIN_NS = 60_000 * NS_PER_MS
"""RFC 3261 §13.3.1.1: a 1xx every minute restarts the proxies' Timer C."""
HUNG_UP_STATUS = 480
"""The final answer when the user hangs up before answering: Temporarily Unavailable."""
MAX_EXPIRES_S = 7_200
"""A longer Expires is none: no call rings so long."""
FIRST_RSEQ_LIMIT = 2**31
"""RFC 3262 §3: the first RSeq is drawn from 1 to 2^31 - 1."""
_NEVER_NS = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reliable:
    """A reliable 1xx that waits for its PRACK."""

    rseq: int
    has_sdp: bool
    retransmission: Retransmission


class IncomingLeg:
    """An INVITE that has no final answer yet. `target`: the caller's Contact. `rejection`: the only answer it can get, with its headers."""

    __slots__ = (
        "_agreed",
        "_answer",
        "_core",
        "_dialog",
        "_expires_timer",
        "_peer",
        "_pending",
        "_received",
        "_rejection",
        "_reliable",
        "_ring_timer",
        "_rseq",
        "_sdp",
        "_tag",
        "_transaction",
        "_waiting",
        "number",
    )

    def __init__(
        self,
        core: UserAgentCore,
        received: ReceivedRequest,
        *,
        peer: PeerProfile,
        target: str,
        now_ns: int,
        rejection: Rejection | None = None,
    ) -> None:
        self.number = core.next_leg()
        self._core = core
        self._peer = peer
        self._received = received
        self._rejection = rejection or interval_rejection(received.request)
        self._tag = core.token()
        self._ring_timer: Timer | None = None
        self._reliable: _Reliable | None = None
        self._rseq = 0
        self._agreed = False
        self._sdp = b""
        self._waiting: tuple[int, bytes] | None = None
        self._answer: bytes | None = None
        self._pending: PeerOffer | None = None
        self._dialog = self._early_dialog(target)
        self._transaction = core.serve(received, now_ns, tag=self._tag)
        self._transaction.user = self
        core.legs[self.number] = self
        core.dialogs[self._tag] = self
        core.call_host(self.number, *self._dialog.hosts)
        core.respond(self._transaction, received, 100, now_ns=now_ns)
        self._expires_timer = self._start_expires(now_ns)

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

    # what the user does

    def progress(self, status: int, now_ns: int, *, body: bytes) -> None:
        """Sends a 1xx, again every minute: reliably where the caller requires that, or takes it and there is SDP in it. One that can't go
        before another one's PRACK waits; the newest replaces it (RFC 3262 §3). SDP that a reliable 1xx held already is not repeated: it
        would be an offer (§5)."""
        if self._answer is not None:
            return
        headers = self._received.request.headers
        required = names_option(headers, "Require", "100rel")
        if not self._received.request.body:  # our offer is in the 200: a reliable 1xx would have to hold it (RFC 3262 §5)
            if required:
                return
            body = b""
        if self._agreed:
            body = b""
        self._start_ringing_again(status, body, now_ns)
        if required or (body and names_option(headers, "Supported", "100rel")):
            if self._reliable is not None or self._pending is not None:
                self._waiting = (status, body or (self._waiting[1] if self._waiting else b""))
            else:
                self._send_reliable(status, body, now_ns)
            return
        extra = (self._core.contact(self._received), ALLOW)
        self._core.respond(self._transaction, self._received, status, now_ns=now_ns, extra=extra, body=body)

    def answer(self, body: bytes, now_ns: int) -> None:
        """Answers with 200, as soon as the PRACK of a reliable 1xx has come (RFC 3262 §3), and its offer is answered. SDP that such a 1xx
        held is not repeated (RFC 6337 §3.1.1)."""
        if self._rejection is not None:  # there is only one answer to it
            self.refuse(self._rejection[0], now_ns, extra=())
            return
        self._core.timer_heap.cancel(self._ring_timer)
        if self._reliable is not None or self._pending is not None:
            self._answer = body
            return
        self._drop_early(now_ns)
        dialog = self._dialog
        session = Session(
            self._core,
            self.number,
            dialog=dialog,
            peer=self._peer,
            tag=self._tag,
            status=200,
            is_caller=False,
            sdp=self._sdp or body,
        )
        session.start(self._transaction, received=self._received, body=b"" if self._agreed else body, now_ns=now_ns)

    def refuse(self, status: int, now_ns: int, *, extra: Fields) -> None:
        if self._rejection is not None:
            status, extra = self._rejection
        self._close(
            status, now_ns, LegTerminated(leg=self.number, why=EndReason.REFUSED, by_peer=False, status=status), extra=extra
        )

    def accept(self, body: bytes, now_ns: int) -> None:
        """Answers the offer of an UPDATE or PRACK."""
        pending, self._pending = self._pending, None
        if pending is not None:
            self._sdp = body
            if pending.received.request.method == "UPDATE":
                self._retarget(pending.received)
            pending.accept(self._core, body, now_ns)
            self._go_on(now_ns)

    def decline(self, status: int, now_ns: int, *, extra: Fields = ()) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.decline(self._core, status, now_ns, extra=extra)
            self._go_on(now_ns)

    def hangup(self, now_ns: int, *, q850: int | None) -> None:
        self.refuse(HUNG_UP_STATUS, now_ns, extra=reason_q850(q850))

    # what the caller does

    def is_peer(self, call_id: str, remote_tag: str) -> bool:
        return call_id == self._received.call_id and remote_tag == self._received.from_tag

    def on_request(self, received: ReceivedRequest, now_ns: int) -> None:
        """In the early dialog: BYE ends it (§15.1.2), a second INVITE gets 500 with Retry-After (§14.2)."""
        core, method = self._core, received.request.method
        rejection = rejection_of(received.request)
        if not self._dialog.accepts(received.cseq):
            core.refuse(received, 500, now_ns=now_ns)
        elif rejection is not None:
            core.refuse(received, rejection[0], now_ns=now_ns, extra=rejection[1])
        elif method == "INVITE":
            core.refuse(received, 500, now_ns=now_ns, extra=retry_after(core.retry_after_s()))
        elif method == "BYE":
            core.reply(received, 200, now_ns=now_ns)
            self._left_by_peer(EndReason.BYE, received.request, now_ns)
        elif method == "PRACK":
            self._on_prack(received, now_ns)
        elif method == "UPDATE" and received.request.body:
            self._on_offer(received, now_ns)
        elif method == "INFO" and received.request.body:
            core.refuse(received, 415, now_ns=now_ns)
        else:
            if method == "UPDATE":
                self._retarget(received)
            core.reply_stateless(received, 200, extra=(core.contact(received), *CAPABILITIES))

    def on_ack(self, cseq: int, body: bytes, now_ns: int) -> None:
        """There is nothing to acknowledge yet."""

    def on_message(self, _transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        """The caller's CANCEL."""
        if isinstance(message, Request) and message.method == "CANCEL":
            self._left_by_peer(EndReason.CANCELLED, message, now_ns)

    def on_end(self, _transaction: Transaction, _end: TransactionEnd, _now_ns: int) -> None:
        """Before the final answer only the transport ends a transaction."""
        self._forget(LegTerminated(leg=self.number, why=EndReason.UNREACHABLE, by_peer=False, status=None), 0)

    # provisional answers

    def _start_ringing_again(self, status: int, body: bytes, now_ns: int) -> None:
        heap = self._core.timer_heap
        heap.cancel(self._ring_timer)
        self._ring_timer = heap.add(now_ns + RING_AGAIN_NS, lambda again_ns: self.progress(status, again_ns, body=body))

    def _send_reliable(self, status: int, body: bytes, now_ns: int) -> None:
        """The retransmissions end by PRACK, or with 64*T1, and then the INVITE is refused (RFC 3262 §3)."""
        core = self._core
        self._rseq = self._rseq + 1 if self._rseq else 1 + core.random_below(FIRST_RSEQ_LIMIT - 1)
        extra: Fields = (
            core.contact(self._received),
            ALLOW,
            SUPPORTED,
            ("Require", "100rel"),
            ("RSeq", str(self._rseq)),
        )
        transaction, received = self._transaction, self._received
        wire = core.respond(transaction, received, status, now_ns=now_ns, extra=extra, body=body)
        retransmission = Retransmission(
            core,
            lambda again_ns: transaction.respond(status, wire, again_ns),
            on_timeout=self._never_pracked,
            longest_ns=_NEVER_NS,
            now_ns=now_ns,
        )
        self._reliable = _Reliable(rseq=self._rseq, has_sdp=bool(body), retransmission=retransmission)

    def _on_prack(self, received: ReceivedRequest, now_ns: int) -> None:
        reliable, core = self._reliable, self._core
        rack = (received.request.headers.get("RAck") or "").split()
        if reliable is None or rack != [str(reliable.rseq), str(self._received.cseq), "INVITE"]:
            core.refuse(received, 481, now_ns=now_ns)
            return
        reliable.retransmission.stop()
        self._reliable = None
        self._agreed |= reliable.has_sdp
        if received.request.body:
            self._on_offer(received, now_ns)
        else:
            core.reply(received, 200, now_ns=now_ns)
        self._go_on(now_ns)

    def _go_on(self, now_ns: int) -> None:
        """Sends what waited for a PRACK, or for the answer to an offer: the 200, else the next 1xx."""
        if self._reliable is not None or self._pending is not None:
            return
        if self._answer is not None:
            body, self._answer = self._answer, None
            self.answer(body, now_ns)
        elif self._waiting is not None:
            (status, body), self._waiting = self._waiting, None
            self.progress(status, now_ns, body=body)

    def _on_offer(self, received: ReceivedRequest, now_ns: int) -> None:
        """RFC 3311 §5.2: while the first offer is not answered for good, or another one waits, the peer must ask again."""
        core = self._core
        if not self._agreed or self._pending is not None:
            core.refuse(received, 500, now_ns=now_ns, extra=retry_after(core.retry_after_s()))
            return
        self._pending = PeerOffer(received, core.serve(received, now_ns))
        core.report(OfferReceived(leg=self.number, offer=received.request.body, method=received.request.method))

    def _never_pracked(self, now_ns: int) -> None:
        ended = LegTerminated(leg=self.number, why=EndReason.NO_ACK, by_peer=False, status=504)
        self._close(504, now_ns, ended)

    def _retarget(self, received: ReceivedRequest) -> None:
        """UPDATE is a target refresh (RFC 3311 §5.2)."""
        target = contact_of(received.request.headers)
        if target is not None:
            self._dialog.retarget(target)
            self._core.call_host(self.number, *self._dialog.hosts)

    # how it ends

    def _early_dialog(self, target: str) -> Dialog:
        listeners = self._core.listeners
        credentials = self._peer.credentials
        digest = None if credentials is None else DigestClient(credentials=credentials, token=self._core.token)
        return callee_dialog(self._received, tag=self._tag, target=target, listeners=listeners, nat=self._peer.nat, digest=digest)

    def _start_expires(self, now_ns: int) -> Timer | None:
        """RFC 3261 §13.3.1: an INVITE that is not answered in the time its Expires gives gets 487."""
        seconds = parse_uint((self._received.request.headers.get("Expires") or "").strip(), MAX_EXPIRES_S)
        return None if not seconds else self._core.timer_heap.add(now_ns + seconds * NS_PER_S, self._expired)

    def _expired(self, now_ns: int) -> None:
        if self._answer is None:
            self._left_by_peer(EndReason.INVITE_EXPIRED, None, now_ns)

    def _left_by_peer(self, why: EndReason, request: Request | None, now_ns: int) -> None:
        q850 = None if request is None else q850_of(request.headers)
        self._close(487, now_ns, LegTerminated(leg=self.number, why=why, by_peer=True, status=487, q850=q850))

    def _close(self, status: int, now_ns: int, ended: LegTerminated, *, extra: Fields = ()) -> None:
        self._transaction.user = None
        self._core.respond(self._transaction, self._received, status, now_ns=now_ns, extra=extra)
        self._forget(ended, now_ns)

    def _drop_early(self, now_ns: int) -> None:
        """The final answer goes out: nothing before it is sent again or answered any more."""
        heap = self._core.timer_heap
        heap.cancel(self._ring_timer)
        heap.cancel(self._expires_timer)
        self._answer = self._waiting = None
        if self._reliable is not None:
            self._reliable.retransmission.stop()
            self._reliable = None
        self.decline(487, now_ns)

    def _forget(self, ended: LegTerminated, now_ns: int) -> None:
        self._drop_early(now_ns)
        self._core.dialogs.pop(self._tag, None)
        self._core.end(ended)
