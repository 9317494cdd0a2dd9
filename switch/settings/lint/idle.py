"""Knows which parts of a config nothing leads to. To be asked only of a tree without errors: a typo would look like disuse."""

from collections.abc import Callable, Iterator

from switch.settings.finding import Finding, warning
from switch.settings.names import lines_of, listed, mapping
from switch.settings.problem import Severity, quote
from switch.settings.source import Tree, Value
from switch.settings.tags import outcomes
from switch.settings.value import Unfit


def idle(tree: Tree) -> Iterator[Finding]:
    """Warnings of parts that nothing leads to. To be asked only of a tree without errors: a typo would look like disuse."""
    numbers = mapping(tree.data.get("numbers"))
    campaigns = mapping(tree.data.get("campaigns"))
    reached = _closure(
        {str(mapping(number)["campaign"]) for number in numbers.values()}, lambda name: _campaigns_after(campaigns, name)
    )
    for name in campaigns.keys() - reached:
        yield warning(
            ("campaigns", name), f"campaign {quote(name)} gets no calls", hint="give it a number, or overflow to it", at_key=True
        )
    menus = mapping(tree.data.get("menus"))
    used = {line for campaign in campaigns.values() for line in _lines_used(mapping(campaign))} | _transferred_to(menus)
    for name, spots in lines_of(tree).items():
        if name not in used:
            unfit = Unfit(f"line {quote(name)} gets no calls", hint="add it to a campaign's lines, or overflow to it")
            yield Finding(path=(), unfit=unfit, severity=Severity.WARNING, at_key=True, spot=spots[0])
    entered = {str(menu) for campaign in campaigns.values() if (menu := mapping(campaign).get("menu"))}
    for name in menus.keys() - _closure(entered, lambda name: _menus_after(menus, name)):
        hint = "name it in a campaign, or lead to it from a menu"
        yield warning(("menus", name), f"menu {quote(name)} is not used", hint=hint, at_key=True)


def _closure(start: set[str], after: Callable[[str], set[str]]) -> set[str]:
    """`start` and all that can be come to from it."""
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(after(name))
    return reached


def _campaigns_after(campaigns: dict[str, Value], name: str) -> set[str]:
    overflow = mapping(mapping(campaigns[name]).get("overflow"))
    return {str(target) for to in overflow.values() if (target := mapping(to).get("campaign"))}


def _menus_after(menus: dict[str, Value], name: str) -> set[str]:
    return {str(menu) for _, outcome in outcomes(mapping(menus[name]), ()) if (menu := outcome.get("menu"))}


def _transferred_to(menus: dict[str, Value]) -> set[str]:
    ways = (outcome for menu in menus.values() for _, outcome in outcomes(mapping(menu), ()))
    return {str(line) for outcome in ways if (line := outcome.get("transfer"))}


def _lines_used(campaign: dict[str, Value]) -> set[str]:
    targets = {str(mapping(item).get("line", item)) for item in listed(campaign.get("lines"))}
    return targets | {str(line) for to in mapping(campaign.get("overflow")).values() if (line := mapping(to).get("line"))}
