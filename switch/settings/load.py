"""Knows the way from a config directory to a deployment, or to all that is wrong with it. Does not know what to do with either."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import DictSchema, NullableSchema, WithDefaultSchema

from switch.settings.compile import compiled, prompts_of
from switch.settings.field import DEFAULT_PROMPTS
from switch.settings.harmony import Found, disharmonies, idle
from switch.settings.model import Document
from switch.settings.names import Names, mapping, names_of, public
from switch.settings.plan import Deployment
from switch.settings.problem import Position, Problem, Severity, order, quote
from switch.settings.source import Blank, KeyPath, SourceFile, Spot, Tree, read, trouble
from switch.settings.value import Unfit, nearest

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """`deployment` is None when `problems` has an error. `positions`: where each rule is written, e.g. `lines.acme-east.hours`."""

    deployment: Deployment | None
    problems: tuple[Problem, ...]
    positions: Mapping[str, Position]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps it from being a deployment; warnings do not."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)


def load(directory: Path) -> Loaded:
    """Read, check and compile a config directory. Never raises on bad input: what is wrong is told, all of it at once."""
    tree = read(directory)
    prompts = mapping(tree.data.get("switch")).get("prompts", DEFAULT_PROMPTS)
    names = names_of(tree, prompts=prompts_of(directory, prompts if isinstance(prompts, str) else DEFAULT_PROMPTS))
    document, found = _checked(tree, names)
    found += disharmonies(tree)
    problems = [*tree.problems, *(_problem(one, tree) for one in found)]
    if not any(problem.severity is Severity.ERROR for problem in problems):
        problems += [_problem(one, tree) for one in idle(tree)]
    refused = document is None or any(problem.severity is Severity.ERROR for problem in problems)
    return Loaded(
        deployment=None if refused or document is None else compiled(document, directory),
        problems=tuple(sorted(problems, key=order)),
        positions=_positions(tree),
    )


def position_of(positions: Mapping[str, Position], rule: str) -> Position | None:
    """Where `rule` is written; for a key that is left out, the nearest part around it."""
    while rule not in positions and "." in rule:
        rule = rule.rpartition(".")[0]
    return positions.get(rule)


def schema() -> dict[str, Any]:
    """The JSON Schema of all sections, for editors."""
    return {
        "$schema": SCHEMA_DIALECT,
        # Sections may be spread over files: no file must have them all.
        **{key: value for key, value in _whole_schema().items() if key != "required"},
        "title": "Payphone configuration",
    }


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


@cache
def _whole_schema() -> dict[str, Any]:
    return Document.model_json_schema(schema_generator=_Schema)


def _checked(tree: Tree, names: Names) -> tuple[Document | None, list[Found]]:
    if not tree.data and tree.problems:
        return None, []  # nothing could be read, which is told already: "switch is missing" would lead astray
    try:
        return Document.model_validate(tree.data, context=names), []
    except ValidationError as error:
        # A section that seems to be missing may stand in the file that could not be parsed.
        details = (
            detail
            for detail in error.errors(include_url=False)
            if not (tree.unread and len(detail["loc"]) == 1 and detail["type"] == "missing")
        )
        return None, [_found(detail, tree) for detail in details]


def _found(detail: ErrorDetails, tree: Tree) -> Found:
    """pydantic's finding in our words."""
    loc = detail["loc"]
    path = _written(loc, tree)
    match detail["type"]:
        case "extra_forbidden":
            keys = sorted(_shape(loc[:-1]).get("properties", {}))
            unfit = Unfit(
                f"unknown key {quote(str(loc[-1]))}", expected=f"one of {', '.join(keys)}", hint=nearest(str(loc[-1]), keys)
            )
            return Found(path=path, unfit=unfit, at_key=True)
        case "missing":
            expected = f"`{loc[-1]}:` {_shape(loc).get('description', '')}"
            return Found(path=path, unfit=Unfit(f"{quote(str(loc[-1]))} is missing", expected=expected), at_key=True)
        case "value_error":
            unfit = detail["ctx"]["error"]
            return Found(path=path, unfit=unfit if isinstance(unfit, Unfit) else Unfit(str(unfit)), at_key=loc[-1:] == ("[key]",))
        case kind:
            expected = {"list_type": "a list: [...]", "string_type": "a text"}.get(kind, "a mapping: {key: value}")
            return Found(path=path, unfit=Unfit(_instead(detail["input"]), expected=expected))


def _instead(value: object) -> str:
    match value:
        case Blank():
            return "no value"
        case str():
            return f"{quote(value)} does not belong here"
        case _:
            return f"a {'list' if isinstance(value, list) else 'mapping'} does not belong here"


def _written(loc: tuple[int | str, ...], tree: Tree) -> KeyPath:
    """The path of the tree that pydantic speaks of. Steps that only the models know (a bare name as a mapping) are left out."""
    path: KeyPath = ()
    for step in loc:
        if (*path, step) in tree.spots:
            path = (*path, step)
    return path


def _shape(loc: tuple[int | str, ...]) -> dict[str, Any]:
    """The part of the JSON Schema for `loc`; empty where it has none."""
    here = shapes = _whole_schema()
    for step in loc:
        options = [_resolved(option, shapes) for option in here.get("anyOf", [here])]
        here = next((_resolved(inner, shapes) for option in options if (inner := _inner(option, step))), {})
    options = [_resolved(option, shapes) for option in here.get("anyOf", [here])]
    return next((option for option in options if "properties" in option), here)


def _inner(shape: dict[str, Any], step: int | str) -> dict[str, Any] | None:
    if isinstance(step, int):
        return shape.get("items")
    inner = shape.get("properties", {}).get(step) or next(iter(shape.get("patternProperties", {}).values()), None)
    return inner or (shape["additionalProperties"] if isinstance(shape.get("additionalProperties"), dict) else None)


def _resolved(shape: dict[str, Any], shapes: dict[str, Any]) -> dict[str, Any]:
    reference = shape.get("$ref")
    return {**shapes["$defs"][reference.rpartition("/")[2]], **shape} if reference else shape


def _problem(found: Found, tree: Tree) -> Problem:
    path = found.path
    while path and path not in tree.spots:
        path = path[:-1]
    spot = found.spot or tree.spots.get(path)
    unfit = found.unfit
    if spot is None:
        problem = trouble(SourceFile(path=tree.root), None, unfit.message, expected=unfit.expected, hint=unfit.hint)
    else:
        span = (spot.key if found.at_key else None) or spot.value
        problem = trouble(spot.file, span, unfit.message, expected=unfit.expected, hint=unfit.hint)
    return replace(problem, severity=found.severity)


def _positions(tree: Tree) -> dict[str, Position]:
    return {public(path): _position(spot) for path, spot in tree.spots.items()}


def _position(spot: Spot) -> Position:
    span = spot.key or spot.value
    return Position(file=spot.file.path, line=span.line, column=span.column)
