"""Records, terms and prices for tests of money: small calls whose instants agree with their durations."""

from collections.abc import Sequence
from dataclasses import replace

from switch.billing.terms import BillableOn, Price, PriceStep, Rule, Terms, Tiers
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Outcome

DOLLAR = 1_000_000
SECOND_US = 1_000_000
INVITED_US = 1_772_463_600_000_000
ANSWERED_US = INVITED_US + 2 * SECOND_US
"""Of the caller's leg."""


def step(on: BillableOn, amount: int = 0, at_least_ms: int = 0) -> PriceStep:
    return PriceStep(rule=Rule(on=on, at_least_ms=at_least_ms), amount_micros=amount)


def talk(at_least_ms: int, amount: int = 0) -> PriceStep:
    return step(BillableOn.CONNECTED_FOR, amount, at_least_ms)


def price(*steps: PriceStep, tiers: Tiers = Tiers.HIGHEST, percent_bp: int | None = None) -> Price:
    return Price(steps=steps, tiers=tiers, percent_bp=percent_bp)


def flat(amount: int, at_least_ms: int = 90_000) -> Price:
    return price(talk(at_least_ms, amount))


AUTO = Terms(campaign="auto", revenue=flat(25 * DOLLAR), payout=flat(18 * DOLLAR))
HOME = Terms(campaign="home", revenue=flat(40 * DOLLAR, 60_000), payout=flat(30 * DOLLAR, 60_000))
TERMS = {"auto": AUTO, "home": HOME}


def attempt(
    line: str,
    connected_ms: int | None,
    *,
    campaign: str = "auto",
    number: int = 1,
    after_ms: int = 5_000,
    accepted: bool | None = None,
    ended_by: EndedBy = EndedBy.CALLER,
    repeat: bool = False,
) -> AttemptRecord:
    """Dialled `after_ms` into the call, answered a second later. `connected_ms` None: the line was busy."""
    invited_us = INVITED_US + after_ms * 1_000
    answered_us = invited_us + SECOND_US
    busy = AttemptRecord(
        number=number,
        line=line,
        advertiser=f"owner-of-{line}",
        campaign=campaign,
        outcome=Outcome.BUSY,
        sip_code=486,
        q850=None,
        invited_us=invited_us,
        answered_us=None,
        ended_us=answered_us,
        answer_delay_ms=None,
        connected_ms=0,
        repeat=repeat,
    )
    if connected_ms is None:
        return busy
    ended_us = answered_us + connected_ms * 1_000
    return replace(
        busy,
        outcome=Outcome.ANSWERED,
        sip_code=200,
        answered_us=answered_us,
        ended_us=ended_us,
        answer_delay_ms=1_000,
        connected_ms=connected_ms,
        talk_us=answered_us,
        talk_ended_us=ended_us,
        accepted=accepted,
        ended_by=ended_by,
    )


def call(
    *attempts: AttemptRecord,
    call_id: str = "c1",
    publisher: str | None = "radio-one",
    total_ms: int | None = None,
    menu_done: bool = False,
    state: FinalState = FinalState.CONNECTED_SHORT,
) -> CallRecord:
    """A call that ended with its last attempt, or `total_ms` after it was answered."""
    ended_us = max((each.ended_us or 0 for each in attempts), default=ANSWERED_US)
    if total_ms is not None:
        ended_us = ANSWERED_US + total_ms * 1_000
    return CallRecord(
        call_id=call_id,
        did="+18005550100",
        ani="+12125550199",
        trunk="carrier",
        publisher=publisher,
        campaign="auto",
        final_state=state,
        invited_us=INVITED_US,
        answered_us=ANSWERED_US,
        ended_us=ended_us,
        ended_by=EndedBy.CALLER,
        ended_detail="caller_hung_up",
        sip_code=200,
        total_ms=(ended_us - ANSWERED_US) // 1_000,
        menu_ms=3_000 if menu_done else 0,
        connected_ms=sum(each.connected_ms for each in attempts),
        duration_source=DurationSource.MONOTONIC,
        attempts=attempts,
        menu_done=menu_done,
    )


def in_turn(*talks: tuple[str, int | None]) -> Sequence[AttemptRecord]:
    """Attempts one after the other: (line, connected_ms)."""
    attempts: list[AttemptRecord] = []
    after_ms = 5_000
    for number, (line, connected_ms) in enumerate(talks, 1):
        attempts.append(attempt(line, connected_ms, number=number, after_ms=after_ms))
        after_ms += 2_000 + (connected_ms or 0)
    return attempts
