"""Defines the types of single values, as pydantic checks them and as the JSON Schema describes them to editors.

Which key has which type is defined in `switch.settings.model`. All scalars come in as text; `switch.settings.value` parses them.
Names are looked up in the validation context, which is a `Names`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BeforeValidator, GetJsonSchemaHandler, InstanceOf, ValidationInfo, WithJsonSchema
from pydantic_core import CoreSchema, PydanticOmit
from pydantic_core.core_schema import no_info_plain_validator_function

from ivr.menu import DIGITS, MAX_DIGITS
from routing import expression as filters
from routing.cap import Counts, Per
from routing.expression import BadExpression, Expression
from routing.table import NoRoute, NumberState, RepeatRoute, RepeatScope, Sort
from switch.billing.terms import BillableOn, Tiers
from switch.call.recording_terms import PausedBy, RecordingFormat, Sides, StartsAt
from switch.codec import Codec
from switch.deployment import Role, Token, token_of
from switch.engine.sip_trace import TraceMode
from switch.settings import address
from switch.settings import value as v
from switch.settings.names import EntryKind, Names
from switch.settings.problem import quote
from switch.settings.secret import WAYS, secret_of
from switch.settings.source import NoValue
from switch.settings.value import Invalid
from switch.sip.digest import Algorithm, Secret
from switch.sip.identity import DidFrom
from switch.sip.peer import DEFAULT_ALGORITHMS, DtmfMode, LatchMode, TransferMode
from switch.sip.sdes import SrtpMode
from switch.sip.telephone import NumberFormat

MAX_CAP = 100_000
MAX_COUNT = 100_000_000
MAX_WEIGHT = 1_000
MAX_PRIORITY = 1_000
MAX_WORKERS = 32
MAX_CALLS = 100_000
MAX_RETRIES = 10
MAX_ATTEMPTS = 20
MAX_FAILURES = 100
MAX_PER_SECOND = 1_000
MAX_PLACES = 1_000
LONGEST_MS = v.MAX_DAYS * v.DAY_MS
DEFAULT_AT_LEAST = "90s"
DEFAULT_REALM = "payphone"
DEFAULT_PORTS = "20000-20999"
DEFAULT_PROMPTS = "prompts"
# The ways an attempt may end that a retry can follow.
RETRIED = (NoRoute.NO_ANSWER, NoRoute.BUSY, NoRoute.FAILED)
# An operator declares no balance: prepaid does; and no second: `calls_per_second` does.
PERIODS = tuple(per for per in Per if per not in (Per.BALANCE, Per.SECOND))
# Of numbers that a trunk sends, and of those that a line is sent.
FORMATS_IN = (NumberFormat.NATIONAL, NumberFormat.E164, NumberFormat.RAW)
FORMATS_OUT = (NumberFormat.E164, NumberFormat.PLAIN, NumberFormat.NATIONAL)
JsonSchema = dict[str, Any]


def scalar_text(raw: object, expected: str) -> str:
    """A scalar; raises Invalid for everything else."""
    match raw:
        case str():
            return raw
        case NoValue.LEFT_OUT:
            raise PydanticOmit
        case NoValue():
            raise Invalid("no value", expected=expected)
        case _:
            raise Invalid(f"{'a list' if isinstance(raw, list) else 'a mapping'} where one value belongs", expected=expected)


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A type that only `parse` makes: pydantic need not know what it is made of. `schema`: its JSON Schema, where no other is annotated.

    A default is text too and is read the same way; where it is None, pydantic passes it by.
    """

    parse: Callable[[object], object]
    schema: JsonSchema | None = None

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        del source, handler
        return no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return handler(schema) if self.schema is None else dict(self.schema)


def scalar(parse: Callable[[str], object], expected: str, schema: JsonSchema | None = None) -> Made:
    """Reads a scalar."""
    return Made(lambda raw: parse(raw if isinstance(raw, str) else scalar_text(raw, expected)), schema)


def whole(low: int, high: int) -> Made:
    schema = {"type": "integer", "minimum": low, "maximum": high}
    return scalar(lambda text: v.whole(text, low=low, high=high), f"a whole number from {low} to {high}", schema)


def _duration(low: int, high: int = v.DAY_MS) -> Made:
    return scalar(lambda text: v.duration_ms(text, low=low, high=high), v.DURATION)


def _known(kind: EntryKind) -> BeforeValidator:
    def check(raw: object, info: ValidationInfo) -> str:
        names = cast(Names, info.context)
        return names.check(kind, scalar_text(raw, f"the name of {kind.one}"))

    return BeforeValidator(check)


def some(message: str, expected: str) -> BeforeValidator:
    """Refuses an empty list or mapping."""

    def check(raw: object) -> object:
        if raw in ([], {}):
            raise Invalid(message, expected=expected)
        return raw

    return BeforeValidator(check)


def without_left_out(raw: object) -> object:
    """What has an error is not there for those who look at the rest."""
    if raw is NoValue.LEFT_OUT:
        raise PydanticOmit
    return raw


def blank_is_empty(raw: object) -> object:
    return {} if raw is NoValue.NULL else without_left_out(raw)


def one_udp_listener(raw: object) -> object:
    """A bare address is a list of one UDP listener."""
    without_left_out(raw)
    if isinstance(raw, str):
        address.sip_address(raw)  # an error in it is one of the whole
        return [{"udp": raw}]
    return raw


def _one_is_a_list(raw: object) -> object:
    without_left_out(raw)
    return [raw] if isinstance(raw, str) else raw


def choice(what: str, options: Iterable[StrEnum] | Mapping[str, object]) -> Made:
    """One word of a closed list."""
    by_word = options if isinstance(options, Mapping) else {option.value: option for option in options}

    def parse(text: str) -> object:
        if text not in by_word:
            hint = v.nearest(text, by_word) or v.nearest(text.upper(), by_word)
            raise Invalid(f"unknown {what} {quote(text)}", expected=", ".join(by_word), hint=hint)
        return by_word[text]

    return scalar(parse, ", ".join(by_word), {"type": "string", "enum": list(by_word)})


def text_schema(pattern: str | None = None) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern} if pattern else {"type": "string"})


Name = Annotated[str, scalar(v.name, v.NAME), text_schema(v.NAME_PATTERN)]
Truth = Annotated[bool, scalar(v.truth, "true or false", {"type": "boolean"})]
Duration = Annotated[int, _duration(1), text_schema(v.DURATION_PATTERN)]
DurationOrZero = Annotated[int, _duration(0), text_schema(v.DURATION_PATTERN)]
TimerT1 = Annotated[int, _duration(10, 4_000), text_schema(v.DURATION_PATTERN)]  # RFC 3261 §17.1.2.2: T1 is at most T2, 4 s
AnnouncementInterval = Annotated[int, _duration(10_000, 600_000), text_schema(v.DURATION_PATTERN)]
ProbeInterval = Annotated[int, _duration(10_000, 3_600_000), text_schema(v.DURATION_PATTERN)]  # carriers want no faster than 10 s
ProbeLimit = Annotated[int, _duration(1_000, 60_000), text_schema(v.DURATION_PATTERN)]  # of a probe's call, which costs money
ProbeEvery = Annotated[int, _duration(60_000), text_schema(v.DURATION_PATTERN)]
SessionLength = Annotated[int, _duration(60_000, 30 * v.DAY_MS), text_schema(v.DURATION_PATTERN)]  # of the console
RegistrationTime = Annotated[int, _duration(60_000), text_schema(v.DURATION_PATTERN)]
SessionTimer = Annotated[int | None, scalar(v.session_timer, v.SESSION_TIMER), text_schema(v.SESSION_TIMER_PATTERN)]
MaxCalls = Annotated[int, whole(1, MAX_CALLS)]
CallsPerSecond = Annotated[int, whole(1, MAX_PER_SECOND)]
Amount = Annotated[
    int,
    scalar(v.amount_micros, v.AMOUNT),
    WithJsonSchema({"type": ["number", "string"], "minimum": 0, "pattern": v.AMOUNT_PATTERN}),
]
Seconds = Annotated[int, scalar(v.whole_seconds, v.DURATION), text_schema(v.DURATION_PATTERN)]
MessageLength = Annotated[int, _duration(5_000, 30 * 60_000), text_schema(v.DURATION_PATTERN)]  # of voicemail
LongDuration = Annotated[int, _duration(1, LONGEST_MS), text_schema(v.DURATION_PATTERN)]
DaysOf = Annotated[int, scalar(v.days, v.WHOLE_DAYS), text_schema(r"^[0-9]{1,3}d$")]
PercentBp = Annotated[int, scalar(v.percent_bp, v.PERCENT), text_schema(v.PERCENT_PATTERN)]
Share = Annotated[int, scalar(v.share, v.SHARE), WithJsonSchema({"enum": list(v.SHARES)})]
Zone = Annotated[str, scalar(v.zone, v.ZONE), text_schema()]
Currency = Annotated[str, scalar(v.currency, v.CURRENCY), text_schema(v.CURRENCY_PATTERN)]
Since = Annotated[datetime, scalar(v.instant, v.INSTANT), text_schema(v.INSTANT_PATTERN)]
Calendar = Annotated[str, scalar(v.calendar, v.CALENDAR), text_schema(v.CALENDAR_PATTERN)]
HeaderName = Annotated[str, scalar(v.header, v.HEADER), text_schema(v.HEADER_PATTERN)]
CallIdHeader = Annotated[str | None, scalar(v.call_id_header, v.CALL_ID_HEADER), text_schema(v.HEADER_PATTERN)]
PassedHeader = Annotated[str, scalar(v.passed_header, v.PASSED_HEADER), text_schema(v.HEADER_PATTERN)]
TechPrefix = Annotated[str, scalar(v.tech_prefix, v.TECH_PREFIX), text_schema(v.TECH_PREFIX_PATTERN)]
CapLimit = Annotated[int, whole(1, MAX_CAP)]
E164 = Annotated[str, scalar(address.number, address.E164), text_schema(address.E164_PATTERN)]
SocketAddress = Annotated[tuple[str, int], scalar(address.socket_address, address.SOCKET_ADDRESS), text_schema()]
SipAddress = Annotated[tuple[str, int], scalar(address.sip_address, address.SIP_ADDRESS), text_schema()]
FarAddress = Annotated[tuple[str, int], scalar(address.far_address, address.FAR_ADDRESS), text_schema()]
NameServer = Annotated[tuple[str, int], scalar(address.name_server, address.NAME_SERVER), text_schema()]
_Network = Annotated[IPv4Network | IPv6Network, scalar(address.network, address.NETWORK), text_schema()]
Networks = Annotated[
    list[_Network],
    some("a trunk without addresses", address.NETWORK),
    BeforeValidator(_one_is_a_list),
    WithJsonSchema({"anyOf": [{"const": "any"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
WebhookHost = Annotated[str, scalar(address.webhook_host, address.WEBHOOK_HOST), text_schema()]
PortRange = Annotated[tuple[int, int], scalar(address.port_range, address.PORT_RANGE), text_schema(address.RANGE_PATTERN)]
SipUri = Annotated[str, scalar(address.sip_uri, address.SIP_URI), text_schema("^[Ss][Ii][Pp]:")]
LineName = Annotated[str, _known(EntryKind.LINE), text_schema()]
CampaignName = Annotated[str, _known(EntryKind.CAMPAIGN), text_schema()]
MenuName = Annotated[str, _known(EntryKind.MENU), text_schema()]
HoursName = Annotated[str, _known(EntryKind.HOURS), text_schema()]
PublisherName = Annotated[str, _known(EntryKind.PUBLISHER), text_schema()]
AdvertiserName = Annotated[str, _known(EntryKind.ADVERTISER), text_schema()]
DeclaredTag = Annotated[str, _known(EntryKind.TAG), text_schema()]


def _folder(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise Invalid("no directory", expected="a directory, relative to the config directory")
    return text


def _threshold(text: str) -> int:
    if text and not text.strip("0msh") and "0" in text:
        raise Invalid("a threshold of zero says nothing", expected="a duration of at least 1ms", hint="name the event with `on:`")
    return v.duration_ms(text)


def _keys(most: int, expected: str) -> Made:
    """DTMF digits, at most so many."""

    def parse(text: str) -> str:
        if not 1 <= len(text) <= most or not set(text) <= DIGITS:
            raise Invalid(f"bad key {quote(text)}", expected=expected)
        return text

    return scalar(parse, expected, {"type": "string", "pattern": f"^[0-9*#A-D]{'' if most == 1 else f'{{1,{most}}}'}$"})


def _days(text: str) -> str:
    v.day_range(text)
    return text


def _file(raw: object, info: ValidationInfo) -> str:
    """A file that is there and can be read, relative to the config directory."""
    text = scalar_text(raw, "a file, relative to the config directory")
    directory = cast(Names, info.context).directory
    if not text.strip() or "\0" in text:
        raise Invalid("no file", expected="a file, relative to the config directory")
    if directory is not None:
        path = directory / text
        try:
            if not path.is_file():
                raise Invalid(f"there is no file {quote(text)}", hint="its path is relative to the config directory")
            path.open("rb").close()
        except OSError as error:
            raise Invalid(f"the file {quote(text)} cannot be read: {error.strerror}") from error
    return text


class Verified(StrEnum):
    """Whose certificates must be valid."""

    LINES = "lines"
    EVERYONE = "everyone"
    NOBODY = "nobody"


class OrText:
    """In the JSON Schema, a text may stand in the place of it."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"anyOf": [{"type": "string"}, handler(schema)]}


_Address = Annotated[str, scalar(address.address, address.ADDRESS), text_schema()]
Addresses = Annotated[list[_Address], some("no address", address.ADDRESS), BeforeValidator(_one_is_a_list), OrText()]
T = TypeVar("T")
Listeners = Annotated[
    list[T],
    some("no listener", "at least one address"),
    BeforeValidator(one_udp_listener),
    OrText(),
]
File = Annotated[str, BeforeValidator(_file), text_schema()]
Trace = Annotated[TraceMode, choice("word", TraceMode)]
Verify = Annotated[Verified, choice("word", Verified)]
Folder = Annotated[str, scalar(_folder, "a directory"), text_schema()]
LogFormat = Annotated[Literal["console", "json"], choice("log format", {word: word for word in ("console", "json")})]
Event = Annotated[BillableOn, choice("event", BillableOn)]
Threshold = Annotated[int, scalar(_threshold, v.DURATION), text_schema(v.DURATION_PATTERN)]
Cause = Annotated[NoRoute, choice("cause", NoRoute)]
Retried = Annotated[NoRoute, choice("end of an attempt", RETRIED)]
Counted = Annotated[Counts, choice("count", Counts)]
Period = Annotated[Per, choice("period", PERIODS)]
Codecs = Annotated[
    list[Annotated[Codec, choice("codec", Codec.__members__)]],
    some("no codec", f"at least one of {', '.join(Codec.__members__)}"),
    BeforeValidator(without_left_out),
]
Dtmf = Annotated[DtmfMode, choice("dtmf", DtmfMode)]
Srtp = Annotated[SrtpMode, choice("srtp", SrtpMode)]
Transfers = Annotated[TransferMode, choice("transfers", TransferMode)]
Nat = Annotated[v.NatMode, choice("nat", v.NatMode)]
NatRebind = Annotated[v.NatRebind, choice("nat_rebind", v.NatRebind)]
Latch = Annotated[LatchMode, choice("latch", LatchMode)]
MustBeHeard = Annotated[v.MustBeHeard, choice("heard", v.MustBeHeard)]
AnswerMode = Annotated[v.AnswerWhen, choice("answer", v.AnswerWhen)]
State = Annotated[NumberState, choice("state", NumberState)]
FormatIn = Annotated[NumberFormat, choice("format", FORMATS_IN)]
FormatOut = Annotated[NumberFormat, choice("format", FORMATS_OUT)]
DidPlace = Annotated[DidFrom, choice("place", DidFrom)]
SortMode = Annotated[Sort, choice("sort", Sort)]
Scope = Annotated[RepeatScope, choice("scope", RepeatScope)]
RepeatTo = Annotated[RepeatRoute, choice("route", RepeatRoute)]
TiersMode = Annotated[Tiers, choice("way", Tiers)]
TagType = Annotated[filters.Kind, choice("type", filters.Kind)]
Answer = Annotated[str, _keys(MAX_DIGITS, "DTMF digits: 0-9 * # A-D, in quotes")]
Recorded = Annotated[Sides | None, choice("word", {"off": None, **{sides.value: sides for sides in Sides}})]
RecordingStart = Annotated[StartsAt, choice("moment", StartsAt)]
RecordingFile = Annotated[RecordingFormat, choice("format", RecordingFormat)]
PausedBySide = Annotated[PausedBy, choice("side", PausedBy)]
OneKey = Annotated[str, _keys(1, "one DTMF digit, in quotes")]
Days = Annotated[str, scalar(_days, v.DAY_RANGE), text_schema(v.DAYS_PATTERN)]
Block = Annotated[tuple[int, int], scalar(v.block, v.BLOCK), text_schema(v.BLOCK_PATTERN)]


def _block_schema(description: str, *others: JsonSchema) -> WithJsonSchema:
    block: JsonSchema = {"type": "string", "pattern": v.BLOCK_PATTERN}
    return WithJsonSchema({"anyOf": [*others, block, {"type": "array", "items": block, "minItems": 1}], "description": description})


NEVER_OPEN = some("no hours: this would never be open", v.BLOCK)
Blocks = Annotated[list[Block], NEVER_OPEN, BeforeValidator(_one_is_a_list), _block_schema(v.BLOCK)]


def _limit(raw: object, info: ValidationInfo) -> int:
    """Money where revenue is counted, else a number."""
    if info.data.get("count") is Counts.REVENUE:
        return v.amount_micros(scalar_text(raw, v.AMOUNT))
    text = scalar_text(raw, "a whole number")
    try:
        return v.whole(text, low=1, high=MAX_COUNT)
    except Invalid as error:
        error.hint = "only `count: revenue` has amounts" if "." in text else None
        raise


Limit = Annotated[int, BeforeValidator(_limit), WithJsonSchema({"type": ["number", "string"], "minimum": 0})]


def _filter(text: str) -> Expression:
    try:
        return v.parse_filter(text)
    except BadExpression as bad:
        raise Invalid(bad.message, expected=bad.expected, at=bad.column) from bad


def _secret(raw: object, info: ValidationInfo) -> Secret:
    names = cast(Names, info.context)
    return secret_of(without_left_out(raw), names.directory)


def _password_hash(raw: object, info: ValidationInfo) -> Secret:
    """Empty where the config was in force once: hashes are not kept."""
    text = scalar_text(raw, v.PASSWORD_HASH)
    return Secret(v.password_hash(text)) if cast(Names, info.context).directory is not None else Secret("")


_ELSEWHERE: JsonSchema = {
    "type": "object",
    "properties": {way: {"type": "string"} for way in WAYS},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}
SecretText = Annotated[
    InstanceOf[Secret], BeforeValidator(_secret), WithJsonSchema({"anyOf": [_ELSEWHERE, {"type": "string", "minLength": 1}]})
]
PasswordHash = Annotated[InstanceOf[Secret], BeforeValidator(_password_hash), text_schema(v.PASSWORD_HASH_PATTERN)]
UserRole = Annotated[Role, choice("role", Role)]
Realm = Annotated[str, scalar(v.realm, v.REALM), text_schema()]
DigestAlgorithms = Annotated[
    list[Annotated[Algorithm, choice("algorithm", DEFAULT_ALGORITHMS)]],
    some("a challenge without an algorithm", ", ".join(DEFAULT_ALGORITHMS)),
    BeforeValidator(without_left_out),
]
Username = Annotated[str, scalar(v.username, v.USERNAME), text_schema(v.USERNAME_PATTERN)]
AdvertiserToken = Annotated[Token, scalar(lambda text: token_of(v.token(text)), v.TOKEN), text_schema(v.TOKEN_PATTERN)]
Filter = Annotated[Expression, scalar(_filter, "a filter such as: state in [TX, OK] and age >= 65"), text_schema()]


Ledger = Annotated[str | None, scalar(v.ledger, v.LEDGER), text_schema()]


def _valid(text: str) -> tuple[int, int] | str:
    """Bounds, or a regular expression."""
    return v.pattern(text) if text.startswith("/") else v.whole_range(text)


Valid = Annotated[tuple[int, int] | str, scalar(_valid, v.VALID), text_schema(v.VALID_PATTERN)]


def _closed_or_list(raw: object) -> object:
    if raw == "closed":
        return []
    if raw == []:
        raise Invalid("no hours", expected=v.DATE_BLOCK, hint="write closed")
    return _one_is_a_list(raw)


def _date_block(text: str) -> tuple[int, int]:
    start, end = v.block(text)
    if end <= start:
        raise Invalid(f"{text} ends on the day after", expected=v.DATE_BLOCK, hint="write the part after midnight under that date")
    return start, end


DateBlocks = Annotated[
    list[Annotated[tuple[int, int], scalar(_date_block, v.DATE_BLOCK)]],
    BeforeValidator(_closed_or_list),
    _block_schema(v.DATE_BLOCK, {"const": "closed"}),
]
DateText = Annotated[str, scalar(v.date_of, v.DATE), text_schema(v.DATE_PATTERN)]


def _true_only(text: str) -> bool:
    if not v.truth(text):
        raise Invalid("`false` says nothing here", expected="true")
    return True


OnlyTrue = Annotated[bool, scalar(_true_only, "true"), WithJsonSchema({"const": True})]

Tags = Annotated[
    dict[Name, Annotated[str, scalar(str, "a text", {"type": ["string", "number", "boolean"]})]],
    BeforeValidator(blank_is_empty),
]
