"""The facts that the SIP agent reports to its user. Facts are past tense; a `leg` is one INVITE's usage, in or out, named by an integer.

For every leg: `LegTerminated` comes exactly once and last, whatever the network does. After it the leg's number is never used again.
"""

from enum import StrEnum

import msgspec

from switch.sip.flow import Flow
from switch.sip.identity import caller_identity
from switch.sip.message import Headers
from switch.sip.statistics import Statistic
from switch.sip.telephone import user_of


class EndReason(StrEnum):
    """Why a leg ended."""

    BYE = "bye"
    """One side sent BYE: the peer's was received, or ours was answered (with any status) or timed out."""
    CANCELLED = "cancelled"
    """CANCEL before the final answer: the peer's on an incoming leg; ours, confirmed by 487 (or anything final), on an outgoing one."""
    INVITE_EXPIRED = "invite_expired"
    """An incoming INVITE had no final answer in the time of its Expires (RFC 3261 §13.3.1)."""
    REFUSED = "refused"
    """A final non-2xx answer: ours to an incoming INVITE, the peer's to an outgoing one."""
    NO_ACK = "no_ack"
    """Our 200 was never acknowledged within 64*T1; the agent has sent BYE."""
    TIMEOUT = "timeout"
    """No answer to our INVITE (Timer B), or none at all to our CANCEL."""
    UNREACHABLE = "unreachable"
    """The transport could not send."""
    CERTIFICATE_REFUSED = "certificate_refused"
    """The peer's TLS certificate is no good."""
    BAD_ANSWER = "bad_answer"
    """The peer's 2xx cannot be used (no To tag, no Contact)."""
    EXPIRED = "expired"
    """The session ran out without a refresh (RFC 4028 §10), or the peer answered a request of ours in it 408, 481 or not at all
    (RFC 3261 §12.2.1.2); the agent has sent BYE."""


class InviteReceived(msgspec.Struct, frozen=True, kw_only=True):
    """A new incoming INVITE, 100 already sent. `uri`: its Request-URI. `offer`: its SDP octets, b"" for none.

    `reject_status`: the status that SIP itself requires (400, 403, 406, 415, 416, 420); the user must refuse the leg with it.
    `max_forwards`: its Max-Forwards, 70 where it has none.
    Who calls and what was dialled is worked out by `identity`, by the rules of the trunk; `caller` and `user` are without any.
    `peer`: the name of the trunk that its address belongs to, or that it authenticated as.
    """

    leg: int
    source: Flow
    uri: str
    call_id: str
    offer: bytes
    headers: Headers
    max_forwards: int
    reject_status: int | None = None
    peer: str = ""

    @property
    def user(self) -> str:
        """Returns the user of the Request-URI, "" for none."""
        return user_of(self.uri)

    @property
    def caller(self) -> str:
        """Returns the caller's number, "" when anonymous (`docs/carriers.md` §2)."""
        return caller_identity(self.headers).number


class ProvisionalReceived(msgspec.Struct, frozen=True, kw_only=True):
    """A 101-199 answer to our INVITE. `body`: early media SDP, if any. `to_tag`: of the fork that answers, "" where it has none.
    `reliable`: it came by RFC 3262, and PRACK was sent: its SDP is the answer (§5)."""

    leg: int
    status: int
    body: bytes
    to_tag: str = ""
    reliable: bool = False


class FailedOver(msgspec.Struct, frozen=True, kw_only=True):
    """The line's target failed before it rang: its INVITE went to `target` instead."""

    leg: int
    target: Flow


class PlainOffered(msgspec.Struct, frozen=True, kw_only=True):
    """The peer refused the encrypted audio that our INVITE offered, and it was sent again, on the same leg, with plain audio."""

    leg: int
    status: int


class RedirectFollowed(msgspec.Struct, frozen=True, kw_only=True):
    """The peer answered our INVITE with 3xx, and it was sent to `uri` instead, on the same leg."""

    leg: int
    uri: str


class AnswerReceived(msgspec.Struct, frozen=True, kw_only=True):
    """The first 2xx to our INVITE, ACK already sent. It may come after `hangup` was called (it crossed our CANCEL): the user
    hangs up again and the agent sends BYE. 2xx from further forks are acknowledged and ended by the agent itself.
    `to_tag`: of the fork that answered, as in `ProvisionalReceived`."""

    leg: int
    body: bytes
    to_tag: str = ""


class AckReceived(msgspec.Struct, frozen=True, kw_only=True):
    """The ACK to our 2xx. `body`: SDP, when the offer was in our 200."""

    leg: int
    body: bytes


class OfferReceived(msgspec.Struct, frozen=True, kw_only=True):
    """A re-INVITE, or an UPDATE or PRACK with an offer, from the far end of a leg. The user answers with `accept` or `decline`.
    `offer` b"": it asks for our offer. `fork`: the To tag of the fork of our INVITE whose UPDATE it is, before a 2xx; "" else."""

    leg: int
    offer: bytes
    method: str = "INVITE"
    fork: str = ""


class OfferAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """The peer's 2xx to our `offer`. `body`: its SDP; where ours was empty, that is an offer, which the user answers with `accept`."""

    leg: int
    body: bytes


class OfferRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The peer refused our `offer` with `status`, or glare did not end (491): the session goes on as it was (RFC 3261 §14.1)."""

    leg: int
    status: int


class InfoDigit(msgspec.Struct, frozen=True, kw_only=True):
    """A key by INFO (RFC 6086 §1). `digit`: 0-9, *, #, A-D. `duration_ms`: None where it was not said."""

    leg: int
    digit: str
    duration_ms: int | None


class ReferReceived(msgspec.Struct, frozen=True, kw_only=True):
    """A REFER asks us to call `uri`, fit for a Request-URI, in the place of the leg's far end (RFC 3515). The user answers with
    `accept_refer` or `decline_refer`."""

    leg: int
    uri: str


class LegTerminated(msgspec.Struct, frozen=True, kw_only=True):
    """The leg is over. `by_peer`: the peer ended it. `status`: the final SIP status of the INVITE that came or was sent, or None.

    `q850`: cause value of a Reason header (RFC 3326) in the peer's message, or None. `retry_after_s`: of the peer's refusal, or None.
    `words`: why, for people, bounded, where `why` and `status` do not say all of it.
    """

    leg: int
    why: EndReason
    by_peer: bool
    status: int | None
    q850: int | None = None
    retry_after_s: int | None = None
    words: str = ""


class PeerOddity(msgspec.Struct, frozen=True, kw_only=True):
    """A trunk or line sent something malformed, or failed. It belongs to no leg, and is drained apart (`UserAgent.oddities`).

    `kind`: as what it was counted. `what`: in our words, bounded; at most a header's name in it is the peer's. `call_id`: the message's
    Call-ID, "" where there is none.
    """

    source: Flow
    what: str
    call_id: str
    kind: Statistic = Statistic.ODDITY


class PeerBehindNat(msgspec.Struct, frozen=True, kw_only=True):
    """What a peer signals as its own address can't be reached, and its source address is used: told once for each host. Drained as
    `PeerOddity`. `what`: what is sent there instead."""

    source: Flow
    what: str
    call_id: str


class HealthChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A trunk or line that is asked by OPTIONS went down or came up. `name`: `line:acme-east`, `trunk:level3`. `status`: of its last
    answer, None: none came. It belongs to no leg, and is drained apart (`UserAgent.notices`)."""

    name: str
    is_up: bool
    status: int | None


class RegistrationChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A trunk's registrar took us, refused us, or did not answer. `status`: of its last answer, None: none came. `again_s`: until it is
    asked again. Drained as `HealthChanged`."""

    trunk: str
    is_registered: bool
    status: int | None
    again_s: int


class SourceAuthenticated(msgspec.Struct, frozen=True, kw_only=True):
    """A request from an unknown address had good credentials, and came by this connection. Drained as `HealthChanged`."""

    source: Flow


Notice = HealthChanged | RegistrationChanged | SourceAuthenticated
LegFact = (
    ProvisionalReceived
    | FailedOver
    | PlainOffered
    | RedirectFollowed
    | AnswerReceived
    | AckReceived
    | OfferReceived
    | OfferAccepted
    | OfferRefused
    | InfoDigit
    | ReferReceived
    | LegTerminated
)
"""What may follow on a leg."""
Fact = InviteReceived | LegFact
