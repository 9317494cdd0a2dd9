"""Knows what caps must be in harmony with: themselves, and the other caps of their owner."""

from collections.abc import Iterator

from routing.cap import Counts, Per
from switch.settings.harmony.found import Found
from switch.settings.names import listed, mapping
from switch.settings.source import KeyPath, Tree, Value
from switch.settings.value import Unfit

AT_ONCE = ("attempt", "connection")
OWNERS = ("trunks", "publishers", "numbers", "groups", "advertisers", "campaigns")


def caps(tree: Tree) -> Iterator[Found]:
    for path, owner in owners(tree):
        if "caps" in owner:
            yield from _twice(listed(owner["caps"]), (*path, "caps"))
            for index, cap in enumerate(listed(owner["caps"])):
                yield from _cap(mapping(cap), (*path, "caps", index))


def owners(tree: Tree) -> Iterator[tuple[KeyPath, dict[str, Value]]]:
    """(path, entry) of all that may have caps."""
    for section in OWNERS:
        for name, entry in mapping(tree.data.get(section)).items():
            yield (section, name), mapping(entry)
    for name, entry in mapping(tree.data.get("advertisers")).items():
        for line, inner in mapping(mapping(entry).get("lines")).items():
            yield ("advertisers", name, "lines", line), mapping(inner)


def _twice(caps: list[Value], path: KeyPath) -> Iterator[Found]:
    seen: dict[tuple[object, object], int] = {}
    for index, cap in enumerate(caps):
        key = mapping(cap).get("count", Counts.ATTEMPT.value), mapping(cap).get("per")
        if not isinstance(key[0], str) or not isinstance(key[1], str):
            continue
        if key in seen:
            unfit = Unfit(f"a second cap of {key[0]} per {key[1]}", hint=f"number {seen[key] + 1} of the list is the first")
            yield Found(path=(*path, index), unfit=unfit)
        seen.setdefault(key, index)


def _cap(cap: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    count, per = cap.get("count", Counts.ATTEMPT.value), cap.get("per")
    match per:
        case Per.SPACING.value:
            yield from _spacing(cap, path)
        case Per.CONCURRENCY.value:
            yield from _at_once(cap, count, path)
    if per != Per.SPACING.value:
        if "every" in cap:
            yield Found(path=(*path, "every"), unfit=Unfit("`every` goes with `per: spacing` only"), at_key=True)
        if "limit" not in cap:
            yield Found(path=path, unfit=Unfit("a cap without a limit", expected="`limit:`"))
    if "since" in cap and isinstance(per, str) and per != Per.TOTAL.value:
        hint = "windows of the calendar begin anew by themselves"
        yield Found(path=(*path, "since"), unfit=Unfit("`since` goes with `per: total` only", hint=hint), at_key=True)
    if per in (Per.SPACING.value, Per.CONCURRENCY.value) and cap.get("strict") == "true":
        hint = "what is going on counts already"
        yield Found(path=(*path, "strict"), unfit=Unfit(f"`strict` says nothing with `per: {per}`", hint=hint), at_key=True)


def _spacing(cap: dict[str, Value], path: KeyPath) -> Iterator[Found]:
    if "every" not in cap:
        unfit = Unfit("spacing without `every`", expected="`every:`, the least time between two attempts, such as 30s")
        yield Found(path=(*path, "per"), unfit=unfit)
    if "limit" in cap:
        unfit = Unfit("spacing has no limit", hint="write `every: 30s`: that is one attempt in 30 s")
        yield Found(path=(*path, "limit"), unfit=unfit, at_key=True)
    if cap.get("count", Counts.ATTEMPT.value) != Counts.ATTEMPT.value:
        yield Found(path=(*path, "count"), unfit=Unfit("only attempts are spaced", expected="attempt"))


def _at_once(cap: dict[str, Value], count: Value, path: KeyPath) -> Iterator[Found]:
    if count == Counts.ATTEMPT.value:
        limit = cap.get("limit")
        hint = f"write `cap: {limit if isinstance(limit, str) else 'N'}` beside `caps`"
        yield Found(path=(*path, "per"), unfit=Unfit("attempts at once are not one of `caps`", hint=hint))
    elif isinstance(count, str) and count not in AT_ONCE:
        yield Found(path=(*path, "per"), unfit=Unfit(f"there is no {count} at once", expected="hour, day, week, month or total"))
