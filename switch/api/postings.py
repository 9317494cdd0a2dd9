"""Writes all postings, whoever they come from: the call is looked up, the rules applied, the rows appended, in one transaction.

HTTP and the command line both come here. They decide who may post what; `advertiser` says whose calls and money a posting is confined to.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from routing.cap import Per
from switch.api.kept_terms import KeptTerms
from switch.api.view import advertiser_revenue, row_json, state_json, time_of
from switch.billing import actions
from switch.billing.actions import Posted, Refusal, Refused
from switch.billing.entry_state import StateRow
from switch.billing.posting import deposit, post
from switch.billing.terms import Terms
from switch.billing.verdict import MoneyKind, MoneyRow
from switch.call.record import CallRecord
from switch.engine.plan import Plan
from switch.ledger.reading import AdvertiserCalls
from switch.ledger.store import Append, Ledger, PostingRow, Read

OPS = "ops"
MAX_REASON = 500
"""Characters of the reason that whoever posts gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingRequest:
    """A request to change a call's money. `key`: the same one again does nothing, and gets the first answer.

    `advertiser`: whose postings it is among, and the only one whose calls it may be about; None: it is the operators'. `actor`: who
    answers for it. `sale`: the advertiser's own name of what was sold: one sale is not posted for two calls.
    """

    call_id: str
    key: str
    act: actions.Action
    actor: str
    reason: str = ""
    line: str | None = None
    advertiser: str | None = None
    sale: str | None = None

    @property
    def party(self) -> str:
        """The party that the key belongs to: keys are unique within a party."""
        return OPS if self.advertiser is None else f"advertiser:{self.advertiser}"

    @property
    def request(self) -> dict[str, object]:
        """The values that must be the same when the key comes again."""
        return {"call_id": self.call_id, "act": str(self.act), "reason": self.reason, "line": self.line, "sale": self.sale}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """`answer`: what is told, as it was the first time. `again`: this is not the first time: nothing was written.

    `kept`: the terms it was judged by are those of the call's own config; else the present ones stood in.
    """

    answer: dict[str, Any]
    at_us: int
    again: bool = False
    money: tuple[MoneyRow, ...] = ()
    states: tuple[StateRow, ...] = ()
    kept: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSuchCall:
    """It is not in the ledger, or none of this advertiser's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReused:
    """Something else was posted under that key, at that time."""

    at_us: int


PostingOutcome = Done | Refused | NoSuchCall | KeyReused


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMoney:
    """A call, and all its money and states in the order written."""

    record: CallRecord
    money: Sequence[MoneyRow] = field(default=())
    states: Sequence[StateRow] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An advertiser's deposits and debts, micros. `credit_micros`: how far below zero the balance may go; None: the advertiser is billed
    afterwards."""

    deposits_micros: int
    owed_micros: int
    credit_micros: int | None

    @property
    def left_micros(self) -> int | None:
        """What calls may still cost before they stop, micros; None: they never stop."""
        return None if self.credit_micros is None else self.deposits_micros + self.credit_micros - self.owed_micros


class PostingWriter:
    """One ledger. Callable from any thread, and blocks. `plan()`: what is in force.

    Every method raises LedgerUnreadable; those that post LedgerUnwritable, and RecordRefused where the ledger can't hold the value.
    """

    def __init__(self, ledger: Ledger, *, plan: Callable[[], Plan], now_us: Callable[[], int]) -> None:
        self._ledger = ledger
        self._plan = plan
        self._now_us = now_us
        self._terms = KeptTerms(files_of=ledger.config, present=plan)

    def post(self, order: PostingRequest) -> PostingOutcome:
        return self._take(order, write=True)

    def preview(self, order: PostingRequest) -> PostingOutcome:
        """Returns what `post` would do now; nothing is written."""
        return self._take(order, write=False)

    def deposit(self, advertiser: str, key: str, *, amount_micros: int, actor: str, reason: str) -> PostingOutcome:
        """`key`: the payment's own name, such as the bank's reference. A negative amount is paid back."""
        party = f"{MoneyKind.DEPOSIT}:{advertiser}"
        request = {"advertiser": advertiser, "amount_micros": amount_micros}

        def decide(read: Read) -> tuple[Append | None, PostingOutcome]:
            if (earlier := read.postings[0]) is not None:
                return None, _again(earlier, request)
            now_us = self._now_us()
            row = deposit(advertiser, key, amount_micros=amount_micros, at_us=now_us, actor=actor, reason=reason)
            if isinstance(row, Refused):
                return None, row
            done = Done(answer={"key": key, "money": [row_json(row)]}, at_us=now_us, money=(row,))
            return Append(money=(row,), postings=(_posting(party, key, request, done),)), done

        return self._ledger.transact("", postings=[(party, key)], decide=decide)

    def ids_like(self, beginning: str) -> list[str]:
        """Up to two calls whose id begins so."""
        return [judged.record.call_id for judged in self._ledger.calls_like(beginning, limit=2)]

    def call(self, call_id: str) -> CallMoney | None:
        """None: it is not in the ledger, maybe still in progress."""
        found = self._ledger.calls(limit=1, call_id=call_id)
        if not found:
            return None
        money = self._ledger.rows_of(call_id)
        return CallMoney(record=found[0].record, money=money, states=self._ledger.state_rows(row.key for row in money))

    def account(self, advertiser: str) -> Account:
        with self._ledger.scan() as scan:
            sums = scan.sums(party=advertiser)
        return Account(
            deposits_micros=sums.get((MoneyKind.DEPOSIT, advertiser), 0),
            owed_micros=sums.get((MoneyKind.REVENUE, advertiser), 0),
            credit_micros=credit_of(self._plan(), advertiser),
        )

    def find(self, search: AdvertiserCalls, *, limit: int) -> list[CallRecord]:
        """The newest calls that match, at most `limit`."""
        return [judged.record for judged in self._ledger.calls_of_advertiser(search, limit=limit)]

    def probe(self) -> None:
        """Raises LedgerUnreadable or LedgerUnwritable where postings can't be taken right now."""
        self._ledger.recorded(["-"])  # first, since a write would make a new ledger where there is none
        self._ledger.probe()

    def _take(self, order: PostingRequest, *, write: bool) -> PostingOutcome:
        found = self._ledger.calls(limit=1, call_id=order.call_id)
        if not found or not _concerns(found[0].record, order.advertiser):
            return NoSuchCall()
        record = found[0].record
        agreement = self._terms.of(record.config)
        postings = [(order.party, order.key)]
        if order.sale is not None:
            postings.append((_sales_of(order), order.sale))

        def decide(read: Read) -> tuple[Append | None, PostingOutcome]:
            if (earlier := read.postings[0]) is not None:
                return None, _again(earlier, order.request)
            now_us = self._now_us()
            posted = _decided(order, record, read, terms=agreement.terms, now_us=now_us)
            if isinstance(posted, Refused):
                return None, posted
            done = Done(
                answer=_answer(order, read, posted, now_us=now_us),
                at_us=now_us,
                money=posted.money,
                states=posted.states,
                kept=agreement.kept,
            )
            return (_writing(order, read, posted, done) if write else None), done

        return self._ledger.transact(order.call_id, postings=postings, decide=decide)


def credit_of(plan: Plan, advertiser: str) -> int | None:
    """Returns how far below zero a prepaid advertiser's balance may go, micros, or None: the advertiser is billed afterwards."""
    caps = (cap for line in plan.table.lines.values() for cap in line.caps)
    return next((cap.limit for cap in caps if cap.per is Per.BALANCE and cap.owner == f"advertiser:{advertiser}"), None)


def _concerns(record: CallRecord, advertiser: str | None) -> bool:
    return advertiser is None or any(each.advertiser == advertiser for each in record.attempts)


def _decided(order: PostingRequest, record: CallRecord, read: Read, *, terms: Mapping[str, Terms], now_us: int) -> Posted | Refused:
    if order.advertiser is not None and isinstance(order.act, actions.Dispute) and not _owes(order, read):
        # without revenue of this advertiser the dispute would be about what the publisher earns
        return Refused(because=Refusal.NOTHING_TO_CORRECT, detail=f"call {record.call_id}: nothing is owed for it")
    posting = actions.Posting(
        key=order.key,
        act=order.act,
        at_us=now_us,
        actor=order.actor,
        reason=order.reason,
        line=order.line,
        advertiser=order.advertiser,
        sold_in=_sold_in(order, read),
    )
    return post(record, posting, money=read.money, states=read.states, terms=terms)


def _owes(order: PostingRequest, read: Read) -> bool:
    return any(row.kind is MoneyKind.REVENUE and row.party == order.advertiser for row in read.money)


def _sales_of(order: PostingRequest) -> str:
    return f"sale:{order.advertiser or OPS}"


def _sold_in(order: PostingRequest, read: Read) -> str | None:
    """Returns another call that the same sale was posted for, or None."""
    sold = None if order.sale is None else read.postings[1]
    if sold is None:
        return None
    call_id = str(json.loads(sold.request)["request"]["call_id"])
    return None if call_id == order.call_id else call_id


def _answer(order: PostingRequest, read: Read, posted: Posted, *, now_us: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "call_id": order.call_id,
        "key": order.key,
        "act": str(order.act),
        "posted_at": time_of(now_us),
    }
    if order.advertiser is None:
        return {**answer, "money": [row_json(row) for row in posted.money], "states": [state_json(row) for row in posted.states]}
    money, states = (*read.money, *posted.money), (*read.states, *posted.states)
    revenue = advertiser_revenue(money, states, advertiser=order.advertiser, now_us=now_us, line=order.line)
    return {**answer, "revenue": revenue}


def _writing(order: PostingRequest, read: Read, posted: Posted, done: Done) -> Append:
    postings = [_posting(order.party, order.key, order.request, done)]
    if order.sale is not None and read.postings[1] is None:
        sold = Done(answer={"call_id": order.call_id}, at_us=done.at_us)
        postings.append(_posting(_sales_of(order), order.sale, {"call_id": order.call_id, "key": order.key}, sold))
    return Append(money=posted.money, states=posted.states, postings=postings)


def _posting(party: str, key: str, request: dict[str, object], done: Done) -> PostingRow:
    """Returns the row that keeps the posting. It names each money row that the posting wrote, so that the audit can compare them."""
    witness = {
        "request": request,
        "rows": {row.key: row.amount_micros for row in done.money},
        "states": {row.key: row.state.value for row in done.states},
    }
    return PostingRow(
        party=party, idempotency_key=key, at_us=done.at_us, request=json.dumps(witness), answer=json.dumps(done.answer)
    )


def _again(earlier: PostingRow, request: dict[str, object]) -> Done | KeyReused:
    if json.loads(earlier.request).get("request") != request:
        return KeyReused(at_us=earlier.at_us)
    return Done(answer=json.loads(earlier.answer), at_us=earlier.at_us, again=True)
