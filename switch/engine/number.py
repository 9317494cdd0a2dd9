"""Knows how numbers as carriers write them become E.164 (`docs/carriers.md` §2). North America is home."""

_SEPARATORS = str.maketrans("", "", "-.() ")


def e164(user: str) -> str:
    """`+18005550100` from any of `+18005550100`, `18005550100`, `8005550100`, with or without separators.

    What is no number is returned as it came, so that the record shows what was dialled.
    """
    digits = user.translate(_SEPARATORS)
    plus = digits.startswith("+")
    digits = digits.removeprefix("+")
    if not digits.isascii() or not digits.isdigit():
        return user
    if plus and 7 <= len(digits) <= 15:  # E.164 §6.2.1: fifteen digits at most
        return f"+{digits}"
    if len(digits) == 11 and digits.startswith("1"):
        return f"+{digits}"
    if len(digits) == 10:
        return f"+1{digits}"
    return user
