"""Knows what routing may ask about the moment: all the engine's books together, one writer. They hold no clock: instants are told.

Of each attempt the engine tells `take`, `connected`, `converted` and `ended`, of the call `over`, last of all; each as often as it likes.
Does not know SIP, how money is judged, or how the ledger keeps any of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from routing.cap import Cap, Counts
from routing.load import Paid
from routing.ruling import Attempt
from routing.table import Health
from switch.call.record import Outcome
from switch.engine.caps import CapBook, Member
from switch.engine.hold_book import HoldBook
from switch.engine.line_book import LineBook
from switch.engine.repeat_book import RepeatBook
from switch.engine.tally import Tallied, Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An attempt of a call that is over. `at_us`: its INVITE, UTC microseconds. `revenue_micros`: what it came to. `owners`: whom it counts
    for, but for groups.
    """

    line: str
    campaign: str
    priority: int
    at_us: int
    revenue_micros: int
    owners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a ledger tells at start. Calls that were live are in it only with what was counted for them: they are gone.

    `tallies`: (owner, counts, quarter's start in UTC microseconds, amount) from `horizon_us` on; `before`: (owner, counts, amount), all
    there was before. `deposits`: by advertiser, all ever, micros. `paid`: (caller, conversion), in any order. `made`: oldest first.
    """

    tallies: Iterable[Tallied] = ()
    before: Iterable[tuple[str, Counts, int]] = ()
    horizon_us: int = 0
    deposits: Mapping[str, int] = field(default_factory=dict)
    paid: Iterable[tuple[str, Paid]] = ()
    made: Iterable[Made] = ()


class Books:
    """The load of a running switch: implements `routing.load.Load`."""

    __slots__ = ("_caps", "_groups", "_holds", "_lines", "_repeats", "_tally")

    def __init__(self, past: Past | None = None) -> None:
        past = past or Past()
        self._tally = Tally(past.tallies, before=past.before, horizon_us=past.horizon_us)
        self._caps = CapBook(self._tally, deposits={_prepaid(party): micros for party, micros in past.deposits.items()})
        self._groups: dict[str, tuple[str, ...]] = {}
        self._lines = LineBook()
        self._repeats = RepeatBook()
        self._holds = HoldBook()
        for ani, paid in past.paid:
            self._repeats.add(ani, paid)
        for made in past.made:
            self._lines.attempted(made.line, campaign=made.campaign, priority=made.priority, at_us=made.at_us)
            self._lines.earned(made.campaign, made.line, revenue_micros=made.revenue_micros)
            for owner in made.owners:
                self._tally.counted_at((owner, Counts.ATTEMPT), made.at_us)

    # what the engine tells of an attempt and of its call

    def take(self, member: Member, *, owners: tuple[str, ...], attempt: Attempt, at_us: int) -> str | None:
        """The line is about to be invited: count that for all owners, or for none and return the key of the first cap that is full.

        `owners`: everyone the attempt counts for, with a cap or without: `line:acme-east`, `group:west`, `advertiser:acme`,
        `campaign:auto`, `publisher:radio`, `number:+18005550100`, `trunk:level3`; groups that were told (`grouped`) and owners of the
        attempt's caps may be left out. Lines that ring together are taken one by one. Taking again changes nothing: None.
        """
        if member in self._caps:
            return None
        full = self._caps.take(member, owners=owners, attempt=attempt, at_us=at_us)
        if full is None:
            self._lines.attempted(attempt.line, campaign=attempt.campaign, priority=attempt.priority, at_us=at_us)
        return full

    def connected(self, member: Member, *, at_us: int) -> None:
        """Talk began. Told again, or after `ended`: nothing happens. KeyError: the member was never taken, or its call is over."""
        connected = self._caps.connected(member, at_us=at_us)
        if connected is not None:
            self._lines.answered(connected.line)

    def converted(self, member: Member, *, at_us: int, revenue_micros: int) -> None:
        """The attempt's revenue is owed: `revenue_micros` in all so far. Told again, only what it grew by is counted; 0 is no conversion.

        Best before `ended`; until `over` it still counts. Money of calls that are over is `adjusted`. KeyError: as `connected`.
        """
        self._caps.converted(member, at_us=at_us, revenue_micros=revenue_micros)

    def given_up(self, member: Member, *, at_us: int, outcome: Outcome, health: Health | None) -> None:
        """Its leg was told to end, and may take its time: the call does without it, and how the line did is known. See `ended`."""
        attempt = self._caps.given_up(member)
        if attempt is not None:
            self._lines.ended(attempt.line, outcome, health=health, at_us=at_us)

    def settled(self, member: Member, *, revenue_micros: int) -> None:
        """The call is judged and no more than this came of the attempt: what was counted above that is taken back."""
        self._caps.settled(member, revenue_micros=revenue_micros)

    def ended(
        self,
        member: Member,
        *,
        at_us: int,
        outcome: Outcome | None = None,
        health: Health | None = None,
        earning: bool = False,
    ) -> None:
        """The leg is gone, or will never be: what it held is free. Members never taken, and legs that ended before: nothing happens.

        `outcome`: how the attempt went; None: it says nothing of the line, whose `health` is the rule for it. `earning`: its call goes on
        and may still make money of this attempt (`total_for`), so strict caps go on counting that as outstanding until `over`.
        """
        attempt = self._caps.give_back(member, earning=earning)
        if attempt is not None and outcome is not None:
            self._lines.ended(attempt.line, outcome, health=health, at_us=at_us)

    def over(self, call_id: str) -> None:
        """The call has its record and its money. Nothing more is told of it, but `ended` of legs the network has not let go of yet."""
        self._holds.leave(call_id)
        for attempt, earned_micros in self._caps.over(call_id):
            self._lines.earned(attempt.campaign, attempt.line, revenue_micros=earned_micros)

    def enter_hold(self, call_id: str, campaign: str) -> None:
        """The caller waits in this queue, and in no other any more. Told again: nothing happens."""
        self._holds.enter(call_id, campaign)

    def leave_hold(self, call_id: str) -> None:
        """The caller waits no more, if he did."""
        self._holds.leave(call_id)

    def paid_for(self, ani: str, paid: Paid) -> None:
        """A conversion was paid for: the caller may be a repeat from now on. Callers without a number of their own are not kept."""
        self._repeats.add(ani, paid)

    # what comes from outside of calls; told once for each row of the ledger

    def adjusted(self, owners: tuple[str, ...], *, at_us: int, conversions: int, revenue_micros: int) -> None:
        """Money rows that no live call made: postbacks, corrections. Both numbers may be negative."""
        self._caps.adjusted(owners, at_us=at_us, conversions=conversions, revenue_micros=revenue_micros)

    def deposited(self, advertiser: str, amount_micros: int) -> None:
        """An advertiser paid in advance."""
        self._caps.deposited(_prepaid(advertiser), amount_micros)

    def grouped(self, groups: Mapping[str, tuple[str, ...]]) -> None:
        """Lines by group, as the plan has them: told at start and at every reload. A group has counted what its lines have."""
        self._groups = {f"group:{name}": tuple(f"line:{line}" for line in lines) for name, lines in groups.items()}
        self._caps.grouped(self._groups)

    @property
    def horizon_us(self) -> int:
        """From when on the quarters are known; caps that look further back count all there ever was, until `look_back`."""
        return self._tally.horizon_us

    def look_back(self, past: Past) -> None:
        """More of the ledger, read anew, for a plan that looks further back. What was told meanwhile is known already."""
        self._tally.extend(past.tallies, before=past.before, horizon_us=past.horizon_us)
        for ani, paid in past.paid:
            self._repeats.add(ani, paid)
        self._caps.grouped(self._groups)

    # what routing asks: routing.load.Load

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

    def paid(self, ani: str) -> Sequence[Paid]:
        return self._repeats.paid(ani)

    # what tests compare

    def snapshot(self) -> Mapping[str, int]:
        """Every count that is not zero: equal snapshots are books that count the same."""
        return self._tally.snapshot() | self._caps.snapshot()


def _prepaid(advertiser: str) -> str:
    return f"advertiser:{advertiser}"
