"""The page Calls: the calls that are over, newest first, by what they are searched for."""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import partial
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response

from switch.billing.verdict import JudgedCall
from switch.call.record import FinalState
from switch.ledger.reading import CallFilter
from switch.period import BadInstant, instant_us
from switch.web.pages import page, sight
from switch.web.sight import Sight
from switch.web.site import Site
from switch.web.zones import zone_of_request

ON_A_PAGE = 50
TEXTS = ("publisher", "campaign", "advertiser", "line", "number", "caller", "state")
MAX_CHARS = 128


def add_calls(app: FastAPI, site: Site) -> None:
    @app.get("/calls")
    async def calls(request: Request) -> Response:
        """A further page, which `before` asks for, is only its rows."""
        told = {
            name: request.query_params.get(name, "").strip()[:MAX_CHARS] for name in (*TEXTS, "from", "to", "recorded", "before")
        }
        seen, why = sight(request), None
        try:
            wanted = seen.narrowed(_filter(told, zone=zone_of_request(request)))
        except BadInstant as error:
            wanted, why = None, str(error)
        found = [] if wanted is None else await site.ask(partial(site.ledger.calls_matching, wanted, limit=ON_A_PAGE + 1))
        shown = found[:ON_A_PAGE]
        query = {name: text for name, text in told.items() if text and name != "before"}
        values: dict[str, Any] = {
            "calls": shown,
            "next": cursor_of(shown[-1]) if len(found) > len(shown) else None,
            "query": query,
            "why": why,
        }
        if told["before"]:
            return page(request, "calls_rows.html", **values)
        return page(request, "calls.html", states=[state.value for state in FinalState], options=_options(site, seen), **values)


def _filter(told: dict[str, str], *, zone: str) -> CallFilter:
    """Raises BadInstant."""
    texts: dict[str, Any] = {name: told[name] or None for name in TEXTS}
    since, until = told["from"], told["to"]
    return CallFilter(
        **texts,
        since_us=instant_us(since, zone=zone, option="from") if since else None,
        until_us=instant_us(until, zone=zone, option="to") if until else None,
        recorded=bool(told["recorded"]),
        before=_cursor(told["before"]) if told["before"] else None,
    )


def _options(site: Site, seen: Sight) -> dict[str, list[str]]:
    """Returns the names that may be chosen from."""
    table = site.deployment.plan.table
    if not seen.is_whole:
        return {"campaign": seen.campaigns(table)}
    return {
        "publisher": sorted(table.publishers),
        "campaign": seen.campaigns(table),
        "advertiser": sorted({line.advertiser for line in table.lines.values()}),
        "line": sorted(table.lines),
        "number": sorted(table.numbers),
    }


def cursor_of(last: JudgedCall) -> str:
    """Returns the cursor of the page behind `last`."""
    return urlsafe_b64encode(f"{last.record.ended_us} {last.record.call_id}".encode()).decode()


def _cursor(text: str) -> tuple[int, str]:
    try:
        ended_us, _, call_id = urlsafe_b64decode(text.encode()).decode().partition(" ")
    except (ValueError, binascii.Error):
        ended_us = call_id = ""
    if not re.fullmatch("[0-9]{1,18}", ended_us):
        raise HTTPException(422, "there is no such place in the list")
    return int(ended_us), call_id
