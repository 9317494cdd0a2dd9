"""A peer's malformed messages are logged, but only so often, and what is kept for that is bounded."""

import pytest

from switch.engine.peer_log import MAX_HOSTS, MAX_LINES, WINDOW_NS, PeerLogLimit


def test_ten_lines_of_a_host_and_no_eleventh() -> None:
    limit = PeerLogLimit()
    assert [limit.take("192.0.2.1", 5) for _ in range(MAX_LINES + 1)] == [*range(MAX_LINES - 1, -1, -1), None]
    assert limit.take("192.0.2.2", 5) == MAX_LINES - 1


def test_a_host_has_ten_again_when_its_hour_is_over() -> None:
    limit = PeerLogLimit()
    for _ in range(MAX_LINES):
        limit.take("192.0.2.1", 5)
    assert limit.take("192.0.2.1", 5 + WINDOW_NS - 1) is None
    assert limit.take("192.0.2.1", 5 + WINDOW_NS) == MAX_LINES - 1


def test_hosts_beyond_the_limit_share_their_lines() -> None:
    limit = PeerLogLimit()
    for number in range(MAX_HOSTS):
        assert limit.take(f"h{number}", 0) == MAX_LINES - 1
    shared = [limit.take(f"further{number}", 1) for number in range(MAX_LINES + 1)]
    assert shared == [*range(MAX_LINES - 1, -1, -1), None]
    assert limit.take("h0", 1) == MAX_LINES - 2


def test_hosts_of_an_hour_ago_make_room() -> None:
    limit = PeerLogLimit()
    for number in range(MAX_HOSTS):
        limit.take(f"h{number}", number)
    limit.take("one more", 0)
    assert limit.take("late", WINDOW_NS) == MAX_LINES - 1
    assert limit.take("late", WINDOW_NS) == MAX_LINES - 2


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
    assert limit.take_oddity("h", 0, call_id="c1", what="not UTF-8: From; Require twice") == MAX_LINES - 1
    assert limit.take_oddity("h", 1, call_id=call_id, what=what) == (MAX_LINES - 2 if is_logged else None)
    assert limit.take_oddity("h", WINDOW_NS, call_id="c1", what="not UTF-8: From") == MAX_LINES - 1


def test_what_one_host_sends_says_nothing_of_another_s() -> None:
    limit = PeerLogLimit()
    for host in [f"h{number}" for number in range(MAX_HOSTS)] + ["shared1", "shared2"]:
        assert limit.take_oddity(host, 0, call_id="c1", what="unbalanced Contact") is not None
