"""Knows how to start a program with its output in a file, wait for something about it, and stop it for sure. Not which program."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

POLL_S = 0.02
STOP_DEADLINE_S = 6.0
TAIL_LINES = 15


def wait_until(condition: Callable[[], bool], deadline_s: float) -> bool:
    """True as soon as `condition` is, False once `deadline_s` seconds went by without."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True


def is_bound(port: int) -> bool:
    """Whether some process listens on this UDP port. Read from the kernel's table: trying to bind would be in the program's way."""
    wanted = f":{port:04X}"
    table = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(wanted) for row in table)


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a file, indented; "" when it is missing or empty."""
    if not path.is_file():
        return ""
    last = path.read_text(errors="replace").rstrip().splitlines()[-lines:]
    return "\n".join(f"      {line[:300]}" for line in last)


class Program:
    """A child process in a process group of its own, so that its own children go with it."""

    def __init__(
        self, command: Sequence[str], *, output: Path, folder: Path, env: Mapping[str, str] | None = None, talks: bool = False
    ) -> None:
        self.output = output
        self._file = output.open("wb")
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
            stdout=subprocess.PIPE if talks else self._file,
            stderr=self._file if talks else subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def wait(self, deadline_s: float) -> int | None:
        """The exit code, or None when it still runs after `deadline_s`."""
        wait_until(lambda: self.ended, deadline_s)
        return self.process.returncode

    def kill(self) -> None:
        """SIGKILL, to it alone: what becomes of its children is its own affair."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int | None:
        """SIGTERM, then SIGKILL to the group. The exit code it gave to SIGTERM; None when it had to be killed."""
        if not self.ended:
            self.process.terminate()
        code = self.wait(STOP_DEADLINE_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # what it left behind, or itself
        self.process.wait()
        self._file.close()
        return code
