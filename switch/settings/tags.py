"""Collects the tags of a config, the kind of values of each, and the possible values of tags that only menus and numbers set.

Works on the tree as it was read. What filters ask of tags is not looked at here.
"""

from collections.abc import Iterator, Mapping

from routing.expression import Kind, Scalar
from routing.tags import BUILT_IN, CLOSED
from switch.settings.names import listed, mapping
from switch.settings.problem import quote
from switch.settings.source import KeyPath, Tree, Value
from switch.settings.value import Invalid

MAX_NUMBER = 10**18 - 1  # what a filter can compare with
WANTED = {Kind.TEXT: "a text", Kind.NUMBER: "a whole number", Kind.TRUTH: "true or false"}
GIVEN = frozenset({"passed_zip"})
"""Built-in tags that config may set: a header or a number says them."""
ONWARD = ("then", "failed", "otherwise")


def kinds_of(tree: Tree) -> dict[str, Kind]:
    """Built-in and declared tags; and text, where a menu or number sets a tag without further ado."""
    implied = {name: Kind.TEXT for _, name, _ in fixed(tree)}
    return {**implied, **declared(tree), **BUILT_IN}


def declared(tree: Tree) -> dict[str, Kind]:
    """Returns the kinds that the section `tags` declares; an entry with an error counts as text."""
    entries = mapping(tree.data.get("tags"))
    known = {kind.value: kind for kind in Kind}
    return {name: known.get(str(mapping(entry).get("type")), Kind.TEXT) for name, entry in entries.items()}


def values_of(tree: Tree, kinds: Mapping[str, Kind]) -> dict[str, frozenset[Scalar]]:
    """Returns all possible values by tag, of tags that neither a header nor a caller's digits can set. The tree must have no errors."""
    entries = mapping(tree.data.get("tags"))
    open_ends = {name for name, entry in entries.items() if "header" in mapping(entry)} | set(_typed(tree))
    found: dict[str, set[Scalar]] = {name: set() for name in kinds if name not in BUILT_IN}
    for _, name, raw in fixed(tree):
        if isinstance(raw, str) and name in found:
            found[name].add(scalar(raw, kinds[name]))
    splits = (mapping(mapping(campaign).get("split")) for campaign in mapping(tree.data.get("campaigns")).values())
    built_in: dict[str, frozenset[Scalar]] = {
        "variant": frozenset(variant for split in splits for variant in split),
        "campaign": frozenset(mapping(tree.data.get("campaigns"))),
        "publisher": frozenset(mapping(tree.data.get("publishers"))),
        "trunk": frozenset(mapping(tree.data.get("trunks"))),
    }
    return {**{name: frozenset(values) for name, values in found.items() if name not in open_ends}, **CLOSED, **built_in}


def scalar(text: str, kind: Kind) -> Scalar:
    """Returns the value of a tag. Raises Invalid."""
    match kind:
        case Kind.NUMBER:
            if text.removeprefix("-").isdecimal() and text.isascii() and abs(int(text)) <= MAX_NUMBER:
                return int(text)
        case Kind.TRUTH:
            if text in ("true", "false"):
                return text == "true"
        case Kind.TEXT:
            return text
    raise Invalid(f"{quote(text)} is no value of this tag", expected=WANTED[kind])


def fixed(tree: Tree) -> Iterator[tuple[KeyPath, str, Value]]:
    """Yields (path, tag, value) wherever a menu or a number sets a tag to a fixed value."""
    for path, tags in _maps(tree):
        for name, value in mapping(tags).items():
            yield (*path, name), name, value


def outcomes(node: Mapping[str, Value], path: KeyPath) -> Iterator[tuple[KeyPath, dict[str, Value]]]:
    """Yields (path, outcome) for every outcome of a menu."""
    for key in ONWARD:
        if key in node:
            yield (*path, key), mapping(node[key])
    for key, outcome in mapping(node.get("keys")).items():
        yield (*path, "keys", key), mapping(outcome)
    for index, case in enumerate(listed(node.get("branch"))):
        yield (*path, "branch", index, "then"), mapping(mapping(case).get("then"))


def _maps(tree: Tree) -> Iterator[tuple[KeyPath, Value | None]]:
    for name, number in mapping(tree.data.get("numbers")).items():
        if isinstance(number, dict) and "tags" in number:
            yield ("numbers", name, "tags"), number["tags"]
    for name, entry in mapping(tree.data.get("menus")).items():
        node = mapping(entry)
        if "say" in node:
            yield ("menus", name, "tags"), node.get("tags")
        for path, outcome in outcomes(node, ("menus", name)):
            yield (*path, "route"), outcome.get("route")


def _typed(tree: Tree) -> Iterator[str]:
    """Yields the tags that hold digits typed by callers."""
    for entry in mapping(tree.data.get("menus")).values():
        for key in ("gather", "yes_no"):
            if isinstance(tag := mapping(entry).get(key), str):
                yield tag
