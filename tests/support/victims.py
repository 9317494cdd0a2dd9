"""Tests that `test_no_orphans` runs in a pytest of their own and breaks on purpose; nobody else collects them.

Each starts one of every program that tests and rigs start, says so on standard output, and then fails or never ends.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from postgres_server import postgres_server
from rig_baresip import BaresipPhone
from rig_folder import fill_placeholders
from rig_kamailio import Kamailio
from rig_phone import PjPhone
from rig_ports import LOOPBACK, PortBlock
from rig_sipp import SippPhone
from running_switch import stage
from worker_client import WorkerClient

RIGS = Path(__file__).parents[2] / "sip-test-rigs"
SCENARIO = RIGS / "01-answered-and-billable" / "line-a.xml"
PROXY = RIGS / "78-kamailio-cancel-passes-while-line-rings" / "kamailio.cfg"
UP = "everything is up"


@contextmanager
def phones(folder: Path) -> Iterator[None]:
    with closing(PortBlock()) as ports:
        sipp = SippPhone("line-a", scenario=SCENARIO, source=LOOPBACK, port=ports.next(), work=folder, ports=ports)
        pjsip = PjPhone("pj", port=ports.next(), tone_hz=700, work=folder, ports=ports)
        baresip = BaresipPhone("baresip", port=ports.next(), number="1", tone_hz=700, work=folder, ports=ports)
        outer = (LOOPBACK, ports.next())
        places = {"kamailio": f"{LOOPBACK}:{outer[1]}", "kamailio_inner": f"{LOOPBACK}:{ports.next()}", "sip": f"{LOOPBACK}:9"}
        (folder / "kamailio.cfg").write_text(fill_placeholders(PROXY.read_text(), places))
        kamailio = Kamailio(folder / "kamailio.cfg", outer=outer, work=folder)
        try:
            assert sipp.listen(calls=1, arguments=())
            assert pjsip.is_ready()
            assert baresip.is_ready()
            kamailio.await_ready()
            yield
        finally:
            for program in (sipp, pjsip, baresip, kamailio):
                program.stop()


async def all_up(folder: Path, *, fails: bool) -> None:
    (folder / "switch").mkdir()
    (folder / "prompts").mkdir()
    with phones(folder), postgres_server(), WorkerClient(folder / "prompts"):
        async with stage(folder / "switch"):
            os.write(1, f"{UP}\n".encode())
            assert not fails
            await asyncio.Event().wait()


def test_that_fails(tmp_path: Path) -> None:
    asyncio.run(all_up(tmp_path, fails=True))


def test_that_never_ends(tmp_path: Path) -> None:
    asyncio.run(all_up(tmp_path, fails=False))
