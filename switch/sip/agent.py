"""PURE. Dispatches each SIP message to its transaction, dialog or leg: datagrams and instants in, datagrams and facts (`fact`) out.

Legs are in `incoming`, `outgoing` and `session`; what they share: `core`; who is let in: `access`. All that a peer can make the agent keep
is bounded by the limits in `core` and freed when its timers run out. A call about a leg that is over does nothing: it crossed the leg's
`LegTerminated`.
"""

from collections.abc import Callable, Sequence
from typing import assert_never

from switch.sip.access import AccessControl, Served
from switch.sip.body import with_sdp_body
from switch.sip.capabilities import CAPABILITIES, Rejection, rejection_outside_dialogs
from switch.sip.core import Sent, UserAgentCore
from switch.sip.fact import Fact, Notice, PeerBehindNat, PeerOddity, SourceAuthenticated
from switch.sip.flow import Flow, Listeners, SendFailure
from switch.sip.identity import asserted_identity
from switch.sip.incoming import IncomingLeg
from switch.sip.info import InfoKey
from switch.sip.locator import Locator
from switch.sip.message import KeepAlive, Malformed, Request, Response, parse
from switch.sip.monitor import Monitor
from switch.sip.outgoing import OutgoingLeg
from switch.sip.peer import DEFAULT_PEER, PeerProfile, Realm
from switch.sip.received import ReceivedRequest, legal, read_request, response_key, stamp
from switch.sip.requests import DEFAULT_MAX_FORWARDS, Fields, contact_of, reason_q850, retry_after
from switch.sip.session import Session
from switch.sip.statistics import Statistic, Statistics
from switch.sip.transaction import Timers

OVERLOAD_RETRY_AFTER_S = 5
"""Retry-After of the 503 to a new INVITE when there is no room (`core`)."""
_MALFORMED = {
    "request": Statistic.MALFORMED_REQUEST,
    "response": Statistic.MALFORMED_RESPONSE,
    "other": Statistic.MALFORMED_OTHER,
}
_DEFAULT_TIMERS = Timers()


class UserAgent:
    """One user agent. `monitor`: probes and registrations. `listeners`: its own addresses, by the number that each flow names.

    `token`: returns a new unguessable token (RFC 3261 `token` characters) at each call.

    Facts and datagrams wait until they are drained with `facts` and `to_send`. After any call, look at `next_deadline` again.
    """

    __slots__ = ("_access", "_core", "_is_draining", "monitor")

    def __init__(
        self,
        *,
        listeners: Sequence[Flow],
        token: Callable[[], str],
        timers: Timers = _DEFAULT_TIMERS,
        user_agent: str = "Payphone",
    ) -> None:
        self._core = UserAgentCore(listeners=Listeners(listeners, user_agent=user_agent), token=token, timers=timers)
        self._access = AccessControl(self._core)
        self._is_draining = False
        self.monitor = Monitor(self._core)

    def receive(self, data: bytes, source: Flow, now_ns: int, *, peer: PeerProfile | None) -> str | None:
        """A message came from `source`. `peer`: of the trunk that it belongs to; None: a stranger, whose requests outside our dialogs and
        transactions get no answer, unless `admit_strangers` lets them authenticate. Those that can't matter are not even parsed.

        Returns its Call-ID, as far as it was read."""
        if peer is None and not self._access.is_read(data, source, now_ns):
            return None
        message = parse(data)
        if source.is_reliable and isinstance(message, Request) and "Content-Length" not in message.headers:
            call_id = message.headers.get("Call-ID") or ""
            message = Malformed(why="no Content-Length", request=legal(message), kind="request", call_id=call_id)  # §18.3
        match message:
            case Request():
                self._on_request(with_sdp_body(message) if message.body else message, source, now_ns, peer=peer)
            case Response():
                self._on_response(with_sdp_body(message) if message.body else message, source, now_ns, peer=peer)
            case Malformed():
                self._on_malformed(message, source, peer=peer)
                return message.call_id
            case KeepAlive():
                return None
            case _:
                assert_never(message)
        return message.headers.get("Call-ID")

    def admit_strangers(self, realm: Realm | None) -> None:
        """Sets where requests from unknown addresses may authenticate from now on; None: they are met with silence."""
        self._access.realm = realm

    def drain(self) -> None:
        """Answers OPTIONS with 503 from now on. New INVITEs are still reported: their user refuses them."""
        self._is_draining = True

    def is_called(self, host: str) -> bool:
        """Returns whether a live leg calls `host`."""
        return self._core.is_called(host)

    def tick(self, now_ns: int) -> None:
        """Fires all timers due."""
        while (callback := self._core.timer_heap.pop_due(now_ns)) is not None:
            callback(now_ns)

    def next_deadline(self) -> int | None:
        """Returns when `tick` must be called next, in ns, or None when no timer runs."""
        return self._core.timer_heap.next_at()

    def to_send(self) -> list[Sent]:
        """Returns the datagrams to send, each with its Call-ID, in order; each is returned once."""
        outbox, self._core.outbox = self._core.outbox, []
        return outbox

    def facts(self) -> list[Fact]:
        """Returns what happened, in order; each fact is returned once."""
        facts, self._core.facts = self._core.facts, []
        return facts

    @property
    def has_news_of_peers(self) -> bool:
        """Returns whether `oddities` or `notices` has something."""
        return bool(self._core.oddities or self.monitor.notices)

    def oddities(self) -> list[PeerOddity | PeerBehindNat]:
        """Returns what trunks and lines sent malformed, and which are behind a NAT, in order; each is returned once."""
        oddities, self._core.oddities = self._core.oddities, []
        return oddities

    def notices(self) -> list[Notice]:
        """Returns what changed in the state of trunks and lines, in order; each is returned once."""
        notices, self.monitor.notices = self.monitor.notices, []
        return notices

    @property
    def statistics(self) -> Statistics:
        """Returns the counters of what peers sent and were refused."""
        return self._core.statistics

    def invite(
        self,
        *,
        uri: str,
        target: Flow,
        further: tuple[Flow, ...] = (),
        silence_ns: int | None = None,
        caller: str,
        body: bytes,
        now_ns: int,
        max_forwards: int = DEFAULT_MAX_FORWARDS,
        call_id: str | None = None,
        expires_s: int | None = None,
        extra: Fields = (),
        asserted: str = "",
        peer: PeerProfile = DEFAULT_PEER,
        plain: bytes = b"",
    ) -> int:
        """Calls `uri` by sending to `target`; returns the new leg. `caller`: the user part of From, "" for anonymous.

        `further`: where it goes one after the other when `target` can't be reached, answers 503, or does not answer for `silence_ns`.
        `max_forwards`: what is left of the incoming call's Max-Forwards, so that a call that loops ends (RFC 7332).
        `call_id`: the Call-ID, which no other call may ever have (RFC 3261 §8.1.1.4); None: a new token. `extra`: further headers.
        `asserted`: the user part of P-Asserted-Identity, "" for none. `plain`: an offer in place of `body` where that is refused for its
        encryption (415, 488, 606); b"": there is none.
        `peer`: the line's. `expires_s`: when it stops ringing by itself, should our CANCEL not reach it (§20.19).
        """
        return OutgoingLeg(
            self._core,
            uri=uri,
            targets=(target, *further),
            silence_ns=silence_ns,
            caller=caller,
            body=body,
            now_ns=now_ns,
            max_forwards=max_forwards,
            call_id=call_id,
            expires_s=expires_s,
            extra=(*asserted_identity(asserted, host=self._core.listeners.local(target).host, uri=uri), *extra),
            peer=peer,
            plain=plain,
        ).number

    @property
    def locator(self) -> Locator:
        """Returns what knows where requests go. It is told what DNS says."""
        return self._core.locator

    def flow_of(self, leg: int) -> Flow | None:
        """Returns where a call of ours is now, after redirections and targets that failed; None: it is over, or none of ours."""
        match self._core.legs.get(leg):
            case OutgoingLeg(flow=flow) | Session(flow=flow):
                return flow
            case _:
                return None

    def progress(self, leg: int, status: int, now_ns: int, *, body: bytes = b"") -> None:
        """Sends a provisional answer (101-199; 180: it rings) to the caller, with SDP or without; again every minute."""
        match self._core.legs.get(leg):
            case IncomingLeg() as incoming:
                incoming.progress(status, now_ns, body=body)

    def answer(self, leg: int, body: bytes, now_ns: int) -> None:
        """Answers the caller (200 with SDP)."""
        match self._core.legs.get(leg):
            case IncomingLeg() as incoming:
                incoming.answer(body, now_ns)

    def refuse(
        self,
        leg: int,
        status: int,
        now_ns: int,
        *,
        q850: int | None = None,
        retry_after_s: int | None = None,
        warning: str | None = None,
    ) -> None:
        """Refuses the caller with `status` (300-699). `warning`: the value of a Warning header (RFC 3261 §20.43), for 488."""
        extra: Fields = (*reason_q850(q850), *retry_after(retry_after_s), *(() if warning is None else (("Warning", warning),)))
        match self._core.legs.get(leg):
            case IncomingLeg() as incoming:
                incoming.refuse(status, now_ns, extra=extra)

    def accept(self, leg: int, body: bytes, now_ns: int) -> None:
        """Answers an offer (`OfferReceived`, or `OfferAccepted` of a re-INVITE without one) with SDP."""
        match self._core.legs.get(leg):
            case (Session() | IncomingLeg() | OutgoingLeg()) as usage:
                usage.accept(body, now_ns)

    def decline(self, leg: int, status: int, now_ns: int, *, warning: str = "") -> None:
        """Refuses an offer (`OfferReceived`); the session goes on as it was. `warning`: as in `refuse`."""
        extra: Fields = (("Warning", warning),) if warning else ()
        match self._core.legs.get(leg):
            case (Session() | IncomingLeg() | OutgoingLeg()) as usage:
                usage.decline(status, now_ns, extra=extra)

    def offer(self, leg: int, body: bytes, now_ns: int) -> None:
        """Offers SDP on an answered leg by a re-INVITE; b"": asks for the peer's offer. `OfferAccepted` or `OfferRefused` tells of it,
        unless the leg ends before. While one is on the way another waits, and a newer one takes its place."""
        match self._core.legs.get(leg):
            case Session() as session:
                session.offer(body, now_ns)

    def accept_refer(self, leg: int, now_ns: int, *, expires_s: int) -> None:
        """Follows a REFER (`ReferReceived`): the user calls its target, and `finish_refer` within `expires_s`."""
        match self._core.legs.get(leg):
            case Session() as session:
                session.referrals.accept(now_ns, expires_s=expires_s)

    def decline_refer(self, leg: int, status: int, now_ns: int, *, why: str) -> None:
        """Refuses a REFER (`ReferReceived`); the session goes on as it was. `why`: in our words, for the log."""
        match self._core.legs.get(leg):
            case Session() as session:
                session.referrals.decline(status, now_ns, why=why)

    def finish_refer(self, leg: int, status: int, now_ns: int) -> None:
        """Tells the far end what its REFER led to: the target's final `status`. After a 2xx it hangs up, or is hung up soon."""
        match self._core.legs.get(leg):
            case Session() as session:
                session.referrals.finish(status, now_ns)

    def press(self, leg: int, key: InfoKey, now_ns: int) -> None:
        """Sends a key to an answered leg by INFO, after those sent before. Whether the peer took it is not told."""
        match self._core.legs.get(leg):
            case Session() as session:
                session.press(key, now_ns)

    def hangup(self, leg: int, now_ns: int, *, q850: int | None = None) -> None:
        """Ends the leg in the way RFC 3261 requires in its state: a refusal, CANCEL or BYE, now or when it may be sent. Idempotent."""
        usage = self._core.legs.get(leg)
        if usage is not None:
            usage.hangup(now_ns, q850=q850)

    def send_failed(self, target: Flow, now_ns: int, *, why: SendFailure = SendFailure.UNREACHABLE, words: str = "") -> None:
        """The transport could not send to `target`. `words`: why, for people."""
        self._core.transactions.transport_failed(target, now_ns, why=why, words=words)

    def live_counts(self) -> dict[str, int]:
        """Returns how much is kept, by kind: all zero once no leg and no transaction lives."""
        core = self._core
        return {
            "legs": len(core.legs),
            "dialogs": len(core.dialogs),
            "transactions": len(core.transactions),
            "timers": len(core.timer_heap),
            "hosts": core.live_hosts(),
        }

    def _on_response(self, response: Response, source: Flow, now_ns: int, *, peer: PeerProfile | None) -> None:
        """A stray answer, one to no transaction of ours, is dropped (§18.1.2)."""
        key = response_key(response)
        transaction = None if key is None else self._core.transactions.clients.get(key)
        if transaction is not None:
            if response.oddities:
                self._note_oddities(response, source)
            transaction.receive(response, now_ns)
        elif peer is None:
            self._core.statistics.add(Statistic.STRANGER, source.host)

    def _on_malformed(self, malformed: Malformed, source: Flow, *, peer: PeerProfile | None) -> None:
        """Answered where the sender is a trunk or a line that we call, and the message says where to answer; else dropped."""
        core, request = self._core, malformed.request
        core.statistics.add(_MALFORMED[malformed.kind], source.host)
        if peer is None and not core.is_called(source.host):
            core.statistics.add(Statistic.STRANGER, source.host)
            return
        core.note_oddity(source, malformed.why, malformed.call_id)
        stamped = None if request is None or request.method == "ACK" else stamp(legal(request), source)
        if stamped is not None:
            core.send_answer(stamped[0], malformed.status, flow=stamped[1])

    def _note_oddities(self, message: Request | Response, source: Flow) -> None:
        """What a peer's message had in it that was read past, told in one line."""
        self._core.note_oddity(source, "; ".join(message.oddities), message.headers.get("Call-ID") or "")

    def _on_request(self, request: Request, source: Flow, now_ns: int, *, peer: PeerProfile | None) -> None:
        received = read_request(request, source)
        if received is None:
            return
        core = self._core
        transaction = core.transactions.servers.get(received.key)
        if transaction is not None:
            if peer is not None or source.host == transaction.flow.host:  # a branch that was guessed or overheard changes nothing
                transaction.receive(received.request, now_ns)
            else:
                core.statistics.add(Statistic.STRANGER, source.host)
            return
        leg = core.dialogs.get(received.to_tag)
        if leg is not None and not leg.is_peer(received.call_id, received.from_tag):
            leg = None
        if request.oddities and (leg is not None or peer is not None):
            self._note_oddities(request, source)
        if request.method == "ACK":
            if leg is not None:
                leg.on_ack(received.cseq, request.body, now_ns)
        elif request.method == "CANCEL":
            self._on_cancel(received, source, now_ns, peer=peer)
        elif leg is not None:
            leg.on_request(received, now_ns)
        else:
            served = self._access.authenticate(received, source, peer, now_ns)
            if served is not None:
                self._on_new(received, source, served, now_ns)

    def _on_cancel(self, received: ReceivedRequest, source: Flow, now_ns: int, *, peer: PeerProfile | None) -> None:
        """§9.2: 200 whatever state the INVITE is in; its user decides whether it is too late. Only the INVITE's sender may cancel it."""
        invite = self._core.transactions.servers.get(received.cancelled_key)
        if invite is not None and (peer is not None or source.host == invite.flow.host):
            self._core.reply(received, 200, now_ns=now_ns, tag=invite.tag)
            if invite.user is not None:
                invite.user.on_message(invite, received.request, now_ns)
        elif peer is not None:
            self._core.refuse(received, 481, now_ns=now_ns)
        else:
            self._core.statistics.add(Statistic.STRANGER, source.host)

    def _on_new(self, received: ReceivedRequest, source: Flow, served: Served, now_ns: int) -> None:
        """A request outside our dialogs, in the order of §8.2."""
        core, request = self._core, received.request
        if served.has_authenticated and source.is_reliable:
            self.monitor.notices.append(SourceAuthenticated(source=source))
        rejection = served.rejection or rejection_outside_dialogs(request)
        if received.to_tag:
            core.refuse(received, 481, now_ns=now_ns)
        elif request.method == "INVITE":
            self._on_invite(received, source, served.peer, rejection=rejection, now_ns=now_ns)
        elif rejection is not None:
            core.refuse(received, rejection[0], now_ns=now_ns, extra=rejection[1])
        elif request.method == "OPTIONS" and self._is_draining:
            core.reply_stateless(received, 503, extra=retry_after(OVERLOAD_RETRY_AFTER_S))
        elif request.method == "OPTIONS":
            core.reply_stateless(received, 200, extra=CAPABILITIES)
        else:
            core.refuse(received, 481, now_ns=now_ns)

    def _on_invite(
        self, received: ReceivedRequest, source: Flow, peer: PeerProfile, *, rejection: Rejection | None, now_ns: int
    ) -> None:
        """A new leg. One that must be refused (`rejection`) is reported too, so that the user refuses it and every call leaves a record."""
        core = self._core
        target = contact_of(received.request.headers)
        wait = retry_after(OVERLOAD_RETRY_AFTER_S)
        if core.is_flooded():
            core.reply_stateless(received, 503, extra=wait)
        elif received.merge_id in core.transactions.merged:
            core.refuse(received, 482, now_ns=now_ns)
        else:
            rejection = (
                rejection or ((503, wait) if core.is_full() else None) or (None if target is not None else (400, ()))
            )  # §8.1.1.8
            leg = IncomingLeg(core, received, peer=peer, target=target or "", rejection=rejection, now_ns=now_ns)
            core.report(leg.invited(source))
