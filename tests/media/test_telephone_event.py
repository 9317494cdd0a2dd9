"""Digits: each press is told once, at its first packet, whatever the device and the network do to its packets."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.packet import RtpPacket
from media.rtp.telephone_event import DIGITS, DigitDetector, Press, TelephoneEvent, build_event, parse_event, press

MS = 1_000_000


def pressed(digit: str, timestamp: int, *, sequence: int = 1, duration_ms: int = 100, ssrc: int = 5) -> list[RtpPacket]:
    start = RtpPacket(payload_type=101, sequence=sequence & 0xFFFF, timestamp=timestamp & 0xFFFFFFFF, ssrc=ssrc)
    return list(press(digit, start, duration_ms=duration_ms))


def hear(detector: DigitDetector, packet: RtpPacket, *, at_ms: int = 0) -> Press:
    heard = detector.hear(packet.payload, ssrc=packet.ssrc, sequence=packet.sequence, timestamp=packet.timestamp, now_ns=at_ms * MS)
    assert heard is not None
    return heard[0]


def presses(packets: Iterable[RtpPacket], *, every_ms: int = 20) -> list[Press]:
    """The press of each packet."""
    detector = DigitDetector()
    return [hear(detector, packet, at_ms=number * every_ms) for number, packet in enumerate(packets)]


def told(packets: Iterable[RtpPacket], *, every_ms: int = 20) -> str:
    """In the order in which they are told."""
    return "".join(each.digit for each in dict.fromkeys(presses(packets, every_ms=every_ms)))


def test_the_packets_of_a_press() -> None:
    packets = pressed("#", 4_000)
    events = [parse_event(packet.payload) for packet in packets]
    assert [event and event.duration for event in events] == [160, 320, 480, 640, 800, 800, 800]
    assert [event and event.end for event in events] == [False] * 4 + [True] * 3
    assert {event and event.code for event in events} == {11}
    assert {packet.timestamp for packet in packets} == {4_000}
    assert [packet.marker for packet in packets] == [True] + [False] * 6
    assert [packet.sequence for packet in packets] == list(range(1, 8))


@given(st.integers(0, 255), st.integers(0, 1), st.integers(0, 63), st.integers(0, 0xFFFF))
def test_an_event_is_parsed_as_it_was_built(code: int, flags: int, volume: int, duration: int) -> None:
    event = TelephoneEvent(code=code, end=bool(flags), volume=volume, duration=duration)
    assert parse_event(build_event(event)) == event


@pytest.mark.parametrize("digit", DIGITS)
def test_every_key(digit: str) -> None:
    assert told(pressed(digit, 77)) == digit


ONE, TWO, LATER_ONE = pressed("1", 0), pressed("2", 2_000, sequence=8), pressed("1", 4_000, sequence=15)


def at(timestamp: int, packets: list[RtpPacket]) -> list[RtpPacket]:
    return [replace(packet, timestamp=timestamp) for packet in packets]


@pytest.mark.parametrize(
    ("case", "packets", "digits"),
    [
        ("nothing", [], ""),
        ("one press", ONE, "1"),
        ("still held", ONE[:1], "1"),
        ("two keys", ONE + TWO, "12"),
        ("the same key twice", ONE + LATER_ONE, "11"),
        ("only one end packet", ONE[:-2], "1"),
        ("only the last end packet", ONE[-1:], "1"),
        ("ends lost, another key", ONE[:3] + TWO, "12"),
        ("ends lost, the same key again", ONE[:3] + LATER_ONE, "11"),
        ("ends lost, and of the next only an end came", ONE[:3] + TWO[-1:], "12"),
        ("ends lost, of the same key again only an end came", ONE[:3] + LATER_ONE[-1:], "11"),
        ("of the same key again only an end came", ONE + LATER_ONE[-1:], "11"),
        ("an end repeated after the next key began", ONE[:-1] + TWO[:2] + ONE[-1:] + TWO[2:], "12"),
        ("an end repeated after the same key began again", ONE[:-1] + LATER_ONE[:2] + ONE[-1:] + LATER_ONE[2:], "11"),
        ("everything twice", [packet for packet in ONE + TWO for _ in range(2)], "12"),
        ("backwards", ONE[::-1], "1"),
        ("another stream with the same timestamp", ONE + pressed("1", 0, ssrc=6), "11"),
        ("the next press has the timestamp of the last", ONE + at(0, LATER_ONE), "11"),
        ("a timestamp of its own for each packet", [replace(p, timestamp=160 * n) for n, p in enumerate(ONE)], "1"),
        ("and then the same key again", [replace(p, timestamp=160 * n) for n, p in enumerate(ONE)] + LATER_ONE, "11"),
        ("and in disorder", [replace(ONE[n], timestamp=160 * n) for n in (1, 0, 2, 4, 3, 6, 5)], "1"),
        ("and with loss", [replace(ONE[n], timestamp=160 * n) for n in (0, 1, 6)], "1"),
        ("its sequence starts anew", ONE + pressed("1", 9_000, sequence=40_000), "11"),
    ],
)
def test_told(case: str, packets: list[RtpPacket], digits: str) -> None:
    assert told(packets) == digits


def test_a_hook_flash_is_an_event_and_no_digit() -> None:
    (flash,) = presses([RtpPacket(payload_type=101, sequence=1, timestamp=0, ssrc=5, payload=b"\x10\x8a\x03\x20")])
    assert (flash.code, flash.digit) == (16, "")


def test_a_payload_that_is_too_short_is_no_event() -> None:
    assert DigitDetector().hear(b"\1\x8a\3", ssrc=5, sequence=1, timestamp=0, now_ns=0) is None


def segment_of(timestamp: int, durations: Iterable[int], *, sequence: int, end: bool = False) -> list[RtpPacket]:
    return [
        RtpPacket(
            payload_type=101,
            sequence=sequence + number,
            timestamp=timestamp & 0xFFFFFFFF,
            ssrc=5,
            payload=build_event(TelephoneEvent(code=1, end=end, volume=10, duration=duration & 0xFFFF)),
        )
        for number, duration in enumerate(durations)
    ]


LONG = segment_of(0xFFFFF000, range(160, 65_536, 160), sequence=0)
AFTER = len(LONG)


@pytest.mark.parametrize("start", [0xFFFFF000 + 65_535, 0xFFFFF000 + 65_536])
def test_a_press_beyond_the_longest_event_goes_on_in_the_next_segment(start: int) -> None:
    rest = segment_of(start, [160, 320, 480], sequence=AFTER)
    ends = segment_of(start, [640] * 3, sequence=AFTER + 3, end=True)
    (one,) = set(presses([*LONG, *rest, *ends]))
    assert one.segment == 65_535
    assert told([*LONG, *rest, *ends, *pressed("1", start + 1_000, sequence=AFTER + 6)]) == "11"


def test_a_segment_whose_last_packets_are_lost_is_followed_by_the_next_one() -> None:
    assert told([*LONG[:-50], *segment_of(0xFFFFF000 + 65_535, [320, 480], sequence=AFTER + 1)]) == "1"


def test_eight_seconds_after_a_press_without_an_end_the_same_key_is_another_press() -> None:
    assert told([*ONE[:3], *pressed("1", 65_535, sequence=400)]) == "11"


def test_a_duration_that_wraps_while_the_network_stalls_is_the_same_press() -> None:
    assert told([*LONG[-1:], *segment_of(0xFFFFF000, [65_700], sequence=AFTER)], every_ms=300) == "1"


def test_a_duration_that_wraps_without_a_new_segment_is_the_same_press() -> None:
    rest = segment_of(0xFFFFF000, range(65_600, 67_000, 160), sequence=AFTER)
    ends = segment_of(0xFFFFF000, [67_000] * 3, sequence=AFTER + len(rest), end=True)
    (one,) = set(presses([*LONG, *rest, *ends]))
    assert one.segment == 0


def test_a_network_that_stalls_within_a_press_does_not_make_it_two() -> None:
    assert told(ONE, every_ms=900) == "1"


@pytest.mark.parametrize(("silence_ms", "digits"), [(249, "1"), (250, "11")])
def test_a_duration_that_starts_over_without_an_end_is_another_press_once_the_first_is_quiet(silence_ms: int, digits: str) -> None:
    again = at(0, pressed("1", 0, sequence=4)[:1])
    assert told([ONE[2], *again], every_ms=silence_ms) == digits


@pytest.mark.parametrize(("timestamp", "digits"), [(480 + 319, "1"), (480 + 320, "11")])
def test_without_an_end_a_pause_of_40_ms_tells_two_presses_apart(timestamp: int, digits: str) -> None:
    assert told([*ONE[:3], *pressed("1", timestamp, sequence=4)[:1]]) == digits


@pytest.mark.parametrize(("timestamp", "digits"), [(800 + 319, "1"), (800 + 320, "11")])
def test_an_end_that_lies_a_pause_beyond_the_end_is_of_another_press(timestamp: int, digits: str) -> None:
    assert told([*ONE, *at(timestamp, pressed("1", 0, sequence=8)[-1:])]) == digits


def test_what_was_pressed_before_is_spent_and_what_comes_after_is_not() -> None:
    detector = DigitDetector()
    spent = [hear(detector, packet) for packet in ONE[:2]]
    detector.spend()
    spent += [hear(detector, packet) for packet in ONE[2:]]
    assert {press.is_spent for press in spent} == {True}
    assert {hear(detector, packet).is_spent for packet in TWO} == {False}


@given(
    keys=st.lists(st.tuples(st.sampled_from(DIGITS), st.integers(40, 400), st.integers(50, 400)), max_size=12),
    start=st.integers(0, 0xFFFFFFFF),
    sequence=st.integers(0, 0xFFFF),
    drawn=st.randoms(use_true_random=False),
)
def test_each_press_is_told_once_in_order_under_loss_and_duplicates(
    keys: list[tuple[str, int, int]], start: int, sequence: int, drawn: object
) -> None:
    """Any packets may be lost, as long as one of each press arrives; any may come twice. Audio between them takes sequence numbers."""
    heard: list[RtpPacket] = []
    for digit, duration_ms, pause_ms in keys:
        packets = pressed(digit, start, sequence=sequence, duration_ms=duration_ms)
        kept = [packet for packet in packets if drawn.random() < 0.6] or packets[-1:]  # type: ignore[attr-defined]
        heard += [packet for packet in kept for _ in range(1 + (drawn.random() < 0.3))]  # type: ignore[attr-defined]
        start += (duration_ms + pause_ms) * 8
        sequence += len(packets) + pause_ms // 20
    assert told(heard) == "".join(digit for digit, _, _ in keys)


@given(
    keys=st.lists(st.sampled_from(DIGITS), max_size=12),
    start=st.integers(0, 0xFFFFFFFF),
    sequence=st.integers(0, 0xFFFF),
    drawn=st.randoms(use_true_random=False),
)
def test_each_press_is_told_once_under_reordering(keys: list[str], start: int, sequence: int, drawn: object) -> None:
    """Packets arrive up to 60 ms late: past each other, and past the start of the next press, 20 ms after this one."""
    arrivals: list[tuple[float, RtpPacket]] = []
    for number, digit in enumerate(keys):
        for place, packet in enumerate(pressed(digit, start + number * 960, sequence=sequence + 7 * number)):
            arrivals.append((number * 120 + place * 20 + drawn.uniform(0, 60), packet))  # type: ignore[attr-defined]
    arrivals.sort(key=lambda arrival: arrival[0])
    assert told([packet for _, packet in arrivals]) == "".join(keys)


MANNERS = ("plain", "moving", "reused", "wrong by a sample a packet")


@given(
    keys=st.lists(st.tuples(st.sampled_from("12#"), st.sampled_from(MANNERS), st.integers(40, 300)), max_size=8),
    start=st.integers(0, 0xFFFFFFFF),
    sequence=st.integers(0, 0xFFFF),
)
def test_whatever_a_device_does_to_timestamps_each_press_is_told_once(
    keys: list[tuple[str, str, int]], start: int, sequence: int
) -> None:
    heard: list[RtpPacket] = []
    numbers, clock = count(sequence), start
    for digit, manner, duration_ms in keys:
        for number, packet in enumerate(pressed(digit, 0, duration_ms=duration_ms)):
            timestamp = {
                "plain": clock,
                "moving": clock + 160 * number,
                "reused": start,
                "wrong by a sample a packet": clock + number,
            }[manner]
            heard.append(replace(packet, timestamp=timestamp & 0xFFFFFFFF, sequence=next(numbers) & 0xFFFF))
        clock += duration_ms * 8 + 960
    assert told(heard) == "".join(digit for digit, _, _ in keys)
