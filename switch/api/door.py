"""Knows who may come in, and with how much: tokens are looked at before anything else is read, bodies are bounded in size and time.

Does not know what is asked for. ASGI, in front of the application.
"""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from switch.api.problem import problem, unauthorized
from switch.settings.plan import Api

MAX_BODY_BYTES = 16 * 1024
BODY_S = 10.0
"""How long a body may take to arrive."""
GUARDED = "/v1/"
OPEN = frozenset({"/v1/health"})
SCHEME = "bearer"


class Door:
    """`api()`: whose tokens are good, at the moment. Those who come in have `state["advertiser"]`."""

    def __init__(self, app: ASGIApp, *, api: Callable[[], Api]) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith(GUARDED) and scope["path"] not in OPEN:
            advertiser = self._api().advertiser_of(_token(scope))
            if advertiser is None:
                await unauthorized()(scope, receive, send)
                return
            scope.setdefault("state", {})["advertiser"] = advertiser
        try:
            async with asyncio.timeout(BODY_S):
                body = await _body(receive)
        except TimeoutError:
            told = problem(408, "too_slow", f"the body did not arrive within {BODY_S:.0f} s", do="Send it in one go.")
            await told(scope, receive, send)
            return
        if body is None:
            do = f"Send at most {MAX_BODY_BYTES} bytes."
            await problem(413, "too_large", "the body is too large", do=do)(scope, receive, send)
            return
        await self._app(scope, _replayed(body, receive), send)


def _token(scope: Scope) -> str:
    """What is presented; "" is nobody's."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if scheme.lower() == SCHEME else ""
    return ""


async def _body(receive: Receive) -> bytes | None:
    """All of it; None: it is too large."""
    found = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(found)  # gone: whoever reads on is told
        found += message.get("body", b"")
        if len(found) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(found)


def _replayed(body: bytes, receive: Receive) -> Receive:
    left = [body]

    async def replay() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return replay
