"""Overrides in force at a moment: until they end, until they are lifted, in a replay each in its time."""

from collections.abc import Sequence
from dataclasses import replace as changed

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from routing.cap import Cap, Counts, Per
from routing.override import Override, OverrideKind, TargetKind
from switch.engine.overrides import Overrides
from switch.engine.steering_rows import Change, OverrideRow, override_row

PAUSE = Override(
    number=1,
    kind=OverrideKind.PAUSE,
    target_kind=TargetKind.LINE,
    target="east",
    made_us=100,
    until_us=None,
    actor="cli:anna",
    reason="storm",
)
BUDGET = Cap(owner="advertiser:acme", limit=5_000_000, counts=Counts.REVENUE, per=Per.DAY)


def made(override: Override) -> OverrideRow:
    return override_row(override, Change.MADE, at_us=override.made_us, actor=override.actor, reason=override.reason)


def lifted(override: Override, at_us: int) -> OverrideRow:
    return override_row(override, Change.LIFTED, at_us=at_us, actor="cli:bob", reason="")


def numbers(overrides: Overrides, utc_us: int) -> list[int]:
    return [each.number for each in overrides.kept(utc_us)]


def test_an_override_is_in_force_until_its_end_and_not_at_it() -> None:
    overrides = Overrides()
    overrides.add(replace(PAUSE, until_us=500))
    assert overrides.at(499).pauses == {"line:east": replace(PAUSE, until_us=500)}
    assert overrides.at(499) is overrides.at(499)
    assert not overrides.at(500).pauses
    assert numbers(overrides, 500) == []


def test_of_several_for_one_target_the_latest_holds_and_when_it_is_over_the_one_before() -> None:
    first = replace(PAUSE, kind=OverrideKind.CAP, target_kind=TargetKind.CAP, target=BUDGET.key, limit=9, until_us=900)
    overrides = Overrides([made(first), made(replace(first, number=2, limit=3, until_us=500))])
    assert overrides.at(499).limited(BUDGET) == changed(BUDGET, limit=3)
    assert overrides.at(500).limited(BUDGET) == changed(BUDGET, limit=9)
    assert overrides.at(900).limited(BUDGET) is BUDGET
    assert first.is_money
    assert not PAUSE.is_money


def test_a_restart_keeps_what_was_not_lifted_whatever_the_clock_says_and_gives_no_number_twice() -> None:
    rows = [made(PAUSE), made(replace(PAUSE, number=2)), lifted(replace(PAUSE, number=2), 150)]
    overrides = Overrides(rows)
    assert numbers(overrides, 50) == [1]  # the clock was set back
    assert overrides.next_number == 3
    overrides.lift(1)
    assert numbers(overrides, 200) == []
    assert overrides.next_number == 3


def test_in_a_replay_each_is_in_force_from_its_making_to_its_lifting() -> None:
    second = replace(PAUSE, number=2, made_us=300, until_us=400)
    overrides = Overrides([made(second), made(PAUSE), lifted(PAUSE, 350)], in_time=True)
    found = [(at_us, numbers(overrides, at_us)) for at_us in (99, 100, 299, 300, 349, 350, 399, 400)]
    assert found == [(99, []), (100, [1]), (299, [1]), (300, [1, 2]), (349, [1, 2]), (350, [2]), (399, [2]), (400, [])]


@pytest.mark.parametrize("until_us", [None, 200, 400])
def test_lifted_after_its_end_or_before_it_is_over_by_the_earlier(until_us: int | None) -> None:
    override = replace(PAUSE, until_us=until_us)
    overrides = Overrides([made(override), lifted(override, 300)], in_time=True)
    last_us = 300 if until_us is None else min(300, until_us)
    assert numbers(overrides, last_us - 1) == [1]
    assert numbers(overrides, last_us) == []


STEPS = st.lists(st.tuples(st.sampled_from(["make", "lift", "wait"]), st.integers(1, 60)), max_size=30)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_what_is_in_force_is_what_was_made_and_neither_lifted_nor_over(steps: Sequence[tuple[str, int]]) -> None:
    """Asked after each step; and a start that reads the rows, and a replay of them, say the same."""
    now_us, rows, kept, overrides = 1, [], {}, Overrides()
    seen: list[tuple[int, list[int]]] = []
    for what, amount in steps:
        now_us += 1
        match what:
            case "make":
                override = replace(
                    PAUSE, number=overrides.next_number, made_us=now_us, until_us=now_us + amount if amount % 2 else None
                )
                kept[override.number] = override
                rows.append(made(override))
                overrides.add(override)
            case "lift" if kept:
                number = list(kept)[amount % len(kept)]
                rows.append(lifted(kept.pop(number), now_us))
                overrides.lift(number)
            case _:
                now_us += amount
        kept = {number: each for number, each in kept.items() if each.until_us is None or now_us < each.until_us}
        assert numbers(overrides, now_us) == list(kept)
        seen.append((now_us, list(kept)))
    assert numbers(Overrides(rows), now_us) == list(kept)
    replayed = Overrides(rows, in_time=True)
    assert [(at_us, numbers(replayed, at_us)) for at_us, _ in seen] == seen
