"""The shape of call tests as they are written in YAML, and the names of the config that they may use.

Names are looked up in the validation context, which is a `ConfigNames`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, cast

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, ValidationInfo, WithJsonSchema, model_validator
from pydantic_core import CoreSchema

from ivr.menu import DIGITS
from routing.cap import Cap
from routing.expression import Kind
from routing.tags import BUILT_IN, FROM_CARRIER
from switch.call.record import EndedBy, FinalState
from switch.engine.plan import Plan
from switch.settings import address
from switch.settings.field import (
    E164,
    Amount,
    DurationOrZero,
    JsonSchema,
    LongDuration,
    Truth,
    Zone,
    choice,
    scalar,
    some,
    text_schema,
    whole,
)
from switch.settings.model.base import Strict, may, must, section, some_of
from switch.settings.problem import Position, quote
from switch.settings.value import Invalid, nearest
from switch.simulation.call_script import LineBehaviour

MAX_LISTED = 6
MAX_TIMES = 1_000
MAX_SEED = 1_000_000
MAX_NAME = 200
YEARS = range(2000, 2100)
ANONYMOUS = "anonymous"
OTHERS = "others"
AT_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?$"
AT = "a date and time such as 2026-03-02T12:00, with its zone (Z, -05:00) or local to `zone`"
DIGITS_PATTERN = r"^[0-9*#A-D]*$"
BEHAVIOURS = (LineBehaviour.ANSWERS, LineBehaviour.BUSY, LineBehaviour.FAILS, LineBehaviour.RINGS, LineBehaviour.SILENT)
"""What a line may do when it is dialled."""


class NameKind(StrEnum):
    """What a call test names, in the words of a message."""

    LINE = "line"
    NUMBER = "number"
    CAMPAIGN = "campaign"
    PUBLISHER = "publisher"
    ADVERTISER = "advertiser"
    TRUNK = "trunk"
    PROMPT = "prompt"
    CAP = "cap"
    TAG = "tag"
    HEADER_TAG = "header tag"


_ONE = {
    NameKind.ADVERTISER: "an advertiser",
    NameKind.NUMBER: "a tracking number",
    NameKind.CAP: "a cap of this config",
    NameKind.TAG: "a tag that the record of a call may have",
    NameKind.HEADER_TAG: "a tag that a header of the INVITE is read into (section `tags`)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigNames:
    """What a config has. `names`: by kind, where each is written, if it is. `caps`: by key. `header_tags`, `tags`: what each tag holds."""

    names: Mapping[NameKind, Mapping[str, Position | None]]
    caps: Mapping[str, Cap]
    header_tags: Mapping[str, Kind]
    tags: Mapping[str, Kind]

    def check(self, kind: NameKind, name: str) -> str:
        """The name, if it is one; raises Invalid with the nearest that is."""
        known = self.names[kind]
        if name not in known:
            raise Invalid(f"unknown {kind} {quote(name)}", expected=_expected(kind, known), hint=nearest(name, known))
        return name


def names_of_plan(plan: Plan, positions: Mapping[str, Position], *, prompts: Iterable[str]) -> ConfigNames:
    """Everything that tests of this plan may name. `prompts`: those that it plays."""
    table = plan.table
    caps = {cap.key: cap for cap in table.caps()}
    header_tags = {**dict(plan.headers.values()), **{name: BUILT_IN[name] for name in FROM_CARRIER}}
    advertisers = {line.advertiser for line in table.lines.values()}

    def placed(names: Iterable[str], part: str) -> dict[str, Position | None]:
        return {name: positions.get(f"{part}.{name}") for name in names}

    names: dict[NameKind, Mapping[str, Position | None]] = {
        NameKind.LINE: placed(table.lines, "lines"),
        NameKind.NUMBER: placed(table.numbers, "numbers"),
        NameKind.CAMPAIGN: placed(table.campaigns, "campaigns"),
        NameKind.PUBLISHER: placed(table.publishers, "publishers"),
        NameKind.ADVERTISER: placed(advertisers, "advertisers"),
        NameKind.TRUNK: placed((trunk.name for trunk in plan.trunks), "trunks"),
        NameKind.PROMPT: dict.fromkeys(sorted(prompts)),
        NameKind.CAP: dict.fromkeys(caps),
        NameKind.TAG: dict.fromkeys(plan.tag_kinds),
        NameKind.HEADER_TAG: dict.fromkeys(header_tags),
    }
    return ConfigNames(names=names, caps=caps, header_tags=header_tags, tags=plan.tag_kinds)


def _expected(kind: NameKind, known: Mapping[str, Position | None]) -> str:
    """As a config problem says it: from which file, and on which lines."""
    one = _ONE.get(kind, f"a {kind}")
    if not known:
        return f"{one}, but there is none"
    files = {place.file for place in known.values() if place is not None}
    if len(files) != 1 or None in known.values():
        return f"{one}: {_listed(list(known))}"
    return f"{one} from {files.pop()}: {_listed([f'{name} (line {place.line})' for name, place in known.items() if place])}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more


def _named(kind: NameKind) -> BeforeValidator:
    def check(raw: object, info: ValidationInfo) -> str:
        if not isinstance(raw, str):
            raise Invalid("one name belongs here", expected=_ONE.get(kind, f"the name of a {kind}"))
        return cast(ConfigNames, info.context).check(kind, raw)

    return BeforeValidator(check)


def _one_is_a_list(raw: object) -> object:
    return [raw] if isinstance(raw, str) else raw


def _instant(text: str) -> datetime:
    """With its zone, or without one: then somebody else has to say which."""
    try:
        found = datetime.fromisoformat(text) if re.fullmatch(AT_PATTERN, text) else None
    except ValueError:
        found = None
    if found is None or found.year not in YEARS:
        raise Invalid(f"bad time {quote(text)}", expected=AT)
    return found


def _caller(text: str) -> str:
    if text == ANONYMOUS:
        return text
    try:
        return address.number(text)
    except Invalid as error:
        error.expected = f"{address.E164}, or {ANONYMOUS}"
        raise


def _caller_before(text: str) -> str:
    return text if text == OTHERS else _caller(text)


def _digits(text: str) -> str:
    if bad := sorted(set(text) - DIGITS):
        raise Invalid(f"no phone sends {quote(''.join(bad))}", expected="DTMF digits: 0-9 * # A-D, in quotes")
    return text


def _title(text: str) -> str:
    if not text.strip() or len(text) > MAX_NAME:
        raise Invalid("a test needs a name", expected=f"what it shows, in at most {MAX_NAME} characters")
    return text


LineName = Annotated[str, _named(NameKind.LINE), text_schema()]
CampaignName = Annotated[str, _named(NameKind.CAMPAIGN), text_schema()]
PublisherName = Annotated[str, _named(NameKind.PUBLISHER), text_schema()]
AdvertiserName = Annotated[str, _named(NameKind.ADVERTISER), text_schema()]
TrunkName = Annotated[str, _named(NameKind.TRUNK), text_schema()]
PromptName = Annotated[str, _named(NameKind.PROMPT), text_schema()]
CapKey = Annotated[str, _named(NameKind.CAP), text_schema()]
TagName = Annotated[str, _named(NameKind.TAG), text_schema()]
HeaderTag = Annotated[str, _named(NameKind.HEADER_TAG), text_schema()]
TagText = Annotated[str, scalar(str, "a value", {"type": ["string", "number", "boolean"]})]
Title = Annotated[str, scalar(_title, "what the test shows"), text_schema()]
Instant = Annotated[datetime, scalar(_instant, AT), text_schema(AT_PATTERN)]
Caller = Annotated[str, scalar(_caller, address.E164), text_schema()]
CallerBefore = Annotated[str, scalar(_caller_before, address.E164), text_schema()]
Pressed = Annotated[str, scalar(_digits, "DTMF digits, in quotes"), text_schema(DIGITS_PATTERN)]
Seed = Annotated[int, whole(0, MAX_SEED)]
State = Annotated[FinalState, choice("state", FinalState)]
Ender = Annotated[EndedBy, choice("side", EndedBy)]
TalkEnder = Annotated[EndedBy, choice("side", (EndedBy.CALLER, EndedBy.LINE))]
_ONE_OR_MORE = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]})
AnyLine = Annotated[list[LineName], BeforeValidator(_one_is_a_list), _ONE_OR_MORE]
Prompts = Annotated[list[PromptName], BeforeValidator(_one_is_a_list), _ONE_OR_MORE]
SipCode = Annotated[int, whole(200, 699)]


class LineEntry(Strict):
    """What a line does when it is dialled; a bare word stands for it alone."""

    does: Annotated[LineBehaviour, choice("behaviour", BEHAVIOURS)] = may(
        "answers, busy, fails, rings (and nobody answers) or silent (it does not even ring)", default="answers"
    )
    after: DurationOrZero = may("From its INVITE to its answer, or refusal", default="2s")
    talks: LongDuration = may("How long the two talk", default="120s")
    ended_by: TalkEnder = may("Who hangs up then: caller or line", default="caller")
    accepts: Truth = may("Whether it takes a call that has to be accepted by key", default="true")
    accepts_after: DurationOrZero = may("From its answer to that key", default="2s")

    @model_validator(mode="before")
    @classmethod
    def _bare_word(cls, raw: object) -> object:
        return {"does": raw} if isinstance(raw, str) else raw

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"anyOf": [{"type": "string", "enum": [behaviour.value for behaviour in BEHAVIOURS]}, handler(schema)]}


def _line_or_others(raw: object, info: ValidationInfo) -> str:
    return OTHERS if raw == OTHERS else cast(ConfigNames, info.context).check(NameKind.LINE, str(raw))


Lines = dict[Annotated[str, BeforeValidator(_line_or_others), text_schema()], LineEntry]


class CallEntry(Strict):
    """One call. What is left out comes from `defaults`."""

    to: Annotated[E164 | None, Field(description="The tracking number that is called")] = None
    caller: Caller | None = Field(default=None, alias="from", description="The caller's number, or anonymous")
    at: Instant | None = may("When: 2026-03-02T12:00, with its zone (Z, -05:00) or local to `zone`")
    zone: Zone | None = may("IANA zone of an `at` without one; default: that of the number's campaign")
    digits: Pressed | None = may("What the caller presses, one each time a menu waits")
    tags: dict[HeaderTag, TagText] = section("What the carrier or publisher passes in headers, by tag")
    trunk: TrunkName | None = may("The trunk it comes by; default: the first one")
    gives_up_after: LongDuration | None = may("The caller hangs up when no talk has begun by then; default: never")
    voicemail: DurationOrZero | None = may(
        "How long the caller speaks in voicemail, to press # then where `digits` has that next, or to hang up; default: 20s"
    )
    seed: Seed | None = may("What chance is drawn from; default: 1")


class EarlierCallEntry(CallEntry):
    """Calls that were made before. What is left out is as in the call of the test."""

    caller: CallerBefore | None = Field(
        default=None, alias="from", description="The caller's number, anonymous, or others: each from a number of its own"
    )
    ago: LongDuration | None = may("How long before the call of the test; or say `at`")
    times: Annotated[int, whole(1, MAX_TIMES)] = may("How many such calls", default="1")
    every: DurationOrZero = may("The time from one of them to the next", default="1s")
    lines: Lines = section("What lines do in these calls; others do as in the test")


class ExpectEntry(Strict):
    """What has to come out. Only what is written is looked at."""

    line: AnyLine | None = may("The line that the caller talked to, the last one; of a list, any")
    tried: list[LineName] | None = may("All lines that were dialled, in order; [] for none")
    state: State | None = may("How the call ended")
    campaign: CampaignName | None = may("The campaign that had it in the end, overflow included")
    publisher: PublisherName | None = may("The publisher of the number")
    hears: Prompts | None = may("Prompts the caller heard: these, in this order; others may come between")
    voicemail: DurationOrZero | None = may("How long the message is that the caller left")
    revenue: Amount | None = may("What the advertisers owe")
    payout: Amount | None = may("What the publisher earns")
    connected: Annotated[DurationOrZero | None, Field(description="Talk time, as money counts it")] = None
    ended_by: Ender | None = may("Who ended the call")
    sip: SipCode | None = may("The final answer that the caller's INVITE got")
    tags: dict[TagName, TagText] = section("Tags of its record")

    @model_validator(mode="after")
    def _something(self) -> "ExpectEntry":
        if not self.model_fields_set:
            raise Invalid("nothing is expected", expected=f"one or more of {', '.join(type(self).model_fields)}")
        return self


class CallTestEntry(Strict):
    """One call, what the world is like around it, and what has to come of it."""

    name: Title = must("What it shows, in words")
    call: CallEntry = Field(default_factory=CallEntry, description="The call")
    lines: Lines = section("What lines do; all others answer after 2 s and talk for 120 s")
    full: list[CapKey] = some_of("Caps that are full, such as line:acme-east or advertiser:acme/conversion/day")
    used: dict[CapKey, TagText] = section("Caps that others have used so much of; amounts where revenue is counted")
    deposits: dict[AdvertiserName, Amount] = section("What advertisers have paid in advance")
    earlier: list[EarlierCallEntry] = some_of("Calls that came before, in the same world")
    expect: ExpectEntry = must("What has to come of it")


class DefaultsEntry(Strict):
    """What all tests of a file share. What a test says itself goes over it, key by key."""

    call: CallEntry = Field(default_factory=CallEntry, description="The call")
    lines: Lines = section("What lines do")
    deposits: dict[AdvertiserName, Amount] = section("What advertisers have paid in advance")


class CallTestFile(Strict):
    """One file of call tests."""

    defaults: DefaultsEntry = Field(default_factory=DefaultsEntry, description="What all tests of the file share")
    tests: Annotated[list[CallTestEntry], some("a file without tests", "at least one test")] = Field(
        description="The tests", json_schema_extra={"minItems": 1}
    )
