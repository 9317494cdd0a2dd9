"""PURE. Defines, parses and serializes SIP messages (RFC 3261 §7, §18.3, §25).

`parse` returns a value for every input and never raises. A `Request` or `Response` from it has these properties: Call-ID is there once; the
top Via, From, To and CSeq parse with `headers`, a request's other Vias too; CSeq names the request's method; Max-Forwards of a request,
where present, is 0-255; no name or value holds CR, LF or NUL (but see `_is_clean`); `body` is what Content-Length says. Only what a
transaction, a dialog or the body needs condemns a message; what else can't be read is left out, and told as `oddities` (RFC 3261 §8.2.2,
§16.3). Octets that are not UTF-8 become lone surrogates (PEP 383), which `serialize` writes as the same octets: what is echoed comes back
unchanged. `headers.readable` makes text of such a value. `serialize` computes Content-Length and refuses a line break in a name or value,
which would let a peer write headers of its own into our messages.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec

from switch.sip.header_names import CANONICAL, LISTS, canonical
from switch.sip.headers import SCHEME, TOKEN, is_escaped, parse_cseq, parse_name_addr, parse_uint, parse_via


class Headers:
    """Header fields in order: (canonical name, value) pairs, one value a pair (comma lists are split by the parser where RFC 3261 allows).

    Names are canonical long forms as the RFC writes them (`Call-ID`, `CSeq`, `Via`); look-ups use exactly that form. Immutable.
    `get(name)`: returns the first value of a name, or None.
    """

    __slots__ = ("_fields", "get")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = tuple(fields)
        self.get: Callable[[str], str | None] = dict(reversed(self._fields)).get  # a dict's own: a call costs no frame

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

    def all(self, name: str) -> list[str]:
        """Every value of `name`, in order."""
        return [] if self.get(name) is None else [value for key, value in self._fields if key == name]

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
    """A request as RFC 3261 §7.1 has it. `uri` is the Request-URI as text. `body` is raw octets. `oddities`: what was wrong with it
    and read past, in our words."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""
    oddities: tuple[str, ...] = ()


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A response as RFC 3261 §7.2 has it; `status` is 100-699. `oddities`: as in `Request`."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""
    oddities: tuple[str, ...] = ()


Message = Request | Response


class Malformed(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that are no valid message. `request`: what could be read of a request whose Via says where to answer, or None: drop it.

    `status`: the answer. `kind`: what it was meant to be, as far as its start line shows. `call_id`: "" where none could be read.
    """

    why: str
    request: Request | None = None
    status: int = 400
    kind: Literal["request", "response", "other"] = "other"
    call_id: str = ""


class KeepAlive(msgspec.Struct, frozen=True, kw_only=True):
    """Only CRLFs: a keep-alive (RFC 5626 §3.5.1), no message."""

    length: int = 0


MAX_DATAGRAM_BYTES = 65_535
MAX_HEADERS = 256
"""Header lines that are read."""
MAX_LIST_FIELDS = 512
"""A comma list that would make more fields than this is left out."""
MAX_VALUE_CHARS = 16_384
"""One header line's value, unfolded."""
MAX_START_LINE_CHARS = 8_192
"""A longer start line of a request gets 414."""
MAX_FORWARDS = 255
MAX_ODDITIES_TOLD = 5
"""Of one message."""

_UNSUPPORTED_VERSION = "unsupported SIP version"
_REQUEST = rf"({TOKEN}) ({SCHEME}[^\x00-\x20\"<>\x7f]++) (SIP/[0-9]++\.[0-9]++)"
_RESPONSE = r"(SIP/[0-9]++\.[0-9]++) ([1-6][0-9][0-9])(?: ([^\r\n\x00]*+))?+"
_START = re.compile(rf"{_RESPONSE}|{_REQUEST}", re.IGNORECASE | re.ASCII)
_VERSION = re.compile(r"SIP/[0-9.]++", re.IGNORECASE | re.ASCII)
_FOLD = re.compile(r"\r\n[ \t]++")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_CR = ord("\r")
_NAME = re.compile(TOKEN)
_ELEMENT = re.compile(r'(?:[^,"<]++|"(?:[^"\\]++|\\.)*+"|<[^>]*+>)*+')

_QUOTING = frozenset({"From", "To"})
_ONCE = frozenset({"Call-ID", "Content-Length", "Content-Type", "CSeq", "From", "Max-Forwards", "To"})
"""Headers that a message has once at most."""
_NEEDED = _ONCE | {"Via"}

_Field = tuple[str, str]


class _Fields(msgspec.Struct, gc=False):
    """The header fields of one message. `once`: those of `_ONCE` by name, the first of each. `twice`: those of them that came again with
    another value. `why`: what condemns the message, "" if nothing does. `oddities`: what was left out."""

    oddities: list[str]
    why: str = ""
    read: list[_Field] = []
    once: dict[str, str] = {}
    vias: list[str] = []
    twice: list[str] = []


def parse(data: bytes) -> Request | Response | Malformed | KeepAlive:
    """One datagram, one message. A message that is wrong but still answerable comes as `Malformed` with its request.

    Lines end as the start line does: with CRLF, or with LF, and then CRLF is one too. Octets after Content-Length are cut off, missing
    ones are an error, and without Content-Length the body is the rest (§18.3).
    """
    if len(data) > MAX_DATAGRAM_BYTES:
        return Malformed(why="datagram too long")
    start = data.lstrip(b"\r\n")  # empty lines before the start line: §7.5
    if not start:
        return KeepAlive(length=len(data))
    first_end = start.find(b"\n")
    if first_end > 0 and start[first_end - 1] != _CR:
        start = _with_crlf(start)
    head, blank, body = start.partition(b"\r\n\r\n")
    oddities: list[str] = []
    try:
        text, is_utf8 = head.decode(), True
    except UnicodeDecodeError:
        text, is_utf8 = head.decode(errors="surrogateescape"), False
    first, *lines = parts = text.split("\r\n")
    joined = "".join(parts)
    is_clean = "\r" not in joined and "\n" not in joined and "\0" not in joined
    fields = _read_fields(lines, oddities) if is_clean else None
    if fields is None:
        oddities.clear()
        first, *lines = _FOLD.sub(" ", text).split("\r\n")
        clean = lines if is_clean else [line for line in lines if _is_clean(line)]
        if len(clean) < len(lines):
            oddities.append("control character in a header line")
        fields = _read_fields(clean, oddities) or _Fields(oddities)
    if not is_utf8:
        oddities.append(
            "not UTF-8: " + ", ".join(name for name, value in [("start line", first), *fields.read] if is_escaped(value))
        )
    if not blank:
        fields.why = "no empty line after the headers"
    return _assemble(first, fields, body)


def _with_crlf(start: bytes) -> bytes:
    """A message whose lines end with LF, with CRLF down to its body."""
    blank = _BLANK_LINE.search(start)
    end = blank.end() if blank else len(start)
    return start[:end].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + start[end:]


def _is_clean(line: str) -> bool:
    """Returns whether a line holds no control character that a header must not have. NUL may stand in a quoted string, behind a backslash
    (§25.1 `quoted-pair`); it is taken only in From and To, which are echoed and never passed on."""
    if "\r" in line or "\n" in line:
        return False
    return "\0" not in line or (canonical(line.partition(":")[0]) in _QUOTING and "\0" not in line.replace("\\\0", ""))


def _read_fields(lines: list[str], oddities: list[str]) -> _Fields | None:
    """All fields that can be read. None: a line goes on in the next one (§7.3.1), which is to be looked for only then, since it is rare."""
    fields = _Fields(oddities)
    once = fields.once
    take, known = fields.read.append, CANONICAL.get
    if len(lines) > MAX_HEADERS:
        oddities.append("too many header lines")
    for line in lines if len(lines) <= MAX_HEADERS else lines[:MAX_HEADERS]:
        spelt, colon, value = line.partition(":")
        name = known(spelt) or canonical(spelt)
        if not (name and colon):
            if line.startswith((" ", "\t")):
                return None
            oddities.append("unreadable header line")
            continue
        value = value.strip(" \t")
        if len(value) > MAX_VALUE_CHARS:
            _leave_out(fields, name, f"{name} too long")
        elif ("," in value or not value) and name in LISTS:
            _read_list(fields, name, value)
        elif name not in _NEEDED:
            take((name, value))
        elif name == "Via":
            fields.vias.append(value)
            take((name, value))
        elif name not in once:
            once[name] = value
            take((name, value))
        elif value == once[name]:
            oddities.append(f"{name} twice")
        else:
            fields.twice.append(name)
    return fields


def _read_list(fields: _Fields, name: str, value: str) -> None:
    parts = _split(value)
    if parts is None:
        _leave_out(fields, name, f"unbalanced {name}")
    elif len(fields.read) + len(parts) > MAX_LIST_FIELDS:
        _leave_out(fields, name, f"too many values of {name}")
    else:
        fields.read.extend([(name, part) for part in parts])
        if name == "Via":
            fields.vias.extend(parts)


def _leave_out(fields: _Fields, name: str, what: str) -> None:
    """A field can't be read. Without a Via or one of `_ONCE` the message can't be handled; without another one it can."""
    if name in _NEEDED:
        fields.why = what
    else:
        fields.oddities.append(what)


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


def _assemble(first: str, fields: _Fields, body: bytes) -> Message | Malformed:
    """The message of a start line and its fields."""
    once = fields.once
    match = _START.fullmatch(first) if len(first) <= MAX_START_LINE_CHARS else None
    if match is None:
        return _broken_start(first, fields)
    version, status, reason, method, uri, request_version = match.groups()
    if status and version.upper() != "SIP/2.0":
        return Malformed(why=_UNSUPPORTED_VERSION, kind="response", call_id=once.get("Call-ID", ""))
    headers = Headers(fields.read)
    length = once.get("Content-Length")
    octets = len(body) if length is None else parse_uint(length, len(body))
    problem = _problem(fields, method=method, octets=octets)
    oddities = tuple(dict.fromkeys(fields.oddities))[:MAX_ODDITIES_TOLD] if fields.oddities else ()
    if status:
        if problem:
            return Malformed(why=problem, kind="response", call_id=once.get("Call-ID", ""))
        return Response(status=int(status), reason=reason or "", headers=headers, body=body[:octets], oddities=oddities)
    request = Request(method=method, uri=uri, headers=headers, body=body[:octets], oddities=oddities)
    if request_version.upper() != "SIP/2.0":
        return _malformed(_UNSUPPORTED_VERSION, request, status=505)
    return _malformed(problem, request) if problem else request


def _problem(fields: _Fields, *, method: str | None, octets: int | None) -> str:
    """Returns what is wrong with the headers that every message needs (RFC 3261 §8.1.1), "" if nothing. `method`: None in a response.
    `octets`: of the body, None: Content-Length says what can't be."""
    once = fields.once
    if fields.why:
        return fields.why
    vias = fields.vias
    if not vias or parse_via(vias[0]) is None:
        return "no usable Via"
    if method is not None and len(vias) > 1 and any(parse_via(via) is None for via in vias):
        return "unusable Via"
    if fields.twice and (octets or fields.twice != ["Content-Type"]):  # without a body its type matters to nobody
        return f"more than one {fields.twice[0]}"
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
    if method is not None and hops is not None and parse_uint(hops, MAX_FORWARDS) is None:
        return "bad Max-Forwards"
    return "bad Content-Length" if octets is None else ""


def _broken_start(first: str, fields: _Fields) -> Malformed:
    """An invalid start line; a request is still answerable when its method and version can be read."""
    why, status = "unreadable start line", 400
    if len(first) > MAX_START_LINE_CHARS:
        why, status = "start line too long", 414
    method, _, rest = first.partition(" ")
    uri, _, version = rest.strip(" \t").rpartition(" ")
    if not (_NAME.fullmatch(method) and _VERSION.fullmatch(version)) or "\0" in uri or not _is_clean(uri):
        return Malformed(why=why, call_id=fields.once.get("Call-ID", ""))
    return _malformed(why, Request(method=method, uri=uri, headers=Headers(fields.read)), status=status)


def _malformed(why: str, request: Request, *, status: int = 400) -> Malformed:
    """With the request when its Via says where to answer (§18.2.2)."""
    via = request.headers.get("Via")
    answerable = via is not None and parse_via(via) is not None
    return Malformed(
        why=why,
        request=request if answerable else None,
        status=status,
        kind="request",
        call_id=request.headers.get("Call-ID") or "",
    )


class HeaderInjection(ValueError):
    """A method, URI, reason, name or value holds CR or LF, or NUL without a backslash. The message was not built."""


def serialize(message: Message) -> bytes:
    """The octets of `message`. Any Content-Length it carries is replaced by the length of its body. Raises `HeaderInjection`."""
    match message:
        case Request():
            lines = [f"{message.method} {message.uri} SIP/2.0"]
        case Response():
            lines = [f"SIP/2.0 {message.status} {message.reason}"]
    lines += [f"{name}: {value}" for name, value in message.headers if name != "Content-Length"]
    lines.append(f"Content-Length: {len(message.body)}")
    head, parts = "\r\n".join(lines), "".join(lines)
    if "\r" in parts or "\n" in parts or ("\0" in head and "\0" in head.replace("\\\0", "")):
        raise HeaderInjection("CR, LF or NUL in a start line or header")
    return b"%b\r\n\r\n%b" % (head.encode("utf-8", "surrogateescape"), message.body)
