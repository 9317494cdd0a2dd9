"""Invents traffic: when calls come, who calls, how patient a caller is, how lines behave.

Drawn from a seed, and for each call and each line of it from a seed of its own: so the same traffic comes again, and a call meets the same
behaviour whatever a config does with it.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from math import exp, log
from random import Random

from routing.geo import US_STATES, place
from routing.zone import time_zone
from switch.call.record import EndedBy
from switch.period import HOUR_US, Period
from switch.simulation.call_script import LineBehaviour, LineScript
from switch.simulation.traffic_model import TrafficModel

BY_HOUR = (1, 1, 1, 1, 1, 2, 6, 18, 45, 78, 95, 100, 88, 92, 98, 95, 86, 70, 48, 32, 22, 14, 7, 3)
"""How many calls come in each hour of a local day, in proportion: a working day with a dip at noon."""
BY_WEEKDAY = (108, 105, 102, 100, 92, 45, 28)
"""Monday first."""
MAX_REMEMBERED = 5_000
"""Of earlier callers, so many may call again."""
MIN_RING_MS, MAX_RING_MS = 400, 60_000
MAX_TALK_MS = 3 * 3_600_000
SHY_S = (2.0, 12.0)
"""How soon a caller goes who does not stay for the menu."""


def arrivals(period: Period, chance: Random, *, calls: int | None, per_hour: float | None) -> list[int]:
    """The instants at which calls come, in order: exactly `calls`, or as many as come at `per_hour` in the mean over all hours."""
    hours = range(period.from_us, period.to_us, HOUR_US)
    weights = [_weight(at_us, period.zone) * min(HOUR_US, period.to_us - at_us) for at_us in hours]
    ends = list(accumulate(weights))
    if calls is None:
        expected = (per_hour or 0) * (period.to_us - period.from_us) / HOUR_US
        points = [at / expected for at in _poisson(chance, until=expected)]
    else:
        gaps = list(accumulate(chance.expovariate(1) for _ in range(calls + 1)))
        points = [at / gaps[-1] for at in gaps[:-1]]
    return [_at(point * ends[-1], hours=hours, weights=weights, ends=ends) for point in points]


def _weight(at_us: int, zone: str) -> float:
    local = datetime.fromtimestamp(at_us / 1_000_000, time_zone(zone))
    return BY_HOUR[local.hour] * BY_WEEKDAY[local.weekday()]


def _poisson(chance: Random, *, until: float) -> Iterator[float]:
    at = chance.expovariate(1)
    while at < until:
        yield at
        at += chance.expovariate(1)


def _at(mass: float, *, hours: range, weights: Sequence[float], ends: Sequence[float]) -> int:
    hour = min(bisect_right(ends, mass), len(hours) - 1)
    into = (mass - (ends[hour] - weights[hour])) / weights[hour]
    return hours[hour] + int(min(max(into, 0.0), 1.0) * HOUR_US)


class Callers:
    """Who calls: somebody new from anywhere in the US, or somebody who called before."""

    def __init__(self, chance: Random, traffic: TrafficModel) -> None:
        self._chance = chance
        self._traffic = traffic
        self._areas = real_areas()
        self._known: list[str] = []

    def next(self) -> str:
        draw = self._chance.random()
        if draw < self._traffic.anonymous:
            return "anonymous"
        if self._known and draw < self._traffic.anonymous + self._traffic.again:
            return self._chance.choice(self._known)
        caller = f"+1{self._chance.choice(self._areas)}{self._chance.randint(2, 9)}{self._chance.randint(0, 999_999):06d}"
        if len(self._known) < MAX_REMEMBERED:
            self._known.append(caller)
        else:
            self._known[self._chance.randrange(MAX_REMEMBERED)] = caller
        return caller


def real_areas() -> tuple[str, ...]:
    """Area codes of the US states."""
    return tuple(str(area) for area in range(201, 990) if place("", "", f"+1{area}2340000").state in US_STATES)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTraits:
    """One line: no two are alike."""

    answered: float
    silent: float
    talk_s: float
    ring_s: float


def line_traits(line: str, *, seed: int, traffic: TrafficModel) -> LineTraits:
    """Most are near the mean; one in twelve hardly answers, and one in twenty is often dead."""
    chance = Random(f"{seed}/line/{line}")  # noqa: S311 invented traffic, no secret
    spread = chance.gauss(0, 0.07)
    hardly, dead = chance.random() < 1 / 12, chance.random() < 1 / 20
    return LineTraits(
        answered=min(1.0, max(0.0, (0.5 * traffic.answered if hardly else traffic.answered) + spread * traffic.answered)),
        silent=0.5 if dead else traffic.silent,
        talk_s=traffic.talk_s * exp(chance.gauss(0, 0.25)),
        ring_s=traffic.ring_s * exp(chance.gauss(0, 0.2)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomLines:
    """How each line behaves in one call: the same whenever it is asked."""

    seed: int
    traffic: TrafficModel
    traits: Mapping[str, LineTraits]
    drawn: dict[str, LineScript] = field(default_factory=dict)

    def __call__(self, line: str) -> LineScript:
        found = self.drawn.get(line)
        if found is None:
            found = self.drawn[line] = self._draw(line)
        return found

    def _draw(self, line: str) -> LineScript:
        chance = Random(f"{self.seed}/{line}")  # noqa: S311
        mine, traffic = self.traits[line], self.traffic
        ring_ms = lasting_ms(chance, mine.ring_s, spread=0.5, least=MIN_RING_MS, most=MAX_RING_MS)
        if chance.random() < mine.answered:
            return LineScript(
                after_ms=ring_ms,
                talk_ms=lasting_ms(chance, mine.talk_s, spread=1.1, least=500, most=MAX_TALK_MS),
                ended_by=EndedBy.LINE if chance.random() < traffic.line_ends else EndedBy.CALLER,
                accepts=chance.random() >= traffic.declined,
                accept_ms=lasting_ms(chance, 2.5, spread=0.4, least=300, most=9_000),
            )
        draw = chance.random()
        if draw < traffic.busy:
            return LineScript(behaviour=LineBehaviour.BUSY, after_ms=chance.randint(80, 900))
        if draw < traffic.busy + traffic.failed:
            return LineScript(behaviour=LineBehaviour.FAILS, after_ms=chance.randint(50, 2_000))
        if draw < traffic.busy + traffic.failed + mine.silent:
            return LineScript(behaviour=LineBehaviour.SILENT)
        return LineScript(behaviour=LineBehaviour.RINGS)


def lasting_ms(chance: Random, median_s: float, *, spread: float, least: int, most: int) -> int:
    """Log-normal. `spread`: of its logarithm."""
    return min(most, max(least, int(1_000 * exp(chance.gauss(log(median_s), spread)))))
