"""Digits: each press is told once, whatever the network does to its packets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.packet import RtpPacket
from media.rtp.telephone_event import DIGITS, DigitDetector, TelephoneEvent, build_event, parse_event, press

LOST_NS = 250_000_000

MS = 1_000_000


def pressed(digit: str, timestamp: int, *, duration_ms: int = 100, ssrc: int = 5) -> list[RtpPacket]:
    return list(
        press(digit, RtpPacket(payload_type=101, sequence=1, timestamp=timestamp & 0xFFFFFFFF, ssrc=ssrc), duration_ms=duration_ms)
    )


def told(packets: list[RtpPacket], *, expire_at_ns: int = 0) -> str:
    detector = DigitDetector()
    digits = "".join(detector.hear(packet.payload, ssrc=packet.ssrc, timestamp=packet.timestamp, now_ns=0) for packet in packets)
    return digits + detector.expire(expire_at_ns)


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


ONE, TWO, LATER_ONE = pressed("1", 0), pressed("2", 2_000), pressed("1", 4_000)


@pytest.mark.parametrize(
    ("case", "packets", "digits"),
    [
        ("nothing", [], ""),
        ("one press", ONE, "1"),
        ("two keys", ONE + TWO, "12"),
        ("the same key twice", ONE + LATER_ONE, "11"),
        ("only one end packet", ONE[:-2], "1"),
        ("only the last end packet", ONE[-1:], "1"),
        ("ends lost, another key", ONE[:3] + TWO, "12"),
        ("ends lost, the same key again", ONE[:3] + LATER_ONE, "11"),
        ("ends lost, and of the next only an end came", ONE[:3] + TWO[-1:], "12"),
        ("an end repeated after the next key began", ONE[:-1] + TWO[:2] + ONE[-1:] + TWO[2:], "12"),
        ("everything twice", [packet for packet in ONE + TWO for _ in range(2)], "12"),
        ("backwards", ONE[::-1], "1"),
        ("still held", ONE[:3], ""),
        ("another stream with the same timestamp", ONE + pressed("1", 0, ssrc=6), "11"),
        (
            "a hook flash is no digit",
            [RtpPacket(payload_type=101, sequence=1, timestamp=0, ssrc=5, payload=b"\x10\x8a\x03\x20")],
            "",
        ),
        ("too short", [RtpPacket(payload_type=101, sequence=1, timestamp=0, ssrc=5, payload=b"\1\x8a\3")], ""),
    ],
)
def test_told(case: str, packets: list[RtpPacket], digits: str) -> None:
    assert told(packets) == digits


@pytest.mark.parametrize(("at_ns", "digits"), [(LOST_NS - 1, ""), (LOST_NS, "1")])
def test_a_press_whose_end_is_lost_is_told_in_the_end(at_ns: int, digits: str) -> None:
    assert told(ONE[:3], expire_at_ns=at_ns) == digits


def test_a_press_that_expired_is_not_told_again_by_its_late_end() -> None:
    detector = DigitDetector()
    detector.hear(ONE[0].payload, ssrc=5, timestamp=0, now_ns=0)
    assert detector.waiting
    assert detector.expire(LOST_NS) == "1"
    assert not detector.waiting
    assert detector.hear(ONE[-1].payload, ssrc=5, timestamp=0, now_ns=LOST_NS + MS) == ""


def test_a_key_held_beyond_the_longest_event_is_one_press() -> None:
    segment = build_event(TelephoneEvent(code=1, end=False, volume=10, duration=0xFFFF))
    detector = DigitDetector()
    assert detector.hear(segment, ssrc=5, timestamp=100, now_ns=0) == ""
    assert detector.hear(ONE[0].payload, ssrc=5, timestamp=100 + 0xFFFF, now_ns=0) == ""
    assert detector.hear(ONE[-1].payload, ssrc=5, timestamp=100 + 0xFFFF, now_ns=0) == "1"
    assert detector.hear(segment, ssrc=5, timestamp=100, now_ns=0) == ""
    assert not detector.waiting, "a latecomer of its first segment is no new press"


@given(
    keys=st.lists(st.tuples(st.sampled_from(DIGITS), st.integers(40, 400)), max_size=12),
    start=st.integers(0, 0xFFFFFFFF),
    drawn=st.randoms(use_true_random=False),
)
def test_each_press_is_told_once_in_order_under_loss_and_duplicates(keys: list[tuple[str, int]], start: int, drawn: object) -> None:
    """Any packets may be lost, as long as one of each press arrives; any may come twice."""
    heard: list[RtpPacket] = []
    for digit, duration_ms in keys:
        packets = pressed(digit, start, duration_ms=duration_ms)
        kept = [packet for packet in packets if drawn.random() < 0.6] or packets[-1:]  # type: ignore[attr-defined]
        heard += [packet for packet in kept for _ in range(1 + (drawn.random() < 0.3))]  # type: ignore[attr-defined]
        start += duration_ms * 8 + 400
    assert told(heard, expire_at_ns=LOST_NS) == "".join(digit for digit, _ in keys)


@given(
    keys=st.lists(st.sampled_from(DIGITS), max_size=12),
    start=st.integers(0, 0xFFFFFFFF),
    drawn=st.randoms(use_true_random=False),
)
def test_each_press_is_told_once_under_reordering(keys: list[str], start: int, drawn: object) -> None:
    """Packets arrive up to 60 ms late: past each other, and past the start of the next press, 20 ms after this one."""
    arrivals: list[tuple[float, RtpPacket]] = []
    for number, digit in enumerate(keys):
        for at, packet in enumerate(pressed(digit, start + number * 960)):
            arrivals.append((number * 120 + at * 20 + drawn.uniform(0, 60), packet))  # type: ignore[attr-defined]
    arrivals.sort(key=lambda arrival: arrival[0])
    assert told([packet for _, packet in arrivals], expire_at_ns=LOST_NS) == "".join(keys)
