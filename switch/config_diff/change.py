"""Knows how two accounts of the same things become a list of changes. Does not know what the things are, nor where they come from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass

Say = Callable[[str, "Fact | None", "Fact | None"], str | None]
"""Puts a change of the thing of that name into words; None: there is nothing to say. One of the two may not be there."""
MAX_INNER = 3
"""How many inner differences are told of values that read alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`path`: the rule, as trails name it. `before`, `after`: None where it is not there. `money`: it may change what is owed.

    `group`: what it is listed under.
    """

    path: str
    what: str
    before: str | None
    after: str | None
    words: str
    money: bool
    group: tuple[int, str]

    def as_json(self) -> dict[str, object]:
        rest = {"before": self.before, "after": self.after, "words": self.words, "money": self.money}
        return {"path": self.path, "what": self.what, **rest}


def arrow(name: str, before: "Fact | None", after: "Fact | None") -> str:
    """`campaign auto-quotes: revenue 25.00 -> 30.00`."""
    one = before or after
    assert one is not None  # noqa: S101 (a change has at least one side)
    unit = f" ({one.unit})" if one.unit else ""
    return f"{name}: {one.label} {before.text if before else one.absent} -> {after.text if after else one.absent}{unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something a thing is or has. `value` decides whether it has changed, `text` is how people read it.

    `absent`: how they read that there is none. `unit`: what is counted. `note`: more, for those who put it into words. `secret`: the
    value is never shown.
    """

    label: str
    value: object
    text: str
    money: bool = False
    absent: str = "none"
    unit: str = ""
    note: str = ""
    secret: bool = False
    say: Say = arrow


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A campaign, a line, a menu. `sort`: what of several it is; facts of different sorts are not compared. `about`: in a few words,
    for those who see it for the first time."""

    path: str
    name: str
    group: tuple[int, str]
    facts: Mapping[str, Fact] = field(default_factory=dict)
    about: str = ""
    sort: str = ""
    money: bool = False


def changes_of(before: Mapping[str, Thing], after: Mapping[str, Thing]) -> Iterator[Change]:
    """All that is not the same, each thing's changes together."""
    paths = before.keys() | after.keys()
    for path in sorted(paths, key=lambda path: ((after.get(path) or before[path]).group, path)):
        one, other = before.get(path), after.get(path)
        if one is None:
            yield _whole(after[path], "new")
        elif other is None:
            yield _whole(one, "gone")
        elif one.sort != other.sort:
            words = f"{other.name}: {one.sort} -> {other.sort} ({other.about})"
            yield Change(
                path=path, what="kind", before=one.sort, after=other.sort, words=words, money=other.money, group=other.group
            )
        else:
            yield from _inside(one, other)


def apart(before: object, after: object, *, at: str = "") -> Iterator[tuple[str, object, object]]:
    """Where two values of the same type differ, and in what: whatever they are made of."""
    if before == after:
        return
    if type(before) is type(after) and is_dataclass(before) and not isinstance(before, type):
        for each in fields(before):
            yield from apart(getattr(before, each.name), getattr(after, each.name), at=f"{at}.{each.name}".lstrip("."))
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys(), key=str):
            yield from apart(before.get(key), after.get(key), at=f"{at}.{key}".lstrip("."))
    elif isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from apart(*pair, at=f"{at}.{index}".lstrip("."))
    else:
        yield at, before, after


def _whole(thing: Thing, what: str) -> Change:
    about = f" ({thing.about})" if thing.about and what == "new" else ""
    words = f"new {thing.name}{about}" if what == "new" else f"{thing.name} is gone"
    text = thing.about or thing.name
    return Change(
        path=thing.path,
        what=what,
        before=None if what == "new" else text,
        after=text if what == "new" else None,
        words=words,
        money=thing.money,
        group=thing.group,
    )


def _inside(one: Thing, other: Thing) -> Iterator[Change]:
    keys = [*other.facts, *(key for key in one.facts if key not in other.facts)]
    for key in keys:
        before, after = one.facts.get(key), other.facts.get(key)
        fact = after or before
        if fact is None or (before and after and before.value == after.value):
            continue
        words = fact.say(other.name, before, after)
        if words is None:
            continue
        if before and after and before.text == after.text and not fact.secret:
            words += _inner(before.value, after.value)
        yield Change(
            path=f"{other.path}.{key}",
            what=fact.label,
            before=before.text if before else None,
            after=after.text if after else None,
            words=words,
            money=fact.money,
            group=other.group,
        )


def _inner(before: object, after: object) -> str:
    """What two values differ in that read alike."""
    found = [f"{at or 'value'} {one} -> {other}" for at, one, other in apart(before, after)]
    return f" [{', '.join(found[:MAX_INNER])}]"
