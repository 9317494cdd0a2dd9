"""PURE. How a probe's call is placed: to whom, from which address, as whom, with which codecs. Made from the config as the switch has it.

To a number: as a carrier calls, from the address and with the credentials of a trunk of probes. To a line: as the switch calls it, from the
switch's own address, with its caller's name, its credentials, codecs and certificates; past the switch, so nothing of it counts.
"""

from dataclasses import asdict, dataclass
from ipaddress import IPv4Address

from switch.codec import Codec
from switch.deployment import Deployment, Listener, TlsSettings
from switch.engine.plan import Trunk
from switch.probe_settings import ProbeSettings
from switch.sip.digest import Credentials
from switch.sip.flow import Transport, transport_of
from switch.sip.headers import SipUri, parse_uri
from switch.sip.identity import DEFAULT_LINE_IDENTITY, asserted_identity, line_caller, sender
from switch.sip.peer import DEFAULT_PEER, PeerProfile

ANY_HOST, LOOPBACK = "0.0.0.0", "127.0.0.1"
USUAL_CODECS = (Codec.PCMU, Codec.PCMA)
_WAYS = (Transport.UDP, Transport.TCP, Transport.TLS)
"""In the order that a probe prefers them."""


class CannotPlace(Exception):
    """Why such a call can't be placed, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Paths; "": none."""

    ca: str = ""
    certificate: str = ""
    key: str = ""
    verify: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedCall:
    """`host`: the address of ours that the phone uses; `advertised`: what the far end is told. `caller`: its From. `headers`: more of its
    INVITE's. `username` "": no credentials. `codecs`: names, the best first."""

    uri: str
    transport: str
    host: str
    advertised: str
    caller: str
    headers: tuple[tuple[str, str], ...] = ()
    username: str = ""
    secret: str = ""
    codecs: tuple[str, ...] = ()
    dtmf: str = "auto"
    srtp: str = "off"
    tls: TlsFiles = TlsFiles()

    def spec(self, *, play: str, record: str, log: str) -> dict[str, object]:
        """Returns what `switch.probe.phone` is told. `play`: its tone; `record`, `log`: files that it writes; no log: ""."""
        return {**asdict(self), "play": play, "record": record, "log": log}

    def __repr__(self) -> str:
        return f"PlacedCall({self.uri})"  # without the secret


def placed_call(deployment: Deployment, probe: ProbeSettings) -> PlacedCall:
    """Raises CannotPlace."""
    return _to_number(deployment, probe, probe.number) if probe.number is not None else _to_line(deployment, probe)


def trunk_of(deployment: Deployment, probe: ProbeSettings) -> Trunk:
    """Returns the trunk that calls of a number's probe come from. Raises CannotPlace."""
    found = [each for each in deployment.plan.trunks if each.probe and probe.trunk in (None, each.name)]
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(sorted(each.name for each in found))
        raise CannotPlace(f"several trunks are probes: say which with `trunk:` in `probes:`, or --trunk {names}")
    raise CannotPlace("no trunk is a probe's: add `probe: {addresses: [127.0.0.9], probe: true}` to `trunks:`, or name a line")


def _to_number(deployment: Deployment, probe: ProbeSettings, number: str) -> PlacedCall:
    trunk = trunk_of(deployment, probe)
    listener = min((each for each in deployment.switch.listeners if ":" not in each.address[0]), key=_rank, default=None)
    if listener is None:
        raise CannotPlace("a probe speaks IPv4 alone, and `switch.sip.listen` has no such address")
    ours, port = listener.address
    host = _single_host(trunk) or ours
    prefix = deployment.plan.trunk_identity(trunk.name).tech_prefix
    params = () if listener.transport is Transport.UDP else (("transport", listener.transport.lower()),)
    uri = SipUri(user=prefix + number, host=LOOPBACK if ours == ANY_HOST else ours, port=port, params=params)
    return _placed(
        trunk.peer,
        uri=str(uri),
        transport=listener.transport,
        host=host,
        advertised=LOOPBACK if host == ANY_HOST else host,
        caller=sender(probe.caller, host=LOOPBACK if host == ANY_HOST else host, uri=str(uri)),
        tls=TlsFiles(verify=False),  # it is ourselves, by an address that a certificate need not name
    )


def _to_line(deployment: Deployment, probe: ProbeSettings) -> PlacedCall:
    name = probe.line or ""
    uri = deployment.plan.table.lines[name].uri
    parsed = parse_uri(uri)
    if parsed is None or ":" in parsed.host:
        raise CannotPlace(f"a probe speaks IPv4 alone, and line {name} is {uri}")
    transport = transport_of(parsed) or Transport.UDP
    listener = next((each for each in deployment.switch.listeners if each.transport is transport and _is_v4(each)), None)
    host = ANY_HOST if listener is None else listener.address[0]
    advertised = host if listener is None or listener.advertised is None else listener.advertised[0]
    identity = deployment.plan.line_identities.get(name, DEFAULT_LINE_IDENTITY)
    caller = line_caller(probe.caller, identity, is_private=False)
    named = "" if advertised == ANY_HOST else advertised
    return _placed(
        deployment.plan.line_peers.get(name, DEFAULT_PEER),
        uri=uri,
        transport=transport,
        host=host,
        advertised=named,
        caller=sender(caller.shown, host=named or LOOPBACK, uri=uri),
        headers=asserted_identity(caller.asserted, host=named or LOOPBACK, uri=uri),
        tls=TlsFiles() if listener is None or listener.tls is None else _files(listener.tls),
    )


def _placed(
    peer: PeerProfile,
    *,
    uri: str,
    transport: Transport,
    host: str,
    advertised: str,
    caller: str,
    tls: TlsFiles,
    headers: tuple[tuple[str, str], ...] = (),
) -> PlacedCall:
    known: Credentials | None = peer.credentials
    return PlacedCall(
        uri=uri,
        transport=transport.value,
        host=host,
        advertised=advertised,
        caller=caller,
        headers=headers,
        username="" if known is None else known.username,
        secret="" if known is None else known.secret.reveal(),
        codecs=tuple(codec.name for codec in peer.codecs or USUAL_CODECS),
        dtmf=peer.dtmf.value,
        srtp=peer.srtp.value,
        tls=tls,
    )


def _rank(listener: Listener) -> int:
    return _WAYS.index(listener.transport)


def _is_v4(listener: Listener) -> bool:
    return ":" not in listener.address[0]


def _single_host(trunk: Trunk) -> str | None:
    """Returns the first single address that the trunk has, or None."""
    whole = 2**32 - 1
    return next((str(IPv4Address(address)) for address, mask in trunk.networks if mask == whole), None)


def _files(tls: TlsSettings) -> TlsFiles:
    return TlsFiles(ca=str(tls.ca or ""), certificate=str(tls.certificate), key=str(tls.key), verify=tls.verify_lines)
