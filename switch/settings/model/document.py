"""Defines the models of opening hours and of the whole document with all its sections."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, GetJsonSchemaHandler, field_validator, model_validator
from pydantic_core import CoreSchema

from routing.expression import Expression
from switch.settings import field
from switch.settings import value as v
from switch.settings.model.base import Strict, must, section, some_of
from switch.settings.model.campaign import CampaignConfig
from switch.settings.model.menu import BranchConfig, Node, SayConfig, outcomes
from switch.settings.model.party import AdvertiserConfig, GroupConfig, LineConfig, NumberConfig, PublisherConfig, TrunkConfig
from switch.settings.model.switch import SwitchConfig, TagConfig
from switch.settings.source import KeyPath
from switch.settings.value import Invalid, raise_all

Minutes = tuple[int, int]


def pieces(days: Mapping[str, list[Minutes]]) -> Iterator[tuple[int, int, int, tuple[str, int]]]:
    """(weekday, start, end, where it is written) of all blocks of a week; those that cross midnight in two."""
    for key, blocks in days.items():
        for day in v.day_range(key):
            for index, (start, end) in enumerate(blocks):
                where = key, index
                if end > start:
                    yield day, start, end, where
                    continue
                yield day, start, v.DAY_MINUTES, where
                if end:
                    yield (day + 1) % 7, 0, end, where


def _overlapping(blocks: Iterable[tuple[str, int, int, tuple[str | int, ...]]]) -> Iterator[Invalid]:
    """`blocks`: (day, start, end, where it is written)."""
    told: set[tuple[str | int, ...]] = set()
    taken: list[tuple[str, int, int]] = []
    for day, start, end, where in blocks:
        clash = next((one for one in taken if one[0] == day and one[1] < end and start < one[2]), None)
        if clash and where not in told:
            told.add(where)
            yield Invalid("overlapping hours", hint=f"{day} {_clock(clash[1])}-{_clock(clash[2])} is there already", where=where)
        taken.append((day, start, end))


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


class HoursConfig(Strict):
    """Weekly opening hours."""

    zone: field.Zone = must("IANA time zone, such as America/New_York")
    holidays: list[field.Calendar] = some_of("Countries, or their parts, on whose public holidays it is closed")
    dates: dict[field.DateText, field.DateBlocks] = section("What holds on single dates instead of all that")
    days: Annotated[dict[field.Days, field.Blocks], field.NEVER_OPEN]

    @field_validator("dates")
    @classmethod
    def _no_overlap_on_a_date(cls, dates: dict[str, list[Minutes]]) -> dict[str, list[Minutes]]:
        blocks = ((date, *block, ("dates", date, index)) for date, of_date in dates.items() for index, block in enumerate(of_date))
        raise_all(_overlapping(blocks))
        return dates

    @field_validator("days")
    @classmethod
    def _no_overlap_in_a_week(cls, days: dict[str, list[Minutes]]) -> dict[str, list[Minutes]]:
        blocks = ((v.DAYS[day], start, end, where) for day, start, end, where in pieces(days))
        raise_all(_overlapping(blocks))
        return days

    FLAT: ClassVar[tuple[str, ...]] = ("zone", "holidays", "dates")

    @model_validator(mode="before")
    @classmethod
    def _split(cls, raw: object) -> object:
        """Days stand beside the zone in YAML."""
        if not isinstance(raw, dict):
            return raw
        flat = {key: value for key, value in raw.items() if key in cls.FLAT}
        return {**flat, "days": {key: value for key, value in raw.items() if key not in cls.FLAT}}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> field.JsonSchema:
        whole = handler.resolve_ref_schema(handler(schema))
        properties = whole["properties"]
        days = properties.pop("days")
        return {**whole, "required": ["zone"], "minProperties": 2, "patternProperties": days["patternProperties"]}


class Document(Strict):
    """All files of a config directory as one."""

    switch: SwitchConfig = must("The switch itself: sockets, paths, logging, limits")
    tags: dict[field.Name, TagConfig] = section("What a call may be known by, beyond the built-in tags")
    trunks: dict[field.Name, TrunkConfig] = section("Carriers whose calls are taken")
    publishers: dict[field.Name, Annotated[PublisherConfig, BeforeValidator(field.blank_is_empty)]] = section(
        "Who advertises tracking numbers"
    )
    numbers: dict[field.E164, NumberConfig] = section("Tracking numbers in E.164, in quotes")
    menus: dict[field.Name, Node] = section("Menus that qualify callers")
    groups: dict[field.Name, GroupConfig] = section("Lines that share caps")
    advertisers: dict[field.Name, AdvertiserConfig] = section("Who buys calls, and their lines")
    campaigns: dict[field.Name, CampaignConfig] = section("What is sold")
    hours: dict[field.Name, HoursConfig] = section("Opening hours, by name")

    def filters(self) -> Iterator[tuple[KeyPath, Expression]]:
        """(path, filter) of each."""
        for path, line in self.each_line():
            if line.filter:
                yield (*path, "filter"), line.filter
        for name, campaign in (self.campaigns or {}).items():
            if campaign.filter:
                yield ("campaigns", name, "filter"), campaign.filter
        for name, node in (self.menus or {}).items():
            for index, case in enumerate((node.branch or ()) if isinstance(node, BranchConfig) else ()):
                if case.when:
                    yield ("menus", name, "branch", index, "when"), case.when

    def each_line(self) -> Iterator[tuple[KeyPath, LineConfig]]:
        for owner, advertiser in (self.advertisers or {}).items():
            yield from ((("advertisers", owner, "lines", name), line) for name, line in (advertiser.lines or {}).items())

    def fixed_tags(self) -> Iterator[tuple[KeyPath, str, str]]:
        """(path, tag, value) wherever a menu or a number sets a tag to a fixed value."""
        found: list[tuple[KeyPath, Mapping[str, str] | None]] = [
            (("numbers", did, "tags"), number.tags) for did, number in (self.numbers or {}).items()
        ]
        for name, node in (self.menus or {}).items():
            found.append((("menus", name, "tags"), node.tags if isinstance(node, SayConfig) else None))
            found += ((("menus", name, *path, "route"), outcome.route) for path, outcome in outcomes(node))
        for path, tags in found:
            yield from (((*path, name), name, value) for name, value in (tags or {}).items())
