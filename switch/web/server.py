"""Runs the console: reads the config, and again when the running switch has another one; watches the switch; serves the pages."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from switch import log
from switch.api.http_server import HttpServer
from switch.companion import CompanionPlace, now_us
from switch.control.watcher import Watcher
from switch.deployment import Deployment
from switch.ledger.database import Database, ledger_url
from switch.ledger.store import Ledger
from switch.settings.load import Loaded, load
from switch.web.app import create_console
from switch.web.listening import ListeningRoom
from switch.web.live_hub import LiveHub
from switch.web.sessions import Sessions
from switch.web.site import Site

LOOK_S = 1.0
"""How often it is looked whether the switch runs another config."""

_log = structlog.get_logger("payphone")


async def serve(place: CompanionPlace, is_up: Callable[[], None]) -> None:
    """Serves until it is cancelled. Raises OSError where the address can't be had: then another process is started."""
    loaded = await asyncio.to_thread(load, place.config)
    if loaded.deployment is None or loaded.deployment.switch.console is None:
        place.complain("reading the config", "it has errors, or no console any more")
        is_up()
        await asyncio.Event().wait()
        return
    log.configure(loaded.deployment.switch.log)
    site = site_of(loaded, loaded.deployment, data=place.data)
    server = HttpServer(loaded.deployment.switch.console.listen)
    try:
        await server.start(create_console(site, place.config))
    except OSError as error:
        host, port = server.address
        place.complain(
            "starting the console", f"can't listen on {host}:{port}: {error.strerror or error}; see `switch.console.listen`"
        )
        raise
    site.room.open()
    is_up()
    _log.info("the console is served", http=":".join(map(str, server.address)))
    tasks = [asyncio.create_task(site.hub.run()), asyncio.create_task(_follow(site, place.config))]
    try:
        await asyncio.gather(*tasks)
    finally:
        site.closing.set()
        for task in tasks:
            task.cancel()
        await server.close()
        site.room.close()
        await asyncio.to_thread(site.ledger.close)


def site_of(loaded: Loaded, deployment: Deployment, *, data: Path) -> Site:
    ledger = Ledger(Database(ledger_url(data, deployment.switch.ledger_url)))
    return Site(
        loaded=loaded,
        ledger=ledger,
        hub=LiveHub(Watcher(data)),
        sessions=Sessions(data, now_us=now_us),
        room=ListeningRoom(data),
        now_us=now_us,
    )


async def _follow(site: Site, config: Path) -> None:
    """Has the pages go by the config that the switch runs: when that is another one, the files are read again."""
    known = site.deployment.plan.version
    while True:
        await asyncio.sleep(LOOK_S)
        status = site.hub.status
        if status is None or status.config == known:
            continue
        known = status.config
        loaded = await asyncio.to_thread(load, config)
        if loaded.deployment is not None:
            site.loaded = loaded
