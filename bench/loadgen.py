"""Puts calls on a switch with SIPp, a caller and a line, and reads what SIPp counted. What is measured is up to the benchmark."""

import contextlib
import csv
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from switch_under_test import CALLER_HOST, CHALLENGED_HOST, CREDENTIALS, LINE_ADDRESS, SIP_ADDRESS, STOP_S, Switch, wait_until

RING_MS = 100
"""How long the line rings: in scenarios/line.xml."""
LISTEN_S = 10.0
SPARE_S = 60
_SCENARIOS = Path(__file__).resolve().parent / "scenarios"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What SIPp counted at the caller: calls, how many failed, messages sent again, and delays in milliseconds."""

    calls: int
    failed: int
    retransmissions: int
    ring_ms: tuple[float, ...]
    answer_ms: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How SIPp signals. `transport`: UDP or TCP. `has_digest`: it is challenged. `has_timer`: it agrees on a session timer."""

    transport: str = "UDP"
    has_digest: bool = False
    has_timer: bool = False

    @property
    def options(self) -> list[str]:
        timer = ("timer", "Session-Expires: 1800;refresher=uac") if self.has_timer else ("replaces", "Subject: bench")
        mode = {"UDP": "u1", "TCP": "t1"}[self.transport]
        return ["-t", mode, "-key", "supported", timer[0], "-key", "session", timer[1]]


PLAIN = Way()


@contextlib.contextmanager
def line(switch: Switch, way: Way = PLAIN) -> Iterator[None]:
    """A line that answers all the calls that come."""
    process = _sipp(switch.work, "line", [*way.options, "-i", LINE_ADDRESS[0], "-p", str(LINE_ADDRESS[1])])
    try:
        if (
            not wait_until(lambda: _is_bound(LINE_ADDRESS, way.transport) or process.poll() is not None, LISTEN_S)
            or process.poll() is not None
        ):
            raise SystemExit("SIPp does not come to listen as a line")
        yield
    finally:
        _end(process)


class Calls:
    """`calls` calls to `did`, `rate` new ones a second, each held for `hold_ms`. They start at once; `tally` waits for their end."""

    def __init__(
        self,
        switch: Switch,
        name: str,
        *,
        did: str,
        calls: int,
        rate: int,
        hold_ms: int,
        scenario: str = "caller",
        way: Way = PLAIN,
    ) -> None:
        self._scenario = "digest" if way.has_digest else scenario
        self._work = switch.work
        self._name = name
        self._calls = calls
        self._patience_s = calls / rate + hold_ms / 1_000 + SPARE_S
        options = [*way.options, "-i", CHALLENGED_HOST if way.has_digest else CALLER_HOST]
        if way.has_digest:  # without -auth_uri SIPp's credentials are for no number
            options += ["-au", CREDENTIALS[0], "-ap", CREDENTIALS[1], "-auth_uri", f"{did}@{SIP_ADDRESS[0]}:{SIP_ADDRESS[1]}"]
        options += ["-s", did, "-m", str(calls), "-r", str(rate), "-l", str(calls)]
        options += ["-d", str(hold_ms), "-trace_rtt", "-rtt_freq", "1", "-timeout", f"{self._patience_s:.0f}s"]
        options += ["-trace_stat", "-stf", self._file("stat"), "-fd", "1"]
        self._process = _sipp(switch.work, self._scenario, [*options, ":".join(map(str, SIP_ADDRESS))], name=name)

    def live(self) -> int:
        """How many calls the caller has open, as of the last second."""
        rows = self._rows()
        return int(rows[-1]["CurrentCall"]) if rows else 0

    def tally(self) -> Tally:
        try:
            self._process.wait(self._patience_s)
        finally:
            _end(self._process)
        last = self._rows()[-1]
        made = int(last["TotalCallCreated"])
        delays = self._delays()
        return Tally(
            calls=made,
            failed=self._calls - int(last["SuccessfulCall(C)"]),
            retransmissions=int(last["Retransmissions(C)"]),
            ring_ms=tuple(delays.get("ring", ())),
            answer_ms=tuple(delays.get("answer", ())),
        )

    def _file(self, kind: str) -> str:
        return str(self._work / f"{self._name}.{kind}.csv")

    def _rows(self) -> list[dict[str, str]]:
        path = Path(self._file("stat"))
        if not path.exists():
            return []
        with path.open(newline="") as file:
            return [row for row in csv.DictReader(file, delimiter=";") if row["Retransmissions(C)"]]

    def _delays(self) -> dict[str, list[float]]:
        (path,) = self._work.glob(f"{self._scenario}_{self._process.pid}_rtt.csv")
        delays: dict[str, list[float]] = {}
        with path.open(newline="") as file:
            for row in list(csv.reader(file, delimiter=";"))[1:]:
                delays.setdefault(row[2].strip('"'), []).append(float(row[1]))
        return delays


def percentile(values: tuple[float, ...], hundredths: int) -> float | None:
    """None where there are too few values to speak of."""
    return round(quantiles(values, n=100)[hundredths - 1], 1) if len(values) >= 100 else None


def _sipp(work: Path, scenario: str, options: list[str], *, name: str = "line") -> subprocess.Popen[bytes]:
    command = ["sipp", "-sf", str(_SCENARIOS / f"{scenario}.xml"), "-nostdin", "-skip_rlimit", "-trace_err"]
    command += ["-error_file", str(work / f"{name}.errors"), *options]
    with (work / f"{name}.screen").open("wb") as screen:
        return subprocess.Popen(
            command, cwd=work, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen, env={**os.environ, "TERM": "dumb"}
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _is_bound(address: tuple[str, int], transport: str) -> bool:
    """/proc/net/udp and tcp have addresses as little-endian hex."""
    host, port = address
    wanted = bytes(reversed([int(part) for part in host.split(".")])).hex().upper() + f":{port:04X}"
    return any(wanted in row for row in Path(f"/proc/net/{transport.lower()}").read_text().splitlines())
