"""When a delivery that failed is tried again: after 10 s, then twice as long each time, two hours at most, for a day."""

FIRST_US = 10_000_000
LONGEST_US = 2 * 3_600_000_000
GIVEN_UP_US = 24 * 3_600_000_000
GONE = 410
"""HTTP says by it that the receiver wants no more of this."""
_DOUBLINGS = 20


def next_try_us(tries: int, *, since_us: int, now_us: int, chance: float, status: int | None = None) -> int | None:
    """Returns when it is tried again; None: never, a day after the first try is the last one.

    `tries`: those that failed, this one included, from 1. `since_us`: when it was to be tried first. `chance`: from 0 to 1, for the
    jitter, which keeps many that failed together from coming back together: half of the delay up to all of it.
    """
    if status == GONE or now_us - since_us >= GIVEN_UP_US:
        return None
    delay_us = min(FIRST_US << min(tries - 1, _DOUBLINGS), LONGEST_US)
    return min(now_us + delay_us // 2 + int(delay_us // 2 * chance), since_us + GIVEN_UP_US)
