"""Warnings about zones and calendars: zones without daylight time, caps in a zone that nobody named, a state's holidays without its
country's."""

from collections.abc import Iterator
from datetime import date
from functools import cache

from routing.cap import Per
from routing.hours import holidays_of
from routing.zone import DEFAULT_ZONE
from switch.settings.finding import Finding, warning
from switch.settings.model.document import Document
from switch.settings.model.party import Capped
from switch.settings.source import KeyPath

WINDOWS = (Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH)
COMPARED_YEARS = range(2026, 2029)
"""Three years hold every weekday that a holiday may fall on, so every observed day."""
MAX_NAMED = 2

_BEHIND = "has no daylight time: in summer it is an hour behind the clocks of {}"
_FIXED_DISTANCE = ("has no daylight time, and its sign is turned round: Etc/GMT+5 is behind UTC", "America/New_York for UTC-5")
FIXED = {
    "EST": (_BEHIND.format("New York"), "America/New_York (America/Panama is EST all year)"),
    "MST": (_BEHIND.format("Denver"), "America/Denver (America/Phoenix is MST all year)"),
    "HST": ("has no daylight time: it is right for Hawaii, and for no other place", "Pacific/Honolulu"),
    **dict.fromkeys(
        ("GMT", "GMT0", "GMT+0", "GMT-0", "Greenwich"), (_BEHIND.format("London"), "Europe/London (UTC never changes either)")
    ),
    "Factory": ("stands for a clock that nobody has set", "America/New_York"),
}
"""Zones of the database that are no place: what is wrong, and what to write instead."""
UTC_NAMES = frozenset({"Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu"})


def fixed_zones(document: Document) -> Iterator[Finding]:
    """Zones that never change their clocks, although people who live there do."""
    for path, zone in _zones(document):
        if zone in FIXED or (zone.startswith("Etc/") and zone not in UTC_NAMES):
            what, instead = FIXED.get(zone, _FIXED_DISTANCE)
            yield warning(path, f"zone {zone} {what}", hint=f"name a place that has the time you mean, such as {instead}")


def _zones(document: Document) -> Iterator[tuple[KeyPath, str]]:
    """(path, zone) wherever one is written."""
    if "zone" in document.switch.model_fields_set:
        yield ("switch", "zone"), document.switch.zone
    for name, hours in document.hours.items():
        yield ("hours", name, "zone"), hours.zone
    for name, campaign in document.campaigns.items():
        if campaign.zone is not None:
            yield ("campaigns", name, "zone"), campaign.zone
    for path, owner in _owners(document):
        for index, cap in enumerate(owner.caps):
            if cap.zone is not None:
                yield (*path, "caps", index, "zone"), cap.zone


def caps_without_zone(document: Document) -> Iterator[Finding]:
    """Windows of the calendar where neither the cap, nor its owner, nor the switch has a zone."""
    if "zone" in document.switch.model_fields_set:
        return
    for path, owner in _owners(document):
        if getattr(owner, "zone", None) is not None:
            continue
        for index, cap in enumerate(owner.caps):
            if cap.per in WINDOWS and cap.zone is None:
                hint = "name the zone with `zone:`, here or for all of them in `switch`"
                yield warning((*path, "caps", index), f"a cap per {cap.per} in {DEFAULT_ZONE}, since no zone is named", hint=hint)


def _owners(document: Document) -> Iterator[tuple[KeyPath, Capped]]:
    """(path, owner) of whatever may have caps."""
    yield from ((("trunks", name), owner) for name, owner in document.trunks.items())
    yield from ((("publishers", name), owner) for name, owner in document.publishers.items())
    yield from ((("numbers", name), owner) for name, owner in document.numbers.items())
    yield from ((("groups", name), owner) for name, owner in document.groups.items())
    yield from ((("campaigns", name), owner) for name, owner in document.campaigns.items())
    for name, advertiser in document.advertisers.items():
        yield ("advertisers", name), advertiser
        yield from ((("advertisers", name, "lines", line), owner) for line, owner in advertiser.lines.items())


def calendars_without_country(document: Document) -> Iterator[Finding]:
    """A state keeps days of its own, and not all of its country's: US-MA keeps no observed days, US-TX no Columbus Day."""
    for name, hours in document.hours.items():
        for index, calendar in enumerate(hours.holidays):
            country, dash, _ = calendar.partition("-")
            if dash and country not in hours.holidays and (days := _left_out(calendar)):
                more = f"; and {len(days) - MAX_NAMED} more" if len(days) > MAX_NAMED else ""
                message = f"with {calendar} alone it is open on holidays of {country}: {'; '.join(days[:MAX_NAMED])}{more}"
                hint = f"write [{country}, {calendar}] to be closed on both; `payphone check --calendar` lists the closed dates"
                yield warning(("hours", name, "holidays", index), message, hint=hint)


@cache
def _left_out(calendar: str) -> tuple[str, ...]:
    """The country's holidays on dates that are none in its part, with the first such date, e.g. `Columbus Day, 2026-10-12`."""
    country = calendar.partition("-")[0]
    found: dict[str, date] = {}
    for year in COMPARED_YEARS:
        kept = holidays_of(calendar, year)
        for day, name in sorted(holidays_of(country, year).items()):
            if day not in kept:
                found.setdefault(name, date.fromisoformat(day))
    return tuple(f"{name}, {day}" for name, day in found.items())
