"""How long a switch waits at its start, at its end and for its config, and what it logs of a bad one. Time is simulated."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from simulated_time import elapsed_s, in_simulated_time

import switch.run as run_module
from switch.app import Shell
from switch.companions import Companions
from switch.ledger.service import LedgerService
from switch.run import Reloader
from switch.settings.load import load
from switch.systemd import ServiceManager
from switch.workers import Workers

CONFIG = Path(__file__).parents[2] / "config"


def shell() -> Shell:
    deployment = load(CONFIG).deployment
    assert deployment is not None
    return Shell(deployment)


class Log:
    """Takes what is logged: (event, its fields)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    warning = error = info


def test_a_ledger_that_is_not_there_is_waited_for_10_s() -> None:
    async def scene() -> tuple[bool, float]:
        begun_s = asyncio.get_running_loop().time()
        return await shell().taking_calls(), elapsed_s(begun_s)

    assert in_simulated_time(scene()) == (False, 10.0)


def test_calls_whose_far_ends_do_not_answer_are_waited_for_6_s(monkeypatch: pytest.MonkeyPatch) -> None:
    closed_s: list[float] = []
    monkeypatch.setattr(LedgerService, "close", lambda _: None)  # it was never opened

    async def scene() -> None:
        begun_s = asyncio.get_running_loop().time()

        async def closed(_: object) -> None:
            closed_s.append(elapsed_s(begun_s))

        monkeypatch.setattr(Workers, "close", closed)
        stopping = shell()
        stopping.engine = SimpleNamespace(  # type: ignore[assignment]
            stop=lambda _: None, effects=list, live_calls=1, next_deadline=lambda: None
        )
        await stopping.stop()

    in_simulated_time(scene())
    assert closed_s == [6, 6, 6]  # the media workers, the recorder and the ears


def test_files_that_can_not_be_watched_are_watched_again_every_30_s(monkeypatch: pytest.MonkeyPatch) -> None:
    tried_s: list[float] = []

    async def scene() -> None:
        begun_s = asyncio.get_running_loop().time()

        async def changes(_: Path, prompts: Path) -> AsyncIterator[None]:
            tried_s.append(elapsed_s(begun_s))
            raise OSError("no more watches")
            yield

        monkeypatch.setattr(run_module, "changes", changes)
        monkeypatch.setattr(run_module, "_log", Log())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(70):
                await Reloader(CONFIG, shell(), None, ServiceManager({}), Companions(CONFIG, CONFIG)).on_change()

    in_simulated_time(scene())
    assert tried_s == [0, 30, 60]


@pytest.mark.parametrize(("problems", "told"), [(50, 50), (51, 50)])
def test_so_many_problems_of_a_config_are_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problems: int, told: int) -> None:
    log = Log()
    monkeypatch.setattr(run_module, "_log", log)
    (tmp_path / "config.yaml").write_text("".join(f"unknown-{number}: 1\n" for number in range(problems - 1)))

    async def scene() -> None:
        await Reloader(tmp_path, shell(), None, ServiceManager({}), Companions(tmp_path, tmp_path)).reload()

    asyncio.run(scene())
    assert sum(event == "config problem" for event, _ in log.lines) == told
    assert [fields["problems"] for event, fields in log.lines if event.startswith("config refused")] == [problems]


def test_tokens_are_64_bits_in_hexadecimal_digits() -> None:
    token = shell().engine._setup._token()
    assert len(token) == 16
    assert int(token, 16) < 2**64
