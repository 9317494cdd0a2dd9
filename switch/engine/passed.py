"""Knows what carriers and publishers pass about a call in headers of its INVITE, as tags. Does not believe it, nor decide on it."""

from collections.abc import Mapping

from routing.expression import Kind, Scalar
from switch.sip.message import Headers

MAX_TEXT = 200
"""Of what a header passes, that much is kept: it goes into every record."""
MAX_DIGITS = 18
ATTESTATION = "P-Attestation-Indicator"
_ATTESTED = frozenset("ABC")


def passed(headers: Headers, wanted: Mapping[str, tuple[str, Kind]]) -> dict[str, Scalar]:
    """The tags that `wanted` (lower-case header name -> tag, kind) finds, and what the carrier attests of the caller (ATIS-1000074).

    A value that is not of the tag's kind is no value: filters then find that the call does not have the tag.
    """
    found: dict[str, Scalar] = {}
    for name, value in headers if wanted else ():
        tag, kind = wanted.get(name.lower(), ("", Kind.TEXT))
        read = scalar(value.strip()[:MAX_TEXT], kind)
        if tag and tag not in found and read is not None:
            found[tag] = read
    attested = (headers.get(ATTESTATION) or "").strip().upper()
    if attested in _ATTESTED:
        found["attestation"] = attested
    return found


def scalar(text: str, kind: Kind) -> Scalar | None:
    """`text` as a value of that kind; None: it is none."""
    match kind:
        case Kind.TEXT:
            return text or None
        case Kind.NUMBER:
            digits = text.removeprefix("-")
            return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS else None
        case Kind.TRUTH:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(text.lower())
