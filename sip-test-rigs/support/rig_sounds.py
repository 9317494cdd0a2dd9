"""Names the sounds of rigs, and finds in RTP payloads which of them were heard, in order. RTP itself is `rig_handset`'s.

All of them are steady tones, far enough apart that 100 ms are enough to tell one from another.
"""

import numpy as np
from numpy.typing import NDArray
from rig_audio import FRAME, RATE

# Prompts that every rig's config may name. 440 and 480 Hz are ringing tone.
DIGIT_PROMPTS = {f"digit-{digit}": 1_200 + 60 * digit for digit in range(10)}
PROMPTS = {
    "welcome": 300,
    "sorry": 350,
    "goodbye": 400,
    "all-busy": 550,
    "whisper": 610,
    "you-typed": 670,
    "is-it-right": 730,
    **DIGIT_PROMPTS,
}
PROMPT_MS = 300
RINGBACK, RINGBACK_HZ = "ringback", 440
PHONE, PHONE_HZ = "phone", 1_000
PITCHES = {**PROMPTS, RINGBACK: RINGBACK_HZ, PHONE: PHONE_HZ}

FLOOR = 10 ** (-30 / 20)  # phones have a peak of -12 dBFS, ringing tone and prompts, which are levelled, of -19


def _linear() -> NDArray[np.float64]:
    """What each octet of mu-law means (ITU-T G.711), full scale 1.0."""
    flipped = ~np.arange(256) & 0xFF
    magnitude = (((flipped & 0x0F) * 8 + 132) << (flipped >> 4 & 0x07)) - 132
    return np.where(flipped & 0x80, -magnitude, magnitude) / 32_768.0


LINEAR = _linear()
NAMES = tuple(PITCHES)
WINDOW = np.hanning(FRAME)
PROBES = np.exp(-2j * np.pi * np.outer(list(PITCHES.values()), np.arange(FRAME)) / RATE) * WINDOW * 2 / WINDOW.sum()


class Ear:
    """Hears mu-law. `heard`: the sounds so far; one that comes again with nothing but silence between is the same one still."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._octets = b""

    def hear(self, payload: bytes) -> None:
        self._octets += payload
        while len(self._octets) >= FRAME:
            frame, self._octets = self._octets[:FRAME], self._octets[FRAME:]
            sound = _name(frame)
            if sound is not None and self.heard[-1:] != [sound]:
                self.heard.append(sound)


def _name(frame: bytes) -> str | None:
    """The loudest sound in 100 ms; None when there is none."""
    peaks = np.abs(PROBES @ LINEAR[np.frombuffer(frame, dtype=np.uint8)])
    loudest = int(np.argmax(peaks))
    return NAMES[loudest] if peaks[loudest] >= FLOOR else None
