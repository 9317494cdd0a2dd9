"""Knows what the models say about each place of a file: in which order its keys come, and what its values are.

Does not know files, text or positions. All of it is read from the JSON Schema, so that a new key needs nothing here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Protocol, TypeVar

from switch.settings import value as v
from switch.settings.load import schema

Shape = Mapping[str, Any]

# Where people write keys in another order than the models have: what a model inherits comes first in it, yet nobody begins a line
# with its cap; and what is long is easier to read behind what is short. These keys stand right behind that one.
_BEHIND: Mapping[str, tuple[tuple[str, ...], str]] = {
    "Advertiser": (("lines",), "token"),
    "Campaign": (("cap", "caps"), "hours"),
    "Group": (("cap", "caps"), "lines"),
    "Line": (("cap", "caps"), "uri"),
    "Number": (("cap", "caps"), "campaign"),
    "Payout": (("steps",), "tiers"),
    "Publisher": (("cap", "caps"), "paused"),
    "PublisherPayout": (("steps",), "tiers"),
    "Revenue": (("steps",), "tiers"),
    "Trunk": (("cap", "caps"), "addresses"),
}
# An expression is text to an editor: only its key tells.
_FILTER_KEYS = frozenset({"filter", "when"})

# Sections of named entries, which may be sorted by name: in these the order says nothing.
_SORTABLE = frozenset({"tags", "trunks", "publishers", "numbers", "menus", "groups", "advertisers", "campaigns", "hours", "lines"})


class Form(StrEnum):
    """What a value is, as far as it is written in one way of several."""

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
class Place:
    """Somewhere in a file. `options`: what the schema lets it be; none: it knows nothing of it. `key`: what it is written under."""

    options: tuple[Shape, ...]
    key: str = ""
    of_model: bool = False
    """The key is one of a model's; else it is a name that the author chose."""
    counts_money: bool = False

    @property
    def form(self) -> Form:
        if self.of_model and self.key in _FILTER_KEYS:
            return Form.FILTER
        if self.counts_money:
            return Form.AMOUNT
        patterns = {option.get("pattern") for option in self.options}
        types = {each for option in self.options if isinstance(each := option.get("type"), str)}
        if v.DURATION_PATTERN in patterns:
            return Form.DURATION
        if v.BLOCK_PATTERN in patterns:
            return Form.HOURS
        if any(pattern and pattern.startswith(v.AMOUNT_PATTERN) for pattern in patterns):
            return Form.AMOUNT
        scalar = types - {"object", "array", "null"}
        if len(scalar) != 1 or any("const" in option for option in self.options):
            return Form.OTHER
        return {"integer": Form.NUMBER, "boolean": Form.TRUTH, "string": Form.TEXT}.get(scalar.pop(), Form.OTHER)

    def of_keys(self, written: Mapping[str, object]) -> "Keys":
        """What may be written here as a mapping, given what is."""
        models = [option for option in self.options if _is_mapping(option)]
        best = max(models, key=lambda option: sum(key in option.get("properties", {}) for key in written), default={})
        money = best.get("title") == "Cap" and written.get("count") == "revenue"
        return Keys(shape=best, under=self.key, counts_money=money)

    def item(self) -> "Place":
        """What the items of a list are here. A single one is what a list of one is."""
        lists = [option["items"] for option in self.options if "items" in option]
        return Place(options=tuple(inner for each in lists for inner in _options(each)), key=self.key)


class Keyed(Protocol):
    """Something written under a key."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Keyed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of a mapping. Those of a model have an order; names that the author chose keep his. `under`: the mapping's own key."""

    shape: Shape
    under: str
    counts_money: bool

    @property
    def numbered(self) -> bool:
        return self.under == "tiers"

    def place(self, key: str) -> Place:
        """What `key` is written for."""
        own = self.shape.get("properties", {}).get(key)
        inner = own or next(iter(self.shape.get("patternProperties", {}).values()), self.shape.get("additionalProperties"))
        return Place(
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
        title = self.shape.get("title", "")
        known = {key: rank for rank, key in enumerate(_ordered(list(self.shape.get("properties", {})), title))}
        if title == "Hours":  # days stand between the zone and its other keys, in the order of the week
            return lambda key: (0, known[key]) if key == "zone" else (2, known[key]) if key in known else (1, _weekday(key))
        return lambda key: (0, known[key]) if key in known else (1, 0)


@cache
def whole() -> Place:
    """A whole file."""
    return Place(options=(schema(),))


def _ordered(keys: list[str], title: str) -> list[str]:
    if title not in _BEHIND:
        return keys
    moved, behind = _BEHIND[title]
    others = [key for key in keys if key not in moved]
    at = others.index(behind) + 1
    return [*others[:at], *moved, *others[at:]]


def _weekday(key: str) -> int:
    """Where a day or the first of a range stands in the week; `daily` and what is no day come behind."""
    first = key.partition("-")[0]
    return v.DAYS.index(first) if first in v.DAYS else len(v.DAYS)


def _options(shape: Shape) -> Iterable[Shape]:
    """All that a shape may be, references followed."""
    if reference := shape.get("$ref"):
        shape = whole().options[0]["$defs"][reference.rpartition("/")[2]]
    several = shape.get("anyOf") or shape.get("oneOf")
    return [inner for option in several for inner in _options(option)] if several else [shape]


def _is_mapping(shape: Shape) -> bool:
    return any(key in shape for key in ("properties", "patternProperties", "additionalProperties"))
