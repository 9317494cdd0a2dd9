"""Makes the event of an INVITE that came: who calls whom by the rules of its trunk, and the tags that its headers carry."""

from collections.abc import Callable, Mapping

from routing.expression import Kind, Scalar
from switch.call import event as ev
from switch.call.cause import Cause
from switch.call.moment import Moment
from switch.engine.plan import Plan
from switch.sip.fact import InviteReceived
from switch.sip.headers import readable
from switch.sip.identity import caller_identity, dialled_number
from switch.sip.message import Headers

MAX_TEXT = 200
"""The longest header value that is kept as a tag: it goes into every record."""
MAX_DIGITS = 18
MAX_CALL_ID_CHARS = 256
"""The longest part of a caller's SIP Call-ID that is kept. Those in use have up to 100 characters."""
ATTESTATION = "P-Attestation-Indicator"
_ATTESTED = frozenset("ABC")


def arrival_of(
    fact: InviteReceived,
    plan: Plan,
    *,
    trunk: str,
    token: Callable[[], str],
    objection: Cause | None,
    why: str | None = None,
    encrypted: bool = False,
    at: Moment,
) -> ev.InviteArrived:
    """Returns the event. `why`: the objection in words. `encrypted`: the caller's audio will be.

    The tag `privacy` is set where the caller's number is to be kept from lines that are not trusted.
    """
    rules = plan.trunk_identity(trunk)
    caller = caller_identity(fact.headers, rules.number_format)
    dialled = dialled_number(fact.uri, fact.headers, rules)
    number = None if objection is None else plan.table.numbers.get(dialled.number)
    privacy = {"privacy": True} if caller.is_private and dialled.number not in plan.show_ani else {}
    return ev.InviteArrived(
        at=at,
        call_id=token(),
        did=dialled.number,
        ani=caller.number,
        trunk=trunk,
        seed=int(token()[:12], 16),
        version=plan.version,
        max_call_ms=plan.max_call_ms,
        tags={**header_tags(fact.headers, plan.headers), **dialled.tags, **privacy},
        sip_call_id=readable(fact.call_id)[:MAX_CALL_ID_CHARS],
        objection=objection,
        why=why,
        publisher=None if number is None else number.publisher,
        campaign=None if number is None else number.campaign,
        encrypted=encrypted,
        probe=plan.is_probe(trunk),
    )


def header_tags(headers: Headers, wanted: Mapping[str, tuple[str, Kind]]) -> dict[str, Scalar]:
    """Returns the tags that `wanted` (lower-case header name -> tag, kind) finds, and the carrier's attestation (ATIS-1000074).

    A value that is not of the tag's kind is no value: filters then find that the call does not have the tag.
    """
    found: dict[str, Scalar] = {}
    for name, value in headers if wanted else ():
        tag, kind = wanted.get(name.lower(), ("", Kind.TEXT))
        read = tag_value(readable(value).strip()[:MAX_TEXT], kind)
        if tag and tag not in found and read is not None:
            found[tag] = read
    attested = (headers.get(ATTESTATION) or "").strip().upper()
    if attested in _ATTESTED:
        found["attestation"] = attested
    return found


def tag_value(text: str, kind: Kind) -> Scalar | None:
    """Returns `text` as a value of that kind, or None."""
    match kind:
        case Kind.TEXT:
            return text or None
        case Kind.NUMBER:
            digits = text.removeprefix("-")
            return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS else None
        case Kind.TRUTH:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(text.lower())
