"""The one place that reads clocks, but for the media worker's own loop. Everybody else is told what time it is."""

import time
from typing import Protocol

from switch.call.moment import Moment


class Clock(Protocol):
    def now(self) -> Moment: ...


class SystemClock:
    """The machine's clocks: CLOCK_MONOTONIC, comparable with the media workers', and CLOCK_REALTIME."""

    def now(self) -> Moment:
        return Moment(mono_ns=time.monotonic_ns(), utc_us=time.time_ns() // 1_000)
