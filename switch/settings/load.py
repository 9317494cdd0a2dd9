"""Loads a config directory: reads, checks and compiles it to a deployment, or to the list of everything that is wrong with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from switch.settings.compile.deployment import compiled, nodes_of
from switch.settings.consistency import circles, inconsistencies
from switch.settings.field import DEFAULT_PROMPTS
from switch.settings.files import Content, merged, read_directory
from switch.settings.lint.check import warnings
from switch.settings.model.document import Document
from switch.settings.names import ANY_PROMPT, Prompts, mapping, names_of, prompts_among, prompts_in
from switch.settings.plan import Deployment
from switch.settings.problem import Position, Problem, Severity, order
from switch.settings.shape import SCHEMA_DIALECT, problem_at
from switch.settings.source import Positions
from switch.settings.tags import kinds_of
from switch.settings.validate import validated, whole_schema
from switch.without_gc import without_gc


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """`deployment` is None when `problems` has an error. `positions`: where each rule of it is written, e.g. `lines.acme-east.hours`.

    `document`: what the deployment was compiled from. `files`: the text of each file that was read, by its name, with letters x for
    secrets: what `positions` speak of.
    """

    deployment: Deployment | None
    problems: tuple[Problem, ...]
    positions: Mapping[str, Position]
    files: Mapping[str, str]
    document: Document | None = None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that refuse the config, warnings left out."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)


def load(directory: Path) -> Loaded:
    """Read, check and compile a config directory. Never raises on bad input: what is wrong is told, all of it at once."""
    files = read_directory(directory)
    if isinstance(files, Problem):
        return Loaded(deployment=None, problems=(files,), positions={}, files={})
    with without_gc():
        return _load(files, root=directory, prompts=lambda folder: prompts_in(directory / folder))


def load_files(files: Mapping[str, bytes | str], *, root: Path = Path()) -> Loaded:
    """Check and compile config files, by their paths relative to `root`, which need not exist. Prompts are the WAV files among them."""
    with without_gc():
        return _load(files, root=root, prompts=lambda folder: prompts_among(files, folder))


def load_kept(files: Mapping[str, str]) -> Loaded:
    """A config that was in force once, from what is kept of it: `Loaded.files`.

    It was sound then. Its prompts may be gone by now and its tokens are not kept, so only its shape is checked.
    """
    with without_gc():
        tree = merged(files, root=Path())
        kinds = kinds_of(tree)
        document, found = validated(tree, names_of(tree, prompts=ANY_PROMPT, kinds=kinds))
        problems = [*tree.problems, *(problem_at(one, tree) for one in found)]
        sound = document is not None and not problems
        return Loaded(
            deployment=compiled(document, Path(), kinds=kinds) if sound and document else None,
            problems=tuple(sorted(problems, key=order)),
            positions=Positions(tree.spots),
            files=tree.files,
            document=document if sound else None,
        )


def _load(files: Mapping[str, Content], *, root: Path, prompts: Callable[[str], Prompts]) -> Loaded:
    """`prompts`: those in a folder, which is named relative to `root`."""
    tree = merged(files, root=root)
    folder = mapping(tree.data.get("switch")).get("prompts", DEFAULT_PROMPTS)
    kinds = kinds_of(tree)
    names = names_of(tree, prompts=prompts(folder if isinstance(folder, str) else DEFAULT_PROMPTS), kinds=kinds)
    document, found = validated(tree, names)
    found += inconsistencies(tree, kinds=kinds)
    problems = [*tree.problems, *(problem_at(one, tree) for one in found)]
    deployment = None
    if document is not None and not any(problem.severity is Severity.ERROR for problem in problems):
        nodes = nodes_of(document, kinds=kinds)
        problems += [problem_at(one, tree) for one in circles(nodes)]
        deployment = compiled(document, root, kinds=kinds)
        problems += [problem_at(one, tree) for one in warnings(tree, document, deployment, nodes=nodes, kinds=kinds)]
    refused = any(problem.severity is Severity.ERROR for problem in problems)
    return Loaded(
        deployment=None if refused else deployment,
        problems=tuple(sorted(problems, key=order)),
        positions={} if refused else Positions(tree.spots),  # a key may be a mistyped token
        files=tree.files,
        document=None if refused else document,
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of all sections, for editors."""
    return {
        "$schema": SCHEMA_DIALECT,
        # Sections may be spread over files: no file must have them all.
        **{key: value for key, value in whole_schema().items() if key != "required"},
        "title": "Payphone configuration",
    }
