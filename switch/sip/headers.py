"""PURE. Parses and writes the values of the headers that a user agent acts on: Via, the address headers, CSeq, Reason, numbers; and the
URIs in them: sip and sips (RFC 3261 §19.1). Telephone numbers in URIs are in `telephone`.

Every `parse_x` takes one value as the parser leaves it (unfolded, comma lists split) and returns None for what is not valid: it
never raises. `str()` writes the value back. Messages, names of header fields and what a value means to a dialog are elsewhere.
URIs are passed as text, and parsed only where a part of one is needed; names in them are not resolved.
The patterns use possessive quantifiers throughout: time stays linear in the length of hostile input. The last values are
`cached`: the parser checks what the agent reads again at once, and a dialog repeats its From, To and CSeq in every message.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Literal, TypeVar
from urllib.parse import quote, unquote_to_bytes

import msgspec

Params = tuple[tuple[str, str | None], ...]
"""`;name=value` pairs in order: names in lower case, values as written (quotes kept), None where there is no `=`."""

MAX_CSEQ = 2**31 - 1
"""RFC 3261 §8.1.1.5."""
MAX_PORT = 65_535
MAX_Q850 = 127
"""ITU-T Q.850 causes are seven bits."""
MAX_DIGITS = 20
"""Longer numbers are invalid; leading zeros count."""
MAX_CACHED = 256
"""Results of one function that are kept."""
MAX_CACHED_CHARS = 256
"""Longer texts are parsed each time: the parsed value can be fifty times their size, and an unknown source could fill memory with it."""

TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]++"  # noqa: S105 - grammar, no password
"""RFC 3261 §25.1 `token`."""
SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]*+:"
HOST = r"(?:\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9._\-]++)"
"""Host name, IPv4 literal or bracketed IPv6 literal. Underscores are illegal in names but common in private DNS."""
_WS = r"[ \t]*+"
_QUOTED = r'"(?:[^"\\]++|\\.)*+"'
_VALUE = rf'(?:{_QUOTED}|[^ \t;,"]*+)'
_PARAMS = rf"((?:;{_WS}(?:{TOKEN}{_WS}(?:={_WS}{_VALUE}{_WS})?+)?+)*+)"
"""All parameters in one group; empty ones (`;;`, a trailing `;`) are seen in the wild and allowed."""
_SENT_BY = rf"({HOST})(?:{_WS}:{_WS}([0-9]++))?+{_WS}"
_BRACKETED = rf'{_WS}(?:({_QUOTED})|([^"<>;]*+))?+{_WS}<{_WS}({SCHEME}[^\x00-\x20"<>\x7f]++){_WS}>{_WS}'
_BARE = rf'{_WS}({SCHEME}[^\x00-\x20"<>;,?\x7f]++){_WS}'

_ONE_PARAM = re.compile(rf";{_WS}({TOKEN}){_WS}(?:(=){_WS}({_VALUE}))?+")
_ALL_PARAMS = re.compile(_PARAMS)
_VIA = re.compile(rf"[Ss][Ii][Pp]{_WS}/{_WS}[0-9]++\.[0-9]++{_WS}/{_WS}({TOKEN})[ \t]++{_SENT_BY}{_PARAMS}")
_NAME_ADDR = re.compile(f"(?:{_BRACKETED}|{_BARE}){_PARAMS}")
_CSEQ = re.compile(rf"([0-9]++)[ \t]++({TOKEN})")
_DELTA_SECONDS = re.compile(rf"{_WS}([0-9]++)(?=[ \t;(]|$)")
_ESCAPED = re.compile(r"\\(.)")
_Q850 = re.compile(rf'(?:^|,){_WS}[Qq]\.850{_WS}((?:[^,"]++|{_QUOTED})*+)')


T = TypeVar("T")

_ESCAPED_OCTET = re.compile("[\udc80-\udcff]")


def is_escaped(text: str) -> bool:
    """Returns whether `text` stands for octets that are not UTF-8 (PEP 383)."""
    return not text.isascii() and _ESCAPED_OCTET.search(text) is not None


def readable(text: str) -> str:
    """Returns a value of a message as text for records and tags: octets that are not UTF-8 are taken as Latin-1, which gateways write
    that do not write UTF-8, and NUL, which no database keeps, is left out."""
    if is_escaped(text):
        text = text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text.replace("\0", "")


class _Recent(dict[str, T]):
    """Results of `read` by text, emptied when there are too many. A dict finds what it has without a call of a Python function."""

    def __init__(self, read: Callable[[str], T]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> T:
        result = self._read(text)
        if len(text) <= MAX_CACHED_CHARS:
            if len(self) >= MAX_CACHED:
                self.clear()
            self[text] = result
        return result


def cached(read: Callable[[str], T]) -> Callable[[str], T]:
    """Returns `read`, a pure function, with a cache of recent results. Results must be immutable."""
    return _Recent(read).__getitem__


def parse_uint(text: str, limit: int) -> int | None:
    """A decimal number of ASCII digits from 0 to `limit`, leading zeros allowed."""
    if len(text) > MAX_DIGITS or not (text.isascii() and text.isdigit()):
        return None
    number = int(text)
    return number if number <= limit else None


def parse_params(text: str) -> Params | None:
    """`;a=b;c` from its first semicolon to the end; empty parameters are skipped."""
    return _read_params(text) if _ALL_PARAMS.fullmatch(text) else None


def _read_params(text: str) -> Params:
    """Returns the parameters of a text that a pattern has already matched as parameters."""
    if not text:
        return ()
    return tuple([(name.lower(), value if equals else None) for name, equals, value in _ONE_PARAM.findall(text)])


def param(params: Params, name: str) -> str | None:
    """Returns the first value of `name`, or None when it is absent or has no value."""
    for key, value in params:
        if key == name:
            return value
    return None


def has_param(params: Params, name: str) -> bool:
    """Returns whether `name` is present, with or without a value."""
    return name in [key for key, _ in params]  # a generator costs three times as much


def set_param(params: Params, name: str, value: str | None) -> Params:
    """A copy with `name` set in its place, or appended."""
    if has_param(params, name):
        return tuple([(key, value if key == name else old) for key, old in params])
    return (*params, (name, value))


def write_params(params: Params) -> str:
    """The text of `params`, from its first semicolon; "" for none."""
    return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in params])


def write_host(host: str) -> str:
    """A host as URIs and Via write it: an IPv6 literal gets its brackets."""
    return f"[{host}]" if ":" in host else host


class Via(msgspec.Struct, frozen=True, kw_only=True):
    """One Via value (RFC 3261 §20.42). `transport` in upper case; `host` without brackets; `port` None when not written."""

    transport: str
    host: str
    port: int | None
    params: Params = ()

    @property
    def branch(self) -> str | None:
        return param(self.params, "branch")

    @property
    def received(self) -> str | None:
        """Returns the source address that the previous server stamped, or None."""
        return param(self.params, "received")

    @property
    def rport(self) -> int | None:
        """The source port stamped by the server (RFC 3581). None too for a bare `;rport`, which only asks: see `wants_rport`."""
        return parse_uint(param(self.params, "rport") or "", MAX_PORT)

    @property
    def wants_rport(self) -> bool:
        """Whether `;rport` is there at all."""
        return has_param(self.params, "rport")

    def stamped(self, host: str, port: int) -> "Via":
        """A copy that says where it was received from: RFC 3261 §18.2.1, and RFC 3581 §4 when the client asked for `rport`."""
        if self.wants_rport:
            stamps: dict[str, str | None] = {"received": host, "rport": str(port)}
        elif self.host != host or self.received is not None:
            stamps = {"received": host}
        else:
            return self
        params = tuple([(name, stamps.get(name, value)) for name, value in self.params])
        if not has_param(params, "received"):
            params = (*params, ("received", host))
        return Via(transport=self.transport, host=self.host, port=self.port, params=params)

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/2.0/{self.transport} {write_host(self.host)}{port}{write_params(self.params)}"


@cached
def parse_via(text: str) -> Via | None:
    """Any SIP version is accepted: a request of another version must be answerable with 505."""
    match = _VIA.fullmatch(text)
    if match is None:
        return None
    transport, host, digits, params = match.groups()
    port = parse_uint(digits, MAX_PORT) if digits else None
    if digits and not port:
        return None
    return Via(transport=transport.upper(), host=host.strip("[]"), port=port, params=_read_params(params))


class NameAddr(msgspec.Struct, frozen=True, kw_only=True):
    """From, To, Contact, Route, Record-Route, P-Asserted-Identity, Remote-Party-ID: a display name, a URI, header parameters.

    `display`: unescaped, None when there is none. `uri`: text of any scheme, `parse_uri` reads it.
    Written always with angle brackets, so that URI parameters and header parameters cannot be confused (RFC 3261 §20.10).
    """

    display: str | None
    uri: str
    params: Params = ()

    @property
    def tag(self) -> str | None:
        return param(self.params, "tag")

    def with_tag(self, tag: str) -> "NameAddr":
        """A copy with its tag set."""
        return msgspec.structs.replace(self, params=set_param(self.params, "tag", tag))

    def __str__(self) -> str:
        address = f"<{self.uri}>{write_params(self.params)}"
        if self.display is None:
            return address
        escaped = self.display.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "\\\0")
        return f'"{escaped}" {address}'


@cached
def parse_name_addr(text: str) -> NameAddr | None:
    """`"Name" <uri>;params`, `Name <uri>`, `<uri>`, or a bare URI whose parameters are the header's (RFC 3261 §20).

    Unquoted display names may hold more than tokens, as carriers send them. `Contact: *` is no address: None.
    """
    match = _NAME_ADDR.fullmatch(text)
    if match is None:
        return None
    quoted, plain, bracketed, bare, params = match.groups()
    return NameAddr(display=_display(quoted, plain), uri=bracketed or bare, params=_read_params(params))


def _display(quoted: str | None, plain: str | None) -> str | None:
    if quoted is None:
        return (plain or "").strip(" \t") or None
    inner = quoted[1:-1]
    return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner


@dataclass(frozen=True, slots=True, kw_only=True)
class CSeq:
    """RFC 3261 §20.16. `number`: 0 to `MAX_CSEQ`; `method` as written (methods are case-sensitive)."""

    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@cached
def parse_cseq(text: str) -> CSeq | None:
    match = _CSEQ.fullmatch(text)
    number = parse_uint(match[1], MAX_CSEQ) if match else None
    return CSeq(number=number, method=match[2]) if match and number is not None else None


def parse_seconds(text: str, limit: int) -> int | None:
    """The delta-seconds of Retry-After, Expires or Min-Expires (RFC 3261 §20.33), at most `limit`; a comment and parameters may follow."""
    match = _DELTA_SECONDS.match(text)
    number = parse_uint(match[1], 2**63) if match else None
    return None if number is None else min(number, limit)


def parse_reason_q850(text: str) -> int | None:
    """Returns the Q.850 cause of a Reason header (RFC 3326), anywhere in the value's comma list, or None. Q.850 has no 0: it is
    what Asterisk writes where it has no cause."""
    match = _Q850.search(text)
    params = parse_params(match[1]) if match else None
    return parse_uint(param(params or (), "cause") or "", MAX_Q850) or None


UriParams = tuple[tuple[str, str | None], ...]
"""Unescaped pairs in order, names in lower case, None where there is no `=`."""

_URI = re.compile(
    r"(?P<scheme>[Ss][Ii][Pp][Ss]?):"
    r"(?:(?P<user>[^@:]*+)(?::[^@]*+)?@)?"  # a password may follow the user; it is deprecated and dropped
    rf"(?P<host>{HOST})(?::(?P<port>[0-9]++))?+"
    r"(?P<params>(?:;[^;?@]++)*+)(?:\?(?P<headers>[^@]*+))?+"
)
_BAD_CHARACTER = re.compile(r'[\x00-\x20"<>\x7f]|%(?![0-9A-Fa-f]{2})')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_MARK = "-_.!~*'()"
_USER_SAFE = _MARK + "&=+$,;?/"
_PARAM_SAFE = _MARK + "[]/:&+$"
_HEADERS_SAFE = _MARK + "[]/?:+$=&%"
"""Already escaped: kept as text, so `%` stays."""


class SipUri(msgspec.Struct, frozen=True, kw_only=True):
    """`user`: unescaped, None for none. `host`: IPv6 without brackets. `port`: None when not written. `params`: unescaped.
    `headers`: what follows the question mark, as text. `str()` escapes what its place does not allow."""

    scheme: Literal["sip", "sips"] = "sip"
    user: str | None = None
    host: str
    port: int | None = None
    params: UriParams = ()
    headers: str = ""

    def __str__(self) -> str:
        user = "" if self.user is None else _escape(self.user, _USER_SAFE) + "@"
        port = "" if self.port is None else f":{self.port}"
        params = "".join([_write_param(name, value) for name, value in self.params])
        headers = "?" + _escape(self.headers, _HEADERS_SAFE) if self.headers else ""
        return f"{self.scheme}:{user}{write_host(self.host)}{port}{params}{headers}"


def _write_param(name: str, value: str | None) -> str:
    written = ";" + _escape(name, _PARAM_SAFE)
    return written if value is None else f"{written}={_escape(value, _PARAM_SAFE)}"


def _escape(text: str, safe: str) -> str:
    return quote(text, safe, "utf-8", "surrogateescape")


def is_sips(uri: str) -> bool:
    """Returns whether a URI asks for TLS on each hop (RFC 3261 §19.1)."""
    return uri[:5].lower() == "sips:"


def is_sip_uri(text: str) -> bool:
    """Returns whether `text` has the form of a sip or sips URI (RFC 3261 §25.1), whatever its escapes stand for."""
    match = _URI.fullmatch(text)
    return (
        match is not None and not _BAD_CHARACTER.search(text) and (not match["port"] or bool(parse_uint(match["port"], MAX_PORT)))
    )


@cached
def parse_uri(text: str) -> SipUri | None:
    """Returns None for what is no sip or sips URI, or none that can be used.

    Lenient where carriers are (unescaped `#` in the user, an empty user), strict on structure. A user or parameter with control
    characters or invalid UTF-8 under its escapes is legal but rejected: None, so that none reaches logs or the ledger.
    """
    match = _URI.fullmatch(text)
    if match is None or _BAD_CHARACTER.search(text):
        return None
    port = parse_uint(match["port"], MAX_PORT) if match["port"] else None
    user = unescape(match["user"] or "")
    params = _params(match["params"])
    if (match["port"] and not port) or user is None or params is None:
        return None
    return SipUri(
        scheme="sips" if len(match["scheme"]) == len("sips") else "sip",
        user=user or None,
        host=_plain_host(match["host"]),
        port=port,
        params=params,
        headers=match["headers"] or "",
    )


def _plain_host(text: str) -> str:
    """An IPv6 literal without brackets and as sockets write it (RFC 5952), so that it is equal to where messages come from."""
    if not text.startswith("["):
        return text
    literal = text[1:-1]
    try:
        return str(IPv6Address(literal))
    except ValueError:  # nothing can be sent there
        return literal


def _params(text: str) -> UriParams | None:
    pairs: list[tuple[str, str | None]] = []
    for part in text.split(";")[1:]:
        name, equals, value = part.partition("=")
        plain_name, plain_value = unescape(name), unescape(value)
        if not plain_name or plain_value is None:
            return None
        pairs.append((plain_name.lower(), plain_value if equals else None))
    return tuple(pairs)


def unescape(text: str) -> str | None:
    """Returns `text` without its escapes, or None for control characters or invalid UTF-8 under them."""
    if "%" not in text:
        return text
    try:
        plain = unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode()
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(plain) else plain
