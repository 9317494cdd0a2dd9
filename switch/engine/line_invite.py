"""Invites a line, or the target of its transfer: whom the INVITE names as the caller, and which headers it carries."""

from switch.call.moment import NS_PER_MS, Moment
from switch.engine.live import LiveCall, LiveLeg
from switch.sip.agent import UserAgent
from switch.sip.flow import Flow
from switch.sip.identity import DEFAULT_LINE_IDENTITY, LineCaller, line_caller, passed_to
from switch.sip.requests import Fields

EXPIRES_MARGIN_S = 5
"""Added to a line's ring time for its INVITE's Expires: our own CANCEL comes first, and where that can't be sent (RFC 3261 §9.1: no 1xx
came) the phone stops by itself."""


def expires_s(ring_ms: int) -> int:
    """Returns the Expires of an INVITE that may ring so long."""
    return ring_ms // 1_000 + EXPIRES_MARGIN_S


def invite(
    agent: UserAgent,
    live: LiveCall,
    leg: LiveLeg,
    *,
    targets: tuple[Flow, ...],
    line: str,
    uri: str,
    body: bytes,
    plain: bytes,
    silence_ms: int,
    ring_ms: int,
    call_id: str | None,
    at: Moment,
) -> None:
    """Sends the INVITE of `leg` to the first of `targets`, or to a later one where that fails, as one to `line`, and gives it the agent's
    number. `body`: our offer. `plain`: the one that follows where that is refused for its encryption, or b""."""
    target, *further = targets
    caller, passed = _caller_for(live, line)
    leg.sip = agent.invite(
        uri=uri,
        target=target,
        further=tuple(further),
        silence_ns=silence_ms * NS_PER_MS,
        caller=caller.shown,
        body=body,
        now_ns=at.mono_ns,
        max_forwards=live.max_forwards - 1,
        expires_s=expires_s(ring_ms),
        call_id=call_id,
        extra=(*caller.fields, *passed),
        asserted=caller.asserted,
        peer=leg.peer,
        plain=plain,
    )


def _caller_for(live: LiveCall, line: str) -> tuple[LineCaller, Fields]:
    """Returns how a line's INVITE names the caller, and the other headers that it carries: the call's id, and what the trunk passes."""
    plan = live.context.plan
    identity = plan.line_identities.get(line, DEFAULT_LINE_IDENTITY)
    is_private = "privacy" in live.call.history.tags
    header = plan.call_id_header
    passed = passed_to(identity, live.passable, is_private=is_private)
    ours = () if header is None else ((header, live.call_id),)
    others = tuple([field for field in passed if header is None or field[0].lower() != header.lower()])
    return line_caller(live.call.history.ani, identity, is_private=is_private), (*ours, *others)
