"""The log: what a line looks like to people and to programs, who writes to it, and what a reader who stops reading costs."""

import io
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Literal

import pytest
import structlog

from switch import log
from switch.output import Line, write_lines

HOSTILE = "\x1b[2J\x9b31m\u202e[red]\n\udc00"


@pytest.fixture
def unconfigured() -> Iterator[None]:
    """Logging is the process's: it is put back."""
    root = logging.getLogger()
    before = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = before[0], before[1]
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def logged(how: Literal["console", "json"], *, say: str = "told", **facts: object) -> str:
    """What one event writes to a stdout that is no terminal."""
    with redirect_stdout(io.StringIO()) as out:
        log._configure(how, write_lines, level=logging.INFO)
        structlog.get_logger().info(say, **facts)
    return out.getvalue()


@pytest.mark.usefixtures("unconfigured")
class TestLines:
    def test_json_carries_the_traceback(self) -> None:
        with redirect_stdout(io.StringIO()) as out:
            log._configure("json", write_lines, level=logging.INFO)
            try:
                raise ValueError(HOSTILE)
            except ValueError:
                structlog.get_logger().exception("broke")
        (line,) = out.getvalue().splitlines()
        told = json.loads(line)
        assert told["exception"].startswith("Traceback")
        assert told["exception"].endswith(f"ValueError: {HOSTILE}")
        assert line.isprintable()

    def test_console_shows_a_traceback_below_its_line(self) -> None:
        with redirect_stdout(io.StringIO()) as out:
            log._configure("console", write_lines, level=logging.INFO)
            try:
                raise ValueError(HOSTILE)
            except ValueError:
                structlog.get_logger().exception("broke", why="x y")
        lines = out.getvalue().splitlines()
        assert lines[0].split()[1:] == ["error", "broke", 'why="x', 'y"']
        assert lines[1:3] == ["    exception:", "    Traceback (most recent call last):"]
        assert lines[-2] == "    ValueError: \\x1b[2J\\x9b31m\\u202e[red]"
        assert all(line.isprintable() for line in lines)

    @pytest.mark.parametrize("how", ["console", "json"])
    def test_strangers_words_steer_no_terminal(self, how: Literal["console", "json"]) -> None:
        told = logged(how, say=HOSTILE.replace("\n", ""), tag=HOSTILE.replace("\n", ""), tags={"a": [HOSTILE]})
        (line,) = told.splitlines()
        assert line.isprintable()
        if how == "json":
            assert json.loads(line)["tags"] == {"a": [HOSTILE]}

    def test_problems_are_read_as_they_are_written(self) -> None:
        lines = logged("console", problem='a.yaml:4:3  unknown line "x"\n    4 |   x: 1\n').splitlines()
        assert lines[1:] == ["    problem:", '    a.yaml:4:3  unknown line "x"', "        4 |   x: 1"]

    def test_the_standard_library_s_loggers_go_the_same_way(self) -> None:
        with redirect_stdout(io.StringIO()) as out:
            log._configure("json", write_lines, level=logging.INFO)
            logging.getLogger("asyncio").error("task %s died", "t1", exc_info=ValueError("why"))
            logging.getLogger("uvicorn.error").warning("bad %d", "no number")
            logging.getLogger("alembic.runtime.migration").info("Running upgrade")
            logging.getLogger("watchfiles.main").info("1 change detected")
        first, second, third = map(json.loads, out.getvalue().splitlines())
        assert (first["event"], first["logger"], first["level"]) == ("task t1 died", "asyncio", "error")
        assert "ValueError: why" in first["exception"]
        assert "bad %d" in second["event"]
        assert third["event"] == "Running upgrade"

    def test_each_line_of_a_call_has_its_id(self) -> None:
        with redirect_stdout(io.StringIO()) as out:
            log._configure("json", write_lines, level=logging.INFO)
            with log.of_call("c1"):
                structlog.get_logger().error("call broke")
                logging.getLogger("asyncio").error("of it too")
            with log.of_call(""):
                structlog.get_logger().error("of none")
        assert [json.loads(line).get("call_id") for line in out.getvalue().splitlines()] == ["c1", "c1", None]

    def test_quiet_logs_what_goes_wrong_and_not_to_stdout(self, capsys: pytest.CaptureFixture[str]) -> None:
        log.configure_quiet()
        structlog.get_logger().info("ready")
        structlog.get_logger().warning("slow")
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.split()[1:] == ["warning", "slow"]


# a reader that stops reading


@dataclass(slots=True)
class Stuck:
    """A pipe whose reader has stopped, until it reads again."""

    reads: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    lines: list[Line] = field(default_factory=list)

    def __call__(self, lines: Sequence[Line]) -> None:
        self.entered.set()
        assert self.reads.wait(10)
        self.lines += lines


def broken(_: Sequence[Line]) -> None:
    raise BrokenPipeError


def dropped_of(events: Sequence[Sequence[Line]]) -> list[Line]:
    """What a reader gets who reads again after all of `events`, but for the first line."""
    stuck = Stuck()
    writer = log._Writer(stuck, dropped=log._dropped_console)
    writer.start()
    writer.write(["first"])
    assert stuck.entered.wait(10)
    for event in events:
        writer.write(event)  # would block here, were it not for the thread
    stuck.reads.set()
    writer.drain()
    return stuck.lines[1:]


def test_as_many_lines_as_may_wait_are_all_written() -> None:
    assert dropped_of([[str(number)] for number in range(10_000)]) == [str(number) for number in range(10_000)]


def test_a_reader_that_stops_reading_stops_nobody_and_is_told_what_was_missed() -> None:
    lines = dropped_of([[str(number)] for number in range(10_500)])
    assert lines[0] == "0"
    assert lines[-1] == "500 log lines were dropped: nobody read them"
    assert len(lines) == 10_001


def test_what_was_dropped_is_counted_in_lines() -> None:
    full: list[Sequence[Line]] = [[str(number)] for number in range(10_000)]
    assert dropped_of([*full, ["broke", "    Traceback", "    ValueError"]])[-1] == "3 log lines were dropped: nobody read them"
    assert json.loads(str(log._dropped_json(3)))["lines"] == 3


def test_a_reader_that_has_left_raises_nothing() -> None:
    writer = log._Writer(broken, dropped=log._dropped_console)
    writer.start()
    for _ in range(100):
        writer.write(["line"])
    writer.drain()
    assert not writer.is_alive()
