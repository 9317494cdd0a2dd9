"""PURE. Sends our own offers and refreshes inside a session: re-INVITE (RFC 3261 §14.1) and UPDATE (RFC 3311), with glare (491),
challenges, 422 (RFC 4028 §7.3), and answers that do not come.

One request at a time. The session says when it may go (`may_offer`), and is told when the peer is gone (`lost`).
"""

from collections.abc import Callable
from typing import Protocol

from switch.sip.core import UserAgentCore
from switch.sip.dialog import Dialog
from switch.sip.fact import OfferAccepted, OfferRefused
from switch.sip.headers import is_sips, parse_cseq, parse_seconds
from switch.sip.message import Headers, Request, Response
from switch.sip.peer import PeerProfile
from switch.sip.requests import Fields, cancel_of, credentials_of, rseq_of
from switch.sip.session_timer import MIN_SE_S, SessionInterval, SessionTimer, interval_answered, interval_fields, min_se
from switch.sip.transaction import NS_PER_MS, NS_PER_S, Timer, Transaction
from switch.sip.transaction_table import TransactionEnd

MAX_OFFER_TRIES = 8
"""How often one request is sent, glare, challenges and 422 included. Glare then counts as a refusal."""
MAX_RETRY_S = 10
"""RFC 3261 §14.2: a 500 to a re-INVITE asks for a wait of so much at most; a longer one is cut."""
GLARE_STEP_NS = 10 * NS_PER_MS
"""RFC 3261 §14.1: the wait after a 491 is 2.1-4 s for who owns the Call-ID, 0-2 s for the other side, in steps of 10 ms."""
_NO_UPDATE = frozenset({405, 501})
"""By these answers a peer takes no UPDATE, whatever its Allow says."""
CALLER_STEPS = range(210, 401)
CALLEE_STEPS = range(201)


class OfferingSession(Protocol):
    """What `OwnOffers` needs of its session."""

    number: int

    @property
    def may_offer(self) -> bool: ...

    @property
    def is_live(self) -> bool: ...

    def on_accepted(self, response: Response, interval: SessionInterval | None, now_ns: int, /) -> None: ...

    def lost(self, now_ns: int, /) -> None: ...


class _Own:
    """A request of ours. `is_offer`: the user's, who waits for its outcome; else a refresh. `transaction` None: it waits to be sent,
    `is_blocked`: for the end of another exchange."""

    __slots__ = (
        "body",
        "is_blocked",
        "is_cancelled",
        "is_offer",
        "is_provisional",
        "method",
        "request",
        "rseq",
        "timer",
        "transaction",
        "tries",
    )

    def __init__(self, method: str, body: bytes, *, is_offer: bool) -> None:
        self.method = method
        self.body = body
        self.is_offer = is_offer
        self.tries = 0
        self.is_provisional = self.is_cancelled = self.is_blocked = False
        self.rseq = 0
        self.request: Request | None = None
        self.transaction: Transaction | None = None
        self.timer: Timer | None = None


class OwnOffers:
    """`sdp`: what we described last, repeated by a refresh. `has_update`: the peer takes UPDATE. `timer`: the session's time."""

    __slots__ = (
        "_acked",
        "_core",
        "_credentials",
        "_dialog",
        "_is_caller",
        "_least_s",
        "_next",
        "_own",
        "_peer",
        "_session",
        "_timer",
        "_unacknowledged",
        "_unacknowledged_timer",
        "has_update",
        "sdp",
    )

    def __init__(
        self,
        core: UserAgentCore,
        session: OfferingSession,
        *,
        dialog: Dialog,
        timer: SessionTimer,
        is_caller: bool,
        sdp: bytes,
        peer: PeerProfile,
    ) -> None:
        self._core = core
        self._peer = peer
        self._session = session
        self._dialog = dialog
        self._is_caller = is_caller
        self._least_s = MIN_SE_S
        self._own: _Own | None = None
        self._next: bytes | None = None
        self._unacknowledged: int | None = None
        self._unacknowledged_timer: Timer | None = None
        self._credentials: Fields = ()
        self._acked: tuple[Transaction, int, Callable[[], None]] | None = None
        self.has_update = False
        self._timer = timer
        self.sdp = sdp

    @property
    def is_pending(self) -> bool:
        """Returns whether an offer of ours is on the way, or its answer is not acknowledged: one of the peer's meets 491."""
        return self._unacknowledged is not None or (self._own is not None and self._own.transaction is not None and self._has_sdp)

    @property
    def _has_sdp(self) -> bool:
        return self._own is not None and (self._own.method == "INVITE" or self._own.body != b"")

    def offer(self, body: bytes, now_ns: int) -> None:
        """Offers `body`; b"": asks for the peer's offer. While another request is on the way it waits, and a newer one takes its place."""
        if not self._session.is_live:
            return
        if self._own is not None or self._unacknowledged is not None:
            self._next = body
            return
        self._own = _Own("INVITE", body, is_offer=True)
        self._send(now_ns)

    def refresh(self, now_ns: int) -> None:
        """Refreshes the session (RFC 4028 §7.4): by UPDATE where the peer takes it, else by a re-INVITE with the SDP unchanged. An offer
        that is on the way refreshes it as well."""
        if self._own is None and self._unacknowledged is None and self._session.is_live:
            self._own = _Own("UPDATE", b"", is_offer=False) if self.has_update else _Own("INVITE", self.sdp, is_offer=False)
            self._send(now_ns)

    def acknowledge(self, body: bytes, now_ns: int) -> bool:
        """Answers the offer in a 2xx to our re-INVITE by its ACK. Returns False when there is none."""
        cseq = self._unacknowledged
        if cseq is None:
            return False
        self.sdp = body
        self._ack(cseq, body)
        self._go_on(now_ns)
        return True

    def resume(self, now_ns: int) -> None:
        """The session may offer again: what waited for that goes out."""
        if self._own is not None and self._own.is_blocked and self._session.may_offer:
            self._core.timer_heap.cancel(self._own.timer)
            self._send(now_ns)

    def close(self, _now_ns: int) -> None:
        """The session ends: nothing more is sent but the ACK, or the CANCEL, of what is on the way."""
        self._next = None
        self._core.timer_heap.cancel(self._unacknowledged_timer)
        if self._unacknowledged is not None:
            self._ack(self._unacknowledged, b"")
        if self._own is not None and self._own.transaction is None:  # else its timer ends it: a 1xx alone ends no wait (§17.1.1.2)
            self._core.timer_heap.cancel(self._own.timer)
            self._own = None

    # the transaction's user

    def on_message(self, transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        if not isinstance(message, Response):
            return
        own = self._own
        if own is not None and own.transaction is transaction:
            if message.status < 200:
                self._on_provisional(own, message, now_ns)
            else:
                self._on_final(own, message, now_ns)
        elif message.status < 300 and self._acked is not None and self._acked[0] is transaction:
            self._acked[2]()  # the 2xx came again: so does its ACK (§13.2.2.4)

    def on_end(self, _transaction: Transaction, _end: TransactionEnd, _now_ns: int) -> None:
        """A timer of our own ends the wait: it has a moment."""

    # how it is done

    def _send(self, now_ns: int) -> None:
        own = self._own
        if own is None:
            return
        own.tries += 1
        own.is_blocked = not self._session.may_offer
        if own.is_blocked:
            self._wait(own, now_ns)
            return
        own.is_provisional = own.is_cancelled = False
        own.rseq = 0
        core, dialog = self._core, self._dialog
        extra: Fields = (
            core.listeners.contact(dialog.next_hop, is_sips=is_sips(dialog.request_uri)),
            *self._peer.abilities.request_fields,
            *self._interval_fields(),
        )
        own.request, own.transaction = core.send_in_dialog(dialog, own.method, user=self, now_ns=now_ns, extra=extra, body=own.body)
        own.timer = core.timer_heap.add(now_ns + core.timers.transaction_timeout_ns, self._on_timeout)

    def _interval_fields(self) -> Fields:
        """Who refreshes stays so (RFC 4028 §7.4)."""
        interval = self._timer.interval
        if interval is None:
            return interval_fields(self._peer.session_expires_s, least_s=self._least_s)
        return interval_fields(interval.seconds, "uac" if interval.is_ours else "uas", least_s=self._least_s)

    def _on_provisional(self, own: _Own, response: Response, now_ns: int) -> None:
        """A reliable one is acknowledged, once and in order (RFC 3262 §4)."""
        own.is_provisional = True
        rseq = rseq_of(response)
        if rseq and own.method == "INVITE" and (not own.rseq or rseq == own.rseq + 1):
            own.rseq = rseq
            rack = ("RAck", f"{rseq} {_cseq_of(own)} INVITE")
            self._core.send_in_dialog(self._dialog, "PRACK", user=None, now_ns=now_ns, extra=(rack,))

    def _on_final(self, own: _Own, response: Response, now_ns: int) -> None:
        core = self._core
        core.timer_heap.cancel(own.timer)
        if response.status < 300:
            self._on_success(own, response, now_ns)
            return
        if not self._session.is_live:
            self._own = None
        elif response.status in (408, 481):
            self._own = None
            self._session.lost(now_ns)
        elif self._again(own, response, now_ns):
            pass
        else:
            self._own = None
            self._refused(own, response.status, now_ns)

    def _again(self, own: _Own, response: Response, now_ns: int) -> bool:
        """Sends the request again, where the refusal says how: a challenge, a longer interval, or glare. Returns False: it is final."""
        if response.status == 491:
            own.transaction = None
            self._wait(own, now_ns)
            return True
        retry_s = parse_seconds(response.headers.get("Retry-After") or "", MAX_RETRY_S) if response.status == 500 else None
        if retry_s is not None and own.tries < MAX_OFFER_TRIES:  # the peer's own request is unfinished (§14.2)
            own.transaction = None
            own.timer = self._core.timer_heap.add(now_ns + retry_s * NS_PER_S, self._send)
            return True
        if response.status == 422 and own.tries < MAX_OFFER_TRIES:
            old = self._timer.interval
            self._least_s = max(self._least_s, min_se(response.headers))
            seconds = max(self._least_s, 0 if old is None else old.seconds)
            self._timer.interval = SessionInterval(seconds=seconds, is_ours=old is None or old.is_ours)
            own.transaction = None
            self._send(now_ns)
            return True
        if own.transaction is not None:
            retried = self._core.answer_challenge(self._dialog, own.transaction, response, user=self, now_ns=now_ns)
            if retried is not None:
                own.request, own.transaction = retried.request, retried
                own.timer = self._core.timer_heap.add(now_ns + self._core.timers.transaction_timeout_ns, self._on_timeout)
                return True
        return False

    def _wait(self, own: _Own, now_ns: int) -> None:
        """Waits as after glare; too often is a refusal."""
        if own.tries >= MAX_OFFER_TRIES:
            self._own = None
            self._refused(own, 491, now_ns)
            return
        steps = CALLER_STEPS if self._is_caller else CALLEE_STEPS
        wait_ns = GLARE_STEP_NS * steps[self._core.random_below(len(steps))]
        own.timer = self._core.timer_heap.add(now_ns + wait_ns, self._send)

    def _refused(self, own: _Own, status: int, now_ns: int) -> None:
        if own.is_offer:
            self._core.report(OfferRefused(leg=self._session.number, status=status))
        else:
            self.has_update &= status not in _NO_UPDATE
            self._timer.refresh_again(now_ns, self.refresh)
        self._go_on(now_ns)

    def _on_success(self, own: _Own, response: Response, now_ns: int) -> None:
        self._own = None
        is_live = self._session.is_live
        if is_live:
            self._session.on_accepted(response, interval_answered(response, self._peer.session_expires_s), now_ns)
        if own.method == "INVITE" and own.request is not None and own.transaction is not None:
            number = _cseq_of(own)
            self._acked = (own.transaction, number, lambda: None)
            self._credentials = credentials_of(own.request)
            if is_live and own.is_offer and not own.body and response.body:
                self._unacknowledged = number
                wait_ns = self._core.timers.transaction_timeout_ns
                self._unacknowledged_timer = self._core.timer_heap.add(now_ns + wait_ns, self._never_answered_by_us)
            else:
                self._ack(number, b"")
        if own.body:
            self.sdp = own.body
        if own.is_offer and is_live:
            self._core.report(OfferAccepted(leg=self._session.number, body=response.body))
        self._go_on(now_ns)

    def _ack(self, cseq: int, body: bytes) -> None:
        """Acknowledges the 2xx, and keeps the ACK for those that come again."""
        self._unacknowledged = None
        self._core.timer_heap.cancel(self._unacknowledged_timer)
        core, dialog = self._core, self._dialog
        ack = dialog.request("ACK", branch=core.new_branch(), cseq=cseq, extra=self._credentials, body=body)
        sent = core.send_ack(ack, dialog.next_hop)
        if self._acked is not None:
            self._acked = (self._acked[0], cseq, lambda: core.send(*sent))

    def _go_on(self, now_ns: int) -> None:
        """The request is over: the next offer, if one waits."""
        if self._next is not None and self._own is None and self._unacknowledged is None:
            body, self._next = self._next, None
            self.offer(body, now_ns)

    def _on_timeout(self, now_ns: int) -> None:
        """No final answer in 64*T1. A re-INVITE that was heard is cancelled and waited for once more (§9.1)."""
        own = self._own
        if own is None or own.transaction is None or own.request is None:
            return
        core = self._core
        if own.method == "INVITE" and own.is_provisional and not own.is_cancelled:
            own.is_cancelled = True
            cancel = cancel_of(own.request, extra=())
            core.send_request(cancel, branch=branch_of(own.request.headers), flow=own.transaction.flow, user=None, now_ns=now_ns)
            own.timer = core.timer_heap.add(now_ns + core.timers.transaction_timeout_ns, self._on_timeout)
            return
        self._own = None
        own.transaction.destroy()
        self._session.lost(now_ns)

    def _never_answered_by_us(self, now_ns: int) -> None:
        """The user did not answer the peer's offer."""
        self._session.lost(now_ns)


def _cseq_of(own: _Own) -> int:
    cseq = None if own.request is None else parse_cseq(own.request.headers.get("CSeq") or "")
    return 0 if cseq is None else cseq.number


def branch_of(headers: Headers) -> str:
    """Returns the branch of the top Via of a request of ours, which is the last of its parameters."""
    return (headers.get("Via") or "").rpartition("branch=")[2]
