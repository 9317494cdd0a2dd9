"""PURE. Serves REFER (RFC 3515) of the far end of a session, where its config lets it transfer calls: one at a time, told by NOTIFY unless
it wants no subscription (RFC 4488).

The call goes only to hosts that config names. Whoever follows a REFER dials the target itself: nothing here does.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from switch.sip.core import UserAgentCore
from switch.sip.dialog import Dialog
from switch.sip.fact import ReferReceived
from switch.sip.headers import SipUri, is_sips, param, parse_name_addr, parse_uri
from switch.sip.message import Request, Response
from switch.sip.peer import PeerProfile
from switch.sip.received import ReceivedRequest
from switch.sip.requests import Fields, reason_of, usable_target
from switch.sip.statistics import Statistic
from switch.sip.telephone import is_telephone, user_of
from switch.sip.transaction import NS_PER_S, Timer, Transaction
from switch.sip.transaction_table import TransactionEnd

TRANSFEROR_BYE_NS = 5 * NS_PER_S
"""How long the line that transferred a call may stay after the target has taken it; then it is hung up."""
NORMAL_CLEARING = 16
SIPFRAG = "message/sipfrag;version=2.0"
"""RFC 3420, RFC 3515 §2.4.5."""


class ReferRefusal(NamedTuple):
    """`status`: of the answer. `why`: in our words."""

    status: int
    why: str


def refer_target(request: Request, *, to: str, hosts: tuple[str, ...]) -> str | ReferRefusal:
    """Returns the URI that a REFER sends the call to, fit for a Request-URI, or why it is not followed. `to`: the far end's own address,
    which a tel URI is dialled at. `hosts`: where calls may go, in lower case.

    400: there is not one Refer-To that can be read (RFC 3515 §2.4.2). 403: it leads elsewhere; or it asks for another method; or to take
    the place of another dialog (Replaces, RFC 3891), which we do not do.
    """
    values = request.headers.all("Refer-To")
    referred = parse_name_addr(values[0]) if len(values) == 1 else None
    if referred is None:
        return ReferRefusal(400, "not one Refer-To that can be read")
    scheme = referred.uri.partition(":")[0].lower()
    if scheme not in ("sip", "sips", "tel"):
        return ReferRefusal(403, "to a URI that is no sip, sips or tel")
    uri = _number_at(referred.uri, to) if scheme == "tel" else parse_uri(referred.uri)
    if uri is None:
        return ReferRefusal(400, "a Refer-To that can't be dialled")
    if uri.host.lower().rstrip(".") not in hosts:
        return ReferRefusal(403, "to a host that none of the advertiser's lines has")
    if (param(uri.params, "method") or "INVITE").upper() != "INVITE":
        return ReferRefusal(403, "to something else than an INVITE")
    if any(header.partition("=")[0].strip().lower() == "replaces" for header in uri.headers.split("&")):
        return ReferRefusal(403, "an attended transfer (Replaces)")
    return usable_target(str(uri)) or ReferRefusal(400, "a Refer-To that can't be dialled")


def _number_at(tel: str, to: str) -> SipUri | None:
    """Returns a telephone number as a SIP URI at the host of `to`, or None."""
    number, address = user_of(tel), parse_name_addr(to)
    at = None if address is None else parse_uri(address.uri)
    if at is None or not is_telephone(number):
        return None
    return SipUri(scheme=at.scheme, user=number, host=at.host, port=at.port, params=at.params)


class ReferredSession(Protocol):
    """What `Referrals` needs of its session."""

    number: int

    @property
    def is_live(self) -> bool: ...

    def hangup(self, now_ns: int, *, q850: int | None) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subscription:
    """A REFER that is followed. `event`: of its NOTIFYs; None: the peer wants none."""

    event: str | None


class Referrals:
    """The REFERs of one session's peer."""

    __slots__ = ("_core", "_count", "_dialog", "_peer", "_pending", "_session", "_subscription", "_timer")

    def __init__(self, core: UserAgentCore, session: ReferredSession, *, dialog: Dialog, peer: PeerProfile) -> None:
        self._core = core
        self._session = session
        self._dialog = dialog
        self._peer = peer
        self._count = 0
        self._pending: tuple[ReceivedRequest, Transaction] | None = None
        self._subscription: _Subscription | None = None
        self._timer: Timer | None = None

    def on_refer(self, received: ReceivedRequest, now_ns: int) -> None:
        """A REFER: 491 while another one is followed, else reported, unless it can't be followed at all."""
        core, session = self._core, self._session
        if not session.is_live:
            core.refuse(received, 481, now_ns=now_ns)
            return
        if self._pending is not None or self._subscription is not None:
            core.refuse(received, 491, now_ns=now_ns)
            return
        target = refer_target(received.request, to=self._dialog.remote, hosts=self._peer.redirects)
        if isinstance(target, ReferRefusal):
            core.refuse(received, target.status, now_ns=now_ns)
            note_refused(core, received, target.why)
            return
        self._pending = received, core.serve(received, now_ns)
        core.report(ReferReceived(leg=session.number, uri=target))

    def accept(self, now_ns: int, *, expires_s: int) -> None:
        """Follows the REFER that waits: 202, and the first NOTIFY. `expires_s`: by then `finish` has been called."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        received, transaction = pending
        self._count += 1
        is_silent = (received.request.headers.get("Refer-Sub") or "").partition(";")[0].strip().lower() == "false"
        event = "refer" if self._count == 1 else f"refer;id={received.cseq}"  # RFC 3515 §2.4.6
        self._subscription = _Subscription(event=None if is_silent else event)
        unsubscribed: Fields = (("Refer-Sub", "false"),) if is_silent else ()
        contact = self._core.contact(received)
        extra = (contact, *self._peer.abilities.answer_fields, *unsubscribed)
        self._core.respond(transaction, received, 202, now_ns=now_ns, extra=extra)
        self._notify(100, f"active;expires={expires_s}", now_ns)

    def decline(self, status: int, now_ns: int, *, why: str) -> None:
        """Refuses the REFER that waits: the session goes on. `why`: for the log."""
        pending, self._pending = self._pending, None
        if pending is not None:
            self._core.respond(pending[1], pending[0], status, now_ns=now_ns)
            note_refused(self._core, pending[0], why)

    def finish(self, status: int, now_ns: int) -> None:
        """The target answered with `status`, final: the last NOTIFY. After a 2xx the peer is to hang up, and is hung up if it does not."""
        if self._subscription is None:
            return
        self._notify(status, "terminated;reason=noresource", now_ns)
        self._subscription = None
        if status < 300:
            self._timer = self._core.timer_heap.add(now_ns + TRANSFEROR_BYE_NS, self._hang_up)

    def close(self, now_ns: int) -> None:
        """The session ends: nothing more is told."""
        self._subscription = None
        self._core.timer_heap.cancel(self._timer)
        pending, self._pending = self._pending, None
        if pending is not None:
            self._core.respond(pending[1], pending[0], 487, now_ns=now_ns)

    # the user of our NOTIFYs' transactions: that the peer does not want one changes nothing

    def on_message(self, transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        """A challenge is answered while the session lives."""
        if isinstance(message, Response) and message.status >= 300 and self._session.is_live:
            self._core.answer_challenge(self._dialog, transaction, message, user=self, now_ns=now_ns)

    def on_end(self, _transaction: Transaction, _end: TransactionEnd, _now_ns: int) -> None:
        """No answer: as above."""

    def _notify(self, status: int, state: str, now_ns: int) -> None:
        if self._subscription is None or self._subscription.event is None:
            return
        self._core.send_in_dialog(
            self._dialog,
            "NOTIFY",
            user=self,
            now_ns=now_ns,
            extra=(
                self._core.listeners.contact(self._dialog.next_hop, is_sips=is_sips(self._dialog.request_uri)),
                ("Event", self._subscription.event),
                ("Subscription-State", state),
            ),
            body=f"SIP/2.0 {status} {reason_of(status)}\r\n".encode(),
            content_type=SIPFRAG,
        )

    def _hang_up(self, now_ns: int) -> None:
        self._session.hangup(now_ns, q850=NORMAL_CLEARING)


def note_refused(core: UserAgentCore, received: ReceivedRequest, why: str) -> None:
    """Counts and logs a REFER that is not followed."""
    core.statistics.add(Statistic.TRANSFER_REFUSED, received.reply_to.host)
    core.note_oddity(received.reply_to, f"a REFER was not followed: {why}", received.call_id)
