"""Opus by the machine's own libopus (Debian: `libopus0`; BSD), called with ctypes. One channel, at 8,000 or 16,000 Hz: libopus takes and
gives any of its rates whatever the other side uses (RFC 7587 §3.1)."""

import ctypes
from functools import cache

import numpy as np

from media.dsp.g711 import Samples
from media.transcoder.libopus import LIBRARY, PACKAGE, load
from switch.codec import OpusWishes

MAX_PACKET_BYTES = 1_275
"""Of one frame (RFC 6716 §3.4): 20 ms take a tenth of it."""
MAX_PACKET_MS = 120
BITRATES = {8_000: 16_000, 16_000: 28_000}
"""Bits a second by sample rate: where speech is as good as it gets in that band (RFC 7587 §3.1.1)."""
EXPECTED_LOSS = 10
"""Percent: what makes the encoder put the frame before into a packet once more."""
COMPLEXITY = 5
"""Of 10: half the CPU, and no difference that one hears at these bitrates."""

_VOIP = 2_048
_SET_BITRATE, _SET_VBR, _SET_COMPLEXITY, _SET_INBAND_FEC, _SET_PACKET_LOSS = 4_002, 4_006, 4_010, 4_012, 4_014


class OpusError(Exception):
    """libopus is not there, or refuses something."""


@cache
def library() -> ctypes.CDLL:
    """Raises OpusError where the machine has no libopus."""
    found = load()
    if found is None:
        raise OpusError(f"this machine has no {LIBRARY}; Debian's package is {PACKAGE}")
    pointer, number = ctypes.c_void_p, ctypes.c_int
    found.opus_strerror.restype = ctypes.c_char_p
    found.opus_encoder_create.restype = found.opus_decoder_create.restype = pointer
    found.opus_encoder_create.argtypes = [ctypes.c_int32, number, number, ctypes.POINTER(number)]
    found.opus_decoder_create.argtypes = [ctypes.c_int32, number, ctypes.POINTER(number)]
    found.opus_encode.argtypes = [pointer, pointer, number, pointer, ctypes.c_int32]
    found.opus_decode.argtypes = [pointer, ctypes.c_char_p, ctypes.c_int32, pointer, number, number]
    found.opus_encoder_destroy.argtypes = found.opus_decoder_destroy.argtypes = [pointer]
    found.opus_encoder_destroy.restype = found.opus_decoder_destroy.restype = None
    return found


class OpusEncoder:
    """One outgoing stream. `wishes`: of who gets it; with redundancy each packet has the one before once more, in less quality."""

    def __init__(self, rate: int, wishes: OpusWishes) -> None:
        self._lib = library()
        error = ctypes.c_int()
        self._state = ctypes.c_void_p(self._lib.opus_encoder_create(rate, 1, _VOIP, ctypes.byref(error)))
        _checked(error.value)
        self._out = ctypes.create_string_buffer(MAX_PACKET_BYTES)
        self._set(_SET_BITRATE, min(BITRATES[rate], wishes.max_bitrate))
        self._set(_SET_COMPLEXITY, COMPLEXITY)
        if wishes.is_constant:
            self._set(_SET_VBR, 0)
        if wishes.with_fec:
            self._set(_SET_INBAND_FEC, 1)
            self._set(_SET_PACKET_LOSS, EXPECTED_LOSS)

    def __del__(self) -> None:
        if hasattr(self, "_state"):
            self._lib.opus_encoder_destroy(self._state)

    def encode(self, samples: Samples) -> bytes:
        """One frame of 10, 20, 40 or 60 ms."""
        frame = np.ascontiguousarray(samples, np.int16)
        size = _checked(self._lib.opus_encode(self._state, frame.ctypes.data, len(frame), self._out, MAX_PACKET_BYTES))
        return self._out.raw[:size]

    def _set(self, what: int, value: int) -> None:
        # The first argument after the fixed two of a C function with more: declared as what it is, since ctypes can't know.
        _checked(self._lib.opus_encoder_ctl(self._state, ctypes.c_int(what), ctypes.c_int32(value)))


class OpusDecoder:
    """One incoming stream."""

    def __init__(self, rate: int) -> None:
        self._lib = library()
        error = ctypes.c_int()
        self._state = ctypes.c_void_p(self._lib.opus_decoder_create(rate, 1, ctypes.byref(error)))
        _checked(error.value)
        self._most = rate * MAX_PACKET_MS // 1_000
        self._step = rate // 400
        self._out = np.zeros(self._most, np.int16)

    def __del__(self) -> None:
        if hasattr(self, "_state"):
            self._lib.opus_decoder_destroy(self._state)

    def decode(self, payload: bytes) -> Samples:
        """Raises OpusError for what is no Opus packet."""
        return self._decoded(payload, self._most, fec=0)

    def conceal(self, count: int, following: bytes) -> Samples:
        """`count` samples, down to whole 2.5 ms, in place of those that were lost before the packet `following`: what that has of them,
        else what went before goes on."""
        whole = count // self._step * self._step
        return self._decoded(following, whole, fec=1) if whole else self._out[:0].copy()

    def _decoded(self, payload: bytes, count: int, *, fec: int) -> Samples:
        got = _checked(self._lib.opus_decode(self._state, payload, len(payload), self._out.ctypes.data, count, fec))
        return self._out[:got].copy()


def _checked(result: int) -> int:
    if result < 0:
        raise OpusError(library().opus_strerror(result).decode())
    return result
