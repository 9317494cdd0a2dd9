"""Defines the models of the sections `switch` and `tags`, which are not about the parties of a call."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from routing.zone import DEFAULT_ZONE
from switch.settings import address, field
from switch.settings.files import DEFAULT_DATA, DEFAULT_LEDGER
from switch.settings.model.base import Strict, may, must
from switch.settings.value import Invalid


class SipConfig(Strict):
    """SIP over UDP."""

    listen: field.SocketAddress = must("The UDP address that SIP is spoken on: peers are told it")
    t1: field.TimerT1 = may("RFC 3261 timer T1, an estimate of the round trip", default="500ms")
    call_id_header: field.CallIdHeader = may(
        "The header of a line's INVITE that tells the call's id; off: none", default="X-Call-ID"
    )


class RtpConfig(Strict):
    """Where audio goes through."""

    address: field.Address | None = may("The address that peers send audio to; default: that of sip.listen")
    ports: field.PortRange = may("Local ports FIRST-LAST. Each call takes two even ones", default=field.DEFAULT_PORTS)
    quiet: field.DurationOrZero = may("How long a port rests between two calls", default="10s")
    timeout: field.Duration = may("A call ends after this long without audio", default="60s")
    hold_timeout: field.Duration = may("A call on hold ends after this long without audio", default="30m")
    hold_music: field.PromptName | None = may("What a held side hears, over and over; default: silence")
    workers: Annotated[int, field.whole(1, field.MAX_WORKERS)] = may("Relay processes", default="1")


class LimitsConfig(Strict):
    """What no call and no load goes beyond."""

    max_call: field.Duration = may("The longest call", default="4h")
    max_calls: Annotated[int, field.whole(1, field.MAX_CALLS)] = may("Live calls; more are refused with 503", default="2000")
    calls_per_second: Annotated[int, field.whole(1, field.MAX_CALLS)] | None = may(
        "New calls a second, on all trunks together; more are refused with 503. Default: no limit"
    )
    drain: field.DurationOrZero = may("How long calls in progress may go on once the switch is told to stop", default="30s")


class ApiConfig(Strict):
    """HTTP, for what advertisers post after a call."""

    listen: field.SocketAddress = must("The TCP address that postbacks are taken on")


class SwitchConfig(Strict):
    """The switch itself: sockets, paths, logging, limits. Changes take a restart."""

    sip: SipConfig = must("SIP over UDP")
    rtp: RtpConfig = Field(default_factory=RtpConfig, description="Where audio goes through")
    prompts: field.Folder = may("Directory of NAME.wav, relative to the config directory", default=field.DEFAULT_PROMPTS)
    data: field.Folder = may(
        "Directory of the journal and the call records, relative to the config directory", default=DEFAULT_DATA
    )
    log: field.LogFormat = may("How the log is written", default="console")
    limits: LimitsConfig = Field(default_factory=LimitsConfig, description="What no call and no load goes beyond")
    zone: field.Zone = may("IANA time zone of cap windows and time tags whose owner names none", default=DEFAULT_ZONE)
    currency: field.Currency = may("ISO 4217 code of all amounts, where people read them", default="USD")
    ledger: field.Ledger = may("sqlite, in `data`; or the URL of a PostgreSQL database, without a password", default=DEFAULT_LEDGER)
    api: ApiConfig | None = may("HTTP, for what advertisers post after a call; default: none")

    @field_validator("rtp")
    @classmethod
    def _has_ports_of_its_own(cls, rtp: RtpConfig, info: ValidationInfo) -> RtpConfig:
        host, port = info.data["sip"].listen if "sip" in info.data else ("", 0)
        if port in address.even_ports(rtp.ports) and (rtp.address or host) == host:
            where = ("rtp", "ports") if "ports" in rtp.model_fields_set else ("sip", "listen")
            raise Invalid(f"SIP's port {port} is one of the RTP ports", hint="choose a range without it", where=where)
        return rtp


class TagConfig(Strict):
    """Something a call may be known by, beyond the built-in tags."""

    type: field.TagType = must("What its values are")
    header: field.HeaderName | None = may("The header of the INVITE that it is read from; default: menus and numbers set it")
