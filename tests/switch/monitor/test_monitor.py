"""The whole monitor beside a control socket that says what a test wants, and a real ledger: what it serves, tells, keeps and remembers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from rig_ports import PortBlock
from typer.testing import CliRunner
from webhook_sink import WebhookSink

from routing.cap import Counts, Per
from switch.cli.main import app
from switch.companion import CompanionPlace, now_us
from switch.control.messages import (
    VERSION,
    Caps,
    GetCaps,
    GetLines,
    GetStatistics,
    GetStatus,
    GetTrunks,
    Hello,
    Lines,
    Message,
    Statistics,
    Status,
    Trunks,
    decode_command,
    encode,
)
from switch.control.server import SOCKET_NAME
from switch.engine.live_view import CapStatus
from switch.ledger.database import Database, ledger_url
from switch.ledger.monitoring import MonitorLedger
from switch.ledger.store import Ledger
from switch.ledger.tables import AlertRow
from switch.monitor import monitor as monitor_module
from switch.monitor.monitor import Monitor, serve
from switch.settings.load import load

PATIENCE_S = 60.0
CONFIG = """
switch:
  sip: {{listen: 127.0.0.1:5060}}
  data: {data}
  metrics: {{listen: "127.0.0.1:{port}"}}
  alerts: {{webhook: "{url}", calm: 1ms, disk_free: 1%}}
trunks: {{carrier: {{addresses: [127.0.0.1]}}}}
"""
CAP = CapStatus(key="campaign:auto/conversion/day", owner="campaign:auto", counts=Counts.CONVERSION, per=Per.DAY, limit=2, used=0)


class Switch:
    """What answers on the control socket. `status`, `caps`: what it says."""

    def __init__(self, config: str) -> None:
        self.status = Status(state="running", since_us=0, calls=2, config=config, overloaded=False, lag_ms=0)
        self.caps = (CAP,)

    def _answer(self, line: bytes) -> Message:
        command = decode_command(line)
        match command:
            case GetStatus():
                return self.status
            case GetLines():
                return Lines(lines=())
            case GetTrunks():
                return Trunks(trunks=())
            case GetCaps():
                return Caps(caps=self.caps)
            case GetStatistics():
                return Statistics(counts={})
            case _:
                raise AssertionError(f"nobody asked for {command}")

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(encode(Hello(version=VERSION, pid=1, config=self.status.config)) + b"\n")
            while line := await reader.readline():
                writer.write(encode(self._answer(line)) + b"\n")
            writer.close()

    @asynccontextmanager
    async def open(self, data: Path) -> AsyncIterator[None]:
        (data / SOCKET_NAME).unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._connected, path=data / SOCKET_NAME)
        try:
            yield
        finally:
            server.close()
            (data / SOCKET_NAME).unlink(missing_ok=True)


class Scene:
    """A config, a ledger, a sink, and what the monitor complained of."""

    def __init__(self, folder: Path, sink: WebhookSink) -> None:
        self.config, self.data = folder / "config", folder / "var"
        self.config.mkdir()
        self.data.mkdir()
        self.port = PortBlock().next()
        self.sink = sink
        self.write()
        self.switch = Switch(self.deployment.plan.version)
        self.complaints: list[str] = []
        Ledger(Database(ledger_url(self.data))).migrate()

    def write(self, **changes: str) -> None:
        text = CONFIG.format(data=self.data, port=self.port, url=self.sink.url)
        for old, new in changes.items():
            text = text.replace(f"{old}:", f"{new}:")
        (self.config / "switch.yaml").write_text(text)

    @property
    def deployment(self) -> Any:
        deployment = load(self.config).deployment
        assert deployment is not None
        return deployment

    @property
    def place(self) -> CompanionPlace:
        return CompanionPlace(
            config=self.config, data=self.data, complain=lambda doing, why: self.complaints.append(f"{doing}: {why}")
        )

    def monitor(self) -> Monitor:
        return Monitor(self.place, self.deployment)

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(f"http://127.0.0.1:{self.port}{path}")

    async def told(self) -> dict[str, Any]:
        """What is posted next."""
        return (await asyncio.to_thread(self.sink.posted.get, timeout=PATIENCE_S))[1]


def play(folder: Path, scene: Callable[[Scene], Awaitable[None]]) -> Scene:
    with WebhookSink().open() as sink:
        found = Scene(folder, sink)

        async def played() -> None:
            async with asyncio.timeout(PATIENCE_S):
                await scene(found)

        asyncio.run(played())
        return found


def full(scene: Scene) -> None:
    scene.switch.caps = (msgspec.structs.replace(CAP, used=2),)


def rows(scene: Scene) -> list[tuple[str, str]]:
    """What is kept, oldest first."""
    return [(row.event, row.cause) for row in MonitorLedger(Database(ledger_url(scene.data))).alerts(limit=99)[::-1]]


async def until_kept(scene: Scene, monitor: Monitor, number: int) -> None:
    """What people were told is kept beside the looks."""
    while len(rows(scene)) < number:
        await monitor.look()


def test_it_serves_metrics_health_and_readiness_from_the_first_moment(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        up = asyncio.Event()
        async with scene.switch.open(scene.data):
            task = asyncio.create_task(serve(scene.place, up.set))
            await up.wait()
            while "payphone_calls_live 2.0" not in (scraped := await scene.get("/metrics")).text:
                assert scraped.status_code == 200
            assert 'payphone_calls_total{outcome="converted"} 0.0' in scraped.text
            assert scraped.headers["content-type"].startswith("text/plain")
            assert (await scene.get("/healthz")).json() == {"status": "up", "calls": 2, "config": scene.switch.status.config}
            assert (await scene.get("/readyz")).status_code == 200
            assert (await scene.get("/secrets")).status_code == 404
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    play(tmp_path, story)


def test_readiness_follows_the_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_module, "STATUS_S", 0.0)

    async def story(scene: Scene) -> None:
        monitor = scene.monitor()
        async with scene.switch.open(scene.data):
            await monitor.look()
            scene.switch.status = msgspec.structs.replace(scene.switch.status, state="draining")
            answer = await scene.get("/readyz")
            assert (answer.status_code, answer.json()["reasons"]) == (503, ["the switch is draining"])
            assert (await scene.get("/healthz")).status_code == 200
        answer = await scene.get("/healthz")
        assert answer.status_code == 503
        assert answer.json()["reasons"] == [f"no switch is running with its data in {scene.data}"]
        await monitor.close()

    play(tmp_path, story)


def test_a_cap_that_fills_is_told_of_once_and_once_when_it_is_over(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        monitor = scene.monitor()
        async with scene.switch.open(scene.data):
            full(scene)
            for _ in range(3):
                await monitor.look()
            assert [(each["event"], each["level"]) for each in [await scene.told()]] == [("raised", 100)]
            scene.switch.caps = (CAP,)
            for _ in range(3):
                await monitor.look()
            assert (await scene.told())["event"] == "over"
            await until_kept(scene, monitor, 4)
        await monitor.close()
        assert scene.sink.posted.empty()
        cause = f"cap:{CAP.key}"
        assert sorted(rows(scene)) == sorted([("raised", cause), ("told", cause), ("over", cause), ("told", cause)])

    play(tmp_path, story)


def test_a_monitor_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.switch.open(scene.data):
            full(scene)
            first = scene.monitor()
            await first.look()
            assert (await scene.told())["event"] == "raised"
            await until_kept(scene, first, 2)
            await first.close()
            second = scene.monitor()
            await second.look()
            await second.look()
            assert scene.sink.posted.empty()
            scene.switch.caps = (CAP,)
            await second.look()
            await second.look()
            assert (await scene.told())["event"] == "over"
            await second.close()

    play(tmp_path, story)


def test_what_nobody_was_told_of_before_it_was_killed_is_told_of_then(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.switch.open(scene.data):
            full(scene)
            row = AlertRow(cause=f"cap:{CAP.key}", kind="cap", event="raised", level=100, at_us=now_us(), text="it is full")
            MonitorLedger(Database(ledger_url(scene.data))).add_alerts([row])
            monitor = scene.monitor()
            await monitor.look()
            told = await scene.told()
            assert (told["event"], told["text"]) == ("raised", "it is full")
            await until_kept(scene, monitor, 2)
            await monitor.close()
        assert scene.sink.posted.empty()

    play(tmp_path, story)


def test_a_changed_config_is_read_once_the_switch_runs_it(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        monitor = scene.monitor()
        async with scene.switch.open(scene.data):
            await monitor.look()
            scene.write(webhook="# webhook")
            assert "webhook" in (scene.config / "switch.yaml").read_text()
            (scene.config / "switch.yaml").write_text(
                f"switch: {{sip: {{listen: 127.0.0.1:5060}}, data: {scene.data}, alerts: {{usual_calls: 9}}}}\n"
                "trunks: {carrier: {addresses: [127.0.0.1]}}\n"
            )
            full(scene)
            scene.switch.status = msgspec.structs.replace(scene.switch.status, config=scene.deployment.plan.version)
            await monitor.look()
            assert scene.complaints == ["following the config: `switch.metrics` has changed: that takes a restart"]
            assert (await scene.get("/metrics")).status_code == 200
            assert scene.sink.posted.empty()  # there is no webhook any more
        await monitor.close()
        assert rows(scene) == [("raised", f"cap:{CAP.key}")]

    play(tmp_path, story)


def test_a_port_in_use_is_said_once_and_alerts_go_on(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", scene.port)
        monitor = scene.monitor()
        async with scene.switch.open(scene.data):
            full(scene)
            await monitor.look()
            await monitor.look()
            assert (await scene.told())["event"] == "raised"
            assert scene.complaints == [f"serving metrics: can't listen on 127.0.0.1:{scene.port}: Address already in use"]
            taken.close()
            await taken.wait_closed()
            await monitor.look()
            assert (await scene.get("/metrics")).status_code == 200
        await monitor.close()

    play(tmp_path, story)


# the command


def ran(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["alerts", *words])
    assert result.exit_code == code, result.output
    return result.output


def test_the_command_lists_what_fires_and_what_was(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        monitor = scene.monitor()
        async with scene.switch.open(scene.data):
            full(scene)
            await monitor.look()
            await scene.told()
            await until_kept(scene, monitor, 2)
        await monitor.close()

    scene = play(tmp_path, story)
    text = ran("--config", str(scene.config))
    assert text.startswith("1 alert firing\n")
    assert "webhook: sent" in text
    first, *rest = [msgspec.json.decode(line) for line in ran("--config", str(scene.config), "--json").splitlines()]
    assert (first["firing"], first["event"], first["level"]) == (True, "raised", 100)
    assert [each["event"] for each in rest] == ["told", "raised"]
    assert len(ran("--config", str(scene.config), "--json", "-n", "1").splitlines()) == 2


def test_the_command_says_that_nothing_fires(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        pass

    scene = play(tmp_path, story)
    assert ran("--config", str(scene.config)) == "nothing fires\n"


def test_the_command_sends_a_test(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        output = await asyncio.to_thread(ran, "test", "--config", str(scene.config))
        assert output == "webhook: sent\n"
        assert (await scene.told())["cause"] == "test"
        scene.sink.codes = [500]
        output = await asyncio.to_thread(ran, "test", "--config", str(scene.config), code=1)
        assert "the answer is 500" in output

    scene = play(tmp_path, story)
    assert rows(scene) == []
