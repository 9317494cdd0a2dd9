"""Plays rounds of fuzzing one after the other, each with the next seed, until enough datagrams or seconds are over (`README.md`)."""

import argparse
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

DATAGRAMS = 5_000


def main() -> int:
    from sip_fuzz import fuzz_round  # noqa: PLC0415 found by the path set above

    wanted = _arguments()
    end_s, played, seed = time.monotonic() + wanted.seconds, 0, wanted.seed
    rounds = wanted.rounds or -(-wanted.datagrams // DATAGRAMS)
    while seed < wanted.seed + rounds and time.monotonic() < end_s:
        try:
            records = fuzz_round(seed, datagrams=DATAGRAMS)
        except Exception:  # noqa: BLE001 whatever it is, it is what was looked for
            traceback.print_exc()
            print(f"seed {seed} fails; play it again: .venv/bin/python tests/fuzz/run.py --seed {seed} --rounds 1")
            return 1
        played += DATAGRAMS
        print(f"seed {seed}: {records} calls recorded, {played} datagrams so far", flush=True)
        seed += 1
    print(f"{played} datagrams, seeds {wanted.seed} to {seed - 1}: no exception, nothing left")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--rounds", type=int, default=0, help=f"of {DATAGRAMS} datagrams each; 0: as --datagrams says")
    parser.add_argument("--datagrams", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=300.0, help="no round begins after so many")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
