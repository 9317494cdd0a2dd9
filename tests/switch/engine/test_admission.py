"""Whether a new call is taken at all: drain, ledger, load with hysteresis, live calls, calls per second."""

import pytest

from switch.call.cause import Cause
from switch.engine.admission import OVERLOAD_LAG_MS, RELIEF_LAG_MS, RELIEF_NS, Admission


def objection(admission: Admission, *, live_calls: int = 0, max_calls: int = 10, now_ns: int = 0) -> Cause | None:
    return admission.objection(live_calls=live_calls, max_calls=max_calls, now_ns=now_ns)


def test_the_first_reason_counts() -> None:
    admission = Admission()
    assert objection(admission) is None
    assert objection(admission, live_calls=9) is None
    assert objection(admission, live_calls=10) is Cause.OVERLOAD
    admission.ledger_writable(writable=False)
    assert objection(admission, live_calls=10) is Cause.LEDGER_UNAVAILABLE
    admission.drain()
    assert objection(admission, live_calls=10) is Cause.STOPPING


@pytest.mark.parametrize(("lag_ms", "refused"), [(OVERLOAD_LAG_MS - 1, None), (OVERLOAD_LAG_MS, Cause.OVERLOAD)])
def test_a_switch_that_is_behind_refuses(lag_ms: int, refused: Cause | None) -> None:
    admission = Admission()
    assert not admission.load(OVERLOAD_LAG_MS, 0)
    assert objection(admission) is None
    assert admission.load(lag_ms, 10) is (refused is not None)
    assert objection(admission) is refused
    assert admission.lag_ms == lag_ms


def test_stalls_that_are_over_refuse_nobody() -> None:
    admission = Admission()
    for at in range(5):
        assert not admission.load(OVERLOAD_LAG_MS, 2 * at)
        assert not admission.load(OVERLOAD_LAG_MS - 1, 2 * at + 1)
    assert objection(admission) is None


def test_it_has_recovered_after_a_second_without_lag() -> None:
    admission = Admission()
    admission.load(OVERLOAD_LAG_MS, 0)
    admission.load(OVERLOAD_LAG_MS, 0)
    assert not admission.load(RELIEF_LAG_MS - 1, 10)
    assert not admission.load(RELIEF_LAG_MS, 20)  # begins the second anew
    assert not admission.load(0, 30)
    assert not admission.load(0, 30 + RELIEF_NS - 1)
    assert objection(admission) is Cause.OVERLOAD
    assert admission.load(0, 30 + RELIEF_NS)
    assert objection(admission) is None


def test_calls_a_second_and_only_calls_that_are_taken_count() -> None:
    admission = Admission()
    admission.limit(2)
    for _ in range(5):
        assert objection(admission, live_calls=10) is Cause.OVERLOAD
    assert [objection(admission) for _ in range(3)] == [None, None, Cause.OVERLOAD]
    admission.limit(2)  # a reload with the same limit is no new bucket
    assert objection(admission) is Cause.OVERLOAD
    assert objection(admission, now_ns=500_000_000) is None
    admission.limit(3)
    assert objection(admission, now_ns=500_000_000) is None
    admission.limit(None)
    assert [objection(admission, now_ns=500_000_000) for _ in range(9)] == [None] * 9
