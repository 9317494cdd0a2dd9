"""Knows how the switch logs: structlog, to stdout, for people or as JSON, and the one canonical line per call."""

import logging
import sys
from contextlib import suppress
from typing import Literal, TextIO, cast

import msgspec
import structlog

from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall

_log = structlog.get_logger("payphone.call")


class _Forgiving:
    """A stream whose failures cost log lines and nothing else: a full disk or a reader that left must not reach a call."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure(how: Literal["console", "json"]) -> None:
    """To be called once, by the command line."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(serializer=_as_json)
        if how == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Forgiving(sys.stdout))),
        cache_logger_on_first_use=True,
    )


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
