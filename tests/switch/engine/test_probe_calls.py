"""Calls of probes on a whole switch in simulated time: they are placed, bridged and recorded like all others, and count nowhere."""

from dataclasses import replace

import pytest
from engine_world import EAST, World, line, plan

from routing.cap import Cap, Counts, Per
from routing.table import Health
from switch.engine.plan import Plan

TALK_MS = 20_000


def placed(with_plan: Plan, *, probe: bool) -> World:
    """One call from a trunk that is a probe's or is not, billable by its length."""
    world = World(_of_probes(with_plan) if probe else with_plan)
    world.line_phone(EAST)
    world.call(hang_up_ms=TALK_MS)
    world.run(TALK_MS + 60_000)
    return world


@pytest.mark.parametrize(("probe", "revenue_micros"), [(False, 25_000_000), (True, 0)])
def test_its_record_says_that_it_is_a_probes_and_it_earns_nothing(*, probe: bool, revenue_micros: int) -> None:
    (judged,) = placed(plan(line("east", EAST)), probe=probe).records
    assert judged.record.probe is probe
    assert judged.record.connected_ms > 10_000
    assert judged.verdict.revenue_micros == revenue_micros
    assert bool(judged.verdict.rows) is not probe


def test_it_counts_for_nobody() -> None:
    with_plan = plan(line("east", EAST))
    counted = placed(with_plan, probe=False).usage
    usage = placed(with_plan, probe=True).usage
    assert counted.snapshot()
    assert usage.snapshot() == {}
    assert (usage.last_attempt_us("east"), counted.last_attempt_us("east") > 0) == (0, True)
    assert usage.paid("+12125550199") == ()


def test_while_it_talks_the_last_place_is_still_free() -> None:
    at_once = Cap(owner="line:east", limit=1)
    today = Cap(owner="line:east", limit=1, counts=Counts.ATTEMPT, per=Per.DAY)
    world = World(_of_probes(plan(replace(line("east", EAST), caps=(at_once, today)))))
    world.line_phone(EAST)
    world.call(hang_up_ms=60_000)
    world.run(5_000)
    assert world.engine.live_calls == 1
    assert (world.usage.used(at_once, world.at().utc_us), world.usage.used(today, world.at().utc_us)) == (0, 0)


def test_a_line_that_fails_a_probe_is_not_left_alone() -> None:
    weak = line("east", EAST, health=Health(failures=1, rest_ms=60_000))
    world = World(_of_probes(plan(weak)))
    world.line_phone(EAST, status=500)
    world.call()
    world.run(5_000)
    assert [each.record.final_state.value for each in world.records] == ["failed"]
    assert world.usage.resting_until_us("east") == 0


def _of_probes(of: Plan) -> Plan:
    return replace(of, trunks=tuple(replace(each, probe=True) for each in of.trunks))
