"""Writes the log of a running switch: structlog to stdout, for people or as JSON lines, and the one canonical line per call.

Loggers of the standard library (asyncio, uvicorn, alembic, SQLAlchemy) take the same path. A line that is written while `of_call` is open
carries the call's id. Lines are written by a thread: a blocked reader of stdout, or a full disk, loses log lines and
never a call.
"""

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Literal

import structlog
from structlog.contextvars import bound_contextvars
from structlog.typing import EventDict, WrappedLogger

from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall
from switch.output import Line, Styled, json_text, write_lines

MAX_WAITING = 10_000
"""Lines that wait for a reader; beyond them new ones are dropped, and their number is logged once the reader reads again."""
DRAIN_S = 2.0
LINGER_S = 0.05
STYLES = {"warning": "yellow", "error": "red bold", "critical": "red bold"}
EVENT_WIDTH = 30
INDENT = "    "
MANY_LINES = ("problem", "trace", "exception", "stack")
"""Fields printed below their line. No other value gets lines of its own: it may come from a peer and imitate a line of the log."""
PLAIN = "-_.:/+@,%"
"""Characters, besides letters and digits, that a value may have without being quoted."""

How = Literal["console", "json"]

_log = structlog.get_logger("payphone.call")


def configure(how: How) -> None:
    """Sends everything that is logged to stdout. Called once, by the command line."""
    writer = _Writer(write_lines, dropped=_dropped_json if how == "json" else _dropped_console)
    writer.start()
    atexit.register(writer.drain)
    _configure(how, writer.write, level=logging.INFO)


def configure_quiet() -> None:
    """Sends warnings and errors to stderr and drops the rest: for a command that prints its own progress."""
    _configure("console", lambda lines: write_lines(lines, err=True), level=logging.WARNING)


def of_call(call_id: str) -> AbstractContextManager[None]:
    """Returns a context in which each line carries this call's id; "" adds none."""
    return bound_contextvars(call_id=call_id) if call_id else nullcontext()


def call_line(judged: JudgedCall, *, event: str = "call") -> None:
    """Logs the canonical line of a call."""
    record, verdict, failures = judged.record, judged.verdict, judged.failures()
    why = "; ".join(f"{each.line}: {failures[each.number]}" for each in record.attempts if each.number in failures)
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
        **({"why": why} if why else {}),
    )


# from an event to lines


def _configure(how: How, write: Callable[[Sequence[Line]], None], *, level: int) -> None:
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _json_lines if how == "json" else _console_lines,
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_names: _Sink(write),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_StandardHandler()], level=logging.WARNING, force=True)
    migrations = logging.getLogger("alembic.runtime.migration")
    migrations.setLevel(level)
    migrations.addFilter(_is_upgrade)
    logging.captureWarnings(capture=True)


def _is_upgrade(record: logging.LogRecord) -> bool:
    """Returns whether a record is Alembic's report of an upgrade; its preparations are not logged."""
    return record.levelno > logging.INFO or record.getMessage().startswith("Running upgrade")


class _Sink:
    """The structlog logger that writes the lines of one event."""

    def __init__(self, write: Callable[[Sequence[Line]], None]) -> None:
        self._write = write

    def msg(self, lines: Sequence[Line]) -> None:
        self._write(lines)

    debug = info = warning = error = critical = exception = msg


class _StandardHandler(logging.Handler):
    """Passes a record of the standard library to structlog, with the name of its logger and its traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            told = record.getMessage()
        except (TypeError, ValueError, KeyError):  # arguments that do not fit the message: logged unformatted, not lost
            told = f"{record.msg} {record.args}"
        log = structlog.get_logger()
        level = max(logging.DEBUG, min(logging.CRITICAL, record.levelno // 10 * 10))
        log.log(level, told, logger=record.name, **({"exc_info": record.exc_info} if record.exc_info else {}))


def _json_lines(_logger: WrappedLogger, _name: str, event: EventDict) -> tuple[tuple[Sequence[Line]], dict[str, Any]]:
    return ([json_text(event, default=str)],), {}


def _console_lines(_logger: WrappedLogger, _name: str, event: EventDict) -> tuple[tuple[Sequence[Line]], dict[str, Any]]:
    """Returns one line; tracebacks and config problems are printed below it."""
    at, level, what = str(event.pop("timestamp")), str(event.pop("level")), str(event.pop("event"))
    first: list[str | Styled] = [
        Styled(f"{at[:23]}Z  ", "dim"),
        Styled(f"{level:<8}", STYLES.get(level, "")),
        Styled(f"  {what:<{EVENT_WIDTH}}", "bold"),
    ]
    below: list[Line] = []
    for name, value in event.items():
        if name in MANY_LINES and isinstance(value, str):
            below.append(Styled(f"{INDENT}{name}:", "dim"))
            below.extend(INDENT + row for row in value.strip("\n").split("\n"))
        else:
            first += [Styled(f"  {name}=", "dim"), _value(value)]
    return ([first, *below],), {}


def _value(value: object) -> str:
    """Returns a plain word unchanged, anything else quoted."""
    text = value if isinstance(value, str) else str(value)
    plain = bool(text) and all(char.isalnum() or char in PLAIN for char in text)
    return text if plain or not isinstance(value, str) else json_text(text)


# from lines to the reader


def _dropped_console(lines: int) -> Line:
    return f"{lines} log lines were dropped: nobody read them"


def _dropped_json(lines: int) -> Line:
    return json_text({"event": "log lines were dropped: nobody read them", "lines": lines, "level": "warning"})


class _Writer(threading.Thread):
    """Writes lines in order. `write` never blocks and never fails. An event's lines are written together or dropped."""

    def __init__(self, write: Callable[[Sequence[Line]], None], *, dropped: Callable[[int], Line]) -> None:
        super().__init__(name="log", daemon=True)
        self._write = write
        self._wake = threading.Condition()
        self._waiting: deque[Line] = deque()
        self._dropped = 0
        self._say_dropped = dropped
        self._draining = False

    def write(self, lines: Sequence[Line]) -> None:
        with self._wake:
            if len(self._waiting) + len(lines) > MAX_WAITING:
                self._dropped += len(lines)
                return
            was_empty = not self._waiting
            self._waiting.extend(lines)
            if was_empty:
                self._wake.notify()

    def drain(self) -> None:
        """Waits until all is written, for a limited time."""
        with self._wake:
            self._draining = True
            self._wake.notify()
        self.join(DRAIN_S)

    def run(self) -> None:
        while lines := self._next():
            with suppress(OSError, ValueError):  # a closed pipe, a full disk, a stream closed at exit
                self._write(lines)

    def _next(self) -> list[Line]:
        """Returns all waiting lines, or none when draining is done."""
        with self._wake:
            self._wake.wait_for(lambda: self._waiting or self._draining)
            self._wake.wait_for(lambda: self._draining, LINGER_S)  # waking the thread for every line costs more than writing it
            lines = list(self._waiting)
            self._waiting.clear()
            if self._dropped:
                lines.append(self._say_dropped(self._dropped))
                self._dropped = 0
            return lines
