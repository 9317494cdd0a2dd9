"""PURE. Holds what all legs of one agent share: tables of legs and dialogs, transactions, timers, facts to report, bytes to send.

It decides nothing: `agent` dispatches, `incoming`, `outgoing` and `session` are the legs.
"""

from collections.abc import Callable
from typing import Protocol
from zlib import crc32

from switch.sip.authenticator import Authenticator
from switch.sip.body import SDP_TYPE
from switch.sip.dialog import Dialog
from switch.sip.fact import Fact, LegTerminated, PeerBehindNat, PeerOddity
from switch.sip.flow import Flow, Listeners
from switch.sip.live_keys import LiveKeys
from switch.sip.locator import Locator
from switch.sip.message import Request, Response, serialize
from switch.sip.received import MAGIC_COOKIE, ReceivedRequest, peer_key, transaction_key
from switch.sip.requests import Fields, again, answer
from switch.sip.statistics import Statistic, Statistics
from switch.sip.transaction import Timers, Transaction, Transactions, TransactionUser
from switch.sip.transaction_table import INVITE_CLIENT, INVITE_SERVER, OTHER_CLIENT, OTHER_SERVER
from switch.timer_heap import TimerHeap

Sent = tuple[bytes, Flow, str]
"""A message of ours, where it goes, and its Call-ID."""

MAX_LEGS = 10_000
"""Live legs, in and out, from which new INVITEs get 503."""
MAX_TRANSACTIONS = 100_000
"""Live transactions from which new INVITEs get 503 and refusals are stateless. A call has about five, each for up to 32 s."""
MAX_RETRY_AFTER_S = 10
"""RFC 3261 §14.2: the 500 to a second INVITE asks for a random wait of up to this."""
MAX_ODDITIES = 100
"""Oddities that wait to be drained; further ones are only counted."""
MAX_NAT_HOSTS = 256
"""Peers behind a NAT that are reported, each once; further ones are only counted."""
MAX_ODDITY_CHARS = 200
"""Of an oddity's text and of its Call-ID."""


class SipLeg(Protocol):
    """An `IncomingLeg`, `OutgoingLeg` or `Session`: one INVITE's usage in one phase."""

    def hangup(self, now_ns: int, *, q850: int | None) -> None:
        """Ends the leg in the way RFC 3261 requires in this phase. Idempotent."""

    def is_peer(self, call_id: str, remote_tag: str, /) -> bool:
        """Returns whether a request with our tag in To belongs to this leg's dialog."""

    def on_request(self, received: ReceivedRequest, now_ns: int) -> None:
        """A request inside the dialog, not ACK or CANCEL, not seen before."""

    def on_ack(self, cseq: int, body: bytes, now_ns: int, /) -> None:
        """An ACK that belongs to no transaction: that of a 2xx."""


class UserAgentCore:
    """What legs share. `legs`: by number, until `LegTerminated`. `dialogs`: by our tag, a little longer (see `session`). `facts`, `outbox`:
    what the agent's user has not taken yet; `oddities` too. `statistics`: what is counted, for as long as the agent lives."""

    __slots__ = (
        "_called",
        "_leg_hosts",
        "_nat_hosts",
        "_serial",
        "authenticator",
        "dialogs",
        "facts",
        "legs",
        "listeners",
        "locator",
        "oddities",
        "outbox",
        "statistics",
        "timer_heap",
        "timers",
        "token",
        "transactions",
    )

    def __init__(self, *, listeners: Listeners, token: Callable[[], str], timers: Timers) -> None:
        self.listeners = listeners
        self.locator = Locator(listeners)
        self.token = token
        self.timers = timers
        self.timer_heap: TimerHeap[Callable[[int], None]] = TimerHeap()
        self.transactions = Transactions(timers=timers, timer_heap=self.timer_heap, send=self.send)
        self.legs: dict[int, SipLeg] = {}
        self.dialogs: dict[str, SipLeg] = {}
        self._called: dict[int, frozenset[str]] = {}
        self._leg_hosts = LiveKeys()
        self._nat_hosts: set[str] = set()
        self._serial = 0
        self.authenticator = Authenticator(token)
        self.statistics = Statistics()
        self.facts: list[Fact] = []
        self.oddities: list[PeerOddity | PeerBehindNat] = []
        self.outbox: list[Sent] = []

    def next_leg(self) -> int:
        """Returns a leg number never used before."""
        self._serial += 1
        return self._serial

    def is_full(self) -> bool:
        """Returns whether there is no room for another leg: an INVITE is reported, to be refused."""
        return len(self.legs) >= MAX_LEGS

    def is_flooded(self) -> bool:
        """Returns whether there is no room even for the transaction of a refusal."""
        return len(self.transactions) >= MAX_TRANSACTIONS

    def send(self, wire: bytes, flow: Flow, call_id: str) -> None:
        self.outbox.append((wire, flow, call_id))

    def report(self, fact: Fact) -> None:
        """Reports a fact about a live leg; facts about a leg that is over are dropped."""
        if fact.leg in self.legs:
            self.facts.append(fact)

    def end(self, ended: LegTerminated) -> None:
        """Reports the last fact of a leg."""
        self.report(ended)
        self.legs.pop(ended.leg, None)
        self.call_host(ended.leg)
        self._called.pop(ended.leg, None)

    def call_host(self, leg: int, *hosts: str) -> None:
        """The leg's peer is at `hosts` from now on, and at those named before no more."""
        before, now = self._called.get(leg, frozenset()), frozenset(hosts)
        if now == before:
            return
        self._called[leg] = now
        for host in now:
            self._leg_hosts.add(host)
        for host in before:
            self._leg_hosts.discard(host)

    def is_called(self, host: str) -> bool:
        """Returns whether the peer of a live leg is at `host`, or a request from there is being served: it is no stranger while that
        lasts."""
        return host in self._leg_hosts or host in self.transactions.server_hosts

    def live_hosts(self) -> int:
        """Returns how many hosts and branches are known by what is alive."""
        return len(self._leg_hosts) + len(self.transactions.server_hosts) + len(self.transactions.branches)

    def is_live_token(self, token: str) -> bool:
        """Returns whether `token` is our tag of a dialog, or the branch of a live request of ours."""
        return token in self.dialogs or token in self.transactions.branches

    def note_oddity(self, source: Flow, what: str, call_id: str = "", *, kind: Statistic = Statistic.ODDITY) -> None:
        """Counts and reports something malformed, or another fault, of a trunk or line. Not for strangers: they are only counted."""
        self.statistics.add(kind, source.host)
        if len(self.oddities) < MAX_ODDITIES:
            oddity = PeerOddity(source=source, what=what[:MAX_ODDITY_CHARS], call_id=call_id[:MAX_ODDITY_CHARS], kind=kind)
            self.oddities.append(oddity)

    def note_nat(self, dialog: Dialog) -> None:
        """Counts a dialog whose peer is reached at its source, not where it says. Reports each peer once, up to `MAX_NAT_HOSTS`."""
        source = dialog.next_hop
        if not dialog.is_behind_nat:
            return
        self.statistics.add(Statistic.NAT, source.host)
        if source.host not in self._nat_hosts and len(self._nat_hosts) < MAX_NAT_HOSTS:
            self._nat_hosts.add(source.host)
            what = "its requests go to its source address, not to its Contact or route"
            self.oddities.append(PeerBehindNat(source=source, what=what, call_id=dialog.call_id[:MAX_ODDITY_CHARS]))

    def new_branch(self) -> str:
        return MAGIC_COOKIE + self.token()

    def send_request(self, request: Request, *, branch: str, flow: Flow, user: TransactionUser | None, now_ns: int) -> Transaction:
        """Sends a request of ours in a transaction. `branch`: that of its Via."""
        machine = INVITE_CLIENT if request.method == "INVITE" else OTHER_CLIENT
        ours = self.listeners.local(flow)
        key = transaction_key(peer_key(ours.host, ours.port, branch=branch), request.method)
        return self.transactions.start_client(machine, request, key=key, flow=flow, user=user, now_ns=now_ns)

    def send_in_dialog(
        self,
        dialog: Dialog,
        method: str,
        *,
        user: TransactionUser | None,
        now_ns: int,
        extra: Fields = (),
        body: bytes = b"",
        content_type: str = SDP_TYPE,
    ) -> tuple[Request, Transaction]:
        """Sends a request of ours in `dialog`, not ACK. `content_type`: of its body, where it has one."""
        branch = self.new_branch()
        request = dialog.request(method, branch=branch, extra=extra, body=body, content_type=content_type)
        return request, self.send_request(request, branch=branch, flow=dialog.next_hop, user=user, now_ns=now_ns)

    def answer_challenge(
        self, dialog: Dialog, transaction: Transaction, response: Response, *, user: TransactionUser | None, now_ns: int
    ) -> Transaction | None:
        """Sends the request of `transaction` again with credentials (§22.2) and returns its new transaction; None: `response` is no
        challenge, or none worth answering."""
        request, digest = transaction.request, dialog.digest
        if digest is None or request is None or not digest.takes(response, request, tries=transaction.tries):
            return None
        transaction.user = None
        dialog.cseq += 1
        branch = self.new_branch()
        credentials = digest.fields(request.method, request.uri)
        via = self.listeners.via(transaction.flow, branch)
        retried = again(request, via=via, cseq=dialog.cseq, credentials=credentials)
        following = self.send_request(retried, branch=branch, flow=transaction.flow, user=user, now_ns=now_ns)
        following.tries = transaction.tries + 1
        return following

    def send_ack(self, request: Request, flow: Flow) -> Sent:
        """Sends a request that has no transaction: the ACK to a 2xx. Returns what was sent, to send it again."""
        sent = serialize(request), flow, request.headers.get("Call-ID") or ""
        self.send(*sent)
        return sent

    def serve(self, received: ReceivedRequest, now_ns: int, *, tag: str = "") -> Transaction:
        """Starts the transaction of a request that came. INVITEs are checked for merged copies (§8.2.2.2)."""
        is_invite = received.request.method == "INVITE"
        return self.transactions.start_server(
            INVITE_SERVER if is_invite else OTHER_SERVER,
            key=received.key,
            flow=received.reply_to,
            call_id=received.call_id,
            tag=tag,
            merge_id=received.merge_id if is_invite else None,
            now_ns=now_ns,
        )

    def respond(
        self,
        transaction: Transaction,
        received: ReceivedRequest,
        status: int,
        *,
        now_ns: int,
        extra: Fields = (),
        body: bytes = b"",
    ) -> bytes:
        """Answers in a transaction. Returns the octets, for retransmission."""
        tag = "" if status == 100 else transaction.tag
        wire = serialize(answer(received.request, status, tag=tag, listeners=self.listeners, extra=extra, body=body))
        if status >= 300:
            self.statistics.add(Statistic.REFUSED, received.reply_to.host, status=status)
        transaction.respond(status, wire, now_ns)
        return wire

    def contact(self, received: ReceivedRequest) -> tuple[str, str]:
        """Returns the Contact of an answer."""
        return self.listeners.contact(received.reply_to, is_sips=received.is_sips)

    def reply(self, received: ReceivedRequest, status: int, *, now_ns: int, tag: str = "", extra: Fields = ()) -> None:
        """Serves and answers at once, in a transaction as long as there is room."""
        if self.is_flooded():
            self.reply_stateless(received, status, extra=extra)
        else:
            self.respond(self.serve(received, now_ns, tag=tag), received, status, now_ns=now_ns, extra=extra)

    def refuse(self, received: ReceivedRequest, status: int, *, now_ns: int, extra: Fields = ()) -> None:
        """Refuses. An INVITE in a transaction: a late copy must not be taken for a new call. Other requests without one."""
        if received.request.method == "INVITE":
            self.reply(received, status, now_ns=now_ns, tag=self.token(), extra=extra)
        else:
            self.reply_stateless(received, status, extra=extra)

    def reply_stateless(self, received: ReceivedRequest, status: int, *, extra: Fields = ()) -> None:
        """Answers without a transaction: for what may be answered again in the same way."""
        self.send_answer(received.request, status, flow=received.reply_to, extra=extra)

    def send_answer(self, request: Request, status: int, *, flow: Flow, extra: Fields = ()) -> None:
        """Answers without a transaction (§8.2.7). The tag is computed from the request's Via: a retransmission gets the same one."""
        if status >= 300:
            self.statistics.add(Statistic.REFUSED, flow.host, status=status)
        tag = f"{crc32((request.headers.get('Via') or '').encode(errors='surrogateescape')):08x}"
        wire = serialize(answer(request, status, tag=tag, listeners=self.listeners, extra=extra))
        self.send(wire, flow, request.headers.get("Call-ID") or "")

    def retry_after_s(self) -> int:
        """Returns a random wait, drawn from a token."""
        return self.random_below(MAX_RETRY_AFTER_S + 1)

    def random_below(self, limit: int) -> int:
        """Returns a number from 0 to below `limit`, drawn from a token."""
        return crc32(self.token().encode()) % limit
