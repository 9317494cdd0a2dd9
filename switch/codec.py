"""PURE. The codecs that legs may have: how SDP names them, and how their RTP counts. Encodes nothing."""

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import NamedTuple


class MosScale(StrEnum):
    """What a mean opinion score was given on, by the band of the audio. Scores of two scales are not to be compared."""

    NARROWBAND = "narrowband"
    WIDEBAND = "wideband"


class Codec(IntEnum):
    """Its number is its static payload type (RFC 3551 §6), which needs no rtpmap and means nothing else; of `OPUS`, which has none, the
    dynamic one that we offer it under. Media processes know it by this number, whatever payload type was agreed on."""

    PCMU = 0
    PCMA = 8
    G722 = 9
    OPUS = 107

    @property
    def clock_rate(self) -> int:
        """Of its RTP timestamps, in Hz."""
        return _TRAITS[self].clock_rate

    @property
    def sample_rate(self) -> int:
        """What it is transcoded at, in Hz."""
        return _TRAITS[self].sample_rate

    @property
    def mos_scale(self) -> MosScale | None:
        """The scale of its scores (`media.emodel`); None: what it costs is not known, so it has none."""
        return _TRAITS[self].mos_scale

    @property
    def rtpmap(self) -> str:
        """The encoding of its rtpmap, as it is written."""
        return _TRAITS[self].rtpmap

    @property
    def fmtp(self) -> str | None:
        """Returns what we say of how we take it, or None."""
        return _TRAITS[self].fmtp


class _Traits(NamedTuple):
    rtpmap: str
    clock_rate: int
    sample_rate: int
    mos_scale: MosScale | None
    fmtp: str | None = None


_TRAITS = {
    Codec.PCMU: _Traits("PCMU/8000", 8_000, 8_000, MosScale.NARROWBAND),
    Codec.PCMA: _Traits("PCMA/8000", 8_000, 8_000, MosScale.NARROWBAND),
    # Its clock is half its sample rate, by an old mistake (RFC 3551 §4.5.2).
    Codec.G722: _Traits("G722/8000", 8_000, 16_000, MosScale.WIDEBAND),
    # Always 48 kHz and two channels, whatever is in it (RFC 7587 §4.1). `useinbandfec`: what was lost is rebuilt from the next packet.
    Codec.OPUS: _Traits("opus/48000/2", 48_000, 16_000, None, "useinbandfec=1"),
}

NARROW_BAND = (Codec.PCMU, Codec.PCMA)
"""What a peer is offered and answered whose config has no list: the laws of G.711, between which nothing need be decoded."""


def fits(source: Codec, target: Codec) -> bool:
    """Returns whether payloads go from one to the other without a decoder: they are the same, or both of G.711."""
    return source == target or (source in NARROW_BAND and target in NARROW_BAND)


class OpusWishes(NamedTuple):
    """How a far end wants the Opus that it is sent (RFC 7587 §6.1). `with_fec`: each packet has the one before once more. `is_constant`: at
    a constant bit rate. `max_bitrate`: bits a second. `max_rate`: of the samples that it can play, in Hz."""

    with_fec: bool = False
    is_constant: bool = False
    max_bitrate: int = 510_000
    max_rate: int = 48_000


ANY_OPUS = OpusWishes()
_BITRATES = range(6_000, 510_001)
_RATES = range(8_000, 48_001)
"""What is beyond these is to be ignored (RFC 7587 §6.1)."""


def opus_wishes(parameters: Iterable[str]) -> OpusWishes:
    """Returns what the parameters of an fmtp line say, each as "name=value"."""
    values = {name.strip().lower(): value.strip() for name, _, value in (each.partition("=") for each in parameters)}
    wishes = OpusWishes(with_fec=values.get("useinbandfec") == "1", is_constant=values.get("cbr") == "1")
    bitrate, rate = _number(values.get("maxaveragebitrate")), _number(values.get("maxplaybackrate"))
    if bitrate in _BITRATES:
        wishes = wishes._replace(max_bitrate=bitrate)
    return wishes._replace(max_rate=rate) if rate in _RATES else wishes


def _number(text: str | None) -> int:
    return int(text) if text is not None and len(text) <= 6 and text.isascii() and text.isdigit() else -1


OPUS_MS = (10, 20, 40, 60)
"""How long one frame of Opus may be (RFC 6716 §2.1.4), of what a packet time may be."""
SHORTEST_MS, LONGEST_MS = 10, 60


def packet_ms(codec: Codec, wanted_ms: int) -> int:
    """Returns how long packets of `codec` are whose receiver wants them so long."""
    wanted_ms = min(max(wanted_ms, SHORTEST_MS), LONGEST_MS)
    if codec is Codec.OPUS:
        return max(each for each in OPUS_MS if each <= wanted_ms)
    return wanted_ms // SHORTEST_MS * SHORTEST_MS
