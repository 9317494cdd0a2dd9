"""Knows the figures of a report by name: what each says, in which unit, and which are shown when none is asked for.

Does not know how they are worked out: that is `answer`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    CALLS = "calls"
    RATIO = "ratio"
    MS = "ms"
    MICROS = "micros"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`name`: of its column in files. `title`: the heading of its column in a table. `what`: in words."""

    name: str
    title: str
    unit: Unit
    what: str

    @property
    def short(self) -> str:
        """Its name as it may be asked for, without the unit."""
        return self.name.removesuffix("_ms").removesuffix("_micros").removesuffix("_calls")


PEAK, CAPACITY, LOAD = "peak_calls", "capacity_calls", "peak_of_capacity"

_ALL = (
    Figure(name="incoming", title="incoming", unit=Unit.CALLS, what="calls that came in and are over"),
    Figure(name="live", title="live", unit=Unit.CALLS, what="calls in progress on the running switch"),
    Figure(name="connected", title="connected", unit=Unit.CALLS, what="calls in which talk with an advertiser began"),
    Figure(name="converted", title="converted", unit=Unit.CALLS, what="calls an advertiser owes for, by his rule"),
    Figure(name="paid", title="paid", unit=Unit.CALLS, what="calls a publisher earns for, by his rule"),
    Figure(name="near_misses", title="near misses", unit=Unit.CALLS, what="calls the advertiser ended within 5 s of the threshold"),
    Figure(name="conversion_of_connected", title="of connected", unit=Unit.RATIO, what="converted / connected"),
    Figure(name="conversion_of_incoming", title="of incoming", unit=Unit.RATIO, what="converted / incoming"),
    Figure(name="connected_mean_ms", title="mean talk", unit=Unit.MS, what="mean connected time of connected calls"),
    Figure(name="connected_p50_ms", title="p50 talk", unit=Unit.MS, what="half of connected calls talked no longer (nearest rank)"),
    Figure(name="connected_p90_ms", title="p90 talk", unit=Unit.MS, what="nine in ten talked no longer (nearest rank)"),
    Figure(name="revenue_micros", title="revenue", unit=Unit.MICROS, what="what advertisers owe, corrections included"),
    Figure(name="payout_micros", title="payout", unit=Unit.MICROS, what="what publishers earn, corrections included"),
    Figure(name="cost_micros", title="carrier cost", unit=Unit.MICROS, what="what carriers bill"),
    Figure(name="margin_micros", title="margin", unit=Unit.MICROS, what="revenue - payout - carrier cost"),
    Figure(name="revenue_per_call_micros", title="revenue per call", unit=Unit.MICROS, what="revenue / converted"),
    Figure(name="revenue_per_incoming_micros", title="revenue per incoming", unit=Unit.MICROS, what="revenue / incoming"),
    Figure(name="revenue_per_connected_micros", title="revenue per connected", unit=Unit.MICROS, what="revenue / connected"),
    Figure(
        name="cost_per_acquisition_micros",
        title="cost per acquisition",
        unit=Unit.MICROS,
        what="payout / converted: what publishers get for each call that an advertiser owes for",
    ),
    Figure(name=PEAK, title="peak", unit=Unit.CALLS, what="most attempts at once, ringing ones too, as caps count them"),
    Figure(name=CAPACITY, title="capacity", unit=Unit.CALLS, what="how many the config's caps let be at once"),
    Figure(name=LOAD, title="of capacity", unit=Unit.RATIO, what="peak / capacity"),
)
FIGURES = {figure.name: figure for figure in _ALL}
BY_SHORT = {figure.short: figure for figure in _ALL}
DEFAULT = ("incoming", "connected", "converted", "conversion_of_connected", "revenue_micros", "margin_micros")
"""With two dimensions, as much as eighty columns hold."""
