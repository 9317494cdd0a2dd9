"""Room for connections, in simulated time: strangers have a share, little time, and make room for everybody else."""

import pytest

from switch.transport.connection_limits import (
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_OF_HOST,
    MAX_STRANGERS,
    MAX_STRANGERS_OF_SITE,
    STRANGER_S,
    ConnectionLimits,
    Place,
)


class Listener:
    """Limits with a list of what was dropped. `peers`: the hosts that are no strangers."""

    def __init__(self, *peers: str) -> None:
        self.peers = set(peers)
        self.dropped: list[str] = []
        self.limits = ConnectionLimits(lambda host: host in self.peers)

    def take(self, host: str, now_s: float = 0.0, *, name: str = "", is_ours: bool = False) -> Place | None:
        return self.limits.take(host, now_s, drop=lambda: self.dropped.append(name or host), is_ours=is_ours)

    def taken(self, host: str, now_s: float = 0.0, *, name: str = "", is_ours: bool = False) -> Place:
        place = self.take(host, now_s, name=name, is_ours=is_ours)
        assert place is not None
        return place

    def crowd(self, number: int) -> None:
        """So many strangers, each from a host of its own."""
        for each in range(number):
            self.taken(f"stranger-{each}")

    def fill(self, number: int) -> None:
        """So many connections of peers, as many of each host as it may have."""
        for each in range(number):
            host = f"peer-{each // MAX_CONNECTIONS_OF_HOST}"
            self.peers.add(host)
            self.taken(host)


def test_strangers_have_a_quarter_of_the_room() -> None:
    assert 4 * MAX_STRANGERS == MAX_CONNECTIONS


@pytest.mark.parametrize(("over", "dropped"), [(0, []), (1, ["stranger-0"]), (2, ["stranger-0", "stranger-1"])])
def test_one_stranger_too_many_takes_the_place_of_the_oldest(over: int, dropped: list[str]) -> None:
    listener = Listener()
    listener.crowd(MAX_STRANGERS + over)
    assert listener.dropped == dropped
    assert len(listener.limits) == MAX_STRANGERS


def test_strangers_of_one_host() -> None:
    listener = Listener()
    for _ in range(MAX_STRANGERS_OF_SITE):
        place = listener.taken("one")
    assert listener.take("one") is None
    listener.taken("other")
    listener.limits.leave(place)
    listener.taken("one")
    assert listener.dropped == []


def test_strangers_of_one_ipv6_site() -> None:
    """Whoever has one address of it has 2^64."""
    listener = Listener("2001:db8::7")
    places = [listener.taken(f"2001:db8::{number:x}:1") for number in range(MAX_STRANGERS_OF_SITE)]
    assert listener.take("2001:db8:0:0:ffff::1") is None
    listener.taken("2001:db8:0:1::1")
    listener.taken("2001:db8::7")
    listener.limits.leave(places[0])
    listener.taken("2001:db8:0:0:ffff::1")
    assert listener.dropped == []


@pytest.mark.parametrize("is_ours", [False, True])
def test_connections_of_one_peer(*, is_ours: bool) -> None:
    listener = Listener("trunk")
    for _ in range(MAX_CONNECTIONS_OF_HOST):
        listener.taken("trunk", is_ours=is_ours)
    assert listener.take("trunk", is_ours=is_ours) is None
    listener.taken("other", is_ours=is_ours)


@pytest.mark.parametrize("is_ours", [False, True])
def test_a_peer_is_refused_where_only_peers_are_there(*, is_ours: bool) -> None:
    listener = Listener("trunk")
    listener.fill(MAX_CONNECTIONS - 1)
    place = listener.taken("trunk", is_ours=is_ours)
    assert listener.take("trunk", is_ours=is_ours) is None
    assert listener.take("stranger") is None
    listener.limits.leave(place)
    listener.taken("trunk", is_ours=is_ours)


@pytest.mark.parametrize("is_ours", [False, True])
def test_a_stranger_makes_room_for_a_peer_and_for_a_connection_of_ours(*, is_ours: bool) -> None:
    listener = Listener() if is_ours else Listener("trunk")
    listener.crowd(MAX_STRANGERS)
    listener.fill(MAX_CONNECTIONS - MAX_STRANGERS)
    for _ in range(MAX_CONNECTIONS_OF_HOST):
        listener.taken("trunk", is_ours=is_ours)
    assert listener.dropped == [f"stranger-{number}" for number in range(MAX_CONNECTIONS_OF_HOST)]
    assert len(listener.limits) == MAX_CONNECTIONS


def test_strangers_on_a_line_s_host_make_room_for_our_calls_to_it() -> None:
    listener = Listener()
    listener.taken("elsewhere")
    for number in range(MAX_STRANGERS_OF_SITE):
        listener.taken("line", name=f"stranger {number}")
    for _ in range(MAX_CONNECTIONS_OF_HOST):
        listener.taken("line", is_ours=True)
    assert listener.dropped == [f"stranger {number}" for number in range(MAX_STRANGERS_OF_SITE)]
    assert listener.take("line", is_ours=True) is None


@pytest.mark.parametrize(
    ("after_s", "dropped"), [(STRANGER_S - 1, []), (STRANGER_S, ["first"]), (STRANGER_S + 5, ["first", "second"])]
)
def test_a_stranger_s_time(after_s: float, dropped: list[str]) -> None:
    listener = Listener("trunk")
    listener.taken("trunk", 100.0)
    listener.taken("line", 100.0, is_ours=True)
    listener.taken("one", 100.0, name="first")
    listener.taken("one", 105.0, name="second")
    listener.limits.sweep(100.0 + after_s)
    assert listener.dropped == dropped
    assert len(listener.limits) == 4 - len(dropped)


def test_one_who_has_authenticated_is_no_stranger_any_more() -> None:
    listener = Listener()
    listener.limits.prove(listener.taken("pbx", name="proven"))
    listener.crowd(MAX_STRANGERS + 1)
    listener.limits.sweep(STRANGER_S)
    assert "proven" not in listener.dropped
    assert len(listener.limits) == 1


def test_a_host_that_has_a_call_by_now_is_no_stranger_when_room_is_made() -> None:
    listener = Listener()
    listener.taken("pbx", name="called")
    listener.peers.add("pbx")
    listener.crowd(MAX_STRANGERS + 1)
    assert listener.dropped == ["stranger-0"]


def test_a_host_that_has_a_call_by_now_is_no_stranger_when_its_time_is_up() -> None:
    listener = Listener()
    listener.taken("pbx", name="called")
    listener.taken("other")
    listener.peers.add("pbx")
    listener.limits.sweep(STRANGER_S)
    assert listener.dropped == ["other"]


def test_what_was_dropped_and_ends_then_leaves_once() -> None:
    listener = Listener("trunk")
    stranger = listener.taken("one")
    listener.taken("trunk")
    listener.limits.sweep(STRANGER_S)
    listener.limits.leave(stranger)
    listener.limits.leave(stranger)
    assert len(listener.limits) == 1
