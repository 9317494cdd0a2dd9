"""One outgoing stream, fed by many sources: what the far end sees stays one stream."""

import struct
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.continuity import OutgoingStream

MS = 1_000_000
SSRC = 0xABCD


@dataclass(frozen=True, slots=True)
class Seen:
    sequence: int
    timestamp: int
    marker: bool = False


def stream(*, sequence: int = 1_000, timestamp: int = 50_000) -> OutgoingStream:
    return OutgoingStream(ssrc=SSRC, sequence=sequence, timestamp=timestamp)


def relayed(out: OutgoingStream, sequence: int, timestamp: int, *, ssrc: int = 1, at_ms: int = 0, kind: int = 0) -> Seen | None:
    packet = bytearray(struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc))
    return seen(packet) if out.rewrite(packet, at_ms * MS) else None


def own(out: OutgoingStream, *, at_ms: int = 0) -> Seen:
    packet = bytearray(12)
    out.own(packet, at_ms * MS, payload_type=8)
    assert packet[1] & 0x7F == 8
    return seen(packet)


def seen(packet: bytearray) -> Seen:
    first, kind, sequence, timestamp, ssrc = struct.unpack("!BBHII", packet)
    assert (first, ssrc) == (0x80, SSRC)
    return Seen(sequence, timestamp, bool(kind & 0x80))


def test_a_call_from_prompt_to_the_second_line_is_one_stream() -> None:
    out = stream()
    assert own(out, at_ms=0) == Seen(1_000, 50_000, marker=True)
    assert own(out, at_ms=20) == Seen(1_001, 50_160)
    assert relayed(out, 7, 999, ssrc=1, at_ms=60) == Seen(1_002, 50_480, marker=True), "40 ms later are 320 samples"
    assert relayed(out, 8, 1_159, ssrc=1, at_ms=80) == Seen(1_003, 50_640)
    out.detach()
    assert own(out, at_ms=1_080) == Seen(1_004, 58_640, marker=True), "a second later are 8,000 samples"
    out.detach()
    assert relayed(out, 40_000, 5, ssrc=2, at_ms=1_081) == Seen(1_005, 58_800, marker=True), "never less than a frame"


def test_our_frames_advance_by_the_frame_whenever_they_are_sent() -> None:
    out = stream()
    assert [own(out, at_ms=at).timestamp - 50_000 for at in (0, 27, 41, 105, 105)] == [0, 160, 320, 480, 640]


def test_gaps_stay_gaps_and_latecomers_stay_late() -> None:
    out = stream()
    relayed(out, 10, 0)
    assert relayed(out, 14, 640) == Seen(1_004, 50_640)
    assert relayed(out, 12, 320) == Seen(1_002, 50_320)
    assert relayed(out, 14, 640) == Seen(1_004, 50_640), "a duplicate stays a duplicate"
    assert relayed(out, 15, 800) == Seen(1_005, 50_800)


def test_the_marker_of_the_source_stays() -> None:
    out = stream()
    relayed(out, 10, 0)
    assert relayed(out, 11, 160, kind=0x80) == Seen(1_001, 50_160, marker=True)


def test_a_packet_from_before_its_source_was_bridged_has_no_place() -> None:
    out = stream()
    own(out)
    relayed(out, 10, 1_600, at_ms=20)
    assert relayed(out, 9, 1_440, at_ms=21) is None
    assert relayed(out, 11, 1_760, at_ms=40) == Seen(1_002, 50_320)


def test_a_source_long_under_way_still_takes_latecomers() -> None:
    """Beyond the wrap-around of its sequence numbers."""
    out = stream()
    for number in range(40_000, 70_000):
        relayed(out, number, number * 160)
    assert relayed(out, 69_998, 69_998 * 160) == Seen(1_000 + 29_998, 50_000 + 29_998 * 160)


@pytest.mark.parametrize(
    ("case", "sequence", "then"),
    [
        ("the longest gap", 4_000, "continues"),
        ("a longer one", 4_001, "starts anew"),
        ("the latest latecomer", 900, "continues"),
        ("a later one", 899, "starts anew"),
    ],
)
def test_a_jump_is_a_source_that_started_anew(case: str, sequence: int, then: str) -> None:
    out = stream()
    for number in range(801):
        relayed(out, 200 + number, number * 160, at_ms=number * 20)
    got = relayed(out, sequence, (sequence - 200) * 160, at_ms=16_020)
    assert got is not None
    assert got.marker is (then == "starts anew")
    assert got.sequence == (sequence + 800 if then == "continues" else 1_801)


def test_a_timestamp_that_goes_back_is_a_source_that_started_anew() -> None:
    out = stream()
    relayed(out, 10, 1_000_000)
    assert relayed(out, 11, 500_000, at_ms=20) == Seen(1_001, 50_160, marker=True)


def test_event_packets_between_audio_keep_their_start() -> None:
    out = stream()
    relayed(out, 10, 1_000)
    assert relayed(out, 11, 1_160) == Seen(1_001, 50_160)
    assert relayed(out, 12, 1_000) == Seen(1_002, 50_000), "the event began with the frame before"
    assert relayed(out, 13, 1_320) == Seen(1_003, 50_320)


@given(
    first=st.integers(0, 0xFFFF),
    stamp=st.integers(0, 0xFFFFFFFF),
    out_first=st.integers(0, 0xFFFF),
    out_stamp=st.integers(0, 0xFFFFFFFF),
    numbers=st.lists(st.integers(0, 80), max_size=60),
)
def test_one_source_is_shifted_and_nothing_else(first: int, stamp: int, out_first: int, out_stamp: int, numbers: list[int]) -> None:
    """Loss, duplicates, reordering and both wrap-arounds."""
    out = stream(sequence=out_first, timestamp=out_stamp)
    relayed(out, first, stamp)
    for number in numbers:
        got = relayed(out, first + number, stamp + number * 160)
        assert got == Seen((out_first + number) & 0xFFFF, (out_stamp + number * 160) & 0xFFFFFFFF)


feeds = st.lists(st.tuples(st.sampled_from(["own", 1, 2, 3, "detach"]), st.integers(1, 30), st.integers(0, 400)), max_size=30)


@given(feeds=feeds, out_first=st.integers(0, 0xFFFF), out_stamp=st.integers(0, 0xFFFFFFFF), base=st.integers(0, 0xFFFFFFFF))
def test_whatever_feeds_it_numbers_run_on_and_time_never_goes_back(
    feeds: list[tuple[str | int, int, int]], out_first: int, out_stamp: int, base: int
) -> None:
    out = stream(sequence=out_first, timestamp=out_stamp)
    sent: list[Seen | None] = []
    counts = {1: base & 0xFFFF, 2: base >> 16, 3: 65_530}
    at_ms = 0
    for feed, packets, pause_ms in feeds:
        at_ms += pause_ms
        for _ in range(packets):
            at_ms += 20
            if feed == "own":
                sent.append(own(out, at_ms=at_ms))
            elif feed == "detach":
                out.detach()
            else:
                counts[int(feed)] += 1
                sent.append(relayed(out, counts[int(feed)], base + counts[int(feed)] * 160, ssrc=int(feed), at_ms=at_ms))
    for number, packet in enumerate(sent):
        assert packet is not None
        assert packet.sequence == (out_first + number) & 0xFFFF
    for before, after in pairwise(sent):
        assert before is not None
        assert after is not None
        assert 160 <= (after.timestamp - before.timestamp) & 0xFFFFFFFF < 0x80000000
