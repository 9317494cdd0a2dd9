"""Sums usage by owner and quarter of an hour, so that every calendar window of every zone can be summed.

Every zone's windows begin on a UTC quarter, so quarters are as fine as needed, and caps that a reload adds find their history. Caps,
limits and windows are elsewhere. Amounts may be negative (credits) and late: they count in their own quarter.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable

from routing.cap import Counts

QUARTER_US = 15 * 60 * 1_000_000
MAX_STARTS = 16
"""Running sums kept for each owner and count. Sums of past windows remain; beyond this many all are computed anew."""

Key = tuple[str, Counts]
"""An owner and what is counted for it."""
CounterRow = tuple[str, Counts, int, int]
"""One row of the ledger's counts: owner, what, the quarter's start in UTC microseconds, amount."""


class _Series:
    """The quarters of one key. `before`: what was counted before the horizon. `sums`: by start, all since then, always current."""

    __slots__ = ("amounts", "before", "latest_us", "quarters", "sums")

    def __init__(self) -> None:
        self.amounts: dict[int, int] = {}
        self.quarters: list[int] = []
        self.sums: dict[int, int] = {}
        self.before = 0
        self.latest_us = 0

    def add(self, quarter_us: int, amount: int) -> None:
        if quarter_us not in self.amounts:
            insort(self.quarters, quarter_us)
            self.amounts[quarter_us] = 0
        self.amounts[quarter_us] += amount
        for start_us in self.sums:
            if start_us < quarter_us + QUARTER_US:
                self.sums[start_us] += amount

    def join(self, other: "_Series") -> None:
        """Adds the other's quarters. They are sorted once all have joined: a plan's groups are summed while calls wait."""
        self.before += other.before
        self.latest_us = max(self.latest_us, other.latest_us)
        for quarter_us, amount in other.amounts.items():
            self.amounts[quarter_us] = self.amounts.get(quarter_us, 0) + amount

    def sum_since(self, start_us: int) -> int:
        """Computes the sum, and keeps it."""
        if len(self.sums) >= MAX_STARTS:
            self.sums.clear()
        first = bisect_left(self.quarters, quarter_of(start_us))
        found = sum(self.amounts[quarter_us] for quarter_us in self.quarters[first:])
        self.sums[start_us] = found
        return found

    def ever(self) -> int:
        return self.before + (self.sums[0] if 0 in self.sums else self.sum_since(0))


class UsageCounters:
    """The usage of every owner.

    `history`: the quarters from `horizon_us` on. `before`: owner, what, and how much was counted before the horizon in all. The horizon
    is rounded down to its quarter; rows of `history` before it are skipped.
    """

    __slots__ = ("_horizon_us", "_series")

    def __init__(
        self, history: Iterable[CounterRow] = (), *, before: Iterable[tuple[str, Counts, int]] = (), horizon_us: int = 0
    ) -> None:
        self._series: defaultdict[Key, _Series] = defaultdict(_Series)
        self._horizon_us = quarter_of(horizon_us)
        for owner, counts, amount in before:
            self._series[owner, counts].before += amount
        for owner, counts, quarter_us, amount in history:
            if quarter_us >= self._horizon_us:
                self._series[owner, counts].add(quarter_of(quarter_us), amount)

    @property
    def horizon_us(self) -> int:
        """Returns the instant from which the quarters are known."""
        return self._horizon_us

    def extend_history(self, history: Iterable[CounterRow], *, before: Iterable[tuple[str, Counts, int]], horizon_us: int) -> None:
        """Extends the history back: rows between the new horizon and the old one are added, later ones are known already. `before`: what
        was counted before the new horizon; it replaces the old value."""
        earlier_us = min(quarter_of(horizon_us), self._horizon_us)
        for series in self._series.values():
            series.before = 0
        for owner, counts, amount in before:
            self._series[owner, counts].before += amount
        for owner, counts, quarter_us, amount in history:
            if earlier_us <= quarter_us < self._horizon_us:
                self._series[owner, counts].add(quarter_of(quarter_us), amount)
        self._horizon_us = earlier_us

    def add(self, owners: Iterable[str], counts: Counts, amount: int, *, at_us: int) -> None:
        """Adds `amount` to the usage of each of `owners`."""
        quarter_us = quarter_of(at_us)
        for owner in owners:
            series = self._series[owner, counts]
            if amount > 0 and at_us > series.latest_us:
                series.latest_us = at_us
            if quarter_us < self._horizon_us:
                series.before += amount
            else:
                series.add(quarter_us, amount)

    def since(self, key: Key, start_us: int) -> int:
        """Returns all that was counted in the quarter of `start_us` or later. For a start before the horizon it returns the sum of all
        time: unknown history closes a cap rather than opening it."""
        series = self._series.get(key)
        if series is None:
            return 0
        if start_us < self._horizon_us:
            return series.ever()
        known = series.sums.get(start_us)
        return series.sum_since(start_us) if known is None else known

    def ever(self, key: Key) -> int:
        series = self._series.get(key)
        return 0 if series is None else series.ever()

    def counted_at(self, key: Key, at_us: int) -> None:
        """Records the exact instant of a count that the quarters contain already."""
        series = self._series[key]
        series.latest_us = max(series.latest_us, at_us)

    def latest_us(self, key: Key) -> int:
        """Returns when something was last counted, as far as its instant was recorded; 0: never."""
        series = self._series.get(key)
        return 0 if series is None else series.latest_us

    def sum_up(self, owner: str, *, of: Iterable[str]) -> None:
        """Replaces the counts of `owner` with the sum of these owners' counts."""
        members = tuple(of)
        for counts in Counts:
            total = self._series[owner, counts] = _Series()
            for series in (self._series[member, counts] for member in members if (member, counts) in self._series):
                total.join(series)
            total.quarters = sorted(total.amounts)

    def snapshot(self) -> dict[str, int]:
        """Returns every quarter with a count, to compare two sets of counters."""
        found: dict[str, int] = {}
        for (owner, counts), series in self._series.items():
            found[f"{owner} {counts} before {self._horizon_us}"] = series.before
            found.update({f"{owner} {counts} {quarter_us}": amount for quarter_us, amount in series.amounts.items()})
        return {key: amount for key, amount in found.items() if amount}


def quarter_of(at_us: int) -> int:
    """Returns the start of the quarter that contains `at_us`."""
    return at_us - at_us % QUARTER_US
