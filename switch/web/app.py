"""Puts the pages together, behind the guard."""

from pathlib import Path

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import Scope

from switch.ledger.database import LedgerUnreadable, LedgerUnwritable
from switch.web.actions_page import add_actions
from switch.web.call_page import add_call
from switch.web.calls_page import add_calls
from switch.web.config_page import add_config
from switch.web.figures_page import add_figures
from switch.web.guard import Guard, Headers
from switch.web.listen_page import add_listen
from switch.web.live_page import add_live
from switch.web.login import add_login
from switch.web.money_page import add_money
from switch.web.pages import STATIC, page
from switch.web.site import Site

_log = structlog.get_logger("payphone.web")


def create_console(site: Site, config: Path) -> FastAPI:
    """`config`: its directory."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_middleware(Guard, site=lambda: site)
    app.add_middleware(Headers)
    app.mount("/static", _Static(directory=STATIC))
    add_login(app, site)
    add_live(app, site)
    add_listen(app, site)
    add_calls(app, site)
    add_call(app, site)
    add_figures(app, site)
    add_money(app, site)
    add_config(app, site, config)
    add_actions(app, site)
    _add_errors(app)
    return app


class _Static(StaticFiles):
    """Files of ours. Their addresses change with them, so that browsers may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        if answer.status_code == 200 and scope["query_string"]:
            answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(LedgerUnwritable)
    @app.exception_handler(LedgerUnreadable)
    async def no_ledger(request: Request, error: Exception) -> Response:
        _log.error("console: ledger", why=str(error))
        return page(request, "error.html", status=503, title="The ledger can't be read", why=str(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        wrong = ", ".join(str(each["loc"][-1]) for each in error.errors())
        return page(request, "error.html", status=422, title="This can't be asked", why=f"what is wrong: {wrong}")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        title = {403: "Not for you", 404: "Not found"}.get(error.status_code, "That did not work")
        return page(request, "error.html", status=error.status_code, title=title, why=str(error.detail))

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> Response:
        _log.error("console: a page broke", path=request.url.path, exc_info=error)
        return page(request, "error.html", status=500, title="This page broke", why="the switch's log says more")
