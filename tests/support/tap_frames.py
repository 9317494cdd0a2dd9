"""Audio as a tap of a leg hands it on: frames of 20 ms."""

from collections.abc import Collection

import numpy as np

from media.dsp import g711
from media.dsp.dtmf import key_tones
from media.dsp.g711 import Samples
from media.dsp.tones import silence
from media.tap_frame import RECEIVED, Frame, pack

FRAME_NS = 20_000_000
FRAME_SAMPLES = 160


def keys(digits: str, *, on_ms: int = 100, off_ms: int = 100) -> Samples:
    """Keys as tones, one after the other, each with a pause behind it."""
    return np.concatenate([part for digit in digits for part in (key_tones(digit, on_ms), silence(off_ms))])


def framed(samples: Samples, *, tap: int = 1, start_ns: int = 0, law: int = g711.PCMU, lost: Collection[int] = ()) -> list[Frame]:
    """What a worker sends of a stream that begins at `start_ns`, but for the frames whose numbers are `lost` before it."""
    payload = g711.encode(samples, law)
    parts = [payload[at : at + FRAME_SAMPLES] for at in range(0, len(payload), FRAME_SAMPLES)]
    return [
        Frame(
            tap=tap,
            number=number,
            timestamp=number * FRAME_SAMPLES,
            ssrc=7,
            at_ns=start_ns + number * FRAME_NS,
            sequence=number,
            size=len(part),
            direction=RECEIVED,
            codec=law,
            payload=part,
        )
        for number, part in enumerate(parts)
        if number not in lost
    ]


def packed(frame: Frame) -> bytes:
    return pack(*frame[:-1]) + frame.payload
