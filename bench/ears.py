"""CPU of what listens to one direction of a call, for a second of audio: `Ears` by the second, the detector of keys alone by the packet.

`python bench/ears.py [--seconds 120] [--rounds 5]`. Prints one JSON line. The audio is a vowel that comes and goes, noise, ringing and
silence in turns, so that all of it has work to do. The best round counts: what else the machine does only ever adds.
"""

import argparse
import json
from time import process_time_ns

import numpy as np

from media.dsp.dtmf import DtmfDetector, key_tones
from media.dsp.ears import Ears
from media.dsp.g711 import PCMU, SAMPLE_RATE, Samples, decode, encode
from media.dsp.ringing import ringing
from media.dsp.tones import FRAME_SAMPLES

TARGET_MS_PER_S = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    samples = _audio(options.seconds)
    ears = min(_ears_ns(samples) for _ in range(options.rounds)) / 1e6 / options.seconds
    keys = min(_keys_ns(samples) for _ in range(options.rounds)) / 1e6 / options.seconds
    figures = {"ears_ms_per_s": round(ears, 2), "keys_by_packet_ms_per_s": round(keys, 2)}
    print(json.dumps({"bench": "ears", **figures, "target_ms_per_s": TARGET_MS_PER_S, "met": ears <= TARGET_MS_PER_S}))


def _audio(seconds: int) -> Samples:
    draw = np.random.default_rng(1)
    at = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
    pitch = np.cumsum(120 + 20 * np.sin(2 * np.pi * at / 3)) / SAMPLE_RATE
    vowel = sum(np.sin(2 * np.pi * harmonic * pitch) / harmonic for harmonic in range(1, 20)) * (np.sin(2 * np.pi * 3 * at) > -0.3)
    talk = np.rint(4_000 * vowel + draw.normal(0, 60, len(at))).astype(np.int16)
    noise = np.rint(draw.normal(0, 1_000, 4 * SAMPLE_RATE)).astype(np.int16)
    turn = np.concatenate((talk, noise, ringing("us"), key_tones("5", 100)))
    samples = np.resize(turn, seconds * SAMPLE_RATE)
    return decode(encode(samples, PCMU), PCMU)


def _ears_ns(samples: Samples) -> int:
    ears, begun = Ears(), process_time_ns()
    for at in range(0, len(samples), SAMPLE_RATE):
        ears.hear(samples[at : at + SAMPLE_RATE])
    ears.heard()
    return process_time_ns() - begun


def _keys_ns(samples: Samples) -> int:
    detector, begun = DtmfDetector(), process_time_ns()
    for at in range(0, len(samples), FRAME_SAMPLES):
        detector.hear(samples[at : at + FRAME_SAMPLES])
    return process_time_ns() - begun


if __name__ == "__main__":
    main()
