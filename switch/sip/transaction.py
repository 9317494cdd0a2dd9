"""PURE. Runs live transactions: their state, timers and last message, and which message belongs to which (RFC 3261 §17, RFC 6026).

The transitions are in `transaction_table`. Dialogs and legs are reached only through `TransactionUser`. `requests` makes the keys.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from switch.sip.flow import Flow, SendFailure
from switch.sip.live_keys import LiveKeys
from switch.sip.message import Request, Response, serialize
from switch.sip.received import MAGIC_COOKIE
from switch.sip.requests import ack_to_failure
from switch.sip.transaction_table import (
    ABSORBING,
    END_BY_EVENT,
    SHORT_LIVES,
    Action,
    Event,
    TransactionEnd,
    TransactionMachine,
    TransactionState,
)
from switch.timer_heap import TimerEntry, TimerHeap

# Access to enum members is slow in Python 3.11, and each message takes several steps.
_TERMINATED = TransactionState.TERMINATED
_PASS = Action.PASS
_SEND_ACK = Action.SEND_ACK
_FINAL = Event.FINAL
_PROVISIONAL = Event.PROVISIONAL

NS_PER_MS = 1_000_000
NS_PER_S = 1_000 * NS_PER_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """The three base values of RFC 3261 §17.1.1.1; everything else is computed from them.

    `t1_ns`: estimated round trip. `t2_ns`: the longest pause between retransmissions. `t4_ns`: a message's life in the network.
    """

    t1_ns: int = 500 * NS_PER_MS
    t2_ns: int = 4_000 * NS_PER_MS
    t4_ns: int = 5_000 * NS_PER_MS

    @property
    def transaction_timeout_ns(self) -> int:
        """64*T1: Timers B, D, F, H, J, L, M, and the wait for an ACK to a 2xx (§13.3.1.4) or a final answer to a CANCEL (§9.1)."""
        return 64 * self.t1_ns

    def clean_up_ns(self, at_ns: int) -> int:
        """Returns when to do clean-up that is due at `at_ns`: at the next whole T1, together with everything else due by then."""
        return -(-at_ns // self.t1_ns) * self.t1_ns


Timer = TimerEntry[Callable[[int], None]]
"""Called with the present instant, monotonic ns, when it is due."""


class TransactionUser(Protocol):
    """The user of a transaction (the TU of RFC 3261)."""

    def on_message(self, transaction: "Transaction", message: Request | Response, now_ns: int, /) -> None:
        """A client's answer; a server's ACK in Accepted, or a CANCEL that names it."""

    def on_end(self, transaction: "Transaction", end: TransactionEnd, now_ns: int, /) -> None:
        """Called once: the transaction has terminated."""


class Transaction:
    """A running instance of one of the four machines. `user` may be None: nothing depends on how it ends.

    A client's `request`: what it sent, None once it has terminated. `tries`: how often that was sent before, without the credentials that
    were then asked for. `branch`: of its key, without the magic cookie. A server's `tag`: what its answers put into a To without one
    (§8.2.6.2), so that those to INVITE and CANCEL agree.
    """

    __slots__ = (
        "_failure",
        "_interval_ns",
        "_is_reliable",
        "_layer",
        "_retransmit_timer",
        "_timeout_timer",
        "_wire",
        "branch",
        "call_id",
        "failure",
        "flow",
        "key",
        "machine",
        "merge_id",
        "request",
        "state",
        "tag",
        "tries",
        "user",
    )

    def __init__(
        self,
        layer: "Transactions",
        machine: TransactionMachine,
        *,
        key: str,
        flow: Flow,
        call_id: str,
        user: TransactionUser | None,
    ) -> None:
        self._layer = layer
        self.machine = machine
        self.key = key
        self.flow = flow
        self.call_id = call_id
        self._is_reliable = flow.is_reliable
        self.user = user
        self.state = _TERMINATED
        self.branch = ""
        self.merge_id: str | None = None
        self.tag = ""
        self.request: Request | None = None
        self.tries = 0
        self._wire = b""
        self._failure: SendFailure | None = None
        self.failure = ""
        self._interval_ns = 0
        self._retransmit_timer: Timer | None = None
        self._timeout_timer: Timer | None = None

    def start(self, request: Request | None, now_ns: int) -> None:
        """Enters the first state; a client sends its `request`, a server has none to send."""
        if request is not None:
            self.request = request
            self._wire = serialize(request)
            self._layer.send(self._wire, self.flow, self.call_id)
        self._enter(self.machine.start, now_ns)

    def receive(self, message: Request | Response, now_ns: int) -> None:
        """A message that belongs here came in."""
        if isinstance(message, Response):
            self._step(_answer_event(self.machine, message.status), now_ns, message=message)
        else:
            self._step(Event.ACK if message.method == "ACK" else Event.REQUEST, now_ns, message=message)

    def respond(self, status: int, wire: bytes, now_ns: int) -> None:
        """A server's user answers. Changes nothing where the state allows no such answer any more."""
        self._step(_answer_event(self.machine, status), now_ns, wire=wire)

    def transport_failed(self, now_ns: int, *, why: SendFailure = SendFailure.UNREACHABLE, words: str = "") -> None:
        """The transport could not send, or an ICMP error came back. `words`: why, for people."""
        self._failure, self.failure = why, words
        self._step(Event.TRANSPORT_ERROR, now_ns)

    def stop_retransmitting(self) -> None:
        """A client sends its request no more; what still comes is heard until the transaction's time is over."""
        self._layer.timer_heap.cancel(self._retransmit_timer)
        self._retransmit_timer = None

    def destroy(self) -> None:
        """Ends at once without notifying the user (§9.1: a cancelled INVITE that is never answered)."""
        self.user = None
        self._leave()

    def _step(self, event: Event, now_ns: int, *, message: Request | Response | None = None, wire: bytes | None = None) -> None:
        row = self.machine.rows.get((self.state, event))
        if row is None:
            return
        then, does = row
        if wire is not None:
            self._wire = wire
        if then is _TERMINATED:
            user = self.user
            self._leave()
            if user is not None:
                user.on_end(self, self._end_of(event), now_ns)
        elif then is not self.state:
            self._enter(then, now_ns)
        for do in does:
            self._do(do, message, now_ns)
        if self._is_reliable and self.machine.timers[self.state][1] in ABSORBING:
            user = self.user
            self._leave()
            if user is not None:
                user.on_end(self, TransactionEnd.DONE, now_ns)

    def _end_of(self, event: Event) -> TransactionEnd:
        end = END_BY_EVENT.get(event)
        if end is None:
            return TransactionEnd.DONE
        refused = end is TransactionEnd.UNREACHABLE and self._failure is SendFailure.CERTIFICATE_REFUSED
        return TransactionEnd.CERTIFICATE_REFUSED if refused else end

    def _do(self, do: Action, message: Request | Response | None, now_ns: int) -> None:
        if do is _PASS:
            if self.user is not None and message is not None:
                self.user.on_message(self, message, now_ns)
            return
        if do is _SEND_ACK and self.request is not None and isinstance(message, Response):
            self._wire = serialize(ack_to_failure(self.request, message))
        self._layer.send(self._wire, self.flow, self.call_id)

    def _enter(self, state: TransactionState, now_ns: int) -> None:
        """Starts the timers of `state`, stops those of the state left, keeps those of both. Over TCP and TLS nothing is sent again."""
        old_repeat, old_life = self.machine.timers[self.state]
        repeat, life = self.machine.timers[state]
        if self._is_reliable:
            old_repeat = repeat = None
            life = None if life in ABSORBING else life
        self.state = state
        timer_heap, timers = self._layer.timer_heap, self._layer.timers
        if repeat is not old_repeat:
            if self._retransmit_timer is not None:
                timer_heap.cancel(self._retransmit_timer)
            self._interval_ns = timers.t1_ns
            self._retransmit_timer = None if repeat is None else timer_heap.add(now_ns + timers.t1_ns, self._on_retransmit)
        if life is not old_life:
            if self._timeout_timer is not None:
                timer_heap.cancel(self._timeout_timer)
            self._timeout_timer = None if life is None else timer_heap.add(self._end_ns(repeat, life, now_ns), self._on_timeout)

    def _end_ns(self, repeat: Event | None, life: Event, now_ns: int) -> int:
        """Returns when `life` ends the state just entered. One that repeats nothing only absorbs late messages, and may do so for longer:
        its clean-up is batched with others, so that a busy agent is not woken for each."""
        timers = self._layer.timers
        end_ns = now_ns + (timers.t4_ns if life in SHORT_LIVES else timers.transaction_timeout_ns)
        return end_ns if repeat is not None else timers.clean_up_ns(end_ns)

    def _on_retransmit(self, now_ns: int) -> None:
        """Timer A doubles without bound (Timer B ends it), E and G up to T2; E is T2 at once in Proceeding (§17.1.2.2)."""
        timer = self.machine.timers[self.state][0]
        if timer is None:
            return
        t2_ns = self._layer.timers.t2_ns
        doubled_ns = 2 * self._interval_ns
        if timer is Event.TIMER_A:
            self._interval_ns = doubled_ns
        else:
            self._interval_ns = t2_ns if self.state is TransactionState.PROCEEDING else min(doubled_ns, t2_ns)
        self._retransmit_timer = self._layer.timer_heap.add(now_ns + self._interval_ns, self._on_retransmit)
        self._step(timer, now_ns)

    def _on_timeout(self, now_ns: int) -> None:
        timer = self.machine.timers[self.state][1]
        if timer is not None:
            self._step(timer, now_ns)

    def _leave(self) -> None:
        """Releases everything: the layer drops this transaction, and nothing refers to the messages or the user any more."""
        self._enter(_TERMINATED, 0)
        self._layer.forget(self)
        self.user = None
        self.request = None
        self._wire = b""


def _answer_event(machine: TransactionMachine, status: int) -> Event:
    """What an answer with this status is to the machine."""
    if status < 200:
        return _PROVISIONAL
    if not machine.invite:
        return _FINAL
    return Event.SUCCESS if status < 300 else Event.FAILURE


class Transactions:
    """Every live transaction of one agent. `clients`, `servers`: by key. `merged`: the ids of INVITEs that are being served: one that comes
    again on another path is no new call (RFC 3261 §8.2.2.2). `send` is where bytes go, with their Call-ID. `branches`: of clients, without
    the magic cookie. `server_hosts`: where servers' requests came from."""

    __slots__ = ("branches", "clients", "merged", "send", "server_hosts", "servers", "timer_heap", "timers")

    def __init__(
        self, *, timers: Timers, timer_heap: TimerHeap[Callable[[int], None]], send: Callable[[bytes, Flow, str], None]
    ) -> None:
        self.timers = timers
        self.timer_heap = timer_heap
        self.send = send
        self.clients: dict[str, Transaction] = {}
        self.servers: dict[str, Transaction] = {}
        self.merged: set[str] = set()
        self.branches = LiveKeys()
        self.server_hosts = LiveKeys()

    def __len__(self) -> int:
        return len(self.clients) + len(self.servers)

    def start_client(
        self,
        machine: TransactionMachine,
        request: Request,
        *,
        key: str,
        flow: Flow,
        user: TransactionUser | None,
        now_ns: int,
    ) -> Transaction:
        """Starts a client transaction: sends `request` by `flow`."""
        call_id = request.headers.get("Call-ID") or ""
        transaction = Transaction(self, machine, key=key, flow=flow, call_id=call_id, user=user)
        transaction.start(request, now_ns)
        self.clients[key] = transaction
        transaction.branch = _branch(key)
        self.branches.add(transaction.branch)
        return transaction

    def start_server(
        self,
        machine: TransactionMachine,
        *,
        key: str,
        flow: Flow,
        call_id: str,
        tag: str,
        merge_id: str | None,
        now_ns: int,
    ) -> Transaction:
        """Starts a server transaction for a request that came; answers go by `flow`. `merge_id`: see `merged`."""
        transaction = Transaction(self, machine, key=key, flow=flow, call_id=call_id, user=None)
        transaction.tag = tag
        transaction.start(None, now_ns)
        self.servers[key] = transaction
        self.server_hosts.add(flow.host)
        if merge_id is not None:
            transaction.merge_id = merge_id
            self.merged.add(merge_id)
        return transaction

    def transport_failed(self, flow: Flow, now_ns: int, *, why: SendFailure = SendFailure.UNREACHABLE, words: str = "") -> None:
        """Nothing can be sent to `flow`."""
        for transaction in [*self.clients.values(), *self.servers.values()]:
            if transaction.flow == flow:
                transaction.transport_failed(now_ns, why=why, words=words)

    def forget(self, transaction: Transaction) -> None:
        """A transaction ended."""
        key = transaction.key
        if self.clients.get(key) is transaction:  # an agent that calls itself has one key in both tables
            del self.clients[key]
            self.branches.discard(transaction.branch)
        elif self.servers.get(key) is transaction:
            del self.servers[key]
            self.server_hosts.discard(transaction.flow.host)
        if transaction.merge_id is not None:
            self.merged.discard(transaction.merge_id)


def _branch(key: str) -> str:
    """Returns the branch of a transaction's key, without the magic cookie. A CANCEL has that of its INVITE (§9.1)."""
    return key.rsplit(" ", 2)[-2:][0].removeprefix(MAGIC_COOKIE)
