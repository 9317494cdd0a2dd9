"""Says what a user may see: the one place where that is decided.

Operators and viewers see all. A publisher sees the calls of its numbers: no line, no advertiser, no revenue, and of the caller's number the
beginning and the end. An advertiser sees the calls that its lines were dialled for: no publisher, no number that was called, no payout, no
other advertiser's attempts, and not the caller where the number was kept from lines.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from routing.expression import Scalar
from routing.table import Table
from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow
from switch.call.record import AttemptRecord, CallRecord, FinalState
from switch.deployment import Role, User
from switch.engine.live_view import CapStatus, LiveCallView
from switch.engine.status import LineStatus
from switch.ledger.reading import CallFilter

MASK = "•••••"
SHOWN_FIRST, SHOWN_LAST = 5, 2
"""Characters of a masked number that are shown: `+1212•••••99`."""

OPERATORS = frozenset({Role.OPS, Role.VIEWER})

PUBLISHER_METRICS = (
    *("incoming", "connected", "converted", "paid", "conversion_of_incoming"),
    *("connected_mean_ms", "payout_micros"),
)
ADVERTISER_METRICS = (
    *("incoming", "connected", "converted", "conversion_of_connected"),
    *("connected_mean_ms", "revenue_micros", "revenue_per_call_micros"),
)
PUBLISHER_DIMENSIONS = ("campaign", "number", "state", "hour", "day", "weekday")
ADVERTISER_DIMENSIONS = ("campaign", "line", "state", "hour", "day", "weekday")


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What a user may see of a call's money, micros; None: it is no business of its."""

    revenue_micros: int | None = None
    payout_micros: int | None = None
    cost_micros: int | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What a user of this role, of this publisher or advertiser, may see."""

    role: Role
    party: str | None

    @property
    def is_whole(self) -> bool:
        """Whether it sees all there is."""
        return self.role in OPERATORS

    @property
    def may_act(self) -> bool:
        return self.role is Role.OPS

    # calls that are over

    def narrowed(self, wanted: CallFilter) -> CallFilter:
        """Returns the filter, for its own calls alone. What it may not see it can't search for either."""
        match self.role:
            case Role.PUBLISHER:
                return replace(wanted, publisher=self.party, advertiser=None, line=None, caller=None, recorded=False)
            case Role.ADVERTISER:
                return replace(wanted, advertiser=self.party, publisher=None, number=None, caller=None, state=None, recorded=False)
            case _:
                return wanted

    def sees(self, record: CallRecord) -> bool:
        match self.role:
            case Role.PUBLISHER:
                return record.publisher == self.party
            case Role.ADVERTISER:
                return any(each.advertiser == self.party for each in record.attempts)
            case _:
                return True

    def caller(self, ani: str | None, tags: Mapping[str, Scalar]) -> str | None:
        """Returns the caller's number as it may be shown; None: it may not, or there is none."""
        if self.is_whole or not ani:
            return ani or None
        if tags.get("privacy"):
            return None
        return masked(ani) if self.role is Role.PUBLISHER else ani

    def number(self, did: str) -> str | None:
        return None if self.role is Role.ADVERTISER else did

    def publisher(self, name: str | None) -> str | None:
        return None if self.role is Role.ADVERTISER else name

    def campaign(self, record: CallRecord) -> str | None:
        """Returns the call's campaign; for an advertiser the one that its line was dialled for."""
        if self.role is not Role.ADVERTISER:
            return record.campaign
        return next((each.campaign for each in self.attempts(record)), None)

    def ended(self, judged: JudgedCall) -> str:
        """Returns how the call ended; for an advertiser how its own part of it did: what others made of it does not show."""
        if self.role is not Role.ADVERTISER:
            return judged.record.final_state.value
        own = self.attempts(judged.record)
        if (self.money(judged).revenue_micros or 0) > 0:
            return FinalState.CONVERTED.value
        return own[-1].outcome.value if own else FinalState.FAILED.value

    def talk_ms(self, record: CallRecord) -> int:
        if self.role is not Role.ADVERTISER:
            return record.connected_ms
        return sum(each.connected_ms for each in self.attempts(record))

    def campaigns(self, table: Table) -> list[str]:
        """Returns the names of campaigns that it may search by: those of its numbers, or of its lines."""
        match self.role:
            case Role.PUBLISHER:
                return sorted({each.campaign for each in table.numbers.values() if each.publisher == self.party})
            case Role.ADVERTISER:
                own = {name for name, line in table.lines.items() if line.advertiser == self.party}
                return sorted(name for name, each in table.campaigns.items() if own & {target.line for target in each.targets})
            case _:
                return sorted(table.campaigns)

    def tags(self, tags: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
        return tags if self.is_whole else {}

    def attempts(self, record: CallRecord) -> tuple[AttemptRecord, ...]:
        match self.role:
            case Role.PUBLISHER:
                return ()
            case Role.ADVERTISER:
                return tuple(each for each in record.attempts if each.advertiser == self.party)
            case _:
                return record.attempts

    def rows(self, rows: Sequence[MoneyRow]) -> Iterator[MoneyRow]:
        """The money rows of a call that it may see: its own. An operator sees all."""
        kinds = {Role.PUBLISHER: MoneyKind.PAYOUT, Role.ADVERTISER: MoneyKind.REVENUE}
        return (row for row in rows if self.is_whole or (row.kind is kinds[self.role] and row.party == self.party))

    def money(self, judged: JudgedCall) -> Money:
        verdict = judged.verdict
        if self.is_whole:
            return Money(
                revenue_micros=verdict.revenue_micros, payout_micros=verdict.payout_micros, cost_micros=verdict.cost_micros
            )
        own = sum(row.amount_micros for row in self.rows(verdict.rows))
        return Money(payout_micros=own) if self.role is Role.PUBLISHER else Money(revenue_micros=own)

    # calls in progress

    def live(self, view: LiveCallView) -> LiveCallView | None:
        """Returns the call as it may be seen; None: it may not."""
        match self.role:
            case Role.PUBLISHER:
                if view.publisher != self.party:
                    return None
                ani = self.caller(view.ani, view.tags)
                return replace_view(view, ani=ani, trunk="", lines=(), advertiser=None, revenue_micros=0, recording=None, tags={})
            case Role.ADVERTISER:
                if view.advertiser != self.party:
                    return None
                ani = self.caller(view.ani, view.tags)
                return replace_view(view, ani=ani, trunk="", did="", publisher=None, payout_micros=0, recording=None, tags={})
            case _:
                return view

    def line(self, line: LineStatus) -> bool:
        return self.is_whole or (self.role is Role.ADVERTISER and line.advertiser == self.party)

    def cap(self, cap: CapStatus, own_lines: frozenset[str]) -> bool:
        """`own_lines`: of the advertiser."""
        kind, _, name = cap.owner.partition(":")
        if self.is_whole:
            return True
        if self.role is Role.PUBLISHER:
            return kind == "publisher" and name == self.party
        return (kind == "advertiser" and name == self.party) or (kind == "line" and name in own_lines)

    # figures

    def dimensions(self, known: Sequence[str]) -> tuple[str, ...]:
        allowed = {Role.PUBLISHER: PUBLISHER_DIMENSIONS, Role.ADVERTISER: ADVERTISER_DIMENSIONS}.get(self.role)
        return tuple(name for name in known if allowed is None or name in allowed)

    def metrics(self, known: Sequence[str]) -> tuple[str, ...]:
        allowed = {Role.PUBLISHER: PUBLISHER_METRICS, Role.ADVERTISER: ADVERTISER_METRICS}.get(self.role)
        return tuple(name for name in known if allowed is None or name in allowed)

    @property
    def where(self) -> str | None:
        """The filter of its figures, in the language of filters; None: all calls."""
        return None if self.is_whole else f'{self.role} == "{self.party}"'


def replace_view(view: LiveCallView, **changed: object) -> LiveCallView:
    """A copy with other values."""
    values = {name: getattr(view, name) for name in view.__struct_fields__}
    return LiveCallView(**{**values, **changed})


def masked(number: str) -> str:
    """`+1212•••••99` of `+12125550199`; a number that is too short to hide any of it: nothing but the mask."""
    if len(number) <= SHOWN_FIRST + SHOWN_LAST + 2:
        return MASK
    return f"{number[:SHOWN_FIRST]}{MASK}{number[-SHOWN_LAST:]}"


def sight_of(user: User) -> Sight:
    return Sight(user.role, user.party)
