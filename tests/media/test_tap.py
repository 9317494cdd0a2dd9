"""Taps: what a consumer gets of a leg, and that neither a slow nor a dead one costs the call anything."""

import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from bridged_legs import CALLER, MS, World

from media.control import Close, RemoteMedia, SetRemote, Tap, Untap
from media.tap_frame import MAX_DATAGRAM_BYTES, RECEIVED, SENT, Frame, frames, pack
from media.worker.tap import FLUSH_NS, MAX_TAPS, MAX_WAITING

CALLER_LEG, LINE_LEG = 20_000, 20_002


@pytest.fixture
def consumer(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "c"))
        sock.setblocking(False)
        yield sock


def path_of(consumer: socket.socket) -> str:
    return str(consumer.getsockname())


def taken(consumer: socket.socket) -> list[Frame]:
    found: list[Frame] = []
    while True:
        try:
            datagram = consumer.recv(1 << 20)
        except BlockingIOError:
            return found
        assert len(datagram) <= MAX_DATAGRAM_BYTES
        found += frames(datagram)


def run(world: World, ms: int, consumer: socket.socket) -> list[Frame]:
    """The worker flushes as its loop does, and the consumer reads."""
    found: list[Frame] = []
    for _ in range(ms):
        world.run(1)
        world.taps.flush(world.now_ns)
        found += taken(consumer)
    world.taps.flush(world.now_ns + FLUSH_NS)
    return found + taken(consumer)


def test_both_directions_of_a_leg_are_taken(consumer: socket.socket) -> None:
    world = World()
    world.do(Tap(port=CALLER_LEG, tap=7, path=path_of(consumer)))
    found = run(world, 400, consumer)
    for direction in (RECEIVED, SENT):
        mine = [each for each in found if each.direction == direction]
        assert [each.number for each in mine] == list(range(20))
        assert {(each.tap, each.codec, each.payload) for each in mine} == {(7, 0, b"\1" * 160)}
        assert [each.at_ns for each in mine] == [20 * MS * number for number in range(20)]
        assert {(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(mine)} == {160}
        assert {(b.sequence - a.sequence) & 0xFFFF for a, b in pairwise(mine)} == {1}
    assert [each.timestamp for each in found if each.direction == RECEIVED] == [160 * number for number in range(20)]
    sent = world.sockets[CALLER_LEG].sent
    assert [each.timestamp for each in found if each.direction == SENT] == [packet.timestamp for _, packet in sent]


@pytest.mark.parametrize(("received", "sent"), [(True, False), (False, True)])
def test_one_direction(consumer: socket.socket, received: bool, sent: bool) -> None:  # noqa: FBT001 parameters of the test
    world = World()
    world.do(Tap(port=CALLER_LEG, tap=1, path=path_of(consumer), received=received, sent=sent))
    assert {each.direction for each in run(world, 100, consumer)} == {RECEIVED if received else SENT}


def test_an_untapped_leg_has_the_short_way_again(consumer: socket.socket) -> None:
    world = World()
    world.run(40)
    leg = world.legs[CALLER_LEG]
    before = leg.audio_type, leg.send
    world.do(Tap(port=CALLER_LEG, tap=1, path=path_of(consumer)))
    world.run(40)
    assert (leg.audio_type, leg.send) != before
    world.do(Untap(port=CALLER_LEG, tap=2))
    assert len(leg.taps) == 1
    world.do(Untap(port=CALLER_LEG, tap=1))
    assert len(taken(consumer)) == 4
    world.run(40)
    assert (leg.audio_type, leg.send) == before
    assert run(world, 100, consumer) == []
    assert world.taps.next_ns() is None


def test_closing_a_leg_ends_its_taps(consumer: socket.socket) -> None:
    world = World()
    world.do(Tap(port=LINE_LEG, tap=1, path=path_of(consumer)))
    world.run(40)
    world.do(Close(port=LINE_LEG))
    assert len(taken(consumer)) == 4
    assert world.taps.next_ns() is None


def test_another_codec_of_the_agreement_is_named(consumer: socket.socket) -> None:
    world = World()
    world.do(Tap(port=CALLER_LEG, tap=1, path=path_of(consumer), sent=False))
    world.do(
        SetRemote(
            port=CALLER_LEG,
            peer=RemoteMedia(host=CALLER[0], port=CALLER[1], codec=8, payload_type=8, audio_types={0: 8}, dtmf_type=None),
        )
    )
    assert {each.codec for each in run(world, 100, consumer)} == {8}


def test_strangers_and_keys_are_not_taken(consumer: socket.socket) -> None:
    world = World()
    world.do(Tap(port=CALLER_LEG, tap=1, path=path_of(consumer)))
    world.run(40)
    world.forwarder.datagram(world.legs[CALLER_LEG], 172, ("192.0.2.66", 1), world.now_ns)
    world.forwarder.buffer[1] = 101  # an event that was not agreed on
    world.forwarder.datagram(world.legs[CALLER_LEG], 16, CALLER, world.now_ns)
    world.taps.flush(world.now_ns + FLUSH_NS)
    assert len(taken(consumer)) == 4


def test_a_slow_consumer_loses_frames_and_the_call_none(consumer: socket.socket) -> None:
    world = World()
    world.do(Tap(port=CALLER_LEG, tap=1, path=path_of(consumer)))
    for _ in range(MAX_WAITING * 100):
        world.run(20)
        world.taps.flush(world.now_ns)
    leg = world.legs[CALLER_LEG]
    assert len(world.sockets[CALLER_LEG].sent) == len(world.to_line) == leg.received == MAX_WAITING * 100
    lost = leg.taps[0].consumer.lost
    found = taken(consumer)
    world.taps.flush(world.now_ns + FLUSH_NS)
    found += run(world, 1_000, consumer)
    assert lost > 0
    assert [problem for problem in world.problems if "does not read fast enough" in problem]
    assert len(found) + lost == 2 * (leg.received)
    gaps = [b.number - a.number - 1 for way in (RECEIVED, SENT) for a, b in pairwise(f for f in found if f.direction == way)]
    assert sum(gaps) == lost


def test_a_dead_consumer_costs_the_call_nothing(consumer: socket.socket) -> None:
    world = World()
    world.do(Tap(port=CALLER_LEG, tap=1, path=path_of(consumer)))
    consumer.close()
    for _ in range(20):
        world.run(20)
        world.taps.flush(world.now_ns)
    assert world.legs[CALLER_LEG].taps[0].consumer.lost > 0
    assert len(world.to_line) == 20
    world.do(Untap(port=CALLER_LEG, tap=1))


def test_a_consumer_that_is_not_there_is_a_problem_and_no_tap(tmp_path: Path) -> None:
    world = World()
    world.do(Tap(port=CALLER_LEG, tap=1, path=str(tmp_path / "nobody")))
    assert len(world.problems) == 1
    assert world.legs[CALLER_LEG].taps == ()


def test_so_many_taps_and_no_more(consumer: socket.socket) -> None:
    world = World()
    for number in range(MAX_TAPS):
        world.do(Tap(port=CALLER_LEG, tap=number, path=path_of(consumer)))
    with pytest.raises(ValueError, match="once more"):
        world.do(Tap(port=CALLER_LEG, tap=MAX_TAPS, path=path_of(consumer)))
    assert len(run(world, 20, consumer)) == 2 * MAX_TAPS


def test_an_order_twice_is_refused(consumer: socket.socket) -> None:
    world = World()
    world.do(Tap(port=CALLER_LEG, tap=1, path=path_of(consumer)))
    with pytest.raises(ValueError, match="once more"):
        world.do(Tap(port=CALLER_LEG, tap=1, path=path_of(consumer)))


def test_what_is_no_datagram_of_frames_is_an_error() -> None:
    with pytest.raises(ValueError, match="cut off"):
        list(frames(pack(1, 0, 0, 0, 0, 0, 161, RECEIVED, 0) + bytes(160)))
