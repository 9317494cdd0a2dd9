"""Knows what becomes of a call's money after it was judged: sales, dispositions, corrections, disputes. Does not store or authorise.

Nothing is updated. A new amount is a row of the difference that corrects the entry's first row; a credit to the advertiser and the
claw-back from the publisher are two rows linked to each other. Every posting that is taken leaves at least one row whose key begins with
its own name, if need be one of zero, so that it is known when it comes again, however late.

Which amounts follow which: a percent payout is always that share of the revenue; a payout that requires revenue goes down to zero with it,
and to the same part with a disposition; any other payout has a rule of its own, and only what names it moves it. A void or a dispute
that is upheld takes back both. Only amounts of pending, held or approved money can change.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from switch.billing import acts, keys
from switch.billing.acts import Posted, Posting, Refusal, Refused
from switch.billing.case import NAME, Case, Entry, only, open_case
from switch.billing.judge import held_until
from switch.billing.money import show_micros
from switch.billing.price import PERCENT_BP, Situation, amount, earned, payout_for, share
from switch.billing.standing import OPEN, IllegalMove, State, StateRow, move
from switch.billing.terms import BillableOn, Price, Terms
from switch.billing.verdict import MoneyKind, MoneyRow
from switch.call.record import CallRecord

_SETS_REVENUE = ("postback", "manual", "adjust-revenue")
_SETS_PAYOUT = ("adjust-payout",)
_WHOLE_BP = acts.WHOLE_PERCENT * PERCENT_BP
_Sale = acts.Postback | acts.Disposition | acts.Manual


def post(
    record: CallRecord,
    posting: Posting,
    *,
    money: Sequence[MoneyRow],
    states: Sequence[StateRow],
    terms: Mapping[str, Terms],
) -> Posted | Refused:
    """The rows that a posting appends. `money`, `states`: the call's, in the order written. `terms`: by campaign, as agreed for the call.

    Posting it again, once those rows are among the call's, does nothing.
    """
    case = open_case(record, posting, money=money, states=states, terms=terms)
    if not isinstance(case, Case):
        return case
    match posting.act:
        case acts.Postback() | acts.Disposition() | acts.Manual():
            return _sell(case, posting.act)
        case acts.AdjustTo(kind=kind, amount_micros=micros):
            return _adjust(case, kind, to_micros=micros)
        case acts.AdjustBy(kind=kind, delta_micros=micros):
            entry = case.revenue if kind is MoneyKind.REVENUE else case.payout
            return _adjust(case, kind, to_micros=micros + (0 if entry is None else entry.amount_micros))
        case acts.Void():
            return _move(case, State.VOID, left_percent=0)
        case acts.Uphold(percent=percent):
            return _move(case, State.UPHELD, left_percent=acts.WHOLE_PERCENT - percent)
        case acts.Approve():
            return _move(case, State.APPROVED)
        case acts.Dispute():
            return _move(case, State.DISPUTED)
        case acts.Reject():
            return _move(case, State.REJECTED)
        case unknown:
            assert_never(unknown)


def deposit(party: str, key: str, *, amount_micros: int, at_us: int, actor: str, reason: str = "") -> MoneyRow | Refused:
    """An advertiser's payment in advance, or, negative, its return. `key` as in a posting."""
    if not NAME.fullmatch(key):
        return Refused(because=Refusal.MALFORMED_KEY, detail=repr(key))
    if not 0 < abs(amount_micros) <= acts.MOST_MICROS:
        return Refused(because=Refusal.AMOUNT_OUT_OF_RANGE, detail=show_micros(amount_micros))
    return MoneyRow(
        key=keys.deposit(party, key),
        call_id="",
        kind=MoneyKind.DEPOSIT,
        party=party,
        campaign="",
        amount_micros=amount_micros,
        reason=reason or keys.DEPOSIT,
        actor=actor,
        at_us=at_us,
    )


def _sell(case: Case, act: _Sale) -> Posted | Refused:
    """What a sale, a disposition or a person's word makes of the amounts, by the terms agreed on."""
    terms = case.terms
    if terms is None:
        return Refused(because=Refusal.NO_TERMS, detail=f"campaign {case.campaign} has no terms")
    event = _event(act)
    part_bp = _part_bp(terms, act)
    if isinstance(part_bp, Refused):
        return part_bp
    publisher = case.record.publisher
    agreed = _waits(terms.revenue, event) or (publisher is not None and _waits(terms.payout_of(publisher), event))
    if not isinstance(act, acts.Disposition) and (
        not agreed or (act.amount_micros is not None and not _waits(terms.revenue, event))
    ):
        return Refused(because=Refusal.NOT_AGREED, detail=f"campaign {case.campaign} does not wait for a {event}")
    situation = case.situation(event)
    revenue_micros = _sold_for(case, act, terms=terms, situation=situation, part_bp=part_bp)
    payout_micros = _payout_by_sale(case, event, terms=terms, situation=situation, part_bp=part_bp, revenue_micros=revenue_micros)
    return _amend(case, revenue_micros=revenue_micros, payout_micros=payout_micros)


def _event(act: _Sale) -> BillableOn:
    match act:
        case acts.Postback():
            return BillableOn.POSTBACK
        case acts.Disposition():
            return BillableOn.DISPOSITION
        case acts.Manual():
            return BillableOn.MANUAL
        case unknown:
            assert_never(unknown)


def _part_bp(terms: Terms, act: _Sale) -> int | Refused:
    """The part of the price that the act is worth."""
    if not isinstance(act, acts.Disposition):
        return _WHOLE_BP
    percent = terms.dispositions.get(act.code)
    if percent is None or not NAME.fullmatch(act.code):
        known = ", ".join(sorted(terms.dispositions)) or "none"
        return Refused(because=Refusal.UNKNOWN_DISPOSITION, detail=f"{act.code!r}; campaign {terms.campaign} knows {known}")
    if not 0 <= percent <= acts.WHOLE_PERCENT:
        return Refused(because=Refusal.PART_OUT_OF_RANGE, detail=f"{act.code} is worth {percent} %")
    return percent * PERCENT_BP


def _sold_for(case: Case, act: _Sale, *, terms: Terms, situation: Situation, part_bp: int) -> int | None:
    """The revenue from now on; None: as it was."""
    owed = earned(terms, situation).revenue
    if _waits(terms.revenue, _event(act)):
        if not owed:
            return None
        stated = None if isinstance(act, acts.Disposition) else act.amount_micros
        return _part(amount(owed), part_bp) if stated is None else stated
    if isinstance(act, acts.Disposition) and case.revenue is not None:
        return _part(case.revenue.full_micros(_SETS_REVENUE), part_bp)
    return None


def _payout_by_sale(
    case: Case, event: BillableOn, *, terms: Terms, situation: Situation, part_bp: int, revenue_micros: int | None
) -> int | None:
    """The payout from now on; None: as it was."""
    publisher = case.record.publisher
    if publisher is None or case.payout is not case.own_payout:
        return None
    price = terms.payout_of(publisher)
    follows = revenue_micros is not None and (price.percent_bp is not None or terms.requires_revenue)
    if not follows and not _waits(price, event):
        return None
    now_micros = revenue_micros if revenue_micros is not None else _amount(case.revenue)
    if case.payout is not None and not _waits(price, event):
        return _payout_after(terms, price, case.payout, revenue_micros=now_micros, part_bp=part_bp)
    full_micros = payout_for(terms, situation, now_micros)
    return full_micros if price.percent_bp is not None else _part(full_micros, part_bp)


def _payout_after(terms: Terms, price: Price, payout: Entry, *, revenue_micros: int, part_bp: int = _WHOLE_BP) -> int | None:
    """What follows for a payout from a new amount of revenue; None: nothing, it has a rule of its own."""
    if price.percent_bp is not None:
        return share(revenue_micros, basis_points=price.percent_bp)
    if not terms.requires_revenue:
        return None
    return _part(payout.full_micros(_SETS_PAYOUT), part_bp) if revenue_micros else 0


def _adjust(case: Case, kind: MoneyKind, *, to_micros: int) -> Posted | Refused:
    if to_micros < 0:
        return Refused(because=Refusal.BELOW_ZERO, detail=f"{kind} would be {show_micros(to_micros)}")
    if not case.entries(kind):
        return _nothing(case, f"no {kind}")
    if kind is MoneyKind.PAYOUT:
        return _amend(case, revenue_micros=None, payout_micros=to_micros)
    payout, publisher, follows = case.own_payout, case.record.publisher, None
    if payout is not None and publisher is not None and case.terms is not None:
        follows = _payout_after(case.terms, case.terms.payout_of(publisher), payout, revenue_micros=to_micros)
    return _amend(case, revenue_micros=to_micros, payout_micros=follows)


def _amend(case: Case, *, revenue_micros: int | None, payout_micros: int | None) -> Posted | Refused:
    """The rows that bring the entries to these amounts, None: as they are. The leading entry has a row even if nothing changes."""
    leading = case.revenue if revenue_micros is not None else case.payout
    if leading is not None and leading.standing.state not in OPEN:
        return Refused(because=Refusal.SETTLED, detail=f"{leading.base.key} is {leading.standing.state}")
    rows = []
    if revenue_micros is not None and case.attempt is not None:
        rows.append(_to_amount(case, case.revenue, kind=MoneyKind.REVENUE, party=case.attempt.advertiser, micros=revenue_micros))
    if payout_micros is not None and case.record.publisher is not None and _payout_moves(case, payout_micros, leads=not rows):
        rows.append(_to_amount(case, case.payout, kind=MoneyKind.PAYOUT, party=case.record.publisher, micros=payout_micros))
    if not rows:
        return _nothing(case, "nothing is owed for it")
    return Posted(money=_linked(rows), states=tuple(_beginnings(case, rows)))


def _payout_moves(case: Case, micros: int, *, leads: bool) -> bool:
    if case.payout is None:
        return micros > 0
    return leads or (case.payout.standing.state in OPEN and micros != case.payout.amount_micros)


def _to_amount(case: Case, entry: Entry | None, *, kind: MoneyKind, party: str, micros: int) -> MoneyRow:
    """The row that brings an entry to `micros`; without an entry, its first."""
    call_id = case.record.call_id
    key = keys.revenue(call_id, case.line) if kind is MoneyKind.REVENUE else keys.payout(call_id)
    return MoneyRow(
        key=key if entry is None else f"{case.prefix}/{kind}",
        call_id=call_id,
        kind=kind,
        party=party if entry is None else entry.base.party,
        campaign=case.campaign if entry is None else entry.base.campaign,
        amount_micros=micros - _amount(entry),
        reason=_reason(case.posting),
        actor=case.posting.actor,
        corrects=None if entry is None else entry.base.key,
        at_us=case.posting.at_us,
        line=case.line if entry is None else entry.base.line,
    )


def _beginnings(case: Case, rows: Sequence[MoneyRow]) -> Iterator[StateRow]:
    """The state that entries begin in which the posting began: in its name, as their keys do not have it."""
    for row in rows:
        if row.corrects is not None:
            continue
        key = f"{case.prefix}/begins-{row.kind}"
        held = None if case.terms is None else held_until(row, case.terms, key=key)
        yield held or _state(case, row, State.PENDING, key=key)


def _move(case: Case, to: State, *, left_percent: int | None = None) -> Posted | Refused:
    """Move the entries meant to a state; with `left_percent`, that much of their amounts is left. What may not follow stays."""
    entries = case.entries(only(case.posting.act))
    if not entries:
        return _nothing(case, "no money")
    money, states = [], []
    for entry in entries:
        row = _state(case, entry.base, to, key=f"{case.prefix}/{to}-{entry.base.kind}")
        moved = move(entry.standing, row)
        if isinstance(moved, IllegalMove):
            if entry is entries[0]:
                return Refused(because=Refusal.ILLEGAL_MOVE, detail=f"{entry.base.key}: {moved}")
            continue
        states.append(row)
        left = entry.amount_micros if left_percent is None else _part(entry.amount_micros, left_percent * PERCENT_BP)
        if left != entry.amount_micros:
            money.append(_to_amount(case, entry, kind=entry.base.kind, party=entry.base.party, micros=left))
    return Posted(money=_linked(money), states=tuple(states))


def _state(case: Case, of: MoneyRow, state: State, *, key: str) -> StateRow:
    posting = case.posting
    return StateRow(key=key, of=of.key, state=state, at_us=posting.at_us, reason=_reason(posting), actor=posting.actor)


def _linked(rows: Sequence[MoneyRow]) -> tuple[MoneyRow, ...]:
    """Two sides of one posting name each other."""
    if len(rows) != 2:
        return tuple(rows)
    first, second = rows
    return (replace(first, link=second.key), replace(second, link=first.key))


def _nothing(case: Case, what: str) -> Refused:
    where = case.line or "no line"
    return Refused(because=Refusal.NOTHING_TO_CORRECT, detail=f"call {case.record.call_id}, {where}: {what}")


def _reason(posting: Posting) -> str:
    return f"{posting.act}; {posting.reason}" if posting.reason else str(posting.act)


def _waits(price: Price, event: BillableOn) -> bool:
    return any(step.rule.on is event for step in price.steps)


def _amount(entry: Entry | None) -> int:
    return 0 if entry is None else entry.amount_micros


def _part(micros: int, part_bp: int) -> int:
    """All of an amount to the micro; a part of it half-even to the cent."""
    return micros if part_bp == _WHOLE_BP else share(micros, basis_points=part_bp)
