"""Knows what the beginning and the end of a SIP leg mean for its call: one cause for each way a leg can be refused or end."""

from switch.call.cause import Cause, of_line_answer
from switch.sip.fact import Ended, Invited, Why

_OF_CALLER = {Why.NO_ACK: Cause.CALLER_NO_ACK, Why.UNREACHABLE: Cause.CALLER_NO_ACK}

_OF_LINE = {
    Why.BYE: Cause.LINE_HUNG_UP,
    Why.CANCELLED: Cause.NO_ANSWER,
    Why.TIMEOUT: Cause.SILENT,
    Why.UNREACHABLE: Cause.LINE_FAILED,
    Why.BAD_ANSWER: Cause.LINE_FAILED,
}


def objection(invited: Invited) -> Cause | None:
    """Why SIP itself has an INVITE refused: its form, or that it has been around too often to be sent on (RFC 7332)."""
    if invited.unfit is None:
        return Cause.TOO_MANY_HOPS if invited.hops_left == 0 else None
    return {420: Cause.BAD_EXTENSION, 503: Cause.OVERLOAD}.get(invited.unfit, Cause.BAD_REQUEST)


def of_caller(ended: Ended) -> Cause:
    return _OF_CALLER.get(ended.why, Cause.CALLER_HUNG_UP)


def of_line(ended: Ended) -> Cause:
    if ended.why is Why.REFUSED:
        return of_line_answer(ended.status or 500)
    return _OF_LINE.get(ended.why, Cause.LINE_FAILED)
