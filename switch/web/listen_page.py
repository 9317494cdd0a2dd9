"""Listening in to a call from a page: one HTTP answer that lasts as long as the call, of µ-law at 8 kHz (ADR 0046)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Message, Send

from switch.control.client import ControlError
from switch.web.guard import cookie_of
from switch.web.pages import sight, user_of
from switch.web.site import Site

MAX_UNREAD_S = 5.0
"""A browser that takes nothing for so long is dropped."""

_log = structlog.get_logger("payphone.web")


class Audio(StreamingResponse):
    """An answer whose reader must keep up."""

    media_type = "audio/basic"

    async def stream_response(self, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(MAX_UNREAD_S):
                await send(message)

        try:
            await super().stream_response(send_in_time)
        except TimeoutError:
            _log.warning("console: a listener does not read and is dropped")


def add_listen(app: FastAPI, site: Site) -> None:
    @app.get("/calls/{call_id}/listen")
    async def listen(request: Request, call_id: str) -> Response:
        user, view = user_of(request), site.hub.call(call_id, sight(request))
        if view is None:
            return PlainTextResponse("this call is not in progress, or it is none of yours", status_code=404)
        if view.campaign not in user.listens_to:
            return PlainTextResponse("this call's campaign is none that your user `listens_to`", status_code=403)
        token = cookie_of(request)

        def is_muted() -> bool | None:
            now = site.console.users.get(user.name)  # as the config is now
            may = now is not None and view.campaign in now.listens_to and site.sessions.is_open(token, site.console)
            return site.hub.is_paused(call_id) if may and not site.closing.is_set() else None

        heard = site.room.listen(call_id, actor=f"console:{user.name}", is_muted=is_muted)
        try:
            first = await anext(heard, b"")
        except ControlError as error:
            return PlainTextResponse(str(error), status_code=409)
        _log.info("console: listening in", user=user.name, call_id=call_id)
        return Audio(_all(first, heard))


async def _all(first: bytes, heard: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    async with aclosing(heard):
        yield first
        async for part in heard:
            yield part
