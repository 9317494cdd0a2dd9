"""PURE. Offer and answer (RFC 3264) about one audio stream with telephone-events, under whatever payload types a peer lists it.

A host may be a name: who resolves it, which ports are free and how RTP flows is decided elsewhere. A refusal has words for the peer.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from switch.codec import ANY_OPUS, NARROW_BAND, Codec, OpusWishes, opus_wishes
from switch.sip.headers import parse_uint
from switch.sip.sdes import Crypto, SrtpKeys, SrtpMode, Suite, first_usable
from switch.sip.sdp import (
    FIRST_DYNAMIC_TYPE,
    MAX_PAYLOAD_TYPE,
    RTP,
    SRTP,
    Direction,
    Format,
    Media,
    SessionDescription,
    audio_lines,
    rejection_line,
    session_lines,
    written,
)

OFFERED = tuple(Format(codec.value, codec) for codec in NARROW_BAND)
"""What we offer where nothing else is said, best first."""
DTMF_TYPE = 101
"""The payload type that most carriers use for telephone-event."""
_CODECS = {codec.rtpmap.upper(): codec for codec in Codec}
_STATIC = {codec.value: codec.rtpmap.upper() for codec in Codec if codec.value < FIRST_DYNAMIC_TYPE}
_TELEPHONE_EVENT = "TELEPHONE-EVENT/8000"
CN_TYPE = 13
"""The static payload type of comfort noise (RFC 3389 §4)."""
CN_CLOCK_RATE = 8_000
_COMFORT_NOISE = f"CN/{CN_CLOCK_RATE}"
UNSPECIFIED = ("0.0.0.0", "::")
"""As a connection address: the hold of RFC 2543, which RFC 3264 §8.4 still allows."""


class Incompatible(StrEnum):
    """Why nothing of an offer can be served: the value of the Warning header (RFC 3261 §20.43) of the 488, see `warning`."""

    ADDRESS = '301 payphone "Audio goes to the address of one host"'
    FAMILY = '301 payphone "Audio of this call goes over the other version of IP"'
    TRANSPORT = '302 payphone "Audio is RTP/AVP"'
    SRTP_TOO = '302 payphone "Audio is RTP/AVP or RTP/SAVP"'
    SRTP_ONLY = '302 payphone "Audio is RTP/SAVP"'
    KEYS = f'306 payphone "Keys are one a=crypto of {", ".join(Suite)}"'
    MEDIA = '304 payphone "No audio stream is offered"'
    FORMAT = '305 payphone "Audio is {codecs}"'
    UNREADABLE = '399 payphone "The SDP can not be read"'
    LOOP = '399 payphone "The SDP names an address of our own"'


_TRANSPORTS = {SrtpMode.OFF: (RTP,), SrtpMode.OPTIONAL: (RTP, SRTP), SrtpMode.REQUIRED: (SRTP,)}
_OTHER_TRANSPORT = {
    SrtpMode.OFF: Incompatible.TRANSPORT,
    SrtpMode.OPTIONAL: Incompatible.SRTP_TOO,
    SrtpMode.REQUIRED: Incompatible.SRTP_ONLY,
}


def warning(reason: Incompatible, codecs: Sequence[Codec]) -> str:
    """Returns the value of the Warning header. `codecs`: those that were taken."""
    return reason.format(codecs=" or ".join(codec.name for codec in codecs or NARROW_BAND))


def warning_text(value: str) -> str:
    """Returns the text of a Warning header of ours, without its quotes."""
    return value.partition('"')[2].rstrip('"')


class AudioStream(msgspec.Struct, frozen=True, kw_only=True):
    """The peer's audio as we can serve it. `formats`: of our codecs only, the best first. `dtmf_type`: its telephone-event/8000.
    `cn_type`: its comfort noise. `direction`: as the peer sees it, with the RFC 2543 hold (c=0.0.0.0) applied. `ptime_ms`: the packet time
    it asks for. `opus`: how it wants Opus. `is_v6`: the host, which may be a name, is of IPv6.
    `rtcp_port`, `rtcp_mux`: where its RTCP is, see `Media`. `crypto`: its key; None: it is plain RTP."""

    host: str
    port: int
    formats: tuple[Format, ...]
    dtmf_type: int | None
    direction: Direction
    cn_type: int | None = None
    ptime_ms: int | None = None
    opus: OpusWishes = ANY_OPUS
    is_v6: bool = False
    rtcp_port: int | None = None
    rtcp_mux: bool = False
    crypto: Crypto | None = None


class NegotiatedMedia(msgspec.Struct, frozen=True, kw_only=True):
    """The result of offer/answer. `body`: our answer, b"" when the answer was the peer's. `host`: our address in it, of the peer's family.
    `stream`: the peer's side. `format`: what we send, by the peer's number. `dtmf_type`: the peer's, None when it has none (or we
    offered none). `cn_type`: likewise, and None beside a codec of another clock (RFC 3389 §4). `srtp`: the keys of both sides, None: plain
    RTP."""

    body: bytes
    host: str
    stream: AudioStream
    format: Format
    dtmf_type: int | None
    cn_type: int | None = None
    srtp: SrtpKeys | None = None

    def __repr__(self) -> str:
        return f"NegotiatedMedia(host={self.host!r}, format={self.format}, srtp={self.srtp}, ...)"


def answer(
    offer: SessionDescription,
    *,
    hosts: Sequence[str],
    port: int,
    session_id: int,
    version: int,
    codecs: Sequence[Codec] = (),
    with_dtmf: bool = True,
    direction: Direction = Direction.SENDRECV,
    srtp: SrtpMode = SrtpMode.OFF,
    key_of: Callable[[Suite], bytes] | None = None,
) -> NegotiatedMedia | Incompatible:
    """Our answer: the first audio stream we can serve, an encrypted one before others, with one codec (the first of `codecs` that the peer
    has; where none are given, the peer's first of G.711), every other stream rejected in its place (RFC 3264 §6). `hosts`, `port`: where we
    receive RTP, one address for each family that we have. `with_dtmf`: with the peer's telephone-event. `direction`: what we would do; the
    answer does as much of it as the offer allows (§6.1). `srtp`: whether it may or must be encrypted; then with our key for the suite, of
    `key_of`. Incompatible: nothing we can serve (488)."""
    mode = SrtpMode.OFF if key_of is None else srtp
    views = [_audio(media, hosts, codecs or NARROW_BAND, mode) for media in offer.media]
    served = [(index, view) for index, view in enumerate(views) if isinstance(view, AudioStream)]
    chosen, stream = min(served, key=lambda each: each[1].crypto is None, default=(-1, None))
    if stream is None:
        return next(
            (view for view in views if isinstance(view, Incompatible) and view is not Incompatible.MEDIA), Incompatible.MEDIA
        )
    if codecs:
        stream = replace(stream, formats=tuple(sorted(stream.formats, key=lambda each: codecs.index(each.codec))))
    picked, dtmf_type = stream.formats[0], stream.dtmf_type if with_dtmf else None
    cn_type = _cn_type(stream, picked)
    host = _of_family(hosts, is_v6=stream.is_v6) or hosts[0]  # on hold either will do
    theirs = stream.crypto
    ours = () if theirs is None or key_of is None else (Crypto(tag=theirs.tag, suite=theirs.suite, key=key_of(theirs.suite)),)
    lines = session_lines(host, session_id=session_id, version=version, timing=offer.timing)
    for index, media in enumerate(offer.media):
        if index == chosen:
            lines += audio_lines(
                port,
                formats=(picked,),
                cn_type=cn_type,
                dtmf_type=dtmf_type,
                direction=stream.direction.reversed.limited(direction),
                crypto=ours,
                rtcp_mux=stream.rtcp_mux,
            )
        else:
            lines.append(rejection_line(media))
    return NegotiatedMedia(
        body=written(lines),
        host=host,
        stream=stream,
        format=picked,
        dtmf_type=dtmf_type,
        cn_type=cn_type,
        srtp=_keys(ours, theirs),
    )


def offer(
    *,
    host: str,
    port: int,
    session_id: int,
    version: int,
    formats: Sequence[Format] = OFFERED,
    dtmf_type: int | None = DTMF_TYPE,
    with_cn: bool = False,
    direction: Direction = Direction.SENDRECV,
    crypto: Sequence[Crypto] = (),
    rtcp_mux: bool = False,
) -> bytes:
    """An offer of one audio stream, `with_cn`: with comfort noise. `crypto`: our keys, one for each suite; (): it is plain RTP. A later
    offer of the same session has the same `session_id` and a `version` one higher (§8). `rtcp_mux`: as an earlier offer of the peer's had
    it, and only then."""
    lines = session_lines(host, session_id=session_id, version=version, timing="0 0")
    audio = audio_lines(
        port,
        formats=formats,
        cn_type=CN_TYPE if with_cn else None,
        dtmf_type=dtmf_type,
        direction=direction,
        crypto=crypto,
        rtcp_mux=rtcp_mux,
    )
    return written([*lines, *audio])


def accept_answer(
    answer: SessionDescription,
    *,
    host: str,
    formats: Sequence[Format] = OFFERED,
    dtmf_type: int | None = DTMF_TYPE,
    crypto: Sequence[Crypto] = (),
    rtcp_mux: bool = False,
) -> NegotiatedMedia | None:
    """Returns what the peer's `answer` to our `offer` of this host, these formats and keys agrees on, or None: it rejected the audio, gave
    an address we cannot send to, or chose what we did not offer. Its first stream answers our only one (§6); its order of codecs counts.
    Our key is told by its suite, whatever the tag: each is offered once."""
    codecs = {each.codec for each in formats}
    mode, suites = SrtpMode.REQUIRED if crypto else SrtpMode.OFF, [each.suite for each in crypto]
    stream = _audio(answer.media[0], (host,), codecs.union(NARROW_BAND), mode, suites) if answer.media else None
    if not isinstance(stream, AudioStream):
        return None
    picked = next((each for each in stream.formats if each.codec in codecs), None)
    if picked is None:
        return None
    dtmf_type = None if dtmf_type is None else stream.dtmf_type
    if stream.rtcp_mux and not rtcp_mux:  # what was not offered can't be agreed on (RFC 5761 §5.1.1)
        stream = replace(stream, rtcp_mux=False)
    return NegotiatedMedia(
        body=b"",
        host=host,
        stream=stream,
        format=picked,
        dtmf_type=dtmf_type,
        cn_type=_cn_type(stream, picked),
        srtp=_keys(crypto, stream.crypto),
    )


def _keys(ours: Sequence[Crypto], theirs: Crypto | None) -> SrtpKeys | None:
    if theirs is None:
        return None
    send = next(each.key for each in ours if each.suite is theirs.suite)
    return SrtpKeys(suite=theirs.suite, send=send, receive=theirs.key)


def _cn_type(stream: AudioStream, picked: Format) -> int | None:
    return stream.cn_type if picked.codec.clock_rate == CN_CLOCK_RATE else None


def _of_family(hosts: Sequence[str], *, is_v6: bool) -> str | None:
    return next((host for host in hosts if (":" in host) is is_v6), None)


def _audio(
    media: Media, hosts: Sequence[str], taken: Collection[Codec], srtp: SrtpMode, suites: Sequence[Suite] = tuple(Suite)
) -> AudioStream | Incompatible:
    """Returns the stream as we would serve it at one of `hosts`, or why we cannot; one that is rejected is no stream. `taken`: the codecs
    that count. `suites`: those of its keys that do."""
    if media.kind.lower() != "audio" or not media.port:
        return Incompatible.MEDIA
    protocol = media.protocol.upper()
    if protocol not in _TRANSPORTS[srtp]:
        return _OTHER_TRANSPORT[srtp]
    crypto = first_usable(media.crypto, suites) if protocol == SRTP else None
    if protocol == SRTP and crypto is None:
        return Incompatible.KEYS
    if not media.host:
        return Incompatible.ADDRESS
    if media.host not in UNSPECIFIED and _of_family(hosts, is_v6=media.is_v6) is None:
        return Incompatible.FAMILY
    encodings = {**_STATIC, CN_TYPE: _COMFORT_NOISE, **dict(media.codecs)}
    numbers = [parse_uint(text, MAX_PAYLOAD_TYPE) for text in media.formats]
    listed = {number: encodings.get(number, "") for number in numbers if number is not None}
    known = [Format(number, _CODECS[codec]) for number, codec in listed.items() if _is_known(number, codec)]
    formats = tuple([each for each in known if each.codec in taken])
    if not formats:
        return Incompatible.FORMAT
    return AudioStream(
        host=media.host,
        port=media.port,
        formats=formats,
        dtmf_type=_number_of(_TELEPHONE_EVENT, listed),
        cn_type=_number_of(_COMFORT_NOISE, listed),
        direction=_held(media.direction) if media.host in UNSPECIFIED else media.direction,
        ptime_ms=media.ptime_ms,
        opus=_opus_wishes(media, formats),
        is_v6=media.is_v6,
        rtcp_port=media.rtcp_port,
        rtcp_mux=media.rtcp_mux,
        crypto=crypto,
    )


def _number_of(encoding: str, listed: Mapping[int, str]) -> int | None:
    return next((number for number, each in listed.items() if each == encoding), None)


def _opus_wishes(media: Media, formats: Sequence[Format]) -> OpusWishes:
    numbers = [each.payload_type for each in formats if each.codec is Codec.OPUS]
    return opus_wishes(part for number in numbers[:1] for value in _values(media, number) for part in value.split(";"))


def _values(media: Media, payload_type: int) -> list[str]:
    """Returns what the fmtp lines say of a payload type."""
    return [rest for number, _, rest in (fmtp.partition(" ") for fmtp in media.fmtps) if number == str(payload_type)]


def _is_known(payload_type: int, codec: str) -> bool:
    """The static payload types mean nothing else, whatever an rtpmap says; other numbers mean what theirs says (RFC 3551 §3)."""
    return codec in _CODECS and _STATIC.get(payload_type, codec) == codec


def _held(direction: Direction) -> Direction:
    """The direction of a side that has no address to receive at (hold)."""
    return Direction.SENDONLY if direction.sends else Direction.INACTIVE
