"""Says what form the values of built-in tags have where there are too many to list; and which value a wrong one most likely stands for.

`routing.tags` lists the values of the others (`CLOSED`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from routing.geo import area_of, valid_number


@dataclass(frozen=True, slots=True)
class Shape:
    """The form of a tag's values. `begins`: the form of a prefix of one. `expected`: in words.
    `meant`: the value that a wrong one most likely stands for, or None."""

    fits: Callable[[str], object]
    begins: str
    expected: str
    meant: Callable[[str], str | None]


def _zip_meant(text: str) -> str | None:
    """Spreadsheets take the leading zeros of New England and New Jersey."""
    digits = re.sub("[^0-9]", "", text)[:5]
    return digits.zfill(5) if len(digits) >= 3 else None


def _caller_meant(text: str) -> str | None:
    digits = re.sub("[^0-9]", "", text)
    number = "+" + (digits if digits.startswith("1") else "1" + digits)
    return number if digits and number != text and len(digits) <= 11 else None


def _area_meant(text: str) -> str | None:
    digits = re.sub("[^0-9]", "", text).removeprefix("1")
    return digits[:3] if _is_area(digits[:3]) and digits[:3] != text else None


def _date_meant(text: str) -> str | None:
    """`12/24/2026` as Americans write it, and dates without their zeros."""
    if found := re.fullmatch(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", text):
        text = f"{found[3]}-{found[1]}-{found[2]}"
    if found := re.fullmatch(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})", text):
        written = f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}"
        return written if _is_date(written) else None
    return None


def _is_area(text: str) -> bool:
    return len(text) == 3 and area_of(f"+1{text}2345678") == text


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


_DIGITS = re.compile("[0-9*#A-D]*")
SHAPES: Mapping[str, Shape] = {
    "zip": Shape(re.compile("[0-9]{5}").fullmatch, "[0-9]{0,5}", "the five digits of a ZIP code, leading zeros too", _zip_meant),
    "area": Shape(_is_area, "([2-9]([0-8][0-9]?)?)?", "the three digits of a North American area code", _area_meant),
    "caller": Shape(
        valid_number,
        r"(\+([1-9][0-9]{0,14})?)?",
        "a number in E.164: + and 7 to 15 digits, such as +12125550199",
        _caller_meant,
    ),
    "date": Shape(
        _is_date,
        "[0-9]{0,4}|[0-9]{4}-([01][0-9]?)?|[0-9]{4}-[01][0-9]-([0-3][0-9]?)?",
        "a date such as 2026-12-24",
        _date_meant,
    ),
    "digits": Shape(_DIGITS.fullmatch, _DIGITS.pattern, "digits as they are pressed: 0-9 * # A-D, without spaces", lambda _: None),
}
"""Built-in tags whose values are too many to list. A header may set `passed_zip` to anything, so nothing is said of it."""
