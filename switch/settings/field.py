"""Knows the types of single values, as pydantic checks them and as the JSON Schema describes them to editors.

Does not know which key has which type (`switch.settings.model`). All scalars come in as text; `switch.settings.value` makes types of them.
Names are looked up in the validation context, which is a `Names`.
"""

import re
from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from ivr.menu import DIGITS
from routing.table import NoRoute
from switch.billing.terms import BillableOn
from switch.settings import value as v
from switch.settings.names import Kind, Names
from switch.settings.problem import quote
from switch.settings.source import Blank
from switch.settings.value import Unfit

MAX_CAP = 100_000
MAX_WEIGHT = 1_000
MAX_PRIORITY = 1_000
MAX_WORKERS = 32
MAX_CALLS = 100_000
MAX_RETRIES = 10
MAX_DIGITS = 20
DEFAULT_AT_LEAST = "90s"
DEFAULT_PORTS = "20000-20999"
DEFAULT_PROMPTS = "prompts"
LATER_EVENTS = ("inbound", "dialed", "answered", "accepted", "total_for", "menu_done", "postback", "disposition", "manual")
LATER_CAUSES = ("queue_full", "waited_too_long")
JsonSchema = dict[str, Any]


def _text(raw: object, expected: str) -> str:
    """A scalar; raises Unfit for everything else."""
    match raw:
        case str():
            return raw
        case Blank():
            raise Unfit("no value", expected=expected)
        case _:
            raise Unfit(f"{'a list' if isinstance(raw, list) else 'a mapping'} where one value belongs", expected=expected)


def parsed(parse: Callable[[str], object], expected: str) -> BeforeValidator:
    """Reads a scalar. A default is text too and is read the same way; where it is None, pydantic passes it by."""
    return BeforeValidator(lambda raw: parse(_text(raw, expected)))


def whole(low: int, high: int) -> BeforeValidator:
    return parsed(lambda text: v.whole(text, low=low, high=high), f"a whole number from {low} to {high}")


def _duration(low: int, high: int = v.DAY_MS) -> BeforeValidator:
    return parsed(lambda text: v.duration_ms(text, low=low, high=high), v.DURATION)


def _known(kind: Kind) -> BeforeValidator:
    def check(raw: object, info: ValidationInfo) -> str:
        names = cast(Names, info.context)
        return names.check(kind, _text(raw, f"the name of {kind.one}"))

    return BeforeValidator(check)


def some(message: str, expected: str) -> BeforeValidator:
    """Refuses an empty list or mapping."""

    def check(raw: object) -> object:
        if raw in ([], {}):
            raise Unfit(message, expected=expected)
        return raw

    return BeforeValidator(check)


def blank_is_empty(raw: object) -> object:
    return {} if raw is Blank.BLANK else raw


def _one_is_a_list(raw: object) -> object:
    return [raw] if isinstance(raw, str) else raw


def number_schema(low: int, high: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "integer", "minimum": low, "maximum": high})


def text_schema(pattern: str | None = None) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern} if pattern else {"type": "string"})


Name = Annotated[str, parsed(v.name, v.NAME), text_schema(v.NAME_PATTERN)]
Truth = Annotated[bool, parsed(v.truth, "true or false")]
Duration = Annotated[int, _duration(1), text_schema(v.DURATION_PATTERN)]
DurationOrZero = Annotated[int, _duration(0), text_schema(v.DURATION_PATTERN)]
TimerT1 = Annotated[int, _duration(10, 4_000), text_schema(v.DURATION_PATTERN)]  # RFC 3261 §17.1.2.2: T1 is at most T2, 4 s
Amount = Annotated[
    int,
    parsed(v.amount_micros, v.AMOUNT),
    WithJsonSchema({"type": ["number", "string"], "minimum": 0, "pattern": v.AMOUNT_PATTERN}),
]
CapLimit = Annotated[int, whole(1, MAX_CAP), number_schema(1, MAX_CAP)]
E164 = Annotated[str, parsed(v.e164, v.E164), text_schema(v.E164_PATTERN)]
SocketAddress = Annotated[tuple[str, int], parsed(v.socket_address, v.SOCKET_ADDRESS), text_schema()]
Address = Annotated[str, parsed(v.address, v.ADDRESS), text_schema()]
Network = Annotated[IPv4Network, parsed(v.network, v.NETWORK), text_schema()]
PortRange = Annotated[tuple[int, int], parsed(v.port_range, v.PORT_RANGE), text_schema(v.RANGE_PATTERN)]
SipUri = Annotated[str, parsed(v.sip_uri, v.SIP_URI), text_schema("^[Ss][Ii][Pp]:")]
LineName = Annotated[str, _known(Kind.LINE), text_schema()]
CampaignName = Annotated[str, _known(Kind.CAMPAIGN), text_schema()]
MenuName = Annotated[str, _known(Kind.MENU), text_schema()]
HoursName = Annotated[str, _known(Kind.HOURS), text_schema()]
PublisherName = Annotated[str, _known(Kind.PUBLISHER), text_schema()]
PromptName = Annotated[str, _known(Kind.PROMPT), text_schema()]


def _folder(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise Unfit("no directory", expected="a directory, relative to the config directory")
    return text


def _log(text: str) -> str:
    if text not in ("console", "json"):
        raise Unfit(f"unknown log format {quote(text)}", expected="console or json", hint=v.nearest(text, ("console", "json")))
    return text


def _event(text: str) -> str:
    if text in LATER_EVENTS:
        raise Unfit(f"{quote(text)} is not supported yet", expected="connected_for", hint="other events come later")
    if text not in tuple(BillableOn):
        raise Unfit(f"unknown event {quote(text)}", expected="connected_for", hint=v.nearest(text, tuple(BillableOn)))
    return text


def _threshold(text: str) -> int:
    if text == "0" or re.fullmatch(r"0+(ms|s|m|h)", text):
        raise Unfit("a threshold of zero says nothing", expected="a duration of at least 1ms", hint="name the event with `on:`")
    return v.duration_ms(text)


def _cause(text: str) -> str:
    causes = tuple(cause.value for cause in NoRoute)
    if text in LATER_CAUSES:
        raise Unfit(f"{quote(text)} is not supported yet", expected=", ".join(causes), hint="hold queues come later")
    if text not in causes:
        raise Unfit(f"unknown cause {quote(text)}", expected=", ".join(causes), hint=v.nearest(text, causes))
    return text


def _answer(text: str) -> str:
    if not 1 <= len(text) <= MAX_DIGITS or not set(text) <= DIGITS:
        raise Unfit(f"bad key {quote(text)}", expected="DTMF digits: 0-9 * # A-D, in quotes")
    return text


def _days(text: str) -> str:
    v.day_range(text)
    return text


def _block(text: str) -> tuple[int, int]:
    return v.block(text)


Folder = Annotated[str, parsed(_folder, "a directory"), text_schema()]
LogFormat = Annotated[Literal["console", "json"], parsed(_log, "console or json")]
Event = Annotated[BillableOn, parsed(_event, "connected_for"), WithJsonSchema({"const": "connected_for"})]
Threshold = Annotated[int, parsed(_threshold, v.DURATION), text_schema(v.DURATION_PATTERN)]
Cause = Annotated[
    NoRoute, parsed(_cause, "a cause"), WithJsonSchema({"type": "string", "enum": [cause.value for cause in NoRoute]})
]
Answer = Annotated[str, parsed(_answer, "DTMF digits"), text_schema(r"^[0-9*#A-D]{1,20}$")]
Days = Annotated[str, parsed(_days, v.DAY_RANGE), text_schema(v.DAYS_PATTERN)]
Block = Annotated[tuple[int, int], parsed(_block, v.BLOCK), text_schema(v.BLOCK_PATTERN)]


_NEVER_OPEN = some("no hours: this would never be open", v.BLOCK)
Blocks = Annotated[
    list[Block],
    _NEVER_OPEN,
    BeforeValidator(_one_is_a_list),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": v.BLOCK_PATTERN},
                {"type": "array", "items": {"type": "string", "pattern": v.BLOCK_PATTERN}, "minItems": 1},
            ],
            "description": v.BLOCK,
        }
    ),
]


def _hangup(raw: object, info: ValidationInfo) -> str | bool:
    text = _text(raw, "the name of a prompt, or true for none")
    if text == "true":
        return True
    names = cast(Names, info.context)
    return names.check(Kind.PROMPT, text)


HangUpAfter = Annotated[str | bool, BeforeValidator(_hangup), WithJsonSchema({"anyOf": [{"const": True}, {"type": "string"}]})]


Tags = Annotated[
    dict[Name, Annotated[str, parsed(str, "a text"), WithJsonSchema({"type": ["string", "number"]})]],
    BeforeValidator(blank_is_empty),
]
