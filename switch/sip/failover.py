"""PURE. Keeps the targets of one INVITE, in order: the one it is with, how long that may stay silent, the next ones (RFC 3263 §4.3).

The whole is bounded: so many targets, each silent for so long at most. Once one rings, no other is tried.
"""

from collections.abc import Callable

from switch.sip.bye import send_bye
from switch.sip.core import Sent, UserAgentCore
from switch.sip.dialog import Dialog, caller_dialog
from switch.sip.digest import DigestClient
from switch.sip.early_dialogs import MAX_FORKS
from switch.sip.flow import Flow, transport_of
from switch.sip.headers import parse_cseq, parse_name_addr, parse_uri, parse_via
from switch.sip.locator import FAILED_NS, MAX_UDP_BYTES, NO_TCP_NS
from switch.sip.message import Request, Response, serialize
from switch.sip.requests import cancel_of, contact_of, credentials_of
from switch.sip.statistics import Statistic
from switch.sip.transaction import Timer, Transaction
from switch.sip.transaction_table import TransactionEnd


class Failover:
    """`present`: the target that the INVITE is with. `named`: as DNS or the URI has it, which may be by UDP where it went over TCP for its
    size alone. `silence_ns`: how long it may be silent where there is another one; None: for as long as its transaction lives."""

    __slots__ = ("_core", "_further", "_silence_ns", "_timer", "named", "present")

    def __init__(self, core: UserAgentCore, targets: tuple[Flow, ...], *, silence_ns: int | None) -> None:
        self._core = core
        self.present = self.named = targets[0]
        self._further = targets[1:]
        self._silence_ns = silence_ns
        self._timer: Timer | None = None

    def takes_tcp(self, invite: Request, now_ns: int) -> bool:
        """Returns whether `invite` is too large for UDP and is to go over TCP first: `present` is another target then. A URI that says
        `transport=udp` is taken at its word."""
        locator, uri = self._core.locator, parse_uri(invite.uri)
        if self.present.is_reliable or not locator.may_take_tcp(self.present, now_ns) or len(serialize(invite)) <= MAX_UDP_BYTES:
            return False
        if uri is None or transport_of(uri) is not None:
            return False
        before, known = self.present, (self.present, *self._further)
        self.present, *further = locator.for_large(known, now_ns)
        self.named = self.present if self.present in known else before
        self._further = tuple(further)
        return self.present != before

    def begin(self, now_ns: int, silent: Callable[[int], None]) -> None:
        """The INVITE has been sent to `present`. `silent(now_ns)` is called when that has been silent for too long."""
        self.heard()
        if self._further and self._silence_ns is not None:
            self._timer = self._core.timer_heap.add(now_ns + self._silence_ns, silent)

    def heard(self) -> None:
        """`present` has answered something."""
        self._core.timer_heap.cancel(self._timer)
        self._timer = None

    def settle(self) -> None:
        """No other target is tried any more."""
        self.heard()
        self._further = ()

    def redirect(self, targets: tuple[Flow, ...]) -> None:
        """These are the targets from now on: a 3xx leads elsewhere."""
        self.present = self.named = targets[0]
        self._further = targets[1:]

    def moves_on(self, why: str, now_ns: int, *, call_id: str, for_ns: int = FAILED_NS) -> bool:
        """`present` has failed: it is tried last for a while, and the next one takes its place. False: there is none."""
        self.heard()
        left, locator = self.present, self._core.locator
        following = self._further[0] if self._further else None
        locator.failed(left, now_ns, for_ns=for_ns if left == self.named else NO_TCP_NS)
        if following is None:
            return False
        self.present = self.named = following
        self._further = self._further[1:]
        self._core.note_oddity(left, f"{left} {why}: its INVITE goes to {following}", call_id, kind=Statistic.FAILOVER)
        return True


class AbandonedInvite:
    """The user of an INVITE's transaction from when on its target is given up: nobody must ring or wait because of it. A provisional answer
    is met with CANCEL (RFC 3261 §9.1), a 2xx with ACK and BYE (§13.2.2.4). `invite`: what was sent.

    It ends with its transaction, 64*T1 after the INVITE or the CANCEL.
    """

    __slots__ = ("_acks", "_core", "_digest", "_invite", "_nat", "_timer", "_transaction")

    def __init__(
        self, core: UserAgentCore, transaction: Transaction, *, invite: Request, nat: bool, digest: DigestClient | None
    ) -> None:
        self._core = core
        self._transaction = transaction
        self._invite = invite
        self._nat = nat
        self._digest = digest
        self._timer: Timer | None = None
        self._acks: dict[str, Sent] = {}
        transaction.stop_retransmitting()

    def on_message(self, _transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        if not isinstance(message, Response):
            return
        if message.status < 200:
            self._cancel(now_ns)
        elif message.status < 300:
            self._end(message, now_ns)

    def on_end(self, _transaction: Transaction, _end: TransactionEnd, _now_ns: int) -> None:
        self._core.timer_heap.cancel(self._timer)

    def _cancel(self, now_ns: int) -> None:
        core, via = self._core, parse_via(self._invite.headers.get("Via") or "")
        if self._timer is not None or via is None:
            return
        request = cancel_of(self._invite, extra=())
        core.send_request(request, branch=via.branch or "", flow=self._transaction.flow, user=None, now_ns=now_ns)
        self._timer = core.timer_heap.add(now_ns + core.timers.transaction_timeout_ns, self._never_answered)

    def _never_answered(self, _now_ns: int) -> None:
        self._transaction.destroy()

    def _end(self, response: Response, now_ns: int) -> None:
        """A 2xx that comes again is acknowledged again."""
        to = parse_name_addr(response.headers.get("To") or "")
        tag = "" if to is None else to.tag or ""
        if tag in self._acks:
            self._core.send(*self._acks[tag])
        elif len(self._acks) < MAX_FORKS:
            dialog = self._dialog(response, tag)
            branch = self._core.new_branch()
            ack = dialog.request("ACK", branch=branch, cseq=dialog.cseq, extra=credentials_of(self._invite))
            self._acks[tag] = self._core.send_ack(ack, dialog.next_hop)
            send_bye(self._core, dialog, user=None, q850=None, now_ns=now_ns)

    def _dialog(self, response: Response, tag: str) -> Dialog:
        cseq = parse_cseq(self._invite.headers.get("CSeq") or "")
        return caller_dialog(
            self._invite,
            response,
            cseq=0 if cseq is None else cseq.number,
            target=contact_of(response.headers) or self._invite.uri,
            remote_tag=tag,
            flow=self._transaction.flow,
            listeners=self._core.listeners,
            nat=self._nat,
            digest=self._digest,
        )
