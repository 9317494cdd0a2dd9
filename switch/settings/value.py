"""Knows the small languages inside values: durations, amounts, numbers, addresses, hours. Text in, typed values out.

Does not know where a value stands or which key it belongs to. Each function raises `Unfit`, which says what belongs there instead.
"""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from zoneinfo import ZoneInfo, available_timezones

from switch.billing.money import MICROS, micros_from
from switch.settings.problem import quote

DAY_MS = 24 * 60 * 60 * 1_000
DAY_MINUTES = 24 * 60
MAX_CLOSE = 3
MAX_AMOUNT_MICROS = 1_000_000 * MICROS
# Names end up in file names (prompts), cap owners and dotted paths.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
DURATION_PATTERN = r"^[0-9]{1,9}(ms|s|m|h)$"
AMOUNT_PATTERN = r"^[0-9]{1,7}(\.[0-9]{1,6})?$"
# ITU-T E.164: at most 15 digits, the first of them not 0. The shortest numbers in use have 7.
E164_PATTERN = r"^\+[1-9][0-9]{6,14}$"
BLOCK_PATTERN = r"^([0-9]{1,2}:[0-9]{2})-([0-9]{1,2}:[0-9]{2})$"
RANGE_PATTERN = r"^([0-9]{1,5})-([0-9]{1,5})$"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS_PATTERN = f"^(daily|({'|'.join(DAYS)})(-({'|'.join(DAYS)}))?)$"

NAME = "a name of letters, digits, - and _, at most 64 of them"
DURATION = "a duration such as 500ms, 90s, 30m or 4h"
AMOUNT = "an amount such as 25 or 0.0065: at most six decimal places, no sign, no currency"
E164 = 'an E.164 number such as "+18005550100": + and 7 to 15 digits'
SOCKET_ADDRESS = "an IPv4 address and a port, such as 127.0.0.1:5060"
ADDRESS = "an IPv4 address, such as 127.0.0.1"
NETWORK = "an IPv4 address or network, such as 192.0.2.7 or 10.1.0.0/16"
PORT_RANGE = "two ports, such as 20000-20999, from 1024 to 65535, with room for two even ports"
SIP_URI = "a SIP URI with an IPv4 address for its host, such as sip:+12125550101@192.0.2.10:5060"
BLOCK = "hours of a day such as 09:00-17:00; 24:00 is the end of the day, 22:00-02:00 ends the day after"
DAY_RANGE = "a day (mon tue wed thu fri sat sun), a range of days such as mon-fri, or daily"
ZONE = "an IANA time zone such as America/New_York"

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
# RFC 3261 §25.1: unreserved, escaped, user-unreserved. A password in a URI is not supported: RFC 3261 §19.1.1 advises against it.
_URI = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?:(?P<user>(?:[A-Za-z0-9_.!~*'()&=+$,;?/-]|%[0-9A-Fa-f]{2})+)@)?"
    r"(?P<host>\[[^]]*\]|[^:;?@\s]+)(?::(?P<port>[0-9]{1,5}))?(?P<params>(?:;[A-Za-z0-9_.!~*'-]+(?:=[A-Za-z0-9_.!~*'-]+)?)*)"
)


class Unfit(ValueError):
    """A value that can't be what it should be. `expected`: what belongs there; `hint`: what to do."""

    def __init__(self, message: str, *, expected: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.hint = hint


def nearest(word: str, known: Iterable[str]) -> str | None:
    """`did you mean ...?` for the known word that is most like `word`, among equals the one that begins most like it; or None."""
    close = get_close_matches(word, known, n=MAX_CLOSE, cutoff=0.6)
    if not close:
        return None
    best = max(close, key=lambda other: (SequenceMatcher(a=word, b=other).ratio(), _begin_alike(word, other)))
    return f"did you mean {quote(best)}?"


def _begin_alike(one: str, other: str) -> int:
    """How many characters two words have in common from the start."""
    return next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other)))


def name(text: str) -> str:
    if not re.fullmatch(NAME_PATTERN, text):
        raise Unfit(f"bad name {quote(text)}", expected=NAME)
    return text


def whole(text: str, *, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    if re.fullmatch(r"[0-9]{1,9}", text) and low <= int(text) <= high:
        return int(text)
    raise Unfit(f"bad number {quote(text)}", expected=f"a whole number from {low} to {high}")


def truth(text: str) -> bool:
    """YAML 1.2's booleans. The other words of YAML 1.1 (yes, on, ...) are too often meant as text."""
    if text in ("true", "false"):
        return text == "true"
    wish = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text.lower(), text.lower())
    raise Unfit(f"bad boolean {quote(text)}", expected="true or false", hint=nearest(wish, ("true", "false")))


def duration_ms(text: str, *, low: int = 1, high: int = DAY_MS) -> int:
    """Milliseconds of `500ms`, `90s`, `30m`, `4h`, from `low` to `high`."""
    if not re.fullmatch(DURATION_PATTERN, text):
        hint = f"did you mean {text}s?" if re.fullmatch(r"[0-9]{1,9}", text) else None
        raise Unfit(f"bad duration {quote(text)}", expected=DURATION, hint=hint)
    digits = text.rstrip("msh")
    ms = int(digits) * _UNIT_MS[text[len(digits) :]]
    if not low <= ms <= high:
        raise Unfit(f"duration {text} is out of range", expected=f"from {_short(low)} to {_short(high)}")
    return ms


def amount_micros(text: str) -> int:
    """Micros of a decimal amount."""
    if not re.fullmatch(AMOUNT_PATTERN, text) or micros_from(text) > MAX_AMOUNT_MICROS:
        raise Unfit(f"bad amount {quote(text)}", expected=AMOUNT)
    return micros_from(text)


def e164(text: str) -> str:
    if re.fullmatch(E164_PATTERN, text):
        return text
    digits = "+" + re.sub(r"[^0-9]", "", text)
    hint = f"did you mean {quote(digits)}?" if re.fullmatch(E164_PATTERN, digits) else None
    raise Unfit(f"bad number {quote(text)}", expected=E164, hint=hint)


def address(text: str) -> str:
    """One IPv4 address that peers can be told: it is written into SDP and Via."""
    try:
        found = IPv4Address(text)
    except AddressValueError as error:
        raise Unfit(f"bad address {quote(text)}", expected=ADDRESS) from error
    if found.is_unspecified or found.is_multicast or text == "255.255.255.255":
        raise Unfit(f"{text} is not an address that peers can send to", expected="an address of this machine: peers are told it")
    return text


def socket_address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65_535:
        raise Unfit(f"bad address {quote(text)}", expected=SOCKET_ADDRESS)
    return address(host), int(port)


def network(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise Unfit(f"bad address {quote(text)}", expected=NETWORK, hint=_network_hint(text)) from error


def port_range(text: str) -> tuple[int, int]:
    """First and last port. A call takes two even ones: one a leg (RFC 3550 §11 leaves the odd ones to RTCP)."""
    if found := re.fullmatch(RANGE_PATTERN, text):
        first, last = int(found[1]), int(found[2])
        if 1_024 <= first <= last <= 65_535 and len(even_ports((first, last))) >= 2:
            return first, last
    raise Unfit(f"bad port range {quote(text)}", expected=PORT_RANGE)


def even_ports(ports: tuple[int, int]) -> range:
    """The ports of a range that legs can have."""
    first, last = ports
    return range(first + first % 2, last + 1, 2)


def sip_uri(text: str) -> str:
    """A SIP URI that can be dialled over UDP without asking DNS."""
    if text[:4].lower() == "tel:":
        raise Unfit(f"bad URI {quote(text)}", expected=SIP_URI, hint=f"say which host takes the call: sip:{text[4:]}@HOST")
    found = _URI.fullmatch(text)
    if not found or not found["scheme"].lower().startswith("sip"):
        raise Unfit(f"bad URI {quote(text)}", expected=SIP_URI)
    if found["scheme"].lower() == "sips" or re.search(r";transport=(?!udp(;|$))", found["params"], re.IGNORECASE):
        raise Unfit(f"bad URI {quote(text)}", expected=SIP_URI, hint="lines are dialled over UDP; TCP and TLS come later")
    _check_host(text, found["host"])
    if found["port"] and not 1 <= int(found["port"]) <= 65_535:
        raise Unfit(f"bad port {found['port']} in {quote(text)}", expected=SIP_URI)
    return "sip:" + text[4:]


def zone(text: str) -> str:
    """The name of an IANA time zone that this machine knows."""
    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError) as error:
        raise Unfit(f"unknown time zone {quote(text)}", expected=ZONE, hint=nearest(text, sorted(available_timezones()))) from error


def day_range(text: str) -> tuple[int, ...]:
    """Weekdays, 0 is Monday. A range may run over the end of the week: sat-mon."""
    if text == "daily":
        return tuple(range(7))
    first, _, last = text.partition("-")
    if not re.fullmatch(DAYS_PATTERN, text):
        raise Unfit(f"bad days {quote(text)}", expected=DAY_RANGE, hint=nearest(text.lower(), (*DAYS, "daily", "mon-fri", "zone")))
    start, end = DAYS.index(first), DAYS.index(last or first)
    return tuple(day % 7 for day in range(start, end + 1 if end >= start else end + 8))


def block(text: str) -> tuple[int, int]:
    """Minutes of the day: start and end. An end before the start is on the day after."""
    found = re.fullmatch(BLOCK_PATTERN, text)
    if not found:
        raise Unfit(f"bad hours {quote(text)}", expected=BLOCK)
    start, end = _minute(found[1]), _minute(found[2])
    if start is None or end is None or start in (DAY_MINUTES, end):
        raise Unfit(f"bad hours {quote(text)}", expected=BLOCK)
    return start, end


def _minute(text: str) -> int | None:
    hour, minute = (int(part) for part in text.split(":"))
    total = hour * 60 + minute
    return total if minute < 60 and total <= DAY_MINUTES else None


def _short(ms: int) -> str:
    """A duration as config writes it, in the largest unit that divides it."""
    unit = next(unit for unit in ("h", "m", "s", "ms") if ms % _UNIT_MS[unit] == 0) if ms else "s"
    return f"{ms // _UNIT_MS[unit]}{unit}"


def _network_hint(text: str) -> str | None:
    if ":" in text:
        return "IPv6 comes later"
    try:
        return f"did you mean {IPv4Network(text, strict=False)}?"
    except ValueError:
        return None


def _check_host(uri: str, host: str) -> None:
    if host.startswith("["):
        raise Unfit(f"bad host in {quote(uri)}", expected=SIP_URI, hint="IPv6 comes later")
    try:
        IPv4Address(host)
    except AddressValueError as error:
        hint = "host names need DNS, which comes later: write the address"
        raise Unfit(f"host {quote(host)} is not an IPv4 address", expected=SIP_URI, hint=hint) from error
