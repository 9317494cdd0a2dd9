"""Ports that rest."""

from switch.engine.ports import RtpPorts

MS = 1_000_000


def test_only_even_ports_are_given_out_each_once() -> None:
    ports = RtpPorts(20_001, 20_006, quiet_ms=10)
    assert [ports.allocate(0) for _ in range(4)] == [20_002, 20_004, 20_006, None]


def test_a_port_rests_for_the_quiet_time() -> None:
    ports = RtpPorts(20_000, 20_001, quiet_ms=10)
    assert ports.allocate(0) == 20_000
    ports.release(20_000, 5 * MS)
    assert ports.allocate(15 * MS - 1) is None
    assert ports.allocate(15 * MS) == 20_000


def test_a_port_that_was_never_opened_need_not_rest() -> None:
    ports = RtpPorts(20_000, 20_001, quiet_ms=10)
    assert ports.allocate(0) == 20_000
    ports.release_unused(20_000)
    assert ports.allocate(0) == 20_000


def test_the_longest_unused_port_comes_first() -> None:
    ports = RtpPorts(20_000, 20_003, quiet_ms=0)
    first = ports.allocate(0)
    assert first is not None
    ports.release(first, 0)
    assert ports.allocate(1) != first
