"""Small routing tables and loads, so that a test of a ruling says nothing but what matters to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from routing.cap import Cap
from routing.load import PaidConversion
from routing.override import NO_OVERRIDES, OverridesInForce
from routing.ruling import Attempt, Dial, Inquiry, Ruling
from routing.table import Campaign, Line, NoRoute, Overflow, Publisher, Table, Target, ToLine, TrackingNumber

DID = "+18005550100"
ANI = "+12125550199"
MONDAY_NOON_US = 1_772_452_800_000_000  # 2026-03-02T12:00:00Z
ASKED = Inquiry(did=DID, ani=ANI, trunk="carrier", utc_us=MONDAY_NOON_US, seed=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A load that is written down. `counts` by a cap's key; what is not given is at rest."""

    counts: Mapping[str, int] = field(default_factory=dict)
    last_dialled: Mapping[str, int] = field(default_factory=dict)
    last_of_tier: Mapping[tuple[str, int], str] = field(default_factory=dict)
    resting: Mapping[str, int] = field(default_factory=dict)
    down: frozenset[str] = frozenset()
    worth: Mapping[tuple[str, str], int] = field(default_factory=dict)
    queues: Mapping[str, int] = field(default_factory=dict)
    conversions: Sequence[PaidConversion] = ()
    overrides: OverridesInForce = NO_OVERRIDES

    def in_force(self, utc_us: int) -> OverridesInForce:
        del utc_us
        return self.overrides

    def used(self, cap: Cap, utc_us: int) -> int:
        del utc_us
        return self.counts.get(cap.key, 0)

    def last_attempt_us(self, line: str) -> int:
        return self.last_dialled.get(line, 0)

    def last_line(self, campaign: str, priority: int) -> str | None:
        return self.last_of_tier.get((campaign, priority))

    def is_down(self, line: str) -> bool:
        return line in self.down

    def resting_until_us(self, line: str) -> int:
        return self.resting.get(line, 0)

    def worth_micros(self, campaign: str, line: str) -> int:
        return self.worth.get((campaign, line), 0)

    def waiting(self, campaign: str) -> int:
        return self.queues.get(campaign, 0)

    def place(self, campaign: str, call_id: str) -> int:
        del call_id
        return self.waiting(campaign) + 1

    def paid(self, ani: str) -> Sequence[PaidConversion]:
        return self.conversions if ani == ANI else ()


def counts(**live: int) -> Figures:
    """What counts against plain caps of lines: `counts(east=1)`."""
    return Figures(counts={f"line:{name}": number for name, number in live.items()})


def line(name: str, **more: Any) -> Line:
    caps = (Cap(owner=f"line:{name}", limit=1), Cap(owner="advertiser:acme", limit=9))
    base = Line(name=name, advertiser="acme", uri=f"sip:{name}@127.0.0.1:5071", caps=caps)
    return replace(base, **more)


def campaign(name: str, *lines: str, overflow: dict[NoRoute, Overflow] | None = None, **more: Any) -> Campaign:
    """Lines in the order given: one priority each."""
    targets = tuple(Target(line=line, priority=number) for number, line in enumerate(lines, start=1))
    base = Campaign(name=name, targets=targets, overflow=overflow or {}, caps=(Cap(owner=f"campaign:{name}", limit=5),))
    return replace(base, **more)


def table(first: Campaign, *others: Campaign, lines: tuple[Line, ...] = (), **more: Any) -> Table:
    """A table whose number leads to `first`. Lines that are not given are plain ones. `more`: `number`, `publisher`, `trunk_caps`."""
    campaigns = {each.name: each for each in (first, *others)}
    named = {target.line for each in campaigns.values() for target in each.targets}
    named |= {way.line for each in campaigns.values() for way in each.overflow.values() if isinstance(way, ToLine)}
    number = TrackingNumber(did=DID, publisher="radio-one", campaign=first.name)
    return Table(
        version="v1",
        numbers={DID: more.get("number", number)},
        publishers={"radio-one": more.get("publisher", Publisher(name="radio-one"))},
        campaigns=campaigns,
        lines={name: line(name) for name in sorted(named)} | {each.name: each for each in lines},
        trunk_caps=more.get("trunk_caps", {}),
    )


def tried(*pairs: tuple[str, NoRoute]) -> Inquiry:
    return structs.replace(ASKED, tried=pairs)


def verdicts(ruling: Ruling) -> list[tuple[str, str]]:
    return [(reason.rule, reason.verdict) for reason in ruling.trail]


def dialled(ruling: Ruling) -> tuple[Attempt, ...]:
    assert isinstance(ruling.choice, Dial), ruling
    return ruling.choice.attempts


def attempted(ruling: Ruling) -> str:
    """The line of the one attempt."""
    (attempt,) = dialled(ruling)
    return attempt.line
