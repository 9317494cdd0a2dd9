"""The real `payphone run` as a process, with phones on loopback: for what only a process can show (signals, kills, a locked database).

Everything waits for a condition with a deadline. Ports are of a block that nobody else uses; the config is written anew for each test.
Nothing of it outlives `stage`.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from certificates import Authority
from child_process import descendants, end_family, mortal
from ledger_records import read_records
from rig_ports import PortBlock
from watchfiles import awatch

from switch.demo.phone import Phone, PhoneCall
from switch.engine.clock import SystemClock
from switch.sip.flow import Flow

PATIENCE_S = 60.0
DID = "+18005550100"
PROMPTS = Path(__file__).parents[2] / "config" / "prompts"

CONFIG = """
switch:
  sip: {{{listen}}}
  rtp: {{ports: {rtp}, quiet: 0s, timeout: 60s, workers: {workers}}}
  prompts: {prompts}
  data: data
  log: json
  limits: {{max_calls: 10, drain: {drain}}}
  recordings: {{keep: 90d}}
  {more}
trunks: {{carrier: {{addresses: [127.0.0.1]}}}}
publishers: {{radio: }}
numbers: {{"{did}": {{publisher: radio, campaign: quotes}}}}
advertisers:
  acme:
    lines:
      east: {{uri: "sip:east@127.0.0.1:{line}"}}
campaigns:
  quotes:
    lines: [east]
    billable: {{on: connected_for, at_least: {at_least}}}
    revenue: 25.00
    payout: {payout}
    recording: {recording}
"""


class RunningSwitch:
    """One `payphone run`. `log`: its lines so far, as dictionaries. `authority`: signs its certificate; None: it speaks no TLS."""

    def __init__(self, folder: Path, authority: Authority | None = None, *, prompts: Path = PROMPTS) -> None:
        self._prompts = prompts
        self._authority = authority
        self.folder = folder
        self.config = folder / "config"
        self.config.mkdir()
        self._ports = PortBlock()
        self.sip = self._ports.next()
        self.tls = self._ports.next()
        self.http = self._ports.next()
        self.log: list[dict[str, Any]] = []
        self._process: asyncio.subprocess.Process | None = None
        self._news = asyncio.Event()

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The one that was started last."""
        assert self._process is not None
        return self._process

    def write_config(
        self,
        *,
        line: int,
        at_least: str = "1s",
        payout: str = "18.00",
        workers: int = 1,
        drain: str = "0s",
        recording: str = "off",
        console: bool = False,
    ) -> None:
        listen = f'listen: "127.0.0.1:{self.sip}"'
        if self._authority is not None:
            both = f'[{{udp: "127.0.0.1:{self.sip}"}}, {{tls: "127.0.0.1:{self.tls}"}}]'
            listen = f"listen: {both}, tls: {{certificate: sip.pem, key: sip.key}}"
        text = CONFIG.format(
            listen=listen,
            rtp="{}-{}".format(*self._ports.rtp_range),
            line=line,
            did=DID,
            at_least=at_least,
            payout=payout,
            prompts=self._prompts,
            workers=workers,
            drain=drain,
            recording=recording,
            more=f"console: {{listen: 127.0.0.1:{self.http}}}" if console else "",
        )
        fresh = self.config / "config.new"
        fresh.write_text(text)
        fresh.rename(self.config / "config.yaml")  # at once, as an editor does

    def renew_certificate(self, *, days: int = 365) -> None:
        """Puts a new one in the place of the one that is there."""
        assert self._authority is not None
        certificate, key = self._authority.certificate(["127.0.0.1"], days=days)
        certificate.rename(self.config / "sip.pem")
        key.rename(self.config / "sip.key")

    async def start(self) -> None:
        self.log.clear()
        command = mortal([sys.executable, "-m", "switch.cli", "run", "--config", str(self.config)])
        self._process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, cwd=self.folder, start_new_session=True
        )
        self._reader = asyncio.create_task(self._read())
        await self.until("ready")

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.log.append(json.loads(line))
            self._news.set()

    async def until(self, event: str, *, times: int = 1) -> dict[str, Any]:
        """The `times`-th log line of this event, since the start; waited for where it is still to come."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while len(found := [line for line in self.log if line["event"].startswith(event)]) < times:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(
                f"no log line {event!r} number {times}; there are: {[line['event'] for line in self.log]}"
            ) from None
        return found[times - 1]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            code = await self.process.wait()
            await self._reader
        return code

    async def records(self, count: int) -> list[dict[str, Any]]:
        """The records in the ledger, in the order of their INVITEs, as soon as there are `count`. The switch writes them in its own time:
        the ledger's files are watched."""
        data = self.config / "data"
        async with (
            asyncio.timeout(PATIENCE_S),
            aclosing(awatch(data, step=10, rust_timeout=1_000, yield_on_timeout=True)) as changes,
        ):
            async for _ in changes:
                if len(found := read_records(data)) >= count:
                    return found
        raise AssertionError("the ledger is watched no more")

    async def close(self) -> None:
        """Stops it, whatever became of it: nothing of it runs afterwards."""
        self._ports.close()
        if self._process is None:
            return
        family = descendants(self.process.pid)
        try:
            if self.process.returncode is None:
                self.signal(signal.SIGTERM)
                await self.ended()
        finally:
            end_family(self.process.pid, family)

    def mapped(self) -> str:
        """What is mapped into the memory of the switch's own process (proc(5), `maps`)."""
        return Path(f"/proc/{self.process.pid}/maps").read_text()

    def worker_pids(self) -> list[int]:
        return descendants(self.process.pid)


class Stage:
    """A switch, a caller and a line."""

    def __init__(self, switch: RunningSwitch, caller: Phone, line: Phone) -> None:
        self.switch = switch
        self.caller = caller
        self.line = line

    async def call(self) -> PhoneCall:
        return await self.caller.call(f"sip:{DID}@127.0.0.1", target=Flow("127.0.0.1", self.switch.sip), caller="+12125550199")

    async def talk(self) -> tuple[PhoneCall, PhoneCall]:
        """A call whose two ends hear each other."""
        call = await self.call()
        there = await self.line.until_called()
        await there.answer()
        await call.until_answered()
        call.audio.talking = there.audio.talking = True
        await call.until_hears(self.line.hz)
        await there.until_hears(self.caller.hz)
        return call, there


@asynccontextmanager
async def stage(
    folder: Path,
    *,
    workers: int = 1,
    drain: str = "0s",
    authority: Authority | None = None,
    prompts: Path = PROMPTS,
    recording: str = "off",
    console: bool = False,
) -> AsyncIterator[Stage]:
    caller, line = Phone("caller", hz=600, clock=SystemClock()), Phone("line", hz=1100, clock=SystemClock())
    await caller.open(Flow("127.0.0.1", 0))
    await line.open(Flow("127.0.0.1", 0))
    switch = RunningSwitch(folder, authority, prompts=prompts)
    if authority is not None:
        switch.renew_certificate()
    switch.write_config(line=line.address[1], workers=workers, drain=drain, recording=recording, console=console)
    try:
        await switch.start()
        yield Stage(switch, caller, line)
    finally:
        caller.close()
        line.close()
        await switch.close()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
