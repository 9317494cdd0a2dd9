"""Postings: what comes from outside about a call's money, done once, never by changing a row, never below zero."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from money_cases import AUTO, DOLLAR, INVITED_US, TERMS, attempt, call, flat, in_turn, price, step, talk

from switch.billing import actions
from switch.billing.actions import Action, Posted, Posting, Refusal, Refused
from switch.billing.audit import audit, facts
from switch.billing.balance import entry_states, sums
from switch.billing.entry_state import State, StateRow
from switch.billing.judge import DAY_US, judge
from switch.billing.posting import deposit, post
from switch.billing.terms import BillableOn, Price, Terms, Tiers
from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow, Verdict
from switch.call.record import CallRecord, Heard

MOST_MICROS = 1_000_000_000_000

SALE = Terms(
    campaign="auto",
    revenue=price(step(BillableOn.POSTBACK, 25 * DOLLAR)),
    payout=price(step(BillableOn.POSTBACK), percent_bp=7_000),
)
CODES = {"sale": 100, "callback": 50, "most": 75, "wrong-number": 0}
LONG = call(attempt("east", 120_000))
LATER_US = INVITED_US + DAY_US


@dataclass(slots=True)
class Book:
    """One call's rows as a ledger would keep them."""

    record: CallRecord
    terms: dict[str, Terms]
    verdict: Verdict = field(init=False)
    money: list[MoneyRow] = field(init=False)
    states: list[StateRow] = field(init=False)
    clock_us: int = LATER_US

    def __post_init__(self) -> None:
        self.verdict = judge(self.record, self.terms)
        self.money, self.states = list(self.verdict.rows), list(self.verdict.states)

    def post(self, act: Action, key: str = "", *, line: str | None = None, advertiser: str | None = None) -> Posted | Refused:
        self.clock_us += 1
        posting = Posting(
            key=key or f"k{self.clock_us}", act=act, at_us=self.clock_us, actor="acme", line=line, advertiser=advertiser
        )
        result = post(self.record, posting, money=self.money, states=self.states, terms=self.terms)
        if isinstance(result, Posted):
            self.money.extend(result.money)
            self.states.extend(result.states)
        return result

    def taken(self, act: Action, key: str = "", *, line: str | None = None) -> Posted:
        result = self.post(act, key, line=line)
        assert isinstance(result, Posted), result
        return result

    def refused(self, act: Action, *, line: str | None = None, advertiser: str | None = None) -> Refusal:
        before = (list(self.money), list(self.states))
        result = self.post(act, line=line, advertiser=advertiser)
        assert isinstance(result, Refused), result
        assert (self.money, self.states) == before
        return result.because

    def owed(self, kind: MoneyKind = MoneyKind.REVENUE) -> int:
        return sum(micros for (each, _), micros in sums(self.money).items() if each is kind)

    @property
    def amounts(self) -> tuple[int, int]:
        return self.owed(), self.owed(MoneyKind.PAYOUT)

    def state(self, key: str = "c1/revenue/east") -> State:
        return entry_states(self.money, self.states, self.clock_us)[key].state

    def sound(self) -> bool:
        call_facts, attempts = facts(JudgedCall(record=self.record, verdict=self.verdict))
        return not list(audit([call_facts], attempts, money=self.money, states=self.states, balances=sums(self.money)))


def book(terms: Terms = AUTO, record: CallRecord = LONG) -> Book:
    return Book(record, {**TERMS, "auto": terms})


def corrected(terms: Terms = AUTO, **changes: object) -> Terms:
    return replace(terms, **changes)  # type: ignore[arg-type]


# sales


@pytest.mark.parametrize(("heard", "expected"), [(Heard.LINE, 0), (Heard.BOTH, 9 * DOLLAR)])
def test_where_both_must_be_heard_a_sale_pays_nobody_for_a_call_of_one(heard: Heard, expected: int) -> None:
    """A payout of its own, which no revenue goes before."""
    terms = replace(SALE, payout=price(step(BillableOn.POSTBACK, 9 * DOLLAR)), heard_both=True)
    (talked,) = LONG.attempts
    both_us = talked.talk_us if heard is Heard.BOTH else None
    held = book(terms, call(replace(talked, heard=heard, both_heard_us=both_us)))
    held.post(actions.Postback())
    assert held.owed(MoneyKind.PAYOUT) == expected
    assert held.owed() == (25 * DOLLAR if expected else 0)


def test_a_sale_creates_the_first_revenue_and_its_payout() -> None:
    held = book(corrected(SALE, hold_days=7))
    assert held.amounts == (0, 0)
    posted = held.taken(actions.Postback())
    revenue, payout = posted.money
    assert (revenue.key, revenue.party, revenue.line, revenue.corrects) == ("c1/revenue/east", "owner-of-east", "east", None)
    assert (payout.key, payout.party, payout.corrects, payout.actor) == ("c1/payout", "radio-one", None, "acme")
    assert held.amounts == (25 * DOLLAR, 17_500_000)
    assert [(row.of, row.state, row.until_us) for row in posted.states] == [
        ("c1/revenue/east", State.HELD, held.clock_us + 7 * DAY_US),
        ("c1/payout", State.HELD, held.clock_us + 7 * DAY_US),
    ]
    assert held.sound()


def test_the_same_posting_twice_does_nothing_however_late() -> None:
    sales = book(SALE)
    sales.taken(actions.Postback(amount_micros=30 * DOLLAR), "sale-1")
    sales.taken(actions.Postback(amount_micros=40 * DOLLAR), "sale-2")
    rows = list(sales.money)
    assert sales.taken(actions.Postback(amount_micros=30 * DOLLAR), "sale-1") == Posted(again=True)
    assert (sales.money, sales.amounts) == (rows, (40 * DOLLAR, 28 * DOLLAR))


def test_a_new_amount_appends_the_difference() -> None:
    sales = book(SALE)
    sales.taken(actions.Postback(amount_micros=30 * DOLLAR), "sale-1")
    posted = sales.taken(actions.Postback(amount_micros=20 * DOLLAR), "sale-1")
    revenue, payout = posted.money
    assert (revenue.amount_micros, revenue.corrects, revenue.link) == (-10 * DOLLAR, "c1/revenue/east", payout.key)
    assert (payout.amount_micros, payout.corrects, payout.link) == (-7 * DOLLAR, "c1/payout", revenue.key)
    assert (revenue.key, revenue.reason) == ("c1/post/east/sale-1/postback:20.00/revenue", "postback:20.00")
    assert sales.sound()


def test_an_amount_that_changes_nothing_is_remembered_too() -> None:
    sales = book(SALE)
    sales.taken(actions.Postback(amount_micros=30 * DOLLAR), "a")
    assert [row.amount_micros for row in sales.taken(actions.Postback(amount_micros=30 * DOLLAR), "b").money] == [0]
    sales.taken(actions.Postback(amount_micros=5 * DOLLAR), "c")
    assert sales.taken(actions.Postback(amount_micros=30 * DOLLAR), "b").again
    assert sales.amounts == (5 * DOLLAR, 3_500_000)


@pytest.mark.parametrize("micros", [-1, MOST_MICROS + 1])
def test_amounts_have_limits(micros: int) -> None:
    sales = book(SALE)
    assert sales.refused(actions.Postback(amount_micros=micros)) is Refusal.AMOUNT_OUT_OF_RANGE
    assert sales.refused(actions.AdjustTo(kind=MoneyKind.REVENUE, amount_micros=micros)) is Refusal.AMOUNT_OUT_OF_RANGE
    for most in (0, MOST_MICROS):
        sales.taken(actions.Postback(amount_micros=most))
        assert sales.owed() == most


@pytest.mark.parametrize(
    "act", [actions.Postback(), actions.Postback(amount_micros=0), actions.Manual(), actions.Manual(amount_micros=1)]
)
def test_only_a_price_that_waits_for_it_takes_a_sale(act: Action) -> None:
    assert book().refused(act) is Refusal.NOT_AGREED


def test_an_amount_is_not_taken_where_only_the_payout_waits() -> None:
    terms = corrected(payout=price(step(BillableOn.POSTBACK, 18 * DOLLAR)))
    sales = book(terms)
    assert sales.refused(actions.Postback(amount_micros=5 * DOLLAR)) is Refusal.NOT_AGREED
    sales.taken(actions.Postback())
    assert sales.amounts == (25 * DOLLAR, 18 * DOLLAR)
    assert sales.sound()


def test_a_person_may_say_so() -> None:
    by_hand = price(step(BillableOn.MANUAL, 25 * DOLLAR))
    sales = book(corrected(revenue=by_hand, requires_revenue=True))
    assert sales.amounts == (0, 0)
    sales.taken(actions.Manual())
    assert sales.amounts == (25 * DOLLAR, 18 * DOLLAR)


def test_a_sale_adds_to_what_talk_has_earned() -> None:
    bonus = Price(steps=(talk(90_000, 10 * DOLLAR), step(BillableOn.POSTBACK, 25 * DOLLAR)))
    assert _after_sale(bonus) == 25 * DOLLAR
    assert _after_sale(replace(bonus, tiers=Tiers.SUM)) == 35 * DOLLAR


def _after_sale(revenue: Price) -> int:
    sales = book(corrected(revenue=revenue))
    assert sales.owed() == 10 * DOLLAR
    sales.taken(actions.Postback())
    return sales.owed()


def test_what_was_posted_before_still_counts() -> None:
    both = Price(steps=(step(BillableOn.POSTBACK, 10 * DOLLAR), step(BillableOn.MANUAL, 5 * DOLLAR)), tiers=Tiers.SUM)
    sales = book(corrected(revenue=both))
    sales.taken(actions.Postback())
    sales.taken(actions.Manual())
    assert sales.owed() == 15 * DOLLAR


def test_a_sale_of_nothing_brings_no_payout_that_requires_revenue() -> None:
    sales = book(corrected(SALE, payout=flat(18 * DOLLAR), requires_revenue=True))
    sales.taken(actions.Postback(amount_micros=0))
    assert ([row.key for row in sales.money], sales.amounts) == (["c1/revenue/east"], (0, 0))
    assert not judge(LONG, sales.terms, tuple(sales.money)).billable
    sales.taken(actions.Postback(amount_micros=1))
    assert sales.amounts == (1, 18 * DOLLAR)


def test_a_payout_that_was_settled_follows_no_more() -> None:
    sales = book(SALE)
    sales.taken(actions.Postback())
    sales.taken(actions.Void(only=MoneyKind.PAYOUT))
    sales.taken(actions.Postback(amount_micros=40 * DOLLAR))
    assert sales.amounts == (40 * DOLLAR, 0)
    assert sales.sound()


def test_a_repeat_that_is_not_billed_is_not_sold_to_either() -> None:
    repeat = call(attempt("east", 120_000, repeat=True))
    assert book(corrected(SALE, repeat_bill=False), repeat).refused(actions.Postback()) is Refusal.NOTHING_TO_CORRECT
    unpaid = book(corrected(SALE, repeat_pay=False), repeat)
    unpaid.taken(actions.Postback())
    assert unpaid.amounts == (25 * DOLLAR, 0)


def test_a_sale_during_the_call_is_not_judged_a_second_time() -> None:
    sales = book(SALE)
    sales.taken(actions.Postback())
    later = judge(LONG, sales.terms, tuple(sales.money))
    assert (later.rows, later.billable, later.paid, later.revenue_micros) == ((), True, True, 25 * DOLLAR)


def test_a_sale_that_was_posted_for_another_call_is_refused() -> None:
    posting = Posting(key="s", act=actions.Postback(), at_us=LATER_US, actor="acme", sold_in="c0")
    result = post(LONG, posting, money=(), states=(), terms={"auto": SALE})
    assert result == Refused(because=Refusal.SOLD_BEFORE, detail="posted for call c0")


@pytest.mark.parametrize("key", ["", "a b", "a/b", "x" * 65, "ä", "a\n"])
def test_keys_are_plain(key: str) -> None:
    posting = Posting(key=key, act=actions.Postback(), at_us=LATER_US, actor="acme")
    result = post(LONG, posting, money=(), states=(), terms={"auto": SALE})
    assert isinstance(result, Refused)
    assert result.because is Refusal.MALFORMED_KEY


# dispositions


@pytest.mark.parametrize(("code", "dollars"), [("sale", 25), ("most", 18.75), ("callback", 12.5), ("wrong-number", 0)])
def test_a_disposition_is_worth_its_part(code: str, dollars: float) -> None:
    percent = price(talk(90_000), percent_bp=5_000)
    calls = book(corrected(dispositions=CODES, payout=percent))
    calls.taken(actions.Disposition(code=code))
    cents = round(dollars * 100)
    assert calls.owed() == cents * 10_000
    assert calls.owed(MoneyKind.PAYOUT) == pytest.approx(cents * 5_000, abs=5_000)
    assert calls.owed(MoneyKind.PAYOUT) % 10_000 == 0
    assert calls.sound()


def test_parts_are_of_the_original_not_of_each_other() -> None:
    calls = book(corrected(dispositions=CODES, requires_revenue=True))
    for code, amounts in (("callback", (12.5, 9)), ("most", (18.75, 13.5)), ("wrong-number", (0, 0)), ("sale", (25, 18))):
        calls.taken(actions.Disposition(code=code))
        assert calls.amounts == tuple(int(dollars * DOLLAR) for dollars in amounts)
    assert calls.sound()


def test_a_payout_with_a_rule_of_its_own_keeps_out_of_it() -> None:
    calls = book(corrected(dispositions=CODES))
    calls.taken(actions.Disposition(code="wrong-number"))
    assert calls.amounts == (0, 18 * DOLLAR)


def test_another_line_s_disposition_leaves_the_payout_alone() -> None:
    terms = corrected(dispositions=CODES, payout=price(talk(90_000), percent_bp=7_000))
    calls = book(terms, call(*in_turn(("east", 90_000), ("west", 90_000))))
    calls.taken(actions.Disposition(code="wrong-number"), line="west")
    assert calls.amounts == (25 * DOLLAR, 17_500_000)
    calls.taken(actions.Disposition(code="callback"), line="east")
    assert calls.amounts == (12_500_000, 8_750_000)
    assert calls.sound()


def test_a_part_is_of_the_last_amount_that_was_set() -> None:
    calls = book(corrected(SALE, dispositions=CODES))
    calls.taken(actions.Postback())
    calls.taken(actions.Disposition(code="callback"))
    calls.taken(actions.Postback(amount_micros=40 * DOLLAR))
    calls.taken(actions.Disposition(code="callback"))
    assert calls.amounts == (20 * DOLLAR, 14 * DOLLAR)
    calls.taken(actions.AdjustTo(kind=MoneyKind.REVENUE, amount_micros=10 * DOLLAR))
    calls.taken(actions.Disposition(code="most"))
    assert calls.amounts == (7_500_000, 5_250_000)


def test_a_price_may_wait_for_the_disposition() -> None:
    waits = price(step(BillableOn.DISPOSITION, 25 * DOLLAR))
    terms = corrected(revenue=waits, payout=price(step(BillableOn.DISPOSITION, 18 * DOLLAR)), dispositions=CODES)
    calls = book(terms)
    assert calls.amounts == (0, 0)
    calls.taken(actions.Disposition(code="wrong-number"), "first")
    assert calls.amounts == (0, 0)
    calls.taken(actions.Disposition(code="callback"))
    assert calls.amounts == (12_500_000, 9 * DOLLAR)
    assert calls.taken(actions.Disposition(code="wrong-number"), "first").again
    calls.taken(actions.Disposition(code="sale"))
    assert calls.amounts == (25 * DOLLAR, 18 * DOLLAR)
    assert calls.sound()


@pytest.mark.parametrize(
    ("codes", "refusal"),
    [({}, Refusal.UNKNOWN_DISPOSITION), ({"x": 101}, Refusal.PART_OUT_OF_RANGE), ({"x": -1}, Refusal.PART_OUT_OF_RANGE)],
)
def test_dispositions_nobody_agreed_on(codes: dict[str, int], refusal: Refusal) -> None:
    assert book(corrected(dispositions=codes)).refused(actions.Disposition(code="x")) is refusal


def test_a_call_that_earned_nothing_has_nothing_to_take_a_part_of() -> None:
    short = book(corrected(dispositions=CODES), call(attempt("east", 10)))
    assert short.refused(actions.Disposition(code="sale")) is Refusal.NOTHING_TO_CORRECT


# corrections


def test_an_adjustment_is_a_row_of_the_difference() -> None:
    calls = book()
    (row,) = calls.taken(actions.AdjustTo(kind=MoneyKind.REVENUE, amount_micros=20 * DOLLAR)).money
    assert (row.amount_micros, row.corrects, row.link) == (-5 * DOLLAR, "c1/revenue/east", None)
    calls.taken(actions.AdjustBy(kind=MoneyKind.REVENUE, delta_micros=-3 * DOLLAR))
    calls.taken(actions.AdjustBy(kind=MoneyKind.PAYOUT, delta_micros=2 * DOLLAR))
    assert calls.amounts == (17 * DOLLAR, 20 * DOLLAR)
    assert calls.sound()


def test_a_payout_follows_an_adjustment_as_agreed() -> None:
    percent = book(corrected(payout=price(talk(90_000), percent_bp=7_000)))
    first, second = percent.taken(actions.AdjustTo(kind=MoneyKind.REVENUE, amount_micros=10 * DOLLAR)).money
    assert (first.link, second.link) == (second.key, first.key)
    assert percent.amounts == (10 * DOLLAR, 7 * DOLLAR)
    required = book(corrected(requires_revenue=True))
    required.taken(actions.AdjustTo(kind=MoneyKind.REVENUE, amount_micros=10 * DOLLAR))
    assert required.amounts == (10 * DOLLAR, 18 * DOLLAR)
    required.taken(actions.AdjustTo(kind=MoneyKind.REVENUE, amount_micros=0))
    assert required.amounts == (0, 0)
    required.taken(actions.AdjustTo(kind=MoneyKind.REVENUE, amount_micros=DOLLAR))
    assert required.amounts == (DOLLAR, 18 * DOLLAR)


def test_nothing_goes_below_zero() -> None:
    calls = book()
    assert calls.refused(actions.AdjustBy(kind=MoneyKind.REVENUE, delta_micros=-25 * DOLLAR - 1)) is Refusal.BELOW_ZERO
    assert calls.refused(actions.AdjustBy(kind=MoneyKind.REVENUE, delta_micros=-MOST_MICROS - 1)) is Refusal.AMOUNT_OUT_OF_RANGE
    calls.taken(actions.AdjustBy(kind=MoneyKind.REVENUE, delta_micros=-25 * DOLLAR))
    assert calls.owed() == 0


@pytest.mark.parametrize("kind", list(MoneyKind))
def test_what_is_not_there_is_not_corrected(kind: MoneyKind) -> None:
    assert (
        book(record=call(attempt("east", 10))).refused(actions.AdjustTo(kind=kind, amount_micros=1)) is Refusal.NOTHING_TO_CORRECT
    )


@pytest.mark.parametrize("act", [actions.Void(), actions.Approve(), actions.Dispute(), actions.Void(only=MoneyKind.PAYOUT)])
def test_a_call_without_money_has_nothing_to_move(act: Action) -> None:
    assert book(record=call(attempt("east", 10))).refused(act) is Refusal.NOTHING_TO_CORRECT


def test_void_takes_both_back_in_linked_rows() -> None:
    calls = book()
    posted = calls.taken(actions.Void())
    credit, claw_back = posted.money
    assert (credit.kind, credit.amount_micros, credit.link) == (MoneyKind.REVENUE, -25 * DOLLAR, claw_back.key)
    assert (claw_back.kind, claw_back.amount_micros, claw_back.link) == (MoneyKind.PAYOUT, -18 * DOLLAR, credit.key)
    assert calls.amounts == (0, 0)
    assert {calls.state(row.key) for row in calls.money} == {State.VOID}
    assert calls.refused(actions.Void()) is Refusal.ILLEGAL_MOVE
    assert calls.refused(actions.AdjustTo(kind=MoneyKind.REVENUE, amount_micros=1)) is Refusal.ENTRY_CLOSED
    assert calls.sound()


def test_one_side_may_be_void_alone() -> None:
    calls = book()
    calls.taken(actions.Void(only=MoneyKind.PAYOUT))
    assert calls.amounts == (25 * DOLLAR, 0)
    calls.taken(actions.Void())
    assert calls.amounts == (0, 0)
    assert calls.sound()


# disputes


def test_a_dispute_upheld_is_a_credit_and_a_claw_back() -> None:
    calls = book()
    assert calls.refused(actions.Uphold()) is Refusal.ILLEGAL_MOVE
    assert calls.taken(actions.Dispute()).money == ()
    assert (calls.state(), calls.state("c1/payout")) == (State.DISPUTED, State.DISPUTED)
    assert calls.refused(actions.AdjustTo(kind=MoneyKind.REVENUE, amount_micros=1)) is Refusal.ENTRY_CLOSED
    credit, claw_back = calls.taken(actions.Uphold()).money
    assert (credit.amount_micros, claw_back.amount_micros) == (-25 * DOLLAR, -18 * DOLLAR)
    assert (credit.link, claw_back.link) == (claw_back.key, credit.key)
    assert calls.state() is State.UPHELD
    assert calls.sound()


def test_a_dispute_may_be_upheld_in_part() -> None:
    calls = book()
    calls.taken(actions.Dispute())
    for percent in (0, 101, -1):
        assert calls.refused(actions.Uphold(percent=percent)) is Refusal.PART_OUT_OF_RANGE
    calls.taken(actions.Uphold(percent=25))
    assert calls.amounts == (18_750_000, 13_500_000)
    assert calls.sound()


def test_a_dispute_rejected_leaves_everything_as_it_was() -> None:
    calls = book(corrected(hold_days=7))
    assert calls.state() is State.HELD
    calls.taken(actions.Dispute())
    assert calls.taken(actions.Reject()).money == ()
    assert (calls.state(), calls.amounts) == (State.HELD, (25 * DOLLAR, 18 * DOLLAR))
    calls.clock_us += 7 * DAY_US
    assert calls.state() is State.APPROVED
    calls.taken(actions.Dispute(), "again")
    assert calls.sound()


def test_approval() -> None:
    calls = book()
    calls.taken(actions.Approve(only=MoneyKind.PAYOUT))
    assert (calls.state(), calls.state("c1/payout")) == (State.PENDING, State.APPROVED)
    calls.taken(actions.Approve())
    assert calls.state() is State.APPROVED
    assert calls.refused(actions.Approve()) is Refusal.ILLEGAL_MOVE


# which line


def test_several_lines_that_owe_must_be_told_apart() -> None:
    calls = book(record=call(*in_turn(("east", 90_000), ("west", 90_000))))
    assert calls.refused(actions.Void()) is Refusal.WHICH_LINE
    assert calls.refused(actions.Void(), line="north") is Refusal.NO_SUCH_LINE
    assert calls.refused(actions.Void(), line="east", advertiser="owner-of-west") is Refusal.NO_SUCH_LINE
    calls.taken(actions.Void(), line="west")
    assert calls.amounts == (25 * DOLLAR, 18 * DOLLAR), "the payout is east's"
    assert isinstance(calls.post(actions.Void(), advertiser="owner-of-east"), Posted)
    assert calls.amounts == (0, 0)
    assert calls.sound()


def test_the_payout_is_found_without_a_line() -> None:
    calls = book(record=call(*in_turn(("east", 90_000), ("west", 90_000))))
    calls.taken(actions.AdjustTo(kind=MoneyKind.PAYOUT, amount_micros=DOLLAR))
    assert calls.amounts == (50 * DOLLAR, DOLLAR)


def test_a_sale_is_the_line_s_that_talked() -> None:
    calls = book(SALE, call(*in_turn(("north", None), ("east", 30_000), ("west", None))))
    calls.taken(actions.Postback())
    assert calls.money[0].line == "east"


def test_a_payout_for_a_call_that_nobody_was_dialled_for() -> None:
    came = corrected(payout=price(step(BillableOn.INBOUND, 3 * DOLLAR)))
    calls = book(came, call())
    assert calls.amounts == (0, 3 * DOLLAR)
    assert calls.refused(actions.Void(), line="east") is Refusal.NO_SUCH_LINE
    calls.taken(actions.AdjustTo(kind=MoneyKind.PAYOUT, amount_micros=DOLLAR))
    calls.taken(actions.Void())
    assert calls.amounts == (0, 0)
    assert calls.sound()


def test_without_terms_nothing_is_sold() -> None:
    calls = Book(LONG, {})
    assert calls.refused(actions.Postback()) is Refusal.NO_TERMS


# deposits


def test_deposits_belong_to_no_call() -> None:
    row = deposit("acme", "wire-1", amount_micros=500 * DOLLAR, at_us=LATER_US, actor="ops")
    assert isinstance(row, MoneyRow)
    assert (row.key, row.call_id, row.kind, row.party) == ("deposit/acme/wire-1", "", MoneyKind.DEPOSIT, "acme")
    assert not list(audit([], [], money=[row], states=[]))
    for micros in (0, MOST_MICROS + 1, -MOST_MICROS - 1):
        assert isinstance(deposit("acme", "w", amount_micros=micros, at_us=0, actor="ops"), Refused)
    assert isinstance(deposit("acme", "a/b", amount_micros=1, at_us=0, actor="ops"), Refused)


# properties

MONEY = st.integers(0, 60 * DOLLAR)
ACTS = st.one_of(
    st.builds(actions.Postback, amount_micros=st.none() | MONEY),
    st.builds(actions.Manual, amount_micros=st.none() | MONEY),
    st.builds(actions.Disposition, code=st.sampled_from([*CODES, "unknown"])),
    st.builds(actions.AdjustTo, kind=st.sampled_from(list(MoneyKind)), amount_micros=MONEY),
    st.builds(actions.AdjustBy, kind=st.sampled_from(list(MoneyKind)), delta_micros=st.integers(-30 * DOLLAR, 30 * DOLLAR)),
    st.builds(actions.Void, only=st.sampled_from([None, MoneyKind.REVENUE, MoneyKind.PAYOUT])),
    st.builds(actions.Approve, only=st.sampled_from([None, MoneyKind.REVENUE, MoneyKind.PAYOUT])),
    st.just(actions.Dispute()),
    st.builds(actions.Uphold, percent=st.sampled_from([1, 50, 100])),
    st.just(actions.Reject()),
)
AGREED = st.sampled_from(
    [
        AUTO,
        SALE,
        corrected(requires_revenue=True, hold_days=7),
        corrected(payout=price(talk(60_000), percent_bp=3_333)),
        corrected(SALE, payout=flat(18 * DOLLAR), requires_revenue=True),
        corrected(revenue=price(step(BillableOn.MANUAL, 9 * DOLLAR), talk(60_000, 5 * DOLLAR)), hold_days=1),
        corrected(
            revenue=price(step(BillableOn.DISPOSITION, 25 * DOLLAR)), payout=price(step(BillableOn.DISPOSITION, 18 * DOLLAR))
        ),
    ]
)


@settings(deadline=None)
@given(amounts=st.lists(MONEY, min_size=1, max_size=8), repeats=st.lists(st.integers(0, 7), max_size=12), data=st.data())
def test_repeats_in_any_order_leave_the_last_amount(amounts: list[int], repeats: list[int], data: st.DataObject) -> None:
    sales = book(SALE)
    for number, micros in enumerate(amounts):
        sales.taken(actions.Postback(amount_micros=micros), f"sale-{number}")
        for earlier in data.draw(st.lists(st.integers(0, number), max_size=3)):
            assert sales.taken(actions.Postback(amount_micros=amounts[earlier]), f"sale-{earlier}").again
    for earlier in repeats:
        sales.taken(actions.Postback(amount_micros=amounts[earlier % len(amounts)]), f"sale-{earlier % len(amounts)}")
    assert sales.owed() == amounts[-1]
    assert sales.sound()


@settings(deadline=None)
@given(
    terms=AGREED, posted=st.lists(st.tuples(ACTS, st.sampled_from("abcdef")), max_size=12), record=st.sampled_from([LONG, call()])
)
def test_whatever_is_posted_the_books_are_sound(terms: Terms, posted: list[tuple[Action, str]], record: CallRecord) -> None:
    calls = book(corrected(terms, dispositions=CODES), record)
    for act, key in posted:
        before = list(calls.money)
        result = calls.post(act, key)
        assert calls.money[: len(before)] == before
        assert min(calls.amounts) >= 0
        if isinstance(result, Posted):
            assert result.again or result.money or result.states
            assert calls.post(act, key) == Posted(again=True)
    assert calls.sound()
    assert judge(record, calls.terms, tuple(calls.money)).rows == ()
