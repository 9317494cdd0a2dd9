"""A real switch that is told to stop: new calls and OPTIONS get 503, calls in progress finish, and systemd hears of it."""

import asyncio
import json
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from running_switch import PATIENCE_S, Stage, stage
from simulated_time import advance, in_simulated_time
from typer.testing import CliRunner

from switch.call.moment import Moment
from switch.cli.main import app
from switch.control.client import NotRunning, connected
from switch.control.messages import GetStatus, Status
from switch.draining import Draining
from switch.sip.fact import EndReason


def played(folder: Path, scene: Callable[[Stage], Awaitable[None]], *, drain: str) -> None:
    async def play() -> None:
        async with stage(folder, drain=drain) as on:
            await scene(on)

    asyncio.run(play())


async def told(*words: str | Path) -> str:
    """What a command says; it must succeed."""
    done = await asyncio.to_thread(CliRunner().invoke, app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done.output


async def answer_to_options(port: int) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.setblocking(False)
        phone.bind(("127.0.0.1", 0))
        via = f"SIP/2.0/UDP 127.0.0.1:{phone.getsockname()[1]};branch=z9hG4bKo;rport"
        lines = [
            "OPTIONS sip:127.0.0.1 SIP/2.0",
            f"Via: {via}",
            "From: <sip:a@b>;tag=1",
            "To: <sip:a@b>",
            "Call-ID: o",
            "CSeq: 1 OPTIONS",
        ]
        await loop.sock_sendto(phone, ("\r\n".join([*lines, "Max-Forwards: 70", "", ""])).encode(), ("127.0.0.1", port))
        async with asyncio.timeout(PATIENCE_S):
            return await loop.sock_recv(phone, 4_096)


def test_a_call_in_progress_ends_as_its_parties_wish_and_new_ones_are_refused(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        switch = on.switch
        call, there = await on.talk()
        assert (await answer_to_options(switch.sip)).startswith(b"SIP/2.0 200 ")
        switch.signal(signal.SIGTERM)
        assert (await switch.until("draining"))["calls"] == 1
        refused = await (await on.call()).until_over()
        assert (refused.why, refused.status) == (EndReason.REFUSED, 503)
        answer = await answer_to_options(switch.sip)
        assert answer.startswith(b"SIP/2.0 503 ")
        assert b"\r\nRetry-After: " in answer
        state = json.loads(await told("status", "--config", switch.config, "--json"))
        assert (state["state"], state["calls"]) == ("draining", 1)
        assert abs(state["ends_us"] - state["since_us"] - 60_000_000) < 1_000_000
        call.hang_up()
        await there.until_over()
        assert await switch.ended() == 0
        records = await switch.records(2)
        assert [record["ended_detail"] for record in records] == ["caller_hung_up", "stopping"]
        assert records[1]["sip_code"] == 503

    played(tmp_path, scene, drain="60s")


@pytest.mark.parametrize("how", ["second signal", "command"])
def test_a_drain_is_cut_short(tmp_path: Path, how: str) -> None:
    async def scene(on: Stage) -> None:
        switch = on.switch
        call, there = await on.talk()
        switch.signal(signal.SIGTERM)
        await switch.until("draining")
        if how == "command":
            assert "the switch has ended" in await told("drain", "--config", switch.config, "--limit", "0s")
        else:
            switch.signal(signal.SIGINT)
        await call.until_over()
        await there.until_over()
        assert await switch.ended() == 0
        (record,) = await switch.records(1)
        assert record["ended_detail"] == "shutdown"

    played(tmp_path, scene, drain="1h")


def test_trunks_lines_and_statistics_of_a_running_switch(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        switch = on.switch
        call, there = await on.talk()
        where = ("--config", switch.config, "--json")
        trunk = json.loads(await told("trunks", *where))
        assert (trunk["name"], trunk["calls"], trunk["total_calls"], trunk["refused"]) == ("carrier", 1, 1, 0)
        assert trunk["last_seen_us"] > 0
        line = json.loads(await told("lines", *where))
        assert (line["name"], line["advertiser"], line["calls"], line["last_result"]) == ("east", "acme", 1, None)
        call.hang_up()
        await there.until_over()
        await switch.records(1)
        line = json.loads(await told("lines", *where))
        assert (line["calls"], line["total_calls"], line["last_result"]) == (0, 1, "answered")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.77", 0))
            stranger.sendto(b"OPTIONS sip:x SIP/2.0\r\nUser-Agent: friendly-scanner\r\n\r\n", ("127.0.0.1", switch.sip))
        await answer_to_options(switch.sip)  # what came before it has been handled
        counted = [json.loads(row) for row in (await told("statistics", *where)).splitlines()]
        hosts = {row["counter"]: row["hosts"] for row in counted}
        assert hosts["scanner"] == hosts["stranger"] == {"127.0.0.77": 1}

    played(tmp_path, scene, drain="0s")


def test_systemd_hears_that_it_is_ready_reloads_lives_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(on: Stage) -> None:
        switch = on.switch
        switch.signal(signal.SIGHUP)
        await switch.until("config read")
        switch.signal(signal.SIGTERM)
        assert await switch.ended() == 0

    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        monkeypatch.setenv("WATCHDOG_USEC", "20000000")
        played(tmp_path, scene, drain="1s")
        told: list[str] = []
        while True:
            try:
                told.append(manager.recv(1_000).decode())
            except BlockingIOError:
                break
    states = [each.partition("=")[0] for each in told]
    assert "WATCHDOG" in states
    assert [each for each in states if each != "WATCHDOG"] == ["READY", "RELOADING", "READY", "STOPPING"]
    assert told[-1].endswith("EXTEND_TIMEOUT_USEC=21000000") or states[-1] == "WATCHDOG"


def test_a_switch_that_has_ended_leaves_no_socket(tmp_path: Path) -> None:
    async def scene(on: Stage) -> None:
        data = on.switch.config / "data"
        with connected(data) as client:
            assert client.ask(GetStatus(id=1), Status).state == "running"
        on.switch.signal(signal.SIGTERM)
        assert await on.switch.ended() == 0
        with pytest.raises(NotRunning):
            connected(data).__enter__()

    played(tmp_path, scene, drain="0s")


class FixedClock:
    def now(self) -> Moment:
        return Moment(mono_ns=0, utc_us=5_000_000)


def test_each_limit_counts_from_when_it_was_set() -> None:
    async def scene() -> None:
        announced: list[float] = []
        draining = Draining(limit_ms=30_000, clock=FixedClock(), announced=announced.append)
        draining.on_signal()
        assert draining.begun.is_set()
        assert draining.ends_us == 35_000_000
        await advance(29)
        draining.begin(10_000)
        await advance(9)
        assert not draining.over.is_set()
        await advance(2)
        assert draining.over.is_set()
        assert announced == [30, 10]

    in_simulated_time(scene())
