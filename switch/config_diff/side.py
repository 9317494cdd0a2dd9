"""Knows how a config directory, or the files of one that the ledger has kept, become a side of a comparison."""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from routing.table import Hours
from switch.config_diff.view import View
from switch.formatter.value import duration_text
from switch.settings.compile.deployment import compiled
from switch.settings.compile.hours import hours_of
from switch.settings.directory import read
from switch.settings.model.document import Document
from switch.settings.model.document import Hours as HoursModel
from switch.settings.names import Kind, mapping, names_of
from switch.settings.plan import Deployment, SwitchSettings
from switch.settings.source import Tree, Value
from switch.settings.tags import kinds_of

_OF_THE_PLAN = frozenset({"max_call_ms", "max_calls", "api"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptUnreadable:
    """A kept config that this version of Payphone does not understand, and why."""

    why: str


def side_of(directory: Path, deployment: Deployment) -> View:
    """`deployment`: what `directory` was loaded into."""
    tokens = deployment.switch.api.tokens if deployment.switch.api else {}
    return _view(read(directory), deployment, root=directory, tokens={name: token.sha256.hex() for name, token in tokens.items()})


def kept_side(files: Mapping[str, str]) -> View | KeptUnreadable:
    """`files`: as the ledger keeps them, with letters x for tokens. They were sound when they were kept, with prompts that may be
    gone by now: those are not looked for, and tokens are not compared."""
    with TemporaryDirectory(prefix="payphone-") as folder:
        root = Path(folder)
        for name, text in files.items():
            (root / Path(name).name).write_text(text, encoding="utf-8")
        tree = read(root)
        if tree.problems:
            return KeptUnreadable(why=tree.problems[0].message)
        names = names_of(tree, prompts=root)
        trusting = replace(names, known={**names.known, Kind.PROMPT: _words(tree.data)}, wav_fault=lambda _: None)
        try:
            document = Document.model_validate(tree.data, context=trusting)
        except ValidationError as error:
            return KeptUnreadable(why=error.errors(include_url=False)[0]["msg"])
        deployment = compiled(document, root, kinds=kinds_of(tree))
        tokens = dict.fromkeys(deployment.switch.api.tokens if deployment.switch.api else (), "")
        return _view(tree, deployment, root=root, tokens=tokens)


def _view(tree: Tree, deployment: Deployment, *, root: Path, tokens: Mapping[str, str]) -> View:
    settings = dict(_settings(deployment.switch, root.resolve()))
    return View(plan=deployment.plan, hours=dict(_hours(tree)), settings=settings, tokens=tokens)


def _hours(tree: Tree) -> Iterator[tuple[str, Hours]]:
    for name, entry in mapping(tree.data.get("hours")).items():
        yield name, hours_of(HoursModel.model_validate(entry))


def _settings(switch: SwitchSettings, root: Path) -> Iterator[tuple[str, str]]:
    """As text. Directories relative to that of the config: two of them side by side are no change."""
    for each in fields(switch):
        if each.name in _OF_THE_PLAN:
            continue
        match getattr(switch, each.name):
            case Path() as path:
                yield each.name, os.path.relpath(path, root)
            case int() as ms if each.name.endswith("_ms"):
                yield each.name.removesuffix("_ms"), duration_text(ms)
            case (host, port):
                yield each.name, f"{host}:{port}" if isinstance(host, str) else f"{host}-{port}"
            case value:
                yield each.name, "sqlite" if value is None else str(value)
    yield "api", ":".join(map(str, switch.api.listen)) if switch.api else "none"


def _words(value: Value) -> Collection[str]:
    """Every single value of a tree."""
    match value:
        case dict():
            return frozenset().union(*map(_words, value.values()))
        case list():
            return frozenset().union(*map(_words, value))
        case str():
            return frozenset({value})
        case _:
            return frozenset()
