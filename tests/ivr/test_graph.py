"""Which nodes lead to which, and circles that nobody could leave."""

import sys
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.graph import leads_to, loops_without_input, reachable
from ivr.menu import Branch, BranchCase, Gather, GoTo, HangUp, Menu, MenuPlan, Node, RouteOn, Say, SayAgain
from routing.table import Hours

ALWAYS = Hours(zone="UTC", blocks=())


def say(name: str, then: str | None = None) -> Say:
    return Say(name=name, prompts=(name,), then=GoTo(menu=then) if then else HangUp())


def branch(name: str, *then: str) -> Branch:
    return Branch(name=name, cases=tuple(BranchCase(when=ALWAYS, then=GoTo(menu=each)) for each in then), otherwise=HangUp())


def menu(name: str, *then: str) -> Menu:
    return Menu(name=name, prompt=name, keys={str(key): GoTo(menu=each) for key, each in enumerate(then)})


def plan_of(*nodes: Node) -> MenuPlan:
    return MenuPlan(start=nodes[0].name, nodes={node.name: node for node in nodes})


def test_every_outcome_leads_somewhere() -> None:
    to = {name: GoTo(menu=name) for name in "abc"}
    assert leads_to(Menu(name="m", prompt="m", keys={"1": to["a"], "2": SayAgain(), "3": to["b"]}, failed=to["c"])) == (
        "a",
        "b",
        "c",
    )
    assert leads_to(Gather(name="g", tag="g", prompt="g", max_digits=1, then=to["a"], failed=to["b"])) == ("a", "b")
    assert leads_to(Say(name="s", prompts=("s",), then=to["a"])) == ("a",)
    assert leads_to(Branch(name="b", cases=(BranchCase(when=ALWAYS, then=to["a"]),), otherwise=to["b"])) == ("a", "b")
    assert leads_to(Branch(name="b", cases=(BranchCase(when=ALWAYS, then=RouteOn()),), otherwise=HangUp())) == ()


def test_reachable_is_what_a_caller_may_come_to() -> None:
    plan = plan_of(menu("a", "b", "a"), say("b", "c"), branch("c", "b"), say("d", "a"))
    assert reachable(plan) == {"a", "b", "c"}


def test_a_circle_with_a_question_is_fine() -> None:
    assert loops_without_input(plan_of(say("a", "b"), branch("b", "c"), menu("c", "a", "c"))) == []


def test_a_way_that_meets_itself_is_no_circle() -> None:
    assert loops_without_input(plan_of(branch("a", "b", "c"), say("b", "d"), say("c", "d"), say("d"))) == []


def test_a_ladder_of_branches_is_walked_once() -> None:
    ladder = [branch(str(rung), str(rung + 1), str(rung + 1)) for rung in range(60)]  # 2**60 ways down
    assert loops_without_input(plan_of(*ladder, say("60"))) == []


def test_circles_without_a_question_are_found() -> None:
    assert loops_without_input(plan_of(say("a", "a"))) == [("a", "a")]
    assert loops_without_input(plan_of(menu("m", "a"), say("a", "b"), branch("b", "m", "c"), say("c", "b"))) == [("b", "c", "b")]
    assert loops_without_input(plan_of(branch("a", "b", "a"), say("b", "a"))) == [("a", "b", "a"), ("a", "a")]


def test_a_long_chain_is_followed() -> None:
    length = 2 * sys.getrecursionlimit()
    chain = [say(str(number), str((number + 1) % length)) for number in range(length)]
    (loop,) = loops_without_input(plan_of(*chain))
    assert len(loop) == length + 1


NAMES = "abcdef"
GRAPHS = st.fixed_dictionaries({name: st.tuples(st.booleans(), st.lists(st.sampled_from(NAMES), max_size=3)) for name in NAMES})


@settings(deadline=None, max_examples=200)
@given(GRAPHS)
def test_a_loop_is_found_exactly_where_there_is_one(graph: dict[str, tuple[bool, list[str]]]) -> None:
    nodes = {name: branch(name, *then) if silent else menu(name, *then) for name, (silent, then) in graph.items()}
    plan = MenuPlan(start="a", nodes=nodes)
    found = loops_without_input(plan)
    for loop in found:
        assert loop[0] == loop[-1]
        assert all(graph[here][0] and there in graph[here][1] for here, there in pairwise(loop))
    left = {name for name, (silent, _) in graph.items() if silent}
    while ends := {name for name in left if not left & set(graph[name][1])}:  # what leads to no silent node is in no circle
        left -= ends
    assert bool(found) == bool(left)
