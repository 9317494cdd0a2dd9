"""PURE. Parses and writes SDP (RFC 4566) for one G.711 audio stream with telephone-events, and does offer/answer (RFC 3264) over it.

Reads what carriers send (bare line feeds, missing or misplaced lines, unknown attributes), refuses what would send RTP to the wrong
place. Every host is an IP literal, every port a UDP port. Which ports are free and how RTP flows is decided elsewhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

from switch.sip.headers import MAX_PORT, cached, parse_uint

PCMU = 0
PCMA = 8
G711_NAMES = {PCMU: "PCMU", PCMA: "PCMA"}
"""Static payload types (RFC 3551 §6): they need no rtpmap, and mean nothing else unless one says so."""
_G711_CODECS = {number: f"{name}/8000" for number, name in G711_NAMES.items()}
DTMF_TYPE = 101
"""The payload type that most carriers use for telephone-event."""
PTIME_MS = 20
MAX_SDP_BYTES = 16_384
MAX_STREAMS = 32
MAX_PAYLOAD_TYPE = 127
MAX_PTIME_MS = 1_000

_TOKEN = r"[A-Za-z0-9\-.!#$%&'*+/^_`{|}~]++"  # noqa: S105 - grammar, no password
"""RFC 4566 §9 `token`, and the slash of a transport protocol."""
_MEDIA_VALUE = re.compile(rf"[ ]*+{_TOKEN}(?:[ ]++{_TOKEN}){{2,}}+")
_UNSPECIFIED = ("0.0.0.0", "::")
"""As a connection address: the hold of RFC 2543, which RFC 3264 §8.4 still allows."""
_BROADCAST = "255.255.255.255"
_TIMING = re.compile(r"[0-9]++ [0-9]++")


class Direction(StrEnum):
    """Of a stream, as the side that wrote the description sees it (RFC 3264 §5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @property
    def reversed(self) -> "Direction":
        """The same stream as the other side sees it (RFC 3264 §6.1)."""
        return {Direction.SENDONLY: Direction.RECVONLY, Direction.RECVONLY: Direction.SENDONLY}.get(self, self)


_RTPMAP = "a=rtpmap:"
_PTIME = "a=ptime:"
_DIRECTION = "a=direction"
_DIRECTION_LINES = {f"a={direction}": direction for direction in Direction}


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One m= line with what applies to it. `port`: 0 rejects the stream, None is no usable port number. `host`: "" when none is
    usable. `formats`: as written. `codecs`: rtpmap by payload type, upper case, e.g. (101, "TELEPHONE-EVENT/8000")."""

    kind: str
    port: int | None
    protocol: str
    formats: tuple[str, ...]
    host: str
    codecs: tuple[tuple[int, str], ...]
    ptime_ms: int | None
    direction: Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDescription:
    """`timing`: the t= value, which an answer repeats (RFC 3264 §6)."""

    timing: str
    media: tuple[Media, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioStream:
    """The peer's audio as we can serve it. `payload_types`: G.711 only, in the peer's order. `dtmf_type`: its telephone-event/8000.
    `direction`: as the peer sees it, with the RFC 2543 hold (c=0.0.0.0) applied. `ptime_ms`: the packet time it asks for."""

    host: str
    port: int
    payload_types: tuple[int, ...]
    dtmf_type: int | None
    direction: Direction
    ptime_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NegotiatedMedia:
    """The result of offer/answer. `body`: our answer, b"" when the answer was the peer's. `stream`: the peer's side.
    `payload_type`: used in both directions. `dtmf_type`: the peer's, None when it has none (or we offered none)."""

    body: bytes
    stream: AudioStream
    payload_type: int
    dtmf_type: int | None


def parse_sdp(body: bytes) -> SessionDescription | None:
    """None: no SDP, beyond our limits, or an m= line that cannot be read. Lines we do not use are not read."""
    if len(body) > MAX_SDP_BYTES:
        return None
    lines = [line.rstrip("\r\t ") for line in body.decode(errors="replace").split("\n")]
    if lines[0] != "v=0":
        return None
    session, *blocks = _blocks(lines)
    streams = [_media(block, session) for block in blocks[:MAX_STREAMS]]
    media = tuple([stream for stream in streams if stream is not None])
    if len(media) < len(blocks):
        return None
    timing = session.first.get("t=", "")
    return SessionDescription(timing=timing if _TIMING.fullmatch(timing) else "0 0", media=media)


def answer(
    offer: SessionDescription, *, host: str, port: int, session_id: int, version: int, prefer: int | None = None
) -> NegotiatedMedia | None:
    """Our answer: the first audio stream we can serve, with one codec (`prefer` if the peer has it, else the peer's first), every
    other stream rejected in its place (RFC 3264 §6). `host`, `port`: where we receive RTP. None: nothing we can serve (488)."""
    chosen, stream = next(((index, audio) for index, media in enumerate(offer.media) if (audio := _audio(media))), (-1, None))
    if stream is None:
        return None
    payload_type = prefer if prefer in stream.payload_types else stream.payload_types[0]
    lines = _session_lines(host, session_id=session_id, version=version, timing=offer.timing)
    for index, media in enumerate(offer.media):
        if index == chosen:
            ours = stream.direction.reversed
            lines += _audio_lines(port, payload_types=(payload_type,), dtmf_type=stream.dtmf_type, direction=ours)
        else:
            lines.append(_rejection(media))
    return NegotiatedMedia(body=_written(lines), stream=stream, payload_type=payload_type, dtmf_type=stream.dtmf_type)


def offer(
    *,
    host: str,
    port: int,
    session_id: int,
    version: int,
    payload_types: Sequence[int] = (PCMU, PCMA),
    dtmf_type: int | None = DTMF_TYPE,
    direction: Direction = Direction.SENDRECV,
) -> bytes:
    """An offer of one audio stream. A later offer of the same session has the same `session_id` and a `version` one higher (§8)."""
    lines = _session_lines(host, session_id=session_id, version=version, timing="0 0")
    return _written([*lines, *_audio_lines(port, payload_types=payload_types, dtmf_type=dtmf_type, direction=direction)])


def accept_answer(answer: SessionDescription, *, payload_types: Sequence[int], dtmf_type: int | None) -> NegotiatedMedia | None:
    """Returns what the peer's `answer` to our `offer` of these payload types agrees on, or None: it rejected the audio, gave an address
    we cannot send to, or chose what we did not offer. Its first stream answers our only one (§6); its own order of codecs counts."""
    stream = _audio(answer.media[0]) if answer.media else None
    common = [payload_type for payload_type in stream.payload_types if payload_type in payload_types] if stream else []
    if stream is None or not common:
        return None
    return NegotiatedMedia(
        body=b"", stream=stream, payload_type=common[0], dtmf_type=None if dtmf_type is None else stream.dtmf_type
    )


@dataclass(slots=True, kw_only=True)
class _Block:
    """The session's lines, or one stream's from its m= line on. `first`: what follows the type of each kind of line, in the first of
    that kind; attributes by their whole name, a direction as `_DIRECTION`. `rtpmaps`: all of them."""

    first: dict[str, str] = field(default_factory=dict)
    rtpmaps: list[str] = field(default_factory=list)


def _blocks(lines: list[str]) -> list[_Block]:
    """The session, then each stream."""
    block = _Block()
    blocks = [block]
    for line in lines:
        kind = line[:2]
        if kind == "a=":
            if line.startswith(_RTPMAP):
                block.rtpmaps.append(line[len(_RTPMAP) :])
            elif line.startswith(_PTIME):
                block.first.setdefault(_PTIME, line[len(_PTIME) :])
            elif line in _DIRECTION_LINES:
                block.first.setdefault(_DIRECTION, line)
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
    direction = first.get(_DIRECTION) or session.first.get(_DIRECTION)
    return Media(
        kind=kind,
        port=parse_uint(port.removesuffix("/1"), MAX_PORT),  # more than one port pair is no stream of ours
        protocol=protocol,
        formats=tuple(formats),
        host=_host(first.get("c=") or session.first.get("c=", "")),
        codecs=tuple([codec for rtpmap in block.rtpmaps if (codec := _codec(rtpmap)) is not None]),
        ptime_ms=parse_uint(first.get(_PTIME, ""), MAX_PTIME_MS),
        direction=Direction.SENDRECV if direction is None else _DIRECTION_LINES[direction],
    )


@cached
def _host(connection: str) -> str:
    """The IP literal of a c= value; "" when it is a name, multicast, broadcast, scoped, or of another family than it says."""
    tokens = connection.split()
    try:
        address = ip_address(tokens[2])
    except (IndexError, ValueError):
        return ""
    if [token.upper() for token in tokens] != ["IN", f"IP{address.version}", tokens[2].upper()]:
        return ""
    indirect = isinstance(address, IPv6Address) and (address.scope_id or address.ipv4_mapped)
    return "" if indirect or address.is_multicast or str(address) == _BROADCAST else str(address)


@cached
def _codec(rtpmap: str) -> tuple[int, str] | None:
    number, _, name = rtpmap.strip().partition(" ")
    payload_type = parse_uint(number, MAX_PAYLOAD_TYPE)
    return None if payload_type is None else (payload_type, name.strip().upper().removesuffix("/1"))  # one channel is the default


def _audio(media: Media) -> AudioStream | None:
    """Returns the stream as we would serve it, or None when we cannot or when it is rejected."""
    if media.kind.lower() != "audio" or media.protocol.upper() != "RTP/AVP" or not media.port or not media.host:
        return None
    codecs = {**_G711_CODECS, **dict(media.codecs)}
    numbers = [parse_uint(text, MAX_PAYLOAD_TYPE) for text in media.formats]
    listed = {number: codecs.get(number) for number in numbers if number is not None}
    payload_types = tuple([number for number, codec in listed.items() if codec and codec == _G711_CODECS.get(number)])
    if not payload_types:
        return None
    return AudioStream(
        host=media.host,
        port=media.port,
        payload_types=payload_types,
        dtmf_type=next((number for number, codec in listed.items() if codec == "TELEPHONE-EVENT/8000"), None),
        direction=_held(media.direction) if media.host in _UNSPECIFIED else media.direction,
        ptime_ms=media.ptime_ms,
    )


def _held(direction: Direction) -> Direction:
    """The direction of a side that has no address to receive at (hold)."""
    return Direction.SENDONLY if direction.sends else Direction.INACTIVE


def _session_lines(host: str, *, session_id: int, version: int, timing: str) -> list[str]:
    family = "IP6" if ":" in host else "IP4"
    origin = f"o=payphone {session_id} {version} IN {family} {host}"
    return ["v=0", origin, "s=-", f"c=IN {family} {host}", f"t={timing}"]


def _audio_lines(port: int, *, payload_types: Sequence[int], dtmf_type: int | None, direction: Direction) -> list[str]:
    numbers = [*payload_types, *([] if dtmf_type is None else [dtmf_type])]
    lines = [f"m=audio {port} RTP/AVP {' '.join(map(str, numbers))}"]
    lines += [f"a=rtpmap:{number} {G711_NAMES[number]}/8000" for number in payload_types]
    if dtmf_type is not None:
        lines += [f"a=rtpmap:{dtmf_type} telephone-event/8000", f"a=fmtp:{dtmf_type} 0-15"]
    return [*lines, f"a=ptime:{PTIME_MS}", f"a={direction}"]


def _rejection(media: Media) -> str:
    """An m= line needs a format; some devices leave it out of a stream with port 0."""
    return f"m={media.kind} 0 {media.protocol} {' '.join(media.formats or ('0',))}"


def _written(lines: list[str]) -> bytes:
    return "".join([f"{line}\r\n" for line in lines]).encode()
