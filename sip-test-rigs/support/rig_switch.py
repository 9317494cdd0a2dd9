"""Knows how to start the switch with a config, read its call records and stop it: all by its command line, as a black box."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rig_audio import write_tone
from rig_folder import RigError
from rig_process import Program, tail, wait_until
from rig_sounds import PROMPT_MS, PROMPTS

READY_DEADLINE_S = 30.0
RECORDS_DEADLINE_S = 10.0
CLI_DEADLINE_S = 30.0
MORE_THAN_EXPECTED = 5


class SwitchError(Exception):
    """The switch did not do what any rig needs: start, answer its command line, stop."""


class Switch:
    """One running switch. `config_dir` holds config.yaml and prompts/; data go beside it."""

    def __init__(self, work: Path, config: str) -> None:
        self.config_dir = work / "config"
        (self.config_dir / "prompts").mkdir(parents=True)
        (self.config_dir / "config.yaml").write_text(config)
        for name, hz in PROMPTS.items():
            write_tone(self.config_dir / "prompts" / f"{name}.wav", hz, duration_ms=PROMPT_MS, peak_db=-12)
        self._work = work
        self._records: list[dict[str, Any]] = []
        self._killed: list[Program] = []
        self._program = self._started("switch.log")

    def _started(self, log: str) -> Program:
        command = [payphone(), "run", "--config", str(self.config_dir)]
        return Program(command, output=self._work / log, folder=self._work, env={"PYTHONUNBUFFERED": "1"})

    @property
    def log(self) -> Path:
        return self._program.output

    def kill(self) -> None:
        """As a crash would."""
        self._program.kill()
        self._killed.append(self._program)

    def start_again(self) -> None:
        """On the same config and data. Raises SwitchError."""
        self._program = self._started(f"switch-{len(self._killed)}.log")
        self.await_ready()

    def audit(self) -> list[str]:
        """What `payphone audit` finds."""
        command = [payphone(), "audit", "--config", str(self.config_dir)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=CLI_DEADLINE_S, check=False)
        return (
            [] if done.returncode == 0 else [f"`payphone audit` ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}"]
        )

    def await_ready(self) -> None:
        """Raises SwitchError when it ends or stays silent."""
        ready = wait_until(lambda: self._program.ended or self._says_ready(), READY_DEADLINE_S)
        if self._program.ended:
            raise SwitchError(f"the switch ended with {self._program.process.returncode} instead of getting ready")
        if not ready:
            raise SwitchError(f"the switch printed no line with `ready` within {READY_DEADLINE_S:.0f} s")

    def _says_ready(self) -> bool:
        return "ready" in self.log.read_text(errors="replace")

    def records(self, expected: int) -> list[dict[str, Any]]:
        """The call records, in the order of their INVITEs, as soon as there are `expected` of them, or what there is at the deadline."""
        found: list[dict[str, Any]] = []

        def all_there() -> bool:
            found[:] = self._calls(expected + MORE_THAN_EXPECTED)
            return len(found) >= expected

        wait_until(all_there, RECORDS_DEADLINE_S)
        self._records = found
        return found

    def records_now(self, limit: int) -> list[dict[str, Any]]:
        """All call records that there are, in the order of their INVITEs."""
        self._records = self._calls(limit)
        return self._records

    def _calls(self, limit: int) -> list[dict[str, Any]]:
        command = [payphone(), "calls", "--config", str(self.config_dir), "--json", "--limit", str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=CLI_DEADLINE_S, check=False)
        if done.returncode != 0:
            raise SwitchError(f"`payphone calls` ended with {done.returncode}: {done.stderr[-500:]}")
        found = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
        return sorted(found, key=lambda record: str(record["invited_at"]))

    def stop(self) -> list[str]:
        """Stop it; what was wrong with its end or its log."""
        ended_before = self._program.ended
        code = self._program.stop()
        for program in self._killed:
            program.stop()  # what it left behind
        problems = []
        if ended_before:
            problems.append(f"the switch ended by itself with {code}")
        elif code is None:
            problems.append("the switch did not stop on SIGTERM and was killed")
        elif code not in (0, -15):
            problems.append(f"the switch ended with {code} on SIGTERM")
        logs = (self.log, *(program.output for program in self._killed))
        traced = [log.name for log in logs if "Traceback" in log.read_text(errors="replace")]
        problems += [f"an exception is in the switch's log, {name}" for name in traced]
        return problems

    def diagnosis(self) -> Mapping[str, str]:
        records = "\n".join(f"      {json.dumps(record)}" for record in self._records)
        return {"records": records, "switch log, last lines": tail(self.log)}


def payphone() -> str:
    """The command beside the running Python; raises RigError when it is not installed there."""
    command = Path(sys.executable).parent / "payphone"
    if not os.access(command, os.X_OK):
        raise RigError(f"{command} is missing: install the project into this environment first (`make install`)")
    return str(command)
