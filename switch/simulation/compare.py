"""Compares what happened with what would have happened: which calls move, what money does, which caps fill.

Both are passed in, call by call. A call is dropped as soon as both are known.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from switch.billing.verdict import JudgedCall
from switch.simulation.recorded_call import UNDECIDED, cut_off
from switch.simulation.totals import Figures

_CAPPED = re.compile(r" capped: .* of (?P<limit>[^ ].*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """How a call went. `place`: the line that talked to the caller, or else the final state. `tried`: all lines dialled, in order.

    `cut_off`: it did not end by anybody's will.
    """

    place: str
    state: str
    tried: tuple[str, ...]
    revenue_micros: int
    payout_micros: int
    cost_micros: int
    cut_off: bool = False

    @property
    def margin_micros(self) -> int:
        return self.revenue_micros - self.payout_micros - self.cost_micros


class Difference(StrEnum):
    """How a call differs, the weightiest first."""

    MOVED = "moved"
    """It ends in another place: with another line, or with nobody."""
    TRIED = "tried"
    """It ends in the same place, and other lines were dialled on the way."""
    STATE = "state"
    """The same lines, another word for how it ended."""
    MONEY = "money"
    """All the same, for another price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedCall:
    call_id: str
    invited_us: int
    did: str
    change: Difference
    before: CallResult
    after: CallResult


@dataclass(slots=True, kw_only=True)
class CapFilled:
    """A cap that was full. `first_us`: when somebody was first turned away. `calls`: how many that happened to."""

    first_us: int
    calls: int = 0


@dataclass(slots=True, kw_only=True)
class SideFigures:
    """One of the two."""

    figures: Figures = field(default_factory=Figures)
    caps: dict[str, CapFilled] = field(default_factory=dict)

    def add(self, judged: JudgedCall) -> CallResult:
        self.figures.add(judged)
        for cap, at_us in full_caps(judged.record.trail):
            filled = self.caps.setdefault(cap, CapFilled(first_us=at_us))
            filled.first_us = min(filled.first_us, at_us)
            filled.calls += 1
        return call_result(judged)


@dataclass(slots=True, kw_only=True)
class Comparison:
    """`same`: calls that do not differ. `changed`: those that do, in the order they ended. `undecided`: calls no config had a say in."""

    before: SideFigures = field(default_factory=SideFigures)
    after: SideFigures = field(default_factory=SideFigures)
    same: int = 0
    changed: list[ChangedCall] = field(default_factory=list)
    undecided: int = 0
    pending: dict[str, CallResult] = field(default_factory=dict)

    def happened(self, judged: JudgedCall) -> None:
        """What the ledger has of a call. One that no config had a say in would have gone the same way."""
        went = self.before.add(judged)
        if judged.record.final_state in UNDECIDED:
            self.undecided += 1
            self.after.add(judged)
        else:
            self.pending[judged.record.call_id] = went

    def would_have(self, judged: JudgedCall) -> None:
        """Adds how the call goes in the replay. Raises KeyError when it did not happen."""
        record = judged.record
        before, after = self.pending.pop(record.call_id), self.after.add(judged)
        change = difference(before, after)
        if change is None:
            self.same += 1
        else:
            self.changed.append(
                ChangedCall(
                    call_id=record.call_id,
                    invited_us=record.invited_us,
                    did=record.did,
                    change=change,
                    before=before,
                    after=after,
                )
            )

    def movements(self) -> list[tuple[str, str, list[ChangedCall]]]:
        """Calls that move, by from where to where, the most first."""
        found: dict[tuple[str, str], list[ChangedCall]] = {}
        for each in self.changed:
            if each.change is Difference.MOVED:
                found.setdefault((each.before.place, each.after.place), []).append(each)
        return [(*way, calls) for way, calls in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))]

    def count(self, change: Difference) -> int:
        return sum(each.change is change for each in self.changed)


def call_result(judged: JudgedCall) -> CallResult:
    record, verdict = judged.record, judged.verdict
    talked = [attempt.line for attempt in record.attempts if attempt.talk_us is not None]
    state = record.final_state.value
    return CallResult(
        place=talked[-1] if talked else state,
        state=state,
        tried=tuple(attempt.line for attempt in record.attempts),
        revenue_micros=verdict.revenue_micros,
        payout_micros=verdict.payout_micros,
        cost_micros=verdict.cost_micros,
        cut_off=cut_off(record),
    )


def difference(before: CallResult, after: CallResult) -> Difference | None:
    """None: they do not differ. Of a call that was cut off only the lines count: how it would have ended nobody knows."""
    if before.place != after.place and not (before.cut_off and before.tried == after.tried):
        return Difference.MOVED
    if before.tried != after.tried:
        return Difference.TRIED
    if before.cut_off:
        return None
    if before.state != after.state:
        return Difference.STATE
    same = (before.revenue_micros, before.payout_micros, before.cost_micros) == (
        after.revenue_micros,
        after.payout_micros,
        after.cost_micros,
    )
    return None if same else Difference.MONEY


def full_caps(trail: Sequence[Mapping[str, object]]) -> Iterator[tuple[str, int]]:
    """Each cap that barred somebody, once, by its path in the config and its limit, with the instant that was found.

    As `routing.trail.asked` and `routing.trail.capped` word it.
    """
    seen: set[str] = set()
    at_us = 0
    for reason in trail:
        read = reason["read"]
        if isinstance(read, dict) and isinstance(asked_us := read.get("utc_us"), int):
            at_us = asked_us
        verdict = str(reason["verdict"])
        found = _CAPPED.search(verdict) if " capped: " in verdict else None
        if found is not None and (cap := f"{reason['rule']}: {found['limit']}") not in seen:
            seen.add(cap)
            yield cap, at_us
