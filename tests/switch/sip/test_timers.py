"""The heap of alarms: order, and how little of what was stopped it keeps."""

from itertools import pairwise

import pytest

from switch.sip.timers import NS_PER_MS, STALE_KEPT, Alarms, Timers


def test_alarms_ring_in_order_and_those_of_one_instant_as_they_were_set() -> None:
    alarms, rung = Alarms(), list[str]()
    for at_ns, name in [(5, "b"), (5, "c"), (1, "a"), (9, "d")]:
        alarms.set(at_ns, lambda _now, name=name: rung.append(name))  # type: ignore[misc]
    alarms.ring(5)
    assert rung == ["a", "b", "c"]
    assert alarms.next_ns() == 9


def test_stopped_alarms_are_swept() -> None:
    alarms = Alarms()
    for old, _new in pairwise([alarms.set(n, lambda _now: None) for n in range(10_000)]):
        alarms.stop(old)
        alarms.stop(old)
    assert len(alarms) == 1
    assert len(alarms._heap) <= 2 * len(alarms) + STALE_KEPT
    assert alarms.next_ns() == 9_999


def test_an_alarm_set_by_an_alarm_for_now_rings_too() -> None:
    alarms, rung = Alarms(), list[int]()

    def set_another(_now_ns: int) -> None:
        alarms.set(4, rung.append)

    alarms.set(3, set_another)
    alarms.ring(10)
    assert rung == [10]


@pytest.mark.parametrize(("at_ms", "done_ms"), [(0, 0), (1, 500), (499, 500), (500, 500), (501, 1_000), (32_001, 32_500)])
def test_clean_ups_wait_for_the_next_whole_t1(at_ms: int, done_ms: int) -> None:
    assert Timers().clean_up_ns(at_ms * NS_PER_MS) == done_ms * NS_PER_MS


def test_a_stopped_alarm_wakes_nobody() -> None:
    alarms = Alarms()
    first = alarms.set(1, lambda _now: None)
    alarms.set(2, lambda _now: None)
    alarms.stop(first)
    assert alarms.next_ns() == 2
