"""PURE. Sends one request outside of dialogs, and answers challenges to it. Probes and registrations are made of these."""

from collections.abc import Callable
from typing import NamedTuple

from switch.sip.core import UserAgentCore
from switch.sip.digest import DigestClient
from switch.sip.flow import Flow
from switch.sip.message import Headers, Request, Response
from switch.sip.requests import MAX_FORWARDS, Fields
from switch.sip.transaction import Timer, Transaction
from switch.sip.transaction_table import TransactionEnd


class Sender(NamedTuple):
    """What stays the same in all requests of one series. `address`: From, without a tag. `recipient`: To."""

    address: str
    recipient: str
    call_id: str
    tag: str


class OutsideRequest:
    """`done(response, now_ns)` is called once: with the final answer, or with None when 64*T1 passed without one, or it could not be sent.
    `cseq`: of the first try; `last_cseq` is that of the last one. `digest` None: challenges are answers like others."""

    __slots__ = ("_core", "_digest", "_done", "_extra", "_flow", "_is_over", "_request", "_sender", "_timer", "_tries", "last_cseq")

    def __init__(
        self,
        core: UserAgentCore,
        *,
        method: str,
        uri: str,
        flow: Flow,
        sender: Sender,
        cseq: int,
        extra: Fields,
        digest: DigestClient | None,
        done: Callable[[Response | None, int], None],
        now_ns: int,
    ) -> None:
        self._core = core
        self._flow = flow
        self._sender = sender
        self._extra = extra
        self._digest = digest
        self._done = done
        self._tries = 0
        self._is_over = False
        self._timer: Timer | None = None
        self.last_cseq = cseq
        self._request = self._send(method, uri, now_ns)

    def give_up(self) -> None:
        """`done` is not called any more."""
        self._is_over = True
        self._core.timer_heap.cancel(self._timer)

    def on_message(self, _transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        if not isinstance(message, Response) or message.status < 200 or self._is_over:
            return
        if self._digest is not None and self._digest.takes(message, self._request, tries=self._tries):
            self._tries += 1
            self.last_cseq += 1
            self._core.timer_heap.cancel(self._timer)
            self._request = self._send(self._request.method, self._request.uri, now_ns)
        else:
            self.give_up()
            self._done(message, now_ns)

    def on_end(self, _transaction: Transaction, end: TransactionEnd, now_ns: int) -> None:
        """Silence is ended by the timer of our own."""
        if end in (TransactionEnd.UNREACHABLE, TransactionEnd.CERTIFICATE_REFUSED) and not self._is_over:
            self.give_up()
            self._done(None, now_ns)

    def _send(self, method: str, uri: str, now_ns: int) -> Request:
        core, sender = self._core, self._sender
        branch = core.new_branch()
        fields = (
            core.listeners.via(self._flow, branch),
            MAX_FORWARDS,
            ("From", f"{sender.address};tag={sender.tag}"),
            ("To", sender.recipient),
            ("Call-ID", sender.call_id),
            ("CSeq", f"{self.last_cseq} {method}"),
            *self._extra,
            ("User-Agent", core.listeners.user_agent),
            *(() if self._digest is None else self._digest.fields(method, uri)),
        )
        request = Request(method=method, uri=uri, headers=Headers(fields))
        core.send_request(request, branch=branch, flow=self._flow, user=self, now_ns=now_ns)
        self._timer = core.timer_heap.add(now_ns + core.timers.transaction_timeout_ns, self._on_timeout)
        return request

    def _on_timeout(self, now_ns: int) -> None:
        self._is_over = True
        self._done(None, now_ns)
