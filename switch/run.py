"""Runs a switch as a service: logging, signals, reload on SIGHUP and on file change, drain, a clean stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from types import MappingProxyType
from typing import TYPE_CHECKING

import structlog

from media.prompts.cache import PromptCache, cache_in, prune, use
from media.prompts.inspection import Prepare
from media.prompts.maker import PromptMaker
from media.prompts.source import PromptFile, Source, Speech
from routing.zone import rules
from switch import log
from switch.app import Shell
from switch.call.voicemail import BEEP
from switch.companions import Companions
from switch.config_watch import changes
from switch.control.opening import open_control
from switch.control.server import ControlServer
from switch.deployment import Deployment, SwitchSettings
from switch.draining import Draining
from switch.engine.clock import SystemClock
from switch.ledger.journal import JournalInUse, JournalUnwritable
from switch.problem_text import show
from switch.settings.load import Loaded, load
from switch.settings.problem import quote
from switch.settings.source import position_of
from switch.systemd import ServiceManager
from switch.transcoders import TranscodersFailed
from switch.workers import WorkersFailed

if TYPE_CHECKING:
    from switch.api.server import ApiServer

_log = structlog.get_logger("payphone")

WATCH_AGAIN_S = 30.0
END_WITHIN_S = 20.0
"""How long a switch takes to end after its drain, at most: calls that are ended, the ledger, workers."""
MAX_PROBLEMS = 50
"""How many problems are logged; `payphone check` prints all."""


NOWHERE: Mapping[str, str] = MappingProxyType({})


class CannotStart(Exception):
    """The reason, as text for people, with a remedy."""


async def started(shell: Shell, where: Mapping[str, str] = NOWHERE) -> None:
    """Starts `shell`. Raises CannotStart with a remedy. `where`: the place in the config of each listener."""
    try:
        await shell.start()
    except JournalInUse as error:
        raise CannotStart(f"{error}: stop it first, or give this one its own `switch.data`") from error
    except JournalUnwritable as error:
        raise CannotStart(f"the journal can't be written: {error}") from error
    except (WorkersFailed, TranscodersFailed) as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        if error.filename is None:
            raise CannotStart(f"can't start: {error.strerror or error}") from error
        place = where.get(error.filename, "see `switch.sip.listen`")
        raise CannotStart(f"can't listen on {error.filename}: {error.strerror or error}; {place}") from error


def unwritable_recordings(deployment: Deployment) -> str | None:
    """Makes the directory of recordings, where anything is recorded. Returns why it can't be written to, or None."""
    if not deployment.plan.records:
        return None
    directory = deployment.switch.recordings_in.directory
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=directory):
            return None
    except OSError as error:
        return f"recordings can't be written to {directory}: {error.strerror or error}; see `switch.recordings.directory`"


async def serve(config: Path) -> None:
    """Runs the switch that `config` describes until SIGTERM, SIGINT or `payphone drain`. Raises CannotStart."""
    sources: list[Source] = []  # how the log is to be written stands in the config
    loaded = load_prepared(config, told=sources.append)
    if loaded.deployment is None:
        problems = "\n\n".join(show(problem) for problem in loaded.errors)
        raise CannotStart(f"{config} has errors:\n\n{problems}")
    deployment = loaded.deployment
    if (why := unwritable_recordings(deployment)) is not None:
        raise CannotStart(why)
    log.configure(deployment.switch.log)
    for source in sources:
        _log_prompt(source)
    _log.info("time zone rules", rules=str(rules()), passed_over=rules().passed_over)
    shell = Shell(deployment)
    await started(shell, _places_of_listeners(loaded))
    service = ServiceManager()
    draining = Draining(
        limit_ms=deployment.switch.drain_ms,
        clock=SystemClock(),
        announced=lambda limit_s: _announce(limit_s, shell, service),
    )
    control = await _control(shell, draining)
    await shell.taking_calls()
    shell.keep_config(deployment.plan.version, loaded.files)
    try:
        api = await _api(deployment)
    except CannotStart:
        await shell.stop()
        await control.close()
        raise
    hup = _take_signals(draining)
    companions = Companions(config, deployment.switch.data)
    companions.want(deployment)
    reloader = Reloader(config, shell, api, service, companions)
    watchdog = asyncio.create_task(_feed_watchdog(service, shell))
    tasks = [asyncio.create_task(reloader.on_signal(hup)), asyncio.create_task(reloader.on_change())]
    await asyncio.sleep(0)  # both tasks wait for changes now
    await reloader.reload()  # loads a change that came during the start
    _log.info("ready", sip=" ".join(map(str, deployment.switch.listeners)), config=shell.engine.plan.version)
    await draining.begun.wait()
    reloader.abandon()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await shell.until_idle(draining.over)
    _log.info("stopping", calls=shell.engine.live_calls)
    if api is not None:
        await api.close()
    await companions.close()
    await shell.stop()
    await control.close()
    watchdog.cancel()
    service.close()
    _log.info("stopped")


def _take_signals(draining: Draining) -> asyncio.Event:
    """SIGTERM and SIGINT drain from now on. Returns what SIGHUP sets."""
    hup = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, draining.on_signal)
    loop.add_signal_handler(signal.SIGHUP, hup.set)
    return hup


def load_prepared(
    config: Path,
    *,
    data: Path | None = None,
    told: Callable[[Source], None] = lambda _: None,
    began: Callable[[PromptMaker], None] = lambda _: None,
) -> Loaded:
    """Loads a config, and has its prompts in the cache: what is not there is made by another process.

    `data`: the switch's data directory, where it is not the one that the config names. `told`: of each prompt that is about to be made.
    `began`: with the maker, so that it can be abandoned.
    """
    with ExitStack() as stack:

        def prepare(named: Path) -> Prepare:
            directory = cache_in(data or named)
            maker = stack.enter_context(PromptMaker(directory, told=told))
            began(maker)
            return PromptCache(directory, maker)

        return load(config, prepare=prepare)


def _log_prompt(source: Source) -> None:
    what = source.path.name if isinstance(source, PromptFile) else quote(source.text) if isinstance(source, Speech) else BEEP
    _log.info("preparing a prompt", prompt=what)


def _prune_prompts(shell: Shell, deployment: Deployment, before: Iterable[str]) -> None:
    """`before`: the keys until now, whose calls go on."""
    cache, now_s = cache_in(shell.settings.data), SystemClock().now().utc_us / 1_000_000
    use(cache, before, now_s=now_s)
    if removed := prune(cache, named=deployment.prompt_keys.values(), now_s=now_s):
        _log.info("prompts removed from the cache", files=removed)


def _places_of_listeners(loaded: Loaded) -> dict[str, str]:
    """Returns by listener where the config names it: `switch.yaml:4:12`."""
    listeners = () if loaded.deployment is None else loaded.deployment.switch.listeners
    found = {str(each): position_of(loaded.positions, f"switch.sip.listen.{index}") for index, each in enumerate(listeners)}
    return {name: f"see {place.file}:{place.line}" for name, place in found.items() if place is not None}


async def _control(shell: Shell, draining: Draining) -> ControlServer:
    return await open_control(
        shell.settings.data,
        shell.engine,
        drain=draining.begin,
        ends_us=lambda: draining.ends_us,
        certificates=shell.certificates,
        ledger=shell.ledger_status,
        processes=shell.process_status,
        flush=shell.flush,
        clock=SystemClock(),
    )


def _announce(limit_s: float, shell: Shell, service: ServiceManager) -> None:
    """No new calls from this instant on; calls in progress have `limit_s`."""
    shell.drain()
    service.stopping("draining", within_s=limit_s + END_WITHIN_S)
    _log.info("draining: new calls get 503", calls=shell.engine.live_calls, limit_s=limit_s)


async def _feed_watchdog(service: ServiceManager, shell: Shell) -> None:
    """Tells systemd that the switch lives, for as long as the loop runs and the engine meets its deadlines."""
    while service.watchdog_s is not None:
        if shell.is_alive():
            service.alive()
        await asyncio.sleep(service.watchdog_s)


async def _api(deployment: Deployment) -> ApiServer | None:
    """Starts the API where the config has one, or returns None. Raises CannotStart."""
    if deployment.switch.api is None:
        return None
    from switch.api.server import ApiServer  # noqa: PLC0415 takes half a second: only where it is configured

    api = ApiServer(deployment)
    try:
        await api.start()
    except OSError as error:
        host, port = deployment.switch.api.listen
        raise CannotStart(f"can't listen on {host}:{port}: {error.strerror or error}; see `switch.api.listen`") from error
    _log.info("postbacks are taken", http=":".join(map(str, api.address)))
    return api


def _but_secrets(settings: SwitchSettings) -> SwitchSettings:
    """Returns the settings without tokens, users and alerts: a reload applies these only."""
    return replace(
        settings,
        alerts=None,
        api=settings.api and replace(settings.api, tokens={}),
        console=settings.console and replace(settings.console, users={}),
    )


class Reloader:
    """Applies a changed config: all of it or nothing, one load after the other, so that an older one never wins."""

    def __init__(self, config: Path, shell: Shell, api: ApiServer | None, service: ServiceManager, companions: Companions) -> None:
        self._config = config
        self._shell = shell
        self._api = api
        self._service = service
        self._companions = companions
        self._maker: PromptMaker | None = None
        self._one_at_a_time = asyncio.Lock()

    def _began(self, maker: PromptMaker) -> None:
        self._maker = maker

    def abandon(self) -> None:
        """Has a load that is under way end soon: no new prompt is made for it."""
        if self._maker is not None:
            self._maker.abandon()

    async def on_signal(self, hup: asyncio.Event) -> None:
        while await hup.wait():
            hup.clear()
            await self.reload()
            _log.info("config read", running=self._shell.engine.plan.version)

    async def on_change(self) -> None:
        while True:
            try:
                async for _ in changes(self._config, self._shell.settings.prompts):
                    await self.reload()
            except Exception as error:  # noqa: BLE001 no inotify, a name that is no UTF-8, the directory deleted: SIGHUP still works
                _log.error("config files are not watched", why=str(error), again_in_s=WATCH_AGAIN_S)
                await asyncio.sleep(WATCH_AGAIN_S)

    async def reload(self) -> None:
        async with self._one_at_a_time:
            self._service.reloading(SystemClock().now().mono_ns // 1_000)
            self._shell.refresh_certificates()
            # A large config takes seconds, new prompts more: calls must not wait for them.
            loaded = await asyncio.to_thread(
                load_prepared, self._config, data=self._shell.settings.data, told=_log_prompt, began=self._began
            )
            before = self._shell.prompt_keys.values()
            self._take(loaded)
            if loaded.deployment is not None:
                await asyncio.to_thread(_prune_prompts, self._shell, loaded.deployment, before)
            self._service.ready(f"config {self._shell.engine.plan.version}")

    def _take(self, loaded: Loaded) -> None:
        """Applies a loaded config. When it has problems, they are logged and the old one keeps running."""
        before = self._shell.engine.plan.version
        if loaded.deployment is None:
            for problem in loaded.errors[:MAX_PROBLEMS]:
                _log.error("config problem", problem=show(problem) + "\n")
            _log.error("config refused: the old one keeps running", running=before, problems=len(loaded.errors))
            return
        if (why := unwritable_recordings(loaded.deployment)) is not None:
            _log.error("config refused: the old one keeps running", running=before, why=why)
            return
        if self._api is not None:
            self._api.reload(loaded.deployment)
        self._companions.want(loaded.deployment)
        if _but_secrets(loaded.deployment.switch) != _but_secrets(self._shell.settings):
            _log.warning("the `switch` section has changed: that part takes a restart")
        if loaded.deployment.prompt_keys != self._shell.prompt_keys:
            self._shell.set_prompts(loaded.deployment)
            _log.info("prompts are those of the config now", prompts=len(self._shell.prompt_keys))
        if loaded.deployment.plan.version != before:
            self._shell.reload(loaded.deployment)
            self._shell.keep_config(loaded.deployment.plan.version, loaded.files)
            _log.info("config reloaded", before=before, now=loaded.deployment.plan.version)
