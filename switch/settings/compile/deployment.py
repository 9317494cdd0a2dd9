"""Compiles a checked document to a deployment, and computes its version, a digest of its meaning."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path

from ivr.menu import MenuPlan, Node
from routing.expression import Expression, Kind, show
from routing.table import NoRoute
from switch.alert_settings import AlertSettings, SmtpSettings
from switch.billing.terms import Rate
from switch.call.hold_terms import HoldTerms
from switch.call.recording_terms import RecordingTerms
from switch.deployment import (
    Api,
    Console,
    Deployment,
    HepSettings,
    Listener,
    RecordingSettings,
    SwitchSettings,
    TlsSettings,
    Token,
    User,
)
from switch.engine.media import RtpAddress
from switch.engine.plan import Plan, RingbackSound, Trunk
from switch.settings.address import ANYWHERE
from switch.settings.compile.menu import MenuTerms, menu_plan, node_of
from switch.settings.compile.probe import probes_of
from switch.settings.compile.table import groups_of, hours_of, table_of, terms_of
from switch.settings.field import Verified
from switch.settings.model.alerts import AlertsConfig, SmtpConfig
from switch.settings.model.document import Document
from switch.settings.model.party import AuthConfig, LineConfig, ProbeConfig, TrunkAuthConfig, TrunkConfig
from switch.settings.model.ringback import RingbackConfig
from switch.settings.model.switch import HepConfig, ListenerConfig, SwitchConfig, TlsConfig
from switch.settings.prompts import Voices
from switch.settings.value import NatMode, NatRebind
from switch.settings.webhooks import passed_tags, webhooks_of
from switch.sip.digest import Credentials, Secret
from switch.sip.flow import Transport, flow_of
from switch.sip.identity import LineIdentity, TrunkIdentity
from switch.sip.peer import DEFAULT_ALGORITHMS, PeerProfile, Realm
from switch.sip.probe import Watch, probed_uri
from switch.sip.registration import Registrar
from switch.sip.targets import name_of
from switch.sip.transaction import NS_PER_MS
from switch.webhook.terms import Webhook, Webhooks

VERSION_DIGITS = 12


def compiled(document: Document, directory: Path, *, kinds: Mapping[str, Kind]) -> Deployment:
    """The deployment. Its version is a digest of what it means: comments, order of keys and files do not count."""
    hours = {name: hours_of(entry) for name, entry in document.hours.items()}
    nodes = nodes_of(document, kinds=kinds)
    starts = sorted({campaign.menu for campaign in document.campaigns.values() if campaign.menu})
    menus: dict[str, MenuPlan] = {start: menu_plan(start, nodes) for start in starts}
    unversioned = Plan(
        version="",
        table=table_of(document, hours=hours, kinds=kinds),
        terms={name: terms_of(name, campaign) for name, campaign in document.campaigns.items()},
        menus=menus,
        trunks=tuple(_trunk(name, trunk) for name, trunk in sorted(document.trunks.items())),
        headers={tag.header: (name, tag.type) for name, tag in sorted(document.tags.items()) if tag.header},
        tag_kinds=dict(sorted(kinds.items())),
        groups=groups_of(document),
        call_id_header=document.switch.sip.call_id_header,
        line_peers={
            name: replace(_peer(name, line), redirects=_hosts(advertiser.lines.values()), transfers=line.transfers)
            for advertiser in document.advertisers.values()
            for name, line in advertiser.lines.items()
        },
        strangers=_strangers(document.trunks),
        trunk_identities={name: _trunk_identity(trunk) for name, trunk in document.trunks.items()},
        line_identities={
            name: _line_identity(line) for advertiser in document.advertisers.values() for name, line in advertiser.lines.items()
        },
        ringback={
            name: _ringback(campaign.ringback or document.switch.rtp.ringback, document.switch.speech.by_language)
            for name, campaign in document.campaigns.items()
        },
        hold_music={
            name: document.switch.speech.by_language.name(prompt)
            for name, campaign in document.campaigns.items()
            if (prompt := campaign.hold_music or document.switch.rtp.hold_music)
        },
        holds=_holds(document, MenuTerms(kinds=kinds, voices=document.switch.speech.by_language)),
        show_ani=frozenset(did for did, number in document.numbers.items() if number.show_ani),
        recordings=_recordings(document),
        ears=frozenset(name for name, campaign in document.campaigns.items() if campaign.ears),
        watches=_watches(document),
        registrars=_registrars(document.trunks),
        trace=document.switch.sip.trace,
        max_call_ms=document.switch.limits.max_call,
        max_calls=document.switch.limits.max_calls,
        calls_per_second=document.switch.limits.calls_per_second,
    )
    settings = _switch(document, directory)
    webhooks = _webhooks(document)
    switch = document.switch.model_dump(mode="json", exclude={"alerts": True, "sip": {"hep"}})
    secrets = {"api": settings.api, "console": settings.console, "alerts": settings.alerts, "hep": settings.hep}
    probes = probes_of(document, hours)
    there = {**({"webhooks": webhooks} if webhooks.all else {}), **({"probes": probes} if probes else {})}
    version = _digest({"plan": unversioned, "switch": switch, **secrets, **there})
    plan = replace(unversioned, version=version, table=replace(unversioned.table, version=version))
    return Deployment(switch=settings, plan=plan, webhooks=webhooks, probes=probes)


def _webhooks(document: Document) -> Webhooks:
    return Webhooks(
        all=tuple(
            Webhook(
                owner=owner,
                name=str(path[-1]),
                url=each.url,
                events=frozenset(each.events),
                method=each.method,
                query=each.query,
                body=each.body,
                secret=each.secret,
                headers=each.headers,
            )
            for owner, path, each in webhooks_of(document)
        ),
        hosts=tuple(document.switch.webhook_hosts),
        passed=passed_tags(document),
    )


def nodes_of(document: Document, *, kinds: Mapping[str, Kind]) -> dict[str, Node]:
    """Returns the nodes of all menus, unreachable ones included."""
    hours = {name: hours_of(entry) for name, entry in document.hours.items()}
    terms = MenuTerms(kinds=kinds, voices=document.switch.speech.by_language)
    return {name: node_of(name, entry, hours=hours, terms=terms) for name, entry in document.menus.items()}


def _switch(document: Document, directory: Path) -> SwitchSettings:
    switch = document.switch
    tokens = {name: entry.token for name, entry in document.advertisers.items() if entry.token}
    return SwitchSettings(
        listeners=tuple(
            Listener(
                transport=each.transport,
                address=each.address,
                advertised=each.advertise,
                tls=_tls(each, switch.sip.tls, directory),
            )
            for each in switch.sip.listen
        ),
        t1_ms=switch.sip.t1,
        name_servers=tuple(switch.sip.name_servers),
        rtp_addresses=_rtp_addresses(switch),
        rtp_ports=switch.rtp.ports,
        rtp_quiet_ms=switch.rtp.quiet,
        rtp_timeout_ms=switch.rtp.timeout,
        hold_timeout_ms=switch.rtp.hold_timeout,
        workers=switch.rtp.workers,
        transcoders=switch.rtp.transcoders,
        prompts=(directory / switch.prompts).resolve(),
        data=(directory / switch.data).resolve(),
        log=switch.log,
        max_call_ms=switch.limits.max_call,
        max_calls=switch.limits.max_calls,
        drain_ms=switch.limits.drain,
        ledger_url=switch.ledger,
        currency=switch.currency,
        recordings=_kept_recordings(switch, directory),
        api=Api(listen=switch.api.listen, tokens=tokens) if switch.api else None,
        trace_days=switch.sip.trace_days,
        hep=_hep(switch.sip.hep),
        console=_console(document),
        metrics=switch.metrics.listen if switch.metrics else None,
        alerts=_alerts(switch.alerts) if switch.alerts else None,
    )


def _hep(said: HepConfig | None) -> HepSettings | None:
    return None if said is None else HepSettings(to=said.to, capture_id=said.id, password=said.password)


def _alerts(said: AlertsConfig) -> AlertSettings:
    return AlertSettings(
        smtp=_smtp(said.smtp) if said.smtp else None,
        webhook=said.webhook,
        low_balance_micros=said.low_balance,
        disk_free=said.disk_free,
        certificate_days=said.certificate,
        near_misses=said.near_misses,
        usual_calls=said.usual_calls,
        calm_ms=said.calm,
    )


def _smtp(said: SmtpConfig) -> SmtpSettings:
    return SmtpSettings(
        server=said.server,
        sender=said.sender,
        recipients=tuple(said.to),
        starttls=said.starttls,
        username=said.username,
        secret=said.secret,
    )


def _console(document: Document) -> Console | None:
    said = document.switch.console
    if said is None:
        return None
    users = {
        name: User(name=name, role=user.role, party=user.party, password=user.password, listens_to=frozenset(user.listens_to))
        for name, user in sorted(document.users.items())
    }
    return Console(listen=said.listen, session_ms=said.session, users=users)


def _kept_recordings(switch: SwitchConfig, directory: Path) -> RecordingSettings | None:
    said = switch.recordings
    if said.directory is None and said.keep is None:
        return None
    place = directory / switch.data / "recordings" if said.directory is None else directory / said.directory
    return RecordingSettings(directory=place.resolve(), keep_days=said.keep)


def _rtp_addresses(switch: SwitchConfig) -> tuple[RtpAddress, ...]:
    """Where a listener of the same address is before a NAT, audio is too."""
    told = {each.address[0]: each.advertise[0] for each in switch.sip.listen[::-1] if each.advertise}
    return tuple(RtpAddress(local=host, advertised=told.get(host, host)) for host in switch.rtp.hosts(switch.sip.listen))


def _tls(listener: ListenerConfig, common: TlsConfig | None, directory: Path) -> TlsSettings | None:
    certificate, key = (
        (listener.certificate, listener.key) if common is None or listener.certificate else (common.certificate, common.key)
    )
    if listener.transport is not Transport.TLS or certificate is None or key is None:
        return None
    ca = listener.ca or (common and common.ca)
    verify = listener.verify or (Verified.LINES if common is None else common.verify)
    return TlsSettings(
        certificate=(directory / certificate).resolve(),
        key=(directory / key).resolve(),
        ca=(directory / ca).resolve() if ca else None,
        verify_lines=verify is not Verified.NOBODY,
        verify_callers=verify is Verified.EVERYONE,
    )


def _trunk(name: str, trunk: TrunkConfig) -> Trunk:
    listed = [network for network in trunk.addresses if network != ANYWHERE]
    if trunk.registration is not None and name_of(trunk.registration.registrar) is None:  # its calls come from the registrar
        listed.append(ip_network(flow_of(trunk.registration.registrar).host))
    pairs, pairs6 = (
        tuple(sorted((int(network.network_address), int(network.netmask)) for network in listed if network.version == version))
        for version in (4, 6)
    )
    cost = trunk.cost
    rate = Rate(per_minute_micros=cost.per_minute, initial_s=cost.initial, step_s=cost.step) if cost else None
    registrar = None if trunk.registration is None else name_of(trunk.registration.registrar)
    return Trunk(
        name=name,
        networks=tuple(dict.fromkeys(pairs)),
        networks6=tuple(dict.fromkeys(pairs6)),
        names=() if registrar is None else (registrar,),
        rate=rate,
        peer=_trunk_peer(name, trunk),
        per_second=trunk.calls_per_second,
        max_calls=trunk.max_calls,
        probe=trunk.probe,
    )


def _trunk_peer(name: str, trunk: TrunkConfig) -> PeerProfile:
    authenticated = _peer(name, trunk)
    if trunk.auth is None:
        return authenticated
    return replace(authenticated, realm=_realm(trunk.auth, {trunk.auth.username: (authenticated, trunk.auth.secret)}))


def _peer(name: str, peer: TrunkConfig | LineConfig) -> PeerProfile:
    """What trunks and lines have in common."""
    return PeerProfile(
        name=name,
        nat=peer.nat is NatMode.AUTO,
        latch=peer.latch,
        follows_nat=peer.nat_rebind is NatRebind.FOLLOW,
        credentials=_credentials(peer.auth),
        session_expires_s=peer.session_timer,
        codecs=tuple(peer.codecs or ()),
        dtmf=peer.dtmf,
        srtp=peer.srtp,
    )


def _strangers(trunks: Mapping[str, TrunkConfig]) -> Realm | None:
    """Where callers from any address may authenticate: the trunks of any address have one realm, with the same algorithms."""
    found = [
        (trunk.auth, _peer(name, trunk))
        for name, trunk in sorted(trunks.items())
        if trunk.auth is not None and ANYWHERE in trunk.addresses
    ]
    return _realm(found[0][0], {auth.username: (peer, auth.secret) for auth, peer in found}) if found else None


def _realm(auth: TrunkAuthConfig, accounts: Mapping[str, tuple[PeerProfile, Secret]]) -> Realm:
    return Realm(name=auth.realm, accounts=accounts, algorithms=tuple(auth.algorithms or DEFAULT_ALGORITHMS))


def _hosts(lines: Iterable[LineConfig]) -> tuple[str, ...]:
    """The hosts that an advertiser's lines name: where one of them may redirect or transfer a call to."""
    return tuple(sorted({flow_of(line.uri).host.lower() for line in lines}))


def _recordings(document: Document) -> dict[str, RecordingTerms]:
    voices = document.switch.speech.by_language
    return {
        name: RecordingTerms(
            sides=said.sides,
            start=said.start,
            format=said.format,
            notice=None if said.notice is None else voices.name(said.notice),
            pause_key=said.pause_key,
            paused_by=said.paused_by,
        )
        for name, campaign in document.campaigns.items()
        if (said := campaign.recording).sides is not None
    }


def _ringback(said: RingbackConfig, voices: Voices) -> RingbackSound:
    if said.prompt is not None:
        return RingbackSound(prompt=voices.name(said.prompt))
    assert said.country is not None  # noqa: S101 (exactly one of the two is there)
    return RingbackSound(country=said.country)


def _holds(document: Document, terms: MenuTerms) -> dict[str, dict[NoRoute, HoldTerms]]:
    found: dict[str, dict[NoRoute, HoldTerms]] = {}
    for name, campaign in document.campaigns.items():
        for cause, overflow in campaign.overflow.items():
            if (said := overflow.hold) is not None and (said.music is not None or said.announce is not None):
                found.setdefault(name, {})[cause] = HoldTerms(
                    music=terms.name_if(said.music),
                    announce=() if said.announce is None else terms.said(said.announce),
                    every_ms=said.every,
                )
    return found


def _watches(document: Document) -> tuple[Watch, ...]:
    found = []
    for name, trunk in sorted(document.trunks.items()):
        if trunk.health is not None:
            found.append(_watch(f"trunk:{name}", trunk.health.uri, trunk.health, _credentials(trunk.auth)))
    for advertiser in document.advertisers.values():
        for name, line in sorted(advertiser.lines.items()):
            if line.health is not None:
                found.append(_watch(f"line:{name}", line.uri, line.health, _credentials(line.auth)))
    return tuple(watch for watch in found if watch is not None)


def _watch(name: str, uri: str, probe: ProbeConfig, credentials: Credentials | None) -> Watch | None:
    """The host is asked, not the user: it is the host that may be down."""
    if probe.options is None:
        return None
    return Watch(
        name=name,
        uri=probed_uri(uri),
        every_ns=probe.options * NS_PER_MS,
        misses=probe.misses,
        hits=probe.hits,
        credentials=credentials,
    )


def _registrars(trunks: Mapping[str, TrunkConfig]) -> tuple[Registrar, ...]:
    return tuple(
        Registrar(
            trunk=name,
            uri=to.registrar,
            credentials=Credentials(username=to.username, secret=to.secret),
            expires_s=to.expires // 1_000,
            contact_user=to.contact_user or "",
        )
        for name, trunk in sorted(trunks.items())
        if (to := trunk.registration) is not None
    )


def _credentials(auth: AuthConfig | None) -> Credentials | None:
    return None if auth is None else Credentials(username=auth.username, secret=auth.secret)


def _trunk_identity(trunk: TrunkConfig) -> TrunkIdentity:
    return TrunkIdentity(
        number_format=trunk.number_format,
        tech_prefix=trunk.tech_prefix or "",
        did_from=trunk.did_from,
        passes=frozenset(trunk.pass_headers),
    )


def _line_identity(line: LineConfig) -> LineIdentity:
    return LineIdentity(trusted=line.trusted, number_format=line.number_format, passes=frozenset(line.pass_headers))


def _digest(meaning: object) -> str:
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"), default=_plain)
    return sha256(text.encode()).hexdigest()[:VERSION_DIGITS]


def _plain(value: object) -> object:
    """Returns a dataclass as JSON values, with the name of its type, since two types of outcome may have the same fields."""
    if isinstance(value, Expression):
        return show(value)
    if isinstance(value, Secret):
        return sha256(value.reveal().encode()).hexdigest()
    if isinstance(value, Token):
        return value.sha256.hex()
    if isinstance(value, frozenset):
        return sorted(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {"kind": type(value).__name__, **{field.name: getattr(value, field.name) for field in fields(value)}}
    raise TypeError(f"not part of a plan: {type(value).__name__}")
