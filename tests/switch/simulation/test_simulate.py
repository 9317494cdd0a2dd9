"""Invented traffic: the same seed gives the same, shares and shapes are as told, callers find their way through menus."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from config_overlay import SAMPLE, guide_text, lay_base, lay_guide
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.menu import Gather, HangUp, Matching, Menu, MenuPlan, RouteOn, SayAgain, Within
from ivr.step import Digit, InputTimeout, MenuContext, PromptDone, RouteCaller, Turn, start, step
from routing.geo import area_of
from routing.table import NumberState
from switch.billing.verdict import JudgedCall
from switch.call.record import Outcome
from switch.engine.plan import Plan
from switch.period import HOUR_US, days, instant_us, zone_of
from switch.settings.load import load
from switch.simulation.call_script import CallScript, LineScript
from switch.simulation.dtmf_model import digits
from switch.simulation.simulate import MARK, Model, NoNumbers, scripts
from switch.simulation.simulator import Simulator
from switch.simulation.traffic import arrivals
from switch.simulation.traffic_model import TrafficModel


def noon_us(day: str) -> int:
    return instant_us(f"{day}T12:00Z", zone="UTC", option="--from")


DAY = days(noon_us("2026-11-18"), 1, zone="America/New_York")
SCENE = MenuContext(utc_us=DAY.from_us, tags={})


@pytest.fixture(scope="module")
def plan() -> Plan:
    loaded = load(SAMPLE)
    assert loaded.deployment is not None
    return loaded.deployment.plan


def made(plan: Plan, **model: object) -> list[CallScript]:
    _, found = scripts(plan, Model(**{"period": DAY, "seed": 1, "calls": 200, **model}))  # type: ignore[arg-type]
    return list(found)


def _nobody(line: str) -> LineScript:
    raise AssertionError(line)


def facts(script: CallScript) -> tuple[object, ...]:
    conducts = tuple(script.conduct(line) for line in ("acme-east", "beta-main"))
    return (replace(script, conduct=_nobody), conducts)


def played(plan: Plan, **traffic: float) -> list[JudgedCall]:
    return list(Simulator(plan).play(made(plan, traffic=TrafficModel(**traffic))))


def test_the_same_seed_gives_the_same_calls(plan: Plan) -> None:
    first, again, other = made(plan), made(plan), made(plan, seed=2)

    assert [facts(script) for script in first] == [facts(script) for script in again]
    assert [script.at_us for script in first] != [script.at_us for script in other]
    assert {script.call_id for script in first}.isdisjoint(script.call_id for script in other)


def test_a_call_is_known_as_an_invented_one(plan: Plan) -> None:
    ids = [script.call_id for script in made(plan)]

    assert len(set(ids)) == len(ids)
    assert all(call_id.startswith(MARK) for call_id in ids)
    assert ids == sorted(ids)


def test_callers_are_from_real_places_and_some_call_again(plan: Plan) -> None:
    callers = Counter(script.ani for script in made(plan, calls=2_000))
    anonymous = callers.pop("anonymous")

    assert all(area_of(ani) is not None for ani in callers)
    assert 20 <= anonymous <= 65
    assert 90 <= sum(count - 1 for count in callers.values()) <= 230


def test_nobody_calls_a_number_out_of_service(plan: Plan) -> None:
    numbers = {did: replace(number, state=NumberState.COOLING) for did, number in plan.table.numbers.items()}
    numbers["+18005550101"] = replace(numbers["+18005550101"], state=NumberState.ASSIGNED)

    assert {script.did for script in made(replace(plan, table=replace(plan.table, numbers=numbers)))} == {"+18005550101"}


def test_without_a_number_nobody_can_call(plan: Plan) -> None:
    with pytest.raises(NoNumbers):
        made(replace(plan, table=replace(plan.table, numbers={})))


def test_lines_answer_as_often_as_told(plan: Plan) -> None:
    none = [attempt.outcome for judged in played(plan, answered=0.0) for attempt in judged.record.attempts]
    dead = [attempt.outcome for judged in played(plan, answered=0.0, busy=1.0) for attempt in judged.record.attempts]

    assert none
    assert Outcome.ANSWERED not in none
    assert set(dead) <= {Outcome.BUSY, Outcome.ABANDONED}


def test_nobody_errs_who_is_not_to(plan: Plan) -> None:
    lost = {"menu_failed", "caller_left_in_menu"}
    careful = Counter(judged.record.final_state.value for judged in played(plan, wrong_key=0.0, leaves_menu=0.0, digit_s=0.5))
    careless = Counter(judged.record.final_state.value for judged in played(plan, wrong_key=1.0, digit_s=0.5))

    assert sum(careful[state] for state in lost) == 0
    assert sum(careless[state] for state in lost) > 50


# when they come


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(), calls=st.integers(0, 500), count=st.integers(1, 9))
def test_exactly_so_many_come_in_order_and_in_the_period(seed: int, calls: int, count: int) -> None:
    period = days(noon_us("2026-10-31"), count, zone="America/New_York")  # clocks are set back on the second day

    instants = arrivals(period, Random(seed), calls=calls, per_hour=None)

    assert len(instants) == calls
    assert instants == sorted(instants)
    assert all(period.from_us <= at_us < period.to_us for at_us in instants)


def test_as_many_come_an_hour_as_told_and_most_by_day() -> None:
    instants = arrivals(DAY, Random(3), calls=None, per_hour=100.0)

    by_hour = Counter((at_us - DAY.from_us) // HOUR_US for at_us in instants)
    assert 2_200 < len(instants) < 2_600
    assert by_hour[3] * 20 < by_hour[11]


def test_fewer_come_on_sundays() -> None:
    week = days(noon_us("2026-11-16"), 7, zone="UTC")  # from a Monday on

    by_day = Counter((at_us - week.from_us) // (24 * HOUR_US) for at_us in arrivals(week, Random(3), calls=7_000, per_hour=None))

    assert by_day[6] * 3 < by_day[0]


def test_the_zone_is_that_of_most_campaigns(plan: Plan) -> None:
    first, *others = plan.table.campaigns.values()
    zones = {first.name: replace(first, zone="Asia/Tokyo")} | {each.name: replace(each, zone="America/Chicago") for each in others}

    assert zone_of(replace(plan, table=replace(plan.table, campaigns=zones))) == "America/Chicago"
    assert zone_of(replace(plan, table=replace(plan.table, campaigns={}))) == "UTC"


# what they press


def walked(plan: MenuPlan, pressed: str) -> Turn:
    """Where these digits lead, one each time the menu waits; silence when they are used up."""
    turn, left = start(plan, SCENE), list(pressed)
    for _ in range(500):
        if turn.outcome is not None:
            return turn
        waits = not turn.session.playing
        heard = PromptDone() if not waits else Digit(digit=left.pop(0)) if left else InputTimeout()
        turn = step(plan, turn.session, heard, SCENE)
    raise AssertionError("no end")


@pytest.mark.parametrize("seed", range(12))
def test_a_careful_caller_gets_through_every_kind_of_node(seed: int, tmp_path: Path) -> None:
    config = tmp_path / "config"
    lay_base(config)
    lay_guide(config, guide_text())
    loaded = load(config)
    assert loaded.deployment is not None
    (menus,) = loaded.deployment.plan.menus.values()
    first = menus.nodes[menus.start]
    assert isinstance(first, Menu)
    the_long_way = replace(first, keys={"2": first.keys["2"]})
    menus = replace(menus, nodes={**menus.nodes, menus.start: the_long_way})
    scene = MenuContext(utc_us=DAY.from_us, tags={"state": "TX"})

    pressed = digits(menus, scene, Random(seed), slips=0.0)

    assert pressed.startswith("2")
    turn, left = start(menus, scene), list(pressed)
    while turn.outcome is None:
        heard = PromptDone() if turn.session.playing else Digit(digit=left.pop(0))
        turn = step(menus, turn.session, heard, scene)
    assert isinstance(turn.outcome, RouteCaller)
    assert left == []
    assert turn.outcome.tags["consent"] is True
    age = turn.outcome.tags["age"]
    assert isinstance(age, int)
    assert 18 <= age <= 99


GATHERS = {
    "a number": Gather(name="a", tag="t", prompt="p", max_digits=3, valid=Within(low=7, high=140), then=RouteOn()),
    "a pattern": Gather(
        name="a", tag="t", prompt="p", min_digits=4, max_digits=6, valid=Matching(pattern="[1-5]+"), then=RouteOn()
    ),
    "no finish key": Gather(name="a", tag="t", prompt="p", min_digits=2, max_digits=5, finish=None, then=RouteOn()),
}


@pytest.mark.parametrize("gather", GATHERS.values(), ids=GATHERS)
@pytest.mark.parametrize("seed", range(10))
def test_answers_are_valid(gather: Gather, seed: int) -> None:
    plan = MenuPlan(start="a", nodes={"a": gather})

    assert isinstance(walked(plan, digits(plan, SCENE, Random(seed), slips=0.0)).outcome, RouteCaller)


def test_a_pattern_that_is_not_found_by_guessing_is_met_with_silence() -> None:
    never = Gather(name="a", tag="t", prompt="p", min_digits=9, max_digits=9, valid=Matching(pattern="123456789"), then=RouteOn())

    assert digits(MenuPlan(start="a", nodes={"a": never}), SCENE, Random(1), slips=0.0) == ""


def test_a_menu_that_only_says_it_again_is_left_sometime() -> None:
    again = Menu(name="a", prompt="p", keys={"9": SayAgain()}, failed=HangUp())

    assert set(digits(MenuPlan(start="a", nodes={"a": again}), SCENE, Random(1), slips=0.0)) == {"9"}
