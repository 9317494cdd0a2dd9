"""The real process: reload, stop, kill -9, a dead media worker, a ledger that can't be written."""

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import datetime
from itertools import chain
from pathlib import Path

import pytest
from running_switch import Stage, kill, stage

from switch.demo.phone import PhoneCall
from switch.sip.fact import LegTerminated


def played(folder: Path, scene: Callable[[Stage], Awaitable[None]], *, workers: int = 1) -> None:
    async def play() -> None:
        async with stage(folder, workers=workers) as on:
            await scene(on)

    asyncio.run(play())


@pytest.mark.parametrize("how", ["signal", "file"])
def test_a_good_config_is_taken_and_a_bad_one_refused_whole(tmp_path: Path, how: str) -> None:
    async def scene(on: Stage) -> None:
        switch = on.switch
        line = on.line.address[1]
        switch.write_config(line=line, payout="20.00")
        if how == "signal":
            switch.signal(signal.SIGHUP)
        await switch.until("config reloaded")
        (switch.config / "extra.yaml").write_text("campaigns: {more: {lines: [eats], revenue: 1, payout: 1}}\n")
        if how == "signal":
            switch.signal(signal.SIGHUP)
        refused = await switch.until("config refused")
        problem = await switch.until("config problem")
        assert 'unknown line "eats"' in problem["problem"]
        assert 'did you mean "east"?' in problem["problem"]
        assert refused["running"] == (await switch.until("config reloaded"))["now"]
        call, _ = await on.talk()
        call.hang_up()
        (switch.config / "extra.yaml").unlink()
        (record,) = await switch.records(1)
        assert record["config"] == refused["running"]

    played(tmp_path, scene)


def test_stop_ends_calls_in_progress_with_their_records(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        call, there = await on.talk()
        on.switch.signal(signal.SIGTERM)
        await call.until_over()
        await there.until_over()
        assert await on.switch.ended() == 0
        (record,) = await on.switch.records(1)
        assert record["ended_detail"] == "shutdown"

    played(tmp_path, scene)

    with closing(sqlite3.connect(next(tmp_path.rglob("payphone.sqlite")))) as ledger:
        ((config,),) = ledger.execute("SELECT config FROM call")
        kept = dict(ledger.execute("SELECT version, files FROM config"))
    (versions,) = (json.loads(files) for version, files in kept.items() if version.startswith(f"{config}@"))
    assert config in kept
    assert json.loads(versions["versions.json"]).keys() >= {"holidays", "tzdata"}


def test_kill_9_loses_no_record_and_adds_no_second(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        switch = on.switch
        await on.talk()
        ringing = await on.call()
        await on.line.until_called()
        switch.signal(signal.SIGKILL)
        await switch.ended()
        ringing.hang_up()
        await switch.start()
        await switch.until("recovered call", times=2)
        records = await switch.records(2)
        assert {record["final_state"] for record in records} == {"crashed"}
        assert {record["ended_by"] for record in records} == {"crash"}
        for talked in (attempt for record in records for attempt in record["attempts"] if attempt["answered_at"]):
            answered, over = (datetime.fromisoformat(talked[moment]) for moment in ("answered_at", "talk_ended_at"))
            assert talked["connected_ms"] <= (over - answered).total_seconds() * 1_000 + 1  # each moment is cut to a millisecond
        again, there = await on.talk()
        there.hang_up()
        await again.until_over()
        await switch.records(3)

    played(tmp_path, scene)


def test_a_dead_media_worker_costs_its_calls_only(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        call, there = await on.talk()
        (worker,) = on.switch.worker_pids()
        kill(worker)
        await call.until_over()
        await there.until_over()
        await on.switch.until("media worker lost")
        ended = await on.switch.until("call")
        assert ended["final_state"] in {"connected_short", "converted"}  # the latter where a busy machine let them talk on
        await on.switch.until("media worker up", times=2)
        again, there = await on.talk()
        there.hang_up()
        await again.until_over()

    played(tmp_path, scene)


def test_of_two_media_workers_each_new_call_goes_to_the_less_busy_and_a_dead_one_costs_its_calls_only(tmp_path: Path) -> None:
    """Calls are numbered from 0. Were they dealt out in turns, call 2 would be on the first worker."""

    async def scene(on: Stage) -> None:
        first, second = [(await on.switch.until("media worker up", times=number))["pid"] for number in (1, 2)]
        talks = [await on.talk(), await on.talk()]
        await over(talks[1])
        talks += [await on.talk(), await on.talk(), await on.talk()]
        kill(first)  # which has calls 0 and 3, and the second 2 and 4
        await all_over(talks[0], talks[3])
        await on.switch.until("media worker lost")
        await all_hear_keys(talks[2], talks[4])
        assert (await on.switch.until("media worker up", times=3))["pid"] not in {first, second}
        talks.append(await on.talk())
        kill(second)  # and the new call is on the new worker
        await all_over(talks[2], talks[4])
        await all_hear_keys(talks[5])
        await over(talks[5])
        records = await on.switch.records(6)
        assert [(record["ended_by"], record["ended_detail"]) for record in records] == [
            ("switch", "media_failed"),
            ("caller", "caller_hung_up"),
            *3 * [("switch", "media_failed")],
            ("caller", "caller_hung_up"),
        ]

    async def over(talk: tuple[PhoneCall, PhoneCall]) -> None:
        talk[0].hang_up()
        await all_over(talk)

    async def all_over(*talks: tuple[PhoneCall, PhoneCall]) -> None:
        for end in chain(*talks):
            await end.until_over()

    async def all_hear_keys(*talks: tuple[PhoneCall, PhoneCall]) -> None:
        for one, other in talks:
            one.audio.press("5")
            await other.until_pressed("5")
            other.audio.press("7")
            await one.until_pressed("7")
            assert one.ended is other.ended is None

    played(tmp_path, scene, workers=2)


def test_a_media_worker_that_hangs_is_ended_and_started_again(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        call, _ = await on.talk()
        (worker,) = on.switch.worker_pids()
        os.kill(worker, signal.SIGSTOP)
        await on.switch.until("media worker gives no sign of life")
        await call.until_over()
        await on.switch.until("media worker up", times=2)

    played(tmp_path, scene)


def test_while_the_ledger_can_not_be_written_new_calls_get_503_and_nothing_is_lost(tmp_path: Path) -> None:
    async def refused(on: Stage) -> int | None:
        call = await on.call()
        ended: LegTerminated = await call.until_over()
        return ended.status

    async def scene(on: Stage) -> None:
        call, _ = await on.talk()
        database = sqlite3.connect(on.switch.config / "data" / "payphone.sqlite", isolation_level=None)
        database.execute("BEGIN EXCLUSIVE")  # as a full disk would, or a backup gone wrong
        await on.switch.until("ledger not writable")
        assert await refused(on) == 503
        call.hang_up()
        await call.until_over()
        await on.switch.until("call", times=2)
        database.execute("ROLLBACK")
        database.close()
        await on.switch.until("ledger writable")
        records = await on.switch.records(2)
        assert sorted(record["sip_code"] for record in records) == [200, 503]
        again, _ = await on.talk()
        again.hang_up()

    played(tmp_path, scene)
