"""What surrounds the engine must not forget a failure: a log that can't be written, a fork that failed, an fsync that failed."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

import switch.app as app_module
import switch.workers as workers_module
from media.control import Close, Closed, Ready, Report
from switch.app import Shell
from switch.ledger.database import Database, ledger_url
from switch.ledger.journal import Journal
from switch.ledger.service import LedgerService
from switch.settings.load import load
from switch.workers import Workers, WorkerSettings, WorkersFailed

ROOT = Path(__file__).parents[2]
SETTINGS = WorkerSettings(prompts=ROOT / "config" / "prompts", rtp_timeout_ms=60_000, hold_timeout_ms=1_800_000)
PATIENCE_S = 10.0


def refuses(*_: object, **__: object) -> None:
    raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("what", ["worker", "ledger"])
def test_a_log_that_can_not_be_written_hides_no_failure_from_the_engine(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    async def scene() -> Shell:
        deployment = load(ROOT / "config").deployment
        assert deployment is not None
        shell = Shell(deployment)
        shell.engine.report(1, Ready(pid=1), shell._clock.now())
        monkeypatch.setattr(app_module, "_log", type("Log", (), {"info": refuses, "error": refuses, "warning": refuses})())
        try:
            if what == "worker":
                shell._worker_lost(1)
            else:
                shell._ledger_state(False, "disk full")
        except OSError:
            pass  # what the log does is its business; what the engine knows is asserted
        return shell

    shell = asyncio.run(scene())
    if what == "worker":
        assert shell.engine._media.least_busy() is None
    else:
        assert not shell.engine._admission.is_ledger_writable


def test_what_the_ledger_complains_of_a_call_is_logged_with_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[tuple[str, object]] = []
    log = SimpleNamespace(error=lambda _, what: logged.append((what, get_contextvars().get("call_id"))))
    monkeypatch.setattr(app_module, "_log", log)
    app_module._complain("it can't be read", "c1")
    app_module._complain("the disk is full", "")
    assert logged == [("it can't be read", "c1"), ("the disk is full", None)]


def test_one_failed_fork_does_not_end_the_worker_for_good() -> None:
    async def scene() -> None:
        up: asyncio.Queue[int] = asyncio.Queue()

        def reported(number: int, report: Report) -> None:
            if isinstance(report, Ready):
                up.put_nowait(number)

        workers = Workers[Report](SETTINGS, reported=reported, lost=lambda _: None)
        await workers.start(1)
        spawn = workers._spawn
        forks = 0

        async def fails_once() -> object:
            nonlocal forks
            forks += 1
            if forks == 1:
                raise OSError(11, "Resource temporarily unavailable")
            return await spawn()

        workers._spawn = fails_once  # type: ignore[assignment,method-assign]
        assert await up.get() == 1
        for worker in list(workers._workers.values()):
            worker.process.kill()
        try:
            async with asyncio.timeout(PATIENCE_S):
                assert await up.get() == 2
        finally:
            await workers.close()

    asyncio.run(scene())


def test_what_goes_wrong_in_a_worker_is_a_line_of_the_log_with_its_traceback() -> None:
    async def scene() -> None:
        closed = asyncio.Event()

        def reported(_: int, report: Report) -> None:
            if isinstance(report, Closed):
                closed.set()

        workers = Workers[Report](SETTINGS, reported=reported, lost=lambda _: None)
        await workers.start(1)
        (worker,) = workers._workers.values()
        worker.pipe.send(b"\xc1")  # no order
        workers.tell(1, Close(port=2))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await closed.wait()
        finally:
            await workers.close()

    with capture_logs() as lines:
        asyncio.run(scene())
    (line,) = lines
    assert (line["log_level"], line["worker"], line["doing"]) == ("error", 1, "executing an order")
    assert line["why"].startswith("DecodeError")
    assert "Traceback" in line["trace"]


def test_a_first_worker_that_dies_at_once_is_no_failure_when_the_next_one_comes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "READY_S", 5.0)

    async def scene() -> None:
        workers = Workers[Report](SETTINGS, reported=lambda *_: None, lost=lambda _: None)
        spawn = workers._spawn
        forks = 0

        async def first_dies() -> object:
            nonlocal forks
            forks += 1
            number, worker = await spawn()
            if forks == 1:
                worker.process.kill()
            return number, worker

        workers._spawn = first_dies  # type: ignore[assignment,method-assign]
        try:
            await workers.start(1)
        except WorkersFailed as error:
            raise AssertionError(f"{error}, though worker 2 is up") from error
        finally:
            await workers.close()

    asyncio.run(scene())


def test_a_failing_fsync_refuses_new_calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Otherwise each new call rings an advertiser, is answered, and is dropped five seconds later."""

    broken = asyncio.Event()

    def fails(_: Journal) -> None:
        if broken.is_set():
            raise OSError(5, "Input/output error")

    async def scene() -> list[bool]:
        states: asyncio.Queue[bool] = asyncio.Queue()
        monkeypatch.setattr(Journal, "fsync", fails)
        service = LedgerService(
            tmp_path,
            database=Database(ledger_url(tmp_path)),
            secured=lambda _: None,
            state=lambda writable, _: states.put_nowait(writable),
            complain=lambda *_: None,
            found=lambda _: None,
            past_is_whole=lambda: service.past_known(),  # noqa: PLW0108 it is not there yet
        )
        service.start()
        async with asyncio.timeout(PATIENCE_S):
            first = await states.get()
            broken.set()
            service.append("call", b"{}")
            service.sync("call/1")
            second = await states.get()
        service.close()
        return [first, second]

    assert asyncio.run(scene()) == [True, False]
