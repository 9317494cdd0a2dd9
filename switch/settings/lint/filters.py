"""Warnings about filters: values that no call can have, each by itself, and cases of menus that are never taken.

A value that no call has is mostly a typing mistake: `Sat` for `sat`, a ZIP without its leading zero. The rest of the filter goes on
working, so nobody notices: a caller from there is turned away, or `not in` lets everybody through.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

from ivr.menu import Branch, Gather, Node, Within
from routing.expression import Expression, IdleValue, Kind, Scalar, idle_values, never_holds, show_value
from routing.expression_tree import Compare, Not, Op
from routing.geo import US_STATES
from routing.table import Hours
from routing.tag_shapes import SHAPES
from routing.tags import BUILT_IN, CLOSED, WEEKDAYS
from switch.settings.finding import Finding, value_at, warning
from switch.settings.model.document import Document
from switch.settings.problem import Severity, quote
from switch.settings.source import KeyPath, Tree
from switch.settings.value import Invalid, nearest, tag_value

MAX_NAMED = 8
NOTHING = {True: "this part excludes nobody", False: "this part never matches"}

Values = Mapping[str, frozenset[Scalar]]
_STATES = {name.casefold(): code for code, name in US_STATES.items()}


def values_of(document: Document, kinds: Mapping[str, Kind]) -> Values:
    """All possible values by tag, of tags that neither a header nor a caller's digits can set."""
    open_ends = {name for name, tag in document.tags.items() if tag.header}
    open_ends |= {str(getattr(node, key, "")) for node in document.menus.values() for key in ("gather", "yes_no")}
    found: dict[str, set[Scalar]] = {name: set() for name in kinds if name not in BUILT_IN and name not in open_ends}
    for _, name, text in document.fixed_tags():
        if name in found:
            found[name].add(tag_value(text, kinds[name]))
    built_in: dict[str, frozenset[Scalar]] = {
        "variant": frozenset(variant for campaign in document.campaigns.values() for variant in campaign.split),
        "campaign": frozenset(document.campaigns),
        "publisher": frozenset(document.publishers),
        "trunk": frozenset(document.trunks),
        "number": frozenset(document.numbers),
    }
    return {**{name: frozenset(values) for name, values in found.items()}, **CLOSED, **built_in}


def impossible_values(document: Document, tree: Tree, *, kinds: Mapping[str, Kind], values: Values) -> Iterator[Finding]:
    """`tree`: what the document was made of. `values`: by tag, all it can be, where that is a closed set."""

    @cache
    def possible(name: str, op: Op, value: str | int) -> bool:
        if name in values:
            return not never_holds(Compare(name=name, op=op, value=value), kinds, values)
        shape = SHAPES.get(name)
        if shape is None or not isinstance(value, str):
            return True
        return bool(re.fullmatch(shape.begins, value) if op is Op.BEGINS_WITH else shape.fits(value))

    for path, expression in document.filters():
        for idle in idle_values(expression, possible):
            closed = values.get(idle.name)
            error = Invalid(
                f"no call has `{idle.name} {idle.op} {show_value(idle.value)}`: {NOTHING[idle.excludes]}",
                expected=_expected(idle.name, closed),
                hint=_meant(idle, closed),
                at=_column(str(value_at(path, tree)), idle),
            )
            yield Finding(path, error, Severity.WARNING)


def _column(text: str, idle: IdleValue) -> int:
    """Where the value is written. Items of a list have no column of their own: the first that reads so is taken."""
    quotes = "[\"']" if isinstance(idle.value, str) else ""
    written = re.compile(rf"(?<![\w+-]){quotes}?{re.escape(str(idle.value))}(?![\w-])")
    found = written.search(text, idle.column)
    return idle.column if found is None else found.start()


def _expected(name: str, closed: frozenset[Scalar] | None) -> str:
    """In words, or all values, or the range of them, or the first few."""
    if closed is None:
        return SHAPES[name].expected
    if name == "state":
        return "two letters: a state or territory of the US, or a province of Canada"
    if name == "weekday":
        return f"one of {', '.join(WEEKDAYS)}"
    if all(isinstance(value, int) for value in closed) and closed:
        numbers = sorted(int(value) for value in closed)
        if numbers == list(range(numbers[0], numbers[-1] + 1)):
            return f"a whole number from {numbers[0]} to {numbers[-1]}"
    words = sorted(map(str, closed))
    more = f" and {len(words) - MAX_NAMED} more" if len(words) > MAX_NAMED else ""
    return f"one of {', '.join(words[:MAX_NAMED])}{more}" if words else "nothing: no menu and no number sets this tag"


def _meant(idle: IdleValue, closed: frozenset[Scalar] | None) -> str | None:
    """The value that was most likely meant."""
    if not isinstance(idle.value, str):
        return None
    if closed is None:
        meant = SHAPES[idle.name].meant(idle.value)
        return None if meant is None else f"did you mean {quote(meant)}?"
    meant = next((guess for guess in _guesses(idle.name, idle.value) if guess in closed), None)
    words = [word for word in closed if isinstance(word, str)]
    return nearest(idle.value, words) if meant is None else f"did you mean {quote(meant)}?"


def _guesses(name: str, text: str) -> tuple[str, ...]:
    """Returns other spellings of `text` to look up in a closed set of values."""
    match name:
        case "state":
            return text.upper(), _STATES.get(text.casefold(), "")
        case "weekday":
            return (text[:3].lower(),)
        case "attestation":  # "a", "TN-Validation-Passed-A"
            return text.upper(), text[-1:].upper()
        case _:
            return text.lower(), text.upper()


def shadowed(nodes: Mapping[str, Node], *, kinds: Mapping[str, Kind], values: Values) -> Iterator[Finding]:
    """`values`: by tag, all it can be."""
    for name, node in nodes.items():
        match node:
            case Branch():
                yield from _cases(node, ("menus", name, "branch"), kinds=kinds, values=values)
            case Gather(valid=Within() as valid):
                yield from _untypable(node, valid, ("menus", name, "valid"))


def _cases(branch: Branch, path: KeyPath, *, kinds: Mapping[str, Kind], values: Values) -> Iterator[Finding]:
    before: list[Expression | Hours] = []
    always: int | None = None
    for index, case in enumerate(branch.cases):
        key = "hours" if isinstance(case.when, Hours) else "when"
        if always is not None:
            yield warning((*path, index), f"this case is never taken: case {always + 1} always is")
        elif case.when in before:
            first = before.index(case.when) + 1
            yield warning((*path, index, key), f"this case is never taken: case {first} asks the same")
        elif not isinstance(case.when, Hours):
            if never_holds(case.when, kinds, values):
                yield warning((*path, index, key), "this filter can never be true", hint="the case is never taken")
            elif never_holds(Not(operand=case.when), kinds, values):
                always = index
        before.append(case.when)
    if always is not None:
        yield warning((*path[:-1], "otherwise"), f"this is never reached: case {always + 1} is always taken", at_key=True)


def _untypable(node: Gather, valid: Within, path: KeyPath) -> Iterator[Finding]:
    """Fewer digits are written with zeros before them; more than `max` can't be written."""
    highest = 10**node.max_digits - 1
    if valid.low > highest:
        yield warning(path, f"no valid answer has {node.max_digits} digits at most", hint=f"raise `max` to {len(str(valid.high))}")
    elif valid.high > highest:
        hint = f"raise `max` to {len(str(valid.high))}, or end the range with {highest}"
        yield warning(path, f"answers over {highest} can't be typed with {node.max_digits} digits at most", hint=hint)
