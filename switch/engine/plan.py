"""Holds what the config decides about calls, whole and consistent: routing table, terms, trunks, menus, and the headers that carry tags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from ivr.menu import MenuPlan
from routing.expression import Kind, Scalar
from routing.table import Table
from switch.billing.terms import Rate, Terms
from switch.sip.headers import readable
from switch.sip.message import Headers
from switch.sip.peer import DEFAULT_PEER, PeerProfile, Realm


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A trunk that may send us calls. `networks`: (address, mask) pairs of IPv4 as integers. `rate`: what it bills us, or None.
    `peer`: how SIP treats it."""

    name: str
    networks: tuple[tuple[int, int], ...]
    rate: Rate | None = None
    peer: PeerProfile = DEFAULT_PEER


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All names used in one part are keys of another.

    `terms` are keyed by campaign, `menus` by the node they start with, as `Campaign.menu` names it. `headers`: by SIP header in lower
    case, the tag it is read into and its kind. `tag_kinds`: every tag there is, built in, declared or set by a menu. `groups`:
    by line, the groups whose caps it shares; a line without any is not there. `max_calls`: more live calls are refused with 503.
    `call_id_header`: the header of a line's INVITE that carries the call's id; None: no header does.
    `line_peers`: by line, how SIP treats it. `strangers`: where callers from addresses of no trunk may authenticate; None: nowhere.
    """

    version: str
    table: Table
    terms: Mapping[str, Terms]
    trunks: tuple[Trunk, ...]
    max_call_ms: int
    max_calls: int
    menus: Mapping[str, MenuPlan] = field(default_factory=dict)
    headers: Mapping[str, tuple[str, Kind]] = field(default_factory=dict)
    tag_kinds: Mapping[str, Kind] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    call_id_header: str | None = None
    line_peers: Mapping[str, PeerProfile] = field(default_factory=dict)
    strangers: Realm | None = None

    def trunk_of(self, host: str) -> Trunk | None:
        """Returns the trunk that `host`, an IPv4 literal, belongs to, or None."""
        address = int(IPv4Address(host))
        for trunk in self.trunks:
            if any(address & mask == network for network, mask in trunk.networks):
                return trunk
        return None

    @property
    def lines_of_groups(self) -> Mapping[str, tuple[str, ...]]:
        """Returns the lines that share a group's caps, by group."""
        found: dict[str, list[str]] = {}
        for line, groups in self.groups.items():
            for group in groups:
                found.setdefault(group, []).append(line)
        return {group: tuple(lines) for group, lines in found.items()}

    def rate_of(self, trunk: str) -> Rate | None:
        """Returns what the trunk bills us, or None."""
        return next((each.rate for each in self.trunks if each.name == trunk), None)


MAX_TEXT = 200
"""The longest header value that is kept as a tag: it goes into every record."""
MAX_DIGITS = 18
MAX_CALL_ID_CHARS = 256
"""The longest part of a caller's SIP Call-ID that is kept. Those in use have up to 100 characters."""
ATTESTATION = "P-Attestation-Indicator"
_ATTESTED = frozenset("ABC")


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
