"""The page Live, and the one stream of events that feeds it."""

from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse

from switch.web.guard import cookie_of
from switch.web.live_hub import stream
from switch.web.pages import page, sight
from switch.web.site import Site

BEAT_S = 15.0
"""The time is sent so often where there is no news: a connection that is gone is noticed, and whoever is logged out loses the stream."""


def add_live(app: FastAPI, site: Site) -> None:
    @app.get("/")
    async def live(request: Request) -> Response:
        return page(request, "live.html", currency=site.deployment.switch.currency)

    @app.get("/live/events")
    async def events(request: Request) -> Response:
        token, seen = cookie_of(request), sight(request)

        def is_valid() -> bool:
            return not site.closing.is_set() and site.sessions.is_open(token, site.console)

        async def news() -> AsyncIterator[bytes]:
            with site.hub.listener(seen) as listener:
                async for event in stream(listener, beat_s=BEAT_S, now_us=site.now_us, is_valid=is_valid):
                    yield event

        return StreamingResponse(news(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})
