"""Validates a tree against the models, and reports all that is wrong with it at once.

pydantic looks at how values fit together only where each of them is sound: one bad line of a campaign would hide that another is there
twice. So what has errors is left out, part by part, and the rest is looked at again until nothing new is found.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from switch.settings.finding import Finding, Shape, as_written, found_in, shape_of
from switch.settings.model.document import Document
from switch.settings.names import Names
from switch.settings.source import KeyPath, NoValue, Tree, Value

MAX_PASSES = 8
MAPPINGS = ("lines", "keys", "overflow", "payouts", "dispositions", "split", "retry", "tiers", "dates", "tags", "route", "webhooks")
"""Keys that hold entries by name, at any place below a section."""
DEPTH: Mapping[KeyPath, int] = {
    ("advertisers", "webhooks"): 5,
    ("advertisers", "lines"): 5,
    ("campaigns", "payout"): 4,
    ("campaigns", "payouts"): 5,
    ("campaigns", "recording"): 4,
    ("campaigns", "repeat"): 4,
    ("campaigns", "revenue"): 4,
    ("campaigns", "webhooks"): 5,
    ("menus", "branch"): 5,
    ("publishers", "webhooks"): 5,
}
"""The length of the paths of fields, by section and key: of models inside an entry that rules may look at although a field is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """`document`: what is sound; a field that was left out is None. `findings`: all that keeps the whole from being so. `tree`: what is
    left of it."""

    document: Document | None
    findings: list[Finding]
    tree: Tree

    def located(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Findings about `document`, at the paths of the whole tree."""
        return (replace(finding, path=as_written(finding.path, self.tree)) for finding in findings)


@cache
def whole_schema() -> Shape:
    """The JSON Schema of all sections."""
    return shape_of(Document)


def validated(tree: Tree, names: Names) -> Validated:
    """`document` is None where nothing could be read, or where too much is wrong."""
    if not tree.data and tree.problems:
        return Validated(document=None, findings=[], tree=tree)  # it is told already: "switch is missing" would lead astray
    found: dict[tuple[KeyPath, str], Finding] = {}
    left_out: set[KeyPath] = set()
    part = tree
    for _ in range(MAX_PASSES):
        incomplete = frozenset(str(path[-2]) for path in left_out if len(path) > 1)
        try:
            document = Document.model_validate(part.data, context=replace(names, incomplete=incomplete))
        except ValidationError as error:
            told = [(detail, found_in(detail, part, whole_schema())) for detail in error.errors(include_url=False)]
        else:
            return Validated(document=document, findings=list(found.values()), tree=part)
        part = part if left_out else replace(tree, data={key: _copy(value) for key, value in tree.data.items()})
        before = len(left_out)
        for detail, findings in told:
            for finding in findings:
                if not _is_elsewhere(detail, tree):
                    found.setdefault((finding.path, finding.error.message), finding)
                _leave_out(finding.path, detail, part.data, left_out)
        if len(left_out) == before:
            break
    return Validated(document=None, findings=list(found.values()), tree=part)


def _is_elsewhere(detail: ErrorDetails, tree: Tree) -> bool:
    """A section that seems to be missing may stand in the file that could not be parsed."""
    return bool(tree.unread) and len(detail["loc"]) == 1 and detail["type"] == "missing"


def _copy(value: Value) -> Value:
    match value:
        case dict():
            return {key: _copy(inner) for key, inner in value.items()}
        case list():
            return [_copy(inner) for inner in value]
        case _:
            return value


def _leave_out(path: KeyPath, detail: ErrorDetails, data: dict[str, Value], left_out: set[KeyPath]) -> None:
    """Leaves the part of `data` out that has the error at `path`."""
    path = (*path, detail["loc"][-1]) if detail["type"] == "missing" else path
    part = _part_around(path)
    if not part or any(part[:end] in left_out for end in range(1, len(part) + 1)):
        return
    left_out.add(part)
    parent: Any = data
    for step in part[:-1]:
        parent = parent[step]
    is_key = part == path and (detail["type"] == "extra_forbidden" or detail["loc"][-1] == "[key]")
    if is_key:
        del parent[part[-1]]
    if not is_key or detail["type"] != "extra_forbidden":
        parent[NoValue.LEFT_OUT if is_key else part[-1]] = NoValue.LEFT_OUT


def _part_around(path: KeyPath) -> KeyPath:
    """The smallest part around `path` that can be left out: an item of a list, an entry of a mapping, a field of an entry or of `DEPTH`."""
    if path[:1] == ("switch",):
        return path[:2]
    fields = (3, DEPTH.get(path[0:3:2], 3))
    ends = (end for end in range(3, len(path) + 1) if end in fields or isinstance(path[end - 1], int) or path[end - 2] in MAPPINGS)
    return path[: max(ends, default=2)]
