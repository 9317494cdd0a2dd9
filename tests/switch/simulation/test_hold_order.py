"""Any day of a hold queue: who waits longest is served first, and every place that is told is the true one."""

from dataclasses import dataclass, replace
from functools import partial

import engine_world as world
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import table as rt
from switch.billing.verdict import JudgedCall
from switch.call.hold_terms import HoldTerms
from switch.simulation.call_script import CallScript, LineScript
from switch.simulation.simulator import Simulator

HOLD = HoldTerms(music="jazz", announce=("please-hold",), every_ms=10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Instants of one call, UTC microseconds; None: it never came to that. `places`: (instant, place) of each ruling that held it."""

    entered: int | None
    dialled: int | None
    talked: int | None
    ended: int
    places: tuple[tuple[int, int], ...]


def waiting_of(judged: JudgedCall) -> Waiting:
    rulings = [(event.at_us, str(event.facts["choice"]).split()) for event in judged.events if event.event == "Ruled"]
    places = tuple((at_us, int(words[-1])) for at_us, words in rulings if words[0] == "Wait")
    attempts = judged.record.attempts
    return Waiting(
        entered=places[0][0] if places else None,
        dialled=attempts[0].invited_us if attempts else None,
        talked=attempts[0].talk_us if attempts else None,
        ended=judged.record.ended_us,
        places=places,
    )


def _same(conduct: LineScript, line: str) -> LineScript:
    del line
    return conduct


@st.composite
def days(draw: st.DrawFn) -> list[CallScript]:
    found, at_ms = [], 0
    for number in range(draw(st.integers(2, 14))):
        at_ms += draw(st.integers(1, 9_000))
        conduct = LineScript(after_ms=draw(st.integers(1, 3_000)), talk_ms=draw(st.integers(100, 40_000)))
        found.append(
            CallScript(
                call_id=f"c{number}",
                did="+18005550100",
                ani=f"+1212555{number:04}",
                trunk="carrier",
                at_us=world.START_US + at_ms * 1_000,
                seed=number,
                patience_ms=draw(st.none() | st.integers(500, 60_000)),
                conduct=partial(_same, conduct),
            )
        )
    return found


@settings(max_examples=150, deadline=None)
@given(scripts=days(), lines=st.integers(1, 3), announces=st.booleans())
def test_who_waits_longest_is_served_first_and_places_are_true(scripts: list[CallScript], lines: int, *, announces: bool) -> None:
    hold = rt.ToHold(places=50, wait_ms=3_600_000)
    plan = world.plan(world.line("east", world.EAST, limit=lines), overflow={rt.NoRoute.CAPPED: hold})
    if announces:
        plan = replace(plan, holds={"quotes": {rt.NoRoute.CAPPED: HOLD}})
    calls = {judged.record.call_id: waiting_of(judged) for judged in Simulator(plan, noting=True).play(scripts)}
    assert calls.keys() == {script.call_id for script in scripts}
    for name, call in calls.items():
        others = [other for other_name, other in calls.items() if other_name != name and other.entered is not None]
        if call.dialled is not None:
            came = call.entered or call.dialled
            passed_over = [
                other
                for other in others
                if (other.entered or 0) < came and other.ended > call.dialled and (other.dialled or other.ended) > call.dialled
            ]
            assert not passed_over, f"{name} was dialled before these"
        for at_us, place in call.places:
            ahead = [other.talked or other.ended for other in others if (other.entered or 0) < (call.entered or 0)]
            surely, at_most = sum(until > at_us for until in ahead), sum(until >= at_us for until in ahead)
            assert surely < place <= at_most + 1
