"""Finds which nodes of a menu plan lead to which. Takes every way to be open, even one that no caller could go."""

from collections.abc import Iterator
from typing import assert_never

from ivr.menu import Branch, Gather, GoTo, Menu, MenuPlan, Node, Outcome, Say


def reachable(plan: MenuPlan) -> frozenset[str]:
    """The names of all nodes a caller may come to, the first one included."""
    reached, ahead = {plan.start}, [plan.start]
    while ahead:
        new = {name for name in leads_to(plan.nodes[ahead.pop()]) if name not in reached}
        reached |= new
        ahead += new
    return frozenset(reached)


def leads_to(node: Node) -> tuple[str, ...]:
    """The nodes entered from `node`, in the order of its outcomes."""
    return tuple(outcome.menu for outcome in outcomes(node) if isinstance(outcome, GoTo))


def outcomes(node: Node) -> tuple[Outcome, ...]:
    match node:
        case Menu(keys=keys, failed=failed):
            return *keys.values(), failed
        case Gather(then=then, failed=failed):
            return then, failed
        case Say(then=then):
            return (then,)
        case Branch(cases=cases, otherwise=otherwise):
            return *(case.then for case in cases), otherwise
        case unknown:
            assert_never(unknown)


def loops_without_input(plan: MenuPlan) -> list[tuple[str, ...]]:
    """Ways that lead back to where they begin and past no node that waits for the caller, e.g. `("a", "b", "a")`.

    Every such circle touches one of them, but not each is listed: there may be more circles than nodes. Depth first: a way back into
    the path that is being followed is a circle.
    """
    found: list[tuple[str, ...]] = []
    done: set[str] = set()
    for root in plan.nodes:
        path = {} if root in done else {root: _unasked(plan, root)}
        while path:
            name = next(reversed(path))
            following = next(path[name], None)
            if following is None:
                done.add(name)
                del path[name]
            elif following in path:
                names = list(path)
                found.append((*names[names.index(following) :], following))
            elif following not in done:
                path[following] = _unasked(plan, following)
    return found


def _unasked(plan: MenuPlan, name: str) -> Iterator[str]:
    """The nodes entered from `name` without waiting for the caller."""
    node = plan.nodes[name]
    return iter(leads_to(node) if isinstance(node, Say | Branch) else ())
