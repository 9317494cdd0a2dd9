"""TCP connections of the API, bounded: one that sends nothing, or a request's head too slowly, is closed, and so is the oldest idle one
when there are too many.

uvicorn speaks HTTP; its own limit counts connections as if each were a request, so a few silent ones would shut the API.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import h11
from fastapi.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from switch.api.problem import not_http, problem

MAX_CONNECTIONS = 256
"""At a time. One more closes the one that has waited longest for its request."""
HEAD_S = 10.0
"""How long a connection may take until the head of its next request is there."""


class BoundedProtocol(H11Protocol):
    """One connection. `waiting_since`: the event loop's time since when it has no request in flight."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting_since = self.loop.time()
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        _make_room([each for each in self.connections if isinstance(each, BoundedProtocol)])
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 in our words
        self._say(not_http())

    @property
    def is_answering(self) -> bool:
        """A whole request is here, and its answer is not complete."""
        return self._has_request and not self.cycle.more_body

    @property
    def _has_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch(self) -> None:
        """The time for a head runs while no request is in flight, and no byte of it starts it anew."""
        if self._has_request or self.transport.is_closing():
            self._stop_timer()
        elif self._head_timer is None:
            self.waiting_since = self.loop.time()
            self._head_timer = self.loop.call_later(HEAD_S, self._too_slow)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        if self.conn.trailing_data[0]:
            detail = f"the head of the request did not arrive within {HEAD_S:.0f} s"
            self._say(problem(408, "too_slow", detail, do="Send it in one go."))
        else:
            self.transport.abort()

    def _say(self, response: JSONResponse) -> None:
        """Sends the last answer on this connection."""
        try:
            headers = [*response.raw_headers, (b"connection", b"close")]
            for event in (
                h11.Response(status_code=response.status_code, reason=HTTPStatus(response.status_code).phrase, headers=headers),
                h11.Data(data=bytes(response.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:  # an answer is on its way already
            self.transport.abort()
            return
        self.transport.close()


def _make_room(connections: list[BoundedProtocol]) -> None:
    """Closes the connection that has waited longest, where there is no room for another one."""
    alive = [each for each in connections if not each.transport.is_closing()]
    waiting = [each for each in alive if not each.is_answering]
    if len(alive) >= MAX_CONNECTIONS and waiting:
        min(waiting, key=lambda each: each.waiting_since).transport.abort()
