"""Ports that rest, deadlines that move, numbers as carriers write them."""

from switch.engine.deadlines import Deadlines
from switch.engine.media import RtpPorts

MS = 1_000_000


def test_only_even_ports_are_given_out_each_once() -> None:
    ports = RtpPorts(20_001, 20_006, quiet_ms=10)
    assert [ports.take(0) for _ in range(4)] == [20_002, 20_004, 20_006, None]


def test_a_port_rests_for_the_quiet_time() -> None:
    ports = RtpPorts(20_000, 20_001, quiet_ms=10)
    assert ports.take(0) == 20_000
    ports.give_back(20_000, 5 * MS)
    assert ports.take(15 * MS - 1) is None
    assert ports.take(15 * MS) == 20_000


def test_a_port_that_was_never_opened_need_not_rest() -> None:
    ports = RtpPorts(20_000, 20_001, quiet_ms=10)
    assert ports.take(0) == 20_000
    ports.give_back_unused(20_000)
    assert ports.take(0) == 20_000


def test_the_longest_unused_port_comes_first() -> None:
    ports = RtpPorts(20_000, 20_003, quiet_ms=0)
    first = ports.take(0)
    assert first is not None
    ports.give_back(first, 0)
    assert ports.take(1) != first


def test_a_deadline_that_moved_is_told_once_at_its_new_time() -> None:
    deadlines = Deadlines()
    deadlines.set("a", 10)
    deadlines.set("b", 20)
    deadlines.set("a", 30)
    assert deadlines.next() == 20
    assert [deadlines.pop_due(30), deadlines.pop_due(30), deadlines.pop_due(30)] == ["b", "a", None]
    assert deadlines.next() is None


def test_a_deadline_that_was_taken_back_never_comes() -> None:
    deadlines = Deadlines()
    deadlines.set("a", 10)
    deadlines.set("b", 15)
    deadlines.set("b", None)
    assert deadlines.pop_due(5) is None
    assert [deadlines.pop_due(99), deadlines.pop_due(99)] == ["a", None]


def test_what_lies_behind_a_told_deadline_is_not_a_stale_one() -> None:
    deadlines = Deadlines()
    deadlines.set("a", 10)
    deadlines.set("b", 20)
    deadlines.set("b", 40)
    deadlines.set("c", 30)
    assert deadlines.pop_due(10) == "a"
    assert deadlines.next() == 30
