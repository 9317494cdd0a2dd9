"""The HTTP API for advertisers: which requests there are, and what each is answered.

Every request that touches the ledger does so in a thread, a few at a time, so that calls on the same event loop never wait for it.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar, assert_never

import structlog
from anyio import CapacityLimiter, to_thread
from fastapi import Depends, FastAPI, Header, Path, Query, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from switch.api import body
from switch.api.docs import docs_page
from switch.api.middleware import AuthMiddleware, RequestLimit
from switch.api.postings import Done, KeyReused, NoSuchCall, PostingRequest, PostingWriter
from switch.api.problem import (
    MEDIA_TYPE,
    broken,
    key_reused,
    no_such_call,
    no_switch,
    not_recorded,
    of_status,
    problem,
    refused,
    unavailable,
)
from switch.api.recording import Pause
from switch.api.search import CallQuery, cursor_of
from switch.api.view import advertiser_call, advertiser_listing, time_of
from switch.billing import actions
from switch.billing.actions import Refused
from switch.billing.money import show_micros
from switch.control.messages import PauseRecording
from switch.deployment import Api
from switch.ledger.database import LedgerUnreadable, LedgerUnwritable, RecordRefused

T = TypeVar("T")

LEDGER_THREADS = 4
REPLAYED = "Idempotent-Replayed"
ABOUT = """What advertisers tell of their calls after they are over: sales, dispositions, disputes.

Every posting has a key of your choice, in the header `Idempotency-Key` or as `key` in the body. The same request with the same key is done
once, and gets the same answer again. Amounts are decimals in quotes.
"""

_log = structlog.get_logger("payphone.api")
_SHOWN_IN_DOCS = Security(HTTPBearer(auto_error=False, description="The token that the operator gave you"))


def _advertiser(request: Request, _: Any = _SHOWN_IN_DOCS) -> str:
    """Returns the advertiser that sent the request. `AuthMiddleware` has checked the token already."""
    return str(request.state.advertiser)


Advertiser = Annotated[str, Depends(_advertiser)]
CallId = Annotated[str, Path(description="The id of one of your calls")]
KeyHeader = Annotated[str | None, Header(alias="Idempotency-Key")]


def create_app(postings: PostingWriter, *, api: Callable[[], Api], now_us: Callable[[], int], pause: Pause) -> FastAPI:
    """`api()`: whose tokens are good, at the moment. `pause`: pauses the recording of a call in progress, or resumes it."""
    app = FastAPI(title="Payphone postbacks", version="1", description=ABOUT, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.router.route_class = body.StrictRoute
    app.add_middleware(RequestLimit)
    app.add_middleware(AuthMiddleware, api=api)
    _add_error_handlers(app)
    ledger = _LedgerThreads(postings)
    _add_posts(app, ledger)
    _add_recording(app, pause)
    _add_gets(app, ledger, now_us=now_us)
    _add_search(app, ledger, now_us=now_us)
    _add_docs(app)
    return app


class _LedgerThreads:
    """The ledger, from the event loop: a few requests at a time are in threads, the others wait for their turn. `probing`: one thread
    besides, so that health is told also while postings wait."""

    def __init__(self, postings: PostingWriter) -> None:
        self.postings = postings
        self.probing = CapacityLimiter(1)
        self._limiter = CapacityLimiter(LEDGER_THREADS)

    async def ask(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._limiter)

    async def post(self, act: actions.Action, said: body.Body, *, call_id: str, advertiser: str, header: str | None) -> Response:
        key = _key(said.key, header)
        if isinstance(key, Response):
            return key
        if not _is_name(call_id):
            return no_such_call()
        order = PostingRequest(
            call_id=call_id,
            key=key,
            act=act,
            actor=f"advertiser:{advertiser}",
            reason=said.reason if isinstance(said, body.Dispute) else "",
            line=said.line,
            advertiser=advertiser,
            sale=said.sale if isinstance(said, body.Postback) else None,
        )
        return self._answer(order, await self.ask(partial(self.postings.post, order)))

    def _answer(self, order: PostingRequest, outcome: Done | Refused | NoSuchCall | KeyReused) -> Response:
        told = {"call_id": order.call_id, "by": order.actor, "key": order.key, "act": str(order.act)}
        match outcome:
            case Done(answer=answer, again=again):
                _log.info("posted", **told, again=again)
                return JSONResponse(answer, headers={REPLAYED: "true"} if again else None)
            case Refused(because=because):
                _log.info("posting refused", **told, because=because.value)
                return refused(outcome)
            case NoSuchCall():
                return no_such_call()
            case KeyReused(at_us=at_us):
                return key_reused(time_of(at_us))
            case unknown:
                assert_never(unknown)


def _key(in_body: str | None, header: str | None) -> str | Response:
    """Returns the posting's key, or the refusal. In the header it may stand in quotes, as a string of RFC 9651 does."""
    named = header.strip() if header is not None else None
    if named is not None and len(named) > 2 and named[0] == named[-1] == '"':
        named = named[1:-1]
    if named is None and in_body is None:
        do = "Send the header Idempotency-Key, or `key` in the body: a name of your own for this posting."
        return problem(422, "key_missing", "a posting needs a key", do=do)
    if None not in (named, in_body) and named != in_body:
        return problem(422, "two_keys", "the header's key and the body's differ", do="Send one of them.")
    key = in_body if named is None else named
    if key is None or not _is_name(key):
        do = "Send a key of 1 to 64 printable ASCII characters, without spaces and slashes."
        return problem(422, "malformed_key", "this can't be a key", do=do)
    return key


def _is_name(text: str) -> bool:
    return re.fullmatch(body.NAME_PATTERN, text) is not None


def _add_posts(app: FastAPI, ledger: _LedgerThreads) -> None:
    @app.post("/v1/calls/{call_id}/postbacks", summary="Post a sale", responses=_PROBLEMS)
    async def postback(call_id: CallId, said: body.Postback, advertiser: Advertiser, idempotency_key: KeyHeader = None) -> Response:
        """You owe the amount for it, or what the campaign's price says. A new amount, under a new key, replaces the one before."""
        act = actions.Postback(amount_micros=said.amount)
        return await ledger.post(act, said, call_id=call_id, advertiser=advertiser, header=idempotency_key)

    @app.post("/v1/calls/{call_id}/dispositions", summary="Say how a call went", responses=_PROBLEMS)
    async def disposition(
        call_id: CallId, said: body.Disposition, advertiser: Advertiser, idempotency_key: KeyHeader = None
    ) -> Response:
        """You owe the part of the price that was agreed on for the code. A later one replaces the one before."""
        act = actions.Disposition(code=said.code)
        return await ledger.post(act, said, call_id=call_id, advertiser=advertiser, header=idempotency_key)

    @app.post("/v1/calls/{call_id}/disputes", summary="Object to a charge", responses=_PROBLEMS)
    async def dispute(call_id: CallId, said: body.Dispute, advertiser: Advertiser, idempotency_key: KeyHeader = None) -> Response:
        """The operator upholds or rejects it."""
        return await ledger.post(actions.Dispute(), said, call_id=call_id, advertiser=advertiser, header=idempotency_key)


def _add_recording(app: FastAPI, pause: Pause) -> None:
    limiter = CapacityLimiter(LEDGER_THREADS)

    @app.put("/v1/calls/{call_id}/recording", summary="Pause the recording of a call in progress", responses=_PROBLEMS)
    async def recording(call_id: CallId, said: body.RecordingPause, advertiser: Advertiser) -> Response:
        """While your line talks with the caller: for what must not be recorded, a card's number. Until it goes on, there is silence
        in it. The same again changes nothing."""
        order = PauseRecording(id=1, call_id=call_id, paused=said.paused, advertiser=advertiser)
        match await to_thread.run_sync(partial(pause, order), limiter=limiter):
            case "done":
                return JSONResponse({"call_id": call_id, "paused": said.paused})
            case "not_recorded":
                return not_recorded()
            case "no_switch":
                return no_switch()
            case unknown:
                assert_never(unknown)


def _add_gets(app: FastAPI, ledger: _LedgerThreads, *, now_us: Callable[[], int]) -> None:
    @app.get("/v1/calls/{call_id}", summary="See a call of yours, and what you owe for it", responses=_PROBLEMS)
    async def call(call_id: CallId, advertiser: Advertiser) -> Response:
        found = await ledger.ask(partial(ledger.postings.call, call_id)) if _is_name(call_id) else None
        if found is None or all(each.advertiser != advertiser for each in found.record.attempts):
            return no_such_call()
        return JSONResponse(advertiser_call(found.record, found.money, found.states, advertiser=advertiser, now_us=now_us()))

    @app.get("/v1/balance", summary="See what you have paid in advance, and what you owe", responses=_PROBLEMS)
    async def balance(advertiser: Advertiser) -> Response:
        """`left`: what calls may still cost before they stop; null: you are billed afterwards."""
        account = await ledger.ask(partial(ledger.postings.account, advertiser))
        left = account.left_micros
        return JSONResponse(
            {
                "advertiser": advertiser,
                "deposits": show_micros(account.deposits_micros),
                "owed": show_micros(account.owed_micros),
                "credit": None if account.credit_micros is None else show_micros(account.credit_micros),
                "left": None if left is None else show_micros(left),
            }
        )

    @app.get("/v1/health", summary="Whether postings are taken", responses={503: _PROBLEM})
    async def health() -> Response:
        """Proved by a small write to the ledger; 503 where that can't be done. Needs no token."""
        await to_thread.run_sync(ledger.postings.probe, limiter=ledger.probing)
        return JSONResponse({"status": "ok", "postings": "taken"})


def _add_search(app: FastAPI, ledger: _LedgerThreads, *, now_us: Callable[[], int]) -> None:
    @app.get("/v1/calls", summary="Find calls of yours, the newest first", responses=_PROBLEMS)
    async def calls(query: Annotated[CallQuery, Query()], advertiser: Advertiser) -> Response:
        """Calls that one of your lines was dialled for, and that are over. `next`: the cursor of the next page; null: this is the last."""
        search = query.search(advertiser, now_us=now_us())
        found = await ledger.ask(partial(ledger.postings.find, search, limit=query.limit + 1))
        page = found[: query.limit]
        return JSONResponse(
            {
                "from": time_of(search.from_us),
                "to": time_of(search.to_us),
                "calls": [advertiser_listing(record, advertiser=advertiser) for record in page],
                "next": cursor_of(page[-1]) if len(found) > len(page) else None,
            }
        )


def _add_docs(app: FastAPI) -> None:
    page = docs_page(app.openapi())

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"})


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(LedgerUnwritable)
    @app.exception_handler(LedgerUnreadable)
    async def no_ledger(_: Request, error: Exception) -> Response:
        _log.error("api: ledger", why=str(error))
        return unavailable()

    @app.exception_handler(RecordRefused)
    async def not_held(_: Request, error: Exception) -> Response:
        _log.error("api: the ledger holds no such value", why=str(error))
        return problem(422, "not_held", "the ledger holds no such value", do="Send shorter, plainer texts.")

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        wrong = [
            {"where": _where(each["loc"]), "what": body.what_is_wrong(each["type"], each.get("ctx", {}))} for each in error.errors()
        ]
        do = "Send what /docs says, with what `wrong` names put right."
        return problem(422, "malformed", "; ".join(f"{each['where']}: {each['what']}" for each in wrong), do=do, wrong=wrong)

    @app.exception_handler(HTTPException)
    async def other(_: Request, error: HTTPException) -> Response:
        return of_status(error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def fault(_: Request, error: Exception) -> Response:
        _log.error("api: a request broke", exc_info=error)
        return broken()


def _where(loc: tuple[str | int, ...]) -> str:
    """`body.amount`, without the numbers that say where in the text JSON ends."""
    return ".".join(str(part) for part in loc if isinstance(part, str))


_PROBLEM: dict[str, Any] = {
    "description": "A problem: `detail` says what, `do` what to do about it",
    "content": {MEDIA_TYPE: {"schema": {"type": "object"}}},
}
_PROBLEMS: dict[int | str, dict[str, Any]] = dict.fromkeys((400, 401, 404, 408, 409, 413, 415, 422, 500, 503), _PROBLEM)
