"""Counts calls and legs against caps: by member, never by a bare counter (`docs/carriers.md` §9).

What a member holds follows from its state alone, and every sum moves by the difference between what a member held before and what it
holds after, in one place: so nothing is counted twice, and nothing stays behind. Caps are reserved all at once or not at all. Counts are
kept by owner, not by cap: a reload's caps hold at once. Owners are opaque keys; routing and opening hours are elsewhere.
"""

from collections.abc import Iterable, Mapping

import msgspec

from routing.cap import Cap, Counts, Per
from routing.ruling import Attempt
from routing.window import next_us, start_us
from switch.engine.counters import UsageCounters
from switch.engine.last_second import LastSecond

LegKey = tuple[str, int]
"""A call's id and its leg's number."""

# Access to enum members is slow in Python 3.11, and routing asks for a hundred caps in one decision.
_ATTEMPT = Counts.ATTEMPT
_CONNECTION = Counts.CONNECTION
_CONVERSION = Counts.CONVERSION
_REVENUE = Counts.REVENUE
_CONCURRENCY = Per.CONCURRENCY
_SPACING = Per.SPACING
_SECOND = Per.SECOND
_TOTAL = Per.TOTAL
_BALANCE = Per.BALANCE
_OF_CALLS = ("campaign:", "publisher:", "number:", "trunk:")
"""Owners that have calls; the others have legs."""


_Sums = dict[Counts, dict[str, int]]
"""By what is counted, what each owner's members hold; none is 0."""


class _Leg(msgspec.Struct, kw_only=True):
    """One member. `is_up`: its leg is up, or about to be. `may_earn`: revenue may still come. `earned_micros`: revenue so far."""

    owners: tuple[str, ...]
    attempt: Attempt
    is_up: bool = True
    holds_call_caps: bool = True
    may_earn: bool = True
    connected: bool = False
    converted: bool = False
    earned_micros: int = 0
    earned_us: int = 0

    def concurrency_owners(self) -> tuple[str, ...]:
        """Returns the owners whose concurrency it holds."""
        return self.owners if self.holds_call_caps else tuple([owner for owner in self.owners if not owner.startswith(_OF_CALLS)])

    def concurrency(self) -> dict[Counts, int]:
        """Returns the concurrency it holds."""
        if not self.is_up:
            return {}
        return {_ATTEMPT: 1, _CONNECTION: int(self.connected), _CONVERSION: int(self.converted), _REVENUE: self.earned_micros}

    def outstanding(self) -> dict[Counts, int]:
        """Returns what it may still count: outstanding conversions and revenue."""
        found = {_CONNECTION: int(self.is_up and not self.connected)}
        if self.may_earn:
            found[_CONVERSION] = int(not self.converted)
            found[_REVENUE] = max(0, self.attempt.revenue_micros - self.earned_micros)
        return found


class CapUsage:
    """Every owner's members, and what was counted for it. One writer: the engine."""

    __slots__ = ("_concurrency", "_counters", "_deposits", "_ended", "_groups", "_legs", "_outstanding", "_recent", "_windows")

    def __init__(self, counters: UsageCounters, *, deposits: Mapping[str, int]) -> None:
        """`deposits`: micros by advertiser."""
        self._counters = counters
        self._deposits = {f"advertiser:{advertiser}": micros for advertiser, micros in deposits.items()}
        self._groups: dict[str, tuple[str, ...]] = {}
        self._legs: dict[str, dict[int, _Leg]] = {}
        self._ended: set[str] = set()
        self._concurrency: _Sums = {counts: {} for counts in Counts}
        self._outstanding: _Sums = {counts: {} for counts in Counts}
        self._recent = LastSecond()
        self._windows: dict[tuple[Per, str], tuple[int, int]] = {}

    def __contains__(self, member: LegKey) -> bool:
        return member[1] in self._legs.get(member[0], ())

    # changes to members

    def reserve(self, member: LegKey, *, owners: tuple[str, ...], attempt: Attempt, at_us: int) -> str | None:
        """Counts `member` for all owners and returns None, or counts nothing and returns the key of the first cap that is full.

        Idempotent: None for a member that was counted already.
        """
        if member in self:
            return None
        for cap in attempt.caps:
            adds = attempt.revenue_micros if cap.counts is _REVENUE else 1  # the same sum as in `routing.hunt`
            if self.used(cap, at_us) + adds > cap.limit:
                return cap.key
        for cap in attempt.caps:
            if cap.per is _SECOND:
                self._recent.add(cap.owner, at_us)
        leg = _Leg(owners=self._with_groups((*owners, *(cap.owner for cap in attempt.caps))), attempt=attempt)
        self._legs.setdefault(member[0], {})[member[1]] = leg
        self._update_sums(leg, before=({}, {}))
        self._count(leg.owners, _ATTEMPT, amount=1, at_us=at_us)
        return None

    def count_connection(self, member: LegKey, *, at_us: int) -> Attempt | None:
        """Talk began. Returns the attempt, or None when that was counted already or the leg had ended. KeyError: never reserved."""
        leg = self._legs[member[0]][member[1]]
        if leg.connected or not leg.is_up:
            return None
        before = leg.concurrency(), leg.outstanding()
        leg.connected = True
        self._update_sums(leg, before=before)
        self._count(leg.owners, _CONNECTION, amount=1, at_us=at_us)
        return leg.attempt

    def accrue_revenue(self, member: LegKey, *, at_us: int, revenue_micros: int) -> None:
        """Revenue is owed, `revenue_micros` in all so far: the increase counts, and one conversion. KeyError: never reserved."""
        leg = self._legs[member[0]][member[1]]
        more_micros = revenue_micros - leg.earned_micros
        if more_micros <= 0:
            return
        before = leg.concurrency(), leg.outstanding()
        first, leg.converted = not leg.converted, True
        leg.earned_micros, leg.earned_us = revenue_micros, at_us
        self._update_sums(leg, before=before)
        self._count(leg.owners, _CONVERSION, amount=int(first), at_us=at_us)
        self._count(leg.owners, _REVENUE, amount=more_micros, at_us=at_us)

    def set_final_revenue(self, member: LegKey, *, revenue_micros: int) -> None:
        """Sets the member's final revenue; what was counted above it is reversed. Changes nothing for members never reserved."""
        leg = self._legs.get(member[0], {}).get(member[1])
        if leg is None or revenue_micros >= leg.earned_micros:
            return
        before, less_micros = (leg.concurrency(), leg.outstanding()), leg.earned_micros - revenue_micros
        leg.converted, leg.earned_micros = revenue_micros > 0, revenue_micros
        self._update_sums(leg, before=before)
        self._count(leg.owners, _CONVERSION, amount=-int(not leg.converted), at_us=leg.earned_us)
        self._count(leg.owners, _REVENUE, amount=-less_micros, at_us=leg.earned_us)

    def release_call_caps(self, member: LegKey) -> Attempt | None:
        """The call does not need this line any more: its campaign, publisher, number and trunk are released before the leg ends.
        The line, its groups and its advertiser stay busy until the leg has ended. None: they were released before."""
        leg = self._legs.get(member[0], {}).get(member[1])
        if leg is None or not leg.holds_call_caps or not leg.is_up:
            return None
        of_calls = tuple([owner for owner in leg.owners if owner.startswith(_OF_CALLS)])
        _add_change(self._concurrency, of_calls, before=leg.concurrency(), after={})
        leg.holds_call_caps = False
        return leg.attempt

    def release_caps(self, member: LegKey, *, may_earn: bool = False) -> Attempt | None:
        """The leg has ended: releases what it still held. Returns the attempt, or None: ended before, never reserved, or its call's caps
        were released earlier.

        `may_earn`: its call goes on and the attempt may still earn (`total_for`), so that stays outstanding until the call is over.
        """
        call_id, number = member
        leg = self._legs.get(call_id, {}).get(number)
        if leg is None or not leg.is_up:
            return None
        before = leg.concurrency(), leg.outstanding()
        leg.is_up, leg.may_earn = False, may_earn and call_id not in self._ended
        self._update_sums(leg, before=before)
        if call_id in self._ended:
            self._drop_if_ended(call_id)
        return leg.attempt if leg.holds_call_caps else None

    def end_call(self, call_id: str) -> list[tuple[Attempt, int]]:
        """The call earns no more. Returns its attempts, with the revenue of each; none when it was over already.

        Legs that are still up hold their concurrency until `release_caps`.
        """
        if call_id in self._ended or call_id not in self._legs:
            return []
        legs = list(self._legs[call_id].values())
        for leg in legs:
            before = leg.concurrency(), leg.outstanding()
            leg.may_earn = False
            self._update_sums(leg, before=before)
        self._ended.add(call_id)
        self._drop_if_ended(call_id)
        return [(leg.attempt, leg.earned_micros) for leg in legs]

    # changes from outside of calls

    def adjust(self, owners: tuple[str, ...], *, at_us: int, conversions: int, revenue_micros: int) -> None:
        """Counts money rows that no live call made: postbacks, corrections. Both numbers may be negative."""
        all_owners = self._with_groups(owners)
        self._count(all_owners, _CONVERSION, amount=conversions, at_us=at_us)
        self._count(all_owners, _REVENUE, amount=revenue_micros, at_us=at_us)

    def add_deposit(self, advertiser: str, amount_micros: int) -> None:
        owner = f"advertiser:{advertiser}"
        self._deposits[owner] = self._deposits.get(owner, 0) + amount_micros

    def set_groups(self, groups: Mapping[str, tuple[str, ...]]) -> None:
        """Sets the owners in each group: what they counted and what their members hold is the group's too, also from before."""
        known = dict.fromkeys((*groups, *(group for several in self._groups.values() for group in several)))
        for group in known:
            self._counters.sum_up(group, of=groups.get(group, ()))
        self._groups = {}
        for group, owners in groups.items():
            for owner in owners:
                self._groups[owner] = (*self._groups.get(owner, ()), group)
        for leg in (leg for legs in self._legs.values() for leg in legs.values()):
            self._regroup(leg, owners=tuple(owner for owner in leg.owners if owner not in known))

    # queries

    def used(self, cap: Cap, utc_us: int) -> int:
        """Returns how much counts against `cap` now: calls or micros. For spacing: 1 when it is too soon, else 0."""
        per, key = cap.per, (cap.owner, cap.counts)
        if per is _CONCURRENCY:
            counted = self._concurrency[cap.counts].get(cap.owner, 0)
        elif per is _SPACING:
            return self._too_soon(cap, utc_us)
        elif per is _SECOND:
            return self._recent.count(cap.owner, utc_us)
        elif per is _TOTAL:
            counted = self._counters.since(key, cap.since_us)
        elif per is _BALANCE:
            return self._owed_micros(cap.owner)
        else:
            counted = self._counters.since(key, self._window_start_us(per, cap.zone, utc_us=utc_us))
        return counted + self._outstanding[cap.counts].get(cap.owner, 0) if cap.strict else counted

    def _too_soon(self, cap: Cap, utc_us: int) -> int:
        key = (cap.owner, cap.counts)
        latest_us = self._counters.latest_us(key)
        waits = cap.strict and cap.owner in self._outstanding[cap.counts]
        return int(waits or (latest_us > 0 and utc_us - latest_us < cap.spacing_ms * 1_000))

    def _owed_micros(self, owner: str) -> int:
        """A prepaid balance is always strict: revenue above it can't be earned."""
        key = (owner, _REVENUE)
        return self._counters.ever(key) + self._outstanding[_REVENUE].get(owner, 0) - self._deposits.get(owner, 0)

    def _window_start_us(self, per: Per, zone: str, *, utc_us: int) -> int:
        """Returns the start of the window that contains `utc_us`; computed once for each window."""
        window = self._windows.get((per, zone))
        if window is None or not window[0] <= utc_us < window[1]:
            ends_us = next_us(per, zone, utc_us)
            if ends_us is None:
                raise RuntimeError(f"{per} has no calendar windows")
            window = self._windows[per, zone] = (start_us(per, zone, utc_us), ends_us)
        return window[0]

    def snapshot(self) -> dict[str, int]:
        """Returns what is held now, to compare usage of caps at two moments."""
        return {
            f"{owner} {counts} {kind}": amount
            for kind, sums in (("live", self._concurrency), ("outstanding", self._outstanding))
            for counts, of_owners in sums.items()
            for owner, amount in of_owners.items()
        }

    # bookkeeping

    def _with_groups(self, owners: Iterable[str]) -> tuple[str, ...]:
        """Each owner once, and the groups they are in."""
        return tuple(dict.fromkeys(each for owner in owners for each in (owner, *self._groups.get(owner, ()))))

    def _update_sums(self, leg: _Leg, *, before: tuple[dict[Counts, int], dict[Counts, int]]) -> None:
        """Updates the sums by the difference between what a member held before and what it holds now."""
        _add_change(self._concurrency, leg.concurrency_owners(), before=before[0], after=leg.concurrency())
        _add_change(self._outstanding, leg.owners, before=before[1], after=leg.outstanding())

    def _regroup(self, leg: _Leg, *, owners: tuple[str, ...]) -> None:
        """Moves what it holds to these owners, and to the groups they are in."""
        live, outstanding = leg.concurrency(), leg.outstanding()
        _add_change(self._concurrency, leg.concurrency_owners(), before=live, after={})
        _add_change(self._outstanding, leg.owners, before=outstanding, after={})
        leg.owners = self._with_groups(owners)
        _add_change(self._concurrency, leg.concurrency_owners(), before={}, after=live)
        _add_change(self._outstanding, leg.owners, before={}, after=outstanding)

    def _count(self, owners: Iterable[str], counts: Counts, *, amount: int, at_us: int) -> None:
        if amount:
            self._counters.add(owners, counts, amount, at_us=at_us)

    def _drop_if_ended(self, call_id: str) -> None:
        """Drops a call that is over once none of its legs is up."""
        if not any(leg.is_up for leg in self._legs[call_id].values()):
            del self._legs[call_id]
            self._ended.discard(call_id)


def _add_change(sums: _Sums, owners: tuple[str, ...], *, before: dict[Counts, int], after: dict[Counts, int]) -> None:
    if before == after:
        return
    for counts in before | after:
        change = after.get(counts, 0) - before.get(counts, 0)
        if not change:
            continue
        of_owners = sums[counts]
        for owner in owners:
            left = of_owners.get(owner, 0) + change
            if left:
                of_owners[owner] = left
            else:
                del of_owners[owner]
