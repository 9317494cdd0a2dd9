"""The page of one call: in progress, what is known of it now; over, all that the ledger has of it. And its recordings, to play."""

from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, Response

from switch.api.view import MoneyEntry, entries
from switch.billing.entry_state import StateRow
from switch.billing.verdict import JudgedCall, MoneyRow
from switch.deployment import Role
from switch.explanation import Explanation, explain, sources
from switch.ledger.reading import KeptRecording
from switch.trace.message import Trace
from switch.trace.pcap import pcap
from switch.web.pages import page, sight, user_of
from switch.web.sight import Sight
from switch.web.sip_ladder import laid_out, trace_in
from switch.web.site import Site
from switch.web.steering import actor_of, note
from switch.web.timeline import timeline_of

MEDIA_TYPES = {".wav": "audio/wav", ".ogg": "audio/ogg", ".opus": "audio/ogg"}
UNKNOWN = "there is no call with this id, or it is none of yours"

_log = structlog.get_logger("payphone.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whole:
    """A call with all that the ledger has of it."""

    explanation: Explanation
    money: list[MoneyRow]
    states: list[StateRow]
    recordings: list[KeptRecording]
    trace: Trace | None

    @property
    def judged(self) -> JudgedCall:
        return self.explanation.judged


def add_call(app: FastAPI, site: Site) -> None:
    @app.get("/calls/{call_id}")
    async def call(request: Request, call_id: str) -> Response:
        seen = sight(request)
        whole = await site.ask(partial(_whole, site, call_id))
        is_part = bool(request.headers.get("hx-request"))
        if whole is not None and seen.sees(whole.judged.record):
            if is_part:  # the page of a call in progress follows it: now it is over
                return Response(headers={"HX-Refresh": "true"})
            return page(request, "call.html", **_values(whole, seen, now_us=site.now_us()))
        live = None if whole is not None else site.hub.call(call_id, seen)
        if live is None:
            raise HTTPException(404, UNKNOWN)
        return page(request, "call_live_part.html" if is_part else "call_live.html", call=live, now_us=site.now_us())

    _add_files(app, site)


def _add_files(app: FastAPI, site: Site) -> None:
    """What a call has beside its page. Operators only."""

    @app.get("/calls/{call_id}/recordings/{number}")
    async def recording(request: Request, call_id: str, number: int) -> Response:
        """A player asks for it in parts, by ranges."""
        seen = sight(request)
        if not seen.is_whole:
            raise HTTPException(403, "recordings are for operators")
        found = await site.ask(partial(site.ledger.recordings_of, [call_id]))
        if not 0 <= number < len(found) or found[number].deletion is not None:
            raise HTTPException(404, "there is no such recording, or it has been deleted")
        path = site.deployment.switch.recordings_in.directory / found[number].recording.path
        if not await site.ask(path.is_file):
            raise HTTPException(404, "the file of this recording is not there")
        if not request.headers.get("range", "").removeprefix("bytes=").strip("0-"):
            _log.info("console: recording played", user=user_of(request).name, call_id=call_id, path=found[number].recording.path)
            await note(site, actor_of(user_of(request)), "recording_played", call_id)
        return FileResponse(path, media_type=_media_type(path))

    @app.get("/calls/{call_id}/sip.pcap")
    async def capture(request: Request, call_id: str) -> Response:
        if not sight(request).is_whole:
            raise HTTPException(403, "SIP messages are for operators")
        trace = await site.ask(partial(trace_in, site.ledger, call_id))
        if trace is None:
            raise HTTPException(404, "the SIP messages of this call were not kept")
        headers = {"Content-Disposition": f'attachment; filename="{sha256(call_id.encode()).hexdigest()[:12]}.pcap"'}
        return Response(pcap(trace), media_type="application/vnd.tcpdump.pcap", headers=headers)


def _media_type(path: Path) -> str:
    return MEDIA_TYPES.get(path.suffix, "application/octet-stream")


def _whole(site: Site, call_id: str) -> _Whole | None:
    ledger = site.ledger
    found = ledger.calls(limit=1, call_id=call_id)
    if not found:
        return None
    money = ledger.rows_of(call_id)
    states = ledger.state_rows([row.key for row in money])
    recordings = ledger.recordings_of([call_id])
    explanation = explain(
        found[0],
        rows=money,
        config=sources(ledger.config(found[0].record.config)),
        states=states,
        recordings=recordings,
        heard=ledger.heard_of([call_id]).get(call_id, ()),
        media=ledger.media_of([call_id]).get(call_id, ()),
    )
    return _Whole(explanation=explanation, money=money, states=states, recordings=recordings, trace=trace_in(ledger, call_id))


def _values(whole: _Whole, seen: Sight, *, now_us: int) -> dict[str, Any]:
    """What the page shows: what is not to be seen is not even handed to it."""
    judged = whole.judged
    record = judged.record
    attempts = seen.attempts(record)
    own = list(seen.rows(whole.money))
    keys = {row.key for row in own}
    found: list[MoneyEntry] = list(entries(own, [state for state in whole.states if state.of in keys], now_us))
    return {
        "record": record,
        "caller": seen.caller(record.ani, record.tags),
        "number": seen.number(record.did),
        "publisher": seen.publisher(record.publisher),
        "campaign": seen.campaign(record),
        "ended": seen.ended(judged),
        "tags": seen.tags(record.tags),
        "attempts": attempts,
        "failures": judged.failures() if seen.is_whole else {},
        "timeline": timeline_of(record, judged.events, attempts, named=seen.is_whole, caller=seen.role is not Role.ADVERTISER),
        "entries": found,
        "states": [state for state in whole.states if state.of in keys and seen.is_whole],
        "verdict": judged.verdict if seen.is_whole else None,
        "explanation": whole.explanation if seen.is_whole else None,
        "recordings": whole.recordings if seen.is_whole else [],
        "sip": laid_out(whole.trace) if seen.is_whole and whole.trace is not None else None,
    }
