"""Defines a deployment: the settings that the shell around the engine needs, and the plan that the engine runs. No YAML here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Literal

from media.prompts.prompt import Prompt
from switch.alert_settings import AlertSettings
from switch.engine.media import RtpAddress
from switch.engine.plan import Plan
from switch.probe_settings import ProbeSettings
from switch.sip.digest import Secret
from switch.sip.flow import Flow, Transport
from switch.sip.targets import Name
from switch.webhook.terms import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A secret that identifies an advertiser. The secret itself is not kept, so that nothing can show it."""

    sha256: bytes

    def matches(self, presented: str) -> bool:
        """Whether the text presented is this token, compared in constant time."""
        return compare_digest(self.sha256, _digest(presented))

    def __repr__(self) -> str:
        return "Token(...)"


def token_of(secret: str) -> Token:
    return Token(sha256=_digest(secret))


def _digest(secret: str) -> bytes:
    return sha256(secret.encode(errors="surrogatepass")).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """HTTP for postbacks. `listen`: its TCP address. `tokens`: by advertiser; one that has none posts nothing."""

    listen: tuple[str, int]
    tokens: Mapping[str, Token]

    def advertiser_of(self, presented: str) -> str | None:
        """Returns the advertiser that the token belongs to, or None. All tokens are compared, so that the time taken reveals nothing."""
        owners = [owner for owner, token in self.tokens.items() if token.matches(presented)]
        return owners[0] if owners else None


class Role(StrEnum):
    """What somebody who is logged in to the console may see and do."""

    OPS = "ops"
    """Sees and changes all."""
    VIEWER = "viewer"
    """Sees all."""
    PUBLISHER = "publisher"
    """Sees the calls of its numbers, and what it earns."""
    ADVERTISER = "advertiser"
    """Sees the calls that its lines were dialled for, and what it owes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`party`: the publisher or advertiser that it belongs to; None: none. `password`: an argon2id hash. `listens_to`: the campaigns whose
    calls it may listen in to."""

    name: str
    role: Role
    party: str | None
    password: Secret
    listens_to: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The pages for people. `listen`: its TCP address. `session_ms`: how long a log-in lasts that is not used."""

    listen: tuple[str, int]
    session_ms: int
    users: Mapping[str, User] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """Files in PEM. `ca`: of those whose certificates are trusted; None: the system's. `verify_lines`: a line's certificate must be for its
    host name. `verify_callers`: whoever connects to us must show one too."""

    certificate: Path
    key: Path
    ca: Path | None
    verify_lines: bool
    verify_callers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """An address that SIP is spoken on. `advertised`: what peers are told in its place; None: itself. `tls`: over TLS."""

    transport: Transport
    address: tuple[str, int]
    advertised: tuple[str, int] | None = None
    tls: TlsSettings | None = None

    def __str__(self) -> str:
        host, port = self.address
        return f"{self.transport.lower()}:[{host}]:{port}" if ":" in host else f"{self.transport.lower()}:{host}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettings:
    """`directory`: of recordings. `keep_days`: how long they are kept; None: for ever."""

    directory: Path
    keep_days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HepSettings:
    """Where SIP messages are sent to by HEP. `capture_id`: ours there. `password` None: none is asked for."""

    to: tuple[str, int]
    capture_id: int
    password: Secret | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchSettings:
    """Sockets, paths, logging and limits.

    `listeners`: where SIP is spoken. `rtp_addresses`: ours of each family that audio goes over. `rtp_ports`: first and last port, both
    included; legs use the even ones.
    `rtp_quiet_ms`: how long a port rests between two legs. `rtp_timeout_ms`: silence after which a leg counts as lost;
    `hold_timeout_ms`: the same of one that is on hold. `drain_ms`: how long calls may go on once the switch is told to stop.
    `transcoders` None: one for each core.
    `name_servers`: addresses and ports; none: those of /etc/resolv.conf.
    `recordings`: where recordings go; None: to `data`, for ever.
    `trace_days`: how long SIP messages are kept. `hep`: where they are sent to; None: nowhere.
    `ledger_url`: the database of the ledger; None: SQLite in `data`. `api` None: nothing is posted. `console` None: there is none.
    `metrics`: the TCP address that they are served on. `currency`: ISO 4217, of all amounts.
    """

    listeners: tuple[Listener, ...]
    t1_ms: int
    rtp_addresses: tuple[RtpAddress, ...]
    rtp_ports: tuple[int, int]
    rtp_quiet_ms: int
    rtp_timeout_ms: int
    hold_timeout_ms: int
    workers: int
    prompts: Path
    data: Path
    log: Literal["console", "json"]
    max_call_ms: int
    max_calls: int
    drain_ms: int = 30_000
    ledger_url: str | None = None
    api: Api | None = None
    console: Console | None = None
    metrics: tuple[str, int] | None = None
    alerts: AlertSettings | None = None
    currency: str = "USD"
    transcoders: int | None = None
    name_servers: tuple[tuple[str, int], ...] = ()
    recordings: RecordingSettings | None = None
    trace_days: int = 7
    hep: HepSettings | None = None

    @property
    def recordings_in(self) -> RecordingSettings:
        """Returns where recordings go."""
        return self.recordings or RecordingSettings(directory=self.data / "recordings", keep_days=None)

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Returns the listeners as peers reach them, by their numbers."""
        return tuple(Flow(*(each.advertised or each.address), each.transport, index) for index, each in enumerate(self.listeners))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A config directory, compiled: it loaded without an error. `places`: where the plan's host names are written, file:line:column.
    `prompts`: what its plan plays, by name. `webhooks`: who is told of calls by HTTP. `probes`: by name."""

    switch: SwitchSettings
    plan: Plan
    places: Mapping[Name, str] = field(default_factory=dict)
    prompts: Mapping[str, Prompt] = field(default_factory=dict)
    webhooks: Webhooks = field(default_factory=Webhooks)
    probes: Mapping[str, ProbeSettings] = field(default_factory=dict)

    @property
    def prompt_keys(self) -> dict[str, str]:
        """Returns the keys of prompts, by name, as media workers are told them."""
        return {name: prompt.key for name, prompt in self.prompts.items()}

    @property
    def prompt_lengths_ms(self) -> dict[str, int]:
        """Returns how long prompts play, by name."""
        return {name: prompt.length_ms for name, prompt in self.prompts.items()}
