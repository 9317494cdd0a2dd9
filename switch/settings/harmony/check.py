"""Knows all checks of harmony, and asks each."""

from collections.abc import Collection, Iterator, Mapping

from routing.expression import Kind
from switch.settings.harmony.cap import caps
from switch.settings.harmony.flow import flows
from switch.settings.harmony.found import Found
from switch.settings.harmony.hours import overlapping_hours
from switch.settings.harmony.menu import menus
from switch.settings.harmony.money import money
from switch.settings.harmony.part import parts
from switch.settings.harmony.tag import tags
from switch.settings.names import mapping
from switch.settings.source import Tree


def disharmonies(tree: Tree, *, kinds: Mapping[str, Kind], prompts: Collection[str]) -> Iterator[Found]:
    """Errors and warnings that hold however incomplete the tree is. `kinds`, `prompts`: the tags and prompts there are."""
    yield from parts(tree)
    yield from tags(tree, kinds)
    yield from menus(tree, kinds, prompts)
    yield from flows(tree)
    yield from caps(tree)
    yield from money(tree)
    for name, hours in mapping(tree.data.get("hours")).items():
        yield from overlapping_hours(mapping(hours), ("hours", name))
