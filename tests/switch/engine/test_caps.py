"""The cap book: all or none, never above a limit, given back once however often."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from routing.table import Cap
from switch.engine.caps import CapBook

EAST = Cap(owner="line:east", limit=2)
ACME = Cap(owner="advertiser:acme", limit=3)


def test_the_limit_is_the_last_that_fits() -> None:
    book = CapBook()
    assert [book.take((str(number), 1), (EAST,)) for number in range(3)] == [None, None, "line:east"]
    assert book.load["line:east"] == 2


def test_all_or_none() -> None:
    book = CapBook()
    for number in range(3):
        book.take((str(number), 1), (ACME,))
    assert book.take(("x", 1), (EAST, ACME)) == "advertiser:acme"
    assert book.load.get("line:east", 0) == 0


def test_taking_twice_is_taking_once() -> None:
    book = CapBook()
    assert book.take(("a", 1), (EAST,)) is None
    assert book.take(("a", 1), (EAST,)) is None
    assert book.load["line:east"] == 1
    book.give_back(("a", 1))
    assert dict(book.load) == {}


def test_giving_back_twice_is_giving_back_once() -> None:
    book = CapBook()
    book.take(("a", 1), (EAST,))
    book.take(("b", 1), (EAST,))
    book.give_back(("a", 1))
    book.give_back(("a", 1))
    assert book.load["line:east"] == 1


class CapBookMachine(RuleBasedStateMachine):
    """Any order of taking and giving back, beside the plainest model there is."""

    def __init__(self) -> None:
        super().__init__()
        self.book = CapBook()
        self.held: dict[tuple[str, int], tuple[Cap, ...]] = {}

    @rule(
        call=st.sampled_from("abcdefg"),
        leg=st.integers(1, 2),
        caps=st.lists(st.sampled_from([EAST, ACME]), unique=True, min_size=1).map(tuple),
    )
    def take(self, call: str, leg: int, caps: tuple[Cap, ...]) -> None:
        full = [cap.owner for cap in caps if self.count(cap) >= cap.limit]
        expected = None if (call, leg) in self.held else next(iter(full), None)
        assert self.book.take((call, leg), caps) == expected
        if expected is None:
            self.held.setdefault((call, leg), caps)

    @rule(call=st.sampled_from("abcdefg"), leg=st.integers(1, 2))
    def give_back(self, call: str, leg: int) -> None:
        self.book.give_back((call, leg))
        self.held.pop((call, leg), None)

    def count(self, cap: Cap) -> int:
        return sum(cap in caps for caps in self.held.values())

    @invariant()
    def load_is_who_holds(self) -> None:
        for cap in (EAST, ACME):
            assert self.book.load.get(cap.owner, 0) == self.count(cap) <= cap.limit


TestCapBook = CapBookMachine.TestCase
TestCapBook.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
