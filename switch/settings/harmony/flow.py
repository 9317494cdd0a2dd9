"""Knows what the way of a call must be in harmony with: overflow ends somewhere, a line is tried once, a tier has lines."""

from collections.abc import Iterator

from routing.table import NoRoute, RepeatScope
from switch.settings.harmony.found import Found, warning
from switch.settings.names import listed, mapping
from switch.settings.problem import quote
from switch.settings.source import KeyPath, Tree, Value
from switch.settings.value import Unfit


def flows(tree: Tree) -> Iterator[Found]:
    campaigns = mapping(tree.data.get("campaigns"))
    for name, campaign in campaigns.items():
        yield from _targets_twice(mapping(campaign), ("campaigns", name))
        yield from _tiers(mapping(campaign), ("campaigns", name))
        yield from _holds(mapping(campaign), ("campaigns", name))
        yield from _tests(mapping(campaign), ("campaigns", name))
    for cause in NoRoute:
        yield from _overflow_circles(campaigns, cause)
    yield from _paused_publishers(tree)
    for name, group in mapping(tree.data.get("groups")).items():
        yield from _members_twice(mapping(group), ("groups", name))
    for owner, advertiser in mapping(tree.data.get("advertisers")).items():
        for name, line in mapping(mapping(advertiser).get("lines")).items():
            if "accept" in mapping(line) and "whisper" in mapping(line):
                unfit = Unfit("accept and whisper together", hint="accept's own prompt says who is calling")
                yield Found(path=("advertisers", owner, "lines", name, "whisper"), unfit=unfit, at_key=True)


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


def _members_twice(group: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    seen: set[str] = set()
    for index, name in enumerate(listed(group.get("lines"))):
        if isinstance(name, str) and name in seen:
            yield Found(
                path=(*path, "lines", index), unfit=Unfit(f"line {quote(name)} is in this group twice", hint="keep one of them")
            )
        if isinstance(name, str):
            seen.add(name)


def _tiers(campaign: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    used = {str(mapping(item).get("priority", "1")) for item in listed(campaign.get("lines"))}
    for key in mapping(campaign.get("tiers")):
        if key.isdecimal() and key not in used:
            hint = f"its lines have {', '.join(sorted(used))}" if used else None
            yield Found(path=(*path, "tiers", key), unfit=Unfit(f"no line has priority {key}", hint=hint), at_key=True)


def _holds(campaign: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    """Who has waited in vain, or found no place, does not wait again."""
    for cause in (NoRoute.QUEUE_FULL.value, NoRoute.WAITED_TOO_LONG.value):
        if "hold" in mapping(mapping(campaign.get("overflow")).get(cause)):
            unfit = Unfit(f"{cause} may not hold again", expected="campaign, line or message")
            yield Found(path=(*path, "overflow", cause, "hold"), unfit=unfit, at_key=True)


def _tests(campaign: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    if len(split := mapping(campaign.get("split"))) == 1:
        unfit = Unfit("a test of one variant", expected="at least two, such as {long: 50, short: 50}")
        yield Found(path=(*path, "split", next(iter(split))), unfit=unfit, at_key=True)
    if mapping(campaign.get("repeat")).get("scope") == RepeatScope.GROUP.value and "conversion_group" not in campaign:
        unfit = Unfit("this campaign is in no group", hint="name one with `conversion_group:`")
        yield Found(path=(*path, "repeat", "scope"), unfit=unfit)


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
            yield warning(("publishers", name, "paused"), f"publisher {quote(name)} is paused: {numbers}")
