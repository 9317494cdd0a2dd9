"""The real process while no file of its can grow, as on a full disk: new calls get 503, who talks goes on, and then all is as before."""

import asyncio
import resource
from pathlib import Path

from running_switch import Stage, stage

from switch.sip.fact import LegTerminated

FULL_BYTES = 1
"""No file grows beyond this: every write behind it fails at once (EFBIG), and what is there stays."""


async def refused(on: Stage) -> LegTerminated:
    ended: LegTerminated = await (await on.call()).until_over()
    return ended


def test_while_the_disk_is_full_new_calls_get_503_and_who_talks_goes_on(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        call, there = await on.talk()
        pid = on.switch.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (FULL_BYTES, limits[1]))
        await on.switch.until("ledger not writable")
        assert (await refused(on)).status == 503
        call.audio.press("5")
        await there.until_pressed("5")
        call.hang_up()
        await there.until_over()
        await on.switch.until("call", times=2)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        await on.switch.until("ledger writable", times=2)
        again, there = await on.talk()
        again.hang_up()
        await there.until_over()
        records = await on.switch.records(3)
        assert sorted(record["sip_code"] for record in records) == [200, 200, 503]

    async def play() -> None:
        async with stage(tmp_path) as on:
            await scene(on)

    asyncio.run(play())
