"""Warnings about parts of a config that no call can reach, as far as that is certain whatever the load: parts that nothing leads to,
filters that can't be true, hours that never meet. And about campaigns that are open when none of their lines is."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache

from ivr.graph import leads_to, outcomes
from ivr.menu import Node, TransferTo
from routing.expression import Expression, Kind, Scalar, never_holds
from routing.expression_tree import And
from routing.hours_overlap import all_closed, may_meet
from routing.table import Campaign, Table, ToCampaign, ToLine
from switch.settings.finding import Finding, warning
from switch.settings.model.document import Document
from switch.settings.problem import quote
from switch.settings.source import KeyPath

NEVER = "this filter can never be true"
Values = Mapping[str, frozenset[Scalar]]


def idle(table: Table, nodes: Mapping[str, Node]) -> Iterator[Finding]:
    """Warnings of parts that nothing leads to. `nodes`: all menus."""
    reached = _closure({number.campaign for number in table.numbers.values()}, lambda name: _campaigns_after(table.campaigns[name]))
    for name in table.campaigns.keys() - reached:
        hint = "give it a number, or overflow to it"
        yield warning(("campaigns", name), f"campaign {quote(name)} gets no calls", hint=hint, at_key=True)
    overflows = [to for campaign in table.campaigns.values() for to in campaign.overflow.values()]
    used = {target.line for campaign in table.campaigns.values() for target in campaign.targets}
    used |= {to.line for to in overflows if isinstance(to, ToLine)}
    used |= {to.line for node in nodes.values() for to in outcomes(node) if isinstance(to, TransferTo)}
    for name, line in table.lines.items():
        if name not in used:
            hint = "add it to a campaign's lines, or overflow to it"
            yield warning(
                ("advertisers", line.advertiser, "lines", name), f"line {quote(name)} gets no calls", hint=hint, at_key=True
            )
    entered = {campaign.menu for campaign in table.campaigns.values() if campaign.menu}
    for name in nodes.keys() - _closure(entered, lambda name: leads_to(nodes[name])):
        hint = "name it in a campaign, or lead to it from a menu"
        yield warning(("menus", name), f"menu {quote(name)} is not used", hint=hint, at_key=True)


def paused_owners(document: Document) -> Iterator[Finding]:
    """Publishers and advertisers whose numbers or lines get nothing, since they are paused."""
    counts = Counter(number.publisher for number in document.numbers.values())
    for name, publisher in document.publishers.items():
        if publisher.paused and (count := counts[name]):
            numbers = "its number takes no calls" if count == 1 else f"its {count} numbers take no calls"
            yield warning(("publishers", name, "paused"), f"publisher {quote(name)} is paused: {numbers}")
    for name, advertiser in document.advertisers.items():
        if advertiser.paused and (count := len(advertiser.lines)):
            lines = "its line gets no calls" if count == 1 else f"its {count} lines get no calls"
            yield warning(("advertisers", name, "paused"), f"advertiser {quote(name)} is paused: {lines}")


def _closure(start: set[str], after: Callable[[str], Iterable[str]]) -> set[str]:
    """Returns `start` and everything reachable from it."""
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(after(name))
    return reached


def _campaigns_after(campaign: Campaign) -> set[str]:
    return {to.campaign for to in campaign.overflow.values() if isinstance(to, ToCampaign)}


def unreached(table: Table, *, kinds: Mapping[str, Kind], values: Values) -> Iterator[Finding]:
    """`values`: by tag, all it can be."""

    @cache
    def fails(expression: Expression) -> bool:
        return never_holds(expression, kinds, values)

    dead: set[str] = set()
    for name, campaign in table.campaigns.items():
        if campaign.filter and fails(campaign.filter):
            dead.add(f"campaign:{name}")
            yield warning(("campaigns", name, "filter"), NEVER, hint="the campaign takes no calls")
        if not campaign.overflow:
            hint = "say where a call goes that nobody takes, by the reason why: `overflow: {capped: ...}`"
            yield warning(("campaigns", name), f"campaign {quote(name)} has no overflow", hint=hint, at_key=True)
        yield from _open_without_lines(campaign, table)
    for name, line in table.lines.items():
        if line.filter and fails(line.filter):
            dead.add(f"line:{name}")
            yield warning(("advertisers", line.advertiser, "lines", name, "filter"), NEVER, hint="the line gets no calls")
    yield from _never_together(table, dead, kinds=kinds, values=values)


def _never_together(table: Table, dead: set[str], *, kinds: Mapping[str, Kind], values: Values) -> Iterator[Finding]:
    """Yields lines of a campaign that never take one of its calls. `dead`: lines reported already."""

    @cache
    def apart(one: Expression, other: Expression) -> bool:
        return never_holds(And(operands=(one, other)), kinds, values)

    meeting: dict[tuple[int, int], bool] = {}
    for name, campaign in table.campaigns.items():
        for index, target in enumerate(campaign.targets):
            line, path = table.lines[target.line], ("campaigns", name, "lines", index)
            if f"campaign:{name}" in dead or f"line:{line.name}" in dead:
                continue
            if campaign.filter and line.filter and apart(campaign.filter, line.filter):
                yield _unreachable(path, line.name, "its filter and the campaign's can't both be true")
            if campaign.hours and line.hours:
                pair = id(campaign.hours), id(line.hours)
                if pair not in meeting:
                    meeting[pair] = may_meet(campaign.hours, line.hours)
                if not meeting[pair]:
                    yield _unreachable(path, line.name, "it is closed whenever the campaign is open")


def _open_without_lines(campaign: Campaign, table: Table) -> Iterator[Finding]:
    """A campaign without hours whose lines are all closed at one time of an ordinary week."""
    hours = [table.lines[target.line].hours for target in campaign.targets]
    if not campaign.hours and all(hours) and (closes := all_closed([each for each in hours if each])):
        message = f"campaign {quote(campaign.name)} has no hours, and all its lines are closed at times: {closes} for one"
        hint = "callers go through its menu and find nobody: give it `hours:`, or a line that is always open"
        yield warning(("campaigns", campaign.name), message, hint=hint, at_key=True)


def _unreachable(path: KeyPath, line: str, why: str) -> Finding:
    return warning(path, f"line {quote(line)} is never reached from here: {why}")
