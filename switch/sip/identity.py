"""PURE. Works out who calls and what was dialled from an INVITE's headers, and what a line is told of it.

Identity in: P-Asserted-Identity (RFC 3325), Remote-Party-ID (draft-ietf-sip-privacy-04), From; privacy: RFC 3323, RFC 3325 §9.3. Identity
out: a caller who asked for privacy is anonymous to a line that is not trusted (RFC 3325 §7). Headers pass from trunk to line by name only.
How numbers are written in URIs is in `telephone`; who is trusted, and with what, is config.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from routing.expression import Scalar
from routing.geo import valid_number
from switch.sip.headers import NameAddr, SipUri, has_param, is_escaped, param, parse_name_addr, parse_uri
from switch.sip.message import Headers
from switch.sip.requests import Fields
from switch.sip.telephone import MAX_USER_CHARS, NumberFormat, is_telephone, read_number, telephone_params, user_of, write_number

MAX_PASSED_FIELDS = 32
MAX_PASSED_CHARS = 8_192
"""Names and values together: what a trunk sends must leave room for a line's INVITE in a datagram."""

PASSED_BY_LIST = frozenset(
    {"diversion", "history-info", "identity", "user-to-user", "p-charge-info", "p-attestation-indicator", "p-origination-id"}
)
"""Headers with a meaning in SIP that config may let pass; besides those that SIP does not know (X-…)."""

PRIVACY = ("Privacy", "id")


class DidFrom(StrEnum):
    """Where a trunk puts the dialled number."""

    REQUEST_URI = "request_uri"
    TO = "to"
    DIVERSION = "diversion"
    """The number that was diverted first: the last value (RFC 5806 §3)."""
    HISTORY_INFO = "history_info"
    """The original target: the first entry (RFC 7044 §5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkIdentity:
    """How a trunk tells who calls whom. `tech_prefix`: stripped from the dialled number. `passes`: the headers, in lower case, that it is
    trusted to send to lines."""

    number_format: NumberFormat = NumberFormat.NATIONAL
    tech_prefix: str = ""
    did_from: DidFrom = DidFrom.REQUEST_URI
    passes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineIdentity:
    """What a line is told. `trusted`: it may know a caller's number in spite of privacy. `passes`: the headers, in lower case, that it is
    sent when the trunk has them."""

    trusted: bool = False
    number_format: NumberFormat = NumberFormat.E164
    passes: frozenset[str] = frozenset()


DEFAULT_TRUNK_IDENTITY = TrunkIdentity()
DEFAULT_LINE_IDENTITY = LineIdentity()


class CallerIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """`number`: E.164, or as it came where it can't be read so; "" when anonymous. `is_private`: the caller asked that it be kept."""

    number: str = ""
    is_private: bool = False


class DialledNumber(msgspec.Struct, frozen=True, kw_only=True):
    """`number`: as `CallerIdentity`. `tags`: `rn`, `npdi`, `cic` (RFC 4694), as far as the trunk sent them."""

    number: str
    tags: Mapping[str, Scalar]


class LineCaller(msgspec.Struct, frozen=True, kw_only=True):
    """The caller as a line's INVITE tells of it. `shown`: the user of From, "" for the anonymous form. `asserted`: that of
    P-Asserted-Identity, "" for none. `fields`: what goes with them."""

    shown: str
    asserted: str = ""
    fields: Fields = ()


_IDENTITIES = ("P-Asserted-Identity", "Remote-Party-ID", "From")
"""The headers that may hold the caller's number, best first."""
_TELLING = frozenset({*_IDENTITIES, "Privacy"})
_WORD = re.compile(r"[^a-z0-9]++")
_WITHHELD_WORDS = """
    anonymous anonymouscaller restricted private privatecaller privatenumber withheld withheldnumber numberwithheld idwithheld blocked
    blockedcaller callerblocked calleridblocked hidden suppressed nocallerid 266696687 7378742833 2562533 7748283 94843353
"""
_WITHHELD = frozenset(_WITHHELD_WORDS.split())
"""Callers who asked to be anonymous, in letters and digits of the word, also as spelled on a keypad."""
_UNKNOWN_WORDS = """
    unknown unknowncaller unknownnumber unavailable notavailable outofarea none null nobody undefined 8566696 86282452253
"""
_UNKNOWN = frozenset(_UNKNOWN_WORDS.split())
"""Callers whose number the network does not have (3GPP TS 24.607 has `unavailable`)."""
_ANONYMOUS_HOST = "anonymous.invalid"
_PRIVATE = frozenset({"id", "header", "user", "session", "critical"})
_RPID_PRIVATE = frozenset({"full", "uri"})
"""`name` is kept in any case: no display name passes to a line."""


def caller_identity(headers: Headers, form: NumberFormat = NumberFormat.NATIONAL) -> CallerIdentity:
    """Returns who calls: the first of P-Asserted-Identity, Remote-Party-ID and From that is a number a subscriber can have.

    Where none is, and none says that the caller is anonymous, the first that is written as a number is (an extension, a filler), so that
    a record shows it. A name is nobody's number: a trunk's account may stand in P-Asserted-Identity.
    """
    told: dict[str, list[str]] = {}
    for name, value in headers:
        if name in _TELLING:
            told.setdefault(name, []).append(value)
    local, withheld, unknown = "", False, False
    found = ""
    for address in _identities(told):
        user = user_of(address.uri)
        number = read_number(user, form)
        if valid_number(number) and not _is_anonymous_host(address.uri):
            found = found or number
        elif (word := _word_of(address, user)) in _WITHHELD or word == _ANONYMOUS_HOST:
            withheld = True
        elif word in _UNKNOWN:
            unknown = True
        elif is_telephone(user):
            local = local or number
    found = found or ("" if withheld or unknown else local)
    return CallerIdentity(number=found, is_private=found != "" and (withheld or _asks_for_privacy(told)))


def _identities(told: Mapping[str, list[str]]) -> Iterator[NameAddr]:
    """Yields what names the caller, best first. Of Remote-Party-ID only `party=calling`, the default, does."""
    for name in _IDENTITIES:
        for value in told.get(name, ()):
            address = parse_name_addr(value)
            if address is not None and (name != "Remote-Party-ID" or _is_calling(address)):
                yield address


def _is_calling(address: NameAddr) -> bool:
    return (param(address.params, "party") or "calling").strip('"').lower() == "calling"


def _word_of(address: NameAddr, user: str) -> str:
    """What stands in place of a number, in its letters and digits; the display name counts where there is no user."""
    if _is_anonymous_host(address.uri):
        return _ANONYMOUS_HOST
    return _WORD.sub("", (user or address.display or "").lower())


def _is_anonymous_host(uri: str) -> bool:
    parsed = parse_uri(uri) if _ANONYMOUS_HOST in uri.lower() else None
    return parsed is not None and parsed.host.lower() == _ANONYMOUS_HOST


def _asked(values: Iterable[str]) -> set[str]:
    """The words of Privacy headers, in lower case."""
    return {word.strip().lower() for value in values for word in re.split("[;,]", value)}


def _asks_for_privacy(told: Mapping[str, list[str]]) -> bool:
    if not _PRIVATE.isdisjoint(_asked(told.get("Privacy", ()))):
        return True
    for value in told.get("Remote-Party-ID", ()):
        address = parse_name_addr(value)
        asked = "" if address is None or not _is_calling(address) else (param(address.params, "privacy") or "").strip('"').lower()
        if any(part.strip().partition("-")[0] in _RPID_PRIVATE for part in asked.split(",")):
            return True
    return False


def dialled_number(uri: str, headers: Headers, trunk: TrunkIdentity = DEFAULT_TRUNK_IDENTITY) -> DialledNumber:
    """Returns the dialled number. `uri`: the Request-URI, which counts too where the trunk's own place for the number has none."""
    there = _place_of_did(headers, trunk.did_from)
    source = there if there and user_of(there) else uri
    user = user_of(source).removeprefix(trunk.tech_prefix)
    return DialledNumber(number=read_number(user, trunk.number_format), tags=_routing_tags(uri))


def _place_of_did(headers: Headers, did_from: DidFrom) -> str:
    match did_from:
        case DidFrom.REQUEST_URI:
            return ""
        case DidFrom.TO:
            value = headers.get("To")
        case DidFrom.DIVERSION:
            value = next(reversed(headers.all("Diversion")), None)
        case DidFrom.HISTORY_INFO:
            value = headers.get("History-Info")
    address = parse_name_addr(value or "")
    return "" if address is None else address.uri


def _routing_tags(uri: str) -> dict[str, Scalar]:
    """What the Request-URI says of number portability and carriers: `rn` and `cic` joined with their contexts (RFC 4694 §5)."""
    params = telephone_params(uri)
    if not params:
        return {}
    tags: dict[str, Scalar] = {}
    for name in ("rn", "cic"):
        context, value = param(params, f"{name}-context") or "", param(params, name) or ""
        joined = _bare(context + value if context.startswith("+") and not value.startswith("+") else value)
        if joined and len(joined) <= MAX_USER_CHARS and is_telephone(joined):
            tags[name] = joined
    if has_param(params, "npdi"):
        tags["npdi"] = True
    return tags


def _bare(number: str) -> str:
    return re.sub(r"[-.() ]", "", number)


def passable(headers: Headers, trunk: TrunkIdentity) -> Fields:
    """Returns the headers of a trunk's INVITE that it is trusted to send to lines, bounded in number and size; History-Info unless
    `Privacy: history` says that it ends here (RFC 7044 §10.1.1)."""
    found: list[tuple[str, str]] = []
    room = MAX_PASSED_CHARS
    for name, value in headers if trunk.passes else ():
        if name == "History-Info" and "history" in _asked(headers.all("Privacy")):
            continue
        size = len(name) + len(value)
        if name.lower() in trunk.passes and size <= room and len(found) < MAX_PASSED_FIELDS and not is_escaped(value):
            found.append((name, value))
            room -= size
    return tuple(found)


def passed_to(line: LineIdentity, offered: Fields, *, is_private: bool) -> Fields:
    """Returns those of `offered`, the trunk's, that the line is sent. Any of them may tell a number: of a caller who asked for privacy a
    line that is not trusted is sent none, and of others no diversion by somebody who asked for it."""
    if is_private and not line.trusted:
        return ()
    listed = [field for field in offered if field[0].lower() in line.passes]
    return tuple(listed if line.trusted else [field for field in listed if not _is_private_diversion(*field)])


def _is_private_diversion(name: str, value: str) -> bool:
    """RFC 5806 §6: the `privacy` of who diverted; RFC 7044 §10.1: the Privacy header in the URI of an entry."""
    if name == "Diversion":
        address = parse_name_addr(value)
        return address is None or (param(address.params, "privacy") or "off").strip('"').lower() != "off"
    return name == "History-Info" and re.search(r"[?&]privacy=(?!none)", value, re.IGNORECASE) is not None


def line_caller(number: str, line: LineIdentity, *, is_private: bool) -> LineCaller:
    """Returns how a line's INVITE names the caller. `number`: "" for an anonymous one."""
    written = write_number(number, line.number_format)
    privacy = (PRIVACY,) if is_private and number else ()
    shown = "" if privacy else written
    return LineCaller(shown=shown, asserted=written if line.trusted else "", fields=privacy)


def sender(caller: str, *, host: str, uri: str) -> str:
    """The From of an INVITE to `uri`, without its tag. RFC 3261 §8.1.1.3 has the anonymous form."""
    return f"<{_address(caller, host, uri)}>" if caller else '"Anonymous" <sip:anonymous@anonymous.invalid>'


def asserted_identity(caller: str, *, host: str, uri: str) -> Fields:
    """The P-Asserted-Identity of an INVITE to `uri`; no field for ""."""
    return (("P-Asserted-Identity", f"<{_address(caller, host, uri)}>"),) if caller else ()


def _address(user: str, host: str, uri: str) -> SipUri:
    """`user=phone` (RFC 3261 §19.1.1) goes with a number where the far end's own URI has it: it names numbers so."""
    target = parse_uri(uri)
    says_phone = target is not None and param(target.params, "user") == "phone" and is_telephone(user)
    return SipUri(user=user, host=host, params=(("user", "phone"),) if says_phone else ())
