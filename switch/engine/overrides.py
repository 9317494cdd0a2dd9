"""PURE. Keeps the overrides that were made and not lifted, and says which are in force at a moment. It reads no clock: whoever asks brings
the moment, and moments do not go backwards."""

from collections.abc import Iterable

from msgspec.structs import replace

from routing.override import Override, OverridesInForce, in_force
from switch.engine.steering_rows import Change, OverrideRow

MAX_OVERRIDES = 1_000
"""In force at once."""
_NEVER = 1 << 63


class Overrides:
    """`rows`: of the ledger. `in_time`: each is in force from its own moment on, and until it was lifted, as in a replay; otherwise all
    that were not lifted are in force at once, whatever the clock said when they were made."""

    __slots__ = ("_changes_us", "_coming", "_in_force", "_kept", "_next_number")

    def __init__(self, rows: Iterable[OverrideRow] = (), *, in_time: bool = False) -> None:
        made = _made(rows, in_time=in_time)
        self._next_number = max(made, default=0) + 1
        kept = [override for override in made.values() if override is not None]
        self._coming = sorted(kept, key=lambda each: (-each.made_us, -each.number)) if in_time else []
        self._kept = {} if in_time else {each.number: each for each in kept}
        self._changes_us = 0
        self._in_force = in_force(())

    @property
    def next_number(self) -> int:
        """Returns the number that no override has had."""
        return self._next_number

    def at(self, utc_us: int) -> OverridesInForce:
        """Returns those in force; the same object for as long as nothing has changed."""
        if utc_us >= self._changes_us:
            self._pass_time(utc_us)
        return self._in_force

    def kept(self, utc_us: int) -> tuple[Override, ...]:
        """Returns those in force, in the order of their numbers."""
        self.at(utc_us)
        return tuple(sorted(self._kept.values(), key=lambda each: each.number))

    def add(self, override: Override) -> None:
        self._kept[override.number] = override
        self._next_number = max(self._next_number, override.number + 1)
        self._changes_us = 0

    def lift(self, number: int) -> None:
        self._kept.pop(number, None)
        self._changes_us = 0

    def _pass_time(self, utc_us: int) -> None:
        while self._coming and self._coming[-1].made_us <= utc_us:
            override = self._coming.pop()
            self._kept[override.number] = override
        self._kept = {each.number: each for each in self._kept.values() if each.until_us is None or utc_us < each.until_us}
        self._in_force = in_force(self._kept.values())
        ends_us = [each.until_us for each in self._kept.values() if each.until_us is not None]
        self._changes_us = min([*ends_us, *(each.made_us for each in self._coming[-1:])], default=_NEVER)


def _made(rows: Iterable[OverrideRow], *, in_time: bool) -> dict[int, Override | None]:
    """Returns the overrides by number; None: it was lifted. Where they are in force in their time, a lifted one ends then."""
    made: dict[int, Override | None] = {}
    for row in sorted(rows, key=lambda each: (each.number, each.change is Change.LIFTED)):
        override = made.get(row.number)
        if row.change is Change.MADE:
            made[row.number] = row.override()
        elif not in_time:
            made[row.number] = None
        elif override is not None:
            ends_us = row.at_us if override.until_us is None else min(row.at_us, override.until_us)
            made[row.number] = replace(override, until_us=ends_us)
    return made
