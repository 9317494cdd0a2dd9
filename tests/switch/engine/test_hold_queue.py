"""A hold queue over the whole engine: what callers hear, which place they are told, and who gets a line that comes free."""

from dataclasses import replace
from functools import partial

import engine_world
import pytest
from engine_world import EAST, WEST, World, line, plan

from ivr.menu import SayTag
from ivr.spoken_value import Way, vocabulary
from media import control as mc
from routing import table as rt
from routing.expression import parse
from routing.table import NoRoute, ToHold
from switch.call.command import AskRoute
from switch.call.event import InviteArrived
from switch.call.hold_terms import POSITION, HoldTerms
from switch.call.machine import begin
from switch.call.moment import Moment
from switch.call.record import FinalState
from switch.engine.call_control import MAX_ASKED_FIRST, CallContext, CallControl
from switch.engine.plan import Plan
from switch.engine.usage import Usage

PLACE = SayTag(tag=POSITION, way=Way.NUMBER, language="en", names={piece: piece for piece in vocabulary(Way.NUMBER, "en")})
TERMS = HoldTerms(music="jazz", announce=("you-are", PLACE, "in-line"), every_ms=10_000)


def holding(*lines: rt.Line, terms: HoldTerms | None = TERMS, places: int = 10, wait_ms: int = 120_000) -> Plan:
    built = plan(*(lines or (line("east", EAST, limit=1),)), overflow={NoRoute.CAPPED: ToHold(places=places, wait_ms=wait_ms)})
    return built if terms is None else replace(built, holds={"quotes": {NoRoute.CAPPED: terms}})


def heard(world: World, port: int) -> list[str]:
    """What was played on a port, in order."""
    found = []
    for order in world.orders:
        match order:
            case mc.Play(port=at, prompt=prompt) if at == port:
                found.append(prompt)
            case mc.PlayMusic(port=at, prompt=prompt) if at == port:
                found.append(f"{prompt}...")
            case mc.Ringback(port=at) if at == port:
                found.append("ringback")
            case mc.Bridge(a=at) if at == port:
                found.append("line")
            case _:
                pass
    return found


def at_east(world: World) -> list[int]:
    """In which order callers were bridged: the milliseconds at which each had called."""
    records = [judged.record for judged in world.records if judged.record.attempts]
    records.sort(key=lambda record: record.attempts[0].invited_us)
    return [(record.invited_us - engine_world.START_US) // 1_000 for record in records]


@pytest.fixture
def world() -> World:
    built = World(holding(), delay_ms=(0, 0))
    built.line_phone(EAST, answer_ms=500)
    return built


def later(world: World, at_ms: int, *, hang_up_ms: int = 60_000, did: str = "+18005550100") -> None:
    world.after(at_ms, partial(_call, world, hang_up_ms, did))


def _call(world: World, hang_up_ms: int, did: str) -> None:
    world.call(did=did, hang_up_ms=hang_up_ms)


def test_each_is_told_its_place_and_hears_music_until_it_has_the_line(world: World) -> None:
    """The second is told its place again from 14.3 s on; the third is to be told its own at 15 s, and by then the line is free."""
    later(world, 0, hang_up_ms=14_500)
    later(world, 1_300, hang_up_ms=40_000)
    later(world, 2_000, hang_up_ms=90_000)
    world.run(120_000)
    first, second, third = (order.port for order in world.told(mc.Open) if order.peer is not None)
    assert heard(world, first) == ["line"]
    assert heard(world, second) == ["you-are", "1", "in-line", "jazz...", "you-are", "ringback", "line"], "dialled at once"
    places = ("2", "2", "1", "1")  # the second keeps its place while the line rings for it
    told = [word for place in places for word in ("you-are", place, "in-line", "jazz...")]
    assert heard(world, third) == [*told, "ringback", "line"]


def test_who_leaves_moves_up_those_behind(world: World) -> None:
    later(world, 0, hang_up_ms=100_000)
    later(world, 1_000, hang_up_ms=8_000)
    later(world, 2_000, hang_up_ms=20_000)
    later(world, 3_000, hang_up_ms=20_000)
    world.run(120_000)
    _, _, third, fourth = (order.port for order in world.told(mc.Open) if order.peer is not None)
    assert heard(world, third)[:8] == ["you-are", "2", "in-line", "jazz...", "you-are", "1", "in-line", "jazz..."]
    assert heard(world, fourth)[:8] == ["you-are", "3", "in-line", "jazz...", "you-are", "2", "in-line", "jazz..."]
    states = sorted(judged.record.final_state for judged in world.records)
    assert states == [FinalState.CALLER_LEFT_ON_HOLD] * 3 + [FinalState.CONVERTED]


def test_without_more_said_a_held_caller_hears_ringback_as_ever() -> None:
    world = World(holding(terms=None))
    world.line_phone(EAST, answer_ms=500)
    later(world, 0, hang_up_ms=12_000)
    later(world, 1_000)
    world.run(120_000)
    _, second = (order.port for order in world.told(mc.Open) if order.peer is not None)
    assert heard(world, second) == ["ringback", "ringback", "line"]


def test_a_line_that_comes_free_goes_to_who_waits_longest_whoever_asks_first(world: World) -> None:
    """East is free from 12 s on. The third caller would ask at 12.3 s, a new one comes at 12.1 s, the second asks at 14 s."""
    later(world, 0, hang_up_ms=12_000)
    later(world, 1_000, hang_up_ms=30_000)
    later(world, 2_300, hang_up_ms=60_000)
    later(world, 12_100, hang_up_ms=90_000)
    world.run(200_000)
    assert at_east(world) == [0, 1_000, 2_300, 12_100]
    second = sorted((judged.record for judged in world.records), key=lambda record: record.invited_us)[1]
    assert second.attempts[0].invited_us == engine_world.START_US + 12_100_000, "as soon as somebody else asks"
    assert world.usage.waiting("quotes") == 0
    assert not world.complaints


def test_who_can_not_have_the_free_line_is_passed_over() -> None:
    """East and west take callers of their own number alone."""
    built = holding(
        line("east", EAST, limit=1, filter=parse('side == "east"')),
        line("west", WEST, filter=parse('side == "west"')),
        wait_ms=9_000,
    )
    number = built.table.numbers["+18005550100"]
    numbers = {
        f"+1800555010{n}": replace(number, did=f"+1800555010{n}", tags={"side": side}) for n, side in enumerate(("east", "west"))
    }
    world = World(replace(built, table=replace(built.table, numbers=numbers)), delay_ms=(0, 0))
    world.line_phone(EAST, answer_ms=500)
    world.line_phone(WEST, answer_ms=500)
    later(world, 0)
    later(world, 1_000)
    later(world, 2_000, did="+18005550101")
    world.run(120_000)
    assert [
        (judged.record.did, judged.record.final_state) for judged in sorted(world.records, key=lambda j: j.record.invited_us)
    ] == [
        ("+18005550100", FinalState.CONVERTED),
        ("+18005550100", FinalState.WAITED_TOO_LONG),
        ("+18005550101", FinalState.CONVERTED),
    ]


@pytest.mark.parametrize(
    ("waiting", "asked"), [(0, 0), (1, 1), (MAX_ASKED_FIRST, MAX_ASKED_FIRST), (MAX_ASKED_FIRST + 1, MAX_ASKED_FIRST)]
)
def test_so_many_who_wait_are_asked_about_before_a_new_caller(waiting: int, asked: int) -> None:
    usage, at = Usage(), Moment(mono_ns=0, utc_us=engine_world.START_US)
    found: list[str] = []
    control = CallControl(usage, ask_first=lambda call_id, _: found.append(call_id))
    for number in range(waiting):
        usage.holds.enter(f"w{number}", "quotes")
    arrived = InviteArrived(
        at=at, call_id="new", did="+18005550100", ani="+12125550199", trunk="carrier", seed=1, version="v1", max_call_ms=60_000
    )
    call, (ask,) = begin(arrived).call, begin(arrived).commands
    assert isinstance(ask, AskRoute)
    ruled = control.decide(call, CallContext(plan=holding(), rate=None), ask, at)
    assert found == [f"w{number}" for number in range(asked)]
    assert ruled.ruling.choice.attempts[0].line == "east"  # type: ignore[union-attr]


def test_a_place_is_that_in_the_queue_or_the_next_at_its_end() -> None:
    usage = Usage()
    assert usage.place("quotes", "a") == 1
    for call_id in ("a", "b", "c"):
        usage.holds.enter(call_id, "quotes")
    usage.holds.enter("b", "quotes")
    assert [usage.place("quotes", call_id) for call_id in ("a", "b", "c", "new")] == [1, 2, 3, 4]
    usage.holds.leave("a")
    assert [usage.place("quotes", call_id) for call_id in ("b", "c", "a")] == [1, 2, 3]
    usage.holds.enter("b", "other")
    assert [usage.place("quotes", "c"), usage.place("other", "b"), usage.place("other", "c")] == [1, 1, 2]
