"""Knows the shape of those who bring, carry and buy calls: trunks, publishers, numbers, advertisers, lines, groups, and their caps."""

from typing import Annotated

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from switch.settings import value as v
from switch.settings.field import (
    MAX_FAILURES,
    Amount,
    CampaignName,
    CapLimit,
    Counted,
    Duration,
    DurationOrZero,
    Filter,
    HoursName,
    JsonSchema,
    Limit,
    LineName,
    LongDuration,
    Name,
    Network,
    OneKey,
    Period,
    PromptName,
    PublisherName,
    Seconds,
    Since,
    SipUri,
    State,
    Tags,
    TokenText,
    Truth,
    Zone,
    number_schema,
    some,
    whole,
)
from switch.settings.model.base import Strict, may, must, section, some_of


class Cap(Strict):
    """A cap of any kind but `cap`, which is calls at once."""

    count: Counted = may("What is counted", default="attempt")
    per: Period = must("Over which time; calendar windows begin at the boundary in `zone`")
    limit: Limit | None = may("At most so many; an amount where revenue is counted")
    every: LongDuration | None = may("With `per: spacing`: the least time between two attempts")
    zone: Zone | None = may("IANA time zone of the window; default: the campaign's, or switch.zone")
    since: Since | None = may("With `per: total`: what counts, from this date on; a later one resets it")
    strict: Truth = may("Calls that may still come to count are counted already", default="false")


class Capped(Strict):
    """Whatever may have caps."""

    cap: CapLimit | None = may("Calls at once, ringing ones too; default: no cap")
    caps: list[Cap] = some_of("More caps; the first that is full closes it")


class Cost(Strict):
    """What the carrier bills us."""

    per_minute: Amount = must("Billed by the second")
    initial: Seconds = may("The least that is billed, in whole seconds", default="6s")
    step: Seconds = may("Billed in steps of this, rounded up", default="6s")


class Trunk(Capped):
    """A carrier that sends calls."""

    addresses: Annotated[list[Network], some("a trunk without addresses", v.NETWORK)] = must(
        "IPv4 addresses and networks whose calls are taken; all others are met with silence"
    )
    cost: Cost | None = may("What it bills us; default: nothing is reckoned")


class Publisher(Capped):
    """Who advertises tracking numbers and earns the payout."""

    paused: Truth = may("Refuse all calls of this publisher's numbers", default="false")

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"anyOf": [handler(schema), {"type": "null"}], "description": "All its keys may be left out"}


class Number(Capped):
    """A tracking number."""

    publisher: PublisherName = must("Who advertises it")
    campaign: CampaignName = must("What is sold to its callers")
    state: State = may("Only an assigned number takes calls", default="assigned")
    tags: Tags = section("What every call to it is known by")


class Group(Capped):
    """Lines that share caps."""

    lines: Annotated[list[LineName], some("a group without lines", "at least one line")] = must("Its lines")


class Accept(Strict):
    """The advertiser takes the call by a key."""

    prompt: PromptName = must("What he hears when he answers")
    key: OneKey = may("The key that takes the call", default="1")
    wait: Duration = may("No key by then declines the call", default="10s")


class Health(Strict):
    """When a line is left alone for a while."""

    failures: Annotated[int, whole(1, MAX_FAILURES), number_schema(1, MAX_FAILURES)] = may(
        "So many attempts in a row that failed or were met with silence", default="3"
    )
    rest: Duration = may("For how long", default="60s")


class Line(Capped):
    """One SIP URI of an advertiser."""

    uri: SipUri = must("Where it is dialled; its host is an IPv4 address")
    ring: Duration = may("How long it may ring", default="30s")
    silence: Duration = may("How long it may stay silent before it counts as dead", default="5s")
    timer_offset: DurationOrZero = may("Taken off the talk time that money is judged on", default="0s")
    hours: HoursName | None = may("When it is open; default: always")
    paused: Truth = may("Never dial it", default="false")
    filter: Filter | None = may("Which calls it takes; default: all")
    accept: Accept | None = may("The advertiser takes the call by a key; default: by answering")
    whisper: PromptName | None = may("What the advertiser hears before the caller; default: nothing")
    health: Health | None = may("When it is left alone for a while; default: never")


class Prepaid(Strict):
    """Calls stop when revenue has used up what was paid in advance."""

    credit: Amount = may("How far below zero the balance may go", default="0")


class Advertiser(Capped):
    """Who buys calls."""

    lines: dict[Name, Line] = must("Its lines; their names are unique among all advertisers")
    prepaid: Prepaid | None = may("Calls stop when revenue has used up deposits and credit; default: billed afterwards")
    token: TokenText | None = may("What its postbacks are known by; secret")
