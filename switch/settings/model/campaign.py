"""Knows the shape of what is sold: campaigns, how their lines are hunted, and what money follows."""

from typing import Annotated

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from switch.settings import value as v
from switch.settings.field import (
    DEFAULT_AT_LEAST,
    MAX_ATTEMPTS,
    MAX_PLACES,
    MAX_PRIORITY,
    MAX_WEIGHT,
    Amount,
    CampaignName,
    Cause,
    DaysOf,
    Duration,
    DurationOrZero,
    Event,
    Filter,
    HoursName,
    JsonSchema,
    LineName,
    LongDuration,
    MenuName,
    Name,
    PercentBp,
    PromptName,
    PublisherName,
    RepeatTo,
    Retried,
    Scope,
    Share,
    SortMode,
    Threshold,
    TiersMode,
    Truth,
    Zone,
    number_schema,
    parsed,
    some,
    text_schema,
    whole,
)
from switch.settings.model.base import OneOf, Strict, may, must, section
from switch.settings.model.party import Capped

Priority = Annotated[int, whole(1, MAX_PRIORITY), number_schema(1, MAX_PRIORITY)]
Weight = Annotated[int, whole(1, MAX_WEIGHT), number_schema(1, MAX_WEIGHT)]
Attempts = Annotated[int, whole(1, MAX_ATTEMPTS), number_schema(1, MAX_ATTEMPTS)]
BARE_AMOUNT: JsonSchema = {"type": ["number", "string"], "minimum": 0, "pattern": v.AMOUNT_PATTERN}
BARE_PAY: JsonSchema = {**BARE_AMOUNT, "pattern": rf"{v.AMOUNT_PATTERN}|{v.PERCENT_PATTERN}"}
# Keys of a YAML mapping come as text; editors see them as names of properties.
TierKey = Annotated[int, whole(1, MAX_PRIORITY), text_schema(r"^[0-9]{1,4}$")]
Code = Annotated[str, parsed(v.name, v.NAME), text_schema(v.NAME_PATTERN)]


class Target(Strict):
    """A line of a campaign; its bare name stands for priority 1 and weight 1."""

    line: LineName = must("The line")
    priority: Priority = may("Lower is tried first", default="1")
    weight: Weight = may("Share of the calls inside a priority", default="1")

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, raw: object) -> object:
        return {"line": raw} if isinstance(raw, str) else raw

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"anyOf": [{"type": "string"}, handler(schema)]}


class Tier(Strict):
    """How the lines of one priority are hunted."""

    sort: SortMode = may("Their order", default="weight")
    together: Truth = may("All ring at once; the first to answer gets the call", default="false")


class Repeat(Strict):
    """What a caller is who has been paid for before."""

    scope: Scope = may("Within what he is one", default="campaign")
    within: LongDuration = must("How long after his last paid conversion")
    route: RepeatTo = may("Where he goes: to the line he had, to another one, to any, or nowhere", default="any")
    bill: Truth = may("Whether the advertiser owes for him all the same", default="true")
    pay: Truth = may("Whether the publisher earns for him all the same", default="true")


class Billable(Strict):
    """What makes a call billable."""

    on: Event = may("The event; connected_for is talk time, from the line's answer to the first hang-up", default="connected_for")
    at_least: Threshold | None = may(f"For events that last: billable from this time on (>=); default: {DEFAULT_AT_LEAST}")


class Step(Strict):
    """One tier of a price."""

    on: Event | None = may("The event; default: that of `billable`")
    at_least: Threshold | None = may("For events that last: from this time on (>=); default: that of `billable`")
    amount: Amount = must("What is owed once it is so")


_STEPS = some("a price without steps", "at least one step")


class Revenue(Strict):
    """A price in steps; a bare amount is one step."""

    steps: Annotated[list[Step], _STEPS] = must("The tiers, in ascending order")
    tiers: TiersMode = may("Which of several steps that hold is owed", default="highest")

    @model_validator(mode="before")
    @classmethod
    def _bare_amount(cls, raw: object) -> object:
        return {"steps": [{"amount": raw}]} if isinstance(raw, str) else raw

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"anyOf": [BARE_AMOUNT, handler(schema)]}


class PublisherPayout(Strict):
    """What a publisher earns: an amount, a share of the revenue, or steps. A bare amount or share has the rule of `billable`."""

    on: Event | None = may("The event; default: that of `billable`")
    at_least: Threshold | None = may("For events that last: from this time on (>=); default: that of `billable`")
    amount: Amount | None = may("So much")
    percent: PercentBp | None = may("This share of the revenue")
    steps: Annotated[list[Step], _STEPS] | None = may("The tiers, in ascending order")
    tiers: TiersMode | None = may("Which of several steps that hold is earned; default: highest")

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, raw: object) -> object:
        if not isinstance(raw, str):
            return raw
        return {"percent" if raw.endswith("%") else "amount": raw}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"anyOf": [BARE_PAY, handler(schema)]}


class Payout(PublisherPayout):
    """What publishers earn. What must hold for all of them stands here only."""

    requires_revenue: Truth = may("Nothing is earned where no revenue is owed", default="false")


class Hold(Strict):
    """Callers wait for a line to come free."""

    places: Annotated[int, whole(1, MAX_PLACES), number_schema(1, MAX_PLACES)] = must("How many callers may wait; then queue_full")
    wait: Duration = must("How long each may wait; then waited_too_long")


class Overflow(OneOf):
    """Where a call goes that nobody took."""

    campaign: CampaignName | None = may("To the lines of this campaign")
    line: LineName | None = may("To this line")
    message: PromptName | None = may("Play this prompt, then end the call")
    hold: Hold | None = may("Wait until a line comes free")


class Campaign(Capped):
    """What is sold: who may get the call, what makes it billable, what it costs."""

    menu: MenuName | None = may("The menu that qualifies the caller; default: none")
    lines: Annotated[list[Target], some("a campaign without lines", "at least one line")] = Field(
        description="Lines that are tried, by priority, then by weight", json_schema_extra={"minItems": 1}
    )
    hours: HoursName | None = may("When it is open; default: always")
    paused: Truth = may("Take no calls", default="false")
    filter: Filter | None = may("Which calls it takes; others are no_match; default: all")
    zone: Zone | None = may("IANA time zone of its cap windows and time tags; default: switch.zone")
    tiers: dict[TierKey, Tier] = section("How the lines of a priority are hunted, where it is not by weight and one by one")
    retry: dict[Retried, Attempts] = section("How many attempts that ended so may be made; default: any number")
    recover: DurationOrZero = may("A line that hangs up sooner after talk began is followed by the next; 0s: never", default="0s")
    repeat: Repeat | None = may("What happens with callers who have been paid for before; default: nothing special")
    split: dict[Name, Weight] = section("Variants of a test by weight; the tag `variant` says which one a call drew")
    conversion_group: Name | None = may("Campaigns whose callers are repeats of each other")
    billable: Billable = Field(default_factory=Billable, description="What makes a call billable")
    revenue: Revenue = must("What the advertiser owes for a billable call")
    payout: Payout = must("What the publisher earns for it")
    payouts: dict[PublisherName, PublisherPayout] = section("Payouts of single publishers, instead of `payout`")
    hold_for: DaysOf | None = may("How long its money is held before it is approved; default: not at all")
    dispositions: dict[Code, Share] = section("What the advertiser may post, and the share of the price it is worth")
    overflow: dict[Cause, Overflow] = section("Where a call goes that nobody took, by the reason why")
