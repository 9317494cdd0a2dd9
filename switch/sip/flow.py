"""PURE. Defines where a SIP message comes from and goes to: transport, peer address, and the listener of ours that it passes.

`Listeners` are our own addresses; they make the Via and Contact of what leaves by each of them. Sockets are in `switch.transport`.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from switch.sip.headers import SipUri, cached, param, parse_uri, write_host

DEFAULT_PORT = 5060
DEFAULT_TLS_PORT = 5061
"""RFC 3261 §19.1.2."""

_PRIVATE4 = (
    IPv4Network("10.0.0.0/8"),  # RFC 1918
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("100.64.0.0/10"),  # RFC 6598: behind a carrier's NAT
    IPv4Network("169.254.0.0/16"),  # RFC 3927
    IPv4Network("127.0.0.0/8"),
)
_PRIVATE6 = (
    IPv6Network("fc00::/7"),  # RFC 4193
    IPv6Network("fe80::/10"),  # RFC 4291 §2.5.6: of one link
    IPv6Network("::1/128"),
)


class Transport(StrEnum):
    """As Via writes it (RFC 3261 §20.42)."""

    UDP = "UDP"
    TCP = "TCP"
    TLS = "TLS"


_NAMED = {str(each): each for each in Transport}
_RELIABLE = frozenset({Transport.TCP, Transport.TLS})


class SendFailure(StrEnum):
    """Why nothing could be sent to a flow, or what was sent may not have arrived."""

    UNREACHABLE = "unreachable"
    CERTIFICATE_REFUSED = "certificate_refused"
    """Over TLS its certificate has run out, is for another name, or is signed by nobody we trust."""


SendFailed = Callable[["Flow", SendFailure, str], None]
"""Told of a target that nothing could be sent to: why, and the same in words."""


class Flow(NamedTuple):
    """`host`: an IP literal. `listener`: the index of ours among `Listeners`. Over TCP and TLS it names one connection (RFC 5626 §3).

    `server_name`: over TLS, the name or address that the far end's certificate must be for (RFC 5922 §7.2); "": it made the connection."""

    host: str
    port: int
    transport: Transport = Transport.UDP
    listener: int = 0
    server_name: str = ""

    def __str__(self) -> str:
        return f"{self.transport.lower()}:{write_host(self.host)}:{self.port}"

    @property
    def is_reliable(self) -> bool:
        """Returns whether the transport itself sends again what is lost (RFC 3261 §17.1.1.1)."""
        return self.transport in _RELIABLE


class Listeners:
    """Our own addresses as peers reach them, each the `Flow` of its listener. `user_agent`: what Server and User-Agent say."""

    __slots__ = ("_contacts", "_flows", "_secure_contacts", "_vias", "user_agent")

    def __init__(self, flows: Sequence[Flow], *, user_agent: str) -> None:
        self._flows = tuple([flow._replace(listener=index) for index, flow in enumerate(flows)])
        self.user_agent = user_agent
        self._vias = tuple([_via(flow) for flow in flows])
        self._contacts = tuple([_contact(flow) for flow in flows])
        self._secure_contacts = tuple([_contact(flow, is_sips=flow.transport is Transport.TLS) for flow in flows])

    def local(self, flow: Flow) -> Flow:
        """Returns our own address on `flow`."""
        return self._flows[flow.listener]

    def contact(self, flow: Flow, *, is_sips: bool = False) -> tuple[str, str]:
        """Returns the Contact field of what leaves by `flow`. `is_sips`: the dialog is a secure one, and its URIs are sips over TLS
        (RFC 3261 §8.1.1.8, §12.1.1)."""
        return "Contact", (self._secure_contacts if is_sips else self._contacts)[flow.listener]

    def via(self, flow: Flow, branch: str) -> tuple[str, str]:
        """Returns the Via field of a request that leaves by `flow`. Over UDP it asks for `rport` (RFC 3581)."""
        return "Via", self._vias[flow.listener] + branch

    def flow_to(self, host: str, port: int | None, *, transport: Transport | None, like: Flow) -> Flow | None:
        """Returns the flow to an IP literal: by the listener of `like` where that serves, else by the first that does.

        `transport` None: that of `like`. None: no listener has this transport and address family."""
        transport = transport or like.transport
        index = self.index_for(host, transport, first=like.listener)
        return None if index is None else Flow(host, port or default_port(transport), transport, index, like.server_name)

    def index_for(self, host: str, transport: Transport, *, first: int = 0) -> int | None:
        """Returns the listener by which an IP literal is reached over `transport`: `first` where that serves, or None."""
        for each in (self._flows[first], *self._flows):
            if each.transport is transport and (":" in each.host) == (":" in host):
                return each.listener
        return None


def default_port(transport: Transport) -> int:
    """Returns the port of a URI that names none."""
    return DEFAULT_TLS_PORT if transport is Transport.TLS else DEFAULT_PORT


def certified(host: str, transport: Transport) -> str:
    """Returns what the certificate of a URI's host must be for, "" where none is shown."""
    return host if transport is Transport.TLS else ""


def is_address(host: str) -> bool:
    """Returns whether a host is an IP literal and not a name, whose last label is no number (RFC 1123 §2.1)."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def flow_of(uri: str) -> Flow:
    """Returns the flow to the host of a URI that config has checked, by the first listener."""
    parsed = parse_uri(uri)
    if parsed is None:
        raise RuntimeError(f"config let an unusable URI pass: {uri}")
    transport = transport_of(parsed) or Transport.UDP
    return Flow(parsed.host, parsed.port or default_port(transport), transport, server_name=certified(parsed.host, transport))


def transport_of(uri: SipUri) -> Transport | None:
    """Returns the transport that a URI names, TLS for sips (RFC 3261 §19.1.1, §26.2.2), or None: it names none that we have."""
    if uri.scheme == "sips":
        return Transport.TLS
    return _NAMED.get((param(uri.params, "transport") or "").upper()) if uri.params else None


def _via(flow: Flow) -> str:
    rport = "" if flow.is_reliable else ";rport"
    return f"SIP/2.0/{flow.transport} {write_host(flow.host)}:{flow.port}{rport};branch="


@cached
def is_private(host: str) -> bool:
    """Returns whether an IP literal is of no use outside its own network; a name is not."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in (_PRIVATE4 if address.version == 4 else _PRIVATE6))


@cached
def site_of(host: str) -> str:
    """Returns what one stranger can send from: an IPv4 literal itself, of an IPv6 literal its /64, which any host may have (RFC 6177)."""
    return str(IPv6Network((host, 64), strict=False)) if ":" in host else host


@cached
def is_link_local(host: str) -> bool:
    """Returns whether an IP literal is an IPv6 address of one link: nothing can be sent there without its zone (RFC 4007 §6)."""
    return ":" in host and ip_address(host).is_link_local


def _contact(flow: Flow, *, is_sips: bool = False) -> str:
    if is_sips:
        return f"<sips:{write_host(flow.host)}:{flow.port}>"
    transport = "" if flow.transport is Transport.UDP else f";transport={flow.transport.lower()}"
    return f"<sip:{write_host(flow.host)}:{flow.port}{transport}>"
