"""What the ledger adds up, against the same sums done by hand in Python; and calls streamed in order."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random

import pytest
from ledger_rows import append_posting

from routing.cap import Counts
from routing.load import PaidConversion
from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow
from switch.call.record import AttemptRecord
from switch.engine.counters import CounterRow
from switch.engine.usage import PastAttempt
from switch.ledger.counting import Reading
from switch.ledger.store import Ledger, PostingRow

QUARTER_US = 900_000_000

Judge = Callable[[str], JudgedCall]

T0_US = 1_767_225_600_000_000
HOUR_US = 4 * QUARTER_US
LINES = {"acme-east": "acme", "acme-west": "acme", "bell-one": "bell"}


def attempt_of(random: Random, call: JudgedCall, number: int) -> AttemptRecord:
    line = random.choice(list(LINES))
    invited_us = call.record.invited_us + number * 20_000_000
    return replace(
        call.record.attempts[0],
        number=number,
        line=line,
        advertiser=LINES[line],
        campaign=random.choice(["auto", "home"]),
        invited_us=invited_us,
        talk_us=random.choice([None, invited_us + 5_000_000]),
    )


def row_of(call: JudgedCall, attempt: AttemptRecord, kind: MoneyKind, *, key: str, at_us: int, micros: int) -> MoneyRow:
    return MoneyRow(
        key=key,
        call_id=call.record.call_id,
        kind=kind,
        party=attempt.advertiser if kind is MoneyKind.REVENUE else "radio",
        campaign=attempt.campaign,
        amount_micros=micros,
        reason="",
        at_us=at_us,
        line=attempt.line,
    )


def made_up(judge: Judge, number: int) -> tuple[JudgedCall, list[MoneyRow]]:
    """A call somewhere in a day, and corrections of its money, some of them down to nothing or up again."""
    random = Random(number)
    call = judge(f"call-{number}")
    record = replace(
        call.record,
        invited_us=T0_US + random.randrange(24 * HOUR_US),
        publisher=random.choice(["radio", "web", None]),
        did=random.choice(["+18005550100", "+18005550101"]),
        trunk=random.choice(["one", "two"]),
    )
    call = replace(call, record=record)
    attempts = tuple(attempt_of(random, call, n) for n in range(1, random.randrange(1, 4)))
    rows: list[MoneyRow] = []
    corrections: list[MoneyRow] = []
    for attempt in {attempt.line: attempt for attempt in attempts if attempt.talk_us is not None}.values():
        key = f"{record.call_id}/revenue/{attempt.line}"
        owed = row_of(call, attempt, MoneyKind.REVENUE, key=key, at_us=attempt.invited_us + 95_000_000, micros=25_000_000)
        rows.append(owed)
        for n, micros in enumerate(random.choice([(), (-5_000_000,), (-25_000_000,), (-25_000_000, 10_000_000), (5_000_000,)])):
            at_us = owed.at_us + (n + 1) * HOUR_US
            corrections.append(replace(owed, key=f"{key}/{n}", at_us=at_us, amount_micros=micros, corrects=key))
    call = replace(call, record=replace(record, attempts=attempts))
    return replace(call, verdict=replace(call.verdict, rows=tuple(rows), states=())), corrections


def by_hand(calls: Iterable[tuple[JudgedCall, list[MoneyRow]]]) -> Counter[tuple[str, Counts, int]]:
    tally: Counter[tuple[str, Counts, int]] = Counter()
    for call, corrections in calls:
        record = call.record
        rest = [f"number:{record.did}", f"trunk:{record.trunk}"] + ([f"publisher:{record.publisher}"] if record.publisher else [])

        def add(party: AttemptRecord | MoneyRow, counts: Counts, at_us: int, amount: int, rest: list[str] = rest) -> None:
            advertiser = party.party if isinstance(party, MoneyRow) else party.advertiser
            for owner in (f"line:{party.line}", f"advertiser:{advertiser}", f"campaign:{party.campaign}", *rest):
                tally[owner, counts, at_us // QUARTER_US * QUARTER_US] += amount

        for attempt in record.attempts:
            add(attempt, Counts.ATTEMPT, attempt.invited_us, 1)
            if attempt.talk_us is not None:
                add(attempt, Counts.CONNECTION, attempt.talk_us, 1)
        owed: Counter[str] = Counter()
        for row in (*call.verdict.rows, *corrections):
            before = owed[row.line]
            owed[row.line] += row.amount_micros
            add(row, Counts.REVENUE, row.at_us, row.amount_micros)
            add(row, Counts.CONVERSION, row.at_us, (owed[row.line] > 0) - (before > 0))
    return Counter({key: amount for key, amount in tally.items() if amount})


def summed(tallies: Iterable[CounterRow]) -> dict[tuple[str, Counts, int], int]:
    """Each comes once."""
    found: dict[tuple[str, Counts, int], int] = {}
    for owner, counts, quarter_us, amount in tallies:
        assert (owner, counts, quarter_us) not in found
        found[owner, counts, quarter_us] = amount
    return found


@pytest.fixture
def day(ledger: Ledger, judged: Judge) -> list[tuple[JudgedCall, list[MoneyRow]]]:
    """A day of calls in the ledger, and its corrections, posted one by one."""
    calls = [made_up(judged, number) for number in range(120)]
    ledger.write([call for call, _ in calls])
    for call, corrections in calls:
        for n, row in enumerate(corrections):
            key = f"{call.record.call_id}-{n}-{row.line}"
            append_posting(ledger, [row], [], PostingRow(party="ops", idempotency_key=key, at_us=row.at_us, request="", answer=""))
    return calls


@pytest.fixture
def reading(ledger: Ledger) -> Iterator[Reading]:
    """Of the instant at which it is first read."""
    with ledger.reading() as reading:
        yield reading


Day = list[tuple[JudgedCall, list[MoneyRow]]]


def test_tallies_say_who_counted_what_and_when(day: Day, reading: Reading) -> None:
    whole = by_hand(day)
    assert summed(reading.tallies(0)) == whole
    noon = T0_US + 12 * HOUR_US
    assert summed(reading.tallies(noon + 1)) == {key: amount for key, amount in whole.items() if key[2] >= noon}
    assert {counts for _, counts, _ in whole} == set(Counts)
    assert any(amount < 0 for (_, counts, _), amount in whole.items() if counts is Counts.CONVERSION)


def test_totals_say_all_that_was_before(day: Day, reading: Reading) -> None:
    noon = T0_US + 12 * HOUR_US
    expected: Counter[tuple[str, Counts]] = Counter()
    for (owner, counts, quarter_us), amount in by_hand(day).items():
        if quarter_us < noon:
            expected[owner, counts] += amount
    found = [(owner, counts) for owner, counts, _ in reading.totals(noon + QUARTER_US - 1)]
    assert len(found) == len(set(found))
    assert {(owner, counts): amount for owner, counts, amount in reading.totals(noon + QUARTER_US - 1)} == {
        key: amount for key, amount in expected.items() if amount
    }


def test_what_has_nobody_to_count_for_counts_for_the_others(ledger: Ledger, judged: Judge) -> None:
    """A number nobody knows has no publisher; a posted row may know no line; a deposit counts for nobody."""
    call = judged("a")
    row = replace(call.verdict.rows[0], line="")
    deposit = replace(row, key="deposit/acme/1", kind=MoneyKind.DEPOSIT, call_id="", campaign="")
    verdict = replace(call.verdict, rows=(row, deposit), states=())
    ledger.write([replace(call, record=replace(call.record, publisher=None, attempts=()), verdict=verdict)])
    owners = {"advertiser:acme", "campaign:auto-quotes", "number:+18005550100", "trunk:carrier-a"}
    with ledger.reading() as reading:
        assert {owner for owner, *_ in reading.tallies(0)} == owners


def test_repeat_callers_are_known_by_what_was_paid_for(ledger: Ledger, judged: Judge) -> None:
    calls = [judged(call_id) for call_id in "abcd"]
    later = replace(calls[1].verdict.rows[1], at_us=T0_US + HOUR_US)
    calls[1] = replace(
        calls[1], verdict=replace(calls[1].verdict, rows=(later,)), record=replace(calls[1].record, ani="+12145550199")
    )
    ledger.write(calls)
    taken = calls[2].verdict.rows[1]
    back = replace(taken, key="c/back", amount_micros=-taken.amount_micros, corrects=taken.key, at_us=T0_US + HOUR_US)
    partly = replace(back, key="d/partly", call_id="d", amount_micros=-1, corrects="d/payout")
    append_posting(ledger, [back, partly], [], PostingRow(party="ops", idempotency_key="1", at_us=1, request="", answer=""))
    paid = PaidConversion(at_us=taken.at_us, did="+18005550100", campaign="auto-quotes", advertiser="acme", line="acme-west")
    expected = [("+12145550123", paid), ("+12145550123", paid), ("+12145550199", replace(paid, at_us=later.at_us))]
    with ledger.reading() as reading:
        assert list(reading.paid_since(0)) == expected
        assert list(reading.paid_since(taken.at_us + 1)) == expected[2:]


def test_deposits_add_up_by_party(ledger: Ledger, judged: Judge) -> None:
    one = replace(judged("a").verdict.rows[0], call_id="", kind=MoneyKind.DEPOSIT, corrects=None, line="")
    rows = [
        replace(one, key=f"deposit/{n}", party=party, amount_micros=micros)
        for n, (party, micros) in enumerate([("acme", 2**62), ("acme", -1), ("bell", 5)])
    ]
    append_posting(ledger, rows, [], PostingRow(party="ops", idempotency_key="1", at_us=1, request="", answer=""))
    ledger.write([judged("a")])
    with ledger.reading() as reading:
        assert reading.balances() == {"acme": 2**62 - 1, "bell": 5}


def test_the_newest_attempts_say_what_they_came_to(day: Day, reading: Reading) -> None:
    made = [
        PastAttempt(
            line=attempt.line,
            campaign=attempt.campaign,
            priority=attempt.priority,
            at_us=attempt.invited_us,
            revenue_micros=sum(row.amount_micros for row in (*call.verdict.rows, *corrections) if row.line == attempt.line),
            owners=(
                *(f"line:{attempt.line}", f"advertiser:{attempt.advertiser}", f"campaign:{attempt.campaign}"),
                *(f"publisher:{call.record.publisher}", f"number:{call.record.did}", f"trunk:{call.record.trunk}"),
            ),
        )
        for call, corrections in sorted(day, key=lambda each: each[0].record.call_id)
        for attempt in call.record.attempts
    ]
    made.sort(key=lambda each: each.at_us)
    assert reading.made(10_000) == made
    assert reading.made(7) == made[-7:]


def test_a_reading_is_of_one_instant(ledger: Ledger, judged: Judge) -> None:
    with ledger.reading() as nothing:
        assert nothing.last_money() == 0
        ledger.write([judged("a")])
        assert (nothing.last_money(), nothing.balances(), list(nothing.tallies(0))) == (0, {}, [])
    with ledger.reading() as reading:
        assert reading.last_money() == 2
        assert list(reading.tallies(0)) != []


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 100])
def test_calls_come_in_the_order_they_were_invited(ledger: Ledger, judged: Judge, batch: int) -> None:
    """Also where many were invited in the same microsecond."""
    random = Random(7)
    calls = [judged(f"{number}") for number in random.sample(range(100, 200), 20)]
    calls = [replace(call, record=replace(call.record, invited_us=T0_US + random.randrange(5))) for call in calls]
    ledger.write(calls)
    expected = sorted(calls, key=lambda call: (call.record.invited_us, call.record.call_id))
    assert list(ledger.calls_between(0, 2**62, batch=batch)) == expected
    some = [call for call in expected if T0_US + 1 <= call.record.invited_us < T0_US + 3]
    assert list(ledger.calls_between(T0_US + 1, T0_US + 3, batch=batch)) == some
    bare = [replace(call, events=()) for call in expected]
    assert list(ledger.calls_between(0, 2**62, batch=batch, events=False)) == bare


def test_what_is_streamed_may_be_left_at_any_time(ledger: Ledger, judged: Judge) -> None:
    ledger.write([judged(f"{number}") for number in range(5)])
    stream = ledger.calls_between(0, 2**62, batch=2)
    assert next(stream).record.call_id == "0"
    ledger.write([judged("9")])
    assert [call.record.call_id for call in stream] == ["1", "2", "3", "4", "9"]
