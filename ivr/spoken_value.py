"""PURE. The value of a tag -> the pieces that it is said in: digits, a number, an amount of dollars, a date; English and Spanish.

A piece is a short text such as `2 hundred` or `34`, of which there are few enough to have all of them spoken beforehand. Digits are said in
any language, the rest in those of `LANGUAGES`.
"""

import re
from datetime import date
from enum import StrEnum

from routing.expression import Scalar

MAX_NUMBER = 999_999_999
LANGUAGES = ("en", "es")


class Way(StrEnum):
    DIGITS = "digits"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"


_ES_HUNDREDS = {
    1: "ciento",
    2: "doscientos",
    3: "trescientos",
    4: "cuatrocientos",
    5: "quinientos",
    6: "seiscientos",
    7: "setecientos",
    8: "ochocientos",
    9: "novecientos",
}
_ES_TENS = {3: "treinta", 4: "cuarenta", 5: "cincuenta", 6: "sesenta", 7: "setenta", 8: "ochenta", 9: "noventa"}
_ES_ONE = {1: "un", 21: "veintiún", **{10 * ten + 1: f"{word} y un" for ten, word in _ES_TENS.items()}}
"""As numbers that end in one are said before what they count."""
_EN_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_ES_MONTHS = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
]
_EN_ENDING = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
_AMOUNT = re.compile(r"(-?)([0-9]{1,9})(?:\.([0-9]{1,2}))?")


def pieces(value: Scalar, way: Way, language: str) -> tuple[str, ...]:
    """What is said one after the other; nothing where the value is none that can be said this way. `language`: of `LANGUAGES`, but for
    digits."""
    match way:
        case Way.DIGITS:
            return tuple(each for each in str(value) if each in "0123456789")
        case Way.NUMBER:
            return _number(int(value), language) if re.fullmatch(r"-?[0-9]{1,9}", str(value)) else ()
        case Way.MONEY:
            return _money(str(value), language)
        case Way.DATE:
            return _date(str(value), language)


def vocabulary(way: Way, language: str) -> tuple[str, ...]:
    """Every piece that `pieces` may give."""
    match way:
        case Way.DIGITS:
            return tuple("0123456789")
        case Way.NUMBER:
            return _VOCABULARY[language]
        case Way.MONEY:
            return (*_VOCABULARY[language], *_MONEY[language])
        case Way.DATE:
            return tuple(dict.fromkeys(piece for day in range(366) for piece in _date(_day(day), language)))


def _day(number: int) -> str:
    return date.fromordinal(date(2024, 1, 1).toordinal() + number).isoformat()  # a leap year


def _number(number: int, language: str) -> tuple[str, ...]:
    if number < 0:
        return ("minus" if language == "en" else "menos", *_number(-number, language))
    if number == 0:
        return ("0",)
    millions, thousands, rest = number // 1_000_000, number // 1_000 % 1_000, number % 1_000
    if language == "en":
        said = (*_en(millions), "million") if millions else ()
        said += (*_en(thousands), "thousand") if thousands else ()
        return (*said, *_en(rest))
    said = ("un millón",) if millions == 1 else (*_counted(millions), "millones") if millions else ()
    said += ("mil",) if thousands == 1 else (*_counted(thousands), "mil") if thousands else ()
    return (*said, *_es(rest))


def _en(number: int) -> tuple[str, ...]:
    """Below a thousand; zero is not said."""
    hundreds = (f"{number // 100} hundred",) if number >= 100 else ()
    return (*hundreds, str(number % 100)) if number % 100 else hundreds


def _es(number: int) -> tuple[str, ...]:
    if number == 100:
        return ("cien",)
    hundreds = (_ES_HUNDREDS[number // 100],) if number >= 100 else ()
    return (*hundreds, str(number % 100)) if number % 100 else hundreds


def _counted(number: int) -> tuple[str, ...]:
    """As it is said in Spanish before what it counts."""
    *hundreds, last = _es(number)
    return (*hundreds, _ES_ONE.get(number % 100, last)) if number % 100 else _es(number)


_MONEY = {
    "en": ("dollar", "dollars", "cent", "cents", "and"),
    "es": ("dólar", "dólares", "centavo", "centavos", "con"),
}
_VOCABULARY = {
    "en": (*map(str, range(100)), *(f"{number} hundred" for number in range(1, 10)), "thousand", "million", "minus"),
    "es": (
        *map(str, range(100)),
        "cien",
        *_ES_HUNDREDS.values(),
        *_ES_ONE.values(),
        "mil",
        "un millón",
        "millones",
        "menos",
    ),
}


def _money(text: str, language: str) -> tuple[str, ...]:
    if (found := _AMOUNT.fullmatch(text)) is None:
        return ()
    sign, whole, part = int(f"{found[1]}1"), int(found[2]), int((found[3] or "0").ljust(2, "0"))
    dollar, dollars, cent, cents, joint = _MONEY[language]
    count = _number if language == "en" else lambda number, _: _counted(number) if 0 < number < 1_000 else _number(number, "es")
    said = (*count(whole, language), dollar if whole == 1 else dollars) if whole or not part else ()
    if part:
        said += (*((joint,) if whole else ()), *count(part, language), cent if part == 1 else cents)
    return ("minus" if language == "en" else "menos", *said) if sign < 0 else said


def _date(text: str, language: str) -> tuple[str, ...]:
    """Month and day: the year is known to who hears it."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return ()
    if language == "en":
        return (_EN_MONTHS[found.month - 1], f"{found.day}{_EN_ENDING.get(found.day, 'th')}")
    return (f"{found.day} de" if found.day > 1 else "primero de", _ES_MONTHS[found.month - 1])
