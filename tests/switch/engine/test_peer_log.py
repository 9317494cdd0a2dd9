"""A peer's malformed messages are logged, but only so often, and what is kept for that is bounded."""

from itertools import count

import pytest

from switch.engine.peer_log import MAX_HOSTS, MAX_LINES, WINDOW_NS, PeerLogLimit


class Limit(PeerLogLimit):
    """Each line is of a call of its own, unless the test names one."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        super().__init__()
        self._calls = count()

    def line(self, host: str, now_ns: int) -> int | None:
        return self.take(host, now_ns, call_id=f"c{next(self._calls)}", what="unbalanced Contact")


def test_ten_lines_of_a_host_and_no_eleventh() -> None:
    limit = Limit()
    assert [limit.line("192.0.2.1", 5) for _ in range(MAX_LINES + 1)] == [*range(MAX_LINES - 1, -1, -1), None]
    assert limit.line("192.0.2.2", 5) == MAX_LINES - 1


def test_a_host_has_ten_again_when_its_hour_is_over() -> None:
    limit = Limit()
    for _ in range(MAX_LINES):
        limit.line("192.0.2.1", 5)
    assert limit.line("192.0.2.1", 5 + WINDOW_NS - 1) is None
    assert limit.line("192.0.2.1", 5 + WINDOW_NS) == MAX_LINES - 1


def test_hosts_beyond_the_limit_share_their_lines() -> None:
    limit = Limit()
    for number in range(MAX_HOSTS):
        assert limit.line(f"h{number}", 0) == MAX_LINES - 1
    shared = [limit.line(f"further{number}", 1) for number in range(MAX_LINES + 1)]
    assert shared == [*range(MAX_LINES - 1, -1, -1), None]
    assert limit.line("h0", 1) == MAX_LINES - 2


def test_hosts_of_an_hour_ago_make_room() -> None:
    limit = Limit()
    for number in range(MAX_HOSTS):
        limit.line(f"h{number}", number)
    limit.line("one more", 0)
    assert limit.line("late", WINDOW_NS) == MAX_LINES - 1
    assert limit.line("late", WINDOW_NS) == MAX_LINES - 2


@pytest.mark.parametrize(
    ("call_id", "what", "is_logged"),
    [
        ("c1", "not UTF-8: From, Via; Require twice", False),
        ("c1", "not UTF-8: To", False),
        ("c1", "not UTF-8: To; unbalanced Contact", True),
        ("c2", "not UTF-8: From", True),
    ],
)
def test_a_kind_is_logged_once_for_each_call(*, call_id: str, what: str, is_logged: bool) -> None:
    limit = PeerLogLimit()
    assert limit.take("h", 0, call_id="c1", what="not UTF-8: From; Require twice") == MAX_LINES - 1
    assert limit.take("h", 1, call_id=call_id, what=what) == (MAX_LINES - 2 if is_logged else None)
    assert limit.take("h", WINDOW_NS, call_id="c1", what="not UTF-8: From") == MAX_LINES - 1


def test_what_one_host_sends_says_nothing_of_another_s() -> None:
    limit = PeerLogLimit()
    for host in [f"h{number}" for number in range(MAX_HOSTS)] + ["shared1", "shared2"]:
        assert limit.take(host, 0, call_id="c1", what="unbalanced Contact") is not None
