"""Lists what a report can have: dimensions, which are its rows, metrics, which are its columns, and formats.

Imports next to nothing: the help of `payphone report` names them all.
"""

from dataclasses import dataclass
from enum import StrEnum

from routing.expression_tree import Kind


class Of(StrEnum):
    """The thing that a dimension describes. One of an attempt has a value for every line that was dialled for a call."""

    CALL = "call"
    ATTEMPT = "attempt"
    TIME = "time"
    """Of a call, too: when its INVITE came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A property that calls are grouped and filtered by."""

    name: str
    kind: Kind = Kind.TEXT
    of: Of = Of.CALL


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DIMENSIONS = (
    Dimension(name="publisher"),
    Dimension(name="campaign"),
    Dimension(name="advertiser", of=Of.ATTEMPT),
    Dimension(name="line", of=Of.ATTEMPT),
    Dimension(name="number"),
    Dimension(name="trunk"),
    Dimension(name="state"),
    Dimension(name="hour", kind=Kind.NUMBER, of=Of.TIME),
    Dimension(name="day", of=Of.TIME),
    Dimension(name="weekday", of=Of.TIME),
    Dimension(name="final_state"),
    Dimension(name="ended_by"),
    Dimension(name="near_miss", kind=Kind.TRUTH),
)
DIMENSIONS = {dimension.name: dimension for dimension in _DIMENSIONS}
KINDS = {dimension.name: dimension.kind for dimension in _DIMENSIONS}
CALL_DIMENSIONS, ATTEMPT_DIMENSIONS, TIME_DIMENSIONS = (
    frozenset(dimension.name for dimension in _DIMENSIONS if dimension.of is of) for of in Of
)


class Unit(StrEnum):
    CALLS = "calls"
    RATIO = "ratio"
    MS = "ms"
    MICROS = "micros"
    FEW_MS = "few_ms"
    """Milliseconds that are no whole number."""
    MOS = "mos"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """`name`: of its column in files, the unit at its end. `title`: the heading of its column in a table, in one or two lines."""

    name: str
    title: str
    unit: Unit = Unit.CALLS

    @property
    def short(self) -> str:
        """Its name as it may be asked for, without the unit."""
        return self.name.removesuffix("_ms").removesuffix("_micros").removesuffix("_calls")


PEAK, CAPACITY, LOAD = "peak_calls", "capacity_calls", "peak_of_capacity"
_QUALITY = (
    Metric(name="measured_calls", title="measured"),
    Metric(name="loss", title="mean\nloss", unit=Unit.RATIO),
    Metric(name="jitter_ms", title="mean\njitter", unit=Unit.FEW_MS),
    Metric(name="mos_narrowband", title="narrow\nMOS", unit=Unit.MOS),
    Metric(name="low_narrowband", title="narrow\n< 3.6", unit=Unit.RATIO),
    Metric(name="mos_wideband", title="wide\nMOS", unit=Unit.MOS),
    Metric(name="low_wideband", title="wide\n< 3.6", unit=Unit.RATIO),
)
_METRICS = (  # what each means: docs/guide-reports.md
    Metric(name="incoming", title="incoming"),
    Metric(name="live", title="live"),
    Metric(name="connected", title="connected"),
    Metric(name="converted", title="converted"),
    Metric(name="paid", title="paid"),
    Metric(name="near_misses", title="near\nmisses"),
    Metric(name="conversion_of_connected", title="conv. of\nconnected", unit=Unit.RATIO),
    Metric(name="conversion_of_incoming", title="conv. of\nincoming", unit=Unit.RATIO),
    Metric(name="connected_mean_ms", title="mean\ntalk", unit=Unit.MS),
    Metric(name="connected_p50_ms", title="p50\ntalk", unit=Unit.MS),
    Metric(name="connected_p90_ms", title="p90\ntalk", unit=Unit.MS),
    Metric(name="revenue_micros", title="revenue", unit=Unit.MICROS),
    Metric(name="payout_micros", title="payout", unit=Unit.MICROS),
    Metric(name="cost_micros", title="carrier\ncost", unit=Unit.MICROS),
    Metric(name="margin_micros", title="margin", unit=Unit.MICROS),
    Metric(name="revenue_per_call_micros", title="revenue\nper call", unit=Unit.MICROS),
    Metric(name="revenue_per_incoming_micros", title="revenue\nper incoming", unit=Unit.MICROS),
    Metric(name="revenue_per_connected_micros", title="revenue\nper connected", unit=Unit.MICROS),
    Metric(name="cost_per_acquisition_micros", title="cost\nper acquisition", unit=Unit.MICROS),
    Metric(name=PEAK, title="peak"),
    Metric(name=CAPACITY, title="capacity"),
    Metric(name=LOAD, title="peak of\ncapacity", unit=Unit.RATIO),
    *_QUALITY,
)
METRICS = {metric.name: metric for metric in _METRICS}
BY_SHORT = {metric.short: metric for metric in _METRICS}
DEFAULT = (
    *("incoming", "connected", "converted", "conversion_of_connected"),
    *("revenue_micros", "payout_micros", "margin_micros"),
)
"""How we are doing, in eighty columns with one or two dimensions."""


QUALITY = tuple(metric.name for metric in _QUALITY)
"""How well audio arrived."""


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
