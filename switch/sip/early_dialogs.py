"""PURE. Keeps the early dialogs of an INVITE of ours, one for each fork (RFC 3261 §12.1.2, §13.2.2.4): their provisional answers with PRACK
(RFC 3262 §4), and the peer's requests in them, among them UPDATE (RFC 3311 §5.2).
"""

from collections.abc import Callable

from switch.sip.capabilities import Abilities, rejection_of
from switch.sip.core import UserAgentCore
from switch.sip.dialog import Dialog
from switch.sip.fact import OfferReceived, ProvisionalReceived
from switch.sip.headers import parse_name_addr
from switch.sip.message import Response
from switch.sip.peer_offer import PeerOffer
from switch.sip.received import ReceivedRequest
from switch.sip.requests import Fields, contact_of, retry_after, rseq_of

MAX_FORKS = 16
"""Forks of one INVITE, by To tag: early dialogs, and 2xx, that are kept; further ones are dropped."""


class Fork:
    """One fork's early dialog, made when it is used: in most nothing is sent. `rseq`: the last provisional answer that was acknowledged, 0
    for none. `is_agreed`: a reliable one had SDP, which answers our offer for good (RFC 3262 §5). `sdp`: what we answered its UPDATE with;
    None: our offer still counts."""

    __slots__ = ("_made", "_make", "is_agreed", "rseq", "sdp")

    def __init__(self, make: Callable[[], Dialog]) -> None:
        self._make = make
        self._made: Dialog | None = None
        self.is_agreed = False
        self.rseq = 0
        self.sdp: bytes | None = None

    @property
    def dialog(self) -> Dialog:
        if self._made is None:
            self._made = self._make()
        return self._made

    @property
    def numbers(self) -> tuple[int, int | None] | None:
        """Returns our last CSeq number and the peer's highest, or None: nothing was sent in it."""
        return None if self._made is None else (self._made.cseq, self._made.peer_cseq)


class EarlyDialogs:
    """`number`: the leg's. `abilities`: what the peer may ask of us."""

    __slots__ = ("_abilities", "_core", "_forks", "_number", "_pending")

    def __init__(self, core: UserAgentCore, *, number: int, abilities: Abilities) -> None:
        self._abilities = abilities
        self._core = core
        self._number = number
        self._forks: dict[str, Fork] = {}
        self._pending: PeerOffer | None = None

    def fork(self, to_tag: str) -> Fork | None:
        """Returns the fork with this To tag, or None: it has no early dialog."""
        return self._forks.get(to_tag)

    def end(self, now_ns: int) -> None:
        """The INVITE is over, or is sent again: its early dialogs are no more, and a request that waits in one gets 487."""
        self._forks.clear()
        self.decline(487, now_ns)

    # provisional answers

    def on_progress(self, response: Response, *, dialog_of: Callable[[Response, str, str], Dialog], cseq: int, now_ns: int) -> None:
        """One fork's 1xx but 100 to the INVITE with this `cseq`. A reliable one is acknowledged by PRACK; one that comes again, or out of
        order, is not told (RFC 3262 §4). `dialog_of`: makes the dialog of a response with that To tag and remote target."""
        to = parse_name_addr(response.headers.get("To") or "")
        to_tag = "" if to is None else to.tag or ""
        fork = self._fork_of(response, to_tag, dialog_of)
        rseq = rseq_of(response)
        is_reliable = bool(rseq) and fork is not None
        if is_reliable and fork is not None:
            if fork.rseq and rseq != fork.rseq + 1:
                return
            fork.rseq = rseq
            fork.is_agreed |= bool(response.body)
            rack = ("RAck", f"{rseq} {cseq} INVITE")
            self._core.send_in_dialog(fork.dialog, "PRACK", user=None, now_ns=now_ns, extra=(rack,))
        self._core.report(
            ProvisionalReceived(leg=self._number, status=response.status, body=response.body, to_tag=to_tag, reliable=is_reliable)
        )

    def _fork_of(self, response: Response, to_tag: str, dialog_of: Callable[[Response, str, str], Dialog]) -> Fork | None:
        """Returns the fork's early dialog (§12.1.2), made at its first answer; None: it can have none, or there are too many."""
        fork = self._forks.get(to_tag)
        if fork is not None or not to_tag or len(self._forks) >= MAX_FORKS:
            return fork
        target = contact_of(response.headers)
        if target is None:
            return None
        fork = self._forks[to_tag] = Fork(lambda: dialog_of(response, to_tag, target))
        return fork

    # the peer's requests

    def on_request(self, received: ReceivedRequest, now_ns: int) -> None:
        """Before the 2xx an INVITE gets 491, since ours is pending (RFC 3261 §14.2); UPDATE may come in an early dialog; other requests get
        481."""
        core, request = self._core, received.request
        fork = self._forks.get(received.from_tag)
        if fork is None or request.method not in ("UPDATE", "INFO", "OPTIONS"):
            core.refuse(received, 491 if request.method == "INVITE" else 481, now_ns=now_ns)
        elif not fork.dialog.accepts(received.cseq):
            core.refuse(received, 500, now_ns=now_ns)
        elif (rejection := rejection_of(request, self._abilities)) is not None:
            core.refuse(received, rejection[0], now_ns=now_ns, extra=rejection[1])
        elif request.method == "UPDATE" and request.body:
            self._on_offer(received, fork, now_ns)
        else:
            core.reply(received, 200, now_ns=now_ns, extra=(core.contact(received), *self._abilities.answer_fields))

    def _on_offer(self, received: ReceivedRequest, fork: Fork, now_ns: int) -> None:
        """RFC 3311 §5.2: while our own offer has no answer for good the fork's meets 491; while another one of the line's waits, 500."""
        core = self._core
        if not fork.is_agreed:
            core.refuse(received, 491, now_ns=now_ns)
        elif self._pending is not None:
            core.refuse(received, 500, now_ns=now_ns, extra=retry_after(core.retry_after_s()))
        else:
            self._pending = PeerOffer(received, core.serve(received, now_ns))
            core.report(OfferReceived(leg=self._number, offer=received.request.body, method="UPDATE", fork=received.from_tag))

    def accept(self, body: bytes, now_ns: int) -> None:
        """Answers the offer of an UPDATE, if one waits."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        fork = self._forks.get(pending.received.from_tag)
        if fork is not None:
            fork.sdp = body
        pending.accept(self._core, body, now_ns, abilities=self._abilities)

    def decline(self, status: int, now_ns: int, *, extra: Fields = ()) -> None:
        """Refuses the offer of an UPDATE, if one waits."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.decline(self._core, status, now_ns, extra=extra)
