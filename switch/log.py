"""Knows how the switch logs: structlog, to stdout, for people or as JSON, and the one canonical line per call.

Lines are written by a thread: a reader of stdout that has stopped reading, or a full disk, costs log lines and never a call.
"""

import atexit
import logging
import sys
import threading
from collections import deque
from contextlib import suppress
from typing import Literal, TextIO, cast

import msgspec
import structlog

from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall

MAX_WAITING = 10_000
"""Lines that wait for a reader; beyond them new ones are dropped, and their number is told once he reads again."""
DRAIN_S = 2.0
LINGER_S = 0.05

_log = structlog.get_logger("payphone.call")


def configure(how: Literal["console", "json"]) -> None:
    """To be called once, by the command line."""
    for_people = structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    writer = _Writer(sys.stdout)
    writer.start()
    atexit.register(writer.drain)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_as_json) if how == "json" else for_people,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, writer)),
        cache_logger_on_first_use=True,
    )


class _Writer(threading.Thread):
    """A stream to structlog that never blocks and never fails; what it is given is written in order, by this thread."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(name="log", daemon=True)
        self._stream = stream
        self._wake = threading.Condition()
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._draining = False

    def write(self, text: str) -> int:
        with self._wake:
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(text)
                if len(self._waiting) == 1:
                    self._wake.notify()
            else:
                self._dropped += 1
        return len(text)

    def flush(self) -> None:
        """The thread flushes when it has written all there is."""

    def drain(self) -> None:
        """Wait until all is written, but not for a reader who never reads."""
        with self._wake:
            self._draining = True
            self._wake.notify()
        self.join(DRAIN_S)

    def run(self) -> None:
        while text := self._next():
            with suppress(OSError, ValueError):  # a reader that left, a full disk, a stream closed at exit
                self._stream.write(text)
                self._stream.flush()

    def _next(self) -> str:
        """All that waits; "" when there is nothing more to come."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._draining)
            self._wake.wait_for(lambda: self._draining, LINGER_S)  # a thread that wakes up for every line costs more than the lines
            text = "".join(self._waiting)
            self._waiting.clear()
            if self._dropped:
                text += f"{self._dropped} log lines were dropped: nobody read them\n"
                self._dropped = 0
            return text


def _as_json(event: object, **_: object) -> str:
    return msgspec.json.encode(event).decode()


def call_line(judged: JudgedCall, *, event: str = "call") -> None:
    """Everything one asks of a call first, in one line."""
    record, verdict = judged.record, judged.verdict
    _log.info(
        event,
        call_id=record.call_id,
        did=record.did,
        ani=record.ani,
        trunk=record.trunk,
        publisher=record.publisher,
        campaign=record.campaign,
        final_state=record.final_state.value,
        ended_by=record.ended_by.value,
        sip_code=record.sip_code,
        lines=",".join(f"{attempt.line}:{attempt.outcome.value}" for attempt in record.attempts),
        total_ms=record.total_ms,
        menu_ms=record.menu_ms,
        connected_ms=record.connected_ms,
        billable=verdict.billable,
        revenue=show_micros(verdict.revenue_micros),
        payout=show_micros(verdict.payout_micros),
    )
