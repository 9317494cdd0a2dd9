"""Digits that the worker itself sends as telephone-events: what the far end reads, and what becomes of the audio meanwhile."""

from itertools import pairwise

import pytest
from bridged_legs import MS, World

from media.control import Bridge, Order, PlayMusic, Ringback, SendDigit
from media.rtp.telephone_event import parse_event
from media.worker.digits import LONGEST_MS, MAX_DIGITS, PAUSE_NS, SHORTEST_MS
from media.worker.playout import FRAME_NS


def test_a_digit_is_a_press_in_the_one_stream_of_the_leg() -> None:
    world = World()
    world.run(200)
    world.do(SendDigit(port=20_002, digit="5", duration_ms=100))
    world.run(400)
    assert world.heard() == "5"
    packets = [packet for _, packet in world.to_line]
    assert {packet.ssrc for packet in packets} == {packets[0].ssrc}
    assert [packet.sequence for packet in packets] == [(packets[0].sequence + n) & 0xFFFF for n in range(len(packets))]
    (stamp,) = {packet.timestamp for _, packet in world.events()}
    assert [packet.marker for _, packet in world.events()] == [True, *[False] * 6]
    durations = [parse_event(packet.payload) for _, packet in world.events()]
    assert [event.duration for event in durations if event] == [160, 320, 480, 640, 800, 800, 800]
    assert [event.end for event in durations if event] == [False] * 4 + [True] * 3
    first_after = packets[packets.index(world.events()[-1][1]) + 1]
    assert first_after.marker
    assert first_after.payload_type == 0
    assert (first_after.timestamp - stamp) & 0xFFFFFFFF >= 800, "audio goes on after the end of the event"


def test_meanwhile_the_line_hears_no_audio_and_the_caller_goes_on_hearing() -> None:
    world = World()
    world.run(200)
    start_ns = world.now_ns
    world.do(SendDigit(port=20_002, digit="5", duration_ms=100))
    world.run(400)
    times = [at_ns for at_ns, packet in world.to_line if packet.payload_type == 0]
    gap_end_ns = next(at_ns for at_ns in times if at_ns > start_ns)
    assert 7 * FRAME_NS + PAUSE_NS <= gap_end_ns - start_ns <= 8 * FRAME_NS + PAUSE_NS
    assert len(world.sockets[20_000].sent) == 30, "every frame of 600 ms"


def test_digits_wait_for_each_other_with_a_pause_between() -> None:
    world = World()
    for digit in "5512":
        world.do(SendDigit(port=20_002, digit=digit, duration_ms=60))
    world.run(1_000)
    assert world.heard() == "5512"
    starts = [at_ns for at_ns, packet in world.events() if packet.marker]
    press_ns = 5 * FRAME_NS  # 20, 40, and the end three times
    assert [after - before for before, after in pairwise(starts)] == [press_ns + PAUSE_NS] * 3


def test_a_key_that_is_pressed_meanwhile_follows_once() -> None:
    world = World(caller_dtmf=101)
    world.do(SendDigit(port=20_002, digit="1", duration_ms=100))
    world.key("2", duration_ms=300)
    world.run(400)
    world.key("3")
    world.run(400)
    assert world.heard() == "123"


@pytest.mark.parametrize(("digits", "heard"), [(MAX_DIGITS, MAX_DIGITS), (MAX_DIGITS + 1, MAX_DIGITS)])
def test_so_many_digits_wait(digits: int, heard: int) -> None:
    world = World()
    for number in range(digits):
        world.do(SendDigit(port=20_002, digit=str(number % 10), duration_ms=SHORTEST_MS))
    world.run(10_000)
    assert len(world.heard()) == heard


@pytest.mark.parametrize(
    ("asked_ms", "lasted_ms"), [(0, SHORTEST_MS), (SHORTEST_MS, SHORTEST_MS), (LONGEST_MS, LONGEST_MS), (60_000, LONGEST_MS)]
)
def test_a_press_lasts_no_shorter_and_no_longer(asked_ms: int, lasted_ms: int) -> None:
    world = World()
    world.do(SendDigit(port=20_002, digit="#", duration_ms=asked_ms))
    world.run(9_000)
    event = parse_event(world.events()[-1][1].payload)
    assert event is not None
    assert event.duration == 8 * lasted_ms
    assert world.heard() == "#"


def test_nothing_is_sent_where_no_telephone_event_was_agreed_on() -> None:
    world = World(line_dtmf=None)
    world.do(SendDigit(port=20_002, digit="5", duration_ms=100))
    world.run(200)
    assert {packet.payload_type for _, packet in world.to_line} == {0}
    assert len(world.to_line) == 10


@pytest.mark.parametrize("order", [Ringback(port=20_002, country="us"), Bridge(a=20_000, b=20_002)])
def test_what_plays_or_bridges_puts_an_end_to_digits(order: Order) -> None:
    world = World()
    world.do(SendDigit(port=20_002, digit="5", duration_ms=1_000))
    world.run(60)
    count = len(world.events())
    world.do(order)
    world.run(200)
    assert len(world.events()) == count
    assert [packet.payload_type for at_ns, packet in world.to_line if at_ns > 60 * MS].count(0) >= 9
    if isinstance(order, Ringback):
        world.do(SendDigit(port=20_002, digit="6", duration_ms=100))  # something plays: it does nothing
        world.run(200)
        assert len(world.events()) == count


def test_music_that_can_not_be_played_leaves_the_leg_open_for_digits() -> None:
    world = World()
    world.do(PlayMusic(port=20_002, prompt="none"))
    world.do(SendDigit(port=20_002, digit="5", duration_ms=100))
    world.run(300)
    assert world.heard() == "5"
