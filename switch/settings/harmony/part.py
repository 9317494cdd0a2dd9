"""Knows what the switch, its trunks and its lines must be in harmony with: no address, port or name belongs to two."""

from collections.abc import Iterator
from ipaddress import IPv4Network

from switch.settings import value as v
from switch.settings.field import DEFAULT_PORTS
from switch.settings.harmony.found import Found, attempt
from switch.settings.names import lines_of, listed, mapping
from switch.settings.problem import Severity, quote
from switch.settings.source import KeyPath, Tree
from switch.settings.value import Unfit
from switch.sip.requests import DEFAULT_PORT
from switch.sip.uri import parse_uri


def parts(tree: Tree) -> Iterator[Found]:
    yield from _lines_twice(tree)
    yield from _overlapping_trunks(tree)
    yield from _ports(tree)
    yield from _lines_to_ourselves(tree)


def _lines_twice(tree: Tree) -> Iterator[Found]:
    for name, spots in lines_of(tree).items():
        for spot in spots[1:]:
            first = spots[0].key or spots[0].value
            hint = f"the first one is at {spots[0].file.path}:{first.line}; line names are unique among all advertisers"
            yield Found(path=(), unfit=Unfit(f"line {quote(name)} is here twice", hint=hint), at_key=True, spot=spot)


def _overlapping_trunks(tree: Tree) -> Iterator[Found]:
    """An address belongs to one trunk: a call's record says who sent it. Networks nest or are apart, so neighbours tell."""
    found: list[tuple[IPv4Network, str, KeyPath]] = []
    for name, trunk in mapping(tree.data.get("trunks")).items():
        for index, raw in enumerate(listed(mapping(trunk).get("addresses"))):
            if network := attempt(v.network, raw):
                found.append((network, name, ("trunks", name, "addresses", index)))
    found.sort(key=lambda one: (one[0].network_address, one[0].prefixlen))
    widest: tuple[IPv4Network, str, KeyPath] | None = None
    for network, name, path in found:
        if widest and network.subnet_of(widest[0]):
            hint = f"{_bare(widest[0])} of {'this trunk' if widest[1] == name else f'trunk {quote(widest[1])}'} has it already"
            yield Found(path=path, unfit=Unfit(f"{_bare(network)} belongs to two entries", hint=hint))
        else:
            widest = network, name, path


def _bare(network: IPv4Network) -> str:
    return str(network.network_address) if network.prefixlen == 32 else str(network)


def _ports(tree: Tree) -> Iterator[Found]:
    switch = mapping(tree.data.get("switch"))
    rtp, limits = mapping(switch.get("rtp")), mapping(switch.get("limits"))
    ports = attempt(v.port_range, rtp.get("ports", DEFAULT_PORTS))
    listen = attempt(v.socket_address, mapping(switch.get("sip")).get("listen"))
    if ports and listen and listen[1] in v.even_ports(ports) and rtp.get("address", listen[0]) == listen[0]:
        path: KeyPath = ("switch", "rtp", "ports") if "ports" in rtp else ("switch", "sip", "listen")
        yield Found(path=path, unfit=Unfit(f"SIP's port {listen[1]} is one of the RTP ports", hint="choose a range without it"))
    calls = attempt(lambda text: v.whole(text, low=1, high=999_999), limits.get("max_calls"))
    if ports and calls and len(v.even_ports(ports)) < 2 * calls:
        room = len(v.even_ports(ports)) // 2
        unfit = Unfit(
            f"max_calls is {calls}, but the RTP ports are enough for {room}", hint="a call takes two even ports of rtp.ports"
        )
        yield Found(path=("switch", "limits", "max_calls"), unfit=unfit, severity=Severity.WARNING)


def _lines_to_ourselves(tree: Tree) -> Iterator[Found]:
    """A line that leads back to the switch: one call would become as many as there may be."""
    listen = attempt(v.socket_address, mapping(mapping(tree.data.get("switch")).get("sip")).get("listen"))
    if listen is None:
        return
    for owner, advertiser in mapping(tree.data.get("advertisers")).items():
        for name, line in mapping(mapping(advertiser).get("lines")).items():
            uri = attempt(v.sip_uri, mapping(line).get("uri"))
            parsed = None if uri is None else parse_uri(uri)
            if parsed is not None and (parsed.host, parsed.port or DEFAULT_PORT) == listen:
                unfit = Unfit("the line is this switch itself", hint="name the advertiser's address")
                yield Found(path=("advertisers", owner, "lines", name, "uri"), unfit=unfit)
