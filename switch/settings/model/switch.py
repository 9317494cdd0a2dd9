"""Knows the shape of the sections that are not about calls' parties: the switch itself, and tags."""

from typing import Annotated

from pydantic import Field

from switch.settings.field import (
    DEFAULT_PORTS,
    DEFAULT_PROMPTS,
    MAX_CALLS,
    MAX_WORKERS,
    Address,
    Duration,
    DurationOrZero,
    Folder,
    HeaderName,
    Ledger,
    LogFormat,
    PortRange,
    SocketAddress,
    TagType,
    TimerT1,
    Zone,
    number_schema,
    whole,
)
from switch.settings.ledger_place import DEFAULT_DATA, DEFAULT_LEDGER, DEFAULT_ZONE
from switch.settings.model.base import Strict, may, must


class Sip(Strict):
    """SIP over UDP."""

    listen: SocketAddress = must("The UDP address that SIP is spoken on: peers are told it")
    t1: TimerT1 = may("RFC 3261 timer T1, an estimate of the round trip", default="500ms")


class Rtp(Strict):
    """Where audio goes through."""

    address: Address | None = may("The address that peers send audio to; default: that of sip.listen")
    ports: PortRange = may("Local ports FIRST-LAST. Each call takes two even ones", default=DEFAULT_PORTS)
    quiet: DurationOrZero = may("How long a port rests between two calls", default="10s")
    timeout: Duration = may("A call ends after this long without audio", default="60s")
    workers: Annotated[int, whole(1, MAX_WORKERS), number_schema(1, MAX_WORKERS)] = may("Relay processes", default="1")


class Limits(Strict):
    """What no call and no load goes beyond."""

    max_call: Duration = may("The longest call", default="4h")
    max_calls: Annotated[int, whole(1, MAX_CALLS), number_schema(1, MAX_CALLS)] = may(
        "Live calls; more are refused with 503", default="2000"
    )


class Api(Strict):
    """HTTP, for what advertisers post after a call."""

    listen: SocketAddress = must("The TCP address that postbacks are taken on")


class Switch(Strict):
    """The switch itself: sockets, paths, logging, limits. Changes take a restart."""

    sip: Sip = must("SIP over UDP")
    rtp: Rtp = Field(default_factory=Rtp, description="Where audio goes through")
    prompts: Folder = may("Directory of NAME.wav, relative to the config directory", default=DEFAULT_PROMPTS)
    data: Folder = may("Directory of the journal and the call records, relative to the config directory", default=DEFAULT_DATA)
    log: LogFormat = may("How the log is written", default="console")
    limits: Limits = Field(default_factory=Limits, description="What no call and no load goes beyond")
    zone: Zone = may("IANA time zone of cap windows and time tags whose owner names none", default=DEFAULT_ZONE)
    ledger: Ledger = may("sqlite, in `data`; or the URL of a PostgreSQL database, without a password", default=DEFAULT_LEDGER)
    api: Api | None = may("HTTP, for what advertisers post after a call; default: none")


class Tag(Strict):
    """Something a call may be known by, beyond the built-in tags."""

    type: TagType = must("What its values are")
    header: HeaderName | None = may("The header of the INVITE that it is read from; default: menus and numbers set it")
