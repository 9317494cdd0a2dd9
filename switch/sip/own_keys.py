"""PURE. Sends keys to the peer of a session by INFO: one request at a time, so that they arrive in order, the others wait.

A refusal says that the peer does not take the key, and nothing about the session. 408, 481 and silence end it (RFC 3261 §12.2.1.2).
"""

from collections import deque
from typing import Protocol

from switch.sip.core import UserAgentCore
from switch.sip.dialog import Dialog
from switch.sip.info import DTMF_RELAY, InfoKey, written_key
from switch.sip.message import Request, Response
from switch.sip.transaction import Timer, Transaction
from switch.sip.transaction_table import TransactionEnd

MAX_KEYS = 32
"""Keys of a session that are sent or wait; further ones are lost."""


class KeySession(Protocol):
    """What `OwnKeys` needs of its session."""

    @property
    def is_live(self) -> bool: ...

    def lost(self, now_ns: int, /) -> None: ...


class OwnKeys:
    """The keys that one session sends. What ends the session ends them."""

    __slots__ = ("_core", "_dialog", "_session", "_timer", "_transaction", "_waiting")

    def __init__(self, core: UserAgentCore, session: KeySession, *, dialog: Dialog) -> None:
        self._core = core
        self._session = session
        self._dialog = dialog
        self._waiting: deque[InfoKey] = deque()
        self._transaction: Transaction | None = None
        self._timer: Timer | None = None

    def press(self, key: InfoKey, now_ns: int) -> None:
        """Sends a key, behind those that wait, as long as there is room."""
        if len(self._waiting) + (self._transaction is not None) < MAX_KEYS:
            self._waiting.append(key)
            self._send_next(now_ns)

    # the transaction's user

    def on_message(self, transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        if transaction is not self._transaction or not isinstance(message, Response) or message.status < 200:
            return
        retried = None
        if self._session.is_live:
            retried = self._core.answer_challenge(self._dialog, transaction, message, user=self, now_ns=now_ns)
        self._wait_for(retried, now_ns)
        if retried is not None:
            return
        if message.status in (408, 481):
            self._session.lost(now_ns)
        elif message.status >= 300:
            self._core.note_oddity(transaction.flow, f"keys by INFO are refused: {message.status}", self._dialog.call_id)
        self._send_next(now_ns)

    def on_end(self, transaction: Transaction, _end: TransactionEnd, _now_ns: int) -> None:
        """While the session lives, a timer of our own ends the wait: it has a moment."""
        if transaction is self._transaction and not self._session.is_live:
            self._wait_for(None, 0)

    # how it is done

    def _send_next(self, now_ns: int) -> None:
        if self._transaction is not None or not self._waiting or not self._session.is_live:
            return
        body = written_key(self._waiting.popleft())
        sent = self._core.send_in_dialog(self._dialog, "INFO", user=self, now_ns=now_ns, content_type=DTMF_RELAY, body=body)
        self._wait_for(sent[1], now_ns)

    def _wait_for(self, transaction: Transaction | None, now_ns: int) -> None:
        core = self._core
        core.timer_heap.cancel(self._timer)
        self._transaction = transaction
        wait_ns = core.timers.transaction_timeout_ns
        self._timer = None if transaction is None else core.timer_heap.add(now_ns + wait_ns, self._on_timeout)

    def _on_timeout(self, now_ns: int) -> None:
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            transaction.destroy()
            self._session.lost(now_ns)
