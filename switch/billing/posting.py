"""Changes a call's money after it was judged: sales, dispositions, corrections, disputes.

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

from switch.billing import actions, keys
from switch.billing.actions import NAME, Entry, Posted, Posting, PostingContext, Refusal, Refused, context_of, only
from switch.billing.entry_state import OPEN, IllegalMove, State, StateRow, move
from switch.billing.judge import held_until
from switch.billing.money import show_micros
from switch.billing.terms import PERCENT_BP, BillableOn, Price, Situation, Terms, amount, earned, payout_for, share
from switch.billing.verdict import MoneyKind, MoneyRow
from switch.call.record import CallRecord

_SETS_REVENUE = ("postback", "manual", "adjust-revenue")
_SETS_PAYOUT = ("adjust-payout",)
_WHOLE_BP = actions.WHOLE_PERCENT * PERCENT_BP
_Sale = actions.Postback | actions.Disposition | actions.Manual


def post(
    record: CallRecord,
    posting: Posting,
    *,
    money: Sequence[MoneyRow],
    states: Sequence[StateRow],
    terms: Mapping[str, Terms],
) -> Posted | Refused:
    """Returns the rows that a posting appends. `money`, `states`: the call's, in the order written. `terms`: by campaign, as agreed on.

    Posting it again, once those rows are among the call's, does nothing.
    """
    context = context_of(record, posting, money=money, states=states, terms=terms)
    if not isinstance(context, PostingContext):
        return context
    match posting.act:
        case actions.Postback() | actions.Disposition() | actions.Manual():
            return _sell(context, posting.act)
        case actions.AdjustTo(kind=kind, amount_micros=micros):
            return _adjust(context, kind, to_micros=micros)
        case actions.AdjustBy(kind=kind, delta_micros=micros):
            entry = context.revenue if kind is MoneyKind.REVENUE else context.payout
            return _adjust(context, kind, to_micros=micros + (0 if entry is None else entry.amount_micros))
        case actions.Void():
            return _move(context, State.VOID, left_percent=0)
        case actions.Uphold(percent=percent):
            return _move(context, State.UPHELD, left_percent=actions.WHOLE_PERCENT - percent)
        case actions.Approve():
            return _move(context, State.APPROVED)
        case actions.Dispute():
            return _move(context, State.DISPUTED)
        case actions.Reject():
            return _move(context, State.REJECTED)
        case unknown:
            assert_never(unknown)


def deposit(party: str, key: str, *, amount_micros: int, at_us: int, actor: str, reason: str = "") -> MoneyRow | Refused:
    """An advertiser's payment in advance, or, negative, its return. `key` as in a posting."""
    if not NAME.fullmatch(key):
        return Refused(because=Refusal.MALFORMED_KEY, detail=repr(key))
    if not 0 < abs(amount_micros) <= actions.MOST_MICROS:
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


def _sell(context: PostingContext, act: _Sale) -> Posted | Refused:
    """Applies a sale, a disposition or a manual decision to the amounts, by the terms agreed on."""
    terms = context.terms
    if terms is None:
        return Refused(because=Refusal.NO_TERMS, detail=f"campaign {context.campaign} has no terms")
    event = _event(act)
    part_bp = _part_bp(terms, act)
    if isinstance(part_bp, Refused):
        return part_bp
    publisher = context.record.publisher
    agreed = _waits(terms.revenue, event) or (publisher is not None and _waits(terms.payout_of(publisher), event))
    if not isinstance(act, actions.Disposition) and (
        not agreed or (act.amount_micros is not None and not _waits(terms.revenue, event))
    ):
        return Refused(because=Refusal.NOT_AGREED, detail=f"campaign {context.campaign} is not paid on {event}")
    situation = context.situation(event)
    revenue_micros = _sold_for(context, act, terms=terms, situation=situation, part_bp=part_bp)
    payout_micros = _payout_by_sale(
        context, event, terms=terms, situation=situation, part_bp=part_bp, revenue_micros=revenue_micros
    )
    return _amend(context, revenue_micros=revenue_micros, payout_micros=payout_micros)


def _event(act: _Sale) -> BillableOn:
    match act:
        case actions.Postback():
            return BillableOn.POSTBACK
        case actions.Disposition():
            return BillableOn.DISPOSITION
        case actions.Manual():
            return BillableOn.MANUAL
        case unknown:
            assert_never(unknown)


def _part_bp(terms: Terms, act: _Sale) -> int | Refused:
    """Returns the part of the price that the act is worth, basis points, or why it is refused."""
    if not isinstance(act, actions.Disposition):
        return _WHOLE_BP
    percent = terms.dispositions.get(act.code)
    if percent is None or not NAME.fullmatch(act.code):
        known = ", ".join(sorted(terms.dispositions)) or "none"
        return Refused(because=Refusal.UNKNOWN_DISPOSITION, detail=f"{act.code!r}; campaign {terms.campaign} knows {known}")
    if not 0 <= percent <= actions.WHOLE_PERCENT:
        return Refused(because=Refusal.PART_OUT_OF_RANGE, detail=f"{act.code} is worth {percent} %")
    return percent * PERCENT_BP


def _sold_for(context: PostingContext, act: _Sale, *, terms: Terms, situation: Situation, part_bp: int) -> int | None:
    """Returns the revenue from now on, micros, or None: unchanged."""
    owed = earned(terms, situation).revenue
    if _waits(terms.revenue, _event(act)):
        if not owed:
            return None
        stated = None if isinstance(act, actions.Disposition) else act.amount_micros
        return _part(amount(owed), part_bp) if stated is None else stated
    if isinstance(act, actions.Disposition) and context.revenue is not None:
        return _part(context.revenue.full_micros(_SETS_REVENUE), part_bp)
    return None


def _payout_by_sale(
    context: PostingContext, event: BillableOn, *, terms: Terms, situation: Situation, part_bp: int, revenue_micros: int | None
) -> int | None:
    """Returns the payout from now on, micros, or None: unchanged."""
    publisher = context.record.publisher
    if publisher is None or context.payout is not context.own_payout:
        return None
    price = terms.payout_of(publisher)
    follows = revenue_micros is not None and (price.percent_bp is not None or terms.requires_revenue)
    if not follows and not _waits(price, event):
        return None
    now_micros = revenue_micros if revenue_micros is not None else _amount(context.revenue)
    if context.payout is not None and not _waits(price, event):
        return _payout_after(terms, price, context.payout, revenue_micros=now_micros, part_bp=part_bp)
    full_micros = payout_for(terms, situation, now_micros)
    return full_micros if price.percent_bp is not None else _part(full_micros, part_bp)


def _payout_after(terms: Terms, price: Price, payout: Entry, *, revenue_micros: int, part_bp: int = _WHOLE_BP) -> int | None:
    """Returns the payout after a new amount of revenue, micros, or None: unchanged, it has a rule of its own."""
    if price.percent_bp is not None:
        return share(revenue_micros, basis_points=price.percent_bp)
    if not terms.requires_revenue:
        return None
    return _part(payout.full_micros(_SETS_PAYOUT), part_bp) if revenue_micros else 0


def _adjust(context: PostingContext, kind: MoneyKind, *, to_micros: int) -> Posted | Refused:
    if to_micros < 0:
        return Refused(because=Refusal.BELOW_ZERO, detail=f"{kind} would be {show_micros(to_micros)}")
    if not context.entries(kind):
        return _nothing(context, f"no {kind}")
    if kind is MoneyKind.PAYOUT:
        return _amend(context, revenue_micros=None, payout_micros=to_micros)
    payout, publisher, follows = context.own_payout, context.record.publisher, None
    if payout is not None and publisher is not None and context.terms is not None:
        follows = _payout_after(context.terms, context.terms.payout_of(publisher), payout, revenue_micros=to_micros)
    return _amend(context, revenue_micros=to_micros, payout_micros=follows)


def _amend(context: PostingContext, *, revenue_micros: int | None, payout_micros: int | None) -> Posted | Refused:
    """Returns the rows that bring the entries to these amounts; None: unchanged. The leading entry has a row even if nothing changes."""
    leading = context.revenue if revenue_micros is not None else context.payout
    if leading is not None and leading.standing.state not in OPEN:
        return Refused(because=Refusal.ENTRY_CLOSED, detail=f"{leading.base.key} is {leading.standing.state}")
    rows = []
    if revenue_micros is not None and context.attempt is not None:
        rows.append(
            _to_amount(context, context.revenue, kind=MoneyKind.REVENUE, party=context.attempt.advertiser, micros=revenue_micros)
        )
    if payout_micros is not None and context.record.publisher is not None and _payout_moves(context, payout_micros, leads=not rows):
        rows.append(
            _to_amount(context, context.payout, kind=MoneyKind.PAYOUT, party=context.record.publisher, micros=payout_micros)
        )
    if not rows:
        return _nothing(context, "nothing is owed for it")
    return Posted(money=_linked(rows), states=tuple(_beginnings(context, rows)))


def _payout_moves(context: PostingContext, micros: int, *, leads: bool) -> bool:
    if context.payout is None:
        return micros > 0
    return leads or (context.payout.standing.state in OPEN and micros != context.payout.amount_micros)


def _to_amount(context: PostingContext, entry: Entry | None, *, kind: MoneyKind, party: str, micros: int) -> MoneyRow:
    """Returns the row that brings an entry to `micros`; without an entry, its first row."""
    call_id = context.record.call_id
    key = keys.revenue(call_id, context.line) if kind is MoneyKind.REVENUE else keys.payout(call_id)
    return MoneyRow(
        key=key if entry is None else f"{context.prefix}/{kind}",
        call_id=call_id,
        kind=kind,
        party=party if entry is None else entry.base.party,
        campaign=context.campaign if entry is None else entry.base.campaign,
        amount_micros=micros - _amount(entry),
        reason=_reason(context.posting),
        actor=context.posting.actor,
        corrects=None if entry is None else entry.base.key,
        at_us=context.posting.at_us,
        line=context.line if entry is None else entry.base.line,
    )


def _beginnings(context: PostingContext, rows: Sequence[MoneyRow]) -> Iterator[StateRow]:
    """The state that entries begin in which the posting began: in its name, as their keys do not have it."""
    for row in rows:
        if row.corrects is not None:
            continue
        key = f"{context.prefix}/begins-{row.kind}"
        held = None if context.terms is None else held_until(row, context.terms, key=key)
        yield held or _state(context, row, State.PENDING, key=key)


def _move(context: PostingContext, to: State, *, left_percent: int | None = None) -> Posted | Refused:
    """Moves the entries to a state; with `left_percent`, that much of their amounts is left. What may not follow stays."""
    entries = context.entries(only(context.posting.act))
    if not entries:
        return _nothing(context, "no money")
    money, states = [], []
    for entry in entries:
        row = _state(context, entry.base, to, key=f"{context.prefix}/{to}-{entry.base.kind}")
        moved = move(entry.standing, row)
        if isinstance(moved, IllegalMove):
            if entry is entries[0]:
                return Refused(because=Refusal.ILLEGAL_MOVE, detail=f"{entry.base.key}: {moved}")
            continue
        states.append(row)
        left = entry.amount_micros if left_percent is None else _part(entry.amount_micros, left_percent * PERCENT_BP)
        if left != entry.amount_micros:
            money.append(_to_amount(context, entry, kind=entry.base.kind, party=entry.base.party, micros=left))
    return Posted(money=_linked(money), states=tuple(states))


def _state(context: PostingContext, of: MoneyRow, state: State, *, key: str) -> StateRow:
    posting = context.posting
    return StateRow(key=key, of=of.key, state=state, at_us=posting.at_us, reason=_reason(posting), actor=posting.actor)


def _linked(rows: Sequence[MoneyRow]) -> tuple[MoneyRow, ...]:
    """Links the two sides of one posting to each other."""
    if len(rows) != 2:
        return tuple(rows)
    first, second = rows
    return (replace(first, link=second.key), replace(second, link=first.key))


def _nothing(context: PostingContext, what: str) -> Refused:
    where = context.line or "no line"
    return Refused(because=Refusal.NOTHING_TO_CORRECT, detail=f"call {context.record.call_id}, {where}: {what}")


def _reason(posting: Posting) -> str:
    return f"{posting.act}; {posting.reason}" if posting.reason else str(posting.act)


def _waits(price: Price, event: BillableOn) -> bool:
    return any(step.rule.on is event for step in price.steps)


def _amount(entry: Entry | None) -> int:
    return 0 if entry is None else entry.amount_micros


def _part(micros: int, part_bp: int) -> int:
    """Returns all of an amount to the micro, or a part of it, half-even to the cent."""
    return micros if part_bp == _WHOLE_BP else share(micros, basis_points=part_bp)
