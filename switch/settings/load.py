"""Knows the way from a config directory to a deployment, or to all that is wrong with it. Does not know what to do with either."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from switch.settings.compile.deployment import compiled, nodes_of, prompts_of
from switch.settings.directory import read
from switch.settings.field import DEFAULT_PROMPTS
from switch.settings.harmony.check import disharmonies
from switch.settings.harmony.found import Found
from switch.settings.harmony.menu import circles
from switch.settings.lint.check import warnings
from switch.settings.model.document import Document
from switch.settings.names import Kind, Names, mapping, names_of
from switch.settings.plan import Deployment
from switch.settings.problem import Position, Problem, Severity, order
from switch.settings.shape import SCHEMA_DIALECT, Shape, found_in, problem_at, shape_of
from switch.settings.source import Tree, positions_of
from switch.settings.tags import kinds_of
from switch.settings.uncollected import uncollected


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """`deployment` is None when `problems` has an error. `positions`: where each rule is written, e.g. `lines.acme-east.hours`.

    `files`: the text of each file that was read, by its name in the directory, with letters x for tokens: what `positions` speak of.
    """

    deployment: Deployment | None
    problems: tuple[Problem, ...]
    positions: Mapping[str, Position]
    files: Mapping[str, str]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps it from being a deployment; warnings do not."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)


def load(directory: Path) -> Loaded:
    """Read, check and compile a config directory. Never raises on bad input: what is wrong is told, all of it at once."""
    with uncollected():
        return _load(directory)


def _load(directory: Path) -> Loaded:
    tree = read(directory)
    prompts = mapping(tree.data.get("switch")).get("prompts", DEFAULT_PROMPTS)
    names = names_of(tree, prompts=prompts_of(directory, prompts if isinstance(prompts, str) else DEFAULT_PROMPTS))
    document, found = _checked(tree, names)
    kinds = kinds_of(tree)
    found += disharmonies(tree, kinds=kinds, prompts=names.known[Kind.PROMPT])
    problems = [*tree.problems, *(problem_at(one, tree) for one in found)]
    deployment = None
    if document is not None and not any(problem.severity is Severity.ERROR for problem in problems):
        nodes = nodes_of(document, kinds=kinds)
        problems += [problem_at(one, tree) for one in circles(nodes)]
        deployment = compiled(document, directory, kinds=kinds)
        problems += [problem_at(one, tree) for one in warnings(tree, deployment, nodes=nodes, kinds=kinds)]
    refused = any(problem.severity is Severity.ERROR for problem in problems)
    return Loaded(
        deployment=None if refused else deployment,
        problems=tuple(sorted(problems, key=order)),
        positions=positions_of(tree),
        files=tree.files,
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of all sections, for editors."""
    return {
        "$schema": SCHEMA_DIALECT,
        # Sections may be spread over files: no file must have them all.
        **{key: value for key, value in _whole_schema().items() if key != "required"},
        "title": "Payphone configuration",
    }


@cache
def _whole_schema() -> Shape:
    return shape_of(Document)


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
        return None, [found_in(detail, tree, _whole_schema()) for detail in details]
