"""PURE. Defines, parses and serializes SIP messages (RFC 3261 §7, §18.3, §25).

`parse` returns a value for every input and never raises. A `Request` or `Response` from it has these properties: Call-ID is there once; the
top Via, From, To and CSeq parse with `headers`; CSeq names the request's method; Max-Forwards, where present, is 0-255; no name or value
holds CR, LF or NUL; `body` is what Content-Length says. `serialize` computes Content-Length and refuses a line break in a name or value,
which would let a peer write headers of its own into our messages.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from switch.sip.headers import SCHEME, TOKEN, parse_cseq, parse_name_addr, parse_uint, parse_via


class Headers:
    """Header fields in order: (canonical name, value) pairs, one value a pair (comma lists are split by the parser where RFC 3261 allows).

    Names are canonical long forms as the RFC writes them (`Call-ID`, `CSeq`, `Via`); look-ups use exactly that form. Immutable.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = tuple(fields)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(self._fields)

    def __repr__(self) -> str:
        return f"Headers({self._fields!r})"

    def get(self, name: str) -> str | None:
        """The first value of `name`, or None."""
        for key, value in self._fields:
            if key == name:
                return value
        return None

    def all(self, name: str) -> list[str]:
        """Every value of `name`, in order."""
        return [value for key, value in self._fields if key == name]

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def replaced(self, name: str, value: str) -> "Headers":
        """A copy with the first `name` set to `value`; appended where there was none."""
        fields = list(self._fields)
        for index, (key, _) in enumerate(fields):
            if key == name:
                fields[index] = (name, value)
                return Headers(fields)
        return Headers([*fields, (name, value)])


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as RFC 3261 §7.1 has it. `uri` is the Request-URI as text. `body` is raw octets."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A response as RFC 3261 §7.2 has it; `status` is 100-699."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""


Message = Request | Response


class Malformed(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that are no valid message. `request`: what could be read of a request, enough to answer 400 to, or None: drop it."""

    why: str
    request: Request | None = None


class KeepAlive(msgspec.Struct, frozen=True, kw_only=True):
    """Only CRLFs: a keep-alive (RFC 5626 §3.5.1), no message."""

    length: int = 0


MAX_DATAGRAM_BYTES = 65_535
MAX_HEADERS = 128
"""Header lines, and values after comma lists are split."""
MAX_LINE_CHARS = 8_192
"""One header line, unfolded; and the start line."""
MAX_FORWARDS = 255

UNSUPPORTED_VERSION = "unsupported SIP version"
"""`Malformed.why` of a request to be answered with 505 rather than 400."""

_REQUEST = rf"({TOKEN}) ({SCHEME}[^\x00-\x20\"<>\x7f]++) (SIP/[0-9]++\.[0-9]++)"
_RESPONSE = r"(SIP/[0-9]++\.[0-9]++) ([1-6][0-9][0-9])(?: ([^\r\n\x00]*+))?+"
_START = re.compile(rf"{_RESPONSE}|{_REQUEST}", re.IGNORECASE | re.ASCII)
_VERSION = re.compile(r"SIP/[0-9.]++", re.IGNORECASE | re.ASCII)
_FOLD = re.compile(r"\r\n[ \t]++")
_NAME = re.compile(TOKEN)
_ELEMENT = re.compile(r'(?:[^,"<]++|"(?:[^"\\]++|\\.)*+"|<[^>]*+>)*+')

_COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
_IRREGULAR = (
    "Call-ID CSeq MIME-Version Min-SE P-DCS-Trace-Party-ID RAck Remote-Party-ID RSeq SIP-ETag SIP-If-Match WWW-Authenticate"
)
"""Names that title case would get wrong."""
_USUAL = (
    "Allow Content-Disposition Content-Length Content-Type Date Expires From Max-Forwards P-Asserted-Identity Privacy Reason "
    "Record-Route Require Route Server Session-Expires Supported To User-Agent Via"
)
"""Names seen in most messages."""
_CANONICAL = {
    **_COMPACT,
    **{compact.upper(): name for compact, name in _COMPACT.items()},
    **{spelling: name for name in (*_IRREGULAR.split(), *_USUAL.split(), *_COMPACT.values()) for spelling in (name, name.lower())},
}
"""Header name as spelt -> canonical name. Other spellings are looked up in lower case, then title-cased."""

_DEFINED = """
    accept accept-contact accept-encoding accept-language accept-resource-priority additional-identity alert-info allow allow-events
    answer-mode authentication-info authorization call-id call-info cellular-network-info contact content-disposition content-encoding
    content-id content-language content-length content-type cseq date dc-info encryption error-info event expires feature-caps
    flow-timer from geolocation geolocation-error geolocation-routing hide history-info identity identity-info in-reply-to info-package
    join max-breadth max-forwards mime-version min-expires min-se organization origination-id path permission-missing policy-contact
    policy-id priority priority-share priority-verstat priv-answer-mode privacy proxy-authenticate proxy-authorization proxy-require
    rack reason reason-phrase record-route recv-info refer-events-at refer-sub refer-to referred-by reject-contact relayed-charge
    remote-party-id replaces reply-to request-disposition require resource-priority resource-share response-key response-source
    restoration-info retry-after route rseq security-client security-server security-verify server service-interact-info service-route
    session-expires session-id sip-etag sip-if-match subject subscription-state supported suppress-if-match target-dialog timestamp to
    trigger-consent unsupported user-agent user-to-user via warning www-authenticate
"""
SIP_HEADERS = frozenset(_DEFINED.split())
"""Names of header fields that RFC 3261 and its extensions define, in lower case, without those that begin with P- (RFC 5727)."""
_LIST_NAMES = (
    "Accept Accept-Contact Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Call-Info Contact Content-Encoding "
    "Content-Language Diversion Error-Info History-Info In-Reply-To P-Asserted-Identity P-Associated-Uri P-Preferred-Identity Path "
    "Proxy-Require Record-Route Reject-Contact Remote-Party-ID Require Route Service-Route Supported Unsupported Via Warning"
)
_LISTS = frozenset(_LIST_NAMES.split())
"""Headers whose grammar is a comma list (RFC 3261 §7.3.1, §25.1 and the extensions' own)."""
_ONCE = frozenset({"Call-ID", "Content-Length", "Content-Type", "CSeq", "From", "Max-Forwards", "To"})
"""Headers that a message has once at most."""

_Field = tuple[str, str]


def parse(data: bytes) -> Request | Response | Malformed | KeepAlive:
    """One datagram, one message. A message that is wrong but still answerable comes as `Malformed` with its request.

    Octets after Content-Length are cut off, missing ones are an error, and without Content-Length the body is the rest (§18.3).
    """
    if len(data) > MAX_DATAGRAM_BYTES:
        return Malformed(why="datagram too long")
    start = data.lstrip(b"\r\n")  # empty lines before the start line: §7.5
    if not start:
        return KeepAlive(length=len(data))
    head, blank, body = start.partition(b"\r\n\r\n")
    try:
        text, why = head.decode(), "" if blank else "no empty line after the headers"
    except UnicodeDecodeError:
        text, why = head.decode(errors="replace"), "not UTF-8"
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)
    first, *lines = text.split("\r\n")
    if "\0" in text or not (text.count("\r") == text.count("\n") == len(lines)):
        lines, why = [line for line in lines if _is_clean(line)], "control character in the headers"
    fields, once, bad_field = _read_fields(lines)
    return _assemble(first, fields, once, body, why=why or bad_field)


def _is_clean(line: str) -> bool:
    return not ("\r" in line or "\n" in line or "\0" in line)


def _read_fields(lines: list[str]) -> tuple[list[_Field], dict[str, str], str]:
    """All fields that can be read, those of `_ONCE` by name (the first of each), and what is wrong, "" if nothing."""
    fields: list[_Field] = []
    once: dict[str, str] = {}
    why = "" if len(lines) <= MAX_HEADERS else "too many headers"
    for line in lines[:MAX_HEADERS]:
        spelt, colon, value = line.partition(":")
        name = _CANONICAL.get(spelt) or _canonical(spelt)
        if not (name and colon) or len(line) > MAX_LINE_CHARS:
            why = "unreadable header line"
            continue
        value = value.strip(" \t")
        if ("," in value or not value) and name in _LISTS:
            parts = _split(value)
            why = why if parts is not None else f"unbalanced {name}"
            fields.extend([(name, part) for part in parts or ()])
            continue
        if name in _ONCE:
            if name in once:
                why = f"more than one {name}"
                continue
            once[name] = value
        fields.append((name, value))
    if len(fields) > MAX_HEADERS:
        fields, why = fields[:MAX_HEADERS], "too many headers"
    return fields, once, why


def _canonical(spelt: str) -> str:
    """The canonical name of a header not found as spelt; "" when it is no token."""
    name = spelt.rstrip(" \t")  # space before the colon is legal: §7.3.1
    if not _NAME.fullmatch(name):
        return ""
    known = _CANONICAL.get(name.lower())
    return known or "-".join([part.capitalize() for part in name.split("-")])


def _split(value: str) -> list[str] | None:
    """Returns the elements of a comma list; commas in quotes and <> do not count, empty elements are skipped. None: unbalanced."""
    if '"' not in value and "<" not in value:
        return [part for element in value.split(",") if (part := element.strip(" \t"))]
    parts: list[str] = []
    position = 0
    while position <= len(value):
        match = _ELEMENT.match(value, position)
        end = match.end() if match else position
        if end < len(value) and value[end] != ",":
            return None
        if part := value[position:end].strip(" \t"):
            parts.append(part)
        position = end + 1
    return parts


def _assemble(first: str, fields: list[_Field], once: dict[str, str], body: bytes, *, why: str) -> Message | Malformed:
    """The message of a start line and its fields. `why`: what is already known to be wrong with them."""
    match = _START.fullmatch(first) if len(first) <= MAX_LINE_CHARS else None
    if match is None:
        return _broken_start(first, fields)
    version, status, reason, method, uri, request_version = match.groups()
    if status and version.upper() != "SIP/2.0":
        return Malformed(why=UNSUPPORTED_VERSION)
    headers = Headers(fields)
    length = once.get("Content-Length")
    octets = len(body) if length is None else parse_uint(length, len(body))
    problem = why or _problem(headers, once, method=method) or ("" if octets is not None else "bad Content-Length")
    if status:
        if problem:
            return Malformed(why=problem)
        return Response(status=int(status), reason=reason or "", headers=headers, body=body[:octets])
    request = Request(method=method, uri=uri, headers=headers, body=body[:octets])
    if request_version.upper() != "SIP/2.0":
        return _malformed(UNSUPPORTED_VERSION, request)
    return _malformed(problem, request) if problem else request


def _problem(headers: Headers, once: dict[str, str], *, method: str | None) -> str:
    """Returns what is wrong with the headers that every message needs (RFC 3261 §8.1.1), "" if nothing. `method`: None in a response."""
    via = headers.get("Via")
    if via is None or parse_via(via) is None:
        return "no usable Via"
    if parse_name_addr(once.get("From", "")) is None:
        return "no usable From"
    if parse_name_addr(once.get("To", "")) is None:
        return "no usable To"
    if not once.get("Call-ID"):
        return "no Call-ID"
    cseq = parse_cseq(once.get("CSeq", ""))
    if cseq is None or method not in (None, cseq.method):
        return "no usable CSeq"
    hops = once.get("Max-Forwards")
    if hops is not None and parse_uint(hops, MAX_FORWARDS) is None:
        return "bad Max-Forwards"
    return ""


def _broken_start(first: str, fields: list[_Field]) -> Malformed:
    """An invalid start line; a request is still answerable when its method and version can be read."""
    why = "unreadable start line"
    method, _, rest = first.partition(" ")
    uri, _, version = rest.strip(" \t").rpartition(" ")
    if len(first) > MAX_LINE_CHARS or not (_NAME.fullmatch(method) and _VERSION.fullmatch(version)) or not _is_clean(uri):
        return Malformed(why=why)
    return _malformed(why, Request(method=method, uri=uri, headers=Headers(fields)))


def _malformed(why: str, request: Request) -> Malformed:
    """With the request when a response to it can be built and sent: Via (readable), From, To, Call-ID, CSeq (§8.2.6.2, §18.2.2)."""
    headers = request.headers
    via = headers.get("Via")
    answerable = via and parse_via(via) and all(headers.get(name) for name in ("From", "To", "Call-ID", "CSeq"))
    return Malformed(why=why, request=request if answerable else None)


class HeaderInjection(ValueError):
    """A method, URI, reason, name or value holds CR, LF or NUL. The message was not built."""


def serialize(message: Message) -> bytes:
    """The octets of `message`. Any Content-Length it carries is replaced by the length of its body. Raises `HeaderInjection`."""
    match message:
        case Request():
            lines = [f"{message.method} {message.uri} SIP/2.0"]
        case Response():
            lines = [f"SIP/2.0 {message.status} {message.reason}"]
    lines += [f"{name}: {value}" for name, value in message.headers if name != "Content-Length"]
    lines.append(f"Content-Length: {len(message.body)}")
    head = "\r\n".join(lines)
    breaks = len(lines) - 1
    # One count over the whole head: a break inside any part is one too many. Half the cost of looking at each part.
    if "\0" in head or head.count("\r") != breaks or head.count("\n") != breaks:
        raise HeaderInjection("CR, LF or NUL in a start line or header")
    return b"%b\r\n\r\n%b" % (head.encode(), message.body)
