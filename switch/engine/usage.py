"""Keeps what routing reads about usage: counts against caps, hold queues, repeat callers, line history. One writer, no clock.

For each attempt call control calls `reserve_caps`, `count_connection`, `caps.accrue_revenue` and `release_caps`, and last
`end_call` for the call; each is idempotent.
Usage is rebuilt from the ledger at start (`UsageHistory`).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import takewhile
from typing import assert_never

from routing.cap import Cap, Counts
from routing.geo import anonymous
from routing.load import PaidConversion
from routing.override import OverridesInForce
from routing.ruling import Attempt
from routing.table import Health
from switch.call.record import Outcome
from switch.engine.caps import CapUsage, LegKey
from switch.engine.counters import CounterRow, UsageCounters
from switch.engine.overrides import Overrides
from switch.engine.steering_rows import OverrideRow


class HoldQueues:
    """Membership by call: a call waits in one queue at a time. A queue has its calls in the order in which they entered it."""

    __slots__ = ("_campaign_of", "_waiting")

    def __init__(self) -> None:
        self._campaign_of: dict[str, str] = {}
        self._waiting: dict[str, dict[str, None]] = {}

    def enter(self, call_id: str, campaign: str) -> None:
        if self._campaign_of.get(call_id) != campaign:
            self.leave(call_id)
            self._campaign_of[call_id] = campaign
            self._waiting.setdefault(campaign, {})[call_id] = None

    def leave(self, call_id: str) -> None:
        campaign = self._campaign_of.pop(call_id, None)
        if campaign is not None:
            del self._waiting[campaign][call_id]

    def waiting(self, campaign: str) -> int:
        return len(self._waiting.get(campaign, ()))

    def ahead(self, campaign: str, call_id: str) -> Iterator[str]:
        """Yields the calls that entered the queue before this one, or all where it is not in it."""
        waiting = self._waiting.get(campaign)
        return takewhile(call_id.__ne__, waiting) if waiting else iter(())


RECENT_ATTEMPTS = 50
"""Over how many of its attempts for a campaign a line's worth is averaged."""


class LineHistory:
    __slots__ = ("_down", "_earned", "_failures", "_last_attempt_us", "_last_line", "_resting_until_us")

    def __init__(self) -> None:
        self._last_attempt_us: dict[str, int] = {}
        self._last_line: dict[tuple[str, int], str] = {}
        self._failures: dict[str, int] = {}
        self._down: set[str] = set()
        self._resting_until_us: dict[str, int] = {}
        self._earned: dict[tuple[str, str], deque[int]] = {}

    def add_attempt(self, line: str, *, campaign: str, priority: int, at_us: int) -> None:
        self._last_attempt_us[line] = max(at_us, self._last_attempt_us.get(line, 0))
        self._last_line[campaign, priority] = line

    def add_answer(self, line: str) -> None:
        """The line answered: its row of failures is cleared."""
        self._failures.pop(line, None)
        self._resting_until_us.pop(line, None)

    def add_outcome(self, line: str, outcome: Outcome, *, health: Health | None, at_us: int) -> None:
        """Counts the outcome of an attempt. After a rest one more failure is enough for the next: only an answer ends the row."""
        match outcome:
            case Outcome.ANSWERED | Outcome.NO_ANSWER | Outcome.LOST_RACE | Outcome.ABANDONED:
                pass  # its answer was counted when talk began; the others say nothing about the line
            case Outcome.BUSY | Outcome.DECLINED:
                self.add_answer(line)
            case Outcome.FAILED | Outcome.CERTIFICATE_REFUSED | Outcome.SILENT:
                row = self._failures[line] = self._failures.get(line, 0) + 1
                if health is not None and row >= health.failures:
                    self.rest(line, at_us + health.rest_ms * 1_000)
            case _:
                assert_never(outcome)

    def rest(self, line: str, until_us: int) -> None:
        """The line asked to be left alone until then."""
        self._resting_until_us[line] = max(until_us, self._resting_until_us.get(line, 0))

    def set_up(self, line: str, *, is_up: bool) -> None:
        if is_up:
            self._down.discard(line)
        else:
            self._down.add(line)

    def is_down(self, line: str) -> bool:
        return line in self._down

    @property
    def down(self) -> frozenset[str]:
        return frozenset(self._down)

    def add_revenue(self, campaign: str, line: str, *, revenue_micros: int) -> None:
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
    """For each caller the newest paid conversion of every sale. `_by_age`: one entry for each, at most as new."""

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
            if known is None:
                heappush(self._by_age, (paid.at_us, ani, sale))
        self._expire(paid.at_us)

    def paid(self, ani: str) -> Sequence[PaidConversion]:
        """Returns the caller's paid conversions, oldest first."""
        sales = self._paid.get(ani)
        return sorted(sales.values(), key=lambda paid: paid.at_us) if sales else ()

    def _expire(self, now_us: int) -> None:
        while self._by_age and self._by_age[0][0] <= now_us - KEPT_US:
            at_us, ani, sale = heappop(self._by_age)
            sales = self._paid[ani]
            newest_us = sales[sale].at_us
            if newest_us > at_us:
                heappush(self._by_age, (newest_us, ani, sale))
                continue
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

    `counts`: (owner, counts, quarter's start in UTC microseconds, amount) from `horizon_us` on; `before`: (owner, counts, amount), all
    there was before. `deposits`: by advertiser, all ever, micros. `paid`: (caller, conversion), in any order. `attempts`: oldest first.
    `overrides`: made and lifted, all ever; `in_time`: each is in force from its own moment on, as in a replay, not at once.
    """

    counts: Iterable[CounterRow] = ()
    before: Iterable[tuple[str, Counts, int]] = ()
    horizon_us: int = 0
    deposits: Mapping[str, int] = field(default_factory=dict)
    paid: Iterable[tuple[str, PaidConversion]] = ()
    attempts: Iterable[PastAttempt] = ()
    overrides: Iterable[OverrideRow] = ()
    in_time: bool = False


class Usage:
    """The load of a running switch: implements `routing.load.Load`.

    Its methods are what concerns several of its parts; `caps`, `holds`, `paid_callers` and `overrides` are asked directly for the rest.
    """

    __slots__ = ("_counters", "_groups", "_lines", "caps", "holds", "overrides", "paid_callers")

    def __init__(self, past: UsageHistory | None = None) -> None:
        past = past or UsageHistory()
        self._counters = UsageCounters(past.counts, before=past.before, horizon_us=past.horizon_us)
        self._groups: dict[str, tuple[str, ...]] = {}
        self._lines = LineHistory()
        self.caps = CapUsage(self._counters, deposits=past.deposits)
        self.paid_callers = PaidCallers()
        self.holds = HoldQueues()
        self.overrides = Overrides(past.overrides, in_time=past.in_time)
        for ani, paid in past.paid:
            self.paid_callers.add(ani, paid)
        for attempt in past.attempts:
            self._lines.add_attempt(attempt.line, campaign=attempt.campaign, priority=attempt.priority, at_us=attempt.at_us)
            self._lines.add_revenue(attempt.campaign, attempt.line, revenue_micros=attempt.revenue_micros)
            for owner in attempt.owners:
                self._counters.counted_at((owner, Counts.ATTEMPT), attempt.at_us)

    # events of an attempt and of its call

    def reserve_caps(self, member: LegKey, *, owners: tuple[str, ...], attempt: Attempt, at_us: int) -> str | None:
        """The line is about to be invited: counts that for all owners and returns None, or counts nothing and returns the key of the first
        cap that is full.

        `owners`: everyone the attempt counts for, with a cap or without: `line:acme-east`, `group:west`, `advertiser:acme`,
        `campaign:auto`, `publisher:radio`, `number:+18005550100`, `trunk:level3`; groups that are known (`set_groups`) and owners of the
        attempt's caps may be left out. Lines that ring together are reserved one by one. Idempotent: None.
        """
        if member in self.caps:
            return None
        full = self.caps.reserve(member, owners=owners, attempt=attempt, at_us=at_us)
        if full is None:
            self._lines.add_attempt(attempt.line, campaign=attempt.campaign, priority=attempt.priority, at_us=at_us)
        return full

    def count_connection(self, member: LegKey, *, at_us: int) -> None:
        """Talk began. Changes nothing when called again or after `release_caps`. KeyError: the member was never reserved, or its call is
        over."""
        attempt = self.caps.count_connection(member, at_us=at_us)
        if attempt is not None:
            self._lines.add_answer(attempt.line)

    def release_call_caps(self, member: LegKey, *, at_us: int, outcome: Outcome, health: Health | None) -> None:
        """The leg is hung up but has not ended: releases the call's caps and counts the line's outcome. See `release_caps`."""
        attempt = self.caps.release_call_caps(member)
        if attempt is not None:
            self._lines.add_outcome(attempt.line, outcome, health=health, at_us=at_us)

    def release_caps(
        self,
        member: LegKey,
        *,
        at_us: int,
        outcome: Outcome | None = None,
        health: Health | None = None,
        may_earn: bool = False,
    ) -> None:
        """The leg has ended, or was never dialled: releases what it held. Changes nothing for unknown members and legs that ended before.

        `outcome`: of the attempt; None: it says nothing about the line. `health`: the line's health rule. `may_earn`: the call goes on and
        this attempt may still earn (`total_for`), so strict caps go on counting that as outstanding until `end_call`.
        """
        attempt = self.caps.release_caps(member, may_earn=may_earn)
        if attempt is not None and outcome is not None:
            self._lines.add_outcome(attempt.line, outcome, health=health, at_us=at_us)

    def end_call(self, call_id: str) -> None:
        """The call is recorded and judged. Only `release_caps` may follow, for legs that have not terminated yet."""
        self.holds.leave(call_id)
        for attempt, earned_micros in self.caps.end_call(call_id):
            self._lines.add_revenue(attempt.campaign, attempt.line, revenue_micros=earned_micros)

    # events of a line

    def rest_line(self, line: str, until_us: int) -> None:
        """The line asked to be left alone until then (503 with Retry-After). Its answer to a call ends the rest."""
        self._lines.rest(line, until_us)

    def set_line_up(self, line: str, *, is_up: bool) -> None:
        """The line does, or does not any more, answer OPTIONS."""
        self._lines.set_up(line, is_up=is_up)

    @property
    def lines_down(self) -> frozenset[str]:
        """Returns the lines that do not answer OPTIONS."""
        return self._lines.down

    # config and ledger

    def set_groups(self, groups: Mapping[str, tuple[str, ...]]) -> None:
        """Sets the lines of each group, from the plan, at start and at every reload. A group has counted what its lines have."""
        self._groups = {f"group:{name}": tuple(f"line:{line}" for line in lines) for name, lines in groups.items()}
        self.caps.set_groups(self._groups)

    @property
    def horizon_us(self) -> int:
        """Returns from when on the quarters are known; caps that look further back count the sum of all time, until `extend_history`."""
        return self._counters.horizon_us

    def extend_history(self, past: UsageHistory) -> None:
        """Loads more of the ledger, for a plan that looks further back. What was counted meanwhile is known already."""
        self._counters.extend_history(past.counts, before=past.before, horizon_us=past.horizon_us)
        for ani, paid in past.paid:
            self.paid_callers.add(ani, paid)
        self.caps.set_groups(self._groups)

    # queries of routing: routing.load.Load

    def in_force(self, utc_us: int) -> OverridesInForce:
        return self.overrides.at(utc_us)

    def used(self, cap: Cap, utc_us: int) -> int:
        return self.caps.used(cap, utc_us)

    def last_attempt_us(self, line: str) -> int:
        return self._lines.last_attempt_us(line)

    def last_line(self, campaign: str, priority: int) -> str | None:
        return self._lines.last_line(campaign, priority)

    def resting_until_us(self, line: str) -> int:
        return self._lines.resting_until_us(line)

    def is_down(self, line: str) -> bool:
        return self._lines.is_down(line)

    def worth_micros(self, campaign: str, line: str) -> int:
        return self._lines.worth_micros(campaign, line)

    def waiting(self, campaign: str) -> int:
        return self.holds.waiting(campaign)

    def place(self, campaign: str, call_id: str) -> int:
        return 1 + sum(1 for _ in self.holds.ahead(campaign, call_id))

    def paid(self, ani: str) -> Sequence[PaidConversion]:
        return self.paid_callers.paid(ani)

    # for tests

    def snapshot(self) -> Mapping[str, int]:
        """Returns every count that is not zero: two usages with equal snapshots count the same."""
        return self._counters.snapshot() | self.caps.snapshot()
