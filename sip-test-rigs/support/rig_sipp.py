"""Runs SIPp as a caller or a line, with a handset for its audio."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from child_process import Program, is_bound, tail, wait_until
from rig_handset import Handset
from rig_ports import PortBlock, written

LISTEN_DEADLINE_S = 60.0
RECV_TIMEOUT_MS = 60_000
LIFETIME_S = 300
LOAD_LIFETIME_S = 900
LADDER_ROWS = 25


class SippPhone:
    """One SIPp process and its handset. Its files (`NAME.*`) go to `work`."""

    def __init__(self, name: str, *, scenario: Path, source: str, port: int, work: Path, ports: PortBlock) -> None:
        self.name = name
        self.port = port
        self._work = work
        self._scenario = scenario
        self._source = source
        self._control_port = ports.next()
        self._own_rtp_port = ports.next()  # SIPp binds this and the next even one, used or not
        ports.next()
        self.handset_port = ports.next()
        self.handset = Handset(self.handset_port, work / f"{name}.tell", is_v6=":" in source)
        self._program: Program | None = None

    def dial(self, switch: tuple[str, int], arguments: Sequence[str]) -> None:
        """Start as a caller: one call to the switch."""
        self._start([written(*switch), "-m", "1", *arguments])

    def load(self, switch: tuple[str, int], *, rate: int, calls: int, callers: Path) -> None:
        """Start as many callers, `[field0]` of `callers` each: `rate` new ones a second, `calls` at most."""
        many = ["-m", str(calls), "-r", str(rate), "-l", str(calls), "-inf", str(callers)]
        self._start([written(*switch), *many])

    @property
    def shortmessages(self) -> Path:
        """What it sent and received, a line each."""
        return self._work / f"{self.name}.shortmessage"

    def listen(self, *, calls: int | None, arguments: Sequence[str]) -> bool:
        """Start as a line; False when it did not come to listen. `calls` None: for as long as it is left to run."""
        until = ("-timeout", f"{LOAD_LIFETIME_S}s") if calls is None else ("-m", str(max(1, calls)))
        self._start([*until, *arguments])
        return wait_until(lambda: self.ended or is_bound(self.port), LISTEN_DEADLINE_S) and not self.ended

    def _start(self, more: Sequence[str]) -> None:
        files = {f"-{kind}_file": str(self._work / f"{self.name}.{kind}") for kind in ("error", "message", "shortmessage", "log")}
        keys = {"handset_port": str(self.handset_port), "tell": str(self.handset.fifo)}
        command = [
            "sipp",
            "-sf",
            str(self._scenario),
            "-i",
            self._source,
            "-p",
            str(self.port),
            "-nostdin",
            "-skip_rlimit",
        ]
        command += ["-cp", str(self._control_port), "-mp", str(self._own_rtp_port)]
        command += ["-recv_timeout", str(RECV_TIMEOUT_MS), "-timeout", f"{LIFETIME_S}s", "-timeout_error"]
        command += ["-trace_err", "-trace_msg", "-trace_shortmsg", "-trace_logs"]
        for name, path in files.items():
            command += [name, path]
        for key, value in keys.items():
            command += ["-key", key, value]
        self._program = Program([*command, *more], output=self._work / f"{self.name}.screen", folder=self._work)

    @property
    def digits(self) -> str:
        """The keys that have come to it as telephone-events."""
        return self.handset.rtp.digits

    @property
    def ended(self) -> bool:
        return self._program is not None and self._program.ended

    def finish(self, deadline_s: float) -> list[str]:
        """Wait for its end; what went wrong."""
        code = self._program.wait(deadline_s) if self._program else None
        problems = [f"{self.name}: its handset {problem}" for problem in self.handset.problems]
        if code is None:
            problems.append(f"{self.name}: its scenario is not through after {deadline_s:.0f} s")
        elif code != 0:
            problems.append(f"{self.name}: SIPp ended with {code} ({_meaning(code)}); see {self.name}.error")
        return problems

    def stop(self) -> None:
        if self._program:
            self._program.stop()
        self.handset.close()

    def diagnosis(self) -> Mapping[str, str]:
        """What a reader needs when the rig failed."""
        return {
            f"{self.name}: messages (S sent, R received)": self._ladder(),
            f"{self.name}: errors": tail(self._work / f"{self.name}.error"),
        }

    def _ladder(self) -> str:
        if not self.shortmessages.is_file():
            return "      none"
        with self.shortmessages.open(errors="replace", newline="") as file:
            rows = [row for row in csv.reader(file, delimiter="\t") if row][-LADDER_ROWS:]
        return "\n".join("      " + "  ".join(cell for cell in row if cell)[:200] for row in rows) or "      none"


def _meaning(code: int) -> str:
    return {1: "a call failed", 97: "a command of its own", 99: "no call was handled", 255: "fatal error"}.get(code, "unknown")
