"""ASGI middleware before all pages: who is logged in, what a form must bring, how large and slow it may be, and an answer's headers.

Nothing but the log-in page and what it looks like is there for anybody else.
"""

import asyncio
from collections.abc import Callable
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import parse_qs, quote

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from switch.api.middleware import read_body, replayed
from switch.web.site import Site

COOKIE = "payphone_session"
CSRF_FIELD = "csrf"
CSRF_HEADER = b"x-csrf-token"
LOGIN = "/login"
OPEN = (LOGIN, "/static/")
MAX_FORM_BYTES = 64 * 1024
FORM_S = 10.0
"""How long a form may take to arrive."""
MAX_ADDRESS_CHARS = 64
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; media-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Headers:
    """Adds `HEADERS` to every answer, and forbids to keep pages: the next who uses the browser must not find them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class Guard:
    """Lets in whoever has a session: `state["session"]` and `state["user"]`. A form must have the session's token; one that another site's
    page sends has not, and is refused for its origin, too."""

    def __init__(self, app: ASGIApp, *, site: Callable[[], Site]) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        found = self._site().sessions.find(cookie_of(request), self._site().console)
        if found is not None:
            scope.setdefault("state", {}).update(session=found[0], user=found[1])
        elif not scope["path"].startswith(OPEN):
            await _to_login(request)(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD"):
            answer = await self._form(request, receive, csrf=None if found is None else found[0].csrf)
            if isinstance(answer, Response):
                await answer(scope, receive, send)
                return
            receive = replayed(answer, receive)
        await self._app(scope, receive, send)

    async def _form(self, request: Request, receive: Receive, *, csrf: str | None) -> bytes | Response:
        """Returns the body of a form that may be taken, or the refusal."""
        if not _is_of_this_site(request):
            return _refusal(403, "this form comes from another site")
        try:
            async with asyncio.timeout(FORM_S):
                body = await read_body(receive, MAX_FORM_BYTES)
        except TimeoutError:
            return _refusal(408, "the form did not arrive in time")
        if body is None:
            return _refusal(413, "the form is too large")
        if csrf is not None and request.url.path != LOGIN and not compare_digest(_given_csrf(request, body), csrf.encode()):
            return _refusal(403, "this form is of a session that is over: load the page again")
        return body


def cookie_of(request: Request) -> str:
    """Returns the token of the session, or ""."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(request.headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def address_of(request: Request) -> str:
    """Returns the address that a request comes from: of a proxy on this machine, what that says."""
    peer = request.client.host if request.client else ""
    try:
        is_local = ip_address(peer).is_loopback
    except ValueError:
        is_local = False
    named = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return (named if is_local and named else peer)[:MAX_ADDRESS_CHARS]


def _is_of_this_site(request: Request) -> bool:
    """By `Sec-Fetch-Site`, which no page can set; else by `Origin`; a client that sends neither is no browser."""
    said = request.headers.get("sec-fetch-site")
    if said is not None:
        return said in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host", "")


def _given_csrf(request: Request, body: bytes) -> bytes:
    header = dict(request.scope["headers"]).get(CSRF_HEADER)
    if header is not None:
        return bytes(header)
    fields = parse_qs(body.decode("latin-1"), max_num_fields=200)
    return fields.get(CSRF_FIELD, [""])[0].encode()


def _to_login(request: Request) -> Response:
    """A page leads there and back; a part of one has the browser load it whole."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": LOGIN})
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"{LOGIN}?next={quote(wanted, safe='')}", status_code=303)
    return _refusal(401, "log in first")


def _refusal(status: int, why: str) -> Response:
    return PlainTextResponse(f"{why}\n", status_code=status)
