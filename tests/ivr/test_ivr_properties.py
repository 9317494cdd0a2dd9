"""Whatever the plan, whatever is heard: nobody is stuck, nothing goes on for ever, and what comes late changes nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.menu import (
    DIGITS,
    Branch,
    BranchCase,
    Gather,
    GoTo,
    HangUp,
    KnownZip,
    Matching,
    Menu,
    MenuAction,
    MenuPlan,
    Node,
    ReadBack,
    RouteOn,
    Say,
    SayAgain,
    TransferTo,
    Within,
)
from ivr.step import Digit, InputTimeout, MenuContext, MenuInput, PromptDone, Turn, start, step
from routing.expression import Kind, parse
from routing.table import Block, Hours

HOUR_US = 3_600_000_000
NAMES = ("a", "b", "c", "d")
ENDED, SILENCE = PromptDone(), InputTimeout()
HEARD: st.SearchStrategy[MenuInput] = st.one_of(
    st.builds(Digit, digit=st.sampled_from([*sorted(DIGITS), "x", "12", ""])), st.just(ENDED), st.just(SILENCE)
)
SCENES = st.builds(
    MenuContext,
    utc_us=st.integers(0, 48).map(lambda hours: hours * HOUR_US),
    tags=st.dictionaries(
        st.sampled_from(["age", "told", "x"]), st.one_of(st.integers(0, 99), st.booleans(), st.text(max_size=2)), max_size=2
    ),
)
TAGS = st.dictionaries(st.sampled_from(["age", "told"]), st.one_of(st.integers(0, 99), st.booleans()), max_size=1)
ONWARD: st.SearchStrategy[MenuAction] = st.one_of(
    st.builds(GoTo, menu=st.sampled_from(NAMES), tags=TAGS),
    st.builds(GoTo, menu=st.sampled_from(NAMES), tags=TAGS),
    st.builds(RouteOn, tags=TAGS),
    st.builds(TransferTo, line=st.just("desk"), tags=TAGS),
    st.builds(HangUp, prompt=st.sampled_from([None, "bye"])),
)
HOURS = Hours(zone="UTC", blocks=(Block(weekday=3, start_minute=0, end_minute=12 * 60),))
CASES = st.builds(BranchCase, when=st.sampled_from([parse("age >= 65"), parse("told"), HOURS]), then=ONWARD)
INVALID = st.sampled_from([None, "sorry"])


def nodes(name: str) -> st.SearchStrategy[Node]:
    menu = st.builds(
        Menu,
        name=st.just(name),
        prompt=st.just(name),
        invalid=INVALID,
        whole=st.booleans(),
        retries=st.integers(0, 2),
        digits=st.integers(1, 2),
        keys=st.dictionaries(st.sampled_from(["1", "2", "#", "12"]), ONWARD | st.just(SayAgain()), max_size=3),
        failed=ONWARD,
    )
    gather = st.builds(
        Gather,
        name=st.just(name),
        tag=st.sampled_from(["age", "told"]),
        kind=st.sampled_from([Kind.TEXT, Kind.NUMBER]),
        prompt=st.just(name),
        invalid=INVALID,
        min_digits=st.integers(1, 2),
        max_digits=st.integers(2, 3),
        finish=st.sampled_from([None, "#", "1"]),
        retries=st.integers(0, 2),
        valid=st.sampled_from([None, Within(low=1, high=50), Matching(pattern="[1-5]+"), KnownZip()]),
        read_back=st.sampled_from([None, ReadBack(lead_in="you-typed", confirm="right")]),
        then=ONWARD,
        failed=ONWARD,
    )
    say = st.builds(
        Say, name=st.just(name), prompts=st.sampled_from([("x",), ("x", "y")]), whole=st.booleans(), tags=TAGS, then=ONWARD
    )
    branch = st.builds(Branch, name=st.just(name), cases=st.lists(CASES, max_size=2).map(tuple), otherwise=ONWARD)
    return st.one_of(menu, gather, say, branch)


PLANS = st.builds(MenuPlan, start=st.just("a"), nodes=st.fixed_dictionaries({name: nodes(name) for name in NAMES}))


class Machine:
    """Keeps what whoever runs a menu would: whether a prompt plays, and whether the timer is armed."""

    def __init__(self, plan: MenuPlan, scene: MenuContext) -> None:
        self.plan, self.plays, self.armed, self.over = plan, False, False, False
        self.turn = start(plan, scene)
        self._do(self.turn)

    def tell(self, heard: MenuInput, scene: MenuContext) -> Turn:
        if isinstance(heard, PromptDone):
            self.plays = False
        if isinstance(heard, InputTimeout):
            self.armed = False
        self.turn = step(self.plan, self.turn.session, heard, scene)
        self._do(self.turn)
        return self.turn

    def _do(self, turn: Turn) -> None:
        assert self.plays or not turn.stop_play  # only what plays is stopped
        self.plays = bool(turn.say) or (self.plays and not turn.stop_play)
        assert turn.wait_ms is None or not self.plays  # the timer never runs against a prompt
        self.armed = turn.wait_ms is not None or (self.armed and not turn.say)
        assert turn.outcome is None or not (self.over or turn.say or turn.wait_ms)
        self.over = self.over or turn.outcome is not None
        assert self.over == turn.session.over
        assert self.plays == turn.session.playing
        assert self.over or self.plays or self.armed  # nobody is stuck

    def is_late(self, heard: MenuInput) -> bool:
        match heard:
            case Digit(digit=digit):
                return self.over or digit not in DIGITS
            case PromptDone():
                return not self.plays
            case InputTimeout():
                return self.over or not self.armed


@settings(deadline=None, max_examples=300)
@given(PLANS, st.lists(st.tuples(HEARD, SCENES), max_size=40), SCENES)
def test_whatever_is_heard_the_turn_is_sound(
    plan: MenuPlan, heard: list[tuple[MenuInput, MenuContext]], scene: MenuContext
) -> None:
    machine = Machine(plan, scene)
    for each, now in heard:
        session, late = machine.turn.session, machine.is_late(each)
        if late and isinstance(each, InputTimeout) and not machine.plays and not machine.over:
            continue  # whoever runs the menu has no timer that could run out
        turn = machine.tell(each, now)
        assert not late or turn == Turn(session=session)
        node = plan.nodes[turn.session.node]
        assert turn.session.entered <= 50
        assert turn.session.corrections <= 3
        assert turn.session.asked <= 2
        assert (turn.session.answer is None) == (turn.session.asked == 0) or turn.session.over
        assert turn.session.tries <= (node.retries if isinstance(node, Menu | Gather) else 0)
        assert len(turn.session.digits) < (
            node.digits if isinstance(node, Menu) else node.max_digits if isinstance(node, Gather) else 1
        )


@settings(deadline=None, max_examples=300)
@given(PLANS, SCENES, st.sampled_from(["1", "2", "7", "#", None]))
def test_who_always_does_the_same_leaves_in_the_end(plan: MenuPlan, scene: MenuContext, digit: str | None) -> None:
    """Nodes are bounded, tries in each, and corrections between them; only `SayAgain` is as often as the caller likes."""
    again = any(isinstance(node, Menu) and SayAgain() in node.keys.values() for node in plan.nodes.values())
    machine, told = Machine(plan, scene), 0
    while not machine.over and not (again and digit):
        told += 1
        assert told <= 50 * 60
        if machine.plays:
            machine.tell(ENDED, scene)
        else:
            machine.tell(Digit(digit=digit) if digit and told % 4 else SILENCE, scene)
