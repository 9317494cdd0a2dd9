"""The usage as routing and the engine see them: one load, fed by few calls, whose repetition changes nothing."""

import tracemalloc

import pytest

from routing.cap import Cap, Counts, Per
from routing.load import Load, PaidConversion
from routing.ruling import Attempt
from routing.table import Health
from switch.call.record import Outcome
from switch.engine.usage import PastAttempt, Usage, UsageHistory

RECENT_ATTEMPTS = 50
KEPT_US = 400 * 86_400 * 1_000_000

NOW_US = 1_790_000_000_000_000
S_US = 1_000_000
ANI = "+12125550123"
HEALTH = Health(failures=3, rest_ms=60_000)
OWNERS = ("line:east", "advertiser:acme", "campaign:auto", "publisher:radio", "number:+1", "trunk:t")


def attempt(line: str = "east", *, caps: tuple[Cap, ...] = (), priority: int = 1) -> Attempt:
    return Attempt(
        line=line,
        advertiser="acme",
        campaign="auto",
        priority=priority,
        uri="sip:line@127.0.0.1",
        ring_ms=30_000,
        silence_ms=5_000,
        timer_offset_ms=0,
        caps=caps,
        revenue_micros=25 * S_US,
    )


def take(usage: Usage, call: str, line: str = "east", *, at_us: int = NOW_US, priority: int = 1) -> str | None:
    return usage.reserve_caps((call, 1), owners=OWNERS, attempt=attempt(line, priority=priority), at_us=at_us)


def fare(usage: Usage, outcome: Outcome, *, at_us: int = NOW_US, health: Health | None = HEALTH) -> None:
    """One attempt at the line, which ended so."""
    call = f"{outcome}-{at_us}"
    take(usage, call, at_us=at_us)
    if outcome is Outcome.ANSWERED:
        usage.count_connection((call, 1), at_us=at_us)
    for _ in range(2):
        usage.release_caps((call, 1), at_us=at_us, outcome=outcome, health=health)
    usage.end_call(call)


def paid(at_us: int, line: str = "east") -> PaidConversion:
    return PaidConversion(at_us=at_us, did="+1800", campaign="auto", advertiser="acme", line=line)


def test_books_are_a_load() -> None:
    load: Load = Usage()
    assert load.used(Cap(owner="line:east", limit=1), NOW_US) == 0
    assert (load.last_attempt_us("east"), load.last_line("auto", 1), load.resting_until_us("east")) == (0, None, 0)
    assert (load.worth_micros("auto", "east"), load.waiting("auto"), tuple(load.paid(ANI))) == (0, 0, ())


def test_who_was_dialled_last_and_whose_turn_it_was() -> None:
    usage = Usage()
    take(usage, "a", "east", at_us=NOW_US)
    take(usage, "b", "west", at_us=NOW_US + 1)
    take(usage, "c", "south", at_us=NOW_US + 2, priority=2)
    take(usage, "a", "east", at_us=NOW_US + 3)
    assert [usage.last_attempt_us(line) for line in ("east", "west", "south")] == [NOW_US, NOW_US + 1, NOW_US + 2]
    assert (usage.last_line("auto", 1), usage.last_line("auto", 2), usage.last_line("auto", 3)) == ("west", "south", None)


def test_an_attempt_that_found_a_cap_full_was_not_made() -> None:
    usage, full = Usage(), Cap(owner="line:east", limit=0)
    assert usage.reserve_caps(("a", 1), owners=OWNERS, attempt=attempt(caps=(full,)), at_us=NOW_US) == full.key
    assert (usage.last_attempt_us("east"), usage.last_line("auto", 1), dict(usage.snapshot())) == (0, None, {})


def test_the_attempt_counts_for_owners_without_a_cap_too() -> None:
    usage = Usage()
    take(usage, "a")
    for owner in OWNERS:
        assert usage.used(Cap(owner=owner, limit=1), NOW_US) == 1
        assert usage.used(Cap(owner=owner, limit=1, per=Per.HOUR), NOW_US) == 1


@pytest.mark.parametrize("bad", [Outcome.FAILED, Outcome.CERTIFICATE_REFUSED, Outcome.SILENT])
def test_a_line_rests_after_failures_in_a_row(bad: Outcome) -> None:
    usage = Usage()
    for second in range(3):
        assert usage.resting_until_us("east") == 0
        fare(usage, bad, at_us=NOW_US + second)
    assert usage.resting_until_us("east") == NOW_US + 2 + 60 * S_US
    fare(usage, bad, at_us=NOW_US + 70 * S_US)
    assert usage.resting_until_us("east") == NOW_US + 130 * S_US


@pytest.mark.parametrize(
    ("outcome", "clears"),
    [
        (Outcome.ANSWERED, True),
        (Outcome.BUSY, True),
        (Outcome.DECLINED, True),
        (Outcome.NO_ANSWER, False),
        (Outcome.LOST_RACE, False),
        (Outcome.ABANDONED, False),
    ],
)
def test_an_answer_ends_the_row_and_the_rest(*, outcome: Outcome, clears: bool) -> None:
    usage = Usage()
    for second in range(2):
        fare(usage, Outcome.FAILED, at_us=NOW_US + second)
    fare(usage, outcome, at_us=NOW_US + 2)
    fare(usage, Outcome.FAILED, at_us=NOW_US + 3)
    assert (usage.resting_until_us("east") == 0) is clears
    for second in range(4, 7):
        fare(usage, Outcome.FAILED, at_us=NOW_US + second)
    assert usage.resting_until_us("east") > 0
    fare(usage, outcome, at_us=NOW_US + 8)
    assert (usage.resting_until_us("east") == 0) is clears


def test_an_answer_counts_when_it_was_given_not_when_the_talk_is_over() -> None:
    usage = Usage()
    take(usage, "long")
    usage.count_connection(("long", 1), at_us=NOW_US)
    for second in range(3):
        fare(usage, Outcome.FAILED, at_us=NOW_US + second)
    usage.release_caps(("long", 1), at_us=NOW_US + 10, outcome=Outcome.ANSWERED, health=HEALTH)
    assert usage.resting_until_us("east") > 0


def test_a_line_without_a_health_rule_does_not_rest() -> None:
    usage = Usage()
    for second in range(9):
        fare(usage, Outcome.FAILED, at_us=NOW_US + second, health=None)
    assert usage.resting_until_us("east") == 0


def test_worth_is_the_mean_of_the_last_attempts_that_are_over() -> None:
    usage = Usage()
    for number in range(RECENT_ATTEMPTS + 10):
        take(usage, str(number))
        if number % 2:
            usage.caps.accrue_revenue((str(number), 1), at_us=NOW_US, revenue_micros=(number // 10) * S_US)
        usage.release_caps((str(number), 1), at_us=NOW_US)
        for _ in range(2):
            usage.end_call(str(number))
    assert usage.worth_micros("auto", "east") == 5 * 10 * (1 + 2 + 3 + 4 + 5) * S_US // 10 // RECENT_ATTEMPTS
    assert usage.worth_micros("other", "east") == 0


def test_repeats_are_known_by_the_newest_of_each_sale_oldest_first() -> None:
    usage = Usage(UsageHistory(paid=[(ANI, paid(NOW_US + 5)), (ANI, paid(NOW_US)), (ANI, paid(NOW_US + 3, "west"))]))
    usage.paid_callers.add(ANI, paid(NOW_US + 1))
    assert list(usage.paid(ANI)) == [paid(NOW_US + 3, "west"), paid(NOW_US + 5)]
    usage.paid_callers.add(ANI, paid(NOW_US + 9, "west"))
    assert list(usage.paid(ANI)) == [paid(NOW_US + 5), paid(NOW_US + 9, "west")]
    assert usage.paid("+12125550124") == ()


def test_callers_without_a_number_are_nobodys_repeats() -> None:
    usage = Usage()
    for ani in ("", "anonymous"):
        usage.paid_callers.add(ani, paid(NOW_US))
        assert usage.paid(ani) == ()


def test_paid_conversions_are_forgotten_in_the_end() -> None:
    usage = Usage()
    usage.paid_callers.add(ANI, paid(NOW_US))
    usage.paid_callers.add(ANI, paid(NOW_US + 10, "west"))
    usage.paid_callers.add("+12125550199", paid(NOW_US + KEPT_US - 1))
    assert len(usage.paid(ANI)) == 2
    usage.paid_callers.add("+12125550199", paid(NOW_US + KEPT_US))
    assert list(usage.paid(ANI)) == [paid(NOW_US + 10, "west")]
    usage.paid_callers.add(ANI, paid(NOW_US + KEPT_US + 5, "west"))
    usage.paid_callers.add("+12125550199", paid(NOW_US + KEPT_US + 10))
    assert list(usage.paid(ANI)) == [paid(NOW_US + KEPT_US + 5, "west")]


def test_a_sale_repeated_takes_no_more_room() -> None:
    usage = Usage()
    usage.paid_callers.add(ANI, paid(NOW_US))
    tracemalloc.start()
    try:
        for number in range(1, 2_000):
            usage.paid_callers.add(ANI, paid(NOW_US + number))
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept < 20_000
    assert list(usage.paid(ANI)) == [paid(NOW_US + 1_999)]


def test_a_caller_waits_in_one_queue_and_leaves_it_once() -> None:
    usage = Usage()
    for call in ("a", "b", "a"):
        usage.holds.enter(call, "auto")
    usage.holds.enter("b", "home")
    assert (usage.waiting("auto"), usage.waiting("home")) == (1, 1)
    for _ in range(2):
        usage.holds.leave("a")
        usage.end_call("b")
    assert (usage.waiting("auto"), usage.waiting("home")) == (0, 0)


def test_books_from_a_ledger_count_what_books_counted_that_never_stopped() -> None:
    usage, quarter_us = Usage(), NOW_US - NOW_US % (900 * S_US)
    for call in "abc":
        take(usage, call)
        usage.count_connection((call, 1), at_us=NOW_US)
        usage.caps.accrue_revenue((call, 1), at_us=NOW_US, revenue_micros=25 * S_US)
        usage.release_caps((call, 1), at_us=NOW_US, outcome=Outcome.ANSWERED)
        usage.end_call(call)
    usage.caps.add_deposit("acme", 100 * S_US)
    amounts = {Counts.ATTEMPT: 3, Counts.CONNECTION: 3, Counts.CONVERSION: 3, Counts.REVENUE: 75 * S_US}
    made = PastAttempt(line="east", campaign="auto", priority=1, at_us=NOW_US, revenue_micros=25 * S_US)
    again = Usage(
        UsageHistory(
            counts=[(owner, counts, quarter_us, amount) for owner in OWNERS for counts, amount in amounts.items()],
            deposits={"acme": 100 * S_US},
            attempts=[made] * 3,
        )
    )
    balance = Cap(owner="advertiser:acme", limit=0, counts=Counts.REVENUE, per=Per.BALANCE)
    assert again.snapshot() == usage.snapshot()
    for each in (usage, again):
        assert each.used(balance, NOW_US) == -25 * S_US
        assert each.worth_micros("auto", "east") == 25 * S_US
        assert (each.last_attempt_us("east"), each.last_line("auto", 1)) == (NOW_US, "east")


def test_a_horizon_is_looked_behind_when_a_total_asks_for_it() -> None:
    quarter_us = NOW_US - NOW_US % (900 * S_US)
    rows = [("line:east", Counts.ATTEMPT, quarter_us - 900 * S_US * back, 1) for back in range(4)]
    usage = Usage(UsageHistory(counts=rows[:2], before=[("line:east", Counts.ATTEMPT, 2)], horizon_us=rows[1][2]))
    usage.set_groups({"g": ("east",)})
    line = Cap(owner="line:east", limit=9, per=Per.TOTAL, since_us=rows[2][2])
    group = Cap(owner="group:g", limit=9, per=Per.TOTAL, since_us=rows[2][2])
    assert (usage.used(line, NOW_US), usage.used(group, NOW_US)) == (4, 4)
    usage.extend_history(UsageHistory(counts=rows, before=[("line:east", Counts.ATTEMPT, 1)], horizon_us=line.since_us))
    assert (usage.used(line, NOW_US), usage.used(group, NOW_US), usage.horizon_us) == (3, 3, line.since_us)


def test_the_least_time_between_two_is_known_after_a_restart() -> None:
    made = PastAttempt(
        line="east", campaign="auto", priority=1, at_us=NOW_US, revenue_micros=0, owners=("line:east", "campaign:auto")
    )
    usage = Usage(UsageHistory(attempts=[made]))
    usage.set_groups({"g": ("east",)})
    for owner in ("line:east", "campaign:auto", "group:g"):
        cap = Cap(owner=owner, limit=1, per=Per.SPACING, spacing_ms=30_000)
        assert [usage.used(cap, NOW_US + after_s * S_US) for after_s in (1, 29, 30)] == [1, 1, 0]
