"""Knows what parts of a config must be in harmony with each other, beyond the shape of each.

Looks at the tree as it was read, not at the models: so all of it is found at once, whatever else is wrong. Parts with a wrong shape
are passed over here; the models tell of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TypeVar

from routing.table import NoRoute
from switch.settings import value as v
from switch.settings.field import DEFAULT_PORTS
from switch.settings.names import lines_of, listed, mapping
from switch.settings.problem import Severity, quote
from switch.settings.source import KeyPath, Spot, Tree, Value
from switch.settings.value import Unfit
from switch.sip.arrival import DEFAULT_PORT
from switch.sip.uri import parse_uri

WARN_BELOW_MS = 60_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A problem at a path of the tree; `at_key`: the key is meant, not its value. `spot`: where, if not at the path."""

    path: KeyPath
    unfit: Unfit
    severity: Severity = Severity.ERROR
    at_key: bool = False
    spot: Spot | None = None


def disharmonies(tree: Tree) -> Iterator[Found]:
    """Errors and warnings that hold however incomplete the tree is."""
    yield from _lines_twice(tree)
    yield from _overlapping_trunks(tree)
    yield from _ports(tree)
    yield from _lines_to_ourselves(tree)
    for name, menu in mapping(tree.data.get("menus")).items():
        yield from _answer_lengths(mapping(menu), ("menus", name))
    for name, hours in mapping(tree.data.get("hours")).items():
        yield from _overlapping_hours(mapping(hours), ("hours", name))
    campaigns = mapping(tree.data.get("campaigns"))
    for name, campaign in campaigns.items():
        yield from _targets_twice(mapping(campaign), ("campaigns", name))
        yield from _short_threshold(mapping(campaign), ("campaigns", name))
    for cause in NoRoute:
        yield from _overflow_circles(campaigns, cause)
    yield from _paused_publishers(tree)


def idle(tree: Tree) -> Iterator[Found]:
    """Warnings of parts that nothing leads to. To be asked only of a tree without errors: a typo would look like disuse."""
    numbers = mapping(tree.data.get("numbers"))
    campaigns = mapping(tree.data.get("campaigns"))
    reached = _closure(
        {str(mapping(number)["campaign"]) for number in numbers.values()}, lambda name: _campaigns_after(campaigns, name)
    )
    for name in campaigns.keys() - reached:
        yield _idle(("campaigns", name), f"campaign {quote(name)} gets no calls", "give it a number, or overflow to it")
    used = {line for campaign in campaigns.values() for line in _lines_used(mapping(campaign))}
    for name, spots in lines_of(tree).items():
        if name not in used:
            unfit = Unfit(f"line {quote(name)} gets no calls", hint="add it to a campaign's lines, or overflow to it")
            yield Found(path=(), unfit=unfit, severity=Severity.WARNING, at_key=True, spot=spots[0])
    menus = mapping(tree.data.get("menus"))
    entered = {str(menu) for campaign in campaigns.values() if (menu := mapping(campaign).get("menu"))}
    for name in menus.keys() - _closure(entered, lambda name: _menus_after(menus, name)):
        yield _idle(("menus", name), f"menu {quote(name)} is not used", "name it in a campaign, or lead to it from a menu")


def attempt(parse: Callable[[str], T], raw: Value | None) -> T | None:
    """The parsed value; None where it is not there or not fit."""
    try:
        return parse(raw) if isinstance(raw, str) else None
    except Unfit:
        return None


def blocks_of(hours: dict[str, Value]) -> Iterator[tuple[int, int, int, KeyPath]]:
    """(weekday, start, end, path inside `hours`) of every block, cut at midnight."""
    for key, value in hours.items():
        for index, raw in enumerate(listed(value)):
            path: KeyPath = (key, index) if isinstance(value, list) else (key,)
            days, block = attempt(v.day_range, key), attempt(v.block, raw)
            if days and block:
                yield from ((*piece, path) for day in days for piece in cut(day, *block))


def cut(day: int, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(weekday, start, end) of a block, in two pieces if it crosses midnight."""
    if end > start:
        yield day, start, end
    else:
        yield day, start, v.DAY_MINUTES
        if end:
            yield (day + 1) % 7, 0, end


def _idle(path: KeyPath, message: str, hint: str) -> Found:
    return Found(path=path, unfit=Unfit(message, hint=hint), severity=Severity.WARNING, at_key=True)


def _lines_twice(tree: Tree) -> Iterator[Found]:
    for name, spots in lines_of(tree).items():
        for spot in spots[1:]:
            first = spots[0].key or spots[0].value
            hint = f"the first one is at {spots[0].file.path}:{first.line}; line names are unique among all advertisers"
            yield Found(path=(), unfit=Unfit(f"line {quote(name)} is here twice", hint=hint), at_key=True, spot=spot)


def _overlapping_trunks(tree: Tree) -> Iterator[Found]:
    """An address belongs to one trunk: a call's record says who sent it. Networks nest or are apart, so neighbours tell."""
    found: list[tuple[IPv4Network, str, KeyPath]] = []
    for name, trunk in mapping(tree.data.get("trunks")).items():
        for index, raw in enumerate(listed(mapping(trunk).get("addresses"))):
            if network := attempt(v.network, raw):
                found.append((network, name, ("trunks", name, "addresses", index)))
    found.sort(key=lambda one: (one[0].network_address, one[0].prefixlen))
    widest: tuple[IPv4Network, str, KeyPath] | None = None
    for network, name, path in found:
        if widest and network.subnet_of(widest[0]):
            hint = f"{_bare(widest[0])} of {'this trunk' if widest[1] == name else f'trunk {quote(widest[1])}'} has it already"
            yield Found(path=path, unfit=Unfit(f"{_bare(network)} belongs to two entries", hint=hint))
        else:
            widest = network, name, path


def _bare(network: IPv4Network) -> str:
    return str(network.network_address) if network.prefixlen == 32 else str(network)


def _ports(tree: Tree) -> Iterator[Found]:
    switch = mapping(tree.data.get("switch"))
    rtp, limits = mapping(switch.get("rtp")), mapping(switch.get("limits"))
    ports = attempt(v.port_range, rtp.get("ports", DEFAULT_PORTS))
    listen = attempt(v.socket_address, mapping(switch.get("sip")).get("listen"))
    if ports and listen and listen[1] in v.even_ports(ports) and rtp.get("address", listen[0]) == listen[0]:
        path: KeyPath = ("switch", "rtp", "ports") if "ports" in rtp else ("switch", "sip", "listen")
        yield Found(path=path, unfit=Unfit(f"SIP's port {listen[1]} is one of the RTP ports", hint="choose a range without it"))
    calls = attempt(lambda text: v.whole(text, low=1, high=999_999), limits.get("max_calls"))
    if ports and calls and len(v.even_ports(ports)) < 2 * calls:
        room = len(v.even_ports(ports)) // 2
        unfit = Unfit(
            f"max_calls is {calls}, but the RTP ports are enough for {room}", hint="a call takes two even ports of rtp.ports"
        )
        yield Found(path=("switch", "limits", "max_calls"), unfit=unfit, severity=Severity.WARNING)


def _lines_to_ourselves(tree: Tree) -> Iterator[Found]:
    """A line that leads back to the switch: one call would become as many as there may be."""
    listen = attempt(v.socket_address, mapping(mapping(tree.data.get("switch")).get("sip")).get("listen"))
    if listen is None:
        return
    for owner, advertiser in mapping(tree.data.get("advertisers")).items():
        for name, line in mapping(mapping(advertiser).get("lines")).items():
            uri = attempt(v.sip_uri, mapping(line).get("uri"))
            parsed = None if uri is None else parse_uri(uri)
            if parsed is not None and (parsed.host, parsed.port or DEFAULT_PORT) == listen:
                unfit = Unfit("the line is this switch itself", hint="name the advertiser's address")
                yield Found(path=("advertisers", owner, "lines", name, "uri"), unfit=unfit)


def _answer_lengths(menu: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    digits = attempt(lambda text: v.whole(text, low=1, high=99), menu.get("digits", "1"))
    for key in mapping(menu.get("keys")):
        if digits and len(key) != digits:
            expected = f"{digits} digit{'s' if digits > 1 else ''}, as `digits` says"
            yield Found(
                path=(*path, "keys", key), unfit=Unfit(f"key {quote(key)} can never be entered", expected=expected), at_key=True
            )


def _overlapping_hours(hours: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    told: set[KeyPath] = set()
    blocks = list(blocks_of(hours))
    taken: list[tuple[int, int, int]] = []
    for day, start, end, where in blocks:
        clash = next((one for one in taken if one[0] == day and one[1] < end and start < one[2]), None)
        if clash and where not in told:
            told.add(where)
            hint = f"{v.DAYS[day]} {_clock(clash[1])}-{_clock(clash[2])} is there already"
            yield Found(path=(*path, *where), unfit=Unfit("overlapping hours", hint=hint))
        taken.append((day, start, end))


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _targets_twice(campaign: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    seen: set[str] = set()
    for index, item in enumerate(listed(campaign.get("lines"))):
        name = mapping(item).get("line", item)
        if isinstance(name, str) and name in seen:
            unfit = Unfit(
                f"line {quote(name)} is in this campaign twice", hint="a call tries a line once; use weight for a larger share"
            )
            yield Found(path=(*path, "lines", index, "line"), unfit=unfit)
        if isinstance(name, str):
            seen.add(name)


def _short_threshold(campaign: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    ms = attempt(v.duration_ms, mapping(campaign.get("billable")).get("at_least"))
    if ms and ms < WARN_BELOW_MS:
        unfit = Unfit("a threshold below 60 s", hint="calls this short are often wrong numbers; 90s is usual")
        yield Found(path=(*path, "billable", "at_least"), unfit=unfit, severity=Severity.WARNING)


def _overflow_circles(campaigns: dict[str, Value], cause: NoRoute) -> Iterator[Found]:
    """For one cause a campaign has one next: following it either ends or comes to a campaign for the second time."""
    done: set[str] = set()
    for start in campaigns:
        walk: list[str] = []
        name: str | None = start
        while name is not None and name in campaigns and name not in done:
            done.add(name)
            walk.append(name)
            name = _next(campaigns, name, cause)
        if name in walk:
            circle = walk[walk.index(name) :]
            path: KeyPath = ("campaigns", circle[-1], "overflow", cause.value, "campaign")
            way = " -> ".join([*circle, circle[0]])
            yield Found(path=path, unfit=Unfit(f"overflow runs in a circle: {way}", hint="end it with a line or a message"))


def _next(campaigns: dict[str, Value], name: str, cause: NoRoute) -> str | None:
    target = mapping(mapping(mapping(campaigns.get(name)).get("overflow")).get(cause.value)).get("campaign")
    return target if isinstance(target, str) else None


def _paused_publishers(tree: Tree) -> Iterator[Found]:
    counts: dict[str, int] = {}
    for number in mapping(tree.data.get("numbers")).values():
        publisher = mapping(number).get("publisher")
        if isinstance(publisher, str):
            counts[publisher] = counts.get(publisher, 0) + 1
    for name, publisher in mapping(tree.data.get("publishers")).items():
        if mapping(publisher).get("paused") == "true" and (count := counts.get(name)):
            numbers = "its number takes no calls" if count == 1 else f"its {count} numbers take no calls"
            unfit = Unfit(f"publisher {quote(name)} is paused: {numbers}")
            yield Found(path=("publishers", name, "paused"), unfit=unfit, severity=Severity.WARNING)


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
    keys = mapping(mapping(menus[name]).get("keys"))
    return {str(menu) for outcome in keys.values() if (menu := mapping(outcome).get("menu"))}


def _lines_used(campaign: dict[str, Value]) -> set[str]:
    targets = {str(mapping(item).get("line", item)) for item in listed(campaign.get("lines"))}
    return targets | {str(line) for to in mapping(campaign.get("overflow")).values() if (line := mapping(to).get("line"))}
