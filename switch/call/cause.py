"""One table lists every way a call or a leg can end, and what follows from each. Failures are detected elsewhere."""

from dataclasses import dataclass
from enum import StrEnum

from routing.table import NoRoute
from switch.call.record import FinalState, Outcome


class Cause(StrEnum):
    """Why a call or one of its legs ended."""

    # the normal ways
    CALLER_HUNG_UP = "caller_hung_up"
    INVITE_EXPIRED = "invite_expired"
    """The time that the caller's INVITE gave for an answer is over (Expires, RFC 3261 §13.3.1)."""
    LINE_HUNG_UP = "line_hung_up"
    MENU_ENDED = "menu_ended"
    MENU_FAILED = "menu_failed"
    # errors of the caller's side, and what it is refused
    UNKNOWN_NUMBER = "unknown_number"
    NUMBER_NOT_IN_SERVICE = "number_not_in_service"
    PUBLISHER_PAUSED = "publisher_paused"
    REPEAT = "repeat"
    NO_MATCH = "no_match"
    CLOSED = "closed"
    CAPPED = "capped"
    QUEUE_FULL = "queue_full"
    WAITED_TOO_LONG = "waited_too_long"
    NOT_ACCEPTABLE = "not_acceptable"
    BAD_REQUEST = "bad_request"
    BAD_EXTENSION = "bad_extension"
    UNAUTHORIZED = "unauthorized"
    """The trunk must authenticate, and its credentials are wrong."""
    TOO_FAST = "too_fast"
    """More calls a second than the trunk may make."""
    TRUNK_FULL = "trunk_full"
    """More live calls than the trunk may have."""
    UNSUPPORTED_BODY = "unsupported_body"
    """The INVITE's body is no SDP, or encoded in a way that is not read."""
    UNSUPPORTED_URI = "unsupported_uri"
    """The Request-URI is none of sip, sips and tel."""
    SDP_REFUSED = "sdp_refused"
    """The INVITE's Accept allows no SDP in the answer."""
    SESSION_TOO_SHORT = "session_too_short"
    """The INVITE asks for shorter session intervals than RFC 4028 allows."""
    TOO_MANY_HOPS = "too_many_hops"
    CALLER_NO_ACK = "caller_no_ack"
    # failures of a line
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    SILENT = "silent"
    REJECTED = "rejected"
    LINE_FAILED = "line_failed"
    CERTIFICATE_REFUSED = "certificate_refused"
    """Over TLS the line's certificate has run out, is for another name, or is signed by nobody we trust."""
    DECLINED = "declined"
    LOST_RACE = "lost_race"
    """Another line that rang at the same time answered first."""
    # failures of the switch or the network
    SESSION_EXPIRED = "session_expired"
    """A far end no longer refreshes the session, or no longer knows it (RFC 4028, RFC 3261 §12.2.1.2)."""
    MEDIA_TIMEOUT = "media_timeout"
    MEDIA_FAILED = "media_failed"
    MAX_CALL = "max_call"
    OPERATOR_HUNG_UP = "operator_hung_up"
    """Somebody ended the call by the control socket."""
    OVERLOAD = "overload"
    LEDGER_UNAVAILABLE = "ledger_unavailable"
    STOPPING = "stopping"
    """A new call while the switch stops."""
    SHUTDOWN = "shutdown"
    """A call in progress when the switch stops."""
    CRASHED = "crashed"
    BROKEN = "broken"


class Fault(StrEnum):
    NOBODY = "nobody"
    CALLER = "caller"
    LINE = "line"
    CONFIG = "config"
    NETWORK = "network"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What follows from a cause.

    `sip`: the final answer to a caller without one. `q850`: the cause value in Reason headers (RFC 3326). `state`: what the record
    says when this ended the call before a line answered. `overflow`: why this line did not take
    the call, where the next one may be tried. `outcome`: what the attempt's record says.
    """

    sip: int
    q850: int
    fault: Fault
    state: FinalState
    overflow: NoRoute | None = None
    outcome: Outcome = Outcome.FAILED


def _t(sip: int, q850: int, fault: Fault, state: FinalState) -> Treatment:
    return Treatment(sip=sip, q850=q850, fault=fault, state=state, outcome=Outcome.ABANDONED)


def _line(sip: int, q850: int, state: FinalState, *, overflow: NoRoute, outcome: Outcome) -> Treatment:
    return Treatment(sip=sip, q850=q850, fault=Fault.LINE, state=state, overflow=overflow, outcome=outcome)


TREATMENT: dict[Cause, Treatment] = {
    Cause.CALLER_HUNG_UP: _t(487, 16, Fault.NOBODY, FinalState.CALLER_LEFT_WHILE_RINGING),
    Cause.INVITE_EXPIRED: _t(487, 16, Fault.NOBODY, FinalState.CALLER_LEFT_WHILE_RINGING),
    Cause.LINE_HUNG_UP: _t(480, 16, Fault.NOBODY, FinalState.FAILED),
    Cause.MENU_ENDED: _t(480, 16, Fault.NOBODY, FinalState.ENDED_IN_MENU),
    Cause.MENU_FAILED: _t(480, 16, Fault.CALLER, FinalState.MENU_FAILED),
    Cause.UNKNOWN_NUMBER: _t(404, 1, Fault.CALLER, FinalState.REJECTED_UNKNOWN_NUMBER),
    Cause.NUMBER_NOT_IN_SERVICE: _t(404, 1, Fault.CONFIG, FinalState.REJECTED_NUMBER_NOT_IN_SERVICE),
    Cause.PUBLISHER_PAUSED: _t(480, 31, Fault.CONFIG, FinalState.REJECTED_PUBLISHER_PAUSED),
    Cause.REPEAT: _t(480, 21, Fault.CONFIG, FinalState.REJECTED_REPEAT),
    Cause.NO_MATCH: _t(480, 31, Fault.CONFIG, FinalState.NO_MATCH),
    Cause.CLOSED: _t(480, 31, Fault.CONFIG, FinalState.CLOSED),
    Cause.CAPPED: _t(486, 34, Fault.CONFIG, FinalState.CAPPED),
    Cause.QUEUE_FULL: _t(486, 34, Fault.CONFIG, FinalState.QUEUE_FULL),
    Cause.WAITED_TOO_LONG: _t(480, 19, Fault.CONFIG, FinalState.WAITED_TOO_LONG),
    Cause.NOT_ACCEPTABLE: _t(488, 88, Fault.CALLER, FinalState.REJECTED_NOT_ACCEPTABLE),
    Cause.BAD_REQUEST: _t(400, 95, Fault.CALLER, FinalState.REJECTED_NOT_ACCEPTABLE),
    Cause.BAD_EXTENSION: _t(420, 79, Fault.CALLER, FinalState.REJECTED_NOT_ACCEPTABLE),
    Cause.UNSUPPORTED_BODY: _t(415, 79, Fault.CALLER, FinalState.REJECTED_NOT_ACCEPTABLE),
    Cause.UNSUPPORTED_URI: _t(416, 28, Fault.CALLER, FinalState.REJECTED_NOT_ACCEPTABLE),
    Cause.SDP_REFUSED: _t(406, 79, Fault.CALLER, FinalState.REJECTED_NOT_ACCEPTABLE),
    Cause.UNAUTHORIZED: _t(403, 21, Fault.CALLER, FinalState.REJECTED_NOT_ACCEPTABLE),
    Cause.TOO_FAST: _t(503, 42, Fault.CALLER, FinalState.REJECTED_UNAVAILABLE),
    Cause.TRUNK_FULL: _t(503, 34, Fault.CALLER, FinalState.REJECTED_UNAVAILABLE),
    Cause.SESSION_TOO_SHORT: _t(422, 79, Fault.CALLER, FinalState.REJECTED_NOT_ACCEPTABLE),
    Cause.TOO_MANY_HOPS: _t(483, 25, Fault.NETWORK, FinalState.REJECTED_NOT_ACCEPTABLE),
    Cause.CALLER_NO_ACK: _t(480, 102, Fault.CALLER, FinalState.FAILED),
    Cause.BUSY: _line(486, 17, FinalState.BUSY, overflow=NoRoute.BUSY, outcome=Outcome.BUSY),
    Cause.NO_ANSWER: _line(480, 19, FinalState.NO_ANSWER, overflow=NoRoute.NO_ANSWER, outcome=Outcome.NO_ANSWER),
    Cause.SILENT: _line(480, 18, FinalState.NO_ANSWER, overflow=NoRoute.FAILED, outcome=Outcome.SILENT),
    Cause.REJECTED: _line(480, 21, FinalState.FAILED, overflow=NoRoute.FAILED, outcome=Outcome.DECLINED),
    Cause.LINE_FAILED: _line(480, 41, FinalState.FAILED, overflow=NoRoute.FAILED, outcome=Outcome.FAILED),
    Cause.CERTIFICATE_REFUSED: _line(480, 41, FinalState.FAILED, overflow=NoRoute.FAILED, outcome=Outcome.CERTIFICATE_REFUSED),
    Cause.DECLINED: _line(480, 21, FinalState.NO_ANSWER, overflow=NoRoute.NO_ANSWER, outcome=Outcome.DECLINED),
    Cause.LOST_RACE: _line(480, 26, FinalState.NO_ANSWER, overflow=NoRoute.NO_ANSWER, outcome=Outcome.LOST_RACE),
    Cause.SESSION_EXPIRED: _t(480, 102, Fault.NETWORK, FinalState.FAILED),
    Cause.MEDIA_TIMEOUT: _t(480, 41, Fault.NETWORK, FinalState.FAILED),
    Cause.MEDIA_FAILED: _t(503, 41, Fault.SWITCH, FinalState.FAILED),
    Cause.MAX_CALL: _t(480, 31, Fault.NOBODY, FinalState.FAILED),
    Cause.OPERATOR_HUNG_UP: _t(480, 16, Fault.NOBODY, FinalState.FAILED),
    Cause.OVERLOAD: _t(503, 42, Fault.SWITCH, FinalState.REJECTED_UNAVAILABLE),
    Cause.LEDGER_UNAVAILABLE: _t(503, 42, Fault.SWITCH, FinalState.REJECTED_UNAVAILABLE),
    Cause.STOPPING: _t(503, 42, Fault.SWITCH, FinalState.REJECTED_UNAVAILABLE),
    Cause.SHUTDOWN: _t(503, 41, Fault.SWITCH, FinalState.FAILED),
    Cause.CRASHED: _t(500, 41, Fault.SWITCH, FinalState.CRASHED),
    Cause.BROKEN: _t(500, 41, Fault.SWITCH, FinalState.FAILED),
}


CALLER_LEFT = frozenset({Cause.CALLER_HUNG_UP, Cause.INVITE_EXPIRED})


def cause_of_answer(status: int) -> Cause:
    """Returns what a line's final non-2xx answer means for hunting (`docs/carriers.md` §3)."""
    if status in {486, 600}:
        return Cause.BUSY
    if status in {408, 480, 487}:
        return Cause.NO_ANSWER
    if status == 603:
        return Cause.REJECTED
    return Cause.LINE_FAILED
