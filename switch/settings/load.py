"""Loads a config directory: reads, checks and compiles it to a deployment, or to the list of everything that is wrong with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from media.prompts.inspection import Prepare, inspect
from switch.deployment import Deployment
from switch.engine.plan import Plan
from switch.settings.certificate import doubts
from switch.settings.compile.deployment import compiled, nodes_of
from switch.settings.consistency import circles, inconsistencies
from switch.settings.field import DEFAULT_PROMPTS
from switch.settings.files import DEFAULT_DATA, Content, merged, read_directory
from switch.settings.finding import SCHEMA_DIALECT, problem_at
from switch.settings.lint.check import warnings
from switch.settings.model.document import Document
from switch.settings.names import mapping, names_of
from switch.settings.problem import Position, Problem, Severity, order
from switch.settings.prompt_use import prompts_of, unspoken
from switch.settings.prompts import Prompts, prompts_among, prompts_in
from switch.settings.source import Positions
from switch.settings.validate import validated, whole_schema
from switch.sip.targets import Name
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


def load(directory: Path, *, prepare: Callable[[Path], Prepare] = lambda _: inspect) -> Loaded:
    """Read, check and compile a config directory. Never raises on bad input: what is wrong is told, all of it at once.

    `prepare`: by the data directory, what looks at prompts; the default only looks, and leaves nothing for media workers.
    """
    return load_with(directory, {}, prepare=prepare)


def load_with(directory: Path, instead: Mapping[str, str], *, prepare: Callable[[Path], Prepare] = lambda _: inspect) -> Loaded:
    """The same of a directory in which some files, by name, have other texts: what a change would come to before it is written."""
    files = read_directory(directory)
    if isinstance(files, Problem):
        return Loaded(deployment=None, problems=(files,), positions={}, files={})
    changed: dict[str, Content] = {**files, **instead}
    return _load(changed, root=directory, prompts=lambda folder, data: prompts_in(directory / folder, prepare(directory / data)))


def load_files(files: Mapping[str, bytes | str], *, root: Path = Path()) -> Loaded:
    """Check and compile config files, by their paths relative to `root`, which need not exist. Prompts are the sound files among them."""
    return _load(files, root=root, prompts=lambda folder, _: prompts_among(files, folder, inspect))


def load_kept(files: Mapping[str, str]) -> Loaded:
    """A config that was in force once, from what is kept of it: `Loaded.files`.

    It was sound then. Its prompts may be gone by now and its tokens are not kept, so only its shape is checked.
    """
    return _load(files, root=Path(), prompts=None)


@without_gc()
def _load(files: Mapping[str, Content], *, root: Path, prompts: Callable[[str, str], Prompts] | None) -> Loaded:
    """`prompts`: those in a folder, for a data directory, both named relative to `root`; None: this config was in force once."""
    tree = merged(files, root=root)
    section = mapping(tree.data.get("switch"))
    folder, data = section.get("prompts"), section.get("data")
    found_prompts = prompts and prompts(
        folder if isinstance(folder, str) else DEFAULT_PROMPTS, data if isinstance(data, str) else DEFAULT_DATA
    )
    names = names_of(tree, prompts=found_prompts, directory=root if prompts else None)
    checked = validated(tree, names)
    document, found = checked.document, checked.findings
    if document and prompts:
        found += checked.located(inconsistencies(document, names))
        found += checked.located(unspoken(document, found_prompts)) if found_prompts else ()
        if names.directory is not None and document.switch and document.switch.sip:
            found += checked.located(doubts(document.switch.sip, names.directory))
    deployment = None
    has_errors = any(finding.severity is Severity.ERROR for finding in found)
    if document and not has_errors and not tree.problems:
        nodes = nodes_of(document, kinds=names.kinds)
        deployment = compiled(document, root, kinds=names.kinds)
        if names.prompts:
            found += circles(nodes)
            found += warnings(tree, document, deployment, nodes=nodes, prompts=names.prompts)
            deployment = replace(deployment, prompts=prompts_of(document, names.prompts))
    positions = Positions(tree.places)
    problems = (*tree.problems, *(problem_at(one, tree) for one in found))
    refused = deployment is None or any(problem.severity is Severity.ERROR for problem in problems)
    return Loaded(
        deployment=None if refused or deployment is None else replace(deployment, places=_places(deployment.plan, positions)),
        problems=tuple(sorted(problems, key=order)),
        positions={} if refused else positions,  # a key may be a mistyped token
        files=tree.files,
        document=None if refused else document,
    )


def _places(plan: Plan, positions: Mapping[str, Position]) -> dict[Name, str]:
    found = {name: positions[rules[0]] for name, rules in plan.names.items()}
    return {name: f"{place.file}:{place.line}:{place.column}" for name, place in found.items()}


def schema() -> dict[str, Any]:
    """The JSON Schema of all sections, for editors."""
    return {
        "$schema": SCHEMA_DIALECT,
        # Sections may be spread over files: no file must have them all.
        **{key: value for key, value in whole_schema().items() if key != "required"},
        "title": "Payphone configuration",
    }
