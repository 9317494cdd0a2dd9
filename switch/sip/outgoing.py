"""PURE. Knows an outgoing leg until its final answer: provisional answers, CANCEL, forks, and the ACKs to every 2xx.

After the first 2xx the leg is a `session`; this stays behind it for Timer M, to acknowledge 2xx that come again or from forks.

    Calling ──1xx──▸ Proceeding ──hangup──▸ Cancelling ──final, or 64*T1──▸ Done
       └──hangup──▸ Abandoned ──1xx──────────▸┘            (a final answer or Timer B: ──▸ Done, from anywhere)

CANCEL must wait for a provisional answer (RFC 3261 §9.1): hence Abandoned. A 2xx ends any of these with a session: a call that is
hung up twice, once by CANCEL too late and once by BYE, is the user's to end.
"""

from enum import IntEnum, auto

from switch.sip.arrival import Arrival
from switch.sip.compose import ALLOW, SDP, SUPPORTED, cancel_of, reason_q850
from switch.sip.core import Core
from switch.sip.dialog import caller_dialog, contact_of
from switch.sip.fact import Answered, Ended, Progressed, Why
from switch.sip.headers import parse_name_addr
from switch.sip.message import Address, Headers, Request, Response
from switch.sip.session import Session, q850_of, send_bye
from switch.sip.timers import Alarm
from switch.sip.transaction import Transaction
from switch.sip.transaction_table import End
from switch.sip.uri import SipUri

FIRST_CSEQ = 1
MAX_FORKS = 16
"""2xx with different To tags that one INVITE may bring; further ones are dropped."""


class Phase(IntEnum):
    CALLING = auto()
    PROCEEDING = auto()
    ABANDONED = auto()
    CANCELLING = auto()
    DONE = auto()


class Outgoing:
    """An INVITE of ours."""

    __slots__ = (
        "_acks",
        "_address",
        "_branch",
        "_core",
        "_give_up",
        "_phase",
        "_q850",
        "_request",
        "_tag",
        "_transaction",
        "number",
    )

    def __init__(self, core: Core, *, uri: str, target: Address, caller: str, body: bytes, now_ns: int, hops_left: int) -> None:
        self.number = core.next_leg()
        self._core = core
        self._address = target
        self._tag = core.token()
        self._phase = Phase.CALLING
        self._q850: int | None = None
        self._give_up: Alarm | None = None
        self._acks: dict[str, tuple[bytes, Address]] = {}
        self._branch = core.new_branch()
        self._request = _invite(core, uri=uri, caller=caller, tag=self._tag, branch=self._branch, body=body, hops_left=hops_left)
        self._transaction = core.ask(self._request, branch=self._branch, address=target, user=self, now_ns=now_ns)
        core.legs[self.number] = self
        core.dialogs[self._tag] = self

    def hangup(self, now_ns: int, *, q850: int | None) -> None:
        match self._phase:
            case Phase.CALLING:
                self._phase = Phase.ABANDONED
                self._q850 = q850
            case Phase.PROCEEDING:
                self._q850 = q850
                self._cancel(now_ns)
            case Phase.ABANDONED | Phase.CANCELLING | Phase.DONE:
                pass

    def is_peer(self, call_id: str, _remote_tag: str) -> bool:
        """Any fork may speak up: which one answers is not known yet."""
        return call_id == self._request.headers.get("Call-ID")

    def on_request(self, arrival: Arrival, now_ns: int) -> None:
        """Before the 2xx we keep no early dialogs: an INVITE meets ours, still pending (§14.2), the rest meets nothing."""
        status = 491 if arrival.request.method == "INVITE" else 481
        self._core.refuse(arrival, status, now_ns=now_ns)

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

    def on_end(self, _transaction: Transaction, end: End) -> None:
        """Timer B or the transport. After a final answer the leg has ended already and this says nothing."""
        why = Why.UNREACHABLE if end is End.UNREACHABLE else Why.TIMEOUT
        if self._phase is not Phase.DONE:
            self._finish(why, by_peer=False, status=None)

    def _on_provisional(self, response: Response, now_ns: int) -> None:
        match self._phase:
            case Phase.CALLING | Phase.PROCEEDING:
                self._phase = Phase.PROCEEDING
                if response.status > 100:
                    self._core.tell(Progressed(leg=self.number, status=response.status, body=response.body))
            case Phase.ABANDONED:
                self._cancel(now_ns)
            case Phase.CANCELLING | Phase.DONE:
                pass

    def _on_failure(self, response: Response) -> None:
        cancelled = self._phase in (Phase.ABANDONED, Phase.CANCELLING)
        why = Why.CANCELLED if cancelled else Why.REFUSED
        self._finish(why, by_peer=not cancelled, status=response.status, q850=q850_of(response.headers))

    def _on_2xx(self, response: Response, now_ns: int) -> None:
        """Acknowledge every one (§13.2.2.4). The first makes the session, a fork's is ended at once, a second copy is no news."""
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
            address=self._address,
        )
        ack = dialog.request("ACK", via=self._core.identity.via(self._core.new_branch()), cseq=FIRST_CSEQ)
        self._acks[remote_tag] = self._core.send_request(ack, dialog.next_hop)
        is_first, is_usable = self._phase is not Phase.DONE, contact is not None and remote_tag != ""
        if is_first and is_usable:
            self._leave()
            Session(self._core, self.number, dialog=dialog, tag=self._tag, status=response.status)
            self._core.tell(Answered(leg=self.number, body=response.body))
            return
        send_bye(self._core, dialog, user=None, q850=None, now_ns=now_ns)
        if is_first:
            self._finish(Why.BAD_ANSWER, by_peer=False, status=response.status)

    def _cancel(self, now_ns: int) -> None:
        """§9.1. How the CANCEL itself is answered does not matter: the INVITE's final answer does, for 64*T1."""
        self._phase = Phase.CANCELLING
        request = cancel_of(self._request, extra=reason_q850(self._q850))
        self._core.ask(request, branch=self._branch, address=self._address, user=None, now_ns=now_ns)
        self._give_up = self._core.alarms.set(now_ns + self._core.timers.patience_ns, self._never_answered)

    def _never_answered(self, _now_ns: int) -> None:
        self._transaction.destroy()
        self._finish(Why.TIMEOUT, by_peer=False, status=None)

    def _leave(self) -> None:
        self._phase = Phase.DONE
        self._core.alarms.stop(self._give_up)
        self._core.dialogs.pop(self._tag, None)

    def _finish(self, why: Why, *, by_peer: bool, status: int | None, q850: int | None = None) -> None:
        self._leave()
        self._core.end(Ended(leg=self.number, why=why, by_peer=by_peer, status=status, q850=q850))


def _invite(core: Core, *, uri: str, caller: str, tag: str, branch: str, body: bytes, hops_left: int) -> Request:
    identity = core.identity
    fields = [
        identity.via(branch),
        ("Max-Forwards", str(hops_left)),
        ("From", f"{_sender(caller, core.identity.local[0])};tag={tag}"),
        ("To", f"<{uri}>"),
        ("Call-ID", core.token()),
        ("CSeq", f"{FIRST_CSEQ} INVITE"),
        identity.contact,
        ALLOW,
        SUPPORTED,
        ("User-Agent", identity.user_agent),
    ]
    if body:
        fields.append(SDP)
    return Request(method="INVITE", uri=uri, headers=Headers(fields), body=body)


def _sender(caller: str, host: str) -> str:
    """RFC 3261 §8.1.1.3 has the anonymous form."""
    if not caller:
        return '"Anonymous" <sip:anonymous@anonymous.invalid>'
    return f"<{SipUri(user=caller, host=host)}>"
