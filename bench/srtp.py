"""CPU of the media worker for one packet that is decrypted, relayed and encrypted, beside one that is relayed plain. Prints one JSON line.

`python bench/srtp.py [--calls 100] [--seconds 5] [--rounds 3]`. As in `relay`, kinds take turns, and the figures to trust are the ratios.
The phones' packets are encrypted before they are sent, so the generator keeps its pace.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from pylibsrtp import Policy, Session
from relay import frame_of, generate, measure, worker

from media.control import Srtp, SrtpSuite

PLAIN = "plain"
PROFILES = {
    SrtpSuite.AES_CM_128_HMAC_SHA1_80: (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    SrtpSuite.AEAD_AES_256_GCM: (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}
TARGET_RATIO = 2.0


def main() -> None:
    options = _options()
    if options.role != "bench":
        _generate(options.role, options.calls * 2, seconds=options.seconds)
        return
    kinds = [PLAIN, *(suite.value for suite in PROFILES)]
    runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    for _ in range(options.rounds):
        for kind in kinds:
            runs[kind].append(_measure(kind, calls=options.calls, seconds=options.seconds))
    us = {kind: median(run["us"] for run in taken) for kind, taken in runs.items()}
    ratios = {kind: round(us[kind] / us[PLAIN], 2) for kind in kinds[1:]}
    line = {
        "bench": "srtp",
        "us": {kind: round(figure, 2) for kind, figure in us.items()},
        "ratio": ratios,
        "target_ratio": TARGET_RATIO,
        "met": max(ratios.values()) <= TARGET_RATIO,
        "lost": int(sum(run["lost"] for taken in runs.values() for run in taken)),
        "calls": options.calls,
        "seconds": options.seconds,
        "rounds": options.rounds,
    }
    print(json.dumps(line))


def _measure(kind: str, *, calls: int, seconds: int) -> dict[str, float]:
    @contextmanager
    def start(phones: list[int]) -> Iterator[tuple[int, ...]]:
        with worker(phones, srtp=None if kind == PLAIN else _keys(SrtpSuite(kind))) as pids:
            yield pids

    return measure(start, calls=calls, seconds=seconds, script=__file__, phones=kind)


def _keys(suite: SrtpSuite) -> Srtp:
    key = bytes(range(PROFILES[suite][1]))
    return Srtp(suite=suite, send=key, receive=key[::-1])


def _generate(kind: str, legs: int, *, seconds: int) -> None:
    if kind == PLAIN:
        generate(legs, seconds=seconds)
        return
    keys = _keys(SrtpSuite(kind))
    policy = Policy(key=keys.receive, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=PROFILES[keys.suite][0])
    session = Session(policy)
    ready = [[session.protect(frame_of(leg, frame)) for frame in range(seconds * 50)] for leg in range(legs)]
    generate(legs, seconds=seconds, datagram=lambda leg, frame: ready[leg][frame])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--role", choices=("bench", PLAIN, *(suite.value for suite in PROFILES)), default="bench", help=argparse.SUPPRESS
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
