"""Findings: what is wrong, and at which path of the tree. Translates pydantic's errors into them, and them into problems with a position.
Also makes the JSON Schema that editors are given. Works for any model: no model and no key is named here.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import DictSchema, NullableSchema, WithDefaultSchema

from switch.settings.files import without_secrets
from switch.settings.problem import Problem, Severity, quote
from switch.settings.source import KeyPath, NoValue, SourceFile, Tree, Value, error_at, part_of
from switch.settings.value import Invalid, InvalidTogether, nearest

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
Shape = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a path of the tree."""

    path: KeyPath
    error: Invalid
    severity: Severity = Severity.ERROR


def warning(path: KeyPath, message: str, *, hint: str | None = None, at_key: bool = False) -> Finding:
    """A warning at `path`."""
    return Finding(path, Invalid(message, hint=hint, at_key=at_key), Severity.WARNING)


class _Schema(GenerateJsonSchema):
    """Editors are told what may be written: null may not, although it is what a key left out becomes."""

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        shape = self.generate_inner(schema["schema"])
        default = schema.get("default")
        if default is None:
            return shape
        # Defaults stand in the models as text, as all of YAML does; an editor is to see the number or the boolean.
        return {**shape, "default": json.loads(default) if shape.get("type") in ("integer", "boolean") else default}

    def dict_schema(self, schema: DictSchema) -> JsonSchemaValue:
        shape = super().dict_schema(schema)
        return {**shape, "additionalProperties": False} if "patternProperties" in shape else shape

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False


def shape_of(model: type[BaseModel]) -> Shape:
    """The JSON Schema of `model`. Takes a while: ask once."""
    return model.model_json_schema(schema_generator=_Schema)


def found_in(detail: ErrorDetails, tree: Tree, shapes: Shape) -> list[Finding]:
    """pydantic's finding in our words: one, or several where values don't fit together. `shapes`: of the model of `tree`."""
    error = detail.get("ctx", {}).get("error")
    if isinstance(error, InvalidTogether):
        return [_placed(each, detail["loc"], tree) for each in error.errors]
    if isinstance(error, Invalid):
        return [_placed(error, detail["loc"], tree)]
    return [Finding(written(detail["loc"], tree), _translated(detail, shapes))]


def _placed(error: Invalid, loc: KeyPath, tree: Tree) -> Finding:
    if error.where is None:
        error.at_key |= loc[-1:] == ("[key]",)
        return Finding(written(loc, tree), error)
    model = written(loc[:-1], tree)
    return Finding(written(as_written((*model, *error.where), tree, start=len(model)), tree), error)


def _translated(detail: ErrorDetails, shapes: Shape) -> Invalid:
    """Returns an error that pydantic raised by itself, not one of our own checks, in our words."""
    loc = detail["loc"]
    match detail["type"]:
        case "extra_forbidden":
            keys = sorted(_shape(loc[:-1], shapes).get("properties", {}))
            key = without_secrets(str(loc[-1]))
            name, colon, value = key.partition(":")
            hint = f"put a space behind the colon: `{name}: {value}`" if colon and name in keys else nearest(key, keys)
            return Invalid(f"unknown key {quote(key)}", expected=f"one of {', '.join(keys)}", hint=hint, at_key=True)
        case "missing":
            expected = f"`{loc[-1]}:` {_shape(loc, shapes).get('description', '')}"
            return Invalid(f"{quote(str(loc[-1]))} is missing", expected=expected, at_key=True)
        case kind:
            expected = {"list_type": "a list: [...]", "string_type": "a text"}.get(kind, "a mapping: {key: value}")
            return Invalid(_instead(detail["input"]), expected=expected, hint=_spaced(detail["input"]))


def problem_at(found: Finding, tree: Tree) -> Problem:
    """Returns the finding as a problem, with the line it is written in; for what is not written, the nearest part around it."""
    path, error = found.path, found.error
    while path and path not in tree.places:
        path = path[:-1]
    file, span, place = SourceFile(path=tree.root), None, tree.places.get(path)
    if place is not None:
        file, span = place.file, (place.key if error.at_key else None) or place.value
        if error.at is not None and isinstance(text := value_at(path, tree), str):
            span = part_of(place, text, error.at)
    problem = error_at(file, span, error.message, expected=error.expected, hint=error.hint)
    return replace(problem, severity=found.severity)


def _spaced(value: object) -> str | None:
    """Returns a hint, or None, for a text that is meant as a list or a mapping: YAML wants a space behind a dash or a colon."""
    if isinstance(value, str) and re.match(r"-\S", value):
        return "put a space behind each dash"
    if isinstance(value, str) and (found := re.match(r"([\w-]+):(?=\S)", value)):
        return f"put a space behind the colon: `{found[1]}: {without_secrets(value)[found.end() :]}`"
    return None


def _instead(value: object) -> str:
    match value:
        case NoValue():
            return "no value"
        case str():
            return f"{quote(without_secrets(value))} does not belong here"
        case _:
            return f"a {'list' if isinstance(value, list) else 'mapping'} does not belong here"


def written(loc: tuple[int | str, ...], tree: Tree) -> KeyPath:
    """The path of the tree that pydantic speaks of. Steps that only the models know (a bare name as a mapping) are left out."""
    path: KeyPath = ()
    for step in loc:
        if (*path, step) in tree.places:
            path = (*path, step)
    return path


def as_written(path: KeyPath, tree: Tree, *, start: int = 0) -> KeyPath:
    """A path into what the models made of `tree`, whose lists lack what was left out, as a path of the tree. Up to `start` it is one."""
    for end in range(start, len(path)):
        step, around = path[end], value_at(path[:end], tree)
        if isinstance(around, list) and isinstance(step, int):
            kept = [index for index, item in enumerate(around) if item is not NoValue.LEFT_OUT]
            path = (*path[:end], kept[step], *path[end + 1 :])
    return path


def value_at(path: KeyPath, tree: Tree) -> Value | None:
    """What stands at `path` of the tree; None where nothing does."""
    here: Value | None = tree.data
    for step in path:
        match here, step:
            case dict(), str():
                here = here.get(step)
            case list(), int():
                here = here[step]
            case _:
                return None
    return here


def _shape(loc: tuple[int | str, ...], shapes: Shape) -> Shape:
    """The part of the JSON Schema for `loc`, described as the field there is; empty where it has none."""
    here = shapes
    for step in loc:
        options = _options(here, shapes)
        kind = next((option for option in options if option.get("title") == step), None)
        here = kind or next((_resolved(inner, shapes) for option in options if (inner := _inner(option, step))), {})
    found = next((option for option in _options(here, shapes) if "properties" in option), here)
    return {**found, "description": here["description"]} if "description" in here else found


def _options(here: Shape, shapes: Shape) -> list[Shape]:
    """Returns the alternatives of the schema `here`. Where pydantic chose one of several models, its title is the next step of the path."""
    return [_resolved(option, shapes) for option in here.get("anyOf", here.get("oneOf", [here]))]


def _inner(shape: Shape, step: int | str) -> Shape | None:
    if isinstance(step, int):
        return shape.get("items")
    inner = shape.get("properties", {}).get(step) or next(iter(shape.get("patternProperties", {}).values()), None)
    return inner or (shape["additionalProperties"] if isinstance(shape.get("additionalProperties"), dict) else None)


def _resolved(shape: Shape, shapes: Shape) -> Shape:
    reference = shape.get("$ref")
    return {**shapes["$defs"][reference.rpartition("/")[2]], **shape} if reference else shape
