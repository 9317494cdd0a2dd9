"""Holds what the config decides about calls, whole and consistent: routing table, terms, trunks, menus, and the headers that carry tags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from ivr.menu import MenuPlan
from routing.expression import Kind
from routing.table import NoRoute, Table, ToVoicemail
from switch.billing.terms import Rate, Terms
from switch.call.hold_terms import HoldTerms
from switch.call.recording_terms import RecordingTerms
from switch.engine.sip_trace import TraceMode
from switch.sip.identity import DEFAULT_TRUNK_IDENTITY, LineIdentity, TrunkIdentity
from switch.sip.peer import DEFAULT_PEER, PeerProfile, Realm
from switch.sip.probe import Watch
from switch.sip.registration import Registrar
from switch.sip.targets import Name, name_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A trunk that may send us calls. `networks`, `networks6`: (address, mask) pairs of IPv4 and IPv6 as integers. `rate`: what it bills
    us, or None. `peer`: how SIP treats it. `per_second`: more new calls in any second are refused, `max_calls`: more live ones; None: no
    limit. `names`: host names whose addresses are its own, too. `probe`: its calls are probes': they earn nothing and count nowhere."""

    name: str
    networks: tuple[tuple[int, int], ...]
    networks6: tuple[tuple[int, int], ...] = ()
    rate: Rate | None = None
    peer: PeerProfile = DEFAULT_PEER
    per_second: int | None = None
    max_calls: int | None = None
    names: tuple[Name, ...] = ()
    probe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RingbackSound:
    """What a caller hears while a line rings: the ringing tone of `country` (`media.ringing_tones`), or `prompt` over and over."""

    country: str = "us"
    prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All names used in one part are keys of another.

    `terms` are keyed by campaign, `menus` by the node they start with, as `Campaign.menu` names it. `headers`: by SIP header in lower
    case, the tag it is read into and its kind. `tag_kinds`: every tag there is, built in, declared or set by a menu. `groups`:
    by line, the groups whose caps it shares; a line without any is not there. `max_calls`: more live calls are refused with 503;
    `calls_per_second`: more new calls are so too, None: no limit.
    `call_id_header`: the header of a line's INVITE that carries the call's id; None: no header does.
    `line_peers`: by line, how SIP treats it. `strangers`: where callers from addresses of no trunk may authenticate; None: nowhere.
    `trunk_identities`, `line_identities`: how a trunk tells who calls whom, and what a line is told of it. `show_ani`: the tracking
    numbers whose callers can't withhold their number.
    `ringback`: by campaign, what its callers hear while a line rings; those of one that is not there hear the default.
    `hold_music`: by campaign, the prompt that its callers hear over and over on hold; one that is not there has none.
    `holds`: by campaign and the cause of its overflow, what is heard in that hold queue; in one that is not there it is ringback.
    `recordings`: by campaign, how its calls are recorded; those of one that is not there are not.
    `ears`: the campaigns whose talks are listened to, to tell what was heard.
    `watches`: trunks and lines that are asked by OPTIONS. `registrars`: where trunks are registered.
    `trace`: of which calls the SIP messages are kept.
    """

    version: str
    table: Table
    terms: Mapping[str, Terms]
    trunks: tuple[Trunk, ...]
    max_call_ms: int
    max_calls: int
    calls_per_second: int | None = None
    menus: Mapping[str, MenuPlan] = field(default_factory=dict)
    headers: Mapping[str, tuple[str, Kind]] = field(default_factory=dict)
    tag_kinds: Mapping[str, Kind] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    call_id_header: str | None = None
    line_peers: Mapping[str, PeerProfile] = field(default_factory=dict)
    strangers: Realm | None = None
    trunk_identities: Mapping[str, TrunkIdentity] = field(default_factory=dict)
    line_identities: Mapping[str, LineIdentity] = field(default_factory=dict)
    show_ani: frozenset[str] = frozenset()
    ringback: Mapping[str, RingbackSound] = field(default_factory=dict)
    hold_music: Mapping[str, str] = field(default_factory=dict)
    holds: Mapping[str, Mapping[NoRoute, HoldTerms]] = field(default_factory=dict)
    recordings: Mapping[str, RecordingTerms] = field(default_factory=dict)
    ears: frozenset[str] = frozenset()
    watches: tuple[Watch, ...] = ()
    registrars: tuple[Registrar, ...] = ()
    trace: TraceMode = TraceMode.FAILED

    @property
    def has_use_for_ears(self) -> bool:
        """Returns whether a caller or a line may be asked for a key, or a talk is to be listened to."""
        return (
            bool(self.menus or self.ears)
            or self.has_voicemail
            or any(line.accept is not None and line.accept.key is not None for line in self.table.lines.values())
        )

    @property
    def has_voicemail(self) -> bool:
        """Returns whether a caller may leave a message."""
        return any(isinstance(to, ToVoicemail) for campaign in self.table.campaigns.values() for to in campaign.overflow.values())

    @property
    def records(self) -> bool:
        """Returns whether anything of a call may be recorded."""
        return bool(self.recordings) or self.has_voicemail

    def trunk_of(self, host: str) -> Trunk | None:
        """Returns the trunk that `host`, an IP literal, belongs to, or None."""
        address, is_v6 = int(ip_address(host)), ":" in host
        for trunk in self.trunks:
            if any(address & mask == network for network, mask in (trunk.networks6 if is_v6 else trunk.networks)):
                return trunk
        return None

    def trunk_identity(self, name: str) -> TrunkIdentity:
        """Returns how a trunk tells who calls whom."""
        return self.trunk_identities.get(name, DEFAULT_TRUNK_IDENTITY)

    @property
    def names(self) -> Mapping[Name, tuple[str, ...]]:
        """Returns the host names that DNS is asked for, with the rules that have them: `lines.acme-east.uri`."""
        uris = [(f"lines.{line.name}.uri", line.uri) for line in self.table.lines.values()]
        uris += [(f"trunks.{registrar.trunk}.registration.registrar", registrar.uri) for registrar in self.registrars]
        trunks = [watch for watch in self.watches if watch.name.startswith("trunk:")]
        uris += [(f"trunks.{watch.name.partition(':')[2]}.health.uri", watch.uri) for watch in trunks]
        uris += [(f"lines.{watch.name.partition(':')[2]}.uri", watch.uri) for watch in self.watches if watch not in trunks]
        found: dict[Name, tuple[str, ...]] = {}
        for rule, uri in uris:
            if (name := name_of(uri)) is not None and rule not in found.get(name, ()):
                found[name] = (*found.get(name, ()), rule)
        return found

    @property
    def lines_of_groups(self) -> Mapping[str, tuple[str, ...]]:
        """Returns the lines that share a group's caps, by group."""
        found: dict[str, list[str]] = {}
        for line, groups in self.groups.items():
            for group in groups:
                found.setdefault(group, []).append(line)
        return {group: tuple(lines) for group, lines in found.items()}

    def trunk_named(self, name: str) -> Trunk | None:
        """Returns the trunk with this name, or None."""
        return next((each for each in self.trunks if each.name == name), None)

    def is_probe(self, trunk: str) -> bool:
        """Returns whether the trunk's calls are probes'."""
        found = self.trunk_named(trunk)
        return found is not None and found.probe

    def rate_of(self, trunk: str) -> Rate | None:
        """Returns what the trunk bills us, or None."""
        found = self.trunk_named(trunk)
        return None if found is None else found.rate
