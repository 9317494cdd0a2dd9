"""PURE. Defines a call's SIP messages as they are kept, and how they are written as octets and read."""

import re
import zlib

import msgspec

CARRIER = 0
"""The number of the caller's side among the parties of a trace."""
_HEADERS = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_SHORT = {"i": "call-id", "f": "from", "t": "to", "v": "via", "c": "content-type", "l": "content-length"}
"""Compact forms of the headers that are looked at (RFC 3261 §20)."""


class Endpoint(msgspec.Struct, frozen=True, array_like=True):
    """An IP literal and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class TracedMessage(msgspec.Struct, frozen=True, array_like=True):
    """One message, its secrets masked. `at_us`: UTC. `is_sent`: by the switch. `party`: the number of who it was exchanged with.
    `transport`: as Via writes it. `ours`: our address, `theirs`: the peer's."""

    at_us: int
    is_sent: bool
    party: int
    transport: str
    ours: Endpoint
    theirs: Endpoint
    data: bytes


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """The messages of one call, in order. `call_id`: ours, "" where an INVITE never became a call. `sip_call_id`: the carrier's Call-ID.
    `parties`: names, the carrier's first, then each line's. `dropped`: messages that there was no room for."""

    call_id: str
    sip_call_id: str
    parties: tuple[str, ...]
    messages: tuple[TracedMessage, ...]
    dropped: int = 0


_DECODER = msgspec.msgpack.Decoder(Trace)


def encode(trace: Trace) -> bytes:
    """Returns MessagePack, compressed by zlib."""
    return zlib.compress(msgspec.msgpack.encode(trace))


def decode(kept: bytes) -> Trace:
    """Raises ValueError where that is no trace."""
    try:
        return _DECODER.decode(zlib.decompress(kept))
    except (zlib.error, msgspec.DecodeError) as error:
        raise ValueError(f"not a SIP trace: {error}") from error


class Head(msgspec.Struct, frozen=True):
    """What can be read of a message's head, however broken it is: `start`, its first line; `headers`: the first value of each name, in
    lower case; `has_body`."""

    start: str
    headers: dict[str, str]
    has_body: bool

    @property
    def call_id(self) -> str:
        return self.headers.get("call-id", "")


def head_of(data: bytes) -> Head:
    """Octets that are not UTF-8 become lone surrogates, as in `switch.sip.message`."""
    head, *body = _HEADERS.split(data.lstrip(b"\r\n"), maxsplit=1)
    start, *lines = _FOLD.sub(" ", head.decode("utf-8", "surrogateescape")).splitlines() or [""]
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers.setdefault(_SHORT.get(name, name), value.strip())
    return Head(start, headers, bool(body and body[0]))
