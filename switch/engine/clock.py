"""Reads the clocks; only the media worker's own loop reads them elsewhere. All other code gets the time as an argument."""

import time
from typing import Protocol

from switch.call.moment import Moment


class Clock(Protocol):
    def now(self) -> Moment: ...


class SystemClock:
    """The machine's clocks: CLOCK_MONOTONIC, comparable with the media workers', and CLOCK_REALTIME."""

    def now(self) -> Moment:
        return Moment(mono_ns=time.monotonic_ns(), utc_us=time.time_ns() // 1_000)
