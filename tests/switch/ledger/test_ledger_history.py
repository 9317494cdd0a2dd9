"""What a starting switch learns from its ledger, and what others have posted since."""

from collections.abc import Callable
from dataclasses import replace

from ledger_rows import append_posting

from routing.cap import Counts
from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow
from switch.engine.counters import quarter_of
from switch.engine.lookback import Lookback
from switch.engine.usage import Usage, UsageHistory
from switch.ledger.poller import OURS, Polled, read_history, read_posted
from switch.ledger.store import Ledger, PostingRow

QUARTER_US = 900_000_000

Judge = Callable[[str], JudgedCall]
ALL = Lookback(counts_us=0, ever=True, paid_us=0)


def posted_row(key: str, *, micros: int, call_id: str = "", line: str = "", kind: MoneyKind = MoneyKind.REVENUE) -> MoneyRow:
    return MoneyRow(
        key=key, call_id=call_id, kind=kind, party="acme", campaign="auto-quotes", amount_micros=micros, reason="", actor="desk",
        corrects=f"{call_id}/revenue/{line}" if line else None, at_us=1, line=line,
    )  # fmt: skip


def post(ledger: Ledger, *rows: MoneyRow) -> None:
    kept = PostingRow(party="desk", idempotency_key=rows[0].key, at_us=1, request="{}", answer="{}")
    assert append_posting(ledger, rows, (), kept) == kept


def test_an_empty_ledger_has_no_past(ledger: Ledger) -> None:
    history = read_history(ledger, ALL)
    assert (history.past, history.last_money) == (UsageHistory(), 0)
    assert read_posted(ledger, after=0) == Polled(posted=[], unreadable=[], last=0)


def test_everything_of_a_call_is_in_the_past_of_those_who_come_later(ledger: Ledger, judged: Judge) -> None:
    call = judged("a")
    ledger.write([call])
    post(ledger, posted_row("deposit/acme/1", micros=5_000_000, kind=MoneyKind.DEPOSIT))
    history = read_history(ledger, ALL)
    talked = call.record.attempts[1]
    past = history.past
    assert ("line:acme-west", Counts.REVENUE, quarter_of(call.verdict.rows[0].at_us), 45_000_000) in past.counts
    assert ("number:+18005550100", Counts.CONNECTION, quarter_of(talked.talk_us or 0), 1) in past.counts
    assert past.deposits == {"acme": 5_000_000}
    assert [(ani, paid.line) for ani, paid in past.paid] == [(call.record.ani, "acme-west")]
    assert [(made.line, made.revenue_micros) for made in past.attempts] == [("acme-east", 0), ("acme-west", 45_000_000)]
    assert history.last_money == 3
    assert read_posted(ledger, after=history.last_money) == Polled(posted=[], unreadable=[], last=3)


def test_what_lies_before_the_horizon_is_known_in_sum_where_that_is_asked_for(ledger: Ledger, judged: Judge) -> None:
    call = judged("a")
    ledger.write([call])
    later_us = quarter_of(call.record.ended_us) + QUARTER_US
    for ever in (True, False):
        past = read_history(ledger, Lookback(counts_us=later_us, ever=ever, paid_us=later_us)).past
        assert (past.counts, past.paid) == ((), ())
        assert (("line:acme-west", Counts.ATTEMPT, 1) in past.before) == ever
        assert bool(Usage(past).snapshot()) == ever


def test_the_switch_s_own_rows_are_passed_over_and_the_others_told_once(ledger: Ledger, judged: Judge) -> None:
    post(ledger, posted_row("deposit/acme/1", micros=1, kind=MoneyKind.DEPOSIT))
    ledger.write([judged("a"), judged("b")])
    post(ledger, posted_row("deposit/acme/2", micros=2, kind=MoneyKind.DEPOSIT))
    assert {row.actor for row in judged("a").verdict.rows} == {OURS}
    found = read_posted(ledger, after=0)
    assert [(each.row.key, each.record) for each in found.posted] == [("deposit/acme/1", None), ("deposit/acme/2", None)]
    assert read_posted(ledger, after=found.last) == Polled(posted=[], unreadable=[], last=found.last)


def test_a_correction_comes_with_its_call_and_with_what_was_owed_before_it(ledger: Ledger, judged: Judge) -> None:
    call = judged("a")
    ledger.write([call, judged("b")])
    less = posted_row("a/post/acme-west/1/void/revenue", micros=-45_000_000, call_id="a", line="acme-west")
    again = replace(less, key="a/post/acme-west/2/manual/revenue", amount_micros=7_000_000)
    post(ledger, less)
    post(ledger, again)
    found = read_posted(ledger, after=0).posted
    assert [(each.row, each.before_micros) for each in found] == [(less, 45_000_000), (again, 0)]
    assert [each.record for each in found] == [call.record, call.record]


def test_a_posting_about_a_call_that_is_not_recorded_yet_is_told_without_it(ledger: Ledger) -> None:
    post(ledger, posted_row("x/post/acme-west/1/manual/revenue", micros=5, call_id="x", line="acme-west"))
    (posted,) = read_posted(ledger, after=0).posted
    assert (posted.record, posted.before_micros) == (None, 0)
