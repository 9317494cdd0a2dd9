"""PURE. Parses and writes sip: and sips: URIs (RFC 3261 §19.1), and reads the number in a tel: URI (RFC 3966). It does not resolve names
or compare URIs.

Request-URIs and addresses are passed as text; they are parsed only where a part of one is needed.
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote_to_bytes

from switch.sip.headers import HOST, MAX_PORT, parse_uint, remembered, write_host

UriParams = tuple[tuple[str, str | None], ...]
"""Unescaped pairs in order, names in lower case, None where there is no `=`."""

_URI = re.compile(
    r"(?P<scheme>[Ss][Ii][Pp][Ss]?):"
    r"(?:(?P<user>[^@:]*+)(?::[^@]*+)?@)?"  # a password may follow the user; it is deprecated and dropped
    rf"(?P<host>{HOST})(?::(?P<port>[0-9]++))?+"
    r"(?P<params>(?:;[^;?@]++)*+)(?:\?(?P<headers>[^@]*+))?+"
)
_TEL = re.compile(r"[Tt][Ee][Ll]:([^;?@]++)(?:;[^@]*+)?+")
_BAD_CHARACTER = re.compile(r'[\x00-\x20"<>\x7f]|%(?![0-9A-Fa-f]{2})')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TELEPHONE = re.compile(r"\+?[0-9][0-9*#.()\-]*+(?=;)")
_SEPARATORS = str.maketrans("", "", "-.()")

MAX_USER_CHARS = 64
"""Four times the longest telephone number (E.164)."""

_MARK = "-_.!~*'()"
_USER_SAFE = _MARK + "&=+$,;?/"
_PARAM_SAFE = _MARK + "[]/:&+$"
_HEADERS_SAFE = _MARK + "[]/?:+$=&%"
"""Already escaped: kept as text, so `%` stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SipUri:
    """`user`: unescaped, None for none. `host`: IPv6 without brackets. `port`: None when not written. `params`: unescaped.
    `headers`: what follows the question mark, as text. `str()` escapes what its place does not allow."""

    scheme: Literal["sip", "sips"] = "sip"
    user: str | None = None
    host: str
    port: int | None = None
    params: UriParams = ()
    headers: str = ""

    def __str__(self) -> str:
        user = "" if self.user is None else quote(self.user, _USER_SAFE) + "@"
        port = "" if self.port is None else f":{self.port}"
        params = "".join([_write_param(name, value) for name, value in self.params])
        headers = "?" + quote(self.headers, _HEADERS_SAFE) if self.headers else ""
        return f"{self.scheme}:{user}{write_host(self.host)}{port}{params}{headers}"


def _write_param(name: str, value: str | None) -> str:
    written = ";" + quote(name, _PARAM_SAFE)
    return written if value is None else f"{written}={quote(value, _PARAM_SAFE)}"


@remembered
def parse_uri(text: str) -> SipUri | None:
    """Returns None for what is no sip or sips URI, or none that can be used.

    Lenient where carriers are (unescaped `#` in the user, an empty user), strict on structure. A user or parameter with control
    characters or invalid UTF-8 under its escapes is legal but rejected: None, so that none reaches logs or the ledger.
    """
    match = _URI.fullmatch(text)
    if match is None or _BAD_CHARACTER.search(text):
        return None
    port = parse_uint(match["port"], MAX_PORT) if match["port"] else None
    user = _unescape(match["user"] or "")
    params = _params(match["params"])
    if (match["port"] and not port) or user is None or params is None:
        return None
    return SipUri(
        scheme="sips" if len(match["scheme"]) == len("sips") else "sip",
        user=user or None,
        host=match["host"].strip("[]"),
        port=port,
        params=params,
        headers=match["headers"] or "",
    )


def _params(text: str) -> UriParams | None:
    pairs: list[tuple[str, str | None]] = []
    for part in text.split(";")[1:]:
        name, equals, value = part.partition("=")
        plain_name, plain_value = _unescape(name), _unescape(value)
        if not plain_name or plain_value is None:
            return None
        pairs.append((plain_name.lower(), plain_value if equals else None))
    return tuple(pairs)


def _unescape(text: str) -> str | None:
    """Returns None for control characters or invalid UTF-8 under the escapes."""
    if "%" not in text:
        return text
    try:
        plain = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(plain) else plain


def user_of(text: str) -> str:
    """The user of a sip or sips URI, or the number of a tel URI without its visual separators; "" when there is none.

    A telephone number in a sip URI loses its own parameters (`+15551230001;rn=+15550000;npdi@host`, RFC 3261 §19.1.6): they say
    how the number was routed, not which it is. A name that is too long or not printable gives "": it would go into logs, records and
    the INVITE to a line.
    """
    if (tel := _TEL.fullmatch(text)) and not _BAD_CHARACTER.search(text):
        user = (_unescape(tel[1]) or "").translate(_SEPARATORS)
    else:
        uri = parse_uri(text)
        user = (uri.user if uri else None) or ""
        telephone = _TELEPHONE.match(user)
        user = telephone[0] if telephone else user
    return user if len(user) <= MAX_USER_CHARS and user.isprintable() else ""
