"""Keeps what routing reads about usage: counts against caps, hold queues, repeat callers, line history. One writer, no clock.

For each attempt call control calls `take`, `connected`, `converted` and `ended`, and last `over` for the call; each is idempotent.
Usage is rebuilt from the ledger at start (`UsageHistory`).
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import assert_never

from routing.cap import Cap, Counts
from routing.geo import anonymous
from routing.load import PaidConversion
from routing.ruling import Attempt
from routing.table import Health
from switch.call.record import Outcome
from switch.engine.caps import CapBook, LegKey
from switch.engine.counters import CounterRow, UsageCounters


class HoldQueues:
    """Membership by call: a call waits in one queue at a time."""

    __slots__ = ("_campaign_of", "_waiting")

    def __init__(self) -> None:
        self._campaign_of: dict[str, str] = {}
        self._waiting: dict[str, set[str]] = {}

    def enter(self, call_id: str, campaign: str) -> None:
        if self._campaign_of.get(call_id) != campaign:
            self.leave(call_id)
            self._campaign_of[call_id] = campaign
            self._waiting.setdefault(campaign, set()).add(call_id)

    def leave(self, call_id: str) -> None:
        campaign = self._campaign_of.pop(call_id, None)
        if campaign is not None:
            self._waiting[campaign].discard(call_id)

    def waiting(self, campaign: str) -> int:
        return len(self._waiting.get(campaign, ()))


RECENT_ATTEMPTS = 50
"""Over how many of its attempts for a campaign a line's worth is averaged."""


class LineHistory:
    __slots__ = ("_earned", "_failures", "_last_attempt_us", "_last_line", "_resting_until_us")

    def __init__(self) -> None:
        self._last_attempt_us: dict[str, int] = {}
        self._last_line: dict[tuple[str, int], str] = {}
        self._failures: dict[str, int] = {}
        self._resting_until_us: dict[str, int] = {}
        self._earned: dict[tuple[str, str], deque[int]] = {}

    def attempted(self, line: str, *, campaign: str, priority: int, at_us: int) -> None:
        self._last_attempt_us[line] = max(at_us, self._last_attempt_us.get(line, 0))
        self._last_line[campaign, priority] = line

    def answered(self, line: str) -> None:
        """The line answered: its row of failures is cleared."""
        self._failures.pop(line, None)
        self._resting_until_us.pop(line, None)

    def ended(self, line: str, outcome: Outcome, *, health: Health | None, at_us: int) -> None:
        """Counts the outcome of an attempt. After a rest one more failure is enough for the next: only an answer ends the row."""
        match outcome:
            case Outcome.BUSY | Outcome.DECLINED:
                self.answered(line)
            case Outcome.FAILED | Outcome.SILENT:
                row = self._failures[line] = self._failures.get(line, 0) + 1
                if health is not None and row >= health.failures:
                    self._resting_until_us[line] = at_us + health.rest_ms * 1_000
            case Outcome.ANSWERED | Outcome.NO_ANSWER | Outcome.LOST_RACE | Outcome.ABANDONED:
                pass  # its answer was counted when talk began; the others say nothing about the line
            case _:
                assert_never(outcome)

    def earned(self, campaign: str, line: str, *, revenue_micros: int) -> None:
        """Records the revenue of an attempt that is over."""
        recent = self._earned.get((campaign, line))
        if recent is None:
            recent = self._earned[campaign, line] = deque(maxlen=RECENT_ATTEMPTS)
        recent.append(revenue_micros)

    def last_attempt_us(self, line: str) -> int:
        return self._last_attempt_us.get(line, 0)

    def last_line(self, campaign: str, priority: int) -> str | None:
        return self._last_line.get((campaign, priority))

    def resting_until_us(self, line: str) -> int:
        return self._resting_until_us.get(line, 0)

    def worth_micros(self, campaign: str, line: str) -> int:
        recent = self._earned.get((campaign, line))
        return sum(recent) // len(recent) if recent else 0


KEPT_US = 400 * 86_400 * 1_000_000
"""How long a paid conversion is kept: no repeat window is longer."""

Sale = tuple[str, str, str, str]
"""Tracking number, campaign, advertiser, line."""


class PaidCallers:
    """For each caller the newest paid conversion of every sale."""

    __slots__ = ("_by_age", "_paid")

    def __init__(self) -> None:
        self._paid: dict[str, dict[Sale, PaidConversion]] = {}
        self._by_age: list[tuple[int, str, Sale]] = []

    def add(self, ani: str, paid: PaidConversion) -> None:
        """`ani`: E.164. Callers without a number of their own are never repeats, and are not kept."""
        if anonymous(ani):
            return
        sales, sale = self._paid.setdefault(ani, {}), (paid.did, paid.campaign, paid.advertiser, paid.line)
        known = sales.get(sale)
        if known is None or known.at_us < paid.at_us:
            sales[sale] = paid
            heappush(self._by_age, (paid.at_us, ani, sale))
        self._expire(paid.at_us)

    def paid(self, ani: str) -> Sequence[PaidConversion]:
        """Returns the caller's paid conversions, oldest first."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAttempt:
    """An attempt of a call that is over. `at_us`: its INVITE, UTC microseconds. `revenue_micros`: what it earned. `owners`: those it counts
    for, without groups.
    """

    line: str
    campaign: str
    priority: int
    at_us: int
    revenue_micros: int
    owners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageHistory:
    """Usage as read from the ledger at start. Calls that were live are in it only with what was counted for them: they have ended.

    `tallies`: (owner, counts, quarter's start in UTC microseconds, amount) from `horizon_us` on; `before`: (owner, counts, amount), all
    there was before. `deposits`: by advertiser, all ever, micros. `paid`: (caller, conversion), in any order. `made`: oldest first.
    """

    tallies: Iterable[CounterRow] = ()
    before: Iterable[tuple[str, Counts, int]] = ()
    horizon_us: int = 0
    deposits: Mapping[str, int] = field(default_factory=dict)
    paid: Iterable[tuple[str, PaidConversion]] = ()
    made: Iterable[PastAttempt] = ()


class Usage:
    """The load of a running switch: implements `routing.load.Load`."""

    __slots__ = ("_caps", "_groups", "_holds", "_lines", "_repeats", "_tally")

    def __init__(self, past: UsageHistory | None = None) -> None:
        past = past or UsageHistory()
        self._tally = UsageCounters(past.tallies, before=past.before, horizon_us=past.horizon_us)
        self._caps = CapBook(self._tally, deposits={_prepaid(party): micros for party, micros in past.deposits.items()})
        self._groups: dict[str, tuple[str, ...]] = {}
        self._lines = LineHistory()
        self._repeats = PaidCallers()
        self._holds = HoldQueues()
        for ani, paid in past.paid:
            self._repeats.add(ani, paid)
        for made in past.made:
            self._lines.attempted(made.line, campaign=made.campaign, priority=made.priority, at_us=made.at_us)
            self._lines.earned(made.campaign, made.line, revenue_micros=made.revenue_micros)
            for owner in made.owners:
                self._tally.counted_at((owner, Counts.ATTEMPT), made.at_us)

    # events of an attempt and of its call

    def take(self, member: LegKey, *, owners: tuple[str, ...], attempt: Attempt, at_us: int) -> str | None:
        """The line is about to be invited: count that for all owners, or for none and return the key of the first cap that is full.

        `owners`: everyone the attempt counts for, with a cap or without: `line:acme-east`, `group:west`, `advertiser:acme`,
        `campaign:auto`, `publisher:radio`, `number:+18005550100`, `trunk:level3`; groups that are known (`grouped`) and owners of the
        attempt's caps may be left out. Lines that ring together are taken one by one. Idempotent: None.
        """
        if member in self._caps:
            return None
        full = self._caps.take(member, owners=owners, attempt=attempt, at_us=at_us)
        if full is None:
            self._lines.attempted(attempt.line, campaign=attempt.campaign, priority=attempt.priority, at_us=at_us)
        return full

    def connected(self, member: LegKey, *, at_us: int) -> None:
        """Talk began. Changes nothing when called again or after `ended`. KeyError: the member was never taken, or its call is over."""
        connected = self._caps.connected(member, at_us=at_us)
        if connected is not None:
            self._lines.answered(connected.line)

    def converted(self, member: LegKey, *, at_us: int, revenue_micros: int) -> None:
        """The attempt's revenue is owed: `revenue_micros` in all so far. Called again, it counts the increase only; 0 is no conversion.

        Best before `ended`; until `over` it still counts. Money of calls that are over is `adjusted`. KeyError: as `connected`.
        """
        self._caps.converted(member, at_us=at_us, revenue_micros=revenue_micros)

    def given_up(self, member: LegKey, *, at_us: int, outcome: Outcome, health: Health | None) -> None:
        """The leg is hung up but has not ended: releases the call's caps and counts the line's outcome. See `ended`."""
        attempt = self._caps.given_up(member)
        if attempt is not None:
            self._lines.ended(attempt.line, outcome, health=health, at_us=at_us)

    def settled(self, member: LegKey, *, revenue_micros: int) -> None:
        """The call is judged: sets the attempt's final revenue; what was counted above it is reversed."""
        self._caps.settled(member, revenue_micros=revenue_micros)

    def ended(
        self,
        member: LegKey,
        *,
        at_us: int,
        outcome: Outcome | None = None,
        health: Health | None = None,
        earning: bool = False,
    ) -> None:
        """The leg has ended, or was never dialled: releases what it held. Changes nothing for unknown members and legs that ended before.

        `outcome`: of the attempt; None: it says nothing about the line. `health`: the line's health rule. `earning`: the call goes on and
        this attempt may still earn (`total_for`), so strict caps go on counting that as outstanding until `over`.
        """
        attempt = self._caps.give_back(member, earning=earning)
        if attempt is not None and outcome is not None:
            self._lines.ended(attempt.line, outcome, health=health, at_us=at_us)

    def over(self, call_id: str) -> None:
        """The call is recorded and judged. Only `ended` may follow, for legs that have not terminated yet."""
        self._holds.leave(call_id)
        for attempt, earned_micros in self._caps.over(call_id):
            self._lines.earned(attempt.campaign, attempt.line, revenue_micros=earned_micros)

    def enter_hold(self, call_id: str, campaign: str) -> None:
        """The caller waits in this queue, and in no other any more. Idempotent."""
        self._holds.enter(call_id, campaign)

    def leave_hold(self, call_id: str) -> None:
        """Removes the caller from its hold queue, if it is in one."""
        self._holds.leave(call_id)

    def paid_for(self, ani: str, paid: PaidConversion) -> None:
        """A conversion was paid for: the caller may be a repeat from now on. Callers without a number of their own are not kept."""
        self._repeats.add(ani, paid)

    # events from outside of calls; called once for each row of the ledger

    def adjusted(self, owners: tuple[str, ...], *, at_us: int, conversions: int, revenue_micros: int) -> None:
        """Money rows that no live call made: postbacks, corrections. Both numbers may be negative."""
        self._caps.adjusted(owners, at_us=at_us, conversions=conversions, revenue_micros=revenue_micros)

    def deposited(self, advertiser: str, amount_micros: int) -> None:
        """An advertiser paid in advance."""
        self._caps.deposited(_prepaid(advertiser), amount_micros)

    def grouped(self, groups: Mapping[str, tuple[str, ...]]) -> None:
        """Sets the lines of each group, from the plan, at start and at every reload. A group has counted what its lines have."""
        self._groups = {f"group:{name}": tuple(f"line:{line}" for line in lines) for name, lines in groups.items()}
        self._caps.grouped(self._groups)

    @property
    def horizon_us(self) -> int:
        """Returns from when on the quarters are known; caps that look further back count the sum of all time, until `look_back`."""
        return self._tally.horizon_us

    def look_back(self, past: UsageHistory) -> None:
        """Loads more of the ledger, for a plan that looks further back. What was counted meanwhile is known already."""
        self._tally.extend(past.tallies, before=past.before, horizon_us=past.horizon_us)
        for ani, paid in past.paid:
            self._repeats.add(ani, paid)
        self._caps.grouped(self._groups)

    # queries of routing: routing.load.Load

    def used(self, cap: Cap, utc_us: int) -> int:
        return self._caps.used(cap, utc_us)

    def last_attempt_us(self, line: str) -> int:
        return self._lines.last_attempt_us(line)

    def last_line(self, campaign: str, priority: int) -> str | None:
        return self._lines.last_line(campaign, priority)

    def resting_until_us(self, line: str) -> int:
        return self._lines.resting_until_us(line)

    def worth_micros(self, campaign: str, line: str) -> int:
        return self._lines.worth_micros(campaign, line)

    def waiting(self, campaign: str) -> int:
        return self._holds.waiting(campaign)

    def paid(self, ani: str) -> Sequence[PaidConversion]:
        return self._repeats.paid(ani)

    # for tests

    def snapshot(self) -> Mapping[str, int]:
        """Returns every count that is not zero: two usages with equal snapshots count the same."""
        return self._tally.snapshot() | self._caps.snapshot()


def _prepaid(advertiser: str) -> str:
    return f"advertiser:{advertiser}"
