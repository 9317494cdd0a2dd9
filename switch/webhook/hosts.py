"""Decides which hosts may be sent to: names by an allow-list, and addresses that the Internet routes, or that are listed."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address


def allows_name(host: str, hosts: Iterable[str]) -> bool:
    """Whether a host name is listed: as it is, or below one that is listed with `*.` in front."""
    name = host.lower().rstrip(".")
    return any(name == each or (each.startswith("*.") and name.endswith(each[1:])) for each in map(str.lower, hosts))


def allows_address(address: Address, hosts: Iterable[str], *, listed: bool = False) -> bool:
    """Whether something may be sent to the address: it is in a network that is listed, or, without `listed`, of the public Internet.

    An IPv6 address that means one of IPv4 (mapped, 6to4, Teredo, NAT64) goes by that one.
    """
    inner = _inner(address)
    if any(each in network for network in _networks(hosts) for each in {address, inner} if each.version == network.version):
        return True
    return not listed and inner.is_global and address_is_public(inner)


def address_is_public(address: Address) -> bool:
    """`is_global` of older Python releases takes some that are not."""
    return not (address.is_private or address.is_loopback or address.is_link_local or address.is_multicast or address.is_reserved)


_NAT64 = IPv6Network("64:ff9b::/96")


def _inner(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _networks(hosts: Iterable[str]) -> Iterable[IPv4Network | IPv6Network]:
    for host in hosts:
        try:
            yield ip_network(host)
        except ValueError:  # a name
            continue
