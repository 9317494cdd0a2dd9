"""Defines the models of the sections `switch` and `tags`, which are not about the parties of a call."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from routing.zone import DEFAULT_ZONE
from switch.settings import address, field, prompt_field
from switch.settings.files import DEFAULT_DATA, DEFAULT_LEDGER
from switch.settings.model.alerts import AlertsConfig, MetricsConfig
from switch.settings.model.base import Entries, Items, Strict, may, must, section, some_of
from switch.settings.model.ringback import RingbackConfig
from switch.settings.model.user import ConsoleConfig
from switch.settings.prompts import Voices
from switch.settings.value import Invalid, raise_all
from switch.sip.flow import Transport


class ListenerConfig(Strict):
    """One address that SIP is spoken on: over UDP, TCP or TLS."""

    udp: field.SipAddress | None = may("SIP over UDP on this address")
    tcp: field.SipAddress | None = may("SIP over TCP on this address")
    tls: field.SipAddress | None = may("SIP over TLS on this address; takes a certificate, here or in `switch.sip.tls`")
    advertise: field.SipAddress | None = may("What peers are told in its place: the public address where a NAT is before it")
    certificate: field.File | None = may("Over TLS, our certificate on this address; default: that of `switch.sip.tls`")
    key: field.File | None = may("Its private key")
    ca: field.File | None = may("Over TLS, certificates that are trusted here; default: those of `switch.sip.tls`")
    verify: field.Verify | None = may("Over TLS, whose certificates must be valid here; default: as `switch.sip.tls` says")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        found = [way for way in ("udp", "tcp", "tls") if getattr(self, way) is not None]
        if len(found) != 1 and not self.model_fields_set - set(type(self).model_fields):
            raise Invalid(f"{' and '.join(found) or 'no address'} where one belongs", expected="exactly one of udp, tcp, tls")
        if self.advertise is not None and (":" in self.advertise[0]) is not (":" in self.address[0]):
            raise Invalid("IPv4 and IPv6 in one listener", expected="an `advertise` of the same kind")
        return self

    @model_validator(mode="after")
    def _has_tls_keys_for_tls(self) -> Self:
        of_tls = [key for key in ("certificate", "key", "ca", "verify") if getattr(self, key) is not None]
        if of_tls and self.tls is None and self.transport is not Transport.TLS:
            raise Invalid(
                f"`{of_tls[0]}` where no TLS is spoken", hint="remove it, or write `tls: ADDRESS:PORT`", where=(of_tls[0],)
            )
        if (self.certificate is None) is not (self.key is None):
            there = "certificate" if self.key is None else "key"
            raise Invalid("a certificate and its key belong together", hint="add the other one", where=(there,))
        return self

    @property
    def transport(self) -> Transport:
        return Transport.UDP if self.udp is not None else Transport.TCP if self.tcp is not None else Transport.TLS

    @property
    def address(self) -> tuple[str, int]:
        found = self.udp or self.tcp or self.tls
        if found is None:
            raise AssertionError("the model has let a listener without an address pass")
        return found


class TlsConfig(Strict):
    """SIP over TLS, 1.2 or newer. Files are PEM, relative to the config directory; a changed one is read anew without a restart."""

    certificate: field.File = must("Our certificate, with those that it is signed by")
    key: field.File = must("Its private key")
    ca: field.File | None = may("Certificates that are trusted; default: the system's")
    verify: field.Verify = may("Whose certificates must be valid: lines, everyone (callers too) or nobody", default="lines")


class HepConfig(Strict):
    """Where the SIP messages of all calls are sent as they come and go, for Homer: HEP version 3 over UDP, secrets masked."""

    to: field.FarAddress = must("The capture server's host and port")
    id: Annotated[int, field.whole(0, 999_999_999)] = may("The number that this switch has there (capture agent)", default="1")
    password: field.SecretText | None = may("What the capture server asks for: {env: NAME}, {file: PATH}, or in quotes")


class SipConfig(Strict):
    """Where and how SIP is spoken."""

    listen: field.Listeners[ListenerConfig] = must(
        "The address that SIP is spoken on over UDP, or a list of such as {tcp: ADDRESS:PORT}: peers are told them"
    )
    tls: TlsConfig | None = may("Certificate and key of TLS listeners that have none of their own")
    t1: field.TimerT1 = may("RFC 3261 timer T1, an estimate of the round trip", default="500ms")
    name_servers: Items[field.NameServer] = some_of("Who is asked for host names; default: those of /etc/resolv.conf")
    trace: field.Trace = may(
        "Of which calls the SIP messages are kept: failed (those that did not connect, or broke), all or off", default="failed"
    )
    trace_days: Annotated[int, field.whole(1, 366)] = may("For how many days they are kept", default="7")
    hep: HepConfig | None = may("Where the SIP messages of all calls are sent to, for Homer; default: nowhere")
    call_id_header: field.CallIdHeader = may(
        "The header of a line's INVITE that tells the call's id; off: none", default="X-Call-ID"
    )

    @field_validator("listen")
    @classmethod
    def _once_each(cls, listen: list[ListenerConfig]) -> list[ListenerConfig]:
        found = [(each.transport is Transport.UDP, each.address) for each in listen]
        raise_all(
            Invalid("this address is there twice", hint="keep one of them", where=("listen", index))
            for index, each in enumerate(found)
            if each in found[:index]
        )
        return listen

    @field_validator("tls")
    @classmethod
    def _has_what_tls_takes(cls, tls: TlsConfig | None, info: ValidationInfo) -> TlsConfig | None:
        listen = info.data.get("listen", ())
        if tls is None and any(each.transport is Transport.TLS and each.certificate is None for each in listen):
            hint = "add `tls: {certificate: FILE, key: FILE}` beside `listen`"
            raise Invalid("a TLS listener without a certificate", hint=hint, where=("listen",))
        return tls


class RtpConfig(Strict):
    """Where audio goes through."""

    address: field.Addresses | None = may(
        "The address that audio comes to; or a list of an IPv4 and an IPv6 address. Default: the first of each in sip.listen"
    )
    ports: field.PortRange = may("Local ports FIRST-LAST. Each call takes two even ones", default=field.DEFAULT_PORTS)
    quiet: field.DurationOrZero = may("How long a port rests between two calls", default="10s")
    timeout: field.Duration = may("A call ends after this long without audio", default="60s")
    hold_timeout: field.Duration = may("A call on hold ends after this long without audio", default="30m")
    ringback: RingbackConfig = may("What a caller hears while a line rings", default="us")
    hold_music: prompt_field.PromptName | None = may(
        "What a caller hears, over and over, while a line holds the call; default: what the line sends"
    )
    workers: Annotated[int, field.whole(1, field.MAX_WORKERS)] = may("Relay processes", default="1")
    transcoders: Annotated[int, field.whole(1, field.MAX_WORKERS)] | None = may(
        "Processes that transcode, where a trunk or line has G722 or OPUS; default: one for each core"
    )

    @field_validator("address")
    @classmethod
    def _one_of_each_family(cls, found: list[str] | None) -> list[str] | None:
        families = [":" in host for host in found or ()]
        raise_all(
            Invalid(f"a second {'IPv6' if is_v6 else 'IPv4'} address", hint="keep one of them", where=("address", index))
            for index, is_v6 in enumerate(families)
            if is_v6 in families[:index]
        )
        return found

    def hosts(self, listen: Sequence[ListenerConfig]) -> tuple[str, ...]:
        """Our address of each family that audio goes over."""
        found: dict[bool, str] = {}
        for host in self.address or [each.address[0] for each in listen]:
            found.setdefault(":" in host, host)
        return tuple(found.values())


class LimitsConfig(Strict):
    """What no call and no load goes beyond."""

    max_call: field.Duration = may("The longest call", default="4h")
    max_calls: field.MaxCalls = may("Live calls; more are refused with 503", default="2000")
    calls_per_second: field.MaxCalls | None = may(
        "New calls a second, on all trunks together; more are refused with 503. Default: no limit"
    )
    drain: field.DurationOrZero = may("How long calls in progress may go on once the switch is told to stop", default="30s")


class ApiConfig(Strict):
    """HTTP, for what advertisers post after a call."""

    listen: field.SocketAddress = must("The TCP address that postbacks are taken on")


class RecordingsConfig(Strict):
    """Where recordings of calls go, and how long they are kept."""

    directory: field.Folder | None = may("Their directory, relative to the config directory; default: recordings, in `data`")
    keep: field.DaysOf | None = may("How long they are kept, such as 90d; default: until somebody deletes them")


class VoiceConfig(Strict):
    """The program that speaks a language: the text comes on its standard input, and it writes a sound file to its standard output."""

    command: prompt_field.Command = must("The program and its arguments, a list; no shell sees them")


class SpeechConfig(Strict):
    """Who speaks the texts that stand in the place of prompts."""

    language: prompt_field.Language = may("The language of texts that name none", default="en-us")
    voices: Entries[prompt_field.Language, VoiceConfig] = section("By language, who speaks it; default: espeak-ng")

    @property
    def by_language(self) -> Voices:
        return Voices(language=self.language, commands={name: tuple(voice.command) for name, voice in self.voices.items()})


class SwitchConfig(Strict):
    """The switch itself: sockets, paths, logging, limits. Changes take a restart, but for `speech`, `alerts`, ringback and hold music."""

    sip: SipConfig = must("Where and how SIP is spoken")
    rtp: RtpConfig = Field(default_factory=RtpConfig, description="Where audio goes through")
    prompts: field.Folder = may(
        "Directory of NAME.wav, .mp3, .ogg or .flac, relative to the config directory", default=field.DEFAULT_PROMPTS
    )
    speech: SpeechConfig = Field(default_factory=SpeechConfig, description="Who speaks texts in the place of prompts")
    data: field.Folder = may(
        "Directory of the journal and the call records, relative to the config directory", default=DEFAULT_DATA
    )
    log: field.LogFormat = may("How the log is written", default="console")
    limits: LimitsConfig = Field(default_factory=LimitsConfig, description="What no call and no load goes beyond")
    zone: field.Zone = may("IANA time zone of cap windows and time tags whose owner names none", default=DEFAULT_ZONE)
    currency: field.Currency = may("ISO 4217 code of all amounts, where people read them", default="USD")
    ledger: field.Ledger = may("sqlite, in `data`; or the URL of a PostgreSQL database, without a password", default=DEFAULT_LEDGER)
    recordings: RecordingsConfig = Field(
        default_factory=RecordingsConfig, description="Where recordings of calls go, and how long they are kept"
    )
    api: ApiConfig | None = may("HTTP, for what advertisers post after a call; default: none")
    webhook_hosts: Items[field.WebhookHost] = some_of(
        "Hosts that webhooks may be sent to: names, *.NAME, and addresses or networks, which may be private. Default: none"
    )
    console: ConsoleConfig | None = may("The pages for people, in a browser; default: none")
    metrics: MetricsConfig | None = may("HTTP for Prometheus and load balancers; default: none")
    alerts: Annotated[AlertsConfig, BeforeValidator(field.blank_is_empty)] | None = may(
        "What people are told of by mail or webhook; default: nothing"
    )

    @field_validator("rtp")
    @classmethod
    def _has_ports_of_its_own(cls, rtp: RtpConfig, info: ValidationInfo) -> RtpConfig:
        listen = info.data["sip"].listen or () if "sip" in info.data else ()
        hosts = rtp.hosts(listen)
        for each in listen:
            host, port = each.address
            if each.transport is Transport.UDP and port in address.even_ports(rtp.ports) and host in hosts:
                where = ("rtp", "ports") if "ports" in rtp.model_fields_set else ("sip", "listen")
                raise Invalid(f"SIP's port {port} is one of the RTP ports", hint="choose a range without it", where=where)
        return rtp


class TagConfig(Strict):
    """Something a call may be known by, beyond the built-in tags."""

    type: field.TagType = must("What its values are")
    header: field.HeaderName | None = may("The header of the INVITE that it is read from; default: menus and numbers set it")
