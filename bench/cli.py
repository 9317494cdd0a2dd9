"""CPU of commands as somebody waits for them: user and system time of a process of its own, Python's start included.

Every command's help, and the commands that read a small ledger of 300 simulated calls. The best of several runs: what others do to the
machine meanwhile only adds. Beside them are Python alone and `import sqlalchemy`, which is most of what reading a ledger takes.

Bytecode is cached, in a directory of the benchmark's own: installers compile what they install.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from switch.cli.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
RUNS = 7
CALLS = 300
HELP_S, LEDGER_S = 0.35, 0.8
HELPS: tuple[list[str], ...] = (
    [],
    ["--help"],
    ["--version"],
    *([name, "--help"] for name in COMMANDS),
    ["money", "adjust", "--help"],
)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        into = Path(folder) / "try"
        simulate = ["simulate", "--calls", str(CALLS), "--into", str(into), "--config", str(ROOT / "config")]
        subprocess.run([*_payphone(), *simulate], check=True, capture_output=True)
        config = ["--config", str(into / "config")]
        listed = subprocess.run([*_payphone(), "calls", "--json", "-n", "1", *config], check=True, capture_output=True, text=True)
        call_id = json.loads(listed.stdout)["call_id"]
        readers = (["calls"], ["money", "balance"], ["money", "show", call_id], ["explain", call_id])
        helps = {" ".join(["payphone", *words]): _cpu_s(words) for words in HELPS}
        reads = {
            f"payphone {words[0]} {words[1] if words[0] == 'money' else ''}".strip(): _cpu_s([*words, *config]) for words in readers
        }
        beside = {
            "python_s": _best([sys.executable, "-c", "pass"]),
            "sqlalchemy_s": _best([sys.executable, "-c", "import sqlalchemy"]),
        }
    met = max(helps.values()) <= HELP_S and max(reads.values()) <= LEDGER_S
    print(json.dumps({"bench": "cli", "cpu_s": _rounded(helps | reads), **_rounded(beside), "met": met}))
    return 0


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {name: round(each, 3) for name, each in seconds.items()}


def _payphone() -> list[str]:
    return [sys.executable, "-m", "switch.cli"]


def _cpu_s(words: list[str]) -> float:
    return _best([*_payphone(), *words])


def _best(command: list[str]) -> float:
    """Seconds of CPU of the cheapest run."""
    return min(_once(command) for _ in range(RUNS))


def _once(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
