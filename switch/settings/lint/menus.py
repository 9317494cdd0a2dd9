"""Knows which ways through menus nobody can go: cases behind one that is always taken, answers that can't be typed."""

from collections.abc import Iterator, Mapping

from ivr.menu import Branch, Gather, Node, Within
from routing.expression import Expression, Kind, Scalar, never_holds
from routing.expression_tree import Not
from routing.table import Hours
from switch.settings.finding import Finding, warning
from switch.settings.source import KeyPath

Values = Mapping[str, frozenset[Scalar]]


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
        yield warning((*path[:-1], "otherwise"), f"this is never come to: case {always + 1} is always taken", at_key=True)


def _untypable(node: Gather, valid: Within, path: KeyPath) -> Iterator[Finding]:
    """Fewer digits are written with zeros before them; more than `max` can't be written."""
    highest = 10**node.max_digits - 1
    if valid.low > highest:
        yield warning(path, f"no valid answer has {node.max_digits} digits at most", hint=f"raise `max` to {len(str(valid.high))}")
    elif valid.high > highest:
        hint = f"raise `max` to {len(str(valid.high))}, or end the range with {highest}"
        yield warning(path, f"answers over {highest} can't be typed with {node.max_digits} digits at most", hint=hint)
