"""Clean-ups wait for a whole T1, so that many are done at one wake-up."""

import pytest

from switch.sip.transaction import NS_PER_MS, Timers


@pytest.mark.parametrize(("at_ms", "done_ms"), [(0, 0), (1, 500), (499, 500), (500, 500), (501, 1_000), (32_001, 32_500)])
def test_clean_ups_wait_for_the_next_whole_t1(at_ms: int, done_ms: int) -> None:
    assert Timers().clean_up_ns(at_ms * NS_PER_MS) == done_ms * NS_PER_MS
