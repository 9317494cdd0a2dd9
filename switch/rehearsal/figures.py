"""Knows what many judged calls come to: how many, and their money, in all and by whom it concerns. Does not know where calls come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from switch.billing.verdict import JudgedCall, MoneyKind


class By(StrEnum):
    CAMPAIGN = "campaign"
    PUBLISHER = "publisher"
    ADVERTISER = "advertiser"
    LINE = "line"


NOBODY = "-"
"""Whom a call concerns that no line was dialled for, or whose number is unknown."""


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

    def add_money(self, kind: MoneyKind, micros: int) -> None:
        match kind:
            case MoneyKind.REVENUE:
                self.revenue_micros += micros
            case MoneyKind.PAYOUT:
                self.payout_micros += micros
            case MoneyKind.COST:
                self.cost_micros += micros
            case MoneyKind.DEPOSIT:
                pass  # belongs to no call


@dataclass(slots=True, kw_only=True)
class Figures:
    """Of the calls that were added."""

    total: Sums = field(default_factory=Sums)
    states: dict[str, int] = field(default_factory=dict)
    parts: dict[tuple[By, str], Sums] = field(default_factory=dict)

    def add(self, judged: JudgedCall) -> None:
        """A call counts for whom it ended with: the line that talked to him last, or was dialled last."""
        record, verdict = judged.record, judged.verdict
        state = record.final_state.value
        self.states[state] = self.states.get(state, 0) + 1
        last = last_line(judged)
        advertisers = {attempt.line: attempt.advertiser for attempt in record.attempts}
        concerned = {
            By.CAMPAIGN: record.campaign or NOBODY,
            By.PUBLISHER: record.publisher or NOBODY,
            By.ADVERTISER: advertisers.get(last, NOBODY),
            By.LINE: last,
        }
        sums = [self.total, *(self._of(by, name) for by, name in concerned.items())]
        talked = any(attempt.talk_us is not None for attempt in record.attempts)
        for each in sums:
            each.calls += 1
            each.connected += talked
            each.converted += verdict.billable
        for row in verdict.rows:
            line = row.line or last
            whose = {By.CAMPAIGN: row.campaign or NOBODY, By.ADVERTISER: advertisers.get(line, NOBODY), By.LINE: line}
            self.total.add_money(row.kind, row.amount_micros)
            for by, name in (concerned | whose).items():
                self._of(by, name).add_money(row.kind, row.amount_micros)

    def of(self, by: By) -> Mapping[str, Sums]:
        """By name, the one with most calls first."""
        mine = {name: sums for (kind, name), sums in self.parts.items() if kind is by}
        return dict(sorted(mine.items(), key=lambda item: (-item[1].calls, item[0])))

    def _of(self, by: By, name: str) -> Sums:
        found = self.parts.get((by, name))
        if found is None:
            found = self.parts[by, name] = Sums()
        return found


def last_line(judged: JudgedCall) -> str:
    """The line that talked to the caller last; where none did, the one dialled last, or NOBODY."""
    attempts = judged.record.attempts
    talked = [attempt.line for attempt in attempts if attempt.talk_us is not None]
    return talked[-1] if talked else attempts[-1].line if attempts else NOBODY
