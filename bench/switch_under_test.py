"""Runs the switch that is measured: writes its config, starts and stops it, reads its records and what /proc says of its processes.

A black box: only its command line, its log and /proc are used. The benchmark chooses the load. Everything is on loopback
addresses of its own, so that nothing else on the machine is met.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIP_ADDRESS = ("127.0.50.1", 5060)
"""Over UDP and over TCP."""
CALLER_HOST = "127.0.50.2"
LINE_ADDRESS = ("127.0.50.3", 5060)
CHALLENGED_HOST = "127.0.50.4"
"""Of a carrier that must authenticate by `CREDENTIALS`."""
CREDENTIALS = ("bench", "no secret")
DIRECT_DID = "+18005550100"
MENU_DID = "+18005550101"
TCP_DID = "+18005550102"
"""Its line is called over TCP."""
BILLABLE_S = 1
"""Calls are held longer than this, so that the threshold passes inside the call, as it does in earnest."""
READY_S = 30.0
RECORDS_S = 30.0
STOP_S = 15.0
COMMAND_S = 60.0
TRANSACTIONS_S = 33.0
"""A little more than 64*T1 (RFC 3261 §17: timers H, J, L, M): after it nothing of a call that has ended is left to do."""

_PAYPHONE = str(Path(sys.executable).parent / "payphone")
_TICKS = os.sysconf("SC_CLK_TCK")

_CONFIG = f"""
switch:
  sip: {{listen: [{{udp: "{SIP_ADDRESS[0]}:{SIP_ADDRESS[1]}"}}, {{tcp: "{SIP_ADDRESS[0]}:{SIP_ADDRESS[1]}"}}]}}
  rtp: {{address: {SIP_ADDRESS[0]}, ports: 10000-19999, timeout: 10m}}
  prompts: prompts
  data: ../var
  log: json
trunks:
  carrier: {{addresses: [{CALLER_HOST}]}}
  challenged:
    addresses: [{CHALLENGED_HOST}]
    auth: {{username: {CREDENTIALS[0]}, secret: "{CREDENTIALS[1]}", algorithms: [MD5]}}
publishers:
  radio-one: {{}}
numbers:
  "{DIRECT_DID}": {{publisher: radio-one, campaign: direct}}
  "{MENU_DID}": {{publisher: radio-one, campaign: qualified}}
  "{TCP_DID}": {{publisher: radio-one, campaign: over-tcp}}
menus:
  qualify:
    prompt: welcome
    timeout: 500ms
    retries: 0
    digits: 1
    keys:
      "1": {{route: {{}}}}
    failed: {{route: {{}}}}
advertisers:
  acme:
    lines:
      acme-east: {{uri: "sip:+12125550101@{LINE_ADDRESS[0]}:{LINE_ADDRESS[1]}"}}
      acme-tcp: {{uri: "sip:+12125550102@{LINE_ADDRESS[0]}:{LINE_ADDRESS[1]};transport=tcp"}}
campaigns:
  direct:
    lines: [acme-east]
    billable: {{on: connected_for, at_least: {BILLABLE_S}s}}
    revenue: 25.00
    payout: 18.00
  over-tcp:
    lines: [acme-tcp]
    billable: {{on: connected_for, at_least: {BILLABLE_S}s}}
    revenue: 25.00
    payout: 18.00
  qualified:
    menu: qualify
    lines: [acme-east]
    billable: {{on: connected_for, at_least: {BILLABLE_S}s}}
    revenue: 25.00
    payout: 18.00
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """User and system time since the process began. `loop_ns`: of its first thread, where the event loop runs."""

    total_ns: int
    loop_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A running switch. `work`: its directory. `pid`: its main process; `worker`: that of its media worker."""

    work: Path
    pid: int
    worker: int

    def cpu(self) -> Cpu:
        """Of the main process, all its threads, ended ones too."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])  # proc(5): utime and stime, fields 14 and 15 of the whole line
        schedstat = Path(f"/proc/{self.pid}/task/{self.pid}/schedstat").read_text()
        return Cpu(total_ns=ticks * 1_000_000_000 // _TICKS, loop_ns=int(schedstat.split()[0]))

    def records(self, at_least: int) -> list[dict[str, Any]]:
        """All call records, newest first, as soon as there are `at_least` of them; or what there is at the deadline."""
        found: list[dict[str, Any]] = []

        def all_there() -> bool:
            found[:] = self._calls(limit=2 * at_least)
            return len(found) >= at_least

        wait_until(all_there, RECORDS_S)
        return found

    def _calls(self, *, limit: int) -> list[dict[str, Any]]:
        command = [_PAYPHONE, "calls", "--config", str(self.work / "config"), "--json", "--limit", str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]


@contextlib.contextmanager
def running(*, workers: int = 1) -> Iterator[Switch]:
    """A switch with so many media workers in a directory that is gone afterwards. Logs JSON to a file, as it does in earnest."""
    with tempfile.TemporaryDirectory(prefix="payphone-bench-") as temporary:
        work = Path(temporary)
        prompts = work / "config" / "prompts"
        prompts.mkdir(parents=True)
        (work / "config" / "config.yaml").write_text(_CONFIG.replace("timeout: 10m}", f"timeout: 10m, workers: {workers}}}"))
        _write_silence(prompts / "welcome.wav")
        log = work / "switch.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [_PAYPHONE, "run", "--config", str(work / "config")],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        try:
            if (
                not wait_until(lambda: '"ready"' in log.read_text() or process.poll() is not None, READY_S)
                or process.poll() is not None
            ):
                raise SystemExit(f"the switch did not get ready:\n{log.read_text()}")
            yield Switch(work=work, pid=process.pid, worker=children(process.pid)[0])
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def rss_bytes(pid: int) -> int:
    """What the process has in memory, pages shared with others included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"process {pid} is gone")


def wait_until(true: Callable[[], bool], patience_s: float) -> bool:
    """Whether it became true in time."""
    deadline = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def children(pid: int) -> list[int]:
    """The processes that the switch started and that go on: its media workers."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return sorted(int(child) for task in tasks for child in task.read_text().split())


def _write_silence(path: Path) -> None:
    """100 ms of it."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(2 * 800))
