"""Runs all lint checks on a config without errors. Those about prompts, ports, zones and calendars are here."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path

from ivr.menu import Node
from media.dsp.wav import MAX_FILE_BYTES, Doubt, doubts
from routing.cap import Per
from routing.hours import holidays_of
from routing.zone import DEFAULT_ZONE
from switch.settings.address import even_ports
from switch.settings.finding import Finding, warning
from switch.settings.lint.filters import impossible_values, shadowed, values_of
from switch.settings.lint.money import prices
from switch.settings.lint.reach import idle, paused_owners, unreached
from switch.settings.model import menu as menus
from switch.settings.model.document import Document
from switch.settings.model.party import Capped
from switch.settings.plan import Deployment
from switch.settings.problem import quote
from switch.settings.source import KeyPath, Tree

SPOKEN = ("prompt", "invalid", "say", "consent", "read_back", "confirm")
"""Keys of menus that name a prompt."""
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


def warnings(tree: Tree, document: Document, deployment: Deployment, *, nodes: Mapping[str, Node]) -> Iterator[Finding]:
    """Yields all warnings of one config, given as `tree`, `document` and `deployment`. `nodes`: all menus, unreachable ones included."""
    table, kinds = deployment.plan.table, deployment.plan.tag_kinds
    values = values_of(document, kinds)
    yield from idle(table, nodes)
    yield from paused_owners(document)
    yield from too_few_ports(document)
    yield from fixed_zones(document)
    yield from caps_without_zone(document)
    yield from calendars_without_country(document)
    yield from bad_prompts(document, deployment.switch.prompts)
    yield from impossible_values(document, tree, kinds=kinds, values=values)
    yield from unreached(table, kinds=kinds, values=values)
    yield from shadowed(nodes, kinds=kinds, values=values)
    yield from prices(document, deployment)


def too_few_ports(document: Document) -> Iterator[Finding]:
    """Each call takes two even ports."""
    limits, ports = document.switch.limits, len(even_ports(document.switch.rtp.ports))
    if "max_calls" in limits.model_fields_set and ports < 2 * limits.max_calls:
        message = f"max_calls is {limits.max_calls}, but the RTP ports are enough for {ports // 2}"
        yield warning(("switch", "limits", "max_calls"), message, hint="a call takes two even ports of rtp.ports")


def bad_prompts(document: Document, directory: Path) -> Iterator[Finding]:
    """Each prompt that is in use, once, where it is named first. `directory`: where its file is."""
    told: set[str] = set()
    for path, name in prompts_used(document):
        if name not in told:
            told.add(name)
            for doubt in _doubts(directory / f"{name}.wav"):
                yield warning(path, f"prompt {quote(name)} {doubt.what}", hint=doubt.instead)


def _doubts(path: Path) -> tuple[Doubt, ...]:
    """Returns the doubts about a file; none where it can't be read any more: it was readable a moment ago, and the next load reports it."""
    try:
        with path.open("rb") as file:
            return doubts(file.read(MAX_FILE_BYTES + 1))
    except OSError:
        return ()


def prompts_used(document: Document) -> Iterator[tuple[KeyPath, str]]:
    """(path, name) wherever config names a prompt. The prompts that say digits are used without being named."""
    for name, node in document.menus.items():
        yield from _of_menu(node, ("menus", name))
    for path, line in document.each_line():
        if line.whisper is not None:
            yield (*path, "whisper"), line.whisper
        if line.accept is not None:
            yield (*path, "accept", "prompt"), line.accept.prompt
    for name, campaign in document.campaigns.items():
        for cause, overflow in campaign.overflow.items():
            if overflow.message is not None:
                yield ("campaigns", name, "overflow", cause.value, "message"), overflow.message


def _of_menu(node: menus.AnyNode, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    for key in SPOKEN:
        if isinstance(prompt := getattr(node, key, None), str):
            yield (*path, key), prompt
    for where, outcome in menus.outcomes(node):
        if isinstance(outcome.hangup, str):
            yield (*path, *where, "hangup"), outcome.hangup


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
    yield from ((("advertisers", name), owner) for name, owner in document.advertisers.items())
    yield from document.each_line()


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
