"""Payloads of each codec <-> samples at one rate: decoders that also conceal what was lost, and encoders. One object a stream.

G.711 is ours; G.722 is Sippy's libg722, which takes and gives 8,000 Hz as well (the upper half of its band stays empty then); Opus is
libopus.
"""

from collections.abc import Callable
from typing import Protocol, assert_never

import numpy as np
from G722 import G722

from media.dsp import g711
from media.dsp.g711 import Samples
from media.transcoder.opus import OpusDecoder, OpusEncoder
from switch.codec import ANY_OPUS, Codec, OpusWishes

G722_BITRATE = 64_000
FADE = 0.5
"""What each repetition of a lost packet's predecessor is multiplied by, so that a buzz does not last (as ITU-T G.711 Appendix I fades)."""


class Decoder(Protocol):
    def decode(self, payload: bytes) -> Samples: ...

    def conceal(self, count: int, following: bytes) -> Samples:
        """Returns `count` samples, or fewer, in place of those that were lost before the packet `following`."""


class Encoder(Protocol):
    def encode(self, samples: Samples) -> bytes: ...


class _Repeating:
    """A decoder without concealment of its own: what came before is heard again, more and more softly."""

    def __init__(self, decode: Callable[[bytes], Samples]) -> None:
        self._decode = decode
        self._last: Samples = np.zeros(0, np.int16)

    def decode(self, payload: bytes) -> Samples:
        self._last = self._decode(payload)
        return self._last

    def conceal(self, count: int, following: bytes) -> Samples:  # noqa: ARG002 what follows tells nothing of what was before
        parts: list[Samples] = []
        last, missing = self._last, count
        while missing > 0 and last.any():  # of sixteen bits nothing is left after as many times, however short it is
            last = (last * FADE).astype(np.int16)
            parts.append(last)
            missing -= len(last)
        return np.concatenate((*parts, np.zeros(max(0, missing), np.int16)))[:count]


class _G711Encoder:
    def __init__(self, law: int) -> None:
        self._law = law

    def encode(self, samples: Samples) -> bytes:
        return g711.encode(samples, self._law)


def decoder(codec: Codec, rate: int) -> Decoder:
    """`rate`: of the samples, 8,000 or the codec's own. Raises OpusError where the machine has no libopus."""
    match codec:
        case Codec.PCMU | Codec.PCMA:
            law = codec.value
            return _Repeating(lambda payload: g711.decode(payload, law))
        case Codec.G722:
            coder = G722(rate, G722_BITRATE)
            return _Repeating(lambda payload: np.frombuffer(coder.decode(payload), np.int16))
        case Codec.OPUS:
            return OpusDecoder(rate)
        case _:
            assert_never(codec)


def encoder(codec: Codec, rate: int, *, opus: OpusWishes = ANY_OPUS) -> Encoder:
    """As `decoder`. `opus`: how Opus is wanted."""
    match codec:
        case Codec.PCMU | Codec.PCMA:
            return _G711Encoder(codec.value)
        case Codec.G722:
            coder: Encoder = G722(rate, G722_BITRATE)
            return coder
        case Codec.OPUS:
            return OpusEncoder(rate, opus)
        case _:
            assert_never(codec)
