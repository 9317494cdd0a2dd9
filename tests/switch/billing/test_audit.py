"""The audit: a sound ledger has no breach, and each thing that is broken is named by its row."""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from money_cases import AUTO, DOLLAR, TERMS, attempt, call, in_turn, price, talk

from switch.billing import actions
from switch.billing.actions import Posted, Posting
from switch.billing.audit import AttemptFacts, Breach, CallFacts, Invariant, audit, facts
from switch.billing.balance import sums
from switch.billing.entry_state import State, StateRow
from switch.billing.judge import judge
from switch.billing.posting import post
from switch.billing.terms import Rate
from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow

RATE = Rate(per_minute_micros=8_000)


@dataclass(slots=True, kw_only=True)
class Ledger:
    calls: list[CallFacts] = field(default_factory=list)
    attempts: list[AttemptFacts] = field(default_factory=list)
    money: list[MoneyRow] = field(default_factory=list)
    states: list[StateRow] = field(default_factory=list)

    def breaches(self) -> list[Breach]:
        return list(audit(self.calls, self.attempts, money=self.money, states=self.states, balances=sums(self.money)))

    def named(self) -> set[tuple[str, str]]:
        return {(breach.key, breach.rule.value) for breach in self.breaches()}


def ledger() -> Ledger:
    """Three calls: one that was voided, one with a rise and a hold, one that earned nothing; and a deposit."""
    terms = {**TERMS, "auto": replace(AUTO, revenue=price(talk(60_000, 10 * DOLLAR), talk(90_000, 25 * DOLLAR)), hold_days=7)}
    kept = Ledger()
    deposit = MoneyRow(
        key="deposit/acme/1", call_id="", kind=MoneyKind.DEPOSIT, party="acme", campaign="", amount_micros=DOLLAR, reason=""
    )
    kept.money.append(deposit)
    for record in (
        call(attempt("east", 90_000), call_id="c1"),
        call(*in_turn(("busy", None), ("east", 95_000), ("west", 60_000)), call_id="c2"),
        call(attempt("east", 5), call_id="c3"),
    ):
        verdict = judge(record, terms, rate=RATE)
        one, attempts = facts(JudgedCall(record=record, verdict=verdict))
        money, states = list(verdict.rows), list(verdict.states)
        if record.call_id == "c1":
            posting = Posting(key="v", act=actions.Void(), at_us=record.ended_us + 1, actor="ops")
            posted = post(record, posting, money=money, states=states, terms=terms)
            assert isinstance(posted, Posted)
            money.extend(posted.money)
            states.extend(posted.states)
        kept.calls.append(one)
        kept.attempts.extend(attempts)
        kept.money.extend(money)
        kept.states.extend(states)
    return kept


def test_a_sound_ledger_has_no_breach() -> None:
    sound = ledger()
    assert len(sound.money) > 10
    assert {row.kind for row in sound.money} == set(MoneyKind)
    assert sound.breaches() == []


def test_nothing_is_sound() -> None:
    assert Ledger().breaches() == []


def change_money(of: str, /, **changes: object) -> Callable[[Ledger], None]:
    def broken(kept: Ledger) -> None:
        number = next(number for number, row in enumerate(kept.money) if row.key == of)
        kept.money[number] = replace(kept.money[number], **changes)  # type: ignore[arg-type]

    return broken


def change_call(call_id: str, **changes: object) -> Callable[[Ledger], None]:
    def broken(kept: Ledger) -> None:
        kept.calls = [replace(each, **changes) if each.call_id == call_id else each for each in kept.calls]  # type: ignore[arg-type]

    return broken


def change_attempt(key: str, **changes: object) -> Callable[[Ledger], None]:
    def broken(kept: Ledger) -> None:
        kept.attempts = [replace(each, **changes) if each.key == key else each for each in kept.attempts]  # type: ignore[arg-type]

    return broken


def add_money(call_id: str, kind: MoneyKind, key: str, **changes: object) -> Callable[[Ledger], None]:
    """A copy of a row of that call, under another key, last of the call's."""

    def broken(kept: Ledger) -> None:
        rows = [(number, row) for number, row in enumerate(kept.money) if row.call_id == call_id]
        like = next(row for _, row in rows if row.kind is kind)
        kept.money.insert(rows[-1][0] + 1, replace(like, key=key, **changes))  # type: ignore[arg-type]

    return broken


def drop_money(key: str) -> Callable[[Ledger], None]:
    def broken(kept: Ledger) -> None:
        kept.money = [row for row in kept.money if row.key != key]

    return broken


def add_state(of: str, state: State) -> Callable[[Ledger], None]:
    def broken(kept: Ledger) -> None:
        kept.states.append(StateRow(key=f"{of}/odd", of=of, state=state, at_us=1, reason=""))

    return broken


def second_record(kept: Ledger) -> None:
    kept.calls.insert(0, kept.calls[0])


def no_record(kept: Ledger) -> None:
    del kept.calls[2]


def state_key_of_another_call(kept: Ledger) -> None:
    kept.states[-1] = replace(kept.states[-1], key="c9/payout/held")


def the_same_state_key(kept: Ledger) -> None:
    kept.states[1] = replace(kept.states[1], key=kept.states[0].key)


PAYOUT, REVENUE = MoneyKind.PAYOUT, MoneyKind.REVENUE
VOIDED = "c1/post/east/v/void"


@pytest.mark.parametrize(
    ("broken", "key", "rule"),
    [
        (second_record, "c1", Invariant.ONE_RECORD),
        (no_record, "c3/attempt/1", Invariant.HAS_CALL),
        (no_record, "c3/cost", Invariant.HAS_CALL),
        (change_money("deposit/acme/1", kind=PAYOUT), "deposit/acme/1", Invariant.HAS_CALL),
        (change_money("deposit/acme/1", key="deposit/other/1"), "deposit/other/1", Invariant.WELL_FORMED_KEY),
        (change_money("deposit/acme/1", key="deposit/acme/"), "deposit/acme/", Invariant.WELL_FORMED_KEY),
        (change_money("c2/revenue/west", line="east"), "c2/revenue/west", Invariant.WELL_FORMED_KEY),
        (change_money("c2/revenue/east/2", key="c2/revenue/east/x"), "c2/revenue/east/x", Invariant.WELL_FORMED_KEY),
        (change_money("c2/cost", key="c1/cost"), "c1/cost", Invariant.WELL_FORMED_KEY),
        (change_money(f"{VOIDED}/payout", key=f"{VOIDED}/cost"), f"{VOIDED}/cost", Invariant.WELL_FORMED_KEY),
        (state_key_of_another_call, "c9/payout/held", Invariant.WELL_FORMED_KEY),
        (add_money("c2", PAYOUT, "c2/payout"), "c2/payout", Invariant.KEY_ONCE),
        (the_same_state_key, "c1/revenue/east/held", Invariant.KEY_ONCE),
        (change_money("c2/revenue/west", line="east"), "c2/revenue/west", Invariant.ONE_REVENUE_PER_LINE),
        (add_money("c2", PAYOUT, "c2/payout/west"), "c2/payout/west", Invariant.ONE_PAYOUT),
        (add_money("c2", MoneyKind.COST, "c2/cost/2"), "c2/cost/2", Invariant.ONE_COST),
        (change_money("c2/revenue/east/2", corrects="c2/revenue/north"), "c2/revenue/east/2", Invariant.CORRECTS_ITS_LIKE),
        (change_money("c2/revenue/east/2", corrects="c2/payout"), "c2/revenue/east/2", Invariant.CORRECTS_ITS_LIKE),
        (change_money("c2/revenue/east/2", corrects="c1/revenue/east"), "c2/revenue/east/2", Invariant.CORRECTS_ITS_LIKE),
        (change_money("c2/revenue/east/2", party="other"), "c2/revenue/east/2", Invariant.CORRECTS_ITS_LIKE),
        (change_money("c2/revenue/east/2", amount_micros=-10 * DOLLAR - 1), "c2/revenue/east/2", Invariant.NEVER_BELOW_ZERO),
        (change_money(f"{VOIDED}/revenue", amount_micros=-25 * DOLLAR - 1), f"{VOIDED}/revenue", Invariant.NEVER_BELOW_ZERO),
        (change_money(f"{VOIDED}/revenue", link=None), f"{VOIDED}/payout", Invariant.LINKED_BOTH_WAYS),
        (change_money("c2/payout", link="c2/gone"), "c2/payout", Invariant.LINKED_BOTH_WAYS),
        (change_money("c2/revenue/west", amount_micros=10 * DOLLAR + 1), "c2", Invariant.VERDICT_IS_SUM),
        (drop_money("c2/revenue/west"), "c2", Invariant.VERDICT_IS_SUM),
        (drop_money("c2/payout"), "c2", Invariant.VERDICT_IS_SUM),
        (drop_money("c2/cost"), "c2", Invariant.VERDICT_IS_SUM),
        (change_call("c3", payout_micros=1), "c3", Invariant.VERDICT_IS_SUM),
        (change_attempt("c3/attempt/1", connected_ms=6), "c3", Invariant.CONNECTED_IS_SUM),
        (change_call("c2", connected_ms=154_999), "c2", Invariant.CONNECTED_IS_SUM),
        (change_call("c2", total_ms=154_999), "c2", Invariant.CONNECTED_WITHIN_TOTAL),
        (change_call("c2", answered_us=2**60), "c2", Invariant.ENDED_AFTER_ANSWERED),
        (add_state("c3/revenue/east", State.APPROVED), "c3/revenue/east/odd", Invariant.STATE_OF_ENTRY),
        (add_state("c3/cost", State.APPROVED), "c3/cost/odd", Invariant.STATE_OF_ENTRY),
        (drop_money("c2/revenue/west"), "c2/revenue/west/held", Invariant.STATE_OF_ENTRY),
        (change_money(f"{VOIDED}/revenue", amount_micros=-24 * DOLLAR), "c1/revenue/east", Invariant.VOID_IS_ZERO),
    ],
)
def test_what_is_broken_is_named_by_its_row(broken: Callable[[Ledger], None], key: str, rule: Invariant) -> None:
    kept = ledger()
    broken(kept)
    assert (key, rule.value) in kept.named()
    assert all(breach.what for breach in kept.breaches())


def test_every_invariant_has_been_broken() -> None:
    marks = test_what_is_broken_is_named_by_its_row.pytestmark  # type: ignore[attr-defined]
    named = {rule for mark in marks for _, _, rule in mark.args[1]}
    elsewhere = {Invariant.ATTEMPT_IN_CALL, Invariant.TALK_FITS, Invariant.LEGAL_STATE, Invariant.BALANCE_IS_SUM}
    assert named | elsewhere == set(Invariant)


@pytest.mark.parametrize(("beyond", "found"), [(0, False), (1, True)])
def test_talk_may_last_as_long_as_the_answered_call_and_no_millisecond_longer(beyond: int, found: bool) -> None:  # noqa: FBT001
    kept = ledger()
    change_call("c2", total_ms=kept.calls[1].connected_ms - beyond)(kept)
    assert (("c2", Invariant.CONNECTED_WITHIN_TOTAL.value) in kept.named()) == found


@pytest.mark.parametrize(("before_us", "found"), [(0, False), (1, True)])
def test_a_call_may_end_when_it_is_answered_and_no_microsecond_sooner(before_us: int, found: bool) -> None:  # noqa: FBT001
    kept = ledger()
    change_call("c2", answered_us=kept.calls[1].ended_us + before_us)(kept)
    assert (("c2", Invariant.ENDED_AFTER_ANSWERED.value) in kept.named()) == found


def test_a_state_that_does_not_follow_names_both() -> None:
    kept = ledger()
    kept.states.append(StateRow(key="c2/payout/odd", of="c2/payout", state=State.UPHELD, at_us=kept.calls[1].ended_us, reason=""))
    assert kept.breaches() == [
        Breach(key="c2/payout/odd", rule=Invariant.LEGAL_STATE, what="c2/payout: held money does not become upheld")
    ]


@pytest.mark.parametrize(("off_ms", "found"), [(0, False), (1_000, False), (1_001, True)])
def test_attempts_are_inside_their_call(off_ms: int, found: bool) -> None:  # noqa: FBT001
    begin, end = ledger().calls[2].invited_us - off_ms * 1_000, ledger().calls[2].ended_us + off_ms * 1_000
    for changes in ({"invited_us": begin}, {"talk_us": begin}, {"answered_us": begin}, {"talk_ended_us": end}, {"invited_us": end}):
        kept = ledger()
        change_attempt("c3/attempt/1", **changes)(kept)
        assert (("c3/attempt/1", "attempt_in_call") in kept.named()) is found


@pytest.mark.parametrize(("connected_ms", "found"), [(6, False), (1_005, False), (1_006, True), (-1, True)])
def test_talk_is_not_longer_than_from_answer_to_its_end(connected_ms: int, found: bool) -> None:  # noqa: FBT001
    kept = ledger()
    change_attempt("c3/attempt/1", connected_ms=connected_ms)(kept)
    assert (("c3/attempt/1", "talk_fits") in kept.named()) is found


def test_talk_needs_an_answer_and_fits_the_call() -> None:
    kept = ledger()
    change_attempt("c3/attempt/1", answered_us=None)(kept)
    change_call("c2", invited_us=kept.calls[1].ended_us - 10_000_000)(kept)
    assert {("c3/attempt/1", "talk_fits"), ("c2", "talk_fits")} <= kept.named()


def test_balances_are_what_the_rows_come_to() -> None:
    kept = ledger()
    claimed = sums(kept.money)
    claimed[MoneyKind.REVENUE, "owner-of-east"] += 1
    del claimed[MoneyKind.COST, "carrier"]
    claimed[MoneyKind.PAYOUT, "nobody"] = 5
    found = audit(kept.calls, kept.attempts, money=kept.money, states=kept.states, balances=claimed)
    assert [(breach.key, breach.rule) for breach in found] == [
        ("cost/carrier", Invariant.BALANCE_IS_SUM),
        ("payout/nobody", Invariant.BALANCE_IS_SUM),
        ("revenue/owner-of-east", Invariant.BALANCE_IS_SUM),
    ]


def test_money_of_a_call_under_way_waits_for_its_record() -> None:
    kept = ledger()
    kept.calls, kept.attempts = [], []
    found = list(audit([], [], money=kept.money, states=kept.states, under_way={"c1", "c2"}))
    assert [(breach.key, breach.rule) for breach in found] == [("c3/cost", Invariant.HAS_CALL)]


def test_what_was_posted_during_the_call_is_in_its_verdict_and_what_was_posted_later_is_not() -> None:
    kept = ledger()
    for figure, sound in ((25, True), (0, True), (24, False)):
        change_call("c1", revenue_micros=figure * DOLLAR)(kept)
        assert (("c1", "verdict_is_sum") not in kept.named()) is sound


def test_input_out_of_order_is_an_error() -> None:
    kept = ledger()
    kept.calls.reverse()
    with pytest.raises(ValueError, match="not sorted by call id"):
        kept.breaches()


def test_only_one_call_is_held_at_a_time() -> None:
    """What auditing takes does not grow with the number of calls."""
    record = call(*in_turn(("busy", None), ("east", 95_000)))
    verdict = judge(record, TERMS, rate=RATE)
    one, attempts = facts(JudgedCall(record=record, verdict=verdict))

    def peak_bytes(calls: int) -> int:
        ids = [f"c{number:06d}" for number in range(calls)]
        rows = (replace(row, call_id=each, key=row.key.replace("c1", each)) for each in ids for row in verdict.rows)
        tracemalloc.start()
        found = audit(
            (replace(one, call_id=each) for each in ids),
            (replace(attempt, call_id=each) for each in ids for attempt in attempts),
            money=rows,
            states=(),
            balances={
                (MoneyKind.REVENUE, "owner-of-east"): calls * 25 * DOLLAR,
                (MoneyKind.PAYOUT, "radio-one"): calls * 18 * DOLLAR,
                (MoneyKind.COST, "carrier"): calls * verdict.cost_micros,
            },
        )
        assert list(found) == []
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(10)  # whatever is made once
    held = 300_000  # 900 calls that are held take a megabyte; what the collector has not looked at yet takes a tenth of that
    assert peak_bytes(1_000) < peak_bytes(100) + held
