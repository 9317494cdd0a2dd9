"""Knows which callers were paid for, and when: what a repeat is known by. Does not know what makes a repeat: that is routing's rule."""

from collections.abc import Sequence
from heapq import heappop, heappush

from routing.geo import anonymous
from routing.load import Paid

KEPT_US = 400 * 86_400 * 1_000_000
"""How long a paid conversion is remembered: no repeat window is longer."""

Sale = tuple[str, str, str, str]
"""Tracking number, campaign, advertiser, line."""


class RepeatBook:
    """For each caller the newest paid conversion of every sale."""

    __slots__ = ("_by_age", "_paid")

    def __init__(self) -> None:
        self._paid: dict[str, dict[Sale, Paid]] = {}
        self._by_age: list[tuple[int, str, Sale]] = []

    def add(self, ani: str, paid: Paid) -> None:
        """`ani`: E.164. Callers without a number of their own are nobody's repeats, and are not kept."""
        if anonymous(ani):
            return
        sales, sale = self._paid.setdefault(ani, {}), (paid.did, paid.campaign, paid.advertiser, paid.line)
        known = sales.get(sale)
        if known is None or known.at_us < paid.at_us:
            sales[sale] = paid
            heappush(self._by_age, (paid.at_us, ani, sale))
        self._expire(paid.at_us)

    def paid(self, ani: str) -> Sequence[Paid]:
        """Oldest first."""
        sales = self._paid.get(ani)
        return sorted(sales.values(), key=lambda paid: paid.at_us) if sales else ()

    def _expire(self, now_us: int) -> None:
        while self._by_age and self._by_age[0][0] <= now_us - KEPT_US:
            at_us, ani, sale = heappop(self._by_age)
            sales = self._paid.get(ani, {})
            if sale in sales and sales[sale].at_us == at_us:  # a newer one has an entry of its own
                del sales[sale]
                if not sales:
                    del self._paid[ani]
