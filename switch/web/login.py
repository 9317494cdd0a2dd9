"""Logging in and out."""

from typing import Annotated

import structlog
from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response

from switch.web.guard import COOKIE, LOGIN, address_of, cookie_of
from switch.web.pages import page
from switch.web.site import Site
from switch.web.steering import actor_of, note

MAX_NAME_CHARS = 64
TOLD_FROM = 5
"""Ops are told of so many wrong passwords in a row, and of each further one."""

_log = structlog.get_logger("payphone.web")


def add_login(app: FastAPI, site: Site) -> None:
    @app.get(LOGIN)
    async def form(request: Request) -> Response:
        """Whoever is logged in already goes on."""
        wanted = _local(request.query_params.get("next"))
        if getattr(request.state, "user", None) is not None:
            return RedirectResponse(wanted, status_code=303)
        return page(request, "login.html", wanted=wanted, why=None, name="")

    @app.post(LOGIN)
    async def log_in(
        request: Request,
        name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        wanted: Annotated[str, Form(alias="next")] = "/",
    ) -> Response:
        name, address, now_us = name[:MAX_NAME_CHARS], address_of(request), site.now_us()
        wait_s = site.throttle.wait_s(name, address, now_us)
        if wait_s:
            why = f"Too many wrong passwords. Try again in {wait_s} s."
            refusal = page(request, "login.html", status=429, wanted=_local(wanted), why=why, name=name)
            refusal.headers["Retry-After"] = str(wait_s)
            return refusal
        failures = site.throttle.failed(name, address, now_us)  # at once: others are looked at meanwhile
        user = site.console.users.get(name)
        if not await site.passwords.are(user, password) or user is None:
            _tell(name, address, failures)
            await note(site, f"console:{name}", "login", "console", outcome="wrong password", detail={"address": address})
            why = "No user has this name and password."
            return page(request, "login.html", status=401, wanted=_local(wanted), why=why, name=name)
        site.throttle.succeeded(name, address)
        _log.info("console: logged in", user=user.name, role=user.role.value, address=address)
        await note(site, actor_of(user), "login", "console", detail={"address": address})
        site.sessions.close(cookie_of(request))
        answer = RedirectResponse(_local(wanted), status_code=303)
        answer.set_cookie(COOKIE, site.sessions.open(user), httponly=True, secure=True, samesite="lax", path="/")
        return answer

    @app.post("/logout")
    async def log_out(request: Request) -> Response:
        site.sessions.close(cookie_of(request))
        _log.info("console: logged out", user=request.state.user.name)
        await note(site, actor_of(request.state.user), "logout", "console")
        answer = RedirectResponse(LOGIN, status_code=303)
        answer.delete_cookie(COOKIE, httponly=True, secure=True, samesite="lax", path="/")
        return answer


def _tell(name: str, address: str, failures: int) -> None:
    level = _log.warning if failures >= TOLD_FROM else _log.info
    level("console: wrong password", user=name, address=address, in_a_row=failures)


def _local(wanted: str | None) -> str:
    """Returns the address of one of our own pages: a link to the log-in must not lead elsewhere from it."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\", LOGIN)) or not wanted.isprintable():
        return "/"
    return wanted
