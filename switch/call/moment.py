"""Defines an instant on two clocks. It reads no clock: `switch.engine.clock` is the only place that does."""

from datetime import UTC, datetime, timedelta

import msgspec

NS_PER_MS = 1_000_000
US_PER_MS = 1_000
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Moment(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One instant read from two clocks.

    `mono_ns`: monotonic nanoseconds, comparable only inside one process epoch; durations come from it.
    `utc_us`: microseconds since 1970-01-01T00:00:00Z; what people and calendars read.
    """

    mono_ns: int
    utc_us: int

    def plus_ms(self, ms: int) -> "Moment":
        """The instant `ms` milliseconds later (or earlier, when negative) on both clocks."""
        return Moment(mono_ns=self.mono_ns + ms * NS_PER_MS, utc_us=self.utc_us + ms * US_PER_MS)

    def at_mono(self, mono_ns: int) -> "Moment":
        """Returns the instant whose monotonic reading was `mono_ns`, in the same process epoch."""
        return Moment(mono_ns=mono_ns, utc_us=self.utc_us + (mono_ns - self.mono_ns) // 1_000)


def ms_between(start: Moment, end: Moment) -> int:
    """Whole monotonic milliseconds from `start` to `end`, truncated towards the start; never negative."""
    return max(0, (end.mono_ns - start.mono_ns) // NS_PER_MS)


def iso(moment: Moment) -> str:
    """ISO 8601 in UTC with milliseconds, e.g. `2026-03-01T14:00:00.123Z`."""
    instant = _UNIX_EPOCH + timedelta(microseconds=moment.utc_us)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
