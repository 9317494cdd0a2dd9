"""PURE. Sends BYE (RFC 3261 §15), in the dialog of a session, or in one that no session has: of a fork, or of a late answer."""

from switch.sip.core import UserAgentCore
from switch.sip.dialog import Dialog
from switch.sip.message import Request, Response
from switch.sip.requests import reason_q850
from switch.sip.transaction import Transaction, TransactionUser
from switch.sip.transaction_table import TransactionEnd


class _LoneBye:
    """The user of a BYE that ends a dialog without a session: it answers challenges, as a session does."""

    __slots__ = ("_core", "_dialog")

    def __init__(self, core: UserAgentCore, dialog: Dialog) -> None:
        self._core = core
        self._dialog = dialog

    def on_message(self, transaction: Transaction, message: Request | Response, now_ns: int) -> None:
        if isinstance(message, Response) and message.status >= 300:
            self._core.answer_challenge(self._dialog, transaction, message, user=self, now_ns=now_ns)

    def on_end(self, _transaction: Transaction, _end: TransactionEnd, _now_ns: int) -> None:
        """Nobody waits for it."""


def send_bye(core: UserAgentCore, dialog: Dialog, *, user: TransactionUser | None, q850: int | None, now_ns: int) -> Transaction:
    """Sends BYE in `dialog`. `user`: None where no session has the dialog."""
    of_bye = _LoneBye(core, dialog) if user is None else user
    return core.send_in_dialog(dialog, "BYE", user=of_bye, now_ns=now_ns, extra=reason_q850(q850))[1]
