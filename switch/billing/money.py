"""Knows amounts: integers in micros of one currency. No floats anywhere near money."""

from decimal import Decimal, InvalidOperation

MICROS = 1_000_000
CENT_MICROS = 10_000


def micros_from(text: str) -> int:
    """Micros of a decimal amount such as `25`, `25.00` or `0.0065`.

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


def show_micros(micros: int) -> str:
    """Dollars and cents for people, e.g. `25.00`; more places only where the amount has them."""
    sign = "-" if micros < 0 else ""
    whole, part = divmod(abs(micros), MICROS)
    places = f"{part:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{places}"


def show_cents(micros: int) -> str:
    """For people who read sums: rounded to the cent, halves to the even one, as payouts are (`docs/billing.md` §5)."""
    cents, rest = divmod(micros, CENT_MICROS)
    cents += rest * 2 > CENT_MICROS or (rest * 2 == CENT_MICROS and cents % 2)
    return show_micros(cents * CENT_MICROS)
