"""Knows the shape of the whole: opening hours, and all sections as one document."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from switch.settings.field import (
    _NEVER_OPEN,
    E164,
    Blocks,
    Calendar,
    DateBlocks,
    DateText,
    Days,
    JsonSchema,
    Name,
    Zone,
    blank_is_empty,
)
from switch.settings.model.base import Strict, must, section, some_of
from switch.settings.model.campaign import Campaign
from switch.settings.model.menu import Node
from switch.settings.model.party import Advertiser, Group, Number, Publisher, Trunk
from switch.settings.model.switch import Switch, Tag


class Hours(Strict):
    """Weekly opening hours."""

    zone: Zone = must("IANA time zone, such as America/New_York")
    holidays: list[Calendar] = some_of("Countries, or their parts, on whose public holidays it is closed")
    dates: dict[DateText, DateBlocks] = section("What holds on single dates instead of all that")
    days: Annotated[dict[Days, Blocks], _NEVER_OPEN]
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
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        whole = handler.resolve_ref_schema(handler(schema))
        properties = whole["properties"]
        days = properties.pop("days")
        return {**whole, "required": ["zone"], "minProperties": 2, "patternProperties": days["patternProperties"]}


class Document(Strict):
    """All files of a config directory as one."""

    switch: Switch = must("The switch itself: sockets, paths, logging, limits")
    tags: dict[Name, Tag] = section("What a call may be known by, beyond the built-in tags")
    trunks: dict[Name, Trunk] = section("Carriers whose calls are taken")
    publishers: dict[Name, Annotated[Publisher, BeforeValidator(blank_is_empty)]] = section("Who advertises tracking numbers")
    numbers: dict[E164, Number] = section("Tracking numbers in E.164, in quotes")
    menus: dict[Name, Node] = section("Menus that qualify callers")
    groups: dict[Name, Group] = section("Lines that share caps")
    advertisers: dict[Name, Advertiser] = section("Who buys calls, and their lines")
    campaigns: dict[Name, Campaign] = section("What is sold")
    hours: dict[Name, Hours] = section("Opening hours, by name")
