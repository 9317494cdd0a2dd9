"""Frames of G.722 and Opus as frames of PCMU, of which a recording at 8 kHz is made."""

from media.dsp.g711 import PCMU, SAMPLE_RATE, encode
from media.tap_frame import Frame
from media.transcoder.codecs import Decoder, decoder
from media.transcoder.opus import OpusError
from switch.codec import Codec

MAX_SOURCES = 8
"""Of one recording; one that had fallen out begins anew."""


class _Source:
    """`timestamp`: of its newest frame, unbounded."""

    __slots__ = ("codec", "decoder", "timestamp")

    def __init__(self, codec: Codec, timestamp: int) -> None:
        self.codec = codec
        self.decoder: Decoder = decoder(codec, SAMPLE_RATE)
        self.timestamp = timestamp


class WideBand:
    """All sources of one recording."""

    __slots__ = ("_sources",)

    def __init__(self) -> None:
        self._sources: dict[tuple[int, int, int], _Source] = {}

    def narrow(self, frame: Frame) -> Frame | None:
        """Returns the frame in PCMU, its timestamp in samples of that, or None where it can't be decoded."""
        key = frame.direction, frame.ssrc, frame.codec
        source = self._sources.get(key)
        try:
            if source is None:
                if len(self._sources) >= MAX_SOURCES:
                    del self._sources[next(iter(self._sources))]
                source = self._sources[key] = _Source(Codec(frame.codec), frame.timestamp)
            payload = encode(source.decoder.decode(frame.payload), PCMU)
        except (OpusError, ValueError):
            return None
        source.timestamp += ((frame.timestamp - source.timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        timestamp = source.timestamp * SAMPLE_RATE // source.codec.clock_rate & 0xFFFFFFFF
        return frame._replace(codec=PCMU, payload=payload, size=len(payload), timestamp=timestamp)
