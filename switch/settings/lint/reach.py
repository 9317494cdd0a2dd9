"""Knows which lines and campaigns no call can come to, as far as that is certain whatever the load: filters that can't be true, and
hours that never meet."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from routing.expression import Expression, Kind, Scalar, never_holds
from routing.expression_tree import And
from routing.table import Hours, Table
from switch.settings.finding import Finding, warning
from switch.settings.names import mapping
from switch.settings.problem import quote
from switch.settings.source import KeyPath, Tree
from switch.settings.value import DAY_MINUTES

WEEK_MINUTES = 7 * DAY_MINUTES
S_PER_MINUTE = 60
NEVER = "this filter can never be true"
# Clocks are changed between the two, wherever they are changed.
_SEASONS = (datetime.fromisoformat("2026-01-15"), datetime.fromisoformat("2026-07-15"))

Values = Mapping[str, frozenset[Scalar]]


def unreached(tree: Tree, table: Table, *, kinds: Mapping[str, Kind], values: Values) -> Iterator[Finding]:
    """`values`: by tag, all it can be."""
    dead: set[str] = set()
    for name, campaign in table.campaigns.items():
        if campaign.filter and never_holds(campaign.filter, kinds, values):
            dead.add(f"campaign:{name}")
            yield warning(("campaigns", name, "filter"), NEVER, hint="the campaign takes no calls")
        if not campaign.overflow:
            hint = "say where a call goes that nobody takes, by the reason why: `overflow: {capped: ...}`"
            yield warning(("campaigns", name), f"campaign {quote(name)} has no overflow", hint=hint, at_key=True)
    for owner, advertiser in mapping(tree.data.get("advertisers")).items():
        for name in mapping(mapping(advertiser).get("lines")):
            filtered = table.lines[name].filter
            if filtered and never_holds(filtered, kinds, values):
                dead.add(f"line:{name}")
                yield warning(("advertisers", owner, "lines", name, "filter"), NEVER, hint="the line gets no calls")
    yield from _never_together(table, dead, kinds=kinds, values=values)


def _never_together(table: Table, dead: set[str], *, kinds: Mapping[str, Kind], values: Values) -> Iterator[Finding]:
    """Lines of a campaign that never take one of its calls. `dead`: told already."""

    @cache
    def apart(one: Expression, other: Expression) -> bool:
        return never_holds(And(operands=(one, other)), kinds, values)

    meeting: dict[tuple[int, int], bool] = {}
    for name, campaign in table.campaigns.items():
        for index, target in enumerate(campaign.targets):
            line, path = table.lines[target.line], ("campaigns", name, "lines", index)
            if f"campaign:{name}" in dead or f"line:{line.name}" in dead:
                continue
            if campaign.filter and line.filter and apart(campaign.filter, line.filter):
                yield _unreachable(path, line.name, "its filter and the campaign's can't both be true")
            if campaign.hours and line.hours:
                pair = id(campaign.hours), id(line.hours)
                if pair not in meeting:
                    meeting[pair] = _meet(campaign.hours, line.hours)
                if not meeting[pair]:
                    yield _unreachable(path, line.name, "it is closed whenever the campaign is open")


def _unreachable(path: KeyPath, line: str, why: str) -> Finding:
    return warning(path, f"line {quote(line)} is never reached from here: {why}")


def _meet(one: Hours, other: Hours) -> bool:
    """Whether both may be open at one time. Where single dates have hours of their own, nobody looks that closely."""
    if any(one.dates.values()) or any(other.dates.values()):
        return True
    return any(
        _overlap(start - shift, end - shift, *theirs)
        for shift in _shifts(one.zone, other.zone)
        for start, end in _of_week(one)
        for theirs in _of_week(other)
    )


def _of_week(hours: Hours) -> list[tuple[int, int]]:
    """Minutes of the local week."""
    days = ((block.weekday * DAY_MINUTES, block) for block in hours.blocks)
    return [(day + block.start_minute, day + block.end_minute) for day, block in days]


def _overlap(start: int, end: int, other_start: int, other_end: int) -> bool:
    """Weeks are a circle."""
    return any(start + turn < other_end and other_start < end + turn for turn in (-WEEK_MINUTES, 0, WEEK_MINUTES))


def _shifts(one: str, other: str) -> set[int]:
    """How many minutes the clocks of one zone may be ahead of those of another. Not all change them on one day."""
    if one == other:
        return {0}
    return {first - second for first in _offsets(one) for second in _offsets(other)}


def _offsets(zone: str) -> set[int]:
    ahead = (season.replace(tzinfo=ZoneInfo(zone)).utcoffset() for season in _SEASONS)
    return {int(offset.total_seconds()) // S_PER_MINUTE for offset in ahead if offset is not None}
