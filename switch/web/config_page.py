"""The page Config: which config runs, what the files say otherwise, what is doubtful in them, and which ran before."""

from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response

from switch.config_diff.diff import Change, changes
from switch.ledger import listing
from switch.ledger.listing import KeptConfig
from switch.settings.load import Loaded, load, load_kept
from switch.settings.problem import Problem
from switch.web.pages import page, sight
from switch.web.site import Site

MAX_VERSIONS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """`groups`: what differs, listed together where it belongs together; None: it can't be said, and `why` says why."""

    groups: list[list[Change]] | None
    why: str = ""


def add_config(app: FastAPI, site: Site, config: Path) -> None:
    @app.get("/config")
    async def running(request: Request) -> Response:
        _for_operators(request)
        status = site.hub.status
        kept = await site.ask(partial(_history, site))
        return page(request, "config.html", running=None if status is None else status.config, kept=kept)

    @app.get("/config/check")
    async def check(request: Request) -> Response:
        """The files as they are now, beside what runs."""
        _for_operators(request)
        status = site.hub.status
        version = site.deployment.plan.version if status is None else status.config
        loaded, compared = await site.ask(partial(_check, site, config, version))
        problems: list[Problem] = list(loaded.problems)
        files = None if loaded.deployment is None else loaded.deployment.plan.version
        return page(request, "config_check.html", problems=problems, files=files, running=version, compared=compared)

    @app.get("/config/{version}")
    async def one(request: Request, version: str) -> Response:
        """A version that was run: its files, and how it differs from the one before."""
        _for_operators(request)
        kept = await site.ask(partial(_history, site))
        place = next((index for index, each in enumerate(kept) if each.version == version), None)
        files = await site.ask(partial(site.ledger.config, version)) if place is not None else None
        if place is None or files is None:
            raise HTTPException(404, "the ledger keeps no such config")
        before = kept[place + 1].version if place + 1 < len(kept) else None
        compared = None if before is None else await site.ask(partial(_between, site, before, version))
        return page(request, "config_version.html", kept=kept[place], before=before, files=files, compared=compared)


def _for_operators(request: Request) -> None:
    if not sight(request).is_whole:
        raise HTTPException(403, "the config is for operators")


def _history(site: Site) -> list[KeptConfig]:
    with site.ledger.database.snapshot() as connection:
        return listing.configs(connection, limit=MAX_VERSIONS)


def _check(site: Site, config: Path, version: str) -> tuple[Loaded, _Compared]:
    loaded = load(config)
    kept = _kept(site, version)
    if loaded.document is None:
        return loaded, _Compared(groups=None, why="the files have errors: the switch goes on with what it runs")
    if kept is None or kept.document is None:
        return loaded, _Compared(groups=None, why="the ledger does not keep the config that runs")
    return loaded, _Compared(groups=_grouped(changes(kept.document, loaded.document, kept=True)))


def _between(site: Site, before: str, after: str) -> _Compared:
    one, other = _kept(site, before), _kept(site, after)
    if one is None or other is None or one.document is None or other.document is None:
        return _Compared(groups=None, why="one of the two is of another version of payphone, and can't be read any more")
    return _Compared(groups=_grouped(changes(one.document, other.document, kept=True)))


def _kept(site: Site, version: str) -> Loaded | None:
    files = site.ledger.config(version)
    return load_kept(files) if files else None


def _grouped(found: tuple[Change, ...]) -> list[list[Change]]:
    return [list(some) for _, some in groupby(found, key=lambda change: change.group)]
