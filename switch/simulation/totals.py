"""Sums judged calls: how many, and their money, in all and by whom it concerns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow


class By(StrEnum):
    CAMPAIGN = "campaign"
    PUBLISHER = "publisher"
    ADVERTISER = "advertiser"
    LINE = "line"


NOBODY = "-"
"""Whom a call concerns that no line was dialled for, or whose number is unknown."""

Concerned = tuple[str, str, str, str]
"""A campaign, publisher, advertiser and line: in the order of `By`."""


@dataclass(slots=True, kw_only=True)
class Sums:
    """Amounts in micros. `connected`: calls that talked to somebody."""

    calls: int = 0
    connected: int = 0
    converted: int = 0
    revenue_micros: int = 0
    payout_micros: int = 0
    cost_micros: int = 0

    @property
    def margin_micros(self) -> int:
        return self.revenue_micros - self.payout_micros - self.cost_micros

    def add(self, other: "Sums") -> None:
        self.calls += other.calls
        self.connected += other.connected
        self.converted += other.converted
        self.revenue_micros += other.revenue_micros
        self.payout_micros += other.payout_micros
        self.cost_micros += other.cost_micros

    def add_money(self, row: MoneyRow) -> None:
        match row.kind:
            case MoneyKind.REVENUE:
                self.revenue_micros += row.amount_micros
            case MoneyKind.PAYOUT:
                self.payout_micros += row.amount_micros
            case MoneyKind.COST:
                self.cost_micros += row.amount_micros
            case MoneyKind.DEPOSIT:
                pass  # belongs to no call


@dataclass(slots=True, kw_only=True)
class Figures:
    """Of the calls that were added. They are summed by all whom they concern at once, and by each of those when that is asked for."""

    states: dict[str, int] = field(default_factory=dict)
    sums: dict[Concerned, Sums] = field(default_factory=dict)

    def add(self, judged: JudgedCall) -> None:
        """A call counts for whom it ended with: the line that talked last, or was dialled last. Money counts for whose it is."""
        record, verdict = judged.record, judged.verdict
        state = record.final_state.value
        self.states[state] = self.states.get(state, 0) + 1
        last = NOBODY
        advertiser = NOBODY
        talked = False
        for attempt in record.attempts:
            if attempt.talk_us is not None or not talked:
                last, advertiser = attempt.line, attempt.advertiser
                talked = talked or attempt.talk_us is not None
        publisher = record.publisher or NOBODY
        mine = self._of((record.campaign or NOBODY, publisher, advertiser, last))
        mine.calls += 1
        mine.connected += talked
        mine.converted += verdict.billable
        for row in verdict.rows:
            if row.campaign == record.campaign and row.line in ("", last):
                mine.add_money(row)
            else:
                owner = next((each.advertiser for each in record.attempts if each.line == row.line), NOBODY)
                self._of((row.campaign or NOBODY, publisher, owner, row.line or NOBODY)).add_money(row)

    @property
    def total(self) -> Sums:
        return _sum(self.sums.values())

    def of(self, by: By) -> Mapping[str, Sums]:
        """By name, the one with most calls first."""
        place = list(By).index(by)
        found: dict[str, list[Sums]] = {}
        for concerned, sums in self.sums.items():
            found.setdefault(concerned[place], []).append(sums)
        summed = {name: _sum(each) for name, each in found.items()}
        return dict(sorted(summed.items(), key=lambda item: (-item[1].calls, item[0])))

    def _of(self, concerned: Concerned) -> Sums:
        found = self.sums.get(concerned)
        if found is None:
            found = self.sums[concerned] = Sums()
        return found


def _sum(many: Iterable[Sums]) -> Sums:
    total = Sums()
    for each in many:
        total.add(each)
    return total
