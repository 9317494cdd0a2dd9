"""A peer's malformed messages are logged, but only so often, and what is kept for that is bounded."""

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
