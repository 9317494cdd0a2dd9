"""Defines the models of campaigns: how their lines are hunted, and what is owed and earned for their calls."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Annotated, Any, TypeVar, cast

from pydantic import Field, GetJsonSchemaHandler, ValidationInfo, field_validator, model_validator
from pydantic_core import CoreSchema

from routing.table import NoRoute, RepeatScope
from switch.billing.terms import DEFAULT_AT_LEAST_MS, LASTING, BillableOn, Tiers
from switch.call.hold_terms import DEFAULT_EVERY_MS
from switch.call.recording_terms import PausedBy, Sides
from switch.settings import field, prompt_field
from switch.settings import value as v
from switch.settings.model.base import Entries, Items, OneOf, Strict, may, must, repeated, section
from switch.settings.model.party import CapOwner
from switch.settings.model.ringback import RingbackConfig
from switch.settings.model.webhook import WebhookConfig
from switch.settings.names import Names
from switch.settings.problem import quote
from switch.settings.value import Invalid, raise_all

FORMS = ("amount", "percent", "steps")
Where = tuple[str | int, ...]
T = TypeVar("T")

Priority = Annotated[int, field.whole(1, field.MAX_PRIORITY)]
Weight = Annotated[int, field.whole(1, field.MAX_WEIGHT)]
Attempts = Annotated[int, field.whole(1, field.MAX_ATTEMPTS)]
BARE_AMOUNT: field.JsonSchema = {"type": ["number", "string"], "minimum": 0, "pattern": v.AMOUNT_PATTERN}
BARE_PAY: field.JsonSchema = {**BARE_AMOUNT, "pattern": rf"{v.AMOUNT_PATTERN}|{v.PERCENT_PATTERN}"}
# Keys of a YAML mapping come as text; editors see them as names of properties.
TierKey = Annotated[int, field.whole(1, field.MAX_PRIORITY), field.text_schema(r"^[0-9]{1,4}$")]
Code = Annotated[str, field.scalar(v.name, v.NAME), field.text_schema(v.NAME_PATTERN)]


class TargetConfig(Strict):
    """A line of a campaign; its bare name stands for priority 1 and weight 1."""

    line: field.LineName = must("The line")
    priority: Priority = may("Lower is tried first", default="1")
    weight: Weight = may("Share of the calls inside a priority", default="1")

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, raw: object) -> object:
        return {"line": raw} if isinstance(raw, str) else raw

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> field.JsonSchema:
        return {"anyOf": [{"type": "string"}, handler(schema)]}


class TierConfig(Strict):
    """How the lines of one priority are hunted."""

    sort: field.SortMode = may("Their order", default="weight")
    together: field.Truth = may("All ring at once; the first to answer gets the call", default="false")


class RepeatConfig(Strict):
    """What follows for a caller who has been paid for before."""

    scope: field.Scope = may("Within what a caller is a repeat", default="campaign")
    within: field.LongDuration = must("How long after the last paid conversion")
    route: field.RepeatTo = may("Where the call goes: to the line of before, to another one, to any, or nowhere", default="any")
    bill: field.Truth = may("Whether the advertiser owes all the same", default="true")
    pay: field.Truth = may("Whether the publisher earns all the same", default="true")


class BillableConfig(Strict):
    """What makes a call billable."""

    on: field.Event = may(
        "The event; connected_for is talk time, from the line's answer to the first hang-up", default="connected_for"
    )
    at_least: field.Threshold | None = may(
        f"For events that last: billable from this time on (>=); default: {field.DEFAULT_AT_LEAST}"
    )
    heard: field.MustBeHeard = may(
        "both: nobody owes or earns anything for a line unless both sides were heard; any: whoever was heard", default="any"
    )


class StepConfig(Strict):
    """One tier of a price."""

    on: field.Event | None = may("The event; default: that of `billable`")
    at_least: field.Threshold | None = may("For events that last: from this time on (>=); default: that of `billable`")
    amount: field.Amount = must("What is owed once it is so")


_STEPS = field.some("a price without steps", "at least one step")


class RevenueConfig(Strict):
    """A price in steps; a bare amount is one step."""

    steps: Annotated[Items[StepConfig], _STEPS] = must("The tiers, in ascending order")
    tiers: field.TiersMode = may("Which of several steps that hold is owed", default="highest")

    @model_validator(mode="before")
    @classmethod
    def _bare_amount(cls, raw: object) -> object:
        return {"steps": [{"amount": raw}]} if isinstance(raw, str) else raw

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> field.JsonSchema:
        return {"anyOf": [BARE_AMOUNT, handler(schema)]}


class PublisherPayoutConfig(Strict):
    """What a publisher earns: an amount, a share of the revenue, or steps. A bare amount or share has the rule of `billable`."""

    on: field.Event | None = may("The event; default: that of `billable`")
    at_least: field.Threshold | None = may("For events that last: from this time on (>=); default: that of `billable`")
    amount: field.Amount | None = may("So much")
    percent: field.PercentBp | None = may("This share of the revenue")
    steps: Annotated[Items[StepConfig], _STEPS] | None = may("The tiers, in ascending order")
    tiers: field.TiersMode | None = may("Which of several steps that hold is earned; default: highest")

    @field_validator("tiers")
    @classmethod
    def _has_one_form(cls, tiers: Tiers | None, info: ValidationInfo) -> Tiers | None:
        if not all(form in info.data for form in FORMS):
            return tiers
        given = [form for form in FORMS if info.data[form] is not None]
        if len(given) != 1:
            message = f"a payout in {len(given)} forms: {' and '.join(map(quote, given))}" if given else "a payout of nothing"
            raise Invalid(message, expected=f"exactly one of {', '.join(FORMS)}", where=())
        if tiers is not None and given != ["steps"]:
            raise Invalid("`tiers` without steps", hint=f"{', '.join(Tiers)} choose among several steps", at_key=True)
        raise_all(
            Invalid(f"`{key}` beside steps", hint="each step has its own", at_key=True, where=(key,))
            for key in ("on", "at_least")
            if given == ["steps"] and info.data.get(key) is not None
        )
        return tiers

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, raw: object) -> object:
        if not isinstance(raw, str):
            return raw
        return {"percent" if raw.endswith("%") else "amount": raw}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> field.JsonSchema:
        return {"anyOf": [BARE_PAY, handler(schema)]}


class PayoutConfig(PublisherPayoutConfig):
    """What publishers earn. What must hold for all of them stands here only."""

    requires_revenue: field.Truth = may("Nothing is earned where no revenue is owed", default="false")


class HoldConfig(Strict):
    """Callers wait for a line to come free."""

    places: Annotated[int, field.whole(1, field.MAX_PLACES)] = must("How many callers may wait; then queue_full")
    wait: field.Duration = must("How long each may wait; then waited_too_long")
    music: prompt_field.PromptName | None = may("What they hear over and over; default: ringback")
    announce: prompt_field.PromptName | None = may(
        "What they are told at first and then every so often: {position:number} in a text is their place; default: nothing"
    )
    every: field.AnnouncementInterval = may("How long after an announcement the next one begins", default="30s")

    @field_validator("every")
    @classmethod
    def _is_of_an_announcement(cls, every: int, info: ValidationInfo) -> int:
        if info.data.get("announce", True) is None and every != DEFAULT_EVERY_MS:
            raise Invalid("`every` without `announce`", hint="add what is said: `announce: {say: TEXT}`", at_key=True)
        return every


class VoicemailConfig(Strict):
    """The caller may leave a message, which is recorded; # ends it."""

    greeting: prompt_field.PromptName = must("What the caller hears to its end; a beep follows")
    longest: field.MessageLength = may("How long a message may be; it ends then", default="2m")
    goodbye: prompt_field.PromptName | None = may("What the caller hears when the message has ended; default: nothing")
    format: field.RecordingFile = may("Of the file", default="wav")


class OverflowConfig(OneOf):
    """Where a call goes that nobody took."""

    campaign: field.CampaignName | None = may("To the lines of this campaign")
    line: field.LineName | None = may("To this line")
    message: prompt_field.PromptName | None = may("Play this prompt, then end the call")
    voicemail: VoicemailConfig | None = may("Let the caller leave a message")
    hold: HoldConfig | None = may("Wait until a line comes free")


class RecordingConfig(Strict):
    """How its calls are recorded; a bare word stands for `sides`."""

    sides: field.Recorded = must("off; caller: what callers say, mono; both: that on the left, and what they hear on the right")
    start: field.RecordingStart = may("answer: when the caller is answered; connect: when it is with a line", default="answer")
    format: field.RecordingFile = may("Of the file", default="wav")
    notice: prompt_field.PromptName | None = may(
        "What callers hear to its end before the recording starts; without a menu, lines hear it too. Default: nothing"
    )
    pause_key: field.OneKey | None = may("Pressed in talk it pauses the recording, and resumes it; default: none")
    paused_by: field.PausedBySide = may("Whose key it is: caller, line or either", default="line")

    @field_validator("paused_by")
    @classmethod
    def _is_of_a_key(cls, by: PausedBy, info: ValidationInfo) -> PausedBy:
        if info.data.get("pause_key", True) is None and by is not PausedBy.LINE:
            raise Invalid("`paused_by` without `pause_key`", hint='add the key: `pause_key: "*"`', at_key=True)
        return by

    @model_validator(mode="before")
    @classmethod
    def _bare_word(cls, raw: object) -> object:
        return {"sides": raw} if isinstance(raw, str) else raw

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> field.JsonSchema:
        return {"anyOf": [{"enum": ["off", *Sides]}, handler(schema)]}


class CampaignConfig(CapOwner):
    """What is sold: who may get the call, what makes it billable, what it costs."""

    menu: field.MenuName | None = may("The menu that qualifies the caller; default: none")
    lines: Annotated[Items[TargetConfig], field.some("a campaign without lines", "at least one line")] = Field(
        description="Lines that are tried, by priority, then by weight", json_schema_extra={"minItems": 1}
    )
    hours: field.HoursName | None = may("When it is open; default: always")
    paused: field.Truth = may("Take no calls", default="false")
    filter: field.Filter | None = may("Which calls it takes; others are no_match; default: all")
    zone: field.Zone | None = may("IANA time zone of its cap windows and time tags; default: switch.zone")
    tiers: Entries[TierKey, TierConfig] = section(
        "How the lines of a priority are hunted, where it is not by weight and one by one"
    )
    retry: Entries[field.Retried, Attempts] = section("How many attempts that ended so may be made; default: any number")
    recover: field.DurationOrZero = may(
        "A line that hangs up sooner after talk began is followed by the next; 0s: never", default="0s"
    )
    repeat: RepeatConfig | None = may("What happens with callers who have been paid for before; default: nothing special")
    split: Entries[field.Name, Weight] = section("Variants of a test by weight; the tag `variant` says which one a call drew")
    conversion_group: field.Name | None = may("Campaigns whose callers are repeats of each other")
    billable: BillableConfig = Field(default_factory=BillableConfig, description="What makes a call billable")
    revenue: RevenueConfig = must("What the advertiser owes for a billable call")
    payout: PayoutConfig = must("What the publisher earns for it")
    payouts: Entries[field.PublisherName, PublisherPayoutConfig] = section("Payouts of single publishers, instead of `payout`")
    hold_for: field.DaysOf | None = may("How long its money is held before it is approved; default: not at all")
    dispositions: Entries[Code, field.Share] = section("What the advertiser may post, and the share of the price it is worth")
    ringback: RingbackConfig | None = may("What its callers hear while a line rings; default: switch.rtp.ringback")
    hold_music: prompt_field.PromptName | None = may(
        "What its callers hear while a line holds the call; default: switch.rtp.hold_music"
    )
    recording: RecordingConfig = may("How its calls are recorded", default="off")
    ears: field.Truth = may("Whether its talks are listened to: levels, speech, dead air, one-way audio, tones", default="false")
    overflow: Entries[field.Cause, OverflowConfig] = section("Where a call goes that nobody took, by the reason why")
    webhooks: Entries[field.Name, WebhookConfig] = section("Who is told of what happens to its calls, by name: the operator's own")

    @field_validator("lines")
    @classmethod
    def _once_each_line(cls, lines: list[TargetConfig]) -> list[TargetConfig]:
        hint = "a call tries a line once; use weight for a larger share"
        raise_all(
            Invalid(f"line {quote(name)} is in this campaign twice", hint=hint, where=("lines", index, "line"))
            for index, name in repeated([to.line for to in lines])
        )
        return lines

    @field_validator("tiers")
    @classmethod
    def _have_lines(cls, tiers: dict[int, TierConfig], info: ValidationInfo) -> dict[int, TierConfig]:
        used = {to.priority for to in info.data.get("lines", ())}
        hint = f"its lines have {', '.join(map(str, sorted(used)))}"
        raise_all(
            Invalid(f"no line has priority {priority}", hint=hint, at_key=True, where=("tiers", str(priority)))
            for priority in tiers
            if used and priority not in used and "lines" not in cast(Names, info.context).incomplete
        )
        return tiers

    @field_validator("split")
    @classmethod
    def _tests_several(cls, split: dict[str, int], info: ValidationInfo) -> dict[str, int]:
        if len(split) == 1 and "split" not in cast(Names, info.context).incomplete:
            where = ("split", *split)
            raise Invalid("a test of one variant", expected="at least two, such as {long: 50, short: 50}", at_key=True, where=where)
        return split

    @field_validator("conversion_group")
    @classmethod
    def _is_in_the_group(cls, group: str | None, info: ValidationInfo) -> str | None:
        repeat = info.data.get("repeat")
        if repeat is not None and repeat.scope is RepeatScope.GROUP and group is None:
            raise Invalid("this campaign is in no group", hint="name one with `conversion_group:`", where=("repeat", "scope"))
        return group

    @field_validator("revenue", "payout")
    @classmethod
    def _is_consistent(cls, price: T, info: ValidationInfo) -> T:
        if isinstance(price, RevenueConfig | PublisherPayoutConfig) and "billable" in info.data:
            raise_all(_price_flaws(price, info.data["billable"], (str(info.field_name),)))
        return price

    @field_validator("payouts")
    @classmethod
    def _are_consistent(cls, payouts: dict[str, PublisherPayoutConfig], info: ValidationInfo) -> dict[str, PublisherPayoutConfig]:
        if "billable" in info.data:
            flaws = (_price_flaws(price, info.data["billable"], ("payouts", name)) for name, price in payouts.items())
            raise_all(chain.from_iterable(flaws))
        return payouts

    @field_validator("dispositions")
    @classmethod
    def _are_worth_something(cls, dispositions: dict[str, int], info: ValidationInfo) -> dict[str, int]:
        if not dispositions and "dispositions" not in cast(Names, info.context).incomplete:
            hint = "say what each is: `dispositions: {sale: 100%, callback: 50%}`"
            raise_all(
                Invalid("no disposition is worth anything", hint=hint, where=(*where, "on"))
                for where, rule in rules_of(info.data)
                if rule.on is BillableOn.DISPOSITION
            )
        return dispositions

    @field_validator("overflow")
    @classmethod
    def _holds_once(cls, overflow: dict[NoRoute, OverflowConfig]) -> dict[NoRoute, OverflowConfig]:
        """Callers who have waited in vain, or found no place, do not wait again."""
        raise_all(
            Invalid(
                f"{cause} may not hold again",
                expected="campaign, line, message or voicemail",
                at_key=True,
                where=("overflow", cause, "hold"),
            )
            for cause in (NoRoute.QUEUE_FULL, NoRoute.WAITED_TOO_LONG)
            if cause in overflow and overflow[cause].hold is not None
        )
        return overflow


def rules_of(campaign: Mapping[str, Any]) -> Iterator[tuple[Where, BillableConfig | StepConfig | PublisherPayoutConfig]]:
    """(where, rule) of all in a campaign that says when something is owed. `campaign`: its fields, as far as they are valid."""
    if "billable" in campaign:
        yield ("billable",), campaign["billable"]
    prices: dict[Where, Any] = {(name,): campaign[name] for name in ("revenue", "payout") if name in campaign}
    prices |= {("payouts", name): price for name, price in campaign.get("payouts", {}).items()}
    for where, price in prices.items():
        if isinstance(price, PublisherPayoutConfig):
            yield where, price
        yield from (((*where, "steps", index), step) for index, step in enumerate(price.steps or ()))


def _price_flaws(price: RevenueConfig | PublisherPayoutConfig, billable: BillableConfig, where: Where) -> Iterator[Invalid]:
    """Yields what contradicts something else inside a price or beside it. `where`: the path of the price in the campaign."""
    if isinstance(price, RevenueConfig) and billable.at_least is not None and billable.on not in LASTING:
        yield _no_duration(billable.on, is_written=billable.on, where=("billable", "at_least"))
    if isinstance(price, PublisherPayoutConfig) and price.at_least is not None and _event(price, billable) not in LASTING:
        yield _no_duration(_event(price, billable), is_written=price.on, where=(*where, "at_least"))
    reached: dict[BillableOn, int] = {}
    for index, step in enumerate(price.steps or ()):
        event, at = step.on or billable.on, (*where, "steps", index)
        if step.at_least is not None and event not in LASTING:
            yield _no_duration(event, is_written=step.on, where=(*at, "at_least"))
        ms = _threshold_ms(step.at_least, event, billable)
        if event in reached and ms <= reached[event]:
            # Thresholds of one event ascend: in any other order a step could hide behind another.
            message = "steps that do not ascend" if event in LASTING else f"a second step for {quote(event)}"
            hint = "each step of an event needs more than the one before"
            yield Invalid(message, hint=hint, where=(*at, "amount" if step.at_least is None else "at_least"))
        reached[event] = max(ms, reached.get(event, 0))


def _event(price: PublisherPayoutConfig, billable: BillableConfig) -> BillableOn:
    """Returns the event of a payout without steps. One that was left out, since it has an error, may be any."""
    return price.on or billable.on if "on" in vars(price) else BillableOn.CONNECTED_FOR


def _threshold_ms(at_least: int | None, event: BillableOn, billable: BillableConfig) -> int:
    if event not in LASTING:
        return 0
    default = billable.at_least if event is billable.on else None
    return at_least or default or DEFAULT_AT_LEAST_MS


def _no_duration(event: BillableOn, *, is_written: str | None, where: Where) -> Invalid:
    """`is_written`: the event, where the rule names it itself."""
    hint = None if is_written else "add `on: connected_for`"
    expected = "`at_least` with connected_for and total_for only"
    return Invalid(f"{quote(event)} has no duration", expected=expected, hint=hint, at_key=True, where=where)
