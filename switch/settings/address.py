"""Reads telephone numbers, addresses and SIP URIs of a config. Text in, typed values out; raises `Invalid`."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from routing import geo
from switch.settings.problem import quote
from switch.settings.value import Invalid
from switch.sip.flow import Transport, transport_of
from switch.sip.headers import MAX_PORT, SipUri, parse_uri

MAX_URI = 255


class _AnyAddress(IPv4Network):
    def __str__(self) -> str:
        return "any"


ANYWHERE = _AnyAddress("0.0.0.0/0")
"""`addresses: any`."""
E164_PATTERN = f"^{geo.E164_PATTERN}$"
RANGE_PATTERN = r"^([0-9]{1,5})-([0-9]{1,5})$"
E164 = 'an E.164 number such as "+18005550100": + and 7 to 15 digits'
SOCKET_ADDRESS = "an IPv4 address and a port, such as 127.0.0.1:5060"
SIP_ADDRESS = 'an IPv4 or IPv6 address and a port, such as 127.0.0.1:5060 or "[2001:db8::1]:5060"'
ADDRESS = "an address, such as 192.0.2.1 or 2001:db8::1"
NAME_SERVER = 'an address, such as 192.0.2.53, 127.0.0.1:5353 or "[2001:db8::53]:53"'
FAR_ADDRESS = 'a host and a port, such as homer.example.com:9060, 192.0.2.7:9060 or "[2001:db8::7]:9060"'
DNS_PORT = 53
_LINK_LOCAL = IPv6Network("fe80::/10")
_MAPPED = IPv6Network("::ffff:0:0/96")
NETWORK = "an address or network, such as 192.0.2.7, 10.1.0.0/16 or 2001:db8::/32"
PORT_RANGE = "two ports, such as 20000-20999, from 1024 to 65535, with room for two even ports"
SIP_URI = "a SIP URI, such as sip:+12125550101@192.0.2.10:5060 or sip:+12125550101@sip.example.com;transport=tls"
WEBHOOK_HOST = "a host name such as hooks.example.com or *.example.com, or an address or network such as 10.1.0.0/16"
HOST_NAME = r"(?=.{1,253}$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
"""RFC 1123 §2.1; the last label is no number."""


def number(text: str) -> str:
    """A telephone number in E.164."""
    if geo.is_e164(text):
        return text
    digits = geo.to_e164(re.sub(r"[^0-9+]", "", text))
    digits = digits if digits.startswith("+") else f"+{digits}"
    hint = f"did you mean {quote(digits)}?" if geo.is_e164(digits) else None
    raise Invalid(f"bad number {quote(text)}", expected=E164, hint=hint)


def address(text: str, *, expected: str = ADDRESS) -> str:
    """One address that peers can be told: it is written into SDP and Via. An IPv6 address comes in its short form."""
    try:
        found = ip_address(text)
    except ValueError as error:
        raise Invalid(f"bad address {quote(text)}", expected=expected) from error
    if not _is_sent_to(found):
        raise Invalid(f"{text} is not an address that peers can send to", expected="an address of this machine: peers are told it")
    return str(found)


def socket_address(text: str, *, expected: str = SOCKET_ADDRESS) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or ":" in host or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= MAX_PORT:
        raise Invalid(f"bad address {quote(text)}", expected=expected)
    return address(host, expected=expected), int(port)


def sip_address(text: str) -> tuple[str, int]:
    """An address of ours that SIP is spoken on: IPv4, or IPv6 in brackets; the IPv6 address comes without them, in its short form."""
    if not text.startswith("["):
        try:
            return socket_address(text, expected=SIP_ADDRESS)
        except Invalid as error:
            raise Invalid(str(error), expected=error.expected, hint=error.hint or _sip_address_hint(text)) from error
    found = re.fullmatch(r"\[([0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\]:([0-9]{1,5})", text)
    if found is None or not 1 <= int(found[2]) <= MAX_PORT:
        raise Invalid(f"bad address {quote(text)}", expected=SIP_ADDRESS)
    return address(found[1], expected=SIP_ADDRESS), int(found[2])


def _sip_address_hint(text: str) -> str | None:
    host, _, port = text.rpartition(":")
    if ":" in host:
        return f'an IPv6 address stands in brackets: "[{host}]:{port}"'
    if re.fullmatch(HOST_NAME, host or text):
        return "a name is no address: write the one of this machine that peers send to, such as 127.0.0.1 for this machine alone"
    return None


def name_server(text: str) -> tuple[str, int]:
    """The address of a name server, and its port: 53 where none is written."""
    bare = text.strip("[]")
    try:
        found = ip_address(bare)
    except ValueError:
        found = None
    if found is not None:
        return str(found), DNS_PORT
    try:
        return sip_address(text)
    except Invalid as error:
        raise Invalid(f"bad name server {quote(text)}", expected=NAME_SERVER) from error


def far_address(text: str) -> tuple[str, int]:
    """Where something is sent to: a host name or an address, and a port."""
    host, _, port = text.rpartition(":")
    if not re.fullmatch(HOST_NAME, host):
        try:
            return sip_address(text)
        except Invalid as error:
            raise Invalid(f"bad address {quote(text)}", expected=FAR_ADDRESS) from error
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= MAX_PORT:
        raise Invalid(f"bad port {quote(port)}", expected=FAR_ADDRESS)
    return host, int(port)


def network(text: str) -> IPv4Network | IPv6Network:
    if text == "any":
        return ANYWHERE
    try:
        found = ip_network(text)
    except ValueError as error:
        raise Invalid(f"bad address {quote(text)}", expected=NETWORK, hint=_network_hint(text)) from error
    if isinstance(found, IPv6Network):
        if found.subnet_of(_LINK_LOCAL):
            raise Invalid(f"{text} is of one link: no answer could be sent there", expected=NETWORK, hint="name its global address")
        if found.subnet_of(_MAPPED):
            raise Invalid(f"{text} stands for addresses of IPv4", expected=NETWORK, hint="write them as IPv4")
    return found


def port_range(text: str) -> tuple[int, int]:
    """First and last port. A call takes two even ones: one a leg (RFC 3550 §11 leaves the odd ones to RTCP)."""
    if found := re.fullmatch(RANGE_PATTERN, text):
        first, last = int(found[1]), int(found[2])
        if 1_024 <= first <= last <= 65_535 and len(even_ports((first, last))) >= 2:
            return first, last
    raise Invalid(f"bad port range {quote(text)}", expected=PORT_RANGE)


def even_ports(ports: tuple[int, int]) -> range:
    """The ports of a range that legs can have."""
    first, last = ports
    return range(first + first % 2, last + 1, 2)


def sip_uri(text: str) -> str:
    """A SIP URI that can be dialled, as it goes on the wire: what a URI must escape is escaped.

    It is read by the one parser there is, which the dialler uses too. A password is refused: RFC 3261 §19.1.1 advises against it.
    """
    if text[:4].lower() == "tel:":
        raise Invalid(f"bad URI {quote(text)}", expected=SIP_URI, hint=f"say which host takes the call: sip:{text[4:]}@HOST")
    if re.match(r"sips?:[^@]*:[^@]*@", text, re.IGNORECASE):
        raise Invalid("a password in the URI", expected=SIP_URI, hint="leave it out: it would not be sent")
    uri = parse_uri(text)
    if uri is None:
        raise _unreadable_uri(text)
    if uri.scheme == "sips":
        raise Invalid(f"bad URI {quote(text)}", expected=SIP_URI, hint=f"write {quote(_over_tls(uri))}")
    named = [name for name, _ in uri.params if name == "transport"]
    if len(named) > 1 or (named and transport_of(uri) is None):
        ways = ", ".join(way.lower() for way in Transport)
        raise Invalid(f"bad transport in {quote(text)}", expected=f"one of {ways}")
    if uri.headers or ("@" in text and uri.user is None):
        what = "headers" if uri.headers else "an empty user"
        raise Invalid(f"{what} in {quote(text)}", expected=SIP_URI, hint="leave it out: it would not be dialled")
    _check_host(uri.host)
    if len(str(uri)) > MAX_URI:
        raise Invalid(f"a URI of {len(str(uri))} characters", expected=f"at most {MAX_URI} characters")
    return str(uri)


def _unreadable_uri(text: str) -> Invalid:
    """Returns the error that is most likely meant by a text that is no SIP URI."""
    if (port := re.search(r":([0-9]+)(?:;.*)?$", text)) and not 1 <= int(port[1]) <= MAX_PORT:
        return Invalid(f"bad port {port[1]} in {quote(text)}", expected=SIP_URI)
    hint = "%00 to %1f are control characters, which no URI may hide" if "%" in text else None
    return Invalid(f"bad URI {quote(text)}", expected=SIP_URI, hint=hint)


def _over_tls(uri: SipUri) -> str:
    params = tuple((name, value) for name, value in uri.params if name != "transport")
    return str(SipUri(user=uri.user, host=uri.host, port=uri.port, params=(*params, ("transport", "tls"))))


def webhook_host(text: str) -> str:
    """A host name, one with `*.` in front, an address or a network."""
    if re.fullmatch(HOST_NAME, text.removeprefix("*.")):
        return text.lower()
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise Invalid(f"bad host {quote(text)}", expected=WEBHOOK_HOST, hint=_network_hint(text)) from error


def _network_hint(text: str) -> str | None:
    try:
        return f"did you mean {ip_network(text, strict=False)}?"
    except ValueError:
        return None


def _check_host(host: str) -> None:
    """Raises Invalid for a host that no INVITE can be sent to. A name is resolved when the switch runs."""
    try:
        found = ip_address(host)
    except ValueError as error:
        if re.fullmatch(HOST_NAME, host):
            return
        raise Invalid(f"bad host {quote(host)} in the URI", expected=SIP_URI) from error
    if not _is_sent_to(found):
        raise Invalid(f"nothing can be sent to {host}", expected=SIP_URI, hint="name the advertiser's address")


def _is_sent_to(found: IPv4Address | IPv6Address) -> bool:
    """Whether the address is one host's: 0.0.0.0, multicast and 240.0.0.0/4 with broadcast are not; nor IPv6 addresses that mean one of a
    single link, or of IPv4."""
    if isinstance(found, IPv6Address):
        of_one_link = found.is_link_local or found.scope_id is not None
        return not (found.is_unspecified or found.is_multicast or of_one_link or found.ipv4_mapped)
    return not (found.is_unspecified or found.is_multicast or found.is_reserved)
