"""A log that nobody reads, or nobody can write, costs lines and nothing else."""

import io
import threading

from switch import log

LINES = log.MAX_WAITING + 500


class Stuck(io.StringIO):
    """A pipe whose reader has stopped, until he reads again."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = threading.Event()
        self.entered = threading.Event()

    def write(self, text: str) -> int:
        self.entered.set()
        assert self.reads.wait(10)
        return super().write(text)


class Broken(io.StringIO):
    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_stops_reading_stops_nobody_and_is_told_what_he_missed() -> None:
    stream = Stuck()
    writer = log._Writer(stream)
    writer.start()
    writer.write("first\n")
    assert stream.entered.wait(10)
    for number in range(LINES):
        writer.write(f"{number}\n")  # would block here, were it not for the thread
    stream.reads.set()
    writer.drain()
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["first", "0"]
    assert lines[-1] == "500 log lines were dropped: nobody read them"
    assert len(lines) == 1 + log.MAX_WAITING + 1


def test_a_reader_that_has_left_raises_nothing() -> None:
    writer = log._Writer(Broken())
    writer.start()
    for _ in range(100):
        writer.write("line\n")
    writer.drain()
    assert not writer.is_alive()
