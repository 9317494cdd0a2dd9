"""PURE. Parses and writes SDP (RFC 4566) for one audio stream with telephone-events.

Reads what carriers send: bare line feeds, empty lines first, missing or misplaced lines, unknown attributes. What two descriptions agree on
is for `offer_answer`.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

import msgspec

from switch.codec import Codec
from switch.sip.headers import MAX_PORT, cached, parse_uint
from switch.sip.sdes import CRYPTO, MAX_CRYPTO_LINES, Crypto, crypto_line


class Format(NamedTuple):
    """A codec under the number that one side listed it by."""

    payload_type: int
    codec: Codec


RTP, SRTP = "RTP/AVP", "RTP/SAVP"
"""Transports of a stream (RFC 3551, RFC 3711)."""
PTIME_MS = 20
"""What we ask for, and send where nothing else is asked for."""
MAX_SDP_BYTES = 16_384
MAX_STREAMS = 128
"""An answer repeats every one of them (RFC 3264 §6). Conferences and test suites offer fifty."""
FIRST_DYNAMIC_TYPE = 96
MAX_PAYLOAD_TYPE = 127
MAX_PTIME_MS = 1_000

_TOKEN = r"[A-Za-z0-9\-.!#$%&'*+/^_`{|}~]++"  # noqa: S105 - grammar, no password
"""RFC 4566 §9 `token`, and the slash of a transport protocol."""
_MEDIA_VALUE = re.compile(rf"[ ]*+{_TOKEN}(?:[ ]++{_TOKEN}){{2,}}+")
_BROADCAST = "255.255.255.255"
_HOST_NAME = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_\-]*+)\.)*+[A-Za-z](?:[A-Za-z0-9\-]*+)\.?+")
MAX_NAME_CHARS = 253
"""Of a host name (RFC 1035 §2.3.4)."""
_TIMING = re.compile(r"[0-9]++ [0-9]++")


class Direction(StrEnum):
    """Of a stream, as the side that wrote the description sees it (RFC 3264 §5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in _SENDING

    @property
    def receives(self) -> bool:
        return self in _RECEIVING

    @property
    def reversed(self) -> "Direction":
        """The same stream as the other side sees it (RFC 3264 §6.1)."""
        return _REVERSED.get(self, self)

    def limited(self, other: "Direction") -> "Direction":
        """Returns what both directions allow."""
        return direction_of(sends=self.sends and other.sends, receives=self.receives and other.receives)


def direction_of(*, sends: bool, receives: bool) -> Direction:
    """Returns the direction of a side that does so much."""
    if sends:
        return Direction.SENDRECV if receives else Direction.SENDONLY
    return Direction.RECVONLY if receives else Direction.INACTIVE


_SENDING = (Direction.SENDRECV, Direction.SENDONLY)
_RECEIVING = (Direction.SENDRECV, Direction.RECVONLY)
_REVERSED = {Direction.SENDONLY: Direction.RECVONLY, Direction.RECVONLY: Direction.SENDONLY}
_RTPMAP = "a=rtpmap:"
_FMTP = "a=fmtp:"
_PTIME = "a=ptime:"
_RTCP = "a=rtcp:"
_RTCP_MUX = "a=rtcp-mux"
_DIRECTION = "a=direction"
_DIRECTION_LINES = {f"a={direction}": direction for direction in Direction}


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """One m= line with what applies to it. `port`: 0 rejects the stream, None is no usable port number. `host`: an IP literal, or a name,
    or "": none that is usable. `is_v6`: it is of IPv6. `formats`: as written. `codecs`: rtpmap by payload type, upper case, e.g.
    (101, "TELEPHONE-EVENT/8000"). `fmtps`: their values, as written. `rtcp_port`: where its RTCP is (RFC 3605); None: on the port behind.
    `rtcp_mux`: on the port of RTP, if the other side agrees (RFC 5761). `crypto`: the values of a=crypto, secret, the first
    `MAX_CRYPTO_LINES`."""

    kind: str
    port: int | None
    protocol: str
    formats: tuple[str, ...]
    host: str
    is_v6: bool
    codecs: tuple[tuple[int, str], ...]
    fmtps: tuple[str, ...] = ()
    ptime_ms: int | None
    direction: Direction
    rtcp_port: int | None = None
    rtcp_mux: bool = False
    crypto: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Media(kind={self.kind!r}, port={self.port}, protocol={self.protocol!r}, formats={self.formats}, host={self.host!r})"
        )


class SessionDescription(msgspec.Struct, frozen=True, kw_only=True):
    """`timing`: the t= value, which an answer repeats (RFC 3264 §6)."""

    timing: str
    media: tuple[Media, ...]


def parse_sdp(body: bytes) -> SessionDescription | None:
    """None: no SDP, beyond our limits, or an m= line that cannot be read. Lines we do not use are not read."""
    if len(body) > MAX_SDP_BYTES:
        return None
    lines = [line.rstrip("\r\t ") for line in body.lstrip(b"\r\n").decode(errors="replace").split("\n")]
    if lines[0] != "v=0":
        return None
    session, *blocks = _blocks(lines)
    streams = [_media(block, session) for block in blocks[:MAX_STREAMS]]
    media = tuple([stream for stream in streams if stream is not None])
    if len(media) < len(blocks):
        return None
    timing = session.first.get("t=", "")
    return SessionDescription(timing=timing if _TIMING.fullmatch(timing) else "0 0", media=media)


class _Block(msgspec.Struct, kw_only=True):
    """The session's lines, or one stream's from its m= line on. `first`: what follows the type of each kind of line, in the first of
    that kind; attributes by their whole name, a direction as `_DIRECTION`. `rtpmaps`, `fmtps`, `crypto`: all of them."""

    first: dict[str, str] = {}
    rtpmaps: list[str] = []
    fmtps: list[str] = []
    crypto: list[str] = []


def _blocks(lines: list[str]) -> list[_Block]:
    """The session, then each stream."""
    block = _Block()
    blocks = [block]
    for line in lines:
        kind = line[:2]
        if kind == "a=":
            if line.startswith(_RTPMAP):
                block.rtpmaps.append(line[len(_RTPMAP) :])
            elif line.startswith(_FMTP):
                block.fmtps.append(line[len(_FMTP) :])
            elif line.startswith(_PTIME):
                block.first.setdefault(_PTIME, line[len(_PTIME) :])
            elif line.startswith(CRYPTO):
                block.crypto.append(line[len(CRYPTO) :])
            elif line in _DIRECTION_LINES:
                block.first.setdefault(_DIRECTION, line)
            elif line.startswith(_RTCP):
                block.first.setdefault(_RTCP, line[len(_RTCP) :])
            elif line == _RTCP_MUX:
                block.first.setdefault(_RTCP_MUX, line)
            continue
        if kind == "m=":
            block = _Block()
            blocks.append(block)
        block.first.setdefault(kind, line[2:])
    return blocks


def _media(block: _Block, session: _Block) -> Media | None:
    first = block.first
    if not _MEDIA_VALUE.fullmatch(first["m="]):
        return None
    kind, port, protocol, *formats = first["m="].split()
    host, is_v6 = _host(first.get("c=") or session.first.get("c=", ""))
    direction = first.get(_DIRECTION) or session.first.get(_DIRECTION)
    return Media(
        kind=kind,
        port=parse_uint(port.removesuffix("/1"), MAX_PORT),  # more than one port pair is no stream of ours
        protocol=protocol,
        formats=tuple(formats),
        host=host,
        is_v6=is_v6,
        codecs=tuple([codec for rtpmap in block.rtpmaps if (codec := _codec(rtpmap)) is not None]),
        fmtps=tuple(block.fmtps),
        ptime_ms=parse_uint(first.get(_PTIME, ""), MAX_PTIME_MS),
        direction=Direction.SENDRECV if direction is None else _DIRECTION_LINES[direction],
        rtcp_port=parse_uint(first.get(_RTCP, "").partition(" ")[0], MAX_PORT) or None,
        rtcp_mux=_RTCP_MUX in first,
        crypto=tuple(block.crypto[:MAX_CRYPTO_LINES]),
    )


@cached
def _host(connection: str) -> tuple[str, bool]:
    """The IP literal or name of a c= value, and whether it is of IPv6; "" when it is multicast, broadcast, scoped, an IPv4 address written
    as one of IPv6, or of another family than it says."""
    network, family, text = (*connection.split(), "", "", "")[:3]
    is_v6 = family.upper() == "IP6"
    if network.upper() != "IN" or not (is_v6 or family.upper() == "IP4") or len(connection.split()) > 3:
        return "", is_v6
    try:
        address = ip_address(text)
    except ValueError:
        return text if len(text) <= MAX_NAME_CHARS and _HOST_NAME.fullmatch(text) else "", is_v6
    is_usable = (address.version == 6) is is_v6 and not address.is_multicast and str(address) != _BROADCAST
    is_usable = is_usable and not (isinstance(address, IPv6Address) and (address.scope_id or _is_of_ipv4(address)))
    return str(address) if is_usable else "", is_v6


def _is_of_ipv4(address: IPv6Address) -> bool:
    """IPv4-mapped, or IPv4-compatible (RFC 4291 §2.5.5): no packet has it for its destination. `::` and `::1` are neither."""
    return address.ipv4_mapped is not None or 1 < int(address) < 2**32


@cached
def _codec(rtpmap: str) -> tuple[int, str] | None:
    number, _, name = rtpmap.strip().partition(" ")
    payload_type = parse_uint(number, MAX_PAYLOAD_TYPE)
    return None if payload_type is None else (payload_type, name.strip().upper().removesuffix("/1"))  # one channel is the default


def session_lines(host: str, *, session_id: int, version: int, timing: str) -> list[str]:
    """Returns the lines of a description up to its first stream."""
    family = "IP6" if ":" in host else "IP4"
    origin = f"o=payphone {session_id} {version} IN {family} {host}"
    return ["v=0", origin, "s=-", f"c=IN {family} {host}", f"t={timing}"]


def audio_lines(
    port: int,
    *,
    formats: Sequence[Format],
    cn_type: int | None,
    dtmf_type: int | None,
    direction: Direction,
    crypto: Sequence[Crypto] = (),
    rtcp_mux: bool = False,
) -> list[str]:
    """Returns the lines of our audio stream. `cn_type`, `dtmf_type`: of comfort noise (RFC 3389) and telephone-event, where it has them.
    `crypto`: its keys; (): it is plain RTP. `rtcp_mux`: RTCP comes to the same port."""
    numbers = [*(each.payload_type for each in formats), *(each for each in (cn_type, dtmf_type) if each is not None)]
    lines = [f"m=audio {port} {SRTP if crypto else RTP} {' '.join(map(str, numbers))}", *map(crypto_line, crypto)]
    for each in formats:
        lines.append(f"a=rtpmap:{each.payload_type} {each.codec.rtpmap}")
        if each.codec.fmtp is not None:
            lines.append(f"a=fmtp:{each.payload_type} {each.codec.fmtp}")
    if cn_type is not None:
        lines.append(f"a=rtpmap:{cn_type} CN/8000")
    if dtmf_type is not None:
        lines += [f"a=rtpmap:{dtmf_type} telephone-event/8000", f"a=fmtp:{dtmf_type} 0-15"]
    lines += [f"a=ptime:{PTIME_MS}", f"a={direction}"]
    return [*lines, _RTCP_MUX] if rtcp_mux else lines


def rejection_line(media: Media) -> str:
    """Returns the line that rejects a stream (RFC 3264 §6). It needs a format; some devices leave that out of a stream with port 0."""
    return f"m={media.kind} 0 {media.protocol} {' '.join(media.formats or ('0',))}"


def written(lines: Sequence[str]) -> bytes:
    """Returns the body made of these lines."""
    return "".join([f"{line}\r\n" for line in lines]).encode()
