"""PURE. Knows an incoming leg until its final answer: 100, 180, then 200, a refusal, the caller's CANCEL, or its early BYE.

After the 200 it is a `session`. Does not know why the user answers as it does.
"""

from switch.sip.arrival import Arrival
from switch.sip.compose import ALLOW, CAPABILITIES, MAX_HOPS, Fields, objection, reason_q850, retry_after
from switch.sip.core import Core
from switch.sip.dialog import callee_dialog
from switch.sip.fact import Ended, Invited, Why
from switch.sip.headers import parse_name_addr
from switch.sip.message import Address, Headers, Request, Response
from switch.sip.session import Session, q850_of
from switch.sip.timers import NS_PER_MS, Alarm
from switch.sip.transaction import Transaction
from switch.sip.transaction_table import End
from switch.sip.uri import parse_uri, user_of

RING_AGAIN_NS = 60_000 * NS_PER_MS
"""RFC 3261 §13.3.1.1: a 180 every minute keeps proxies (their Timer C) from giving up."""
HUNG_UP_STATUS = 480
"""What a caller hears when the user hangs up before answering: Temporarily Unavailable."""
_IDENTITIES = ("P-Asserted-Identity", "Remote-Party-ID", "From")
"""Where the caller's number is looked for, best first."""
_ANONYMOUS = frozenset({"anonymous", "restricted", "unavailable"})


class Incoming:
    """An INVITE that has no final answer yet. `target`: the caller's Contact. `unfit`: the only answer it can get, with its headers."""

    __slots__ = ("_arrival", "_core", "_ring_again", "_tag", "_target", "_transaction", "_unfit", "number")

    def __init__(self, core: Core, arrival: Arrival, *, target: str, now_ns: int, unfit: tuple[int, Fields] | None = None) -> None:
        self.number = core.next_leg()
        self._core = core
        self._arrival = arrival
        self._target = target
        self._unfit = unfit
        self._tag = core.token()
        self._ring_again: Alarm | None = None
        self._transaction = core.serve(arrival, now_ns, tag=self._tag)
        self._transaction.user = self
        core.legs[self.number] = self
        core.dialogs[self._tag] = self
        core.respond(self._transaction, arrival, 100, now_ns=now_ns)

    def invited(self, source: Address) -> Invited:
        """The fact that opens this leg."""
        request = self._arrival.request
        hops = request.headers.get("Max-Forwards")
        return Invited(
            leg=self.number,
            source=source,
            user=user_of(request.uri),
            caller=caller_of(request.headers),
            call_id=self._arrival.call_id,
            offer=request.body,
            headers=request.headers,
            hops_left=MAX_HOPS if hops is None else int(hops),
            unfit=None if self._unfit is None else self._unfit[0],
        )

    def ring(self, now_ns: int) -> None:
        self._core.alarms.stop(self._ring_again)
        self._ring_again = self._core.alarms.set(now_ns + RING_AGAIN_NS, self.ring)
        extra = (self._core.identity.contact, ALLOW)
        self._core.respond(self._transaction, self._arrival, 180, now_ns=now_ns, extra=extra)

    def answer(self, body: bytes, now_ns: int) -> None:
        self._core.alarms.stop(self._ring_again)
        if self._unfit is not None:  # there is only one answer to it
            self.refuse(self._unfit[0], now_ns, extra=())
            return
        dialog = callee_dialog(self._arrival, tag=self._tag, target=self._target)
        session = Session(self._core, self.number, dialog=dialog, tag=self._tag, status=200)
        session.answered(self._transaction, arrival=self._arrival, body=body, now_ns=now_ns)

    def refuse(self, status: int, now_ns: int, *, extra: Fields) -> None:
        if self._unfit is not None:
            status, extra = self._unfit
        self._close(status, now_ns, Ended(leg=self.number, why=Why.REFUSED, by_peer=False, status=status), extra=extra)

    def hangup(self, now_ns: int, *, q850: int | None) -> None:
        self.refuse(HUNG_UP_STATUS, now_ns, extra=reason_q850(q850))

    def is_peer(self, call_id: str, remote_tag: str) -> bool:
        return call_id == self._arrival.call_id and remote_tag == self._arrival.from_tag

    def on_request(self, arrival: Arrival, now_ns: int) -> None:
        """In the early dialog: BYE ends it (§15.1.2), a second INVITE has to wait (§14.2)."""
        core, method = self._core, arrival.request.method
        no = objection(arrival.request)
        if arrival.cseq < self._arrival.cseq:
            core.refuse(arrival, 500, now_ns=now_ns)
        elif no is not None:
            core.refuse(arrival, no[0], now_ns=now_ns, extra=no[1])
        elif method == "INVITE":
            core.refuse(arrival, 500, now_ns=now_ns, extra=retry_after(core.retry_after_s()))
        elif method == "BYE":
            core.reply(arrival, 200, now_ns=now_ns)
            self._left_by_peer(Why.BYE, arrival.request, now_ns)
        else:
            core.reply_stateless(arrival, 200, extra=CAPABILITIES)

    def on_ack(self, cseq: int, body: bytes, now_ns: int) -> None:
        """There is nothing to acknowledge yet."""

    def on_message(self, _transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        """The caller's CANCEL."""
        if isinstance(message, Request) and message.method == "CANCEL":
            self._left_by_peer(Why.CANCELLED, message, now_ns)

    def on_end(self, _transaction: Transaction, _end: End) -> None:
        """Before the final answer only the transport ends a transaction."""
        self._forget(Ended(leg=self.number, why=Why.UNREACHABLE, by_peer=False, status=None))

    def _left_by_peer(self, why: Why, request: Request, now_ns: int) -> None:
        ended = Ended(leg=self.number, why=why, by_peer=True, status=487, q850=q850_of(request.headers))
        self._close(487, now_ns, ended)

    def _close(self, status: int, now_ns: int, ended: Ended, *, extra: Fields = ()) -> None:
        self._transaction.user = None
        self._core.respond(self._transaction, self._arrival, status, now_ns=now_ns, extra=extra)
        self._forget(ended)

    def _forget(self, ended: Ended) -> None:
        self._core.alarms.stop(self._ring_again)
        self._core.dialogs.pop(self._tag, None)
        self._core.end(ended)


def caller_of(headers: Headers) -> str:
    """The caller's number or name, "" when anonymous: see `fact.Invited`. An identity without a user says nothing, the next may."""
    for name in _IDENTITIES:
        for value in headers.all(name):
            address = parse_name_addr(value)
            user = "" if address is None else _named_user(address.uri)
            if user:
                return user
    return ""


def _named_user(uri: str) -> str:
    parsed = parse_uri(uri)
    if parsed is not None and parsed.host.lower() == "anonymous.invalid":
        return ""
    user = user_of(uri)
    return "" if user.lower() in _ANONYMOUS else user
