"""The ears process: what it is told and what it tells, whatever else comes."""

from pathlib import Path

import pytest
from ears_client import PATIENCE_S, EarsClient
from tap_frames import framed, keys

from media.control import DigitReceived, WorkerProblem
from media.listening import EarsHeartbeat, Listen, QuitEars, StopListening


@pytest.fixture
def taps(tmp_path: Path) -> Path:
    return tmp_path / "ears"


def test_keys_of_two_legs_are_told_each_by_its_port(taps: Path) -> None:
    with EarsClient(taps) as ears:
        ears.order(Listen(listening=1, port=20_000, at_ns=0), Listen(listening=2, port=20_004, at_ns=0))
        one, other = framed(keys("1"), tap=1), framed(keys("#"), tap=2)
        ears.send([each for pair in zip(one, other, strict=True) for each in pair])
        found = {(report.port, report.digit) for report in (ears.expect(DigitReceived), ears.expect(DigitReceived))}
    assert found == {(20_000, "1"), (20_004, "#")}


def test_who_is_listened_to_no_longer_and_who_never_was_is_not_heard(taps: Path) -> None:
    with EarsClient(taps) as ears:
        ears.order(Listen(listening=1, port=20_000, at_ns=0), StopListening(listening=1), StopListening(listening=9))
        ears.order(Listen(listening=2, port=20_002, at_ns=0))
        for tap in (1, 9, 2):
            ears.send(framed(keys(str(tap)), tap=tap))
        assert ears.expect(DigitReceived).digit == "2"


def test_what_is_no_frame_and_no_order_is_told_and_stops_nothing(taps: Path) -> None:
    with EarsClient(taps) as ears:
        ears.order(Listen(listening=1, port=20_000, at_ns=0))
        ears.send((), garbage=b"\0" * 40)
        assert ears.expect(WorkerProblem).doing == "reading frames"
        ears._control.send(b"\xc1")
        assert ears.expect(WorkerProblem).doing == "reading an order"
        ears.send(framed(keys("8")))
        assert ears.expect(DigitReceived).digit == "8"


def test_it_is_alive_and_ends_when_it_is_told_to_or_the_engine_is_gone(taps: Path) -> None:
    with EarsClient(taps) as ears:
        ears.expect(EarsHeartbeat)
        ears.order(QuitEars())
        assert ears.process.wait(PATIENCE_S) == 0
    assert not taps.exists()
    with EarsClient(taps) as ears:
        ears.hang_up()
        assert ears.process.wait(PATIENCE_S) == 0


def test_one_that_follows_a_killed_one_has_its_path(taps: Path) -> None:
    with EarsClient(taps) as killed:
        killed.process.kill()
        killed.process.wait(PATIENCE_S)
        assert taps.exists()
    with EarsClient(taps) as ears:
        ears.order(Listen(listening=1, port=20_000, at_ns=0))
        ears.send(framed(keys("4")))
        assert ears.expect(DigitReceived).digit == "4"
