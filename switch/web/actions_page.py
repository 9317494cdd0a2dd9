"""The page Actions: what is overridden, who did what; and the forms by which operators steer the running switch."""

from functools import partial
from typing import Annotated, Any

from fastapi import FastAPI, Form, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from routing.override import TargetKind
from switch.billing.money import micros_from
from switch.control.client import ControlError
from switch.control.messages import MAX_REASON, Lifted, LiftOverride, LimitCap, Overridden, Pause
from switch.deployment import User
from switch.ledger.steering import ActionFilter
from switch.period import HOUR_US
from switch.web import steering
from switch.web.pages import page, sight, user_of
from switch.web.site import Site

SHOWN = 200
MAX_HUNG_UP_AT_ONCE = 2_000
"""Calls that one form hangs up."""
SPANS = {"": None, "15m": HOUR_US // 4, "1h": HOUR_US, "4h": 4 * HOUR_US, "24h": 24 * HOUR_US}
"""How long an override holds, UTC microseconds; None: until it is lifted."""
PAUSED = [kind.value for kind in TargetKind if kind is not TargetKind.CAP]


def add_actions(app: FastAPI, site: Site) -> None:
    @app.get("/actions")
    async def actions(request: Request) -> Response:
        if not sight(request).is_whole:
            raise HTTPException(403, "actions are for operators")
        return await _page(request, site)

    @app.post("/hangup")
    async def hang_up(request: Request, calls: Annotated[str, Form()], reason: Annotated[str, Form()] = "") -> Response:
        """Exactly these calls: a filter is what the page shows, and its count was said."""
        user = _operator(request)
        call_ids = [each for each in calls.split(",") if each]
        if not 0 < len(call_ids) <= MAX_HUNG_UP_AT_ONCE:
            raise HTTPException(422, f"between 1 and {MAX_HUNG_UP_AT_ONCE} calls are hung up at once")
        try:
            done = await steering.hang_up(site, call_ids, user=user, reason=reason[:MAX_REASON])
        except ControlError as error:
            return JSONResponse({"why": str(error)}, status_code=503)
        return JSONResponse({"ended": len(done.ended), "unknown": len(done.unknown)})

    @app.post("/pause")
    async def pause(
        request: Request,
        target: Annotated[str, Form()],
        span: Annotated[str, Form()] = "",
        reason: Annotated[str, Form()] = "",
    ) -> Response:
        """`target`: such as `line:acme-east`."""
        user = _operator(request)
        kind, _, name = target.partition(":")
        if kind not in PAUSED or span not in SPANS:
            raise HTTPException(422, "there is nothing of this kind, or no such span")
        command = Pause(
            id=1,
            target_kind=TargetKind(kind),
            name=name.strip(),
            until_us=_until_us(site, span),
            actor=steering.actor_of(user),
            reason=reason[:MAX_REASON],
        )
        return await _steered(request, site, partial(steering.ask, site, command, Overridden))

    @app.post("/cap")
    async def cap(
        request: Request,
        key: Annotated[str, Form()],
        limit: Annotated[str, Form()],
        span: Annotated[str, Form()] = "",
        reason: Annotated[str, Form()] = "",
    ) -> Response:
        user = _operator(request)
        wanted = _limit(key, limit)
        if wanted is None or span not in SPANS:
            return await _page(request, site, why=f"{limit!r} is no limit of this cap", status=422)
        command = LimitCap(
            id=1,
            key=key,
            limit=wanted,
            until_us=_until_us(site, span),
            actor=steering.actor_of(user),
            reason=reason[:MAX_REASON],
        )
        return await _steered(request, site, partial(steering.ask, site, command, Overridden))

    @app.post("/lift")
    async def lift(request: Request, number: Annotated[int, Form()], reason: Annotated[str, Form()] = "") -> Response:
        user = _operator(request)
        command = LiftOverride(id=1, number=number, actor=steering.actor_of(user), reason=reason[:MAX_REASON])
        return await _steered(request, site, partial(steering.ask, site, command, Lifted))


def _operator(request: Request) -> User:
    """Returns who asks. Raises HTTPException where that is nobody who may change anything."""
    if not sight(request).may_act:
        raise HTTPException(403, "only operators steer the switch")
    return user_of(request)


async def _steered(request: Request, site: Site, work: Any) -> Response:
    """Does it, and shows the page; or says why the switch did not."""
    try:
        await work()
    except ControlError as error:
        return await _page(request, site, why=str(error), status=409)
    return RedirectResponse("/actions", status_code=303)


async def _page(request: Request, site: Site, *, why: str | None = None, status: int = 200) -> Response:
    rows = await site.ask(partial(site.ledger.actions, ActionFilter(), limit=SHOWN))
    table = site.deployment.plan.table
    names = {
        "line": sorted(table.lines),
        "advertiser": sorted({line.advertiser for line in table.lines.values()}),
        "campaign": sorted(table.campaigns),
        "publisher": sorted(table.publishers),
        "number": sorted(table.numbers),
    }
    overrides, caps = site.hub.overrides, site.hub.caps
    values: dict[str, Any] = {"rows": rows, "overrides": overrides, "caps": caps, "names": names, "why": why, "spans": list(SPANS)}
    return page(request, "actions.html", status=status, **values)


def _until_us(site: Site, span: str) -> int | None:
    length_us = SPANS[span]
    return None if length_us is None else site.now_us() + length_us


def _limit(key: str, text: str) -> int | None:
    """Returns calls, or micros where the cap counts revenue; None: it is no limit."""
    text = text.strip()
    if "/revenue/" not in key:
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None
    try:
        return micros_from(text)
    except ValueError:
        return None
