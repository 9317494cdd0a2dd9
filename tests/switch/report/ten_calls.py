"""Ten calls whose metrics were worked out by hand, and the corrections that were posted afterwards.

id  UTC           publisher campaign state  talk                    revenue          payout  cost
c1  03-02 14:10   radio     auto     TX     east 100 s              25               18      0.016
c2  03-02 14:20   radio     auto     OK     east busy, west 95 s    30 (near miss)   18      0.015
c3  03-02 14:40   search    auto     TX     east 30 s               -                -       0.010
c4  03-02 15:05   search    auto     -      left in the menu        -                -       0.005
c5  03-02 15:30   radio     home     CA     beta 200 s              40               -       0.030
c6  03-03 04:30   mail      home     TX     beta 60 s               -                10      0.010
c7  03-03 16:00   -         -        -      rejected                -                -       -
c8  03-03 16:10   search    auto     TX     east 10 s, west 120 s   30, all voided   18, too 0.020
c9  03-03 16:20   radio     auto     TX     east 90 s, west 95 s    25 + 30 - 5      18      0.030
c10 03-03 16:25   mail      free     TX     beta 0 s                billable for 0   paid 0  -
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ledger_rows import append_posting

from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow, Verdict
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Outcome
from switch.ledger.store import Ledger, PostingRow

MICROS = 1_000_000
ADVERTISER_OF = {"east": "acme", "west": "acme", "beta": "beta-inc"}
RING_US = 5 * MICROS


def us(text: str) -> int:
    """UTC microseconds of `2026-03-02T14:10`."""
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp()) * MICROS


def attempt(
    line: str, number: int, at_us: int, *, talk_ms: int | None, ended_by: EndedBy = EndedBy.CALLER, campaign: str = "auto"
) -> AttemptRecord:
    """`talk_ms` None: it was busy. Talk takes at least one second of time, though none of it may count."""
    talks = talk_ms is not None
    talk_us = at_us + RING_US if talks else None
    over_us = at_us + RING_US + max(talk_ms, 1_000) * 1_000 if talk_ms is not None else at_us + 200_000
    return AttemptRecord(
        number=number,
        line=line,
        advertiser=ADVERTISER_OF[line],
        campaign=campaign,
        outcome=Outcome.ANSWERED if talks else Outcome.BUSY,
        sip_code=200 if talks else 486,
        q850=None,
        invited_us=at_us,
        answered_us=talk_us,
        ended_us=over_us,
        answer_delay_ms=5_000 if talks else None,
        connected_ms=talk_ms or 0,
        talk_us=talk_us,
        talk_ended_us=over_us if talks else None,
        ended_by=ended_by if talks else None,
    )


def call(
    call_id: str,
    at: str,
    *,
    publisher: str | None = "radio",
    campaign: str | None = "auto",
    state: str | None = "TX",
    final_state: FinalState = FinalState.CONNECTED_SHORT,
    attempts: Sequence[AttemptRecord] = (),
    ended_by: EndedBy = EndedBy.CALLER,
) -> CallRecord:
    invited_us = us(at)
    return CallRecord(
        call_id=call_id,
        did=f"+1800555010{len(publisher or '')}",
        ani="+12145550123",
        trunk="carrier-a",
        publisher=publisher,
        campaign=campaign,
        final_state=final_state,
        invited_us=invited_us,
        answered_us=invited_us,
        ended_us=max((each.ended_us or 0 for each in attempts), default=invited_us + 4 * MICROS),
        ended_by=ended_by,
        ended_detail="caller_hung_up",
        sip_code=200,
        total_ms=1_000,
        menu_ms=0,
        connected_ms=sum(each.connected_ms for each in attempts),
        duration_source=DurationSource.MONOTONIC,
        attempts=tuple(attempts),
        tags={} if state is None else {"state": state},
    )


def judged(
    record: CallRecord,
    *,
    revenue: Sequence[tuple[str, int]] = (),
    payout: tuple[str, int] | None = None,
    cost: int = 0,
    free: bool = False,
    near_miss: bool = False,
) -> JudgedCall:
    """`revenue`: by line, micros. `payout`: for which line's attempt. `free`: both rules hold, and the price is nothing."""
    rows = [row(record, MoneyKind.REVENUE, micros, line=line) for line, micros in revenue]
    if payout is not None:
        rows.append(row(record, MoneyKind.PAYOUT, payout[1], line=payout[0]))
    if cost:
        rows.append(row(record, MoneyKind.COST, cost))
    verdict = Verdict(
        billable=bool(revenue) or free,
        rule="",
        why="",
        revenue_micros=sum(micros for _, micros in revenue),
        payout_micros=payout[1] if payout else 0,
        rows=tuple(rows),
        paid=payout is not None or free,
        cost_micros=cost,
        near_miss=near_miss,
    )
    return JudgedCall(record=record, verdict=verdict)


def row(record: CallRecord, kind: MoneyKind, micros: int, *, line: str = "") -> MoneyRow:
    party = {
        MoneyKind.REVENUE: ADVERTISER_OF.get(line, ""),
        MoneyKind.PAYOUT: record.publisher or "",
        MoneyKind.COST: record.trunk,
        MoneyKind.DEPOSIT: "",
    }
    key = f"{record.call_id}/{kind}" + (f"/{line}" if kind is MoneyKind.REVENUE else "")
    return MoneyRow(
        key=key,
        call_id=record.call_id,
        kind=kind,
        party=party[kind],
        campaign=record.campaign or "",
        amount_micros=micros,
        reason="",
        at_us=record.ended_us,
        line=line,
    )


def correction(of: MoneyRow, micros: int, *, at_us: int) -> MoneyRow:
    return replace(of, key=f"{of.key}/posted", amount_micros=micros, corrects=of.key, actor="acme", at_us=at_us)


def _ten() -> list[JudgedCall]:
    one = us("2026-03-02T14:10")
    two, three = us("2026-03-02T14:20"), us("2026-03-02T14:40")
    five, six = us("2026-03-02T15:30"), us("2026-03-03T04:30")
    eight, nine, ten = us("2026-03-03T16:10"), us("2026-03-03T16:20"), us("2026-03-03T16:25")
    line = EndedBy.LINE
    east = [attempt("east", 1, one, talk_ms=100_000)]
    west = [attempt("east", 1, two, talk_ms=None), attempt("west", 2, two + MICROS, talk_ms=95_000, ended_by=line)]
    short = [attempt("east", 1, three, talk_ms=30_000)]
    home = [attempt("beta", 1, five, talk_ms=200_000, campaign="home")]
    paid = [attempt("beta", 1, six, talk_ms=60_000, campaign="home")]
    again = [
        attempt("east", 1, eight, talk_ms=10_000, ended_by=line),
        attempt("west", 2, eight + 20 * MICROS, talk_ms=120_000),
    ]
    both = [attempt("east", 1, nine, talk_ms=90_000, ended_by=line), attempt("west", 2, nine + 100 * MICROS, talk_ms=95_000)]
    free = [attempt("beta", 1, ten, talk_ms=0, campaign="free")]
    made = FinalState.CONVERTED
    return [
        judged(
            call("c1", "2026-03-02T14:10", attempts=east, final_state=made),
            revenue=[("east", 25 * MICROS)],
            payout=("east", 18 * MICROS),
            cost=16_000,
        ),
        judged(
            call("c2", "2026-03-02T14:20", state="OK", attempts=west, final_state=made, ended_by=line),
            revenue=[("west", 30 * MICROS)],
            payout=("west", 18 * MICROS),
            cost=15_000,
            near_miss=True,
        ),
        judged(call("c3", "2026-03-02T14:40", publisher="search", attempts=short), cost=10_000),
        judged(
            call("c4", "2026-03-02T15:05", publisher="search", state=None, final_state=FinalState.CALLER_LEFT_IN_MENU), cost=5_000
        ),
        judged(
            call("c5", "2026-03-02T15:30", campaign="home", state="CA", attempts=home, final_state=made),
            revenue=[("beta", 40 * MICROS)],
            cost=30_000,
        ),
        judged(
            call("c6", "2026-03-03T04:30", publisher="mail", campaign="home", attempts=paid),
            payout=("beta", 10 * MICROS),
            cost=10_000,
        ),
        judged(
            call(
                "c7",
                "2026-03-03T16:00",
                publisher=None,
                campaign=None,
                state=None,
                final_state=FinalState.REJECTED_UNKNOWN_NUMBER,
                ended_by=EndedBy.SWITCH,
            )
        ),
        judged(
            call("c8", "2026-03-03T16:10", publisher="search", attempts=again, final_state=made),
            revenue=[("west", 30 * MICROS)],
            payout=("west", 18 * MICROS),
            cost=20_000,
        ),
        judged(
            call("c9", "2026-03-03T16:20", attempts=both, final_state=made),
            revenue=[("east", 25 * MICROS), ("west", 30 * MICROS)],
            payout=("east", 18 * MICROS),
            cost=30_000,
        ),
        judged(call("c10", "2026-03-03T16:25", publisher="mail", campaign="free", attempts=free, final_state=made), free=True),
    ]


TEN = _ten()


def post_corrections(ledger: Ledger) -> None:
    """c8 is voided whole a day later, c9's second line gets five off; a deposit is nobody's call."""
    eight, nine = TEN[7].verdict.rows, TEN[8].verdict.rows
    later_us = us("2026-03-05T00:00")
    deposit = replace(eight[0], key="deposit/acme/1", call_id="", kind=MoneyKind.DEPOSIT, line="", amount_micros=500 * MICROS)
    rows = [
        correction(eight[0], -30 * MICROS, at_us=later_us),
        correction(eight[1], -18 * MICROS, at_us=later_us),
        correction(nine[1], -5 * MICROS, at_us=later_us),
        deposit,
    ]
    append_posting(ledger, rows, [], PostingRow(party="acme", idempotency_key="1", at_us=later_us, request="{}", answer="{}"))
