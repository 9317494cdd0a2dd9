"""ASGI middleware before the application: who may ask, how large and slow a body may be, and how many requests are worked on at a time.

The token is checked before anything else is read, so nobody without one holds a body or a place.
"""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from switch.api.problem import busy, problem, unauthorized
from switch.deployment import Api

MAX_BODY_BYTES = 16 * 1024
BODY_S = 10.0
"""How long a body may take to arrive."""
MAX_REQUESTS = 64
"""Requests that are worked on at a time; more get 503. Connections do not count: see `switch.api.connections`."""
GUARDED = "/v1/"
OPEN = frozenset({"/v1/health"})
SCHEME = "bearer"


class AuthMiddleware:
    """Lets in whom a token of `api()`, asked at each request, belongs to: `state["advertiser"]`. Reads the body, which is bounded."""

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
                body = await read_body(receive, MAX_BODY_BYTES)
        except TimeoutError:
            told = problem(408, "too_slow", f"the body did not arrive within {BODY_S:.0f} s", do="Send it in one go.")
            await told(scope, receive, send)
            return
        if body is None:
            do = f"Send at most {MAX_BODY_BYTES} bytes."
            await problem(413, "too_large", "the body is too large", do=do)(scope, receive, send)
            return
        await self._app(scope, replayed(body, receive), send)


class RequestLimit:
    """Answers 503 to requests beyond `MAX_REQUESTS` that have arrived whole and are not answered yet."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._in_flight >= MAX_REQUESTS:
            await busy()(scope, receive, send)
            return
        self._in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_flight -= 1


def _token(scope: Scope) -> str:
    """Returns the token presented, or "", which belongs to nobody: no header, two headers, or another scheme."""
    presented = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
    if len(presented) != 1:
        return ""
    scheme, _, token = presented[0].partition(" ")
    return token.strip() if scheme.lower() == SCHEME else ""


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """Reads the whole body. Returns None where it is larger than `limit` bytes."""
    found = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(found)  # gone: whoever reads on is told
        found += message.get("body", b"")
        if len(found) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(found)


def replayed(body: bytes, receive: Receive) -> Receive:
    """Returns what gives the body again, and then whatever comes."""
    left = [body]

    async def replay() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return replay
