"""The token bucket: a rate, a burst, nothing saved beyond it."""

import pytest

from switch.token_bucket import TokenBucket

S = 1_000_000_000


@pytest.mark.parametrize("burst", [1, 5])
def test_a_burst_then_the_rate(burst: int) -> None:
    bucket = TokenBucket(per_second=10, burst=burst)
    assert [bucket.take(0) for _ in range(burst + 1)] == [True] * burst + [False]
    assert not bucket.take(S // 10 - 1)
    assert bucket.take(S // 10)
    assert not bucket.take(S // 10)


def test_a_pause_saves_no_more_than_the_burst() -> None:
    bucket = TokenBucket(per_second=10, burst=5)
    bucket.take(0)
    assert sum(bucket.take(3_600 * S) for _ in range(10)) == 5


def test_over_a_long_time_the_rate_holds_whatever_is_offered() -> None:
    bucket = TokenBucket(per_second=7, burst=1)
    assert sum(bucket.take(now_ns) for now_ns in range(0, 60 * S, S // 300)) in range(410, 421)


def test_it_is_full_when_as_much_time_has_passed_as_its_tokens_take() -> None:
    bucket = TokenBucket(per_second=10, burst=5)
    assert bucket.is_full(0)
    for _ in range(3):
        bucket.take(0)
    assert not bucket.is_full(3 * S // 10 - 1)
    assert bucket.is_full(3 * S // 10)
