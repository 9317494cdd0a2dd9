"""PURE. Keeps a dialog (RFC 3261 §12) and runs its INVITE session from the 2xx on, in either direction: ACK, re-INVITE, BYE, and its end.

Leg set-up is in `legs`; SDP is opaque here. Names in URIs are not resolved: where the next hop is no IP literal, requests go to the
address the dialog was set up with.

    Unacked ──ACK──▸ Confirmed ──hangup──▸ Closing ──answer to BYE, Timer F, peer's BYE──▸ Over
       └──hangup──▸ Leaving ──ACK──▸ Closing            (peer's BYE, or a 2xx never acknowledged: ──▸ Over, from anywhere)

The callee may not send BYE before the ACK (RFC 3261 §15): hence Leaving. A session that is over stays in `UserAgentCore.dialogs` while its
own BYE's transaction lives, to answer a BYE of the peer's that crossed it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, auto

from switch.sip.core import UserAgentCore
from switch.sip.digest import DigestClient
from switch.sip.fact import AckReceived, EndReason, LegTerminated, OfferAccepted, OfferReceived, OfferRefused
from switch.sip.flow import Flow, Listeners, transport_of
from switch.sip.headers import SipUri, has_param, parse_cseq, parse_name_addr, parse_uri
from switch.sip.message import Headers, Request, Response
from switch.sip.own_offer import GLARE, OwnOffer
from switch.sip.peer import PeerProfile
from switch.sip.requests import (
    CAPABILITIES,
    MAX_FORWARDS,
    Field,
    Fields,
    ReceivedRequest,
    again,
    contact_of,
    q850_of,
    reason_q850,
    rejection_of,
    retry_after,
    usable_target,
)
from switch.sip.transaction import Transaction, TransactionUser
from switch.sip.transaction_table import TransactionEnd

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")


class Dialog:
    """One side of a dialog. `local`, `remote`: From and To of our requests, tags included, as text.

    `next_hop`: where our requests go. `digest`: answers challenges to them, None: they are failures. `peer_cseq`: the highest CSeq seen
    from the peer, None before the first.
    """

    __slots__ = (
        "_fallback",
        "_listeners",
        "_request_uri",
        "_route",
        "_routes",
        "call_id",
        "cseq",
        "digest",
        "local",
        "next_hop",
        "peer_cseq",
        "remote",
        "remote_tag",
    )

    def __init__(
        self,
        *,
        call_id: str,
        local: str,
        remote: str,
        remote_tag: str,
        cseq: int,
        peer_cseq: int | None,
        routes: tuple[str, ...],
        target: str,
        fallback: Flow,
        listeners: Listeners,
        digest: DigestClient | None,
    ) -> None:
        self.call_id = call_id
        self.digest = digest
        self.local = local
        self.remote = remote
        self.remote_tag = remote_tag
        self.cseq = cseq
        self.peer_cseq = peer_cseq
        self._routes = routes
        self._fallback = fallback
        self._listeners = listeners
        self.next_hop = fallback
        self._request_uri = target
        self._route: tuple[Field, ...] = ()
        self.retarget(target)

    def retarget(self, target: str) -> None:
        """The peer is now reached at `target` (a target refresh, §12.2): computes Request-URI, Route and next hop (§12.2.1.1)."""
        first = parse_uri(self._routes[0]) if self._routes else None
        self._request_uri, hops = target, self._routes
        if first is not None and not has_param(first.params, "lr"):
            # A strict router: its own URI goes into the Request-URI and the target to the end of the route.
            self._request_uri, hops = usable_target(self._routes[0]) or target, (*self._routes[1:], target)
        self._route = tuple(("Route", f"<{hop}>") for hop in hops)
        self.next_hop = self._flow_of(first or parse_uri(target)) or self._fallback

    def _flow_of(self, uri: SipUri | None) -> Flow | None:
        """Returns None for a name, which only DNS could resolve, and for what no listener of ours reaches."""
        if uri is None or not (":" in uri.host or _IPV4.fullmatch(uri.host)):
            return None
        return self._listeners.flow_to(uri.host, uri.port, transport=transport_of(uri), like=self._fallback)

    def accepts(self, cseq: int) -> bool:
        """Records the CSeq of a request from the peer. False: it is lower than one seen before (§12.2.2 answers 500)."""
        if self.peer_cseq is not None and cseq < self.peer_cseq:
            return False
        self.peer_cseq = cseq
        return True

    def request(self, method: str, *, via: Field, cseq: int | None = None, extra: Fields = ()) -> Request:
        """A request inside the dialog. `cseq`: an ACK has its INVITE's; others take the next number."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        fields = (
            via,
            MAX_FORWARDS,
            *self._route,
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            *extra,
            *(() if self.digest is None or method == "ACK" else self.digest.fields(method, self._request_uri)),
        )
        return Request(method=method, uri=self._request_uri, headers=Headers(fields))

    def answer_challenge(
        self, core: UserAgentCore, transaction: Transaction, response: Response, *, user: TransactionUser | None, now_ns: int
    ) -> Transaction | None:
        """Sends the request of `transaction` again with credentials (§22.2) and returns its new transaction; None: `response` is no
        challenge, or none worth answering."""
        request = transaction.request
        if self.digest is None or request is None or not self.digest.takes(response, request, tries=transaction.tries):
            return None
        self.cseq += 1
        branch = core.new_branch()
        credentials = self.digest.fields(request.method, request.uri)
        via = core.listeners.via(transaction.flow, branch)
        retried = again(request, via=via, cseq=self.cseq, credentials=credentials)
        following = core.send_request(retried, branch=branch, flow=transaction.flow, user=user, now_ns=now_ns)
        following.tries = transaction.tries + 1
        return following


def callee_dialog(received: ReceivedRequest, *, tag: str, target: str, listeners: Listeners, digest: DigestClient | None) -> Dialog:
    """The dialog our 2xx to an INVITE makes (§12.1.1). `target`: see `contact_of`."""
    headers = received.request.headers
    return Dialog(
        call_id=received.call_id,
        local=f"{headers.get('To')};tag={tag}",
        remote=headers.get("From") or "",
        remote_tag=received.from_tag,
        cseq=0,
        peer_cseq=received.cseq,
        routes=_record_route(headers),
        target=target,
        fallback=received.reply_to,
        listeners=listeners,
        digest=digest,
    )


def caller_dialog(
    invite: Request,
    response: Response,
    *,
    cseq: int,
    target: str,
    remote_tag: str,
    flow: Flow,
    listeners: Listeners,
    digest: DigestClient | None,
) -> Dialog:
    """The dialog a 2xx to our INVITE makes (§12.1.2). The route set is the Record-Route list in reverse order."""
    headers = response.headers
    return Dialog(
        call_id=invite.headers.get("Call-ID") or "",
        local=invite.headers.get("From") or "",
        remote=headers.get("To") or "",
        remote_tag=remote_tag,
        cseq=cseq,
        peer_cseq=None,
        routes=_record_route(headers)[::-1],
        target=target,
        fallback=flow,
        listeners=listeners,
        digest=digest,
    )


def _record_route(headers: Headers) -> tuple[str, ...]:
    """Returns the URIs of Record-Route in order. Unreadable ones cannot be routed through and are left out."""
    addresses = [parse_name_addr(value) for value in headers.all("Record-Route")]
    return tuple(address.uri for address in addresses if address is not None and parse_uri(address.uri) is not None)


NO_DIALOG = 481


class SessionState(IntEnum):
    UNACKED = auto()
    CONFIRMED = auto()
    LEAVING = auto()
    CLOSING = auto()
    OVER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """A re-INVITE the user has not answered yet."""

    received: ReceivedRequest
    transaction: Transaction


class _Unacked:
    """A 200 of ours without its ACK: sent again after T1, doubling up to T2, until its ACK comes or 64*T1 are over (§13.3.1.4)."""

    __slots__ = ("_core", "_interval_ns", "_retransmit_timer", "_timeout_timer", "_transaction", "_wire", "cseq")

    def __init__(
        self,
        core: UserAgentCore,
        transaction: Transaction,
        *,
        wire: bytes,
        cseq: int,
        on_timeout: Callable[[int], None],
        now_ns: int,
    ) -> None:
        self._core = core
        self._transaction = transaction
        self._wire = wire
        self.cseq = cseq
        self._interval_ns = core.timers.t1_ns
        self._retransmit_timer = core.timer_heap.add(now_ns + self._interval_ns, self._retransmit)
        self._timeout_timer = core.timer_heap.add(now_ns + core.timers.transaction_timeout_ns, on_timeout)

    def _retransmit(self, now_ns: int) -> None:
        self._transaction.respond(200, self._wire, now_ns)
        self._interval_ns = min(2 * self._interval_ns, self._core.timers.t2_ns)
        self._retransmit_timer = self._core.timer_heap.add(now_ns + self._interval_ns, self._retransmit)

    def stop(self) -> None:
        self._core.timer_heap.cancel(self._retransmit_timer)
        self._core.timer_heap.cancel(self._timeout_timer)


class Session:
    """An answered leg. `tag`: ours, its key in `UserAgentCore.dialogs`. `status`: the 2xx that made it."""

    __slots__ = (
        "_bye",
        "_core",
        "_dialog",
        "_own_offer",
        "_owns_call_id",
        "_peer",
        "_pending",
        "_phase",
        "_q850",
        "_status",
        "_tag",
        "_unacked",
        "number",
    )

    def __init__(self, core: UserAgentCore, number: int, *, dialog: Dialog, peer: PeerProfile, tag: str, status: int) -> None:
        self.number = number
        self._core = core
        self._dialog = dialog
        self._peer = peer
        self._tag = tag
        self._status = status
        self._phase = SessionState.CONFIRMED
        self._pending: _Pending | None = None
        self._unacked: _Unacked | None = None
        self._own_offer: OwnOffer | None = None
        self._owns_call_id = dialog.peer_cseq is None
        self._bye: Transaction | None = None
        self._q850: int | None = None
        core.legs[number] = self
        core.dialogs[tag] = self

    def start(self, transaction: Transaction, *, received: ReceivedRequest, body: bytes, now_ns: int) -> None:
        """Sends our 2xx to the INVITE that makes this session, and waits for its ACK."""
        self._phase = SessionState.UNACKED
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

    def accept(self, body: bytes, now_ns: int) -> None:
        """Answers the pending re-INVITE with 200. Changes nothing when it was cancelled in the meantime."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        target = contact_of(pending.received.request.headers)
        if target is not None:
            self._dialog.retarget(target)
        self._send_2xx(pending.transaction, received=pending.received, body=body, now_ns=now_ns)

    def offer(self, body: bytes, now_ns: int) -> None:
        """Sends a re-INVITE, unless another offer is under way, or our 2xx is not acknowledged."""
        if self._own_offer is not None or not self._may_offer():
            self._core.report(OfferRefused(leg=self.number, status=GLARE))
            return
        self._own_offer = OwnOffer(
            self._core,
            self._dialog,
            body=body,
            owns_call_id=self._owns_call_id,
            may_send=self._may_offer,
            done=self._on_offer_done,
            now_ns=now_ns,
        )

    def _may_offer(self) -> bool:
        return self._pending is None and self._unacked is None and self._phase is SessionState.CONFIRMED

    def _on_offer_done(self, answer: bytes | None, status: int, now_ns: int) -> None:
        """§12.2.1.2: a peer that does not know the dialog has left it."""
        self._own_offer = None
        if answer is not None:
            self._core.report(OfferAccepted(leg=self.number, body=answer))
        elif status == NO_DIALOG and self._phase is SessionState.CONFIRMED:
            self._send_bye(now_ns, q850=None)
        else:
            self._core.report(OfferRefused(leg=self.number, status=status))

    def decline(self, status: int, now_ns: int, *, warning: str = "") -> None:
        """Refuses the pending re-INVITE: the session goes on as it was (§14.2)."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.transaction.user = None
            extra = (("Warning", warning),) if warning else ()
            self._core.respond(pending.transaction, pending.received, status, now_ns=now_ns, extra=extra)

    def is_peer(self, call_id: str, remote_tag: str) -> bool:
        return call_id == self._dialog.call_id and remote_tag == self._dialog.remote_tag

    def on_request(self, received: ReceivedRequest, now_ns: int) -> None:
        request = received.request
        if request.method == "BYE" and self._phase in (SessionState.CLOSING, SessionState.OVER):
            self._core.reply(received, 200, now_ns=now_ns)
            self._finish(EndReason.BYE, by_peer=False, q850=q850_of(request.headers))
        elif self._phase is SessionState.OVER:
            self._core.refuse(received, 481, now_ns=now_ns)
        elif not self._dialog.accepts(received.cseq):
            self._core.refuse(received, 500, now_ns=now_ns)
        elif (rejection := rejection_of(request)) is not None:
            self._core.refuse(received, rejection[0], now_ns=now_ns, extra=rejection[1])
        else:
            self._serve(received, now_ns)

    def _serve(self, received: ReceivedRequest, now_ns: int) -> None:
        match received.request.method:
            case "BYE":
                self._on_bye(received, now_ns)
            case "INVITE":
                self._on_reinvite(received, now_ns)
            case _:
                self._core.reply_stateless(received, 200, extra=CAPABILITIES)

    def on_ack(self, cseq: int, body: bytes, now_ns: int) -> None:
        if self._unacked is None or self._unacked.cseq != cseq:
            return
        self._stop_2xx()
        match self._phase:
            case SessionState.UNACKED | SessionState.CONFIRMED:
                self._phase = SessionState.CONFIRMED
                self._core.report(AckReceived(leg=self.number, body=body))
            case SessionState.LEAVING:
                self._send_bye(now_ns, q850=self._q850)
            case SessionState.CLOSING | SessionState.OVER:
                pass

    def on_message(self, transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        """From our BYE: its answer, with any final status (§15.1.1). From INVITEs: an ACK that reuses the branch, or a CANCEL."""
        if isinstance(message, Response):
            if message.status < 200:
                return
            retried = self._dialog.answer_challenge(self._core, transaction, message, user=self, now_ns=now_ns)
            if retried is None:
                self._finish(EndReason.BYE, by_peer=False)
            else:
                self._bye = retried
        elif message.method == "ACK":
            cseq = parse_cseq(message.headers.get("CSeq") or "")
            self.on_ack(-1 if cseq is None else cseq.number, message.body, now_ns)
        elif self._pending is not None and self._pending.transaction is transaction:
            self.decline(487, now_ns)

    def on_end(self, transaction: Transaction, _end: TransactionEnd) -> None:
        if transaction is self._bye:
            self._finish(EndReason.BYE, by_peer=False)
            self._bye = None
            self._core.dialogs.pop(self._tag, None)
        elif self._pending is not None and self._pending.transaction is transaction:
            self._pending = None

    def _on_bye(self, received: ReceivedRequest, now_ns: int) -> None:
        self._core.reply(received, 200, now_ns=now_ns)
        self.decline(487, now_ns)
        self._finish(EndReason.BYE, by_peer=self._phase is not SessionState.LEAVING, q850=q850_of(received.request.headers))

    def _on_reinvite(self, received: ReceivedRequest, now_ns: int) -> None:
        """§14.2: one at a time. 500 while another is unanswered, 491 while one of ours, or a 2xx of ours without ACK, is unfinished."""
        if self._pending is not None:
            wait = retry_after(self._core.retry_after_s())
            self._core.refuse(received, 500, now_ns=now_ns, extra=wait)
        elif self._is_offering() or self._unacked is not None or self._phase is not SessionState.CONFIRMED:
            self._core.refuse(received, 491, now_ns=now_ns)
        else:
            transaction = self._core.serve(received, now_ns)
            transaction.user = self
            self._pending = _Pending(received=received, transaction=transaction)
            self._core.respond(transaction, received, 100, now_ns=now_ns)
            self._core.report(OfferReceived(leg=self.number, offer=received.request.body))

    def _send_2xx(self, transaction: Transaction, *, received: ReceivedRequest, body: bytes, now_ns: int) -> None:
        core = self._core
        transaction.user = self
        extra: Fields = (core.listeners.contact(received.reply_to), *CAPABILITIES)
        wire = core.respond(transaction, received, 200, now_ns=now_ns, extra=extra, body=body)
        self._unacked = _Unacked(
            core, transaction, wire=wire, cseq=received.cseq, on_timeout=self._never_acknowledged, now_ns=now_ns
        )

    def _never_acknowledged(self, now_ns: int) -> None:
        self._send_bye(now_ns, q850=self._q850)
        self._finish(EndReason.NO_ACK, by_peer=False)

    def _send_bye(self, now_ns: int, *, q850: int | None) -> None:
        self.decline(487, now_ns)
        self._stop_2xx()
        self._stop_offer()
        self._phase = SessionState.CLOSING
        self._bye = send_bye(self._core, self._dialog, user=self, q850=q850, now_ns=now_ns)

    def _stop_2xx(self) -> None:
        unacked, self._unacked = self._unacked, None
        if unacked is not None:
            unacked.stop()

    def _is_offering(self) -> bool:
        return self._own_offer is not None and self._own_offer.in_flight

    def _stop_offer(self) -> None:
        offer, self._own_offer = self._own_offer, None
        if offer is not None:
            offer.stop()

    def _finish(self, why: EndReason, *, by_peer: bool, q850: int | None = None) -> None:
        """The leg is over; the dialog's entry stays while the transaction of our BYE lives."""
        if self._phase is not SessionState.OVER:
            self._phase = SessionState.OVER
            self._stop_2xx()
            self._stop_offer()
            self._core.end(LegTerminated(leg=self.number, why=why, by_peer=by_peer, status=self._status, q850=q850))
        if self._bye is None:
            self._core.dialogs.pop(self._tag, None)


def send_bye(core: UserAgentCore, dialog: Dialog, *, user: Session | None, q850: int | None, now_ns: int) -> Transaction:
    """Sends BYE in `dialog`."""
    branch = core.new_branch()
    request = dialog.request("BYE", via=core.listeners.via(dialog.next_hop, branch), extra=reason_q850(q850))
    return core.send_request(request, branch=branch, flow=dialog.next_hop, user=user, now_ns=now_ns)
