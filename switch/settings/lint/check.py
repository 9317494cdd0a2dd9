"""Runs all lint checks on a config without errors."""

from collections.abc import Iterator, Mapping

from ivr.menu import Node
from routing.expression import Kind
from switch.settings.finding import Finding
from switch.settings.lint.filters import impossible_values, shadowed
from switch.settings.lint.money import prices
from switch.settings.lint.places import calendars_without_country, caps_without_zone, fixed_zones
from switch.settings.lint.prompts import bad_prompts
from switch.settings.lint.reach import idle, paused_owners, unreached
from switch.settings.model.document import Document
from switch.settings.plan import Deployment
from switch.settings.source import Tree
from switch.settings.tags import values_of


def warnings(
    tree: Tree, document: Document, deployment: Deployment, *, nodes: Mapping[str, Node], kinds: Mapping[str, Kind]
) -> Iterator[Finding]:
    """Yields all warnings of one config, given as `tree`, `document` and `deployment`. `nodes`: all menus, unreachable ones included.
    `kinds`: the tags there are."""
    table = deployment.plan.table
    values = {**values_of(tree, kinds), "number": frozenset(table.numbers)}
    yield from idle(table, nodes)
    yield from paused_owners(document)
    yield from fixed_zones(document)
    yield from caps_without_zone(document)
    yield from calendars_without_country(document)
    yield from bad_prompts(document, deployment.switch.prompts)
    yield from impossible_values(tree, kinds=kinds, values=values)
    yield from unreached(table, kinds=kinds, values=values)
    yield from shadowed(nodes, kinds=kinds, values=values)
    yield from prices(document, deployment)
