"""The usage against a model that keeps a list of what happened and counts it anew for every question.

Hundreds of calls, all caps on all owners at once, events in any order and repeated, time that crosses windows and clock changes, reloads
with other caps and groups, crashes after which the usage are made anew from what a ledger would know.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from routing.cap import Cap, Counts, Per
from routing.ruling import Attempt
from routing.zone import time_zone
from switch.engine.caps import LegKey
from switch.engine.usage import Usage, UsageHistory

S_US = 1_000_000
QUARTER_US = 900 * S_US
ZONES = ("UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
ADVERTISER = {"a": "acme", "b": "acme", "c": "best", "d": "best"}
PRICE = {"auto": 25 * S_US, "home": 10 * S_US, "free": 0}
GROUPINGS: tuple[dict[str, tuple[str, ...]], ...] = ({"g": ("a", "c")}, {"g": ("a", "b", "c"), "h": ("d",)}, {})
FEW, SIZES = 4, st.sampled_from([4, 40, 400])
"""How much plans let through."""
STARTS = [
    datetime(2026, 3, 7, 20, tzinfo=UTC),  # New York goes to summer time
    datetime(2026, 10, 31, 20, tzinfo=UTC),  # and back
    datetime(2026, 4, 4, 10, tzinfo=UTC),  # Lord Howe goes back by half an hour
    datetime(2026, 12, 31, 15, tzinfo=UTC),
]
WINDOWS = (Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH)
COUNTED = {
    Per.CONCURRENCY: tuple(Counts),
    Per.SPACING: (Counts.ATTEMPT, Counts.CONNECTION, Counts.CONVERSION),
    **dict.fromkeys((*WINDOWS, Per.TOTAL), tuple(Counts)),
}
OWNERS = (
    *(f"line:{line}" for line in ADVERTISER),
    *("group:g", "group:h", "advertiser:acme", "advertiser:best"),
    *(f"campaign:{campaign}" for campaign in PRICE),
    *("publisher:radio", "publisher:tv", "number:+1", "number:+2", "trunk:t"),
)


@cache
def window(per: Per, zone: str, at_us: int) -> tuple[int | float, ...]:
    """What the calendar of the zone calls the window: two instants are in one window when it has one name."""
    local = datetime.fromtimestamp(at_us / S_US, time_zone(zone))
    offset = local.utcoffset()
    assert offset is not None
    match per:
        case Per.HOUR:
            return local.toordinal(), local.hour, offset.total_seconds()
        case Per.DAY:
            return (local.toordinal(),)
        case Per.WEEK:
            return local.isocalendar()[:2]
        case _:
            return local.year, local.month


@cache
def plan(seed: int, size: int, begun_us: int) -> dict[str, tuple[Cap, ...]]:
    """Caps by owner. `size`: how much they let through. Every combination turns up, some with every owner."""
    draw = Random(seed)
    return {owner: tuple(_caps(owner, draw, size=size, begun_us=begun_us)) for owner in OWNERS}


def _caps(owner: str, draw: Random, *, size: int, begun_us: int) -> list[Cap]:
    found = []
    for per, several in COUNTED.items():
        for counts in several:
            if draw.random() < (0.02 if per is Per.SPACING and size > FEW else 0.15):
                limit = draw.randint(size // 3 + 1, size) * (20 * S_US if counts is Counts.REVENUE else 1)
                found.append(
                    Cap(
                        owner=owner,
                        limit=1 if per is Per.SPACING else limit,
                        counts=counts,
                        per=per,
                        zone=draw.choice(ZONES),
                        spacing_ms=draw.randint(1, 30_000) if per is Per.SPACING else 0,
                        since_us=begun_us + draw.randint(-2, 20) * QUARTER_US if per is Per.TOTAL else 0,
                        strict=draw.random() < 0.6,
                    )
                )
    if owner.startswith("advertiser:") and draw.random() < 0.5:
        found.append(Cap(owner=owner, limit=draw.randint(0, size) * 20 * S_US, counts=Counts.REVENUE, per=Per.BALANCE))
    draw.shuffle(found)
    return found


@dataclass
class Known:
    """What the model knows of a member."""

    owners: tuple[str, ...]
    revenue_micros: int
    at_us: int
    ended: bool = False
    earning: bool = False
    over: bool = False
    talked: bool = False
    earned_micros: int = 0

    def pays(self) -> bool:
        return not self.over and (not self.ended or self.earning)


@dataclass(frozen=True)
class Fact:
    owners: tuple[str, ...]
    counts: Counts
    at_us: int
    amount: int
    told: int
    """How many crashes had been before."""


@dataclass
class Model:
    """`facts` and `members` say all; the rest is them in another order, so that asking is not too slow."""

    facts: list[Fact] = field(default_factory=list)
    members: dict[LegKey, Known] = field(default_factory=dict)
    deposits: Counter[str] = field(default_factory=Counter)
    crashes: int = 0
    horizon_us: int = 0
    by_key: dict[tuple[str, Counts], list[Fact]] = field(default_factory=lambda: defaultdict(list))
    by_window: dict[tuple[str, Counts, Per, str], tuple[list[int], Counter[tuple[int | float, ...]]]] = field(default_factory=dict)
    held: Counter[tuple[str, Counts, bool]] = field(default_factory=Counter)
    shares: dict[LegKey, dict[tuple[str, Counts, bool], int]] = field(default_factory=dict)

    def note(self, owners: tuple[str, ...], counts: Counts, at_us: int, amount: int) -> None:
        if amount:
            self.facts.append(Fact(owners, counts, at_us, amount, self.crashes))
            self.index(self.facts[-1])

    def index(self, fact: Fact) -> None:
        for owner in fact.owners:
            self.by_key[owner, fact.counts].append(fact)

    def windows(self, cap: Cap) -> Counter[tuple[int | float, ...]]:
        """How much was counted in each window there ever was. Facts that came since it was last asked are added."""
        facts = self.by_key[cap.owner, cap.counts]
        done, found = self.by_window.setdefault((cap.owner, cap.counts, cap.per, cap.zone), ([0], Counter()))
        for fact in facts[done[0] :]:
            found[window(cap.per, cap.zone, fact.at_us)] += fact.amount
        done[0] = len(facts)
        return found

    def retell(self, facts: list[Fact]) -> None:
        self.facts = facts
        self.by_key.clear()
        self.by_window.clear()
        for fact in facts:
            self.index(fact)

    def changed(self, member: LegKey) -> None:
        """What it held is replaced by what it holds. That nothing is forgotten shows when all is recounted, after each rule."""
        self.held.subtract(self.shares.pop(member, {}))
        known = self.members.get(member)
        if known is not None:
            share = {(each, may): of(known, each) for each in Counts for may, of in ((False, _held), (True, _outstanding))}
            self.shares[member] = {(owner, *key): amount for owner in known.owners for key, amount in share.items() if amount}
            self.held.update(self.shares[member])

    def recount(self) -> None:
        self.held.clear()
        self.shares.clear()
        for member in self.members:
            self.changed(member)

    def used(self, cap: Cap, now_us: int) -> int:
        facts = self.by_key[cap.owner, cap.counts]
        open_now = self.held[cap.owner, cap.counts, True]
        match cap.per:
            case Per.CONCURRENCY:
                counted = self.held[cap.owner, cap.counts, False]
            case Per.SPACING:
                latest = (fact.at_us for fact in facts if fact.amount > 0 and fact.told == self.crashes)
                near = any(now_us - at_us < cap.spacing_ms * 1000 for at_us in latest)
                return int(near or (cap.strict and open_now > 0))
            case Per.TOTAL:  # from before the horizon on everything counts
                counted = sum(fact.amount for fact in facts if fact.at_us >= cap.since_us or cap.since_us < self.horizon_us)
            case Per.BALANCE:
                return sum(fact.amount for fact in facts) + open_now - self.deposits[cap.owner]
            case _:
                counted = self.windows(cap)[window(cap.per, cap.zone, now_us)]
        return counted + (open_now if cap.strict else 0)

    def quarters(self) -> list[tuple[str, Counts, int, int]]:
        """As a ledger has them: it knows no groups."""
        found: Counter[tuple[str, Counts, int]] = Counter()
        for fact in self.facts:
            for owner in fact.owners:
                if not owner.startswith("group:"):
                    found[owner, fact.counts, fact.at_us // QUARTER_US * QUARTER_US] += fact.amount
        return [(*key, amount) for key, amount in found.items()]


def _held(known: Known, counts: Counts) -> int:
    if known.ended:
        return 0
    talked, earned = int(known.talked), known.earned_micros
    return {Counts.ATTEMPT: 1, Counts.CONNECTION: talked, Counts.CONVERSION: int(earned > 0), Counts.REVENUE: earned}[counts]


def _outstanding(known: Known, counts: Counts) -> int:
    match counts:
        case Counts.ATTEMPT:
            return 0
        case Counts.CONNECTION:
            return int(not known.ended and not known.talked)
        case Counts.CONVERSION:
            return int(known.pays() and known.earned_micros == 0)
        case _:
            return known.revenue_micros - known.earned_micros if known.pays() else 0


class BooksMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.usage = Usage()
        self.model = Model()
        self.calls = 0
        self.pure = True
        """No reload, nothing from outside, nothing told too late: every window of the past must have held."""

    @initialize(start=st.sampled_from(STARTS), seed=st.integers(0, 7), size=SIZES)
    def begin(self, start: datetime, seed: int, size: int) -> None:
        self.now_us = self.begun_us = int(start.timestamp()) * S_US
        self.plans = [plan(seed, size, self.begun_us)]
        self.groups: dict[str, tuple[str, ...]] = {}
        self.regroup(GROUPINGS[0])

    # what happens

    @rule(seconds=st.sampled_from([0, 1, 29, 600, 3600, 6 * 3600, 86_400, 6 * 86_400, 30 * 86_400]), us=st.integers(0, S_US))
    def time_passes(self, seconds: int, us: int) -> None:
        self.now_us += seconds * S_US + us

    @rule(seed=st.integers(0, 2**32), many=st.integers(5, 60))
    def calls_come(self, seed: int, many: int) -> None:
        draw = Random(seed)
        for _ in range(many):
            self.call(draw)

    @rule(seed=st.integers(0, 2**32), many=st.integers(20, 100))
    def calls_come_and_go(self, seed: int, many: int) -> None:
        """Anything happens to whomever, in any order, each perhaps again; told now, or late."""
        draw = Random(seed)
        for _ in range(many):
            if draw.random() < 0.3 or not self.model.members:
                self.call(draw)
                continue
            member = draw.choice(list(self.model.members))
            do = draw.choice([self.connect, self.connect, self.convert, self.convert, self.end, self.finish, self.take_again])
            for _ in range(draw.choice([1, 1, 2])):
                if member in self.model.members:
                    do(member, draw)
            self.now_us += draw.choice([0, 1, S_US])

    @rule(seed=st.integers(0, 2**32))
    def money_comes_from_outside(self, seed: int) -> None:
        draw = Random(seed)
        line, campaign = draw.choice("abcd"), draw.choice(list(PRICE))
        owners = (f"line:{line}", f"advertiser:{ADVERTISER[line]}", f"campaign:{campaign}", "publisher:radio")
        conversions, micros = draw.choice([(1, PRICE[campaign]), (-1, -PRICE[campaign]), (0, 5 * S_US)])
        at_us = max(self.begun_us, self.now_us - draw.randint(0, 40 * 86_400) * S_US)
        self.usage.caps.adjust(owners, at_us=at_us, conversions=conversions, revenue_micros=micros)
        everyone = self.with_groups(owners)
        self.model.note(everyone, Counts.CONVERSION, at_us, conversions)
        self.model.note(everyone, Counts.REVENUE, at_us, micros)
        self.pure = False

    @rule(advertiser=st.sampled_from(["acme", "best"]), amount=st.integers(0, 50))
    def deposit(self, advertiser: str, amount: int) -> None:
        self.usage.caps.add_deposit(advertiser, amount * 10 * S_US)
        self.model.deposits[f"advertiser:{advertiser}"] += amount * 10 * S_US

    @rule(seed=st.integers(0, 7), size=SIZES, groups=st.sampled_from(GROUPINGS))
    def reload(self, seed: int, size: int, groups: dict[str, tuple[str, ...]]) -> None:
        self.plans = [*self.plans[-1:], plan(seed, size, self.begun_us)]
        self.regroup(groups)
        self.pure = False

    @rule(days=st.sampled_from([0, 1, 40, 4000]), back=st.booleans())
    def crash(self, days: int, back: bool) -> None:  # noqa: FBT001 what hypothesis draws
        """What was counted is in the ledger, who held something is gone; the usage look `days` back, and further only if asked to."""
        horizon_us = (self.now_us - days * 86_400 * S_US) // QUARTER_US * QUARTER_US
        rows = self.model.quarters()
        self.model.members.clear()
        self.model.crashes += 1
        self.model.horizon_us = horizon_us
        self.usage = Usage(
            UsageHistory(
                counts=[row for row in rows if row[2] >= horizon_us],
                before=[(owner, counts, amount) for owner, counts, at_us, amount in rows if at_us < horizon_us],
                horizon_us=horizon_us,
                deposits={owner.split(":")[1]: micros for owner, micros in self.model.deposits.items()},
            )
        )
        self.regroup(self.groups)
        if back or days < 40:
            self.model.horizon_us = 0
            self.usage.extend_history(UsageHistory(counts=rows, horizon_us=0))
            assert self.usage.horizon_us == 0

    # how it is told, to the usage and to the model

    def call(self, draw: Random) -> None:
        self.calls += 1
        for leg in range(1, draw.choice([2, 2, 2, 4])):
            self.take((f"call-{self.calls}", leg), draw)

    def take(self, member: LegKey, draw: Random) -> None:
        line, campaign = draw.choice("abcd"), draw.choice(list(PRICE))
        owners = (
            *(f"line:{line}", f"advertiser:{ADVERTISER[line]}", f"campaign:{campaign}"),
            *(draw.choice(["publisher:radio", "publisher:tv"]), draw.choice(["number:+1", "number:+2"]), "trunk:t"),
        )
        everyone = self.with_groups(owners)
        caps = tuple(cap for owner in everyone for cap in draw.choice(self.plans)[owner])
        attempt = attempt_of(line, campaign, caps)
        full = next((cap.key for cap in caps if self.fills(cap, attempt)), None)
        look = full is not None and draw.random() < 0.1
        before = self.usage.snapshot() if look else {}
        assert self.usage.reserve_caps(member, owners=owners, attempt=attempt, at_us=self.now_us) == full
        assert not look or self.usage.snapshot() == before
        if full is not None:
            return
        self.model.members[member] = Known(everyone, attempt.revenue_micros, self.now_us)
        self.model.changed(member)
        self.model.note(everyone, Counts.ATTEMPT, self.now_us, 1)
        for cap in caps:
            if cap.strict or cap.per is Per.BALANCE or (cap.per is Per.CONCURRENCY and cap.counts is Counts.ATTEMPT):
                assert self.model.used(cap, self.now_us) <= cap.limit

    def fills(self, cap: Cap, attempt: Attempt) -> bool:
        adds = attempt.revenue_micros if cap.counts is Counts.REVENUE else 1
        return self.model.used(cap, self.now_us) + adds > cap.limit

    def take_again(self, member: LegKey, _: Random) -> None:
        before = self.usage.snapshot()
        full = Cap(owner="line:a", limit=0)
        assert (
            self.usage.reserve_caps(member, owners=("line:a",), attempt=attempt_of("a", "auto", (full,)), at_us=self.now_us) is None
        )
        assert self.usage.snapshot() == before

    def connect(self, member: LegKey, draw: Random) -> None:
        known, at_us = self.model.members[member], self.told_late(member, draw)
        with self.never_above():
            self.usage.count_connection(member, at_us=at_us)
            if not known.talked and not known.ended:
                known.talked = True
                self.model.changed(member)
                self.model.note(known.owners, Counts.CONNECTION, at_us, 1)

    def convert(self, member: LegKey, draw: Random) -> None:
        known, at_us = self.model.members[member], self.told_late(member, draw)
        micros = draw.choice([known.revenue_micros, known.revenue_micros // 2])
        may = known.pays()
        self.pure = self.pure and may
        with self.never_above(when=may):
            self.usage.caps.accrue_revenue(member, at_us=at_us, revenue_micros=micros)
            if micros > known.earned_micros:
                self.model.note(known.owners, Counts.CONVERSION, at_us, int(known.earned_micros == 0))
                self.model.note(known.owners, Counts.REVENUE, at_us, micros - known.earned_micros)
                known.earned_micros = micros
                self.model.changed(member)

    def end(self, member: LegKey, draw: Random) -> None:
        known, earning = self.model.members[member], draw.random() < 0.5
        with self.never_above():
            self.usage.release_caps(member, at_us=self.now_us, may_earn=earning)
            if not known.ended:
                known.ended, known.earning = True, earning
                self.model.changed(member)
                self.forget(member[0])
        self.usage.release_caps((member[0], 99), at_us=self.now_us)

    def finish(self, member: LegKey, _: Random) -> None:
        with self.never_above():
            self.usage.end_call(member[0])
            for other, known in self.model.members.items():
                if other[0] == member[0]:
                    known.over = True
                    self.model.changed(other)
            self.forget(member[0])

    def forget(self, call_id: str) -> None:
        mine = {member: known for member, known in self.model.members.items() if member[0] == call_id}
        if all(known.over and known.ended for known in mine.values()):
            for member in mine:
                del self.model.members[member]
                self.model.changed(member)

    def told_late(self, member: LegKey, draw: Random) -> int:
        return max(self.model.members[member].at_us, self.now_us - draw.choice([0, 0, S_US, 1200 * S_US]))

    def with_groups(self, owners: tuple[str, ...]) -> tuple[str, ...]:
        own = tuple(owner for owner in owners if not owner.startswith("group:"))
        return (*own, *(f"group:{name}" for name, lines in self.groups.items() if any(f"line:{line}" in own for line in lines)))

    def regroup(self, groups: dict[str, tuple[str, ...]]) -> None:
        """A group is its lines, whatever they counted and hold, and nothing else."""
        self.usage.set_groups(groups)
        self.groups = groups
        for known in self.model.members.values():
            known.owners = self.with_groups(known.owners)
        self.model.recount()
        self.model.retell([replace(fact, owners=self.with_groups(fact.owners)) for fact in self.model.facts])

    # what must hold

    @contextmanager
    def never_above(self, *, when: bool = True) -> Iterator[None]:
        """Whatever happens to members takes no strict cap further above its limit than something else had put it."""
        tight = [cap for caps in self.plans[-1].values() for cap in caps if cap.strict or cap.per is Per.BALANCE]
        before = [self.usage.used(cap, self.now_us) for cap in tight]
        yield
        for cap, used in zip(tight, before, strict=True):
            assert not when or self.usage.used(cap, self.now_us) <= max(used, cap.limit)

    @invariant()
    def the_books_count_what_the_model_counts(self) -> None:
        self.model.recount()
        for caps in self.plans[-1].values():
            for cap in caps:
                assert self.usage.used(cap, self.now_us) == self.model.used(cap, self.now_us), cap

    def teardown(self) -> None:
        """When all is over nothing is held; where nothing came between, no window of the past was ever too full."""
        for member in list(self.model.members):
            self.usage.release_caps(member, at_us=self.now_us, may_earn=True)
        for member in list(self.model.members):
            self.usage.end_call(member[0])
        assert [key for key in self.usage.snapshot() if key.endswith(("live", "outstanding"))] == []
        if self.pure:
            for cap in (cap for caps in self.plans[-1].values() for cap in caps if cap.strict and cap.per in WINDOWS):
                assert max(self.model.windows(cap).values(), default=0) <= cap.limit


def attempt_of(line: str, campaign: str, caps: tuple[Cap, ...]) -> Attempt:
    return Attempt(
        line=line,
        advertiser=ADVERTISER[line],
        campaign=campaign,
        priority=1,
        uri="sip:line@127.0.0.1",
        ring_ms=30_000,
        silence_ms=5_000,
        timer_offset_ms=0,
        caps=caps,
        revenue_micros=PRICE[campaign],
    )


TestBooks = BooksMachine.TestCase
TestBooks.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
