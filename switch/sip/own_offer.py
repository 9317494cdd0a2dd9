"""PURE. Runs one re-INVITE of ours inside a session (RFC 3261 §14.1): its answers, the ACK, and the retry after glare."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from zlib import crc32

from switch.sip.core import UserAgentCore
from switch.sip.message import Headers, Request, Response
from switch.sip.requests import ALLOW, SDP, SUPPORTED, contact_of
from switch.sip.transaction import NS_PER_MS, Timer, Transaction
from switch.sip.transaction_table import TransactionEnd

if TYPE_CHECKING:
    from switch.sip.session import Dialog

MAX_GLARES = 5
"""491 in a row after which an offer counts as refused."""
MAX_WAIT = 2
"""In 64*T1: when an offer without a final answer, all its repetitions together, counts as refused."""
GLARE = 491
TIMED_OUT = 408
_STEP_NS = 10 * NS_PER_MS


class OwnOffer:
    """`done(answer, status, now_ns)`: called once, unless `stop` was: the SDP of the 2xx, or None and the status that refused it.

    `may_send()`: False while an offer of the peer's is under way. `owns_call_id`: we made the call; it decides how long is waited after
    glare. `in_flight`: sent and not answered; else it waits to be sent again, and an offer of the peer's may come.
    """

    __slots__ = (
        "_acked",
        "_body",
        "_core",
        "_cseq",
        "_dialog",
        "_done",
        "_glares",
        "_may_send",
        "_owns_call_id",
        "_timeout_timer",
        "_timer",
        "in_flight",
    )

    def __init__(
        self,
        core: UserAgentCore,
        dialog: "Dialog",
        *,
        body: bytes,
        owns_call_id: bool,
        may_send: Callable[[], bool],
        done: Callable[[bytes | None, int, int], None],
        now_ns: int,
    ) -> None:
        self._core = core
        self._dialog = dialog
        self._body = body
        self._owns_call_id = owns_call_id
        self._done: Callable[[bytes | None, int, int], None] | None = done
        self._may_send = may_send
        self.in_flight = False
        self._glares = 0
        self._timer: Timer | None = None
        self._timeout_timer = core.timer_heap.add(now_ns + MAX_WAIT * core.timers.transaction_timeout_ns, self._never_answered)
        self._acked = False
        self._cseq = 0
        self._send(now_ns)

    def stop(self) -> None:
        """Nobody waits for the outcome any more. A 2xx that comes is still acknowledged."""
        self._done = None
        self._core.timer_heap.cancel(self._timer)
        self._core.timer_heap.cancel(self._timeout_timer)

    def on_message(self, _transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        if not isinstance(message, Response) or message.status < 200:
            return
        if message.status < 300:
            self._on_2xx(message, now_ns)
        elif message.status == GLARE and self._glares < MAX_GLARES and self._done is not None:
            self._wait(now_ns)
        else:
            self._finish(None, message.status, now_ns)

    def on_end(self, _transaction: Transaction, end: TransactionEnd) -> None:
        if end is not TransactionEnd.DONE:
            self._finish(None, TIMED_OUT, 0)

    def _wait(self, now_ns: int) -> None:
        self._glares += 1
        self.in_flight = False
        self._timer = self._core.timer_heap.add(now_ns + self._wait_ns(), self._send_again)

    def _send_again(self, now_ns: int) -> None:
        if self._may_send():
            self._send(now_ns)
        elif self._glares < MAX_GLARES:
            self._wait(now_ns)
        else:
            self._finish(None, GLARE, now_ns)

    def _send(self, now_ns: int) -> None:
        self.in_flight = True
        core, hop = self._core, self._dialog.next_hop
        branch = core.new_branch()
        extra = (core.listeners.contact(hop), ALLOW, SUPPORTED, *((SDP,) if self._body else ()))
        request = self._dialog.request("INVITE", via=core.listeners.via(hop, branch), extra=extra)
        self._cseq = self._dialog.cseq
        request = Request(method="INVITE", uri=request.uri, headers=Headers(request.headers), body=self._body)
        core.send_request(request, branch=branch, flow=hop, user=self, now_ns=now_ns)

    def _on_2xx(self, response: Response, now_ns: int) -> None:
        """Each one is acknowledged, the repeated ones too (§13.2.2.4)."""
        target = contact_of(response.headers)
        if target is not None and not self._acked:
            self._dialog.retarget(target)
        self._acked = True
        hop = self._dialog.next_hop
        via = self._core.listeners.via(hop, self._core.new_branch())
        self._core.send_ack(self._dialog.request("ACK", via=via, cseq=self._cseq), hop)
        self._finish(response.body, response.status, now_ns)

    def _finish(self, answer: bytes | None, status: int, now_ns: int) -> None:
        done = self._done
        self.stop()
        if done is not None:
            done(answer, status, now_ns)

    def _never_answered(self, now_ns: int) -> None:
        """The peer goes on saying that it is trying. A 2xx that comes late is acknowledged."""
        self._finish(None, TIMED_OUT, now_ns)

    def _wait_ns(self) -> int:
        """§14.1: 2.1 to 4 s for who made the call, up to 2 s for the other, in steps of 10 ms, drawn from a token."""
        drawn = crc32(self._core.token().encode())
        return (210 + drawn % 191 if self._owns_call_id else drawn % 201) * _STEP_NS
