#!/usr/bin/env bash
# Guessed: librem's resampler, which baresip uses between a sound file or device of 8,000 Hz and G.722, passes the telephone band (300 to 3,400 Hz) within 3 dB.
# Seen:    from 8,000 to 16,000 Hz 1,300 Hz come out 10 dB down, 1,500 Hz 21 dB, and from 2,000 Hz on 45 dB and more. From 8,000 to 48,000 Hz 2,500 Hz are there.
# Why it matters: a test phone that plays an 8 kHz file over G.722 sounds muffled, and three of the four high tones of keys (1,336, 1,477, 1,633 Hz) are gone; the switch gets the blame.
# Package: librem0 0.6.0-4 (Debian 12)
set -euo pipefail
version=$(dpkg-query -W -f '${Version}' librem0)
echo "librem0 $version"
[ "$version" = "0.6.0-4" ] || { echo "another version than the one that was looked at"; exit 1; }
python3 - <<'PY'
"""Resamples a second of a sine, 20 ms at a time as baresip does, and measures how loud it comes out, in dB beside what went in."""
import ctypes
import math

librem = ctypes.CDLL("librem.so.0")
STRUCT_AURESAMP = 4096  # octets; more than it has


def level(rate_in, rate_out, hz):
    state = ctypes.create_string_buffer(STRUCT_AURESAMP)
    librem.auresamp_init(state)
    assert librem.auresamp_setup(state, ctypes.c_uint32(rate_in), 1, ctypes.c_uint32(rate_out), 1) == 0
    sine = [round(10_000 * math.sin(2 * math.pi * hz * n / rate_in)) for n in range(rate_in)]
    heard = []
    frame, most = rate_in // 50, rate_out // 50
    for at in range(0, rate_in, frame):
        into = (ctypes.c_int16 * frame)(*sine[at : at + frame])
        out, count = (ctypes.c_int16 * most)(), ctypes.c_size_t(most)
        assert librem.auresamp(state, out, ctypes.byref(count), into, ctypes.c_size_t(frame)) == 0
        heard += out[: count.value]
    heard = heard[len(heard) // 2 :]  # half a second: whole periods
    turns = [2 * math.pi * hz * n / rate_out for n in range(len(heard))]
    real = sum(value * math.cos(turn) for value, turn in zip(heard, turns))
    imaginary = sum(value * math.sin(turn) for value, turn in zip(heard, turns))
    return 20 * math.log10(max(2 * math.hypot(real, imaginary) / len(heard) / 10_000, 1e-6))


found = {}
for rate_out in (16_000, 48_000):
    for hz in (500, 1_000, 1_300, 1_500, 2_000, 2_500):
        found[rate_out, hz] = level(8_000, rate_out, hz)
    print(f"8000 to {rate_out}: " + ", ".join(f"{hz} Hz {db:+.1f} dB" for (rate, hz), db in found.items() if rate == rate_out))
same = found[16_000, 500] > -2 and found[16_000, 1_300] < -8 and found[16_000, 1_500] < -18 and found[16_000, 2_500] < -40
if not (same and found[48_000, 2_500] > -2):
    raise SystemExit("it has changed")
PY
