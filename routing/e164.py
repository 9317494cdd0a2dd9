"""PURE. Telephone numbers as ITU-T E.164 §6.2.1 writes them: `+`, a country code that does not begin with 0, 15 digits at most.

The shortest numbers in use have 7 digits. North America (country code 1) is home. Of what a number tells knows `geo`: it needs libraries
that take long to load, and most of who reads numbers need none of them.
"""

import re

MIN_DIGITS, MAX_DIGITS = 7, 15
E164_PATTERN = rf"\+[1-9][0-9]{{{MIN_DIGITS - 1},{MAX_DIGITS - 1}}}"
"""A whole number; not anchored."""
_E164 = re.compile(E164_PATTERN, re.ASCII)
_SEPARATORS = str.maketrans("", "", "-.() ")


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
