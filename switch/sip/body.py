"""PURE. Finds the SDP in the body of a SIP message: alone, or as a part of a multipart body (RFC 5621, RFC 2046 §5.1).

Forgives what gateways get wrong: no Content-Type, bare line feeds, a missing last boundary, part headers of any shape. What the SDP says
is for `sdp`.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from switch.sip.headers import param, parse_params
from switch.sip.message import Headers, Request, Response

M = TypeVar("M", Request, Response)

SDP_TYPE = "application/sdp"
OFFERING = frozenset({"INVITE", "ACK", "PRACK", "UPDATE"})
"""The methods that carry offers and answers, in requests or their responses (RFC 6337 §1)."""
MAX_PARTS = 32
"""Of one body, those of nested ones included."""
MAX_NESTING = 4
"""Multipart bodies inside each other, the outermost included."""
MAX_BOUNDARY_CHARS = 70
"""RFC 2046 §5.1.1."""
_PLAIN_ENCODINGS = frozenset({"", "identity", "7bit", "8bit", "binary"})
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]++")
_FIELD = re.compile(rb"^([!-9;-~]++)[ \t]*+:[ \t]*+([^\r\n]*+)", re.MULTILINE)


def sdp_of(headers: Headers, body: bytes) -> bytes | None:
    """Returns the SDP of a message, b"" where it has no body, or None where its body can't be taken (415, RFC 3261 §8.2.3): it holds
    no SDP, or a part that the sender says must be understood (`handling=required`) and is not. A body that is no multipart and need not
    be understood (`handling=optional`) is none."""
    if not body:
        return b""
    content_type = headers.get("Content-Type")
    if content_type == SDP_TYPE and "Content-Encoding" not in headers and "Content-Disposition" not in headers:
        return body
    fields = {name.lower(): ",".join(headers.all(name)) for name in ("Content-Type", "Content-Disposition", "Content-Encoding")}
    search = _Search()
    found = search.in_part(_Part(fields, body), depth=1)
    if search.refused:
        return None
    return b"" if found is None and search.optional and not search.parts else found


def with_sdp_body(message: M) -> M:
    """Returns `message` with its SDP as its only body, where one is found in it; of a method that has no SDP, as it is."""
    cseq = message.headers.get("CSeq") or ""
    if cseq.rpartition(" ")[2] not in OFFERING:
        return message
    sdp = sdp_of(message.headers, message.body)
    if sdp is None or sdp is message.body:
        return message
    others: list[tuple[str, str]] = [field for field in message.headers if not field[0].startswith("Content-")]
    return replace(message, headers=Headers([*others, ("Content-Type", SDP_TYPE)]), body=sdp)


class _Part(NamedTuple):
    """A body, or a part of one. `fields`: its Content headers, names in lower case."""

    fields: dict[str, str]
    body: bytes


class _Search:
    """`parts`: how many were looked at. `refused`: one that must be understood is not. `optional`: the last need not be."""

    __slots__ = ("optional", "parts", "refused")

    def __init__(self) -> None:
        self.parts = 0
        self.refused = self.optional = False

    def in_part(self, part: _Part, *, depth: int) -> bytes | None:
        """Returns the SDP of `part`, or None."""
        media_type, parameters = _value(part.fields.get("content-type", ""))
        disposition, wishes = _value(part.fields.get("content-disposition", ""))
        if media_type.startswith("multipart/"):
            return self._in_multipart(part.body, media_type, parameters.get("boundary", ""), depth=depth)
        is_sdp = media_type == SDP_TYPE or (not media_type and part.body.lstrip().startswith(b"v=0"))
        is_session = disposition in {"", "session"}
        if is_sdp and is_session and _is_plain(part.fields):
            return part.body
        handling = wishes.get("handling", "").lower()
        self.refused |= handling == "required"
        self.optional = handling == "optional"
        return None

    def _in_multipart(self, body: bytes, media_type: str, boundary: str, *, depth: int) -> bytes | None:
        """Of alternatives the last that can be understood counts (RFC 2046 §5.1.4), and no other need be; else the first SDP is the one."""
        if depth > MAX_NESTING or not 0 < len(boundary) <= MAX_BOUNDARY_CHARS:
            return None
        found: list[bytes] = []
        required = self.refused
        for part in _parts(body, boundary):
            self.parts += 1
            if self.parts > MAX_PARTS:
                break
            sdp = self.in_part(part, depth=depth + 1)
            if sdp is not None:
                found.append(sdp)
        if media_type == "multipart/alternative" and found:
            self.refused = required
            return found[-1]
        return found[0] if found else None


def _is_plain(fields: dict[str, str]) -> bool:
    """Whether the octets are the content itself: we decompress and decode nothing."""
    return all(fields.get(name, "").lower() in _PLAIN_ENCODINGS for name in ("content-encoding", "content-transfer-encoding"))


def _parts(body: bytes, boundary: str) -> Iterator[_Part]:
    """Yields the parts between the boundary's lines; what is before the first is a preamble, what is after the last an epilogue."""
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary.encode(errors="surrogateescape")) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    start = None
    for found in line.finditer(body):
        if start is not None:
            yield _part(body[start : found.start()])
        if found[1]:
            return
        start = found.end()
    if start is not None:
        yield _part(body[start:])


def _part(text: bytes) -> _Part:
    """`text`: the part from the end of its boundary's line on."""
    blank = _BLANK_LINE.search(text)
    if blank is None:
        return _Part({}, text)
    lines = _FIELD.findall(_FOLD.sub(b" ", text[: blank.start()]))
    fields = {name.decode().lower(): value.decode(errors="replace").strip() for name, value in lines}
    return _Part(fields, text[blank.end() :])


def _value(text: str) -> tuple[str, dict[str, str]]:
    """A header's value in lower case, and its parameters; unreadable parameters are none."""
    value, semicolon, rest = text.partition(";")
    parameters = parse_params(semicolon + rest.strip()) or ()
    return "".join(value.split()).lower(), {name: _unquoted(param(parameters, name) or "") for name, _ in parameters}


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
