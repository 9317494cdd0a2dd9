"""The order in which a switch starts: nothing is changed where it can't, and nobody is heard before it can answer."""

import asyncio
import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs

import switch.run as run_module
from switch import log
from switch.app import Shell
from switch.run import CannotStart, serve, started
from switch.settings.load import load
from switch.workers import Workers, WorkersFailed

PROMPTS = Path(__file__).parents[2] / "config" / "prompts"
LEDGER = "payphone.sqlite"


@pytest.fixture(autouse=True)
def _log_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "configure", lambda _: None)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def config(folder: Path, port: int, transport: str = "udp") -> Path:
    (folder / "switch.yaml").write_text(f"""\
switch:
  prompts: {PROMPTS}
  data: data
  sip:
    listen: [{{{transport}: "127.0.0.1:{port}"}}]
trunks: {{carrier: {{addresses: [127.0.0.1]}}}}
publishers: {{radio: }}
numbers: {{"+18005550100": {{publisher: radio, campaign: quotes}}}}
advertisers: {{acme: {{lines: {{east: {{uri: "sip:east@127.0.0.1:5070"}}}}}}}}
campaigns: {{quotes: {{lines: [east], revenue: 25.00, payout: 50%}}}}
""")
    return folder


@pytest.mark.parametrize(("transport", "kind"), [("udp", socket.SOCK_DGRAM), ("tcp", socket.SOCK_STREAM)])
def test_a_port_in_use_is_told_with_its_place_and_the_ledger_is_left_alone(
    tmp_path: Path, transport: str, kind: socket.SocketKind
) -> None:
    with socket.socket(socket.AF_INET, kind) as other, capture_logs() as logs:
        other.bind(("127.0.0.1", 0))
        if transport == "tcp":
            other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"{transport}:127.0.0.1:{port}: .* in use; see .*switch.yaml:5$"):
            asyncio.run(serve(config(tmp_path, port, transport)))
    assert not (tmp_path / "data" / LEDGER).exists()
    assert not [each for each in logs if "calls are taken" in each["event"] or each["event"] == "ready"]


def test_a_journal_in_use_is_told_before_a_port_in_use(tmp_path: Path) -> None:
    """It is the other switch that has both."""
    deployment = load(config(tmp_path, free_port())).deployment
    assert deployment is not None

    async def scene() -> None:
        one, other = Shell(deployment), Shell(deployment)
        await started(one)
        try:
            await started(other)
        finally:
            await one.stop()

    with pytest.raises(CannotStart, match="stop it first"):
        asyncio.run(scene())


def test_sip_is_heard_when_the_media_workers_are_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    was_free: list[bool] = []

    async def fails(*_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", port))  # it is free: nobody listens yet
            was_free.append(True)
        raise WorkersFailed("none came up")

    monkeypatch.setattr(Workers, "start", fails)
    with pytest.raises(CannotStart, match="none came up"):
        asyncio.run(serve(config(tmp_path, port)))
    assert was_free == [True]


def test_the_control_socket_is_there_before_calls_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    was_there: list[bool] = []

    async def starts(*_: object) -> None:
        pass

    async def looks(shell: Shell) -> bool:
        was_there.append((shell.settings.data / "control.sock").exists())
        return True

    async def fails(*_: object) -> None:
        raise CannotStart("as is asked")

    monkeypatch.setattr(Workers, "start", starts)
    monkeypatch.setattr(Shell, "taking_calls", looks)
    monkeypatch.setattr(run_module, "_api", fails)
    with pytest.raises(CannotStart, match="as is asked"):
        asyncio.run(serve(config(tmp_path, free_port())))
    assert was_there == [True]
    assert not (tmp_path / "data" / "control.sock").exists()
