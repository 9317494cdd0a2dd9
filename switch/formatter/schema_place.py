"""Looks up each place of a file in the JSON Schema: the order of its keys, the kind of its values, and how a value is written.

The schema is made from the models, so a new key needs nothing here. A value that can't be read as its kind stays as it is written:
the loader says what is wrong with it.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Protocol, TypeVar, assert_never

from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from routing.expression import BadExpression, Expression, parse, show
from switch.billing.money import show_micros
from switch.settings import address
from switch.settings import value as v
from switch.settings.load import schema
from switch.settings.model.party import CapOwner, PeerConfig
from switch.settings.value import Invalid

Shape = Mapping[str, Any]

_CAPS = tuple(CapOwner.model_fields)
# How SIP and audio go with a trunk or line comes last.
_PEER = tuple(key for key in PeerConfig.model_fields if key not in _CAPS)
# Where people write keys in another order than the models have: what a model inherits comes first in it, yet nobody begins a line
# with its cap, or how SIP goes; and what is long is easier to read behind what is short. A mapping that may have the first key has these
# keys right behind the last one; the first row that fits holds.
_BEHIND: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("uri", _CAPS, "uri"),
    ("revenue", _CAPS, "hours"),
    ("token", ("lines",), "token"),
    ("publisher", _CAPS, "campaign"),
    ("addresses", _CAPS, "addresses"),
    ("steps", ("steps",), "tiers"),
    ("paused", _CAPS, "paused"),
    ("lines", _CAPS, "lines"),
)
_TEXT_TAG = "tag:yaml.org,2002:str"
_COUNT = re.compile(r"[0-9]{1,9}")
_UNITS = (("d", v.DAY_MS, 2), ("h", 3_600_000, 1), ("m", 60_000, 2), ("s", 1_000, 1))
"""Name, milliseconds, and how many of it are written in it at least: 60s and 24h, not 1m and 1d."""
# An expression is text to an editor: only its key tells.
_FILTER_KEYS = frozenset({"filter", "when"})

# Sections of named entries, which may be sorted by name: in these the order says nothing.
_SORTABLE = frozenset({"tags", "trunks", "publishers", "numbers", "menus", "groups", "advertisers", "campaigns", "hours", "lines"})


class ValueKind(StrEnum):
    """The kinds of values that can be spelled in several ways."""

    AMOUNT = "amount"
    DURATION = "duration"
    FILTER = "filter"
    HOURS = "hours"
    NUMBER = "number"
    TRUTH = "truth"
    TEXT = "text"
    OTHER = "other"
    """Of several kinds, or unknown: it stays as it is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaPlace:
    """A place in a file. `options`: the alternatives that the schema allows there; empty: unknown. `key`: the key it is written under."""

    options: tuple[Shape, ...]
    key: str = ""
    of_model: bool = False
    """The key is one of a model's; else it is a name that the author chose."""
    counts_money: bool = False

    @property
    def kind(self) -> ValueKind:
        if self.of_model and self.key in _FILTER_KEYS:
            return ValueKind.FILTER
        if self.counts_money:
            return ValueKind.AMOUNT
        patterns = {option.get("pattern") for option in self.options}
        types = {each for option in self.options if isinstance(each := option.get("type"), str)}
        if v.DURATION_PATTERN in patterns:
            return ValueKind.DURATION
        if v.BLOCK_PATTERN in patterns:
            return ValueKind.HOURS
        if any(pattern and pattern.startswith(v.AMOUNT_PATTERN) for pattern in patterns):
            return ValueKind.AMOUNT
        scalar = types - {"object", "array", "null"}
        if len(scalar) != 1 or any("const" in option for option in self.options):
            return ValueKind.OTHER
        return {"integer": ValueKind.NUMBER, "boolean": ValueKind.TRUTH, "string": ValueKind.TEXT}.get(
            scalar.pop(), ValueKind.OTHER
        )

    def of_keys(self, written: Mapping[str, object]) -> "SchemaKeys":
        """Returns the keys that a mapping may have here, given those that it has."""
        models = [option for option in self.options if _is_mapping(option)]
        best = max(models, key=lambda option: sum(key in option.get("properties", {}) for key in written), default={})
        money = "limit" in best.get("properties", {}) and written.get("count") == "revenue"
        return SchemaKeys(shape=best, under=self.key, counts_money=money)

    def item(self) -> "SchemaPlace":
        """Returns the place of the items of a list here. A single item means the same as a list of one."""
        lists = [option["items"] for option in self.options if "items" in option]
        return SchemaPlace(options=tuple(inner for each in lists for inner in _options(each)), key=self.key)


class Named(Protocol):
    """Something written under a key."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaKeys:
    """The keys of a mapping. Those of a model have an order; names that the author chose keep theirs. `under`: the mapping's own key."""

    shape: Shape
    under: str
    counts_money: bool

    @property
    def numbered(self) -> bool:
        return self.under == "tiers"

    def place(self, key: str) -> SchemaPlace:
        """Returns the place of the value of `key`."""
        own = self.shape.get("properties", {}).get(key)
        inner = own or next(iter(self.shape.get("patternProperties", {}).values()), self.shape.get("additionalProperties"))
        return SchemaPlace(
            options=tuple(_options(inner)) if isinstance(inner, dict) else (),
            key=key,
            of_model=own is not None,
            counts_money=self.counts_money and key == "limit",
        )

    def sorted(self, written: Iterable[T], *, by_name: bool) -> list[T]:
        """In the order to write them in: keys that the model does not have come last. `by_name`: names of entries are sorted too."""
        rank = self._rank()
        if by_name and self.under in _SORTABLE and not self.shape.get("properties"):
            return sorted(written, key=lambda each: each.name)
        return sorted(written, key=lambda each: rank(each.name))

    def _rank(self) -> Callable[[str], tuple[int, int]]:
        known = {key: rank for rank, key in enumerate(_ordered(list(self.shape.get("properties", {}))))}
        if "holidays" in known:  # opening hours: days stand between the zone and other keys, in the order of the week
            return lambda key: (0, known[key]) if key == "zone" else (2, known[key]) if key in known else (1, _weekday(key))
        return lambda key: (0, known[key]) if key in known else (1, 0)


@cache
def whole_file() -> SchemaPlace:
    """Returns the place of a whole file."""
    return SchemaPlace(options=(schema(),))


def _ordered(keys: list[str]) -> list[str]:
    moved, behind = next(((moved, behind) for key, moved, behind in _BEHIND if key in keys and behind in keys), ((), ""))
    last = _PEER if set(_PEER) <= set(keys) else ()
    others = [key for key in keys if key not in (*moved, *last)]
    at = others.index(behind) + 1 if behind else 0
    return [*others[:at], *(key for key in moved if key in keys), *others[at:], *last]


def _weekday(key: str) -> int:
    """Where a day or the first of a range stands in the week; `daily` and what is no day come behind."""
    first = key.partition("-")[0]
    return v.DAYS.index(first) if first in v.DAYS else len(v.DAYS)


def _options(shape: Shape) -> Iterable[Shape]:
    """Yields the alternatives of a schema, references resolved."""
    if reference := shape.get("$ref"):
        shape = whole_file().options[0]["$defs"][reference.rpartition("/")[2]]
    several = shape.get("anyOf") or shape.get("oneOf")
    return [inner for option in several for inner in _options(option)] if several else [shape]


def _is_mapping(shape: Shape) -> bool:
    return any(key in shape for key in ("properties", "patternProperties", "additionalProperties"))


def duration_text(ms: int) -> str:
    """A duration as config writes it: in the largest unit that divides it."""
    for name, unit_ms, least in _UNITS:
        if ms >= least * unit_ms and ms % unit_ms == 0:
            return f"{ms // unit_ms}{name}"
    return f"{ms}ms" if ms else "0s"


def parsed_value(text: str, kind: ValueKind) -> int | str | Expression:
    """Returns the meaning of a value: equal for two spellings of the same."""
    try:
        match kind:
            case ValueKind.DURATION:
                return v.duration_ms(text, low=0, high=v.MAX_DAYS * v.DAY_MS)
            case ValueKind.AMOUNT:
                return v.amount_micros(text)
            case ValueKind.FILTER:
                return parse(text)
            case ValueKind.NUMBER:
                return int(text) if _COUNT.fullmatch(text) else text
            case ValueKind.TRUTH | ValueKind.HOURS | ValueKind.TEXT | ValueKind.OTHER:
                return text
            case _:
                assert_never(kind)
    except (Invalid, BadExpression):
        return text


def canonical_text(text: str, kind: ValueKind, *, style: str) -> str | None:
    """The value as it is to be written, quotes included; None: as it is. `style`: the quote it has, or ""."""
    match parsed_value(text, kind):
        case int() as number if kind is ValueKind.DURATION:
            return duration_text(number)
        case int() as number if kind is ValueKind.AMOUNT:
            return show_micros(number)
        case int() as number:
            return str(number)
        case str():
            return _text(text, kind)
        case expression:
            canonical = show(expression)
            return _quoted(canonical, style=style) if canonical.isprintable() else None


def canonical_name(name: str) -> str | None:
    """A key that the author chose, as it is to be written; None: as it is."""
    return _text(name, ValueKind.TEXT)


def _text(text: str, kind: ValueKind) -> str | None:
    if kind is ValueKind.TRUTH and text in ("true", "false"):
        return text
    hours = kind is ValueKind.HOURS and re.fullmatch(v.BLOCK_PATTERN, text)
    strange = kind in (ValueKind.TEXT, ValueKind.HOURS) and _read_otherwise(text)
    return _in_double(text) if hours or strange or re.fullmatch(address.E164_PATTERN, text) else None


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
