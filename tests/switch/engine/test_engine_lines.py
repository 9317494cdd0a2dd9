"""Lines that ring together, accept by key, drop the caller, or are all full: the whole engine over simulated SIP."""

from dataclasses import replace
from functools import partial

import pytest
from engine_world import EAST, WEST, World, line, plan, price

from media import control as mc
from routing.cap import Cap, Counts, Per
from routing.table import Accept, NoRoute, Tier, ToHold, ToMessage
from switch.billing.terms import Terms
from switch.call.record import FinalState, Outcome
from switch.engine.plan import Plan, RingbackSound
from switch.sip.flow import Flow

KEY = Accept(prompt="who-calls", key="1", wait_ms=5_000)


def together(*names_and_addresses: tuple[str, Flow]) -> Plan:
    """A plan whose lines all ring at once."""

    built = plan(*(line(name, address) for name, address in names_and_addresses), tiers={1: Tier(together=True)})
    campaign = built.table.campaigns["quotes"]
    targets = tuple(replace(target, priority=1) for target in campaign.targets)
    table = replace(built.table, campaigns={"quotes": replace(campaign, targets=targets)})
    return replace(built, table=table)


def call(world: World, *, hang_up_ms: int) -> None:
    world.call(hang_up_ms=hang_up_ms)


def outcomes(world: World) -> list[list[Outcome]]:
    return [[attempt.outcome for attempt in judged.record.attempts] for judged in world.records]


def test_the_first_of_two_that_ring_together_gets_the_call_and_the_other_is_cancelled() -> None:
    world = World(together(("east", EAST), ("west", WEST)))
    world.line_phone(EAST, answer_ms=3_000)
    world.line_phone(WEST, answer_ms=1_000)
    world.call(hang_up_ms=20_000)
    world.run(40_000)
    (judged,) = world.records
    by_line = {attempt.line: attempt for attempt in judged.record.attempts}
    assert by_line["west"].outcome is Outcome.ANSWERED
    assert by_line["east"].outcome is Outcome.LOST_RACE
    assert judged.record.final_state is FinalState.CONVERTED
    assert sum(row.amount_micros for row in judged.verdict.rows if row.kind == "revenue") == 25_000_000
    assert not world.usage.snapshot().get("line:east")


def test_an_advertiser_takes_the_call_by_key_and_talk_begins_there() -> None:
    world = World(plan(line("east", EAST, accept=KEY)))
    world.line_phone(EAST, answer_ms=1_000)
    world.call(hang_up_ms=20_000)
    world.after(3_000, lambda: world.press("1"))
    world.run(40_000)
    (judged,) = world.records
    (attempt,) = judged.record.attempts
    assert attempt.accepted is True
    assert 16_900 < attempt.connected_ms < 17_100
    assert judged.verdict.billable


def test_who_does_not_press_the_key_is_followed_by_the_next_line() -> None:
    world = World(plan(line("east", EAST, accept=KEY), line("west", WEST)))
    world.line_phone(EAST, answer_ms=1_000)
    world.line_phone(WEST, answer_ms=1_000)
    world.call(hang_up_ms=25_000)
    world.run(60_000)
    assert outcomes(world) == [[Outcome.DECLINED, Outcome.ANSWERED]]
    assert [attempt.accepted for attempt in world.records[0].record.attempts] == [False, None]


def test_the_caller_hears_ringing_again_when_the_line_drops_him() -> None:
    world = World(plan(line("east", EAST), line("west", WEST), recover_ms=15_000))
    world.line_phone(EAST, answer_ms=500, talk_ms=4_000)
    world.line_phone(WEST, answer_ms=500)
    world.call(hang_up_ms=30_000)
    world.run(60_000)
    (judged,) = world.records
    assert outcomes(world) == [[Outcome.ANSWERED, Outcome.ANSWERED]]
    assert [row.line for row in judged.verdict.rows if row.kind == "revenue"] == ["west"]
    assert world.told(mc.Ringback)


@pytest.mark.parametrize(
    ("sound", "orders"),
    [
        (None, (mc.Ringback(port=20_000, country="us"),)),
        (RingbackSound(country="gb"), (mc.Ringback(port=20_000, country="gb"),)),
        (RingbackSound(prompt="our-jingle"), (mc.PlayMusic(port=20_000, prompt="our-jingle"),)),
    ],
)
def test_ringback_is_what_the_campaign_says(sound: RingbackSound | None, orders: tuple[mc.Order, ...]) -> None:
    of_plan = plan(line("east", EAST), line("west", WEST), recover_ms=15_000)
    world = World(replace(of_plan, ringback={} if sound is None else {"quotes": sound, "other": RingbackSound(country="fr")}))
    world.line_phone(EAST, answer_ms=500, talk_ms=4_000)
    world.line_phone(WEST, answer_ms=500)
    world.call(hang_up_ms=30_000)
    world.run(60_000)
    assert (*world.told(mc.Ringback), *world.told(mc.PlayMusic)) == orders


def test_a_held_caller_gets_the_line_when_it_comes_free() -> None:
    hold = {NoRoute.CAPPED: ToHold(places=1, wait_ms=60_000), NoRoute.QUEUE_FULL: ToMessage(prompt="all-busy")}
    world = World(plan(line("east", EAST, limit=1), overflow=hold))
    world.line_phone(EAST, answer_ms=500)
    world.call(hang_up_ms=12_000)
    world.after(1_000, partial(call, world, hang_up_ms=40_000))
    world.after(2_000, partial(call, world, hang_up_ms=40_000))
    world.run(80_000)
    states = sorted(judged.record.final_state for judged in world.records)
    assert states == [FinalState.CONVERTED, FinalState.CONVERTED, FinalState.QUEUE_FULL]
    assert world.usage.waiting("quotes") == 0


def test_a_conversion_cap_closes_while_the_call_that_filled_it_still_talks() -> None:
    day = Cap(owner="campaign:quotes", limit=1, counts=Counts.CONVERSION, per=Per.DAY)
    world = World(plan(line("east", EAST), caps=(day,)))
    world.line_phone(EAST, answer_ms=500)
    world.call(hang_up_ms=60_000)
    world.after(5_000, partial(call, world, hang_up_ms=2_000))
    world.after(20_000, partial(call, world, hang_up_ms=30_000))
    world.run(120_000)
    states = [judged.record.final_state for judged in world.records]
    assert states == [FinalState.CONNECTED_SHORT, FinalState.CAPPED, FinalState.CONVERTED]


def test_money_of_a_mark_is_counted_once_though_the_call_goes_on() -> None:
    terms = Terms(campaign="quotes", revenue=price(25_000_000), payout=price(18_000_000, at_least_ms=15_000))

    world = World(replace(plan(line("east", EAST)), terms={"quotes": terms}))
    world.line_phone(EAST, answer_ms=500)
    world.call(hang_up_ms=60_000)
    world.run(120_000)
    counted = {key: value for key, value in world.usage.snapshot().items() if "campaign:quotes" in key}
    assert any(value == 25_000_000 for value in counted.values())
    assert all(value in (1, 25_000_000) for value in counted.values())
