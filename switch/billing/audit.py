"""Audits calls and money: checks the invariants of every record and row, and names the row that breaks one.

One pass over any number of rows, holding those of one call at a time: everything must come sorted by call id, compared by code point, and
the rows of one call in the order they were written. What belongs to no call, such as deposits, has the id "" and comes first.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from enum import StrEnum
from heapq import merge
from itertools import accumulate, groupby
from operator import itemgetter

from switch.billing import keys
from switch.billing.balance import Account
from switch.billing.entry_state import NEW, EntryState, IllegalMove, State, StateRow, move
from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow
from switch.call.moment import US_PER_MS

CLOCK_STEP_MS = 1_000
"""Durations are monotonic, instants are not: by so much the wall clock may have been set during a call."""
JUDGE = "switch"
"""The actor of rows that judging gave."""


class Invariant(StrEnum):
    ONE_RECORD = "one_record"
    """A call has exactly one record."""
    HAS_CALL = "has_call"
    """What is of a call is of one that exists. Deposits are of none, all other money is."""
    WELL_FORMED_KEY = "well_formed_key"
    KEY_ONCE = "key_once"
    ONE_REVENUE_PER_LINE = "one_revenue_per_line"
    ONE_PAYOUT = "one_payout"
    ONE_COST = "one_cost"
    CORRECTS_ITS_LIKE = "corrects_its_like"
    """A correction is of an earlier row that corrects none, of the same kind, party and call."""
    NEVER_BELOW_ZERO = "never_below_zero"
    LINKED_BOTH_WAYS = "linked_both_ways"
    VERDICT_IS_SUM = "verdict_is_sum"
    """The verdict's figures are what judging gave, with what had been posted by then."""
    ATTEMPT_IN_CALL = "attempt_in_call"
    TALK_FITS = "talk_fits"
    """Nobody talked for longer than the call, or from answer to end of talk, took."""
    CONNECTED_IS_SUM = "connected_is_sum"
    CONNECTED_WITHIN_TOTAL = "connected_within_total"
    """Both are monotonic: nobody talked for longer than the caller's call was answered."""
    ENDED_AFTER_ANSWERED = "ended_after_answered"
    STATE_OF_ENTRY = "state_of_entry"
    """A state is of a row of revenue or payout that begins an entry."""
    LEGAL_STATE = "legal_state"
    VOID_IS_ZERO = "void_is_zero"
    BALANCE_IS_SUM = "balance_is_sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """`key` names the row: a money or state row's key, a call's id, `CALL/attempt/NUMBER`, or `KIND/PARTY` of a balance."""

    key: str
    rule: Invariant
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """The facts of a call's record and verdict that are audited."""

    call_id: str
    invited_us: int
    answered_us: int | None
    ended_us: int
    total_ms: int
    connected_ms: int
    revenue_micros: int
    payout_micros: int
    cost_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFacts:
    call_id: str
    number: int
    invited_us: int
    answered_us: int | None
    talk_us: int | None
    talk_ended_us: int | None
    connected_ms: int

    @property
    def key(self) -> str:
        return f"{self.call_id}/attempt/{self.number}"


CALL_FACTS = tuple(each.name for each in fields(CallFacts))
ATTEMPT_FACTS = tuple(each.name for each in fields(AttemptFacts))
Item = CallFacts | AttemptFacts | MoneyRow | StateRow


@dataclass(slots=True, kw_only=True)
class _Group:
    """Everything of one call."""

    call_id: str
    calls: list[CallFacts] = field(default_factory=list)
    attempts: list[AttemptFacts] = field(default_factory=list)
    money: list[MoneyRow] = field(default_factory=list)
    states: list[StateRow] = field(default_factory=list)


def facts(judged: JudgedCall) -> tuple[CallFacts, tuple[AttemptFacts, ...]]:
    """Returns the audited facts of a judged call and of its attempts."""
    record = judged.record
    of_verdict = {each.name for each in fields(judged.verdict)}
    call = {name: getattr(judged.verdict if name in of_verdict else record, name) for name in CALL_FACTS}
    attempts = ({name: getattr(each, name) for name in ATTEMPT_FACTS[1:]} for each in record.attempts)
    return CallFacts(**call), tuple(AttemptFacts(call_id=record.call_id, **each) for each in attempts)


def audit(
    calls: Iterable[CallFacts],
    attempts: Iterable[AttemptFacts],
    *,
    money: Iterable[MoneyRow],
    states: Iterable[StateRow],
    balances: Mapping[Account, int] | None = None,
    under_way: Set[str] = frozenset(),
) -> Iterator[Breach]:
    """Yields every breach, call by call. `balances`: claimed balances, checked last. `under_way`: calls that have no record yet.

    Raises ValueError where the input is not sorted.
    """
    totals: dict[Account, int] = defaultdict(int)
    for group in _groups(calls, attempts, money, states):
        yield from _audit_call(group, under_way=group.call_id in under_way)
        for row in group.money:
            totals[row.kind, row.party] += row.amount_micros
    if balances is not None:
        yield from _audit_balances(balances, totals)


def _groups(*streams: Iterable[Item]) -> Iterator[_Group]:
    last: str | None = None
    for call_id, items in groupby(merge(*map(_tagged, streams), key=itemgetter(0)), key=itemgetter(0)):
        if last is not None and call_id <= last:
            raise ValueError(f"not sorted by call id: {call_id!r} after {last!r}")
        last = call_id
        yield _group(call_id, (item for _, item in items))


def _tagged(stream: Iterable[Item]) -> Iterator[tuple[str, Item]]:
    for item in stream:
        yield (keys.call_of(item.of) if isinstance(item, StateRow) else item.call_id), item


def _group(call_id: str, items: Iterable[Item]) -> _Group:
    group = _Group(call_id=call_id)
    for item in items:
        match item:
            case CallFacts():
                group.calls.append(item)
            case AttemptFacts():
                group.attempts.append(item)
            case MoneyRow():
                group.money.append(item)
            case StateRow():
                group.states.append(item)
    return group


def _audit_call(group: _Group, *, under_way: bool) -> Iterator[Breach]:
    yield from _audit_presence(group, under_way=under_way)
    yield from _audit_keys(group)
    yield from _audit_entries(group.money)
    yield from _audit_links(group.money)
    yield from _audit_states(group)
    for call in group.calls[:1]:
        yield from _audit_verdict(call, group.money)
        yield from _audit_times(call, group.attempts)


def _audit_presence(group: _Group, *, under_way: bool) -> Iterator[Breach]:
    for call in group.calls[1:]:
        yield Breach(key=call.call_id, rule=Invariant.ONE_RECORD, what=f"{len(group.calls)} records of one call")
    for row in group.money:
        if (row.kind is MoneyKind.DEPOSIT) != (row.call_id == ""):
            yield Breach(key=row.key, rule=Invariant.HAS_CALL, what=f"{row.kind} of call {row.call_id!r}")
    if group.calls or under_way or not group.call_id:
        return
    orphans = [*(each.key for each in group.attempts), *(row.key for row in group.money), *(row.key for row in group.states)]
    for key in orphans:
        yield Breach(key=key, rule=Invariant.HAS_CALL, what=f"there is no call {group.call_id!r}")


def _audit_keys(group: _Group) -> Iterator[Breach]:
    seen: set[str] = set()
    for key in (*(row.key for row in group.money), *(row.key for row in group.states)):
        if key in seen:
            yield Breach(key=key, rule=Invariant.KEY_ONCE, what="the key is there twice")
        seen.add(key)
    for money in group.money:
        if not _well_formed(money):
            yield Breach(key=money.key, rule=Invariant.WELL_FORMED_KEY, what=f"{money.kind} of {money.line or 'no line'}")
    for state in group.states:
        if keys.call_of(state.key) != group.call_id:
            yield Breach(key=state.key, rule=Invariant.WELL_FORMED_KEY, what=f"a state of {state.of}")


def _well_formed(row: MoneyRow) -> bool:
    """A row's key follows from what it is; a correction's says at least whose it is."""
    plain = {
        MoneyKind.REVENUE: keys.revenue(row.call_id, row.line),
        MoneyKind.PAYOUT: keys.payout(row.call_id),
        MoneyKind.COST: keys.cost(row.call_id),
    }.get(row.kind)
    if plain is None:
        return row.key.startswith(keys.deposit(row.party, "")) and row.key != keys.deposit(row.party, "")
    if row.corrects is None:
        return row.key == plain
    if keys.act_of(row.key) is not None:
        return keys.call_of(row.key) == row.call_id and row.key.endswith(f"/{row.kind}")
    return row.key.startswith(plain + "/") and row.key.removeprefix(plain + "/").isdecimal()


def _audit_entries(money: Sequence[MoneyRow]) -> Iterator[Breach]:
    """Entries one by one: how many there may be, what corrects them, and that none is ever below zero."""
    bases: dict[str, MoneyRow] = {}
    counted: dict[tuple[Invariant, str], str] = {}
    reached: dict[str, int] = defaultdict(int)
    for row in money:
        base = row if row.corrects is None else bases.get(row.corrects)
        if base is None or (base.kind, base.party, base.call_id) != (row.kind, row.party, row.call_id):
            yield Breach(key=row.key, rule=Invariant.CORRECTS_ITS_LIKE, what=f"corrects {row.corrects}")
            continue
        if row.corrects is None:
            bases[row.key] = row
            yield from _audit_number(row, counted)
        reached[base.key] += row.amount_micros
        if reached[base.key] < 0 and row.kind is not MoneyKind.DEPOSIT:
            yield Breach(key=row.key, rule=Invariant.NEVER_BELOW_ZERO, what=f"{base.key} is {show_micros(reached[base.key])}")


def _audit_number(row: MoneyRow, counted: dict[tuple[Invariant, str], str]) -> Iterator[Breach]:
    """An entry begins once. `counted`: the keys of those that have, by what there may be one of."""
    match row.kind:
        case MoneyKind.REVENUE:
            slot = (Invariant.ONE_REVENUE_PER_LINE, row.line)
        case MoneyKind.PAYOUT:
            slot = (Invariant.ONE_PAYOUT, "")
        case MoneyKind.COST:
            slot = (Invariant.ONE_COST, "")
        case MoneyKind.DEPOSIT:
            return
    first = counted.setdefault(slot, row.key)
    if first != row.key:
        yield Breach(key=row.key, rule=slot[0], what=f"there is {first} already")


def _audit_links(money: Sequence[MoneyRow]) -> Iterator[Breach]:
    links = {row.key: row.link for row in money}
    for row in money:
        if row.link is not None and links.get(row.link) != row.key:
            what = (
                f"linked to {row.link}, which is linked to {links[row.link]}" if row.link in links else f"{row.link} is not there"
            )
            yield Breach(key=row.key, rule=Invariant.LINKED_BOTH_WAYS, what=what)


def _audit_states(group: _Group) -> Iterator[Breach]:
    entries = {row.key: row for row in group.money if row.corrects is None and row.kind in (MoneyKind.REVENUE, MoneyKind.PAYOUT)}
    standing: dict[str, EntryState] = {}
    for row in group.states:
        if row.of not in entries:
            yield Breach(key=row.key, rule=Invariant.STATE_OF_ENTRY, what=f"{row.of} begins no revenue or payout")
            continue
        moved = move(standing.get(row.of, NEW), row)
        if isinstance(moved, IllegalMove):
            yield Breach(key=row.key, rule=Invariant.LEGAL_STATE, what=f"{row.of}: {moved}")
        else:
            standing[row.of] = moved
    for key, stands in standing.items():
        left = sum(row.amount_micros for row in group.money if key in (row.key, row.corrects))
        if stands.state is State.VOID and left:
            yield Breach(key=key, rule=Invariant.VOID_IS_ZERO, what=f"void, but {show_micros(left)} is left")


def _audit_verdict(call: CallFacts, money: Sequence[MoneyRow]) -> Iterator[Breach]:
    figures = {
        MoneyKind.REVENUE: call.revenue_micros,
        MoneyKind.PAYOUT: call.payout_micros,
        MoneyKind.COST: call.cost_micros,
    }
    for kind, figure in figures.items():
        rows = [row for row in money if row.kind is kind]
        judged = sum(row.amount_micros for row in rows if row.actor == JUDGE)
        # what was posted while the call went on is in its verdict, what was posted later is not: the figure is one of these
        came_to = tuple(accumulate((row.amount_micros for row in rows if row.actor != JUDGE), initial=judged))
        if figure not in came_to:
            what = f"the verdict says {kind} {show_micros(figure)}, its rows come to {show_micros(judged)}"
            yield Breach(key=call.call_id, rule=Invariant.VERDICT_IS_SUM, what=what)


def _audit_times(call: CallFacts, attempts: Sequence[AttemptFacts]) -> Iterator[Breach]:
    talked_ms = sum(each.connected_ms for each in attempts)
    if talked_ms != call.connected_ms:
        what = f"connected {call.connected_ms} ms, its attempts {talked_ms} ms"
        yield Breach(key=call.call_id, rule=Invariant.CONNECTED_IS_SUM, what=what)
    if not _fits(call.connected_ms, call.invited_us, call.ended_us):
        yield Breach(key=call.call_id, rule=Invariant.TALK_FITS, what=f"connected {call.connected_ms} ms, longer than the call")
    if call.connected_ms > call.total_ms:
        what = f"connected {call.connected_ms} ms, answered for {call.total_ms} ms"
        yield Breach(key=call.call_id, rule=Invariant.CONNECTED_WITHIN_TOTAL, what=what)
    if call.answered_us is not None and call.ended_us < call.answered_us:
        what = f"ended {call.answered_us - call.ended_us} us before it was answered"
        yield Breach(key=call.call_id, rule=Invariant.ENDED_AFTER_ANSWERED, what=what)
    for each in attempts:
        yield from _audit_attempt(call, each)


def _audit_attempt(call: CallFacts, attempt: AttemptFacts) -> Iterator[Breach]:
    step_us = CLOCK_STEP_MS * US_PER_MS
    instants = {
        "invited": attempt.invited_us,
        "answered": attempt.answered_us,
        "talk": attempt.talk_us,
        "end of talk": attempt.talk_ended_us,
    }
    for name, at_us in instants.items():
        if at_us is not None and not call.invited_us - step_us <= at_us <= call.ended_us + step_us:
            yield Breach(key=attempt.key, rule=Invariant.ATTEMPT_IN_CALL, what=f"{name} at {at_us} us is outside of the call")
    ended_us = attempt.talk_ended_us if attempt.talk_ended_us is not None else call.ended_us
    if attempt.connected_ms < 0 or (
        attempt.connected_ms and (attempt.answered_us is None or not _fits(attempt.connected_ms, attempt.answered_us, ended_us))
    ):
        what = f"connected {attempt.connected_ms} ms, longer than from its answer to the end of talk"
        yield Breach(key=attempt.key, rule=Invariant.TALK_FITS, what=what)


def _fits(duration_ms: int, start_us: int, end_us: int) -> bool:
    return (duration_ms - CLOCK_STEP_MS) * US_PER_MS <= end_us - start_us


def _audit_balances(claimed: Mapping[Account, int], totals: Mapping[Account, int]) -> Iterator[Breach]:
    for account in sorted(claimed.keys() | totals.keys()):
        said, found = claimed.get(account, 0), totals.get(account, 0)
        if said != found:
            what = f"said to be {show_micros(said)}, its rows come to {show_micros(found)}"
            yield Breach(key="/".join(account), rule=Invariant.BALANCE_IS_SUM, what=what)
