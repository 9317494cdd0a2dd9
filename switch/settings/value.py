"""Reads the small languages inside values: durations, amounts, dates, hours, ranges, filters. Text in, typed values out.

`address.py` reads telephone numbers, addresses and URIs. Where a value stands, and under which key, is not known here. Each function raises
`Invalid`, which says what belongs there instead.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from urllib.parse import parse_qsl

from holidays import list_supported_countries

from routing.expression import Kind, Scalar, parse
from routing.hours import known_calendar
from routing.zone import time_zone, zone_names
from switch.billing.money import MICROS, micros_from
from switch.nearest import nearest_word
from switch.settings.problem import quote
from switch.sip.header_names import SIP_HEADERS
from switch.sip.identity import PASSED_BY_LIST
from switch.sip.session_timer import MIN_SE_S

DAY_MS = 24 * 60 * 60 * 1_000
DAY_MINUTES = 24 * 60
MAX_REALM = 128
MAX_AMOUNT_MICROS = 1_000_000 * MICROS
MAX_DAYS = 366
FULL_BP = 10_000  # basis points: 100 %
SHARES = ("0%", "25%", "50%", "75%", "100%")
# Names end up in file names (prompts), cap owners and dotted paths.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
DURATION_PATTERN = r"^[0-9]{1,9}(ms|s|m|h|d)$"
SESSION_TIMER_PATTERN = r"^(off|[0-9]{1,9}(ms|s|m|h|d))$"
AMOUNT_PATTERN = r"^[0-9]{1,7}(\.[0-9]{1,6})?$"
PERCENT_PATTERN = r"^[0-9]{1,3}(\.[0-9]{1,2})?%$"
VALID_PATTERN = r"^([0-9]{1,15}-[0-9]{1,15}|/.+/)$"
DATE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
INSTANT_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2})?$"
# RFC 3261 §25.1: token.
HEADER_PATTERN = r"^[A-Za-z0-9.!%*_+`'~-]{1,64}$"
# What RFC 6750 §2.1 lets a bearer token be. Shorter ones could be guessed.
TOKEN_PATTERN = r"^[A-Za-z0-9._~+/-]{16,256}=*$"  # noqa: S105 (says how one is written)
# PHC string format, as libargon2 writes it.
PASSWORD_HASH_PATTERN = r"^\$argon2id\$v=19\$m=[0-9]{1,7},t=[0-9]{1,2},p=[0-9]{1,2}\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$"  # noqa: S105 (says how one is written)
CALENDAR_PATTERN = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"
BLOCK_PATTERN = r"^([0-9]{1,2}:[0-9]{2})-([0-9]{1,2}:[0-9]{2})$"
CURRENCY_PATTERN = r"^[A-Z]{3}$"  # ISO 4217. Which ones are in use is not looked up: countries change theirs
MAX_NUMBER = 10**18 - 1  # what a filter can compare with
# RFC 3261 §25.1 has no bound; quotes and backslashes would only be escaped.
USERNAME_PATTERN = r'^[^\x00-\x20"\\:\x7f]{1,128}$'
TAG_VALUES = {Kind.TEXT: "a text", Kind.NUMBER: "a whole number", Kind.TRUTH: "true or false"}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS_PATTERN = f"^(daily|({'|'.join(DAYS)})(-({'|'.join(DAYS)}))?)$"

NAME = "a name of letters, digits, - and _, at most 64 of them"
DURATION = "a duration such as 500ms, 90s, 30m or 4h"
SESSION_TIMER = "off, or a duration from 90s to 24h"
AMOUNT = "an amount such as 25 or 0.0065: at most six decimal places, no sign, no currency"
BLOCK = "hours of a day such as 09:00-17:00; 24:00 is the end of the day, 22:00-02:00 ends the day after"
DAY_RANGE = "a day (mon tue wed thu fri sat sun), a range of days such as mon-fri, or daily"
DURATION_OF_DAYS = "a duration such as 90s, 4h or 30d"
WHOLE_DAYS = f"whole days such as 7d, at most {MAX_DAYS}d"
PERCENT = "a percentage such as 70% or 12.5%: at most two decimal places, at most 100%"
REALM = "a realm such as sip.example.com"
USERNAME = "a user name such as acme-trunk: no blanks, quotes or colons, at most 128 characters"
SHARE = f"one of {', '.join(SHARES)}"
VALID = "a range of numbers such as 18-99, or a regular expression such as /[2-9][0-9]{9}/"
DATE = "a date such as 2026-12-24"
INSTANT = "a date such as 2026-11-01, or a date and time such as 2026-11-01T09:30"
HEADER = "the name of a SIP header such as X-Sub-Id"
PASSED_HEADER = (
    "Diversion, History-Info, Identity, User-to-User, P-Charge-Info or a header that SIP does not know, such as X-Sub-Id"
)
TECH_PREFIX_PATTERN = r"^[0-9*#]{1,16}$"
TECH_PREFIX = "1 to 16 of 0-9 * #, in quotes"
CALL_ID_HEADER = "the name of a header that SIP itself does not use, such as X-Call-ID; or off"
TOKEN = "a token of 16 characters or more: letters, digits and - . _ ~ + /"  # noqa: S105 (says how one is written)
PASSWORD_HASH = "the argon2id hash that `payphone user add` makes, in quotes"  # noqa: S105 (says how one is written)
CALENDAR = "a country such as US, or one of its parts such as US-TX (ISO 3166)"
DATE_BLOCK = "hours of that date such as 09:00-12:00, or closed"
LEDGER = "sqlite, or a URL such as postgresql://user@host/db"
CURRENCY = "three capital letters, as ISO 4217 has them: USD, CAD"
ZONE = "an IANA time zone such as America/New_York"

LANGUAGE_PATTERN = r"^[a-z]{2,3}(-[a-z0-9]{1,8}){0,2}$"
LANGUAGE = "a language such as en-us, en-gb or es, in small letters"
MAX_SPOKEN = 1_000
SPOKEN = f"a text of at most {MAX_SPOKEN:,} characters"

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": DAY_MS}


class NatMode(StrEnum):
    """`auto`: where the source is public and what was signalled is not, the source is used."""

    AUTO = "auto"
    OFF = "off"


class NatRebind(StrEnum):
    """`follow`: where a NAT renumbers a source of audio in the call, the new port is the source."""

    FOLLOW = "follow"
    OFF = "off"


class AnswerWhen(StrEnum):
    """When a number's callers are answered. `menu`: by a menu or a prompt, else with the line. `with_line`: the same, and until then a
    caller hears what the line plays before it answers."""

    MENU = "menu"
    WITH_LINE = "with_line"


class MustBeHeard(StrEnum):
    """Whose audio must have been heard for a line's attempt to be worth something."""

    ANY = "any"
    BOTH = "both"


@dataclass(eq=False)
class Invalid(ValueError):
    """A value that can't be what it should be. `expected`: what belongs there; `hint`: what to do.

    `at`: the first of the value's characters that is meant, from 0; None: all of it. `at_key`: its key is meant. `where`: what is meant
    is another value, at this path from the model that the value is a field of.
    """

    message: str
    _: KW_ONLY
    expected: str | None = None
    hint: str | None = None
    at: int | None = None
    at_key: bool = False
    where: tuple[str | int, ...] | None = None


class InvalidTogether(ValueError):
    """Several values that don't fit together."""

    def __init__(self, errors: Sequence[Invalid]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = tuple(errors)


def raise_all(errors: Iterable[Invalid]) -> None:
    """Raises InvalidTogether when there is one."""
    if found := tuple(errors):
        raise InvalidTogether(found)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """`did you mean ...?` for the known word that is most like `word`, or None."""
    best = nearest_word(word, known)
    return None if best is None else f"did you mean {quote(best)}?"


parse_filter = lru_cache(maxsize=1_024)(parse)
"""The expression of a filter; raises BadExpression. Many lines of a large config have the same one, and several checks read it."""


def matching(pattern: str, what: str, expected: str) -> Callable[[str], str]:
    """Returns what reads a text that a pattern describes whole."""

    def parse(text: str) -> str:
        if re.fullmatch(pattern, text):
            return text
        raise Invalid(f"bad {what} {quote(text)}", expected=expected)

    return parse


name = matching(NAME_PATTERN, "name", NAME)
tech_prefix = matching(TECH_PREFIX_PATTERN, "prefix", TECH_PREFIX)
currency = matching(CURRENCY_PATTERN, "currency", CURRENCY)


def whole(text: str, *, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    if re.fullmatch(r"[0-9]{1,9}", text) and low <= int(text) <= high:
        return int(text)
    raise Invalid(f"bad number {quote(text)}", expected=f"a whole number from {low} to {high}")


def truth(text: str) -> bool:
    """YAML 1.2's booleans. The other words of YAML 1.1 (yes, on, ...) are too often meant as text."""
    if text in ("true", "false"):
        return text == "true"
    wish = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text.lower(), text.lower())
    raise Invalid(f"bad boolean {quote(text)}", expected="true or false", hint=nearest(wish, ("true", "false")))


def tag_value(text: str, kind: Kind) -> Scalar:
    """The value of a tag."""
    match kind:
        case Kind.NUMBER:
            if text.removeprefix("-").isdecimal() and text.isascii() and abs(int(text)) <= MAX_NUMBER:
                return int(text)
        case Kind.TRUTH:
            if text in ("true", "false"):
                return text == "true"
        case Kind.TEXT:
            return text
    raise Invalid(f"{quote(text)} is no value of this tag", expected=TAG_VALUES[kind])


def duration_ms(text: str, *, low: int = 1, high: int = DAY_MS) -> int:
    """Milliseconds of `500ms`, `90s`, `30m`, `4h`, `30d`, from `low` to `high`."""
    ms = _milliseconds(text, what="duration", expected=DURATION if high <= DAY_MS else DURATION_OF_DAYS)
    if not low <= ms <= high:
        raise Invalid(f"duration {text} is out of range", expected=f"from {_short(low)} to {_short(high)}")
    return ms


def amount_micros(text: str) -> int:
    """Micros of a decimal amount."""
    if not re.fullmatch(AMOUNT_PATTERN, text) or micros_from(text) > MAX_AMOUNT_MICROS:
        raise Invalid(f"bad amount {quote(text)}", expected=AMOUNT)
    return micros_from(text)


def _milliseconds(text: str, *, what: str, expected: str) -> int:
    if not re.fullmatch(DURATION_PATTERN, text):
        hint = f"did you mean {text}s?" if re.fullmatch(r"[0-9]{1,9}", text) else None
        raise Invalid(f"bad {what} {quote(text)}", expected=expected, hint=hint)
    digits = text.rstrip("mshd")
    return int(digits) * _UNIT_MS[text[len(digits) :]]


def whole_seconds(text: str) -> int:
    """Seconds of a duration that has no part of one."""
    ms = duration_ms(text)
    if ms % 1_000:
        raise Invalid(f"bad duration {quote(text)}", expected="whole seconds such as 6s")
    return ms // 1_000


def session_timer(text: str) -> int | None:
    """Seconds that a SIP session may last without a refresh (RFC 4028), whole ones, or None for `off`."""
    if text == "off":
        return None
    ms = _milliseconds(text, what="session timer", expected=SESSION_TIMER)
    if ms < MIN_SE_S * 1_000:
        hint = f"no peer may be asked to refresh a session more often than every {MIN_SE_S} s (RFC 4028 §5)"
        raise Invalid(f"session timer {text} is too short", expected=SESSION_TIMER, hint=hint)
    if ms > DAY_MS:
        raise Invalid(f"session timer {text} is too long", expected=SESSION_TIMER)
    return whole_seconds(text)


def days(text: str) -> int:
    """Days of `7d`."""
    if found := re.fullmatch(r"([0-9]{1,3})d", text):
        count = int(found[1])
        if 1 <= count <= MAX_DAYS:
            return count
    raise Invalid(f"bad duration {quote(text)}", expected=WHOLE_DAYS)


def percent_bp(text: str) -> int:
    """Basis points of a percentage: 10,000 is 100 %."""
    if not re.fullmatch(PERCENT_PATTERN, text):
        raise Invalid(f"bad percentage {quote(text)}", expected=PERCENT)
    bp = int(Decimal(text[:-1]) * 100)
    if not 0 < bp <= FULL_BP:
        raise Invalid(f"{text} of the revenue", expected=PERCENT, hint="a payout is a part of the revenue")
    return bp


def share(text: str) -> int:
    """Percent of a price, in quarters (`docs/billing.md` §5)."""
    if text not in SHARES:
        hint = f"did you mean {text}%?" if f"{text}%" in SHARES else None
        raise Invalid(f"bad share {quote(text)}", expected=SHARE, hint=hint)
    return int(text[:-1])


def whole_range(text: str) -> tuple[int, int]:
    """The bounds of `18-99`, both included."""
    found = re.fullmatch(r"([0-9]{1,15})-([0-9]{1,15})", text)
    if not found or int(found[1]) > int(found[2]):
        raise Invalid(f"bad range {quote(text)}", expected="two numbers, the lower one first, such as 18-99")
    return int(found[1]), int(found[2])


def pattern(text: str) -> str:
    """The regular expression between slashes. Digits are all it is ever asked about."""
    if len(text) < 3 or text[0] != "/" or text[-1] != "/":
        raise Invalid(f"bad pattern {quote(text)}", expected="a regular expression between slashes, such as /[2-9][0-9]{9}/")
    try:
        re.compile(text[1:-1])
    except re.error as error:
        at = None if error.pos is None else error.pos + 1
        raise Invalid(f"bad pattern {quote(text)}: {error.msg}", expected="a regular expression", at=at) from error
    return text[1:-1]


def date_of(text: str) -> str:
    """A date that there is, as written."""
    try:
        found = date.fromisoformat(text) if re.fullmatch(DATE_PATTERN, text) else None
    except ValueError:
        found = None
    if found is None:
        raise Invalid(f"bad date {quote(text)}", expected=DATE)
    return text


def instant(text: str) -> datetime:
    """A local date, or date and time, without a zone: that is its owner's."""
    try:
        return datetime.fromisoformat(text) if re.fullmatch(INSTANT_PATTERN, text) else datetime.fromisoformat("")
    except ValueError as error:
        raise Invalid(f"bad date {quote(text)}", expected=INSTANT) from error


def header(text: str) -> str:
    """The name of a SIP header, in lower case: RFC 3261 §7.3.1 says that case does not count."""
    if not re.fullmatch(HEADER_PATTERN, text):
        raise Invalid(f"bad header {quote(text)}", expected=HEADER)
    return text.lower()


def call_id_header(text: str) -> str | None:
    """The name of a header of our own, as written; None for `off`. One that SIP gives a meaning to would be misread by the line."""
    if text.lower() == "off":
        return None
    name = header(text)
    if len(name) > 1 and name not in SIP_HEADERS and not name.startswith("p-"):
        return text
    raise Invalid(f"SIP uses the header {quote(text)} itself", expected=CALL_ID_HEADER, hint="did you mean X-Call-ID?")


_IDENTITIES = frozenset({"from", "p-asserted-identity", "p-preferred-identity", "privacy", "remote-party-id"})


def passed_header(text: str) -> str:
    """The name of a header that may pass from a trunk to a line, in lower case. Others are of one leg alone."""
    name = header(text)
    if name in PASSED_BY_LIST or (len(name) > 1 and name not in SIP_HEADERS and not name.startswith("p-")):
        return name
    hint = "`trusted: true` shows a line who calls" if name in _IDENTITIES else None
    raise Invalid(f"the header {quote(text)} belongs to one leg: it can't pass to another", expected=PASSED_HEADER, hint=hint)


def realm(text: str) -> str:
    if not 1 <= len(text) <= MAX_REALM or not text.isprintable():
        raise Invalid(f"bad realm {quote(text)}", expected=REALM)
    return text


def username(text: str) -> str:
    if not re.fullmatch(USERNAME_PATTERN, text) or not text.isprintable():
        raise Invalid(f"bad user name {quote(text)}", expected=USERNAME)
    return text


def token(text: str) -> str:
    """A secret: what is wrong with it is told without it."""
    if not re.fullmatch(TOKEN_PATTERN, text):
        raise Invalid("this can't be a token", expected=TOKEN)
    return text


def password_hash(text: str) -> str:
    """It may be a password by mistake: what is wrong with it is told without it."""
    if not re.fullmatch(PASSWORD_HASH_PATTERN, text):
        raise Invalid("this is no hash of a password", expected=PASSWORD_HASH)
    return text


def calendar(text: str) -> str:
    """A country, or one of its parts, whose public holidays are known."""
    if re.fullmatch(CALENDAR_PATTERN, text) and known_calendar(text):
        return text
    countries = list_supported_countries(include_aliases=False)
    country, _, part = text.partition("-")
    known = [f"{country}-{other}" for other in countries[country]] if part and country in countries else list(countries)
    raise Invalid(f"unknown holidays {quote(text)}", expected=CALENDAR, hint=nearest(text, known))


def ledger(text: str) -> str | None:
    """The URL of a database; None: SQLite beside the journal."""
    if text == "sqlite":
        return None
    if not re.fullmatch(r"postgresql://[^\s@/]*@?[^\s@/?]*/[^\s/?]+(\?\S*)?", text):
        raise Invalid("this can't be a ledger", expected=LEDGER)
    has_password = ":" in text.removeprefix("postgresql://").rpartition("@")[0]
    if has_password or any("pass" in key.lower() and key != "passfile" for key, _ in parse_qsl(text.partition("?")[2])):
        hint = "PostgreSQL's own places for it are the file ~/.pgpass and the variable PGPASSWORD"
        raise Invalid("a password in the config", expected=LEDGER, hint=hint)
    return text


def zone(text: str) -> str:
    """The name of an IANA time zone that this machine knows."""
    try:
        time_zone(text)
    except KeyError as error:
        raise Invalid(f"unknown time zone {quote(text)}", expected=ZONE, hint=nearest(text, sorted(zone_names()))) from error
    return text


def day_range(text: str) -> tuple[int, ...]:
    """Weekdays, 0 is Monday. A range may run over the end of the week: sat-mon."""
    if text == "daily":
        return tuple(range(7))
    first, _, last = text.partition("-")
    if not re.fullmatch(DAYS_PATTERN, text):
        raise Invalid(
            f"bad days {quote(text)}", expected=DAY_RANGE, hint=nearest(text.lower(), (*DAYS, "daily", "mon-fri", "zone"))
        )
    start, end = DAYS.index(first), DAYS.index(last or first)
    return tuple(day % 7 for day in range(start, end + 1 if end >= start else end + 8))


def block(text: str) -> tuple[int, int]:
    """Minutes of the day: start and end. An end before the start is on the day after."""
    found = re.fullmatch(BLOCK_PATTERN, text)
    if not found:
        raise Invalid(f"bad hours {quote(text)}", expected=BLOCK)
    start, end = _minute(found[1]), _minute(found[2])
    if start is None or end is None or start in (DAY_MINUTES, end):
        raise Invalid(f"bad hours {quote(text)}", expected=BLOCK)
    return start, end


def _minute(text: str) -> int | None:
    hour, minute = (int(part) for part in text.split(":"))
    total = hour * 60 + minute
    return total if minute < 60 and total <= DAY_MINUTES else None


def _short(ms: int) -> str:
    """A duration as config writes it, in the largest unit that divides it."""
    units = ("h", "m", "s", "ms") if ms <= DAY_MS else ("d", "h", "m", "s", "ms")
    unit = next(unit for unit in units if ms % _UNIT_MS[unit] == 0) if ms else "s"
    return f"{ms // _UNIT_MS[unit]}{unit}"
