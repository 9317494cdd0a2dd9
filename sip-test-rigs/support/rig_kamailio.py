"""Runs Kamailio as a proxy in front of a rig's switch, with the rig's own configuration."""

import signal
from collections.abc import Mapping
from pathlib import Path

from child_process import Program, is_bound, tail, wait_until
from rig_programs import path_of
from rig_words import RigError

READY_DEADLINE_S = 60.0


class Kamailio:
    """One Kamailio on two ports of loopback. `outer`: the one that carriers call."""

    def __init__(self, config: Path, *, outer: tuple[str, int], work: Path) -> None:
        self.outer = outer
        run = work / "kamailio"
        run.mkdir()
        command = [path_of("kamailio") or "kamailio", "-f", str(config), "-DD", "-E", "-m", "32", "-M", "4"]
        command += ["-n", "1", "-w", str(work), "-Y", str(run)]
        to_stdout = ["sh", "-c", 'exec "$0" "$@" 2>&1']
        self._program = Program([*to_stdout, *command], output=work / "kamailio.log", folder=work, follow=True, death_signal="TERM")

    def await_ready(self) -> None:
        """Raises RigError when it does not come to listen."""
        there = wait_until(lambda: self._program.ended or is_bound(self.outer[1]), READY_DEADLINE_S)
        if not there or self._program.ended:
            raise RigError("Kamailio does not listen; see kamailio.log")

    def says(self, pattern: str, deadline_s: float) -> list[str]:
        """Waits for a line that holds `pattern`, after those waited for before; returns what is wrong."""
        if self._program.says_next(pattern, deadline_s):
            return []
        return [f"Kamailio's log had no {pattern!r} within {deadline_s:.0f} s"]

    def stop(self) -> list[str]:
        ended = self._program.ended
        code = self._program.stop()
        return [f"Kamailio ended by itself with {code}"] if ended or code not in {0, -signal.SIGTERM} else []

    def diagnosis(self) -> Mapping[str, str]:
        return {"Kamailio's log, last lines": tail(self._program.output)}
