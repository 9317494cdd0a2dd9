"""Reads telephone numbers, addresses and SIP URIs of a config. Text in, typed values out; raises `Invalid`."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from routing import geo
from switch.settings.problem import quote
from switch.settings.value import Invalid
from switch.sip.headers import MAX_PORT, parse_uri

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
ADDRESS = "an IPv4 address, such as 127.0.0.1"
NETWORK = "an IPv4 address or network, such as 192.0.2.7 or 10.1.0.0/16"
PORT_RANGE = "two ports, such as 20000-20999, from 1024 to 65535, with room for two even ports"
SIP_URI = "a SIP URI with an IPv4 address for its host, such as sip:+12125550101@192.0.2.10:5060"


def number(text: str) -> str:
    """A telephone number in E.164."""
    if geo.is_e164(text):
        return text
    digits = geo.to_e164(re.sub(r"[^0-9+]", "", text))
    digits = digits if digits.startswith("+") else f"+{digits}"
    hint = f"did you mean {quote(digits)}?" if geo.is_e164(digits) else None
    raise Invalid(f"bad number {quote(text)}", expected=E164, hint=hint)


def address(text: str) -> str:
    """One IPv4 address that peers can be told: it is written into SDP and Via."""
    try:
        found = IPv4Address(text)
    except AddressValueError as error:
        raise Invalid(f"bad address {quote(text)}", expected=ADDRESS) from error
    if not _is_sent_to(found):
        raise Invalid(f"{text} is not an address that peers can send to", expected="an address of this machine: peers are told it")
    return text


def socket_address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65_535:
        raise Invalid(f"bad address {quote(text)}", expected=SOCKET_ADDRESS)
    return address(host), int(port)


def network(text: str) -> IPv4Network:
    if text == "any":
        return ANYWHERE
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise Invalid(f"bad address {quote(text)}", expected=NETWORK, hint=_network_hint(text)) from error


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
    """A SIP URI that can be dialled over UDP without asking DNS, as it goes on the wire: what a URI must escape is escaped.

    It is read by the one parser there is, which the dialler uses too. A password is refused: RFC 3261 §19.1.1 advises against it.
    """
    if text[:4].lower() == "tel:":
        raise Invalid(f"bad URI {quote(text)}", expected=SIP_URI, hint=f"say which host takes the call: sip:{text[4:]}@HOST")
    if re.match(r"sips?:[^@]*:[^@]*@", text, re.IGNORECASE):
        raise Invalid("a password in the URI", expected=SIP_URI, hint="leave it out: it would not be sent")
    uri = parse_uri(text)
    if uri is None:
        raise _unreadable_uri(text)
    if uri.scheme == "sips" or any(name == "transport" and (way or "udp").lower() != "udp" for name, way in uri.params):
        raise Invalid(f"bad URI {quote(text)}", expected=SIP_URI, hint="lines are dialled over UDP; TCP and TLS come later")
    if uri.headers or ("@" in text and uri.user is None):
        what = "headers" if uri.headers else "an empty user"
        raise Invalid(f"{what} in {quote(text)}", expected=SIP_URI, hint="leave it out: it would not be dialled")
    _check_host(text, uri.host)
    if len(str(uri)) > MAX_URI:
        raise Invalid(f"a URI of {len(str(uri))} characters", expected=f"at most {MAX_URI} characters")
    return str(uri)


def _unreadable_uri(text: str) -> Invalid:
    """Returns the error that is most likely meant by a text that is no SIP URI."""
    if (port := re.search(r":([0-9]+)(?:;.*)?$", text)) and not 1 <= int(port[1]) <= MAX_PORT:
        return Invalid(f"bad port {port[1]} in {quote(text)}", expected=SIP_URI)
    hint = "%00 to %1f are control characters, which no URI may hide" if "%" in text else None
    return Invalid(f"bad URI {quote(text)}", expected=SIP_URI, hint=hint)


def _network_hint(text: str) -> str | None:
    if ":" in text:
        return "IPv6 comes later"
    try:
        return f"did you mean {IPv4Network(text, strict=False)}?"
    except ValueError:
        return None


def _check_host(uri: str, host: str) -> None:
    """Raises Invalid for a host that no INVITE can be sent to."""
    if ":" in host:
        raise Invalid(f"bad host in {quote(uri)}", expected=SIP_URI, hint="IPv6 comes later")
    try:
        found = IPv4Address(host)
    except AddressValueError as error:
        hint = "host names need DNS, which comes later: write the address"
        raise Invalid(f"host {quote(host)} is not an IPv4 address", expected=SIP_URI, hint=hint) from error
    if not _is_sent_to(found):
        raise Invalid(f"nothing can be sent to {host}", expected=SIP_URI, hint="name the advertiser's address")


def _is_sent_to(found: IPv4Address) -> bool:
    """Whether the address is one host's: 0.0.0.0, multicast and 240.0.0.0/4 with broadcast are not."""
    return not (found.is_unspecified or found.is_multicast or found.is_reserved)
