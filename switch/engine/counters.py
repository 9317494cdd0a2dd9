"""Knows how much was counted for whom and when, to the quarter of an hour, so that every calendar window of every zone can be summed.

Every zone's windows begin on a UTC quarter, so quarters are as fine as needed, and caps that a reload brings find their history. Does not
know caps, limits or windows. Amounts may be negative (credits) and late: they count where they belong.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable

from routing.cap import Counts

QUARTER_US = 15 * 60 * 1_000_000
MAX_STARTS = 16
"""Running sums kept for each owner and count. Windows roll on and leave their sums behind; beyond this many they are made anew."""

Key = tuple[str, Counts]
"""An owner and what is counted for it."""
CounterRow = tuple[str, Counts, int, int]
"""One row of the ledger's tallies: owner, what, the quarter's start in UTC microseconds, amount."""


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
        """All of the other's too. The quarters are to be sorted when all have joined: a plan's groups are summed while calls wait."""
        self.before += other.before
        self.latest_us = max(self.latest_us, other.latest_us)
        for quarter_us, amount in other.amounts.items():
            self.amounts[quarter_us] = self.amounts.get(quarter_us, 0) + amount

    def sum_since(self, start_us: int) -> int:
        """Summed afresh, and kept."""
        if len(self.sums) >= MAX_STARTS:
            self.sums.clear()
        first = bisect_left(self.quarters, quarter_of(start_us))
        found = sum(self.amounts[quarter_us] for quarter_us in self.quarters[first:])
        self.sums[start_us] = found
        return found

    def ever(self) -> int:
        return self.before + (self.sums[0] if 0 in self.sums else self.sum_since(0))


class UsageCounters:
    """What was counted for every owner.

    `history`: the quarters from `horizon_us` on. `before`: owner, what, and how much was counted before the horizon in all. The horizon
    is taken down to its quarter; rows of `history` that lie before it are passed over.
    """

    __slots__ = ("_horizon_us", "_series")

    def __init__(
        self, history: Iterable[CounterRow] = (), *, before: Iterable[tuple[str, Counts, int]] = (), horizon_us: int = 0
    ) -> None:
        self._series: dict[Key, _Series] = {}
        self._horizon_us = quarter_of(horizon_us)
        for owner, counts, amount in before:
            self._of((owner, counts)).before += amount
        for owner, counts, quarter_us, amount in history:
            if quarter_us >= self._horizon_us:
                self._of((owner, counts)).add(quarter_of(quarter_us), amount)

    @property
    def horizon_us(self) -> int:
        """From when on the quarters are known."""
        return self._horizon_us

    def extend(self, history: Iterable[CounterRow], *, before: Iterable[tuple[str, Counts, int]], horizon_us: int) -> None:
        """Look further back: rows between the new horizon and the old one are added, all later ones are known already. `before`: what was
        counted before the new horizon, in place of what was known of that."""
        earlier_us = min(quarter_of(horizon_us), self._horizon_us)
        for series in self._series.values():
            series.before = 0
        for owner, counts, amount in before:
            self._of((owner, counts)).before += amount
        for owner, counts, quarter_us, amount in history:
            if earlier_us <= quarter_us < self._horizon_us:
                self._of((owner, counts)).add(quarter_of(quarter_us), amount)
        self._horizon_us = earlier_us

    def add(self, key: Key, amount: int, *, at_us: int) -> None:
        series = self._of(key)
        if amount > 0:
            series.latest_us = max(series.latest_us, at_us)
        quarter_us = quarter_of(at_us)
        if quarter_us < self._horizon_us:
            series.before += amount
        else:
            series.add(quarter_us, amount)

    def since(self, key: Key, start_us: int) -> int:
        """All that was counted in the quarter of `start_us` or later. Starts before the horizon count all there ever was: what is not
        known closes a cap rather than opening it."""
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
        """Something that the quarters hold already was counted at that very instant."""
        series = self._of(key)
        series.latest_us = max(series.latest_us, at_us)

    def latest_us(self, key: Key) -> int:
        """When something was last counted, as far as it was told with its instant; 0: never."""
        series = self._series.get(key)
        return 0 if series is None else series.latest_us

    def sum_up(self, owner: str, *, of: Iterable[str]) -> None:
        """`owner` counts what all of these did, in place of what it counted."""
        members = tuple(of)
        for counts in Counts:
            total = self._series[owner, counts] = _Series()
            for series in (self._series[member, counts] for member in members if (member, counts) in self._series):
                total.join(series)
            total.quarters = sorted(total.amounts)

    def snapshot(self) -> dict[str, int]:
        """Every quarter that counts something, to compare one tally with another."""
        found: dict[str, int] = {}
        for (owner, counts), series in self._series.items():
            found[f"{owner} {counts} before {self._horizon_us}"] = series.before
            found.update({f"{owner} {counts} {quarter_us}": amount for quarter_us, amount in series.amounts.items()})
        return {key: amount for key, amount in found.items() if amount}

    def _of(self, key: Key) -> _Series:
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series()
        return series


def quarter_of(at_us: int) -> int:
    """The start of the quarter that `at_us` lies in."""
    return at_us - at_us % QUARTER_US
