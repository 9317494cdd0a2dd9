"""Knows all that is warned of, and asks each."""

from collections.abc import Iterator, Mapping

from ivr.menu import Node
from routing.expression import Kind
from switch.settings.finding import Finding
from switch.settings.lint.caps import caps_without_zone
from switch.settings.lint.idle import idle
from switch.settings.lint.menus import shadowed
from switch.settings.lint.money import prices
from switch.settings.lint.reach import unreached
from switch.settings.plan import Deployment
from switch.settings.source import Tree
from switch.settings.tags import values_of


def warnings(tree: Tree, deployment: Deployment, *, nodes: Mapping[str, Node], kinds: Mapping[str, Kind]) -> Iterator[Finding]:
    """`nodes`: all menus, those that nothing leads to included. `kinds`: the tags there are."""
    plan = deployment.plan
    values = values_of(tree, kinds)
    yield from idle(tree)
    yield from caps_without_zone(tree)
    yield from unreached(tree, plan.table, kinds=kinds, values=values)
    yield from shadowed(nodes, kinds=kinds, values=values)
    yield from prices(tree, deployment)
