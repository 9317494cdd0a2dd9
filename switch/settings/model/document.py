"""Defines the models of opening hours and of the whole document with all its sections."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, GetJsonSchemaHandler, field_validator, model_validator
from pydantic_core import CoreSchema

from routing.expression import Expression
from switch.settings import field
from switch.settings import value as v
from switch.settings.model.base import Entries, Items, Strict, must, section, some_of
from switch.settings.model.campaign import CampaignConfig
from switch.settings.model.menu import Node
from switch.settings.model.party import AdvertiserConfig, GroupConfig, NumberConfig, PublisherConfig, TrunkConfig
from switch.settings.model.probe import ProbeCallConfig
from switch.settings.model.switch import SwitchConfig, TagConfig
from switch.settings.model.user import UserConfig
from switch.settings.source import KeyPath
from switch.settings.value import Invalid, raise_all

Minutes = tuple[int, int]
_WITH_PARTS = (Strict, dict, list)


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
    holidays: Items[field.Calendar] = some_of("Countries, or their parts, on whose public holidays it is closed")
    dates: Entries[field.DateText, field.DateBlocks] = section("What holds on single dates instead of all that")
    days: Annotated[Entries[field.Days, field.Blocks], field.NEVER_OPEN]

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
    tags: Entries[field.Name, TagConfig] = section("What a call may be known by, beyond the built-in tags")
    trunks: Entries[field.Name, TrunkConfig] = section("Carriers whose calls are taken")
    publishers: Entries[field.Name, Annotated[PublisherConfig, BeforeValidator(field.blank_is_empty)]] = section(
        "Who advertises tracking numbers"
    )
    numbers: Entries[field.E164, NumberConfig] = section("Tracking numbers in E.164, in quotes")
    menus: Entries[field.Name, Node] = section("Menus that qualify callers")
    groups: Entries[field.Name, GroupConfig] = section("Lines that share caps")
    advertisers: Entries[field.Name, AdvertiserConfig] = section("Who buys calls, and their lines")
    campaigns: Entries[field.Name, CampaignConfig] = section("What is sold")
    hours: Entries[field.Name, HoursConfig] = section("Opening hours, by name")
    probes: Entries[field.Name, ProbeCallConfig] = section("Calls that try numbers and lines")
    users: Entries[field.Name, UserConfig] = section("Who logs in to the console")

    @cached_property
    def _parts(self) -> dict[type[Strict], list[tuple[KeyPath, Strict]]]:
        """By model, (path, part) of all parts that have it."""
        found: dict[type[Strict], list[tuple[KeyPath, Strict]]] = defaultdict(list)
        for name, entries in vars(self).items():
            _collect(entries, (name,), found)
        return found

    def fields(self, *names: str) -> Iterator[tuple[KeyPath, Any]]:
        """(path, value) of every field, at any depth, that has one of these names and a value."""
        for model, parts in self._parts.items():
            for name in filter(names.__contains__, model.model_fields):
                yield from (((*path, name), value) for path, part in parts if (value := vars(part).get(name)) is not None)

    def filters(self) -> Iterator[tuple[KeyPath, Expression]]:
        """(path, filter) of each."""
        return self.fields("filter", "when")

    def fixed_tags(self) -> Iterator[tuple[KeyPath, str, str]]:
        """(path, tag, value) wherever a menu or a number sets a tag to a fixed value."""
        for path, tags in self.fields("tags", "route"):
            if isinstance(tags, dict):  # a repeat has a route too
                yield from (((*path, name), name, text) for name, text in tags.items())


def _collect(value: Any, path: KeyPath, found: dict[type[Strict], list[tuple[KeyPath, Strict]]]) -> None:
    """Adds every model in `value`, which is a model, a list or a mapping at `path`."""
    if isinstance(value, Strict):
        found[type(value)].append((path, value))
        value = vars(value)
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if inner and isinstance(inner, _WITH_PARTS):
            _collect(inner, (*path, key), found)
