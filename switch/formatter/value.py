"""Knows the one way in which a single value is written, and what it means. Does not know where it stands.

What can't be read as what it should be stays as it is written: saying what is wrong with it is the loader's business.
"""

import json
import re
from typing import assert_never

from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from routing.expression import BadExpression, Expression, parse, show
from switch.billing.money import show_micros
from switch.formatter.shape import Form
from switch.settings import value as v
from switch.settings.value import Unfit

_TEXT_TAG = "tag:yaml.org,2002:str"
_COUNT = re.compile(r"[0-9]{1,9}")
_S, _M, _H, _D = 1_000, 60_000, 3_600_000, v.DAY_MS


def duration_text(ms: int) -> str:
    """A duration as people of this trade write it: the largest unit that divides it, but 60s and 24h rather than 1m and 1d."""
    units = (("d", _D, 2 * _D), ("h", _H, _H), ("m", _M, 2 * _M), ("s", _S, _S))
    for name, unit, least in units:
        if ms >= least and ms % unit == 0:
            return f"{ms // unit}{name}"
    return f"{ms}ms" if ms else "0s"


def meaning(text: str, form: Form) -> int | str | Expression:
    """What a value says: equal for two ways to write the same."""
    try:
        match form:
            case Form.DURATION:
                return v.duration_ms(text, low=0, high=v.MAX_DAYS * v.DAY_MS)
            case Form.AMOUNT:
                return v.amount_micros(text)
            case Form.FILTER:
                return parse(text)
            case Form.NUMBER:
                return int(text) if _COUNT.fullmatch(text) else text
            case Form.TRUTH | Form.HOURS | Form.TEXT | Form.OTHER:
                return text
            case _:
                assert_never(form)
    except (Unfit, BadExpression):
        return text


def written(text: str, form: Form, *, style: str) -> str | None:
    """The value as it is to be written, quotes included; None: as it is. `style`: the quote it has, or ""."""
    match meaning(text, form):
        case int() as number if form is Form.DURATION:
            return duration_text(number)
        case int() as number if form is Form.AMOUNT:
            return show_micros(number)
        case int() as number:
            return str(number)
        case str():
            return _text(text, form)
        case expression:
            canonical = show(expression)
            return _quoted(canonical, style=style) if canonical.isprintable() else None


def name_written(name: str) -> str | None:
    """A key that the author chose, as it is to be written; None: as it is."""
    return _text(name, Form.TEXT)


def _text(text: str, form: Form) -> str | None:
    if form is Form.TRUTH and text in ("true", "false"):
        return text
    hours = form is Form.HOURS and re.fullmatch(v.BLOCK_PATTERN, text)
    strange = form in (Form.TEXT, Form.HOURS) and _read_otherwise(text)
    return _in_double(text) if hours or strange or re.fullmatch(v.E164_PATTERN, text) else None


def _read_otherwise(text: str) -> bool:
    """Whether YAML as most tools read it takes the plain text for a number, a date or a boolean."""
    return str(Resolver().resolve(ScalarNode, text, (True, False))) != _TEXT_TAG  # type: ignore[no-untyped-call]


def _quoted(text: str, *, style: str) -> str:
    """A filter with the quotes it had: its canonical form has no sign that its author's did not have."""
    if style == "'":
        return "'" + text.replace("'", "''") + "'"
    return _in_double(text) if style else text


def _in_double(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
