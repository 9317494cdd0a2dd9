"""Formats the values of config fields for people, by the fields' metadata: unit, default, description."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, IntEnum
from typing import Any, get_args, get_origin

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from routing.expression import Expression, show
from switch.billing.money import show_micros
from switch.formatter.schema_place import duration_text
from switch.settings import value as v
from switch.settings.files import without_secrets
from switch.sip.digest import Secret

NONE = "none"
SECRETS = frozenset({"token", "tokens", "password", "secret", "webhook", "headers"})
"""Keys whose values are compared and never shown."""
_DEFAULT = re.compile(r"default: (.+)$")
"""How a description ends that says what holds where the key is left out."""
_BARE = frozenset({"udp", "amount", "percent", "steps", "line"})
"""Fields of a price or a target that are read without their key, first."""
_BARE_CHOICES = frozenset({"country"})
"""The same of a choice, where config need not write the key."""
_IN_SECONDS = re.compile(r"trunks\.[^.]+\.cost\.(initial|step)|.*\.session_timer")
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a config. `path`: dotted. `label`: its keys inside of its entry. `annotation`: its type, with metadata.
    `absent`: how people read that it is left out. `of_revenue`: what it counts is money."""

    path: str
    label: str = ""
    annotation: object = None
    absent: str = NONE
    required: bool = False
    of_revenue: bool = False

    @property
    def key(self) -> str:
        return self.path.rpartition(".")[2]

    def child(self, key: str) -> "Field":
        """An entry of a mapping: `keys` has a `key 2`."""
        return self.named(self.label.removesuffix("s"))._below(key, key, annotation=_inner(self.annotation))

    def item(self, key: str) -> "Field":
        """An item of a list. Caps are named by what they count and over which time."""
        count, slash, per = key.partition("/")
        return self.child(key).named(f"{count} cap per {per}") if slash else self.child(key)

    def named(self, label: str) -> "Field":
        return replace(self, label=label)

    def inner(self, model: BaseModel) -> Iterator[tuple["Field", object]]:
        """The fields of a model that stands in this place, with their values."""
        of_revenue = getattr(model, "count", None) == "revenue"
        for name, info in type(model).model_fields.items():
            key = info.alias or name
            found = self._below(key, key.replace("_", " "), annotation=info, absent=_absent(info))
            yield replace(found, required=info.is_required(), of_revenue=of_revenue and key == "limit"), getattr(model, name)

    def _below(self, key: str, label: str, *, annotation: object, absent: str | None = None) -> "Field":
        return Field(
            path=f"{self.path}.{key}",
            label=f"{self.label} {label}".lstrip(),
            annotation=annotation,
            absent=self.absent if absent is None else absent,
        )


def whole_field(path: str) -> Field:
    """An entry of a section as the place that its fields stand in."""
    return Field(path=path)


def is_choice(model: BaseModel) -> bool:
    """Whether exactly one of its keys is written: its value is that one."""
    extra = type(model).model_config.get("json_schema_extra")
    return isinstance(extra, dict) and extra.get("maxProperties") == 1


def described(model: BaseModel) -> str:
    """Returns a description of a model: the first sentence of its docstring."""
    return (type(model).__doc__ or type(model).__name__).partition(".")[0].lower()


def text_of(value: object, field: Field) -> str:
    """A value of `field`, as config writes it or nearly so."""
    if value is None:
        return "off" if field.key == "session_timer" else field.absent
    if field.key in SECRETS or isinstance(value, Secret):
        return "set"
    match value:
        case bool():
            return "yes" if value else "no"
        case Enum():
            return value.name if isinstance(value, IntEnum) else str(value.value)
        case int():
            return _number(value, field)
        case datetime():
            return value.isoformat(" ", "minutes")
        case str():
            return without_secrets(value)
        case tuple():
            return _pair(value, field)
        case list():
            texts = [text_of(item, field.item(str(number))) for number, item in enumerate(value, 1)]
            return ", ".join(texts) or ("closed" if field.path.startswith("hours.") else NONE)
        case dict():
            return ", ".join(f"{key} {text_of(inner, field.child(str(key)))}" for key, inner in value.items()) or NONE
        case BaseModel():
            return model_text(value, field) or NONE
        case _:
            return f"`{show(value)}`" if isinstance(value, Expression) else str(value)


def _pair(pair: tuple[object, ...], field: Field) -> str:
    """A host and port, or two bounds; of opening hours, minutes of the day."""
    match pair:
        case (int() as low, int() as high) if field.path.startswith("hours."):
            return f"{_clock(low)}-{_clock(high)}"
        case (str() as host, port):
            return f"{host}:{port}"
        case _:
            return "-".join(map(str, pair))


def minutes_open(days: Mapping[str, Any]) -> frozenset[tuple[int, int]]:
    """Every minute of the week that is open, as (weekday, minute): of `mon-fri: [09:00-17:00]` and the like."""
    found = set()
    for key, blocks in days.items():
        for day in v.day_range(key):
            for start, end in blocks:
                for minute in range(start, end if end > start else end + _DAY_MINUTES):
                    found.add(((day + minute // _DAY_MINUTES) % 7, minute % _DAY_MINUTES))
    return frozenset(found)


def block_texts(minutes: Collection[tuple[int, int]]) -> str:
    """`mon-fri 09:00-17:00, sat 10:00-14:00` of open minutes."""
    starts = sorted((day, minute) for day, minute in minutes if (day, minute - 1) not in minutes)
    ends = sorted((day, minute + 1) for day, minute in minutes if (day, minute + 1) not in minutes)
    days: dict[str, list[int]] = {}
    for (day, start), (_, end) in zip(starts, ends, strict=True):
        days.setdefault(f"{_clock(start)}-{_clock(end)}", []).append(day)
    return ", ".join(f"{_days(on)} {times}" for times, on in sorted(days.items(), key=lambda each: (each[1], each[0]))) or "never"


def _days(days: list[int]) -> str:
    in_row = len(days) > 2 and days[-1] - days[0] == len(days) - 1
    return f"{v.DAYS[days[0]]}-{v.DAYS[days[-1]]}" if in_row else " ".join(v.DAYS[day] for day in days)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def model_text(model: BaseModel, field: Field, *, without: Collection[str] = ()) -> str:
    """The fields that are written: `failures 3, rest 60s`; of a choice or a price, what is chosen. "" where there are none."""
    found = {inner.key: (inner, value) for inner, value in field.inner(model) if _is_written(model, inner.key)}
    texts = []
    for key in sorted(found.keys() - set(without), key=lambda key: (key not in _BARE, list(found).index(key))):
        inner, value = found[key]
        word = key.replace("_", " ")
        if value is True:
            texts.append(word)
        elif key in _BARE_CHOICES or (key in _BARE and not is_choice(model)):
            texts.append(text_of(value, inner))
        else:
            texts.append(f"{word} {text_of(value, inner)}")
    return ("; " if "steps" in found else " " if (found.keys() & _BARE) - set(without) else ", ").join(texts)


def _is_written(model: BaseModel, key: str) -> bool:
    return any((info.alias or name) == key and name in model.model_fields_set for name, info in type(model).model_fields.items())


def _number(value: int, field: Field) -> str:
    if field.of_revenue:
        return show_micros(value)
    if _IN_SECONDS.fullmatch(field.path):
        return duration_text(value * 1_000)
    schemas = list(_schemas(field.annotation))
    patterns = [str(schema.get("pattern", "")) for schema in schemas]
    if v.DURATION_PATTERN in patterns:
        return duration_text(value)
    if any(pattern.startswith(v.AMOUNT_PATTERN) for pattern in patterns):
        return show_micros(value)
    if v.PERCENT_PATTERN in patterns:
        return f"{value / 100:g}%"
    if any(pattern.endswith("d$") for pattern in patterns):
        return f"{value}d"
    return f"{value}%" if any("100%" in schema.get("enum", ()) for schema in schemas) else str(value)


def _schemas(annotation: object) -> Iterator[Mapping[str, Any]]:
    """Yields the JSON Schemas in a type's annotation, at any depth."""
    match annotation:
        case WithJsonSchema(json_schema=schema):
            yield schema or {}
        case FieldInfo():
            for part in (annotation.annotation, *annotation.metadata):
                yield from _schemas(part)
        case _:
            for part in get_args(annotation):
                yield from _schemas(part)


def _inner(annotation: object) -> object:
    """Returns the type of the items of a list or the values of a mapping, or None."""
    if isinstance(annotation, FieldInfo):
        return _inner(annotation.annotation)
    if get_origin(annotation) in (dict, list):
        return get_args(annotation)[-1]
    return next((found for part in get_args(annotation) if (found := _inner(part)) is not None), None)


def _absent(info: FieldInfo) -> str:
    """Returns what holds where the key is left out, as the field's description says."""
    found = _DEFAULT.search(info.description or "")
    return f"({found[1]})" if found else NONE
