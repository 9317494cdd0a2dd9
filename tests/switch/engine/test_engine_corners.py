"""Corners where calls, caps and money meet: each of them was wrong once."""

from dataclasses import replace

import pytest
from engine_world import EAST, MENU, WEST, World, line, plan, price

from ivr.menu import Menu, MenuPlan, TransferTo
from media import control as mc
from routing import table as rt
from routing.cap import Cap, Counts, Per
from routing.table import NoRoute, ToHold, ToMessage
from switch.billing.terms import BillableOn, Price, PriceStep, Rule, Terms, Tiers
from switch.call.record import FinalState, Outcome
from switch.sip.flow import Flow

NORTH: Flow = Flow("198.51.100.23", 5060)
TRANSFER = MenuPlan(
    start="qualify",
    nodes={"qualify": Menu(name="qualify", prompt="welcome", invalid="sorry", keys={"3": TransferTo(line="north")})},
)


def tried(world: World) -> list[list[tuple[str, Outcome]]]:
    return [[(attempt.line, attempt.outcome) for attempt in judged.record.attempts] for judged in world.records]


def rate_cap(counts: Counts, *, limit: int = 1, owner: str = "campaign:quotes", strict: bool = False) -> Cap:
    return Cap(owner=owner, limit=limit, counts=counts, per=Per.DAY, strict=strict)


def calls_later(world: World, ms: int, *, hang_up_ms: int) -> None:
    def calls() -> None:
        world.call(hang_up_ms=hang_up_ms)

    world.after(ms, calls)


def sums(world: World, counts: Counts) -> int:
    """What the campaign has counted, as its caps read it."""
    return world.usage.used(Cap(owner="campaign:quotes", limit=1, counts=counts, per=Per.TOTAL), world.at().utc_us)


def test_a_transfer_goes_to_its_line_and_no_other() -> None:
    """guide-config: "to this line and no other"; routing/decide: it is attempted instead of the campaign's lines."""
    built = plan(line("east", EAST), menu=TRANSFER)
    table = replace(built.table, lines={**built.table.lines, "north": line("north", NORTH)})
    world = World(replace(built, table=table))
    world.line_phone(EAST)
    world.line_phone(NORTH, status=486)
    world.call(hang_up_ms=30_000)
    world.after(2_500, lambda: world.press("3"))
    world.run(60_000)
    assert tried(world) == [[("north", Outcome.BUSY)]]


def test_a_transfer_that_waits_is_still_a_transfer() -> None:
    hold = {NoRoute.CAPPED: ToHold(places=5, wait_ms=60_000)}
    built = plan(line("east", EAST), menu=TRANSFER, overflow=hold)
    table = replace(built.table, lines={**built.table.lines, "north": line("north", NORTH, limit=0)})
    world = World(replace(built, table=table))
    world.line_phone(EAST)
    world.line_phone(NORTH)
    world.call(hang_up_ms=30_000)
    world.after(2_500, lambda: world.press("3"))
    world.run(60_000)
    assert tried(world) == [[]]
    assert world.records[0].record.final_state is FinalState.CALLER_LEFT_ON_HOLD


def test_one_call_hunts_on_though_its_campaign_takes_but_one_at_a_time() -> None:
    """A cap of calls at once counts a call that hunts once: not the line it has given up and the next one."""
    one = Cap(owner="campaign:quotes", limit=1)
    world = World(plan(line("east", EAST, ring_ms=3_000), line("west", WEST), caps=(one,)))
    world.line_phone(EAST, answer_ms=None)
    world.line_phone(WEST)
    world.call(hang_up_ms=30_000)
    world.run(80_000)
    assert tried(world) == [[("east", Outcome.NO_ANSWER), ("west", Outcome.ANSWERED)]]


def test_conversions_that_a_media_timeout_takes_back_are_not_counted() -> None:
    """Caps and prepaid balances count money rows; there is none for a talk that ended before its threshold."""
    world = World(plan(line("east", EAST)))
    world.line_phone(EAST, answer_ms=500)
    world.call()

    def dies() -> None:
        port = next(order.port for order in world.orders if isinstance(order, mc.Open) and order.peer is not None)
        world.report(mc.MediaTimeout(port=port, last_ns=5_000_000_000))

    world.after(30_000, dies)
    world.run(80_000)
    (judged,) = world.records
    assert not judged.verdict.billable
    assert sums(world, Counts.CONVERSION) == 0
    assert sums(world, Counts.REVENUE) == 0


def test_a_strict_cap_holds_while_a_call_that_converted_winds_down() -> None:
    """The line's BYE comes in at the threshold, before the switch has looked at its clock: still outstanding, or counted already."""
    day = rate_cap(Counts.CONVERSION, strict=True)
    world = World(plan(line("east", EAST), caps=(day,)))
    world.line_phone(EAST, answer_ms=500, talk_ms=10_001)  # talk begins with the caller's 200, a millisecond after the line's
    world.call()
    calls_later(world, 10_513, hang_up_ms=60_000)
    world.run(120_000)
    assert sum(judged.verdict.billable for judged in world.records) == 1


def test_a_strict_cap_holds_however_talk_ends_at_its_threshold() -> None:
    """The caller's BYE comes in at the threshold, before the switch has looked at its clock, and the call is not over before a line that
    was given up has answered its CANCEL: revenue counts from the hang-up on, not from the verdict."""
    day = rate_cap(Counts.CONVERSION, owner="line:east", strict=True)
    east = line("east", EAST)
    dead = line("west", WEST, silence_ms=2_000)
    world = World(plan(dead, replace(east, caps=(*east.caps, day))))
    world.line_phone(EAST, answer_ms=500)
    world.call(hang_up_ms=12_511)
    calls_later(world, 12_711, hang_up_ms=60_000)
    world.run(120_000)
    first = next(judged for judged in world.records if judged.verdict.billable)
    assert first.record.connected_ms == 10_000
    assert sum(judged.verdict.billable for judged in world.records) == 1


def test_a_falling_price_is_counted_as_it_fell() -> None:
    """`tiers: first`: the step written first holds last, and is worth less. The ledger has 10.00, so have the usage."""
    steps = tuple(
        PriceStep(rule=Rule(at_least_ms=ms), amount_micros=micros) for ms, micros in ((20_000, 10_000_000), (10_000, 25_000_000))
    )
    first = Price(steps=steps, tiers=Tiers.FIRST)
    world = World(replace(plan(line("east", EAST)), terms={"quotes": Terms(campaign="quotes", revenue=first, payout=price(1))}))
    world.line_phone(EAST, answer_ms=500)
    world.call(hang_up_ms=60_000)
    world.run(120_000)
    (judged,) = world.records
    assert sums(world, Counts.REVENUE) == judged.verdict.revenue_micros


def test_the_accept_key_is_waited_for_from_the_answer_on() -> None:
    """`Accept.wait_ms`: from his answer on, however long the disk took."""
    world = World(plan(line("east", EAST, accept=rt.Accept(prompt="who", key="1", wait_ms=5_000))))
    world.sync_ms = 4_000
    world.line_phone(EAST, answer_ms=500)
    world.call(hang_up_ms=30_000)
    world.run(60_000)
    attempt = world.records[0].record.attempts[0]
    assert attempt.answered_us is not None
    assert attempt.ended_us is not None
    assert attempt.ended_us - attempt.answered_us < 5_500_000


@pytest.mark.parametrize(("sync_ms", "counted"), [(999, [0, 1]), (1_000, [1, 1]), (1_001, [1, 1])])
def test_a_threshold_that_passed_while_the_answer_was_written_counts_from_the_bridge_on(sync_ms: int, counted: list[int]) -> None:
    """Talk of a caller in the menu begins at the line's answer, before the disk has it: `docs/billing.md` §2."""
    sold = plan(line("east", EAST), menu=MENU)
    world = World(
        replace(sold, terms={"quotes": Terms(campaign="quotes", revenue=price(25_000_000, at_least_ms=1_000), payout=price(1))})
    )
    world.sync_ms = sync_ms
    world.line_phone(EAST, answer_ms=500)
    world.call(hang_up_ms=60_000)
    world.run(500)
    world.press("1")
    while not world.told(mc.Bridge):
        world.run(1)
    at_once = sums(world, Counts.CONVERSION)
    world.run(1)
    assert [at_once, sums(world, Counts.CONVERSION)] == counted


def test_conversions_by_answer_are_counted_at_the_answer() -> None:
    """`docs/billing.md` §4: true at the instant, not at hang-up: caps of type conversion are current."""
    for on in (BillableOn.ANSWERED, BillableOn.DIALED, BillableOn.INBOUND):
        owed = Price(steps=(PriceStep(rule=Rule(on=on, at_least_ms=0), amount_micros=25_000_000),))
        terms = Terms(campaign="quotes", revenue=owed, payout=owed)
        world = World(replace(plan(line("east", EAST), caps=(rate_cap(Counts.CONVERSION),)), terms={"quotes": terms}))
        world.line_phone(EAST, answer_ms=500)
        world.call(hang_up_ms=60_000)
        calls_later(world, 5_000, hang_up_ms=2_000)
        world.run(120_000)
        states = [judged.record.final_state for judged in world.records]
        assert states == [FinalState.CAPPED, FinalState.CONVERTED], on


def test_conversions_by_total_time_are_counted_when_it_has_passed() -> None:
    owed = Price(steps=(PriceStep(rule=Rule(on=BillableOn.TOTAL_FOR, at_least_ms=10_000), amount_micros=25_000_000),))
    terms = Terms(campaign="quotes", revenue=owed, payout=owed)
    world = World(replace(plan(line("east", EAST), caps=(rate_cap(Counts.CONVERSION),)), terms={"quotes": terms}))
    world.line_phone(EAST, answer_ms=500)
    world.call(hang_up_ms=60_000)
    calls_later(world, 15_000, hang_up_ms=2_000)
    world.run(120_000)
    states = [judged.record.final_state for judged in world.records]
    assert states == [FinalState.CAPPED, FinalState.CONVERTED]


def test_a_hold_queue_never_has_more_callers_than_places() -> None:
    hold = ToHold(places=1, wait_ms=60_000)
    built = plan(
        line("east", EAST, limit=1), overflow={NoRoute.CAPPED: hold, NoRoute.BUSY: hold, NoRoute.QUEUE_FULL: ToMessage(prompt="p")}
    )
    world = World(built)
    most = 0
    phone = world.line_phone(EAST, answer_ms=500)
    world.call(hang_up_ms=12_000)
    calls_later(world, 1_000, hang_up_ms=60_000)

    def busy() -> None:
        behave = phone.on_fact

        def on_fact(fact: object) -> None:
            if type(fact).__name__ == "InviteReceived":
                world.call(hang_up_ms=60_000)  # comes while the line rings for the one who waited: the place is his
                world.after(500, lambda: phone.agent.refuse(fact.leg, 486, world.now_ns))  # type: ignore[attr-defined]
                return
            behave(fact)  # type: ignore[arg-type]

        phone.on_fact = on_fact

    world.after(3_000, busy)
    for _ in range(400):
        world.run(100)
        most = max(most, world.usage.waiting("quotes"))
    assert most == 1


def test_zero_revenue_is_no_conversion_anywhere() -> None:
    terms = Terms(campaign="quotes", revenue=price(0), payout=price(18_000_000))
    world = World(replace(plan(line("east", EAST)), terms={"quotes": terms}))
    world.line_phone(EAST, answer_ms=500)
    world.call(hang_up_ms=30_000)
    world.run(60_000)
    (judged,) = world.records
    assert (judged.record.final_state is FinalState.CONVERTED) == (sums(world, Counts.CONVERSION) == 1)


def test_nothing_paid_is_not_paid() -> None:
    share = Price(steps=(PriceStep(rule=Rule(at_least_ms=10_000), amount_micros=0),), percent_bp=1)
    terms = Terms(campaign="quotes", revenue=price(10_000), payout=share)
    world = World(replace(plan(line("east", EAST)), terms={"quotes": terms}))
    world.line_phone(EAST, answer_ms=500)
    world.call(hang_up_ms=30_000)
    world.run(60_000)
    (judged,) = world.records
    assert judged.verdict.paid == any(row.kind == "payout" for row in judged.verdict.rows)


def test_a_repeat_caller_who_calls_while_his_paid_call_goes_on() -> None:
    built = plan(line("east", EAST), repeat=rt.Repeat(window_ms=86_400_000, route=rt.RepeatRoute.REJECT))
    world = World(built)
    world.line_phone(EAST, answer_ms=500)
    world.call(hang_up_ms=60_000)
    calls_later(world, 20_000, hang_up_ms=30_000)
    world.run(120_000)
    states = sorted(judged.record.final_state for judged in world.records)
    assert states == [FinalState.CONVERTED, FinalState.REJECTED_REPEAT]


def test_a_dead_line_is_left_alone_from_the_moment_it_was_given_up() -> None:
    """Its INVITE runs on for Timer B's 32 seconds; that it is dead is known after its `silence_ms`."""
    east = line("east", EAST, silence_ms=2_000, health=rt.Health(failures=1, rest_ms=60_000))
    world = World(plan(east, line("west", WEST)))
    world.line_phone(WEST, answer_ms=500)
    world.call(hang_up_ms=30_000)
    calls_later(world, 6_000, hang_up_ms=30_000)
    world.run(80_000)
    assert [attempt.line for attempt in world.records[1].record.attempts] == ["west"]
