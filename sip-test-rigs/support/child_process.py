"""Starts programs for rigs and tests, waits for what they say or for their end, and lets none outlive whoever started it.

Every program gets a process group of its own, which `stop` kills to the last member. And the kernel ends the program when the thread that
started it is gone (PR_SET_PDEATHSIG, see prctl(2) and setpriv(1)): so even `kill -9` of pytest leaves nothing behind. A program must be
stopped by the thread that started it.
"""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

POLL_S = 0.02
STOP_DEADLINE_S = 60.0
READER_DEADLINE_S = 10.0
TAIL_LINES = 15


def mortal(command: Sequence[str], *, death_signal: str = "KILL") -> list[str]:
    """`command` as one that gets `death_signal` when the thread that started it ends."""
    return ["setpriv", "--pdeathsig", death_signal, "--", *command]


def run_to_end(command: Sequence[str], *, deadline_s: float, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program that ends by itself; its exit code and what it printed. Raises subprocess.TimeoutExpired, and it is killed then."""
    return subprocess.run(mortal(command), capture_output=True, text=True, timeout=deadline_s, check=False, cwd=folder)


def end_family(pid: int, family: Sequence[int] = ()) -> None:
    """SIGKILL to the process group that `pid` leads, and to the processes of `family` (see `descendants`)."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    for member in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Children of a process, their children, and so on. Media workers have sessions of their own: a signal to the group misses them."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


def wait_until(condition: Callable[[], bool], deadline_s: float) -> bool:
    """True as soon as `condition` is, False once `deadline_s` seconds went by without. For what gives no event to wait for."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True


def is_bound(port: int) -> bool:
    """Whether some process listens on this port, UDP or TCP. Read from the kernel's tables: trying to bind would be in the program's
    way."""
    wanted = f":{port:04X}"
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("udp", "udp6", "tcp", "tcp6")]
    return any(row.split()[1].endswith(wanted) for table in tables for row in table)


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a file, indented; "" when it is missing or empty."""
    if not path.is_file():
        return ""
    last = path.read_text(errors="replace").rstrip().splitlines()[-lines:]
    return "\n".join(f"      {line[:300]}" for line in last)


class Program:
    """A child process whose output goes to the file `output`.

    `follow`: the lines of its standard output are kept in `lines` too, for `says`. `commands`: `tell` writes to its standard input.
    `user`: whose account it runs in, which only root may choose. `stop_signal`: what it is to end on. `death_signal`: what it gets when the
    thread that started it is gone; one whose children would survive it needs TERM, to end them itself.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        output: Path,
        folder: Path,
        env: Mapping[str, str] | None = None,
        follow: bool = False,
        commands: bool = False,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: str = "KILL",
    ) -> None:
        self.output = output
        self.lines: list[str] = []
        self._found = 0
        self._news = threading.Condition()
        self._silent = not follow
        self._stop_signal = stop_signal
        self._file = output.open("wb")
        self.process = subprocess.Popen(
            mortal(command, death_signal=death_signal),
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE if commands else subprocess.DEVNULL,
            stdout=subprocess.PIPE if follow else self._file,
            stderr=self._file if follow else subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        self._reader = threading.Thread(target=self._read, name=f"output of {self.process.pid}", daemon=True)
        if follow:
            self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._file.write(line)
            self._file.flush()
            with self._news:
                self.lines.append(line.decode(errors="replace"))
                self._news.notify_all()
        with self._news:
            self._silent = True
            self._news.notify_all()

    def says(self, told: Callable[[Sequence[str]], bool], deadline_s: float) -> bool:
        """True once `told` holds for the lines so far; False at the deadline, or when no line can come any more."""
        with self._news:
            self._news.wait_for(lambda: told(self.lines) or self._silent, deadline_s)
            return told(self.lines)

    def says_next(self, pattern: str, deadline_s: float) -> bool:
        """As `says`, of a line that holds the regular expression, after the one that the last `says_next` found."""
        wanted, begin = re.compile(pattern), self._found
        if not self.says(lambda lines: any(wanted.search(line) for line in lines[begin:]), deadline_s):
            return False
        lines = list(self.lines)
        self._found = next(number for number in range(begin, len(lines)) if wanted.search(lines[number])) + 1
        return True

    def tell(self, line: bytes) -> None:
        """A line to its standard input; nothing when it has ended: what it failed to do shows in what it never says."""
        if self.process.stdin is not None and not self.ended:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.write(line + b"\n")
                self.process.stdin.flush()

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def wait(self, deadline_s: float) -> int | None:
        """The exit code, or None when it still runs after `deadline_s`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(deadline_s)
        return self.process.returncode

    def kill(self) -> None:
        """SIGKILL, to it alone: what becomes of its children is its own affair."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int | None:
        """`stop_signal`, then SIGKILL to all it started. The exit code it gave to the first; None when it had to be killed."""
        family = descendants(self.process.pid)
        if not self.ended:
            self.process.send_signal(self._stop_signal)
        code = self.wait(STOP_DEADLINE_S)
        end_family(self.process.pid, family)
        self.process.wait()
        if self._reader.is_alive():
            self._reader.join(READER_DEADLINE_S)
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        self._file.close()
        return code
