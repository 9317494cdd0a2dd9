"""Starts the switch with a rig's config, kills it and starts it again, stops it, and reads the records that it leaves."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from child_process import Program, run_to_end, tail, wait_until
from ledger_records import read_records
from rig_audio import write_tone
from rig_capture import captured
from rig_sounds import PROMPT_MS, PROMPTS
from rig_words import RigError

READY_DEADLINE_S = 120.0
RECORDS_DEADLINE_S = 60.0
CLI_DEADLINE_S = 600.0
OVERLOAD, OVERLOAD_OVER = "overload: new calls get 503, those in progress go on", "overload is over: calls are taken"
RELOADED = "config reloaded"
TAKES_CALLS = ("ready", "ledger writable")


class SwitchError(Exception):
    """The switch did not do what any rig needs: start, answer its command line, leave a ledger."""


class Switch:
    """One running switch. `config_dir` holds config.yaml and prompts/; data go beside it."""

    def __init__(self, work: Path, config: str) -> None:
        self.config_dir = work / "config"
        (self.config_dir / "prompts").mkdir(parents=True)
        (self.config_dir / "config.yaml").write_text(config)
        for name, hz in PROMPTS.items():
            write_tone(self.config_dir / "prompts" / f"{name}.wav", hz, duration_ms=PROMPT_MS, peak_db=-12)
        self._work = work
        self._data = work / "var"
        self._records: list[dict[str, Any]] = []
        self._killed: list[Program] = []
        self._problems: list[str] | None = None
        self._drains = False
        self._program = self._started("switch.log")

    def _started(self, log: str) -> Program:
        command = [payphone(), "run", "--config", str(self.config_dir)]
        return Program(command, output=self._work / log, folder=self._work, env={"PYTHONUNBUFFERED": "1"}, follow=True)

    @property
    def log(self) -> Path:
        return self._program.output

    @property
    def pid(self) -> int:
        return self._program.process.pid

    def follow(self, config: str) -> list[str]:
        """Replaces its config, and waits until it runs. What was wrong."""
        before = _events(self.log.read_text(errors="replace").splitlines(), RELOADED)
        (self.config_dir / "config.yaml").write_text(config)
        followed = self._program.says(lambda lines: _events(lines, RELOADED) > before, READY_DEADLINE_S)
        return [] if followed else ["the switch does not follow its new config"]

    def ended_within(self, seconds: float) -> bool:
        """Lets it run for so long; True as soon as it has ended by itself."""
        return self._program.wait(seconds) is not None

    def kill(self) -> None:
        """As a crash would."""
        self._program.kill()
        self._killed.append(self._program)

    def start_again(self) -> None:
        """On the same config and data. Raises SwitchError."""
        self._program = self._started(f"switch-{len(self._killed)}.log")
        self.await_ready()

    def drain(self, limit: str) -> list[str]:
        """Takes no new calls from now on, and ends once none is left. What was wrong."""
        command = [payphone(), "drain", "--config", str(self.config_dir), "--limit", limit, "--no-wait"]
        done = run_to_end(command, deadline_s=CLI_DEADLINE_S)
        self._drains = done.returncode == 0
        return [] if self._drains else [f"`payphone drain` ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}"]

    def says(self, command: str, pattern: str, deadline_s: float) -> list[str]:
        """Asks the running switch by `payphone COMMAND` until a line that it prints matches `pattern`, once at least. `CALL2` in it is the
        id of the second of the calls in progress, the oldest first; `RECORDED` that of the call that ended last. What was wrong."""
        told = ""

        def found() -> bool:
            nonlocal told
            words = [self._id_of(word) for word in shlex.split(command)]
            done = run_to_end([payphone(), *words, "--config", str(self.config_dir)], deadline_s=CLI_DEADLINE_S)
            told = done.stdout + done.stderr
            return any(re.search(pattern, line) for line in told.splitlines())

        return [] if wait_until(found, deadline_s) else [f"`payphone {command}` does not say {pattern!r}, but:\n{told}"]

    def captured(self, call: str) -> list[str]:
        """Returns the messages of a call, a word each, in what `payphone explain --pcap` writes. Raises SwitchError."""
        file = self.config_dir.parent / f"{call}.pcap"
        command = [payphone(), "explain", call, "--pcap", str(file), "--config", str(self.config_dir)]
        done = run_to_end(command, deadline_s=CLI_DEADLINE_S)
        if done.returncode:
            raise SwitchError(f"`payphone explain --pcap` ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}")
        return captured(file)

    def kill_companion(self, name: str) -> list[str]:
        """With SIGKILL, the one that came up last. What was wrong."""
        ups = [line for line in self.log.read_text().splitlines() if line.startswith("{") and f'"{name} up"' in line]
        if not ups:
            return [f"there is no {name} to kill: the log does not say `{name} up`"]
        os.kill(json.loads(ups[-1])["pid"], signal.SIGKILL)
        return []

    def _id_of(self, word: str) -> str:
        """The call that a word stands for; any other word as it is."""
        if word == "RECORDED":
            return self._first_id(["calls", "--limit", "1"], 1)
        place = re.fullmatch(r"CALL([1-9])", word)
        return word if place is None else self._first_id(["live", "--once"], int(place[1]))

    def _first_id(self, command: Sequence[str], place: int) -> str:
        done = run_to_end([payphone(), *command, "--json", "--config", str(self.config_dir)], deadline_s=CLI_DEADLINE_S)
        rows = done.stdout.splitlines()
        return str(json.loads(rows[place - 1])["call_id"]) if len(rows) >= place else "none"

    def audit(self) -> list[str]:
        """What `payphone audit` finds. Raises SwitchError when it does not end."""
        try:
            done = run_to_end([payphone(), "audit", "--config", str(self.config_dir)], deadline_s=CLI_DEADLINE_S)
        except subprocess.TimeoutExpired as error:
            raise SwitchError(f"`payphone audit` did not end within {CLI_DEADLINE_S:.0f} s") from error
        return (
            [] if done.returncode == 0 else [f"`payphone audit` ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}"]
        )

    def await_ready(self) -> None:
        """Until it takes calls. Raises SwitchError when it ends or does not come to that."""
        if self._program.says(_takes_calls, READY_DEADLINE_S):
            return
        if self._program.ended:
            raise SwitchError(f"the switch ended with {self._program.process.returncode} instead of getting ready")
        raise SwitchError(f"the switch did not log {TAKES_CALLS} within {READY_DEADLINE_S:.0f} s")

    def records_now(self) -> list[dict[str, Any]]:
        """All call records that there are, in the order of their INVITEs."""
        self._records = read_records(self._data)
        return self._records

    def last_records(self, expected: int) -> list[dict[str, Any]]:
        """Waits until the switch has logged the end of `expected` calls since it was started, and stops it. All call records then, in the
        order of their INVITEs: there are no more to come."""
        self._program.says(lambda lines: _events(lines, "call") >= expected, RECORDS_DEADLINE_S)
        self.stop()
        return self.records_now()

    def stop(self) -> list[str]:
        """Stop it; what was wrong with its end or its log. The second time, and later, it says the same."""
        if self._problems is None:
            self._problems = self._stopped()
        return self._problems

    def _stopped(self) -> list[str]:
        ended_before = self._program.ended
        code = self._program.stop()
        for program in self._killed:
            program.stop()  # what it left behind
        problems = []
        if ended_before and not (self._drains and code == 0):
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


def _takes_calls(lines: Sequence[str]) -> bool:
    """Whether a new call would not meet 503: a machine that is busy enough makes a switch that starts late."""
    is_late = _events(lines, OVERLOAD) > _events(lines, OVERLOAD_OVER)
    return not is_late and all(_events(lines, event) for event in TAKES_CALLS)


def _events(lines: Sequence[str], event: str) -> int:
    """How many of these log lines, JSON objects among whatever else is printed, are of `event`."""
    return sum(line.startswith("{") and json.loads(line).get("event") == event for line in lines)


def payphone() -> str:
    """The command beside the running Python; raises RigError when it is not installed there."""
    command = Path(sys.executable).parent / "payphone"
    if not os.access(command, os.X_OK):
        raise RigError(f"{command} is missing: install the project into this environment first (see `make help`)")
    return str(command)
