"""Knows a switch as a service: logging, signals, reload on SIGHUP and on file change, a clean stop. Does not know its insides."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

import structlog

from switch import log
from switch.app import Shell
from switch.ledger.journal import JournalInUse, JournalUnwritable
from switch.settings.load import load
from switch.settings.plan import Deployment
from switch.settings.problem import show
from switch.settings.watch import changes
from switch.workers import WorkersFailed

_log = structlog.get_logger("payphone")


class CannotStart(Exception):
    """Why, for people, with what to do."""


async def started(deployment: Deployment, shell: Shell) -> None:
    """`shell` started. Raises CannotStart with a remedy."""
    host, port = deployment.switch.listen
    try:
        await shell.start()
    except JournalInUse as error:
        raise CannotStart(f"{error}: stop it first, or give this one its own `switch.data`") from error
    except JournalUnwritable as error:
        raise CannotStart(f"the journal can't be written: {error}") from error
    except WorkersFailed as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        raise CannotStart(f"can't listen on {host}:{port}: {error.strerror or error}; see `switch.sip.listen`") from error


async def serve(config: Path) -> None:
    """Run the switch that `config` describes until SIGTERM or SIGINT. Raises CannotStart."""
    loaded = load(config)
    if loaded.deployment is None:
        problems = "\n\n".join(show(problem) for problem in loaded.errors)
        raise CannotStart(f"{config} has errors:\n\n{problems}")
    deployment = loaded.deployment
    log.configure(deployment.switch.log)
    shell = Shell(deployment)
    await started(deployment, shell)
    stop, hup = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, hup.set)
    reloaders = [asyncio.create_task(_on_hup(config, shell, hup)), asyncio.create_task(_on_change(config, shell))]
    await asyncio.sleep(0)  # both wait for changes now
    await _reload(config, shell)  # and this is for one that came while we started
    _log.info("ready", sip=":".join(map(str, deployment.switch.listen)), config=shell.engine.plan.version)
    await stop.wait()
    for task in reloaders:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    _log.info("stopping", calls=shell.engine.live_calls)
    await shell.stop()
    _log.info("stopped")


async def _on_hup(config: Path, shell: Shell, hup: asyncio.Event) -> None:
    while await hup.wait():
        hup.clear()
        await _reload(config, shell)


async def _on_change(config: Path, shell: Shell) -> None:
    async for _ in changes(config):
        await _reload(config, shell)


async def _reload(config: Path, shell: Shell) -> None:
    """All of the new config or nothing; whatever is wrong with it is said, and the old one keeps running."""
    loaded = await asyncio.to_thread(load, config)  # a large config takes seconds: calls must not wait for it
    if loaded.deployment is None:
        for problem in loaded.errors:
            _log.error("config problem", problem="\n" + show(problem))
        _log.error("config refused: the old one keeps running", running=shell.engine.plan.version)
        return
    if loaded.deployment.switch != shell.settings:
        _log.warning("the `switch` section has changed: that part takes a restart")
    before = shell.engine.plan.version
    if loaded.deployment.plan.version != before:
        shell.reload(loaded.deployment)
        _log.info("config reloaded", before=before, now=loaded.deployment.plan.version)
