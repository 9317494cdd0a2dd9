"""When people are told that something is wrong, and when that it is over: by hand at each limit, and at random against invariants."""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest

from switch.monitor.alerts import (
    FLAPS_US,
    HOLD_US,
    MAX_CALM_US,
    MAX_CAUSES,
    AlertEvent,
    AlertKind,
    AlertState,
    Assessment,
    Condition,
    Notice,
    advance,
    restored,
)

S = 1_000_000
CALM_US = 300 * S
LINE = Condition(cause="line:east", kind=AlertKind.LINE, text="east is down")
CAP = Condition(cause="cap:campaign:auto", kind=AlertKind.CAP, text="75 of 100", level=75)


class World:
    """Alerts over time."""

    def __init__(self, *, calm_us: int = CALM_US) -> None:
        self.state = AlertState()
        self.calm_us = calm_us
        self.told: list[Notice] = []

    def at(self, second: float, *conditions: Condition, known: Iterable[AlertKind] = AlertKind) -> list[tuple[str, str, int]]:
        """What people are told when this is wrong at that second."""
        found = Assessment(conditions=conditions, known=frozenset(known))
        self.state, notices = advance(self.state, found, now_us=round(second * S), calm_us=self.calm_us)
        self.told += notices
        return [(each.event.value, each.cause, each.level) for each in notices]


def test_a_cause_is_told_of_once_and_once_when_it_is_over() -> None:
    world = World()
    assert world.at(0, LINE) == [("raised", "line:east", 0)]
    assert world.at(5, LINE) == []
    assert world.at(10) == []
    assert world.at(309.999) == []
    assert world.at(310) == [("over", "line:east", 0)]
    assert world.at(900) == []
    assert world.told[-1].since_us == 0


def test_what_comes_back_before_it_is_over_is_the_same_alert() -> None:
    world = World()
    world.at(0, LINE)
    assert world.at(10) == world.at(200, LINE) == world.at(210) == world.at(400) == []
    assert world.at(510) == [("over", "line:east", 0)]


def test_a_cap_is_told_of_at_each_level_once_however_it_moves() -> None:
    world = World()
    levels = [75, 90, 75, 90, 100, 90, 100]
    told = [each for second, level in enumerate(levels) for each in world.at(second, replace(CAP, level=level))]
    assert told == [("raised", CAP.cause, 75), ("worse", CAP.cause, 90), ("worse", CAP.cause, 100)]


def test_a_cap_that_is_full_at_once_is_told_of_once() -> None:
    world = World()
    assert world.at(0, replace(CAP, level=100)) == [("raised", CAP.cause, 100)]
    assert world.at(1, replace(CAP, level=90)) == []


@pytest.mark.parametrize("kind", [kind for kind in AlertKind if HOLD_US[kind]])
def test_some_kinds_must_last(kind: AlertKind) -> None:
    world, lasts_s = World(), HOLD_US[kind] / S
    cause = Condition(cause="it", kind=kind, text="it")
    assert world.at(0, cause) == []
    assert world.at(lasts_s - 0.001, cause) == []
    assert world.at(lasts_s, cause) == [("raised", "it", 0)]


def test_what_goes_before_it_has_lasted_begins_anew() -> None:
    world = World()
    gone = Condition(cause="switch", kind=AlertKind.SWITCH, text="gone")
    assert world.at(0, gone) == world.at(20) == world.at(25, gone) == world.at(54, gone) == []
    assert world.at(55, gone) == [("raised", "switch", 0)]


def test_what_is_not_known_is_neither_raised_nor_over() -> None:
    world = World()
    world.at(0, LINE)
    unknown = set(AlertKind) - {AlertKind.LINE, AlertKind.CAP}
    assert world.at(10, CAP, known=unknown) == []
    assert world.at(10_000, known=unknown) == []
    assert world.at(10_010) == []
    assert world.at(10_309) == []
    assert world.at(10_310) == [("over", "line:east", 0)]


def test_what_flaps_is_told_of_ever_more_rarely() -> None:
    """Up for as long as it takes to be over, again and again: within the window, each time it must be gone for twice as long."""
    world = World()
    for second in range(0, 6 * 3600, 10):
        world.at(second, *([LINE] if second % 700 < 10 else []))
    assert Counter(each.event for each in world.told) == {AlertEvent.RAISED: 3, AlertEvent.OVER: 2}


def test_a_cause_needs_never_be_gone_for_longer_than_the_longest_calm() -> None:
    """Nor for less than the config says."""
    state = AlertState(raised={"line:east": tuple(range(12))})
    state, _ = advance(state, Assessment(conditions=[LINE]), now_us=S, calm_us=CALM_US)
    nothing = Assessment(conditions=[])
    state, _ = advance(state, nothing, now_us=2 * S, calm_us=CALM_US)
    assert advance(state, nothing, now_us=2 * S + MAX_CALM_US - 1, calm_us=CALM_US)[1] == ()
    assert len(advance(state, nothing, now_us=2 * S + MAX_CALM_US, calm_us=CALM_US)[1]) == 1
    longer = MAX_CALM_US + S
    assert advance(state, nothing, now_us=2 * S + longer - 1, calm_us=longer)[1] == ()


def test_old_times_of_a_cause_are_forgotten() -> None:
    state = AlertState(raised={"line:east": (0,)})
    assert advance(state, Assessment(conditions=[]), now_us=FLAPS_US - 1, calm_us=CALM_US)[0].raised == {"line:east": (0,)}
    assert advance(state, Assessment(conditions=[]), now_us=FLAPS_US, calm_us=CALM_US)[0].raised == {}


def test_no_more_causes_than_the_limit() -> None:
    many = [Condition(cause=f"near_misses:{number}", kind=AlertKind.NEAR_MISSES, text="x") for number in range(MAX_CAUSES + 1)]
    world = World()
    assert len(world.at(0, *many)) == MAX_CAUSES
    assert world.at(1, *many) == []


# at random


def conditions(chance: random.Random) -> list[Condition]:
    """Some causes of several kinds, at some levels."""
    found = [
        Condition(cause=f"{kind}:{name}", kind=kind, text="x", level=chance.choice((0, 75, 90, 100)))
        for kind in (AlertKind.CAP, AlertKind.LINE, AlertKind.SWITCH, AlertKind.BUSY)
        for name in ("a", "b")
    ]
    return [each for each in found if chance.random() < 0.4]


class Seen:
    """Since when each cause has been there, and since when it has been gone, as far as it could be seen."""

    def __init__(self) -> None:
        self.since_us: dict[str, int] = {}
        self.gone_us: dict[str, int] = {}

    def look(self, causes: Iterable[str], known: frozenset[AlertKind], now_us: int) -> None:
        for cause in [f"{kind}:{name}" for kind in AlertKind for name in ("a", "b")]:
            if cause in causes:
                self.since_us.setdefault(cause, now_us)
                self.gone_us.pop(cause, None)
            else:
                self.since_us.pop(cause, None)
                self.gone_us.setdefault(cause, now_us)
            if AlertKind(cause.partition(":")[0]) not in known:
                self.gone_us.pop(cause, None)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_each_cause_has_one_beginning_and_one_end(seed: int) -> None:
    chance = random.Random(seed)
    world, seen = World(calm_us=chance.choice((1, 10 * S, CALM_US))), Seen()
    second = 0.0
    for _ in range(400):
        second += chance.choice((1, 5, 30, 400))
        causes = {each.cause: each for each in conditions(chance)}
        known = frozenset(AlertKind) if chance.random() < 0.8 else frozenset({AlertKind.LINE, AlertKind.SWITCH})
        now_us = round(second * S)
        for event, cause, level in world.at(second, *causes.values(), known=known):
            if event == "over":
                assert cause not in causes
                assert now_us - seen.gone_us[cause] >= world.calm_us
                continue
            assert causes[cause].level == level
            assert causes[cause].kind in known
            if event == "raised":
                assert now_us - seen.since_us.get(cause, now_us) >= HOLD_US[causes[cause].kind]
        seen.look(causes, known, now_us)
        assert restored(world.told).firing.keys() == world.state.firing.keys()
    world.at(second + 1)
    world.at(second + 10 * MAX_CALM_US / S)
    assert world.state.firing == {}
    assert_in_order(world.told)


def assert_in_order(told: Iterable[Notice]) -> None:
    """Of each cause: raised, then worse and worse, then over; and again."""
    level: dict[str, int] = {}
    for notice in told:
        match notice.event:
            case AlertEvent.RAISED:
                assert notice.cause not in level
                level[notice.cause] = notice.level
            case AlertEvent.WORSE:
                assert notice.level > level[notice.cause]
                level[notice.cause] = notice.level
            case AlertEvent.OVER:
                del level[notice.cause]
    assert level == {}


@pytest.mark.parametrize("seed", range(10))
def test_a_monitor_that_is_started_again_tells_nothing_twice_and_forgets_no_end(seed: int) -> None:
    """After any history the restored state goes on as the old one would, but for what was about to be raised."""
    chance = random.Random(seed)
    world = World()
    for second in range(0, 3000, 10):
        world.at(second, *[each for each in conditions(chance) if not HOLD_US[each.kind]])
    fires = set(world.state.firing)
    world.state = restored(world.told)
    now = [Condition(cause=cause, kind=each.kind, text="x", level=each.level) for cause, each in world.state.firing.items()]
    assert world.at(3000, *now) == []
    world.at(3010)
    ends = {(event, cause) for event, cause, _ in world.at(3010 + CALM_US / S)}
    assert ends == {("over", cause) for cause in fires}
