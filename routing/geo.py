"""Reads telephone numbers: in E.164, whether a subscriber can have one, and where the caller is, as far as it or a ZIP tells.

A typed ZIP beats one the publisher passed, and that beats the number's area code (`docs/billing.md` §11), which says where the number was
first given out: numbers move, and so do people. States are US states, DC, territories and military mail, and Canadian
provinces, in two letters. Numbers of other countries, toll-free ones, and area codes that several provinces share have no place.

ZIPs are those of the `zipcodes` library, decommissioned ones too: people go on using them, and they are where they were. States of
numbers are from `area_codes`, then from `phonenumbers`: by area code, and by exchange only where several provinces share an area code.
Zones of numbers are from `area_codes`. Libraries are loaded when first asked for, once: about 0.6 s for ZIPs and 0.3 s for numbers, and
150 MB between them. `load_tables` does it before calls come. A lookup then takes a few microseconds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from routing.area_codes import NEW_AREA_CODES, ZONE_OF_AREA, ZONE_OF_STATE

US_STATES: Mapping[str, str] = {
    "AL": "Alabama",
    "AK": "Alaska",
    "AZ": "Arizona",
    "AR": "Arkansas",
    "CA": "California",
    "CO": "Colorado",
    "CT": "Connecticut",
    "DE": "Delaware",
    "DC": "Washington D.C.",
    "FL": "Florida",
    "GA": "Georgia",
    "HI": "Hawaii",
    "ID": "Idaho",
    "IL": "Illinois",
    "IN": "Indiana",
    "IA": "Iowa",
    "KS": "Kansas",
    "KY": "Kentucky",
    "LA": "Louisiana",
    "ME": "Maine",
    "MD": "Maryland",
    "MA": "Massachusetts",
    "MI": "Michigan",
    "MN": "Minnesota",
    "MS": "Mississippi",
    "MO": "Missouri",
    "MT": "Montana",
    "NE": "Nebraska",
    "NV": "Nevada",
    "NH": "New Hampshire",
    "NJ": "New Jersey",
    "NM": "New Mexico",
    "NY": "New York",
    "NC": "North Carolina",
    "ND": "North Dakota",
    "OH": "Ohio",
    "OK": "Oklahoma",
    "OR": "Oregon",
    "PA": "Pennsylvania",
    "RI": "Rhode Island",
    "SC": "South Carolina",
    "SD": "South Dakota",
    "TN": "Tennessee",
    "TX": "Texas",
    "UT": "Utah",
    "VT": "Vermont",
    "VA": "Virginia",
    "WA": "Washington State",
    "WV": "West Virginia",
    "WI": "Wisconsin",
    "WY": "Wyoming",
}
"""With the names `phonenumbers` has for them."""
PROVINCES: Mapping[str, str] = {
    "AB": "Alberta",
    "BC": "British Columbia",
    "MB": "Manitoba",
    "NB": "New Brunswick",
    "NL": "Newfoundland and Labrador",
    "NS": "Nova Scotia",
    "NT": "Northwest Territories",
    "NU": "Nunavut",
    "ON": "Ontario",
    "PE": "Prince Edward Island",
    "QC": "Quebec",
    "SK": "Saskatchewan",
    "YT": "Yukon",
}
TERRITORY_OF_AREA: Mapping[str, str] = {"340": "VI", "670": "MP", "671": "GU", "684": "AS", "787": "PR", "939": "PR"}
"""Territories by their area codes, which `phonenumbers` calls countries and gives no place."""
TOLL_FREE = frozenset({"800", "833", "844", "855", "866", "877", "888"})
STATES = frozenset({*US_STATES, *PROVINCES, *TERRITORY_OF_AREA.values(), "FM", "MH", "PW", "AA", "AE", "AP"})
"""All that `state` may be: also the island states with ZIPs of their own, and military mail (AA, AE, AP)."""

_STATE_OF_NAME = {name: code for code, name in (*US_STATES.items(), *PROVINCES.items())} | {"British Colombia": "BC"}  # sic
MIN_DIGITS, MAX_DIGITS = 7, 15
E164_PATTERN = rf"\+[1-9][0-9]{{{MIN_DIGITS - 1},{MAX_DIGITS - 1}}}"
"""A whole number as ITU-T E.164 §6.2.1 writes it: `+`, a country code that does not begin with 0, 15 digits at most, 7 at least (the
shortest in use); not anchored."""
_E164 = re.compile(E164_PATTERN, re.ASCII)
_SEPARATORS = str.maketrans("", "", "-.() ")
_ZIP = re.compile(r"([0-9]{5})(?:-?[0-9]{4})?", re.ASCII)
_NANP = re.compile(r"\+1([2-9][0-8][0-9])[2-9][0-9]{6}", re.ASCII)
_KEYPAD_WORDS = frozenset({"+266696687", "+7378742833", "+2562533", "+8566696", "+86282452253"})
"""ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE spelled on a keypad: so carriers put them where only digits fit."""


class Source(StrEnum):
    """The source of the caller's place."""

    CALLER = "caller"
    """A ZIP that the caller typed."""
    PUBLISHER = "publisher"
    """A ZIP the publisher passed."""
    NUMBER = "number"
    """The area code of the caller's number, and the exchange where the area code is shared."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`state`: one of `STATES`; None only where `source` is NONE. `zone`: IANA; None also where the area code lies in several
    (`area_codes`), and for military mail. Nothing in the switch goes by it yet."""

    state: str | None = None
    zone: str | None = None
    source: Source = Source.NONE


def place(zip_typed: str, zip_passed: str, ani: str) -> Place:
    """Where the caller is, by the best that is known; what is empty, or no ZIP or number that exists, is passed over.

    ZIPs may have their four digits more.
    """
    for text, source in ((zip_typed, Source.CALLER), (zip_passed, Source.PUBLISHER)):
        entry = _zip_entry(text)
        if entry is not None:
            return Place(state=entry[0], zone=entry[1], source=source)
    return _place_of_number(ani)


def known_zip(text: str) -> bool:
    """Whether these five digits are a ZIP."""
    return len(text) == 5 and _zip_entry(text) is not None


def anonymous(ani: str) -> bool:
    """Whether nobody can be recognised by this caller id: it isn't a number that a subscriber can have (`valid_number`).

    So are the "anonymous" of RFC 3323 §4.1.1 and carriers' own words ("restricted", "unavailable"), an empty one, those
    words spelled on a keypad, fillers such as +10000000000, and extensions of somebody's office.
    """
    return not valid_number(ani)


def is_e164(text: str) -> bool:
    """Whether `text` is a number in E.164, with its `+` and without separators."""
    return _E164.fullmatch(text) is not None


def to_e164(written: str) -> str:
    """`+18005550100` from any of `+18005550100`, `18005550100`, `8005550100`, with or without separators, as carriers write them.

    Text that is no number is returned unchanged, so that a record shows what was dialled.
    """
    digits = written.translate(_SEPARATORS)
    number = digits
    if not digits.startswith("+"):
        number = f"+1{digits}" if len(digits) == 10 else f"+{digits}"
    is_home = digits.startswith("+") or len(digits) == 10 or (len(digits) == 11 and digits.startswith("1"))
    return number if is_home and is_e164(number) else written


def valid_number(text: str) -> bool:
    """Whether this is E.164 with `+`, and its numbering plan lets a subscriber have it.

    In North America that is decided by the plan's rules alone, never by what `phonenumbers` knows to be in use: area codes open each year,
    and a caller from a new one must not be taken for nobody. Elsewhere it goes by the country's lengths.
    """
    if area_of(text) is not None:
        return True
    if text.startswith("+1") or text in _KEYPAD_WORDS or not is_e164(text):
        return False
    return _possible_abroad(text)


def area_of(ani: str) -> str | None:
    """The area code of a North American number that a subscriber can have; None for all others.

    Area codes are [2-9][0-8]x, exchanges [2-9]xx. Never given to subscribers: area codes whose last two digits are 11 (services), and those
    of three equal digits except 888.
    """
    found = _NANP.fullmatch(ani)
    if found is None:
        return None
    area = found[1]
    return None if area.endswith("11") or (area[0] * 3 == area and area != "888") else area


def is_toll_free(number: str) -> bool:
    """Whether this is a North American number whose subscriber pays for the calls (47 CFR §52.101)."""
    return area_of(number) in TOLL_FREE


def load_tables() -> None:
    """Loads what the lookups need, so that the first call does not wait for it."""
    _zips()
    _numbers()


@lru_cache(maxsize=4096)
def _possible_abroad(text: str) -> bool:
    import phonenumbers  # noqa: PLC0415 - as the tables: only for those who look something up

    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False


def _zip_entry(text: str) -> tuple[str, str | None] | None:
    """State and zone of a ZIP, with or without its four digits more."""
    found = _ZIP.fullmatch(text)
    return None if found is None else _zips().get(found[1])


def _place_of_number(ani: str) -> Place:
    area = area_of(ani)
    return Place() if area is None else _place_of_exchange(area, ani[5:8])


@lru_cache(maxsize=8192)
def _place_of_exchange(area: str, exchange: str) -> Place:
    state = TERRITORY_OF_AREA.get(area) or _state_of(area, exchange)
    if state is None:
        return Place()
    served = NEW_AREA_CODES[area].overlays if area in NEW_AREA_CODES else area
    return Place(state=state, zone=ZONE_OF_AREA.get(served, ZONE_OF_STATE.get(state)), source=Source.NUMBER)


def _state_of(area: str, exchange: str) -> str | None:
    if area in NEW_AREA_CODES:
        return NEW_AREA_CODES[area].state
    states, shared = _numbers()
    if area in states:
        return states[area]
    beginnings = ((area + exchange)[:length] for length in (6, 5, 4))
    return next((shared[beginning] for beginning in beginnings if beginning in shared), None)


@lru_cache(maxsize=1)
def _zips() -> Mapping[str, tuple[str, str | None]]:
    """State and zone by ZIP. Read by first digit: whole entries are large, and the library would keep all of them."""
    import zipcodes  # noqa: PLC0415 - 0.6 s

    entries = (entry for first in "0123456789" for entry in zipcodes.similar_to(first))  # type: ignore[no-untyped-call]
    return {entry["zip_code"]: (entry["state"], _zone(entry["timezone"])) for entry in entries}


def _zone(text: str) -> str | None:
    """The library has no zone for military mail, and once a town for one."""
    return text if "/" in text else None


@lru_cache(maxsize=1)
def _numbers() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """States by area code, and by the first digits of area code and exchange where several states share the area code.

    An area code that is described by its exchanges alone (310, 713) is in the state of all of them. Where it is described itself, what is
    said of an exchange counts for nothing: no area code of one state reaches into another, and 201-631 is not in New York.
    """
    from phonenumbers.geodata import GEOCODE_DATA  # noqa: PLC0415 - 0.3 s and 100 MB

    named = ((prefix[1:], _state(names.get("en", ""))) for prefix, names in GEOCODE_DATA.items() if prefix[0] == "1")
    found = {prefix: state for prefix, state in named if state is not None}
    of_exchanges: dict[str, set[str]] = {}
    for prefix, state in found.items():
        of_exchanges.setdefault(prefix[:3], set()).add(state)
    states = {area: next(iter(of)) for area, of in of_exchanges.items() if len(of) == 1}
    states |= {area: state for area, state in found.items() if len(area) == 3}
    return states, {prefix: state for prefix, state in found.items() if prefix[:3] not in states}


def _state(description: str) -> str | None:
    """`New York, NY` and `Ontario` name a state; `Abaco Island` and `Northwest Territories/Nunavut/Yukon` do not."""
    _, comma, code = description.rpartition(", ")
    return (code if code in STATES else None) if comma else _STATE_OF_NAME.get(description)
