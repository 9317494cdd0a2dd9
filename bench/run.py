"""Runs every benchmark, one after the other, and passes its JSON line on. What it is doing goes to stderr.

`python bench/run.py [NAME...]`. Exit 1 when one of them could not measure; a missed target is not an error, its line says so.
"""

import subprocess
import sys
from pathlib import Path

BENCHES = (
    "relay",
    "capacity",
    "recording",
    "srtp",
    "prompts",
    "transcoding",
    "signalling",
    "ways",
    "overload",
    "memory",
    "many_calls",
    "worker_loss",
    "decide",
    "config",
    "journal",
    "ledger",
    "report",
    "replay",
    "cli",
    "ears",
    "live",
)
DEADLINE_S = 900
_HERE = Path(__file__).resolve().parent


def main() -> int:
    names = sys.argv[1:] or BENCHES
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    return max([_run(name) for name in names])


def _run(name: str) -> int:
    print(f"bench: {name}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            [sys.executable, str(_HERE / f"{name}.py")], stdout=subprocess.PIPE, text=True, timeout=DEADLINE_S, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"bench: {name} took longer than {DEADLINE_S} s", file=sys.stderr)
        return 1
    sys.stdout.write(done.stdout)
    sys.stdout.flush()
    return 0 if done.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
