"""Tests that `test_no_orphans` runs in a pytest of their own and breaks on purpose; nobody else collects them.

Each starts one of every program that tests and rigs start, says so on standard output, and then fails or never ends.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from postgres_server import postgres_server
from rig_asterisk import Asterisk
from rig_baresip import BaresipPhone
from rig_kamailio import Kamailio
from rig_phone import PjPhone
from rig_ports import LOOPBACK, PortBlock
from rig_programs import path_of
from rig_sipp import SippPhone
from rig_words import fill_placeholders
from running_switch import stage
from worker_client import WorkerClient

RIGS = Path(__file__).parents[2] / "sip-test-rigs"
SCENARIO = RIGS / "01-answered-and-billable" / "line-a.xml"
PROXY = RIGS / "78-kamailio-cancel-passes-while-line-rings" / "kamailio.cfg"
PBX = RIGS / "86-asterisk-line-busy-answers-hears-keys-reinvites-hangs-up" / "asterisk"
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


@contextmanager
def asterisk(folder: Path) -> Iterator[None]:
    """Where it is there, as in rigs."""
    with ExitStack() as stack:
        if path_of("asterisk"):
            ports = stack.enter_context(closing(PortBlock()))
            at = (ports.host, ports.next())
            program = Asterisk(PBX, {"asterisk": f"{at[0]}:{at[1]}", "host": at[0]}, at=at, work=folder)
            stack.callback(program.stop)
            program.await_ready()
        yield


async def all_up(folder: Path, *, fails: bool) -> None:
    (folder / "switch").mkdir()
    (folder / "prompts").mkdir()
    with phones(folder), asterisk(folder), postgres_server(), WorkerClient(folder / "prompts"):
        async with stage(folder / "switch"):
            os.write(1, f"{UP}\n".encode())
            assert not fails
            await asyncio.Event().wait()


def test_that_fails(tmp_path: Path) -> None:
    asyncio.run(all_up(tmp_path, fails=True))


def test_that_never_ends(tmp_path: Path) -> None:
    asyncio.run(all_up(tmp_path, fails=False))
