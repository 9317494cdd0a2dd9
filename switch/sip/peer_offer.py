"""PURE. An offer of the peer's in UPDATE, PRACK or a re-INVITE, while the user has not answered it."""

from typing import NamedTuple

from switch.sip.capabilities import CAPABILITIES
from switch.sip.core import UserAgentCore
from switch.sip.received import ReceivedRequest
from switch.sip.requests import Fields
from switch.sip.transaction import Transaction


class PeerOffer(NamedTuple):
    """`received`: the request with the offer. `transaction`: its server transaction."""

    received: ReceivedRequest
    transaction: Transaction

    def accept(self, core: UserAgentCore, body: bytes, now_ns: int) -> None:
        """Answers by a 200 with SDP."""
        extra: Fields = (core.contact(self.received), *CAPABILITIES)
        core.respond(self.transaction, self.received, 200, now_ns=now_ns, extra=extra, body=body)

    def decline(self, core: UserAgentCore, status: int, now_ns: int, *, extra: Fields = ()) -> None:
        """Refuses: what was agreed before stays."""
        self.transaction.user = None
        core.respond(self.transaction, self.received, status, now_ns=now_ns, extra=extra)
