"""Knows the shape of every section: pydantic models that check it and that the JSON Schema for editors is generated from.

Does not know files and positions, nor what parts must be in harmony with each other (`switch.settings.harmony`), nor how a single
value is read (`switch.settings.field`).
"""

from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from switch.settings import value as v
from switch.settings.field import (
    _NEVER_OPEN,
    DEFAULT_AT_LEAST,
    DEFAULT_PORTS,
    DEFAULT_PROMPTS,
    E164,
    MAX_CALLS,
    MAX_DIGITS,
    MAX_PRIORITY,
    MAX_RETRIES,
    MAX_WEIGHT,
    MAX_WORKERS,
    Address,
    Amount,
    Answer,
    Blocks,
    CampaignName,
    CapLimit,
    Cause,
    Days,
    Duration,
    DurationOrZero,
    Event,
    Folder,
    HangUpAfter,
    HoursName,
    JsonSchema,
    LineName,
    LogFormat,
    MenuName,
    Name,
    Network,
    PortRange,
    PromptName,
    PublisherName,
    SipUri,
    SocketAddress,
    Tags,
    Threshold,
    TimerT1,
    Truth,
    blank_is_empty,
    number_schema,
    parsed,
    some,
    text_schema,
    whole,
)
from switch.settings.value import Unfit


def _key(description: str, *, default: str | None = None) -> Any:
    """A key that may be left out. Defaults are written as config writes them, and go the same way."""
    return Field(default=default, description=description)


def _must(description: str) -> Any:
    return Field(description=description)


def _section(description: str) -> Any:
    return Field(default_factory=dict, description=description)


class Strict(BaseModel):
    """Unknown keys are errors: a typo must not be a setting that is silently not there."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class OneOf(Strict):
    """Exactly one of the keys."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            given = f"{len(self.model_fields_set) or 'no'} keys"
            raise Unfit(f"{given} where one belongs", expected=f"exactly one of {', '.join(type(self).model_fields)}")
        return self


class Sip(Strict):
    """SIP over UDP."""

    listen: SocketAddress = _must("The UDP address that SIP is spoken on: peers are told it")
    t1: TimerT1 = _key("RFC 3261 timer T1, an estimate of the round trip", default="500ms")


class Rtp(Strict):
    """Where audio goes through."""

    address: Address | None = _key("The address that peers send audio to; default: that of sip.listen")
    ports: PortRange = _key("Local ports FIRST-LAST. Each call takes two even ones", default=DEFAULT_PORTS)
    quiet: DurationOrZero = _key("How long a port rests between two calls", default="10s")
    timeout: Duration = _key("A call ends after this long without audio", default="60s")
    workers: Annotated[int, whole(1, MAX_WORKERS), number_schema(1, MAX_WORKERS)] = _key("Relay processes", default="1")


class Limits(Strict):
    """What no call and no load goes beyond."""

    max_call: Duration = _key("The longest call", default="4h")
    max_calls: Annotated[int, whole(1, MAX_CALLS), number_schema(1, MAX_CALLS)] = _key(
        "Live calls; more are refused with 503", default="2000"
    )


class Switch(Strict):
    """The switch itself: sockets, paths, logging, limits. Changes take a restart."""

    sip: Sip = _must("SIP over UDP")
    rtp: Rtp = Field(default_factory=Rtp, description="Where audio goes through")
    prompts: Folder = _key("Directory of NAME.wav, relative to the config directory", default=DEFAULT_PROMPTS)
    data: Folder = _key("Directory of the journal and the call records, relative to the config directory", default="../var")
    log: LogFormat = _key("How the log is written", default="console")
    limits: Limits = Field(default_factory=Limits, description="What no call and no load goes beyond")


class Trunk(Strict):
    """A carrier that sends calls."""

    addresses: Annotated[list[Network], some("a trunk without addresses", v.NETWORK)] = _must(
        "IPv4 addresses and networks whose calls are taken; all others are met with silence"
    )


class Publisher(Strict):
    """Who advertises tracking numbers and earns the payout."""

    paused: Truth = _key("Refuse all calls of this publisher's numbers", default="false")

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"anyOf": [handler(schema), {"type": "null"}], "description": "All its keys may be left out"}


class Number(Strict):
    """A tracking number."""

    publisher: PublisherName = _must("Who advertises it")
    campaign: CampaignName = _must("What is sold to its callers")


class Outcome(OneOf):
    """What a key leads to."""

    route: Tags | None = _key("The caller qualified: find a line, with these tags on the call; {} for none")
    menu: MenuName | None = _key("Go to this menu")
    again: Truth | None = _key("Play the prompt once more; true")
    hangup: HangUpAfter | None = _key("End the call after this prompt; true for none")

    @model_validator(mode="after")
    def _again_is_true(self) -> Self:
        if self.again is False:
            raise Unfit("`again: false` says nothing", expected="again: true")
        return self


class Failed(OneOf):
    """What happens when the tries are used up."""

    route: Tags | None = _key("Find a line all the same, with these tags on the call")
    hangup: HangUpAfter | None = _key("End the call after this prompt; true for none")


class Menu(Strict):
    """Asks the caller for digits."""

    prompt: PromptName = _must("What is played; a digit cuts it short")
    invalid: PromptName | None = _key("What is played after a wrong key or none")
    timeout: Duration = _key("How long to wait for a digit after the prompt, and between digits", default="5s")
    retries: Annotated[int, whole(0, MAX_RETRIES), number_schema(0, MAX_RETRIES)] = _key(
        "How many more tries after the first one failed", default="2"
    )
    digits: Annotated[int, whole(1, MAX_DIGITS), number_schema(1, MAX_DIGITS)] = _key("How many digits an answer has", default="1")
    keys: Annotated[dict[Answer, Outcome], some("a menu without keys", "at least one key")] = _must("Answers and what they lead to")
    failed: Failed | None = _key("What happens when the tries are used up; default: the call ends")


class Line(Strict):
    """One SIP URI of an advertiser."""

    uri: SipUri = _must("Where it is dialled; its host is an IPv4 address")
    cap: CapLimit | None = _key("Calls at once, ringing ones too; default: no cap")
    ring: Duration = _key("How long it may ring", default="30s")
    silence: Duration = _key("How long it may stay silent before it counts as dead", default="5s")
    timer_offset: DurationOrZero = _key("Taken off the talk time that money is judged on", default="0s")
    hours: HoursName | None = _key("When it is open; default: always")
    paused: Truth = _key("Never dial it", default="false")


class Advertiser(Strict):
    """Who buys calls."""

    lines: dict[Name, Line] = _must("Its lines; their names are unique among all advertisers")
    cap: CapLimit | None = _key("Calls at once over all its lines; default: no cap")


class Target(Strict):
    """A line of a campaign; its bare name stands for priority 1 and weight 1."""

    line: LineName = _must("The line")
    priority: Annotated[int, whole(1, MAX_PRIORITY), number_schema(1, MAX_PRIORITY)] = _key("Lower is tried first", default="1")
    weight: Annotated[int, whole(1, MAX_WEIGHT), number_schema(1, MAX_WEIGHT)] = _key(
        "Share of the calls inside a priority", default="1"
    )

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, raw: object) -> object:
        return {"line": raw} if isinstance(raw, str) else raw

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"anyOf": [{"type": "string"}, handler(schema)]}


class Billable(Strict):
    """What makes a call billable."""

    on: Event = _key("The event; connected_for is talk time, from the line's answer to the first hang-up", default="connected_for")
    at_least: Threshold = _key("Billable from this talk time on (>=)", default=DEFAULT_AT_LEAST)


class Overflow(OneOf):
    """Where a call goes that nobody took."""

    campaign: CampaignName | None = _key("To the lines of this campaign")
    line: LineName | None = _key("To this line")
    message: PromptName | None = _key("Play this prompt, then end the call")


class Campaign(Strict):
    """What is sold: who may get the call, what makes it billable, what it costs."""

    menu: MenuName | None = _key("The menu that qualifies the caller; default: none")
    lines: Annotated[list[Target], some("a campaign without lines", "at least one line")] = Field(
        description="Lines that are tried, by priority, then by weight", json_schema_extra={"minItems": 1}
    )
    hours: HoursName | None = _key("When it is open; default: always")
    cap: CapLimit | None = _key("Calls at once; default: no cap")
    billable: Billable = Field(default_factory=Billable, description="What makes a call billable")
    revenue: Amount = _must("What the advertiser owes for a billable call")
    payout: Amount = _must("What the publisher earns for it")
    payouts: dict[PublisherName, Amount] = _section("Payouts of single publishers, instead of `payout`")
    overflow: dict[Cause, Overflow] = _section("Where a call goes that nobody took, by the reason why")


class Hours(Strict):
    """Weekly opening hours."""

    zone: Annotated[str, parsed(v.zone, v.ZONE), text_schema()] = _must("IANA time zone, such as America/New_York")
    days: Annotated[dict[Days, Blocks], _NEVER_OPEN]
    FLAT: ClassVar[tuple[str, ...]] = ("zone",)

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

    switch: Switch = _must("The switch itself: sockets, paths, logging, limits")
    trunks: dict[Name, Trunk] = _section("Carriers whose calls are taken")
    publishers: dict[Name, Annotated[Publisher, BeforeValidator(blank_is_empty)]] = _section("Who advertises tracking numbers")
    numbers: dict[E164, Number] = _section("Tracking numbers in E.164, in quotes")
    menus: dict[Name, Menu] = _section("Menus that qualify callers")
    advertisers: dict[Name, Advertiser] = _section("Who buys calls, and their lines")
    campaigns: dict[Name, Campaign] = _section("What is sold")
    hours: dict[Name, Hours] = _section("Opening hours, by name")
