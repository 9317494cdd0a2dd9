"""PURE. G.711: PCMU and PCMA by table (ITU-T G.711; RFC 3551 §4.5.14). Uses no packets, rates or files.

Samples are int16 arrays at 8 kHz, payloads are bytes, one octet a sample. The static payload types of RFC 3551 §6 name the two
laws.
"""

import numpy as np
import numpy.typing as npt

PCMU = 0
PCMA = 8
SAMPLE_RATE = 8_000

Samples = npt.NDArray[np.int16]

_ULAW_BIAS = 132  # 33 in the 14-bit scale of the standard
_ULAW_CLIP = 32_635


def _ulaw_octets() -> npt.NDArray[np.uint8]:
    """The code of every 16-bit sample, indexed by the sample's bits taken as unsigned."""
    sample = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitude = np.minimum(np.abs(sample), _ULAW_CLIP) + _ULAW_BIAS
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (segment + 3)) & 0x0F
    sign = np.where(sample < 0, 0x80, 0)
    return np.asarray(~(sign | (segment << 4) | mantissa) & 0xFF, np.uint8)


def _ulaw_samples() -> Samples:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + _ULAW_BIAS) << ((code & 0x70) >> 4)) - _ULAW_BIAS
    return np.asarray(np.where(code & 0x80, -magnitude, magnitude), np.int16)


def _alaw_octets() -> npt.NDArray[np.uint8]:
    sample = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)
    # The negative half is one's complement, so that -1 and 0 are the two innermost steps of equal width.
    magnitude = np.where(sample < 0, ~sample, sample) >> 3
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    mantissa = (magnitude >> np.maximum(segment, 1)) & 0x0F
    sign = np.where(sample < 0, 0x00, 0x80)
    return np.asarray((sign | (segment << 4) | mantissa) ^ 0x55, np.uint8)


def _alaw_samples() -> Samples:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment = (code & 0x70) >> 4
    step = ((code & 0x0F) << 4) + np.where(segment > 0, 0x108, 8)
    magnitude = step << np.maximum(segment - 1, 0)
    return np.asarray(np.where(code & 0x80, magnitude, -magnitude), np.int16)


_OCTETS = {PCMU: _ulaw_octets(), PCMA: _alaw_octets()}
_SAMPLES = {PCMU: _ulaw_samples(), PCMA: _alaw_samples()}

# For `bytes.translate`: a payload of one law becomes one of the other without samples in between.
PCMU_TO_PCMA: bytes = _OCTETS[PCMA][_SAMPLES[PCMU].view(np.uint16)].tobytes()
PCMA_TO_PCMU: bytes = _OCTETS[PCMU][_SAMPLES[PCMA].view(np.uint16)].tobytes()


def encode(samples: Samples, payload_type: int) -> bytes:
    """Samples -> payload. KeyError for a payload type that is not G.711."""
    return _OCTETS[payload_type][samples.view(np.uint16)].tobytes()


def decode(payload: bytes, payload_type: int) -> Samples:
    """Payload -> samples. KeyError for a payload type that is not G.711."""
    return _SAMPLES[payload_type][np.frombuffer(payload, np.uint8)]


def recoding(source: int, target: int) -> bytes | None:
    """The translate table from one G.711 payload type to another, None where they are the same."""
    if source == target:
        return None
    return {(PCMU, PCMA): PCMU_TO_PCMA, (PCMA, PCMU): PCMA_TO_PCMU}[source, target]
