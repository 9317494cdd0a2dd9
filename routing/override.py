"""Defines overrides: what somebody has paused, or limited otherwise, on a running switch, and those in force at one moment.

`switch.engine.overrides` keeps them; `routing.decide` and `routing.hunt` obey them, and their trail names each one they met.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import msgspec

from routing.cap import Cap
from routing.table import Line


class OverrideKind(StrEnum):
    PAUSE = "pause"
    CAP = "cap"


class TargetKind(StrEnum):
    """What an override is of. A cap's is `CAP`, whoever owns the cap."""

    LINE = "line"
    ADVERTISER = "advertiser"
    CAMPAIGN = "campaign"
    PUBLISHER = "publisher"
    NUMBER = "number"
    CAP = "cap"


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """`number`: from 1, never given twice. `target`: a name of the config, a number in E.164, or the key of a cap
    (`campaign:auto/conversion/day`). `limit`: of a cap, calls or micros of revenue; None: it is a pause. `made_us`, `until_us`: UTC
    microseconds; until None: until it is lifted. `actor`: `cli:anna`, `console:anna`, `api:TOKEN`. `in_config`: the running config has its
    target."""

    number: int
    kind: OverrideKind
    target_kind: TargetKind
    target: str
    limit: int | None = None
    made_us: int
    until_us: int | None
    actor: str
    reason: str
    in_config: bool = True

    @property
    def is_money(self) -> bool:
        """Returns whether its limit is micros."""
        return "/revenue/" in self.target

    @property
    def key(self) -> str:
        """Returns the owner that is paused (`line:acme-east`), or the key of the cap."""
        return self.target if self.target_kind is TargetKind.CAP else f"{self.target_kind}:{self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OverridesInForce:
    """Those of one moment: pauses by owner, limits by the key of their cap. Where there are several of one key, the latest."""

    pauses: Mapping[str, Override] = field(default_factory=dict)
    limits: Mapping[str, Override] = field(default_factory=dict)

    def limited(self, cap: Cap) -> Cap:
        """Returns the cap with its limit of the moment."""
        override = self.limits.get(cap.key)
        return cap if override is None or override.limit is None else replace(cap, limit=override.limit)

    def pause_of(self, line: Line) -> Override | None:
        """Returns what pauses the line: its own, or that of its advertiser."""
        pauses = self.pauses
        return (pauses.get(f"advertiser:{line.advertiser}") or pauses.get(f"line:{line.name}")) if pauses else None


NO_OVERRIDES = OverridesInForce()


def in_force(overrides: Collection[Override]) -> OverridesInForce:
    """Returns these as routing asks for them, whatever their time."""
    by_age = sorted(overrides, key=lambda each: each.number)
    return OverridesInForce(
        pauses={each.key: each for each in by_age if each.kind is OverrideKind.PAUSE},
        limits={each.key: each for each in by_age if each.kind is OverrideKind.CAP},
    )
