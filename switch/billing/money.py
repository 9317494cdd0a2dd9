"""Parses and shows amounts: integers in micros of one currency. No floats anywhere near money."""

from decimal import Decimal, InvalidOperation

MICROS = 1_000_000
MICROS_PER_CENT = 10_000


def micros_from(text: str) -> int:
    """Returns the micros of a decimal amount such as `25`, `25.00` or `0.0065`.

    Raises ValueError when it is not a finite, non-negative decimal of at most six places.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"not an amount: {text!r}") from error
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"not an amount of zero or more: {text!r}")
    micros = amount * MICROS
    if micros != micros.to_integral_value():
        raise ValueError(f"more than six decimal places: {text!r}")
    return int(micros)


def show_cents(micros: int) -> str:
    """Dollars and cents for people, e.g. `25.00`: always two places, rounded half to even. Exact figures are in micros."""
    cents, rest = divmod(abs(micros), MICROS_PER_CENT)
    cents += rest * 2 > MICROS_PER_CENT or (rest * 2 == MICROS_PER_CENT and cents % 2 == 1)
    sign = "-" if micros < 0 and cents else ""
    return f"{sign}{cents // 100}.{cents % 100:02d}"


def show_micros(micros: int) -> str:
    """The exact amount, e.g. `25.00` or `0.0065`: for keys, rates and findings."""
    sign = "-" if micros < 0 else ""
    whole, part = divmod(abs(micros), MICROS)
    places = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{places}"
