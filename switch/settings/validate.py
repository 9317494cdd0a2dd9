"""Validates a tree against the models, and reports all that is wrong with it at once.

pydantic looks at how values fit together only where each of them is sound: one bad line of a campaign would hide that another is there
twice. So what has errors is left out, entry by entry, and the rest is looked at again until nothing new is found.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from switch.settings.finding import Finding
from switch.settings.model.document import Document
from switch.settings.names import Names
from switch.settings.shape import Shape, found_in, shape_of, written
from switch.settings.source import KeyPath, Tree, Value

MAX_PASSES = 8
MAPPINGS = ("lines", "keys", "overflow", "payouts", "dispositions", "split", "retry", "tiers", "dates", "tags", "route")
"""Keys that hold entries by name, at any place below a section."""


@cache
def whole_schema() -> Shape:
    """The JSON Schema of all sections."""
    return shape_of(Document)


def validated(tree: Tree, names: Names) -> tuple[Document | None, list[Finding]]:
    """Returns the document, or None with the findings that keep it from being valid."""
    if not tree.data and tree.problems:
        return None, []  # nothing could be read, which is told already: "switch is missing" would lead astray
    found: dict[tuple[KeyPath, str], Finding] = {}
    left_out: set[KeyPath] = set()
    for _ in range(MAX_PASSES):
        part, origin = _without(tree, left_out)
        try:
            document = Document.model_validate(
                part.data, context=replace(names, incomplete=frozenset(str(path[-2]) for path in left_out))
            )
        except ValidationError as error:
            details = [detail for detail in error.errors(include_url=False) if not _is_elsewhere(detail, tree)]
        else:
            return (None if left_out else document), list(found.values())
        for detail in details:
            for finding in found_in(detail, part, whole_schema()):
                path = origin.get(finding.path, finding.path)
                found.setdefault((path, finding.unfit.message), replace(finding, path=path))
        around = [[origin.get(path, path) for path in _entries(detail["loc"], part)] for detail in details]
        more = _next_to_leave_out(around, left_out, tree)
        if not more:
            break
        left_out |= more
    return None, list(found.values())


def _is_elsewhere(detail: ErrorDetails, tree: Tree) -> bool:
    """A section that seems to be missing may stand in the file that could not be parsed."""
    return bool(tree.unread) and len(detail["loc"]) == 1 and detail["type"] == "missing"


def _without(tree: Tree, left_out: Collection[KeyPath]) -> tuple[Tree, dict[KeyPath, KeyPath]]:
    """The tree without some entries; and where each path of it is in `tree`, since the items of lists move up: empty where none do."""
    if not left_out:
        return tree, {}
    origin: dict[KeyPath, KeyPath] = {}

    def copy(value: Value, old: KeyPath, new: KeyPath) -> Value:
        origin[new] = old
        match value:
            case dict():
                return {key: copy(inner, (*old, key), (*new, key)) for key, inner in value.items() if (*old, key) not in left_out}
            case list():
                stay = [(index, inner) for index, inner in enumerate(value) if (*old, index) not in left_out]
                return [copy(inner, (*old, was), (*new, now)) for now, (was, inner) in enumerate(stay)]
            case _:
                return value

    data = {key: copy(value, (key,), (key,)) for key, value in tree.data.items()}
    spots = {new: tree.spots[old] for new, old in origin.items() if old in tree.spots}
    return replace(tree, data=data, spots=spots), origin


def _entries(loc: KeyPath, tree: Tree) -> list[KeyPath]:
    """The items of lists and entries of mappings that `loc` leads through, the innermost first, as paths of `tree`."""
    found = [loc[:2]] if len(loc) > 1 and loc[0] != "switch" else []
    for at in range(2, len(loc)):
        if isinstance(loc[at], int) or (loc[at - 1] in MAPPINGS and found and found[-1] != loc[:at]):
            found.append(loc[: at + 1])
    paths = ((entry, written(entry, tree)) for entry in reversed(found))
    # A bare amount stands for a list that is not written.
    return [path for entry, path in paths if path and path[-1] == entry[-1]]


def _next_to_leave_out(around: Collection[Sequence[KeyPath]], left_out: Collection[KeyPath], tree: Tree) -> set[KeyPath]:
    """Parts of entries first, as long as they are not alone, then whole entries. `around`: for each error, the entries that have it."""
    parts: set[KeyPath] = set()
    for paths in around:
        for path in paths:
            gone = sum(other[:-1] == path[:-1] for other in parts.union(left_out, [path]))
            if len(path) > 2 and gone < _size(tree, path[:-1]):
                parts.add(path)
                break
    return parts or {path for paths in around for path in paths if len(path) == 2}


def _size(tree: Tree, path: KeyPath) -> int:
    here: Value = tree.data
    for step in path:
        here = here[step]  # type: ignore[index]  # a path of the tree leads through its mappings and lists
    return len(here) if isinstance(here, dict | list) else 1
