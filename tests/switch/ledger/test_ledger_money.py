"""Money and states that come after their calls, postings answered once, and configs, on SQLite and PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from ledger_rows import append_posting

from switch.billing.entry_state import State, StateRow
from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow
from switch.ledger.store import Ledger, PostingRow, RecordRefused

Judge = Callable[[str], JudgedCall]

POSTING = PostingRow(party="acme", idempotency_key="sale-1", at_us=7, request='{"amount": "5.00"}', answer='{"ok": true}')


def credit(call_id: str, key: str, *, micros: int = -5_000_000) -> MoneyRow:
    return MoneyRow(
        key=key,
        call_id=call_id,
        kind=MoneyKind.REVENUE,
        party="acme",
        campaign="auto-quotes",
        amount_micros=micros,
        reason="disputed",
        actor="ops",
        corrects=f"{call_id}/revenue/acme-west",
        at_us=8,
        line="acme-west",
    )


def disputed(row: str) -> StateRow:
    return StateRow(key=f"{row}/disputed", of=row, state=State.DISPUTED, at_us=9, reason="no such person", actor="acme")


def test_what_is_posted_is_there_with_its_answer(ledger: Ledger, judged: Judge) -> None:
    call = judged("a")
    ledger.write([call])
    row, state = credit("a", "x"), disputed("a/revenue/acme-west")
    assert append_posting(ledger, [row], [state], POSTING) == POSTING
    assert ledger.rows_of("a") == [*call.verdict.rows, row]
    assert ledger.state_rows(["a/revenue/acme-west", "unknown"]) == [state]
    assert ledger.state_rows(["a/payout"]) == list(call.verdict.states)


def test_what_was_posted_later_is_no_part_of_the_verdict(ledger: Ledger, judged: Judge) -> None:
    ledger.write([judged("a")])
    append_posting(ledger, [credit("a", "x")], [disputed("a/payout")], POSTING)
    assert ledger.calls(limit=1) == [judged("a")]


def test_the_same_key_again_gets_the_first_answer_and_does_nothing(ledger: Ledger) -> None:
    append_posting(ledger, [credit("a", "x")], [disputed("x")], POSTING)
    again = replace(POSTING, at_us=99, request="{}", answer="other")
    assert append_posting(ledger, [credit("a", "y")], [disputed("y")], again) == POSTING
    assert [row.key for row in ledger.rows_of("a")] == ["x"]
    assert ledger.state_rows(["y"]) == []


def test_another_party_may_use_the_same_key(ledger: Ledger) -> None:
    append_posting(ledger, [credit("a", "x")], [], POSTING)
    other = replace(POSTING, party="bell", answer="other")
    assert append_posting(ledger, [credit("a", "y")], [], other) == other
    assert [row.key for row in ledger.rows_of("a")] == ["x", "y"]


@pytest.mark.parametrize("what", ["money", "states"])
def test_a_posting_with_a_key_that_is_there_already_leaves_nothing(ledger: Ledger, what: str) -> None:
    first = credit("a", "x")
    append_posting(ledger, [first], [disputed("x")], POSTING)
    rows = [replace(first, amount_micros=2)] if what == "money" else [credit("a", "y")]
    states = [replace(disputed("x"), at_us=99)] if what == "states" else []
    with pytest.raises(RecordRefused):
        append_posting(ledger, rows, states, replace(POSTING, idempotency_key="sale-2"))
    assert ledger.rows_of("a") == [first]
    assert ledger.state_rows(["x"]) == [disputed("x")]


def test_a_posting_that_can_not_be_kept_leaves_nothing(ledger: Ledger) -> None:
    with pytest.raises(RecordRefused):
        append_posting(ledger, [credit("a", "x"), credit("a", "y", micros=2**63)], [], POSTING)
    assert ledger.rows_of("a") == []
    assert append_posting(ledger, [credit("a", "x")], [], POSTING) == POSTING
    assert [row.key for row in ledger.rows_of("a")] == ["x"]


def test_money_may_be_there_before_its_call(ledger: Ledger, judged: Judge) -> None:
    call = judged("a")
    append_posting(ledger, [call.verdict.rows[0]], [], POSTING)
    ledger.write([call])
    assert [row.key for row in ledger.rows_of("a")] == [row.key for row in call.verdict.rows]


def test_a_row_that_says_no_instant_became_true_when_its_call_ended(ledger: Ledger, judged: Judge) -> None:
    call = judged("a")
    row = replace(call.verdict.rows[0], at_us=0)
    ledger.write([replace(call, verdict=replace(call.verdict, rows=(row,), states=()))])
    assert ledger.rows_of("a") == [replace(row, at_us=call.record.ended_us)]


def test_what_is_new_can_be_polled(ledger: Ledger, judged: Judge) -> None:
    ledger.write([judged("b"), judged("a")])
    seen = ledger.money_since(0, limit=3)
    assert [row.key for _, row in seen] == ["b/revenue/acme-west", "b/payout", "a/revenue/acme-west"]
    last, _ = seen[-1]
    assert [row.key for _, row in ledger.money_since(last)] == ["a/payout"]
    (last, _) = ledger.money_since(last)[-1]
    assert ledger.money_since(last) == []
    append_posting(ledger, [credit("b", "x")], [disputed("x")], POSTING)
    assert [row.key for _, row in ledger.money_since(last)] == ["x"]
    with ledger.scan() as scan:
        assert [row.key for row in scan.states()] == ["a/payout/held", "b/payout/held", "x/disputed"]


def test_configs_are_kept_as_they_were_first(ledger: Ledger) -> None:
    files = {"config/campaigns.yaml": "campaigns: {}\n", "config/ümläut.yaml": "# \0 ✓"}
    assert ledger.config("9f") is None
    ledger.keep_config("9f", at_us=5, files=files)
    ledger.keep_config("9f", at_us=6, files={})
    assert ledger.config("9f") == files
    assert ledger.config("9") is None
