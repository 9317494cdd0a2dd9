"""One outgoing stream, fed by many sources: what the far end sees stays one stream."""

import struct
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.continuity import OutgoingStream
from media.rtp.telephone_event import Press, TelephoneEvent

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
    packet = made(sequence, timestamp, ssrc=ssrc, kind=kind)
    return seen(packet) if out.rewrite(packet, at_ms * MS) else None


def made(sequence: int, timestamp: int, *, ssrc: int = 1, kind: int = 0) -> bytearray:
    return bytearray(struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc))


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
    got = relayed(out, sequence, (sequence - 200) * 160, at_ms=max(16_020, (sequence - 200) * 20))
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
    for place, number in enumerate(numbers):
        got = relayed(out, first + number, stamp + number * 160, at_ms=20 * max(numbers[: place + 1]))
        assert got == Seen((out_first + number) & 0xFFFF, (out_stamp + number * 160) & 0xFFFFFFFF)


FRAME_MS = 20
STEPS = st.one_of(
    st.tuples(st.just("talk"), st.integers(1, 3), st.integers(1, 60)),
    st.tuples(st.just("lose"), st.integers(1, 3), st.integers(1, 12)),
    st.tuples(st.just("both"), st.integers(1, 3), st.integers(1, 60)),
    st.tuples(st.sampled_from(["pause", "marked pause", "frozen clock"]), st.integers(1, 3), st.integers(1, 400)),
    st.tuples(st.sampled_from(["restart", "detach", "own"]), st.integers(1, 3), st.integers(1, 10)),
    st.tuples(
        st.sampled_from(["press", "press reused", "press moving", "press with audio"]), st.integers(1, 4), st.integers(1, 30)
    ),
)


class Device:
    """A source: its timestamps follow the wall, whatever it sends."""

    def __init__(self, ssrc: int, *, sequence: int, timestamp: int) -> None:
        self.ssrc = ssrc
        self.sequence = sequence
        self.base = timestamp
        self.lost = 0
        self.is_marked = False

    def next(self) -> int:
        self.sequence = (self.sequence + 1) & 0xFFFF
        return self.sequence


class Rewriting:
    """Feeds a stream and notes what comes out of it, and at which number and time it should."""

    def __init__(self, devices: list[Device], *, sequence: int, timestamp: int) -> None:
        self.devices = {device.ssrc: device for device in devices}
        self.sequence, self.timestamp = sequence, timestamp
        self.out = stream(sequence=sequence & 0xFFFF, timestamp=timestamp)
        self.at_ms = 0
        self.reused = 0
        self.presses: list[set[int]] = []
        self.known: set[int] = set()

    def wait(self, ms: int = FRAME_MS) -> None:
        self.at_ms += ms

    def audio(self, device: Device) -> None:
        kind = 0x80 if device.is_marked else 0
        device.is_marked = False
        got = relayed(self.out, device.next(), device.base + 8 * self.at_ms, ssrc=device.ssrc, at_ms=self.at_ms, kind=kind)
        self.check_place(device, got)
        assert got is not None
        self.check_time(got)

    def own(self, frames: int) -> None:
        self.out.detach()
        for _ in range(frames):
            self.sequence += 1
            got = own(self.out, at_ms=self.at_ms)
            assert got.sequence == (self.sequence - 1) & 0xFFFF
            self.check_time(got)
            self.wait()
        self.known.clear()

    def press(self, device: Device, manner: str, packets: int) -> None:
        press = a_press()
        stamps = set()
        start = device.base + 8 * self.at_ms
        for number in range(packets):
            timestamp = {"press reused": self.reused, "press moving": device.base + 8 * self.at_ms}.get(manner, start)
            packet = made(device.next(), timestamp, ssrc=device.ssrc, kind=101)
            assert self.out.rewrite_event(packet, self.at_ms * MS, press)
            got = seen(packet)
            self.check_place(device, got)
            assert got.marker is (number == 0)
            if number == 0:
                self.check_time(got, duration=press.duration)
            stamps.add(got.timestamp)
            if manner == "press with audio":
                self.audio(device)
            self.wait()
        self.reused = start
        self.presses.append(stamps)

    def check_place(self, device: Device, got: Seen | None) -> None:
        assert got is not None
        self.sequence += 1 + (device.lost if device.ssrc in self.known else 0)
        device.lost = 0
        self.known.add(device.ssrc)
        assert got.sequence == (self.sequence - 1) & 0xFFFF

    def check_time(self, got: Seen, *, duration: int = 0) -> None:
        wall = self.timestamp + 8 * self.at_ms - duration
        assert abs(((got.timestamp - wall + 0x80000000) & 0xFFFFFFFF) - 0x80000000) <= 8 * 40

    def step(self, what: str, which: int, amount: int) -> None:
        device = self.devices[which]
        match what:
            case "talk" | "both":
                for number in range(amount):
                    self.audio(device if what == "talk" or number % 2 else self.devices[which % 3 + 1])
                    self.wait(FRAME_MS if what == "talk" else FRAME_MS // 2)
            case "lose":
                for _ in range(amount):
                    device.next()
                    device.lost += 1
                    self.wait()
            case "pause" | "marked pause":
                self.wait(FRAME_MS * amount)
                device.is_marked = what == "marked pause"
            case "frozen clock":
                self.wait(FRAME_MS * amount)
                device.base -= 8 * FRAME_MS * amount
                device.is_marked = True
            case "restart":
                device.sequence, device.base = (
                    (device.sequence + 10_000 * amount + 4_000) & 0xFFFF,
                    device.base + 77_777_777 * amount,
                )
                self.known.discard(which)
                self.audio(device)
                self.wait()
            case "detach":
                self.out.detach()
                self.known.clear()
            case "own":
                self.own(amount)
            case _:
                self.press(device, what, amount)


@given(
    steps=st.lists(STEPS, max_size=25),
    numbers=st.tuples(*[st.integers(0, 0xFFFF)] * 5),
    stamps=st.tuples(*[st.integers(0, 0xFFFFFFFF)] * 5),
)
def test_whatever_feeds_it_one_ssrc_one_run_of_numbers_the_time_of_the_wall_and_one_timestamp_a_press(
    steps: list[tuple[str, int, int]], numbers: tuple[int, ...], stamps: tuple[int, ...]
) -> None:
    """Three sources and one of events alone, in any order, with losses, wrap-arounds, and the clock of a source stopped or set anew."""
    devices = [Device(ssrc, sequence=numbers[ssrc], timestamp=stamps[ssrc]) for ssrc in (1, 2, 3, 4)]
    world = Rewriting(devices, sequence=numbers[0], timestamp=stamps[0])
    world.own(1)  # the stream's time begins
    for what, which, amount in steps:
        world.step(what, which, amount)
    assert all(len(each) == 1 for each in world.presses)
    assert len(set.union(set(), *world.presses)) == len(world.presses), "no two presses have one"


@given(st.lists(st.tuples(st.sampled_from([1, 2, 3]), st.integers(0, 60)), min_size=1, max_size=60), st.integers(0, 0xFFFF))
def test_packets_that_overtake_others_never_get_their_numbers(packets: list[tuple[int, int]], base: int) -> None:
    """Each of three sources sends every 20 ms; a packet may be up to 60 ms late."""
    arrivals = sorted((20 * number + late, number, ssrc) for number, (ssrc, late) in enumerate(packets))
    counts = {number: [ssrc for ssrc, _ in packets[:number]].count(packets[number][0]) for number in range(len(packets))}
    out = stream()
    got = [relayed(out, base + counts[number], 160 * number + ssrc, ssrc=ssrc, at_ms=at_ms) for at_ms, number, ssrc in arrivals]
    sent = [each.sequence for each in got if each is not None]
    assert len(set(sent)) == len(sent)


# what devices do


def a_press(code: int = 1) -> Press:
    event = TelephoneEvent(code=code, end=False, volume=10, duration=160)
    return Press(event, ssrc=1, sequence=0, timestamp=0, now_ns=0)


def test_the_eight_packets_of_a_press_on_an_ssrc_of_its_own_have_one_timestamp() -> None:
    out, press, got = stream(), a_press(), []
    for number in range(20):
        relayed(out, number, 160 * number, ssrc=1, at_ms=20 * number)
        if 5 <= number < 13:
            packet = made(900 + number, 5_555, ssrc=9, kind=101)
            assert out.rewrite_event(packet, 20 * number * MS, press)
            got.append(seen(packet))
    assert {packet.timestamp for packet in got} == {50_000 + 5 * 160}
    assert [packet.sequence for packet in got] == list(range(1_006, 1_022, 2)), "between the audio"
    assert relayed(out, 20, 3_200, ssrc=1, at_ms=400) == Seen(1_028, 50_000 + 3_200)


def test_the_marker_is_that_of_the_first_packet_of_a_press() -> None:
    out, press = stream(), a_press()
    for number in range(3):
        packet = made(number, 160 * number, kind=0x80 | 101)
        out.rewrite_event(packet, 20 * number * MS, press)
        assert seen(packet).marker is (number == 0)


def test_what_a_source_sends_while_we_send_ourselves_is_not_missing() -> None:
    out = stream()
    relayed(out, 1, 0)
    own(out, at_ms=20)
    assert relayed(out, 9, 1_280, at_ms=160) == Seen(1_002, 51_280, marker=True)


def test_a_press_of_8_seconds_with_audio_between_moves_no_clock() -> None:
    out, press = stream(), a_press()
    for number in range(409):  # 8.18 s
        assert out.rewrite_event(made(2 * number, 0, kind=101), 20 * number * MS, press)
        audio = relayed(out, 2 * number + 1, 160 * number, at_ms=20 * number)
        assert audio == Seen(1_001 + 2 * number, 50_000 + 160 * number)
    assert relayed(out, 818, 160 * 409, at_ms=8_180) == Seen(1_818, 50_000 + 160 * 409)


def test_after_two_interleaved_sources_the_time_is_that_of_the_wall() -> None:
    out = stream()
    for number in range(100):
        relayed(out, number, 160 * number, ssrc=1, at_ms=20 * number)
        relayed(out, 700 + number, 9_999_999 + 160 * number, ssrc=2, at_ms=20 * number + 10)
    assert relayed(out, 100, 16_000, ssrc=1, at_ms=2_000) == Seen(1_200, 50_000 + 16_000)


def test_the_second_segment_of_a_long_press_begins_where_the_first_one_ends() -> None:
    """RFC 4733 §2.5.1.3; what the device says, 65,536 or a time of its own, is not passed on."""
    out, press = stream(), a_press()
    relayed(out, 1, 0)
    packet = made(2, 160, kind=101)
    out.rewrite_event(packet, 20 * MS, press)
    press.segment = 65_535
    later = made(3, 160 + 65_536, kind=101)
    out.rewrite_event(later, 8_220 * MS, press)
    assert (seen(packet).timestamp, seen(later).timestamp) == (50_160, 50_160 + 65_535)


def test_the_next_press_on_the_same_timestamp_has_one_of_its_own() -> None:
    out, got = stream(), []
    for number, press in enumerate((a_press(), a_press(), a_press())):
        packet = made(number, 160, kind=101)
        out.rewrite_event(packet, 10 * number * MS, press)
        got.append(seen(packet))
    assert got == [Seen(1_000, 50_000, marker=True), Seen(1_001, 50_160, marker=True), Seen(1_002, 50_320, marker=True)]


def test_a_stalled_network_lets_go_all_at_once() -> None:
    """Two seconds late, and then on time again: nothing is anchored anew."""
    out = stream()
    for number in range(100):
        relayed(out, number, 160 * number, at_ms=20 * number)
    for number in range(100, 200):
        assert relayed(out, number, 160 * number, at_ms=4_000) == Seen(1_000 + number, 50_000 + 160 * number)
    assert relayed(out, 200, 160 * 200, at_ms=4_010) == Seen(1_200, 50_000 + 160 * 200)


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
@pytest.mark.parametrize("clean", [1, 2])
def test_so_it_does_with_packets_of_any_length_right_after_the_first(ptime_ms: int, clean: int) -> None:
    out = stream()
    came = [relayed(out, n, 8 * ptime_ms * n, at_ms=ptime_ms * n if n < clean else 1_000) for n in range(12)]
    assert came == [Seen(1_000 + n, 50_000 + 8 * ptime_ms * n, marker=n == 0) for n in range(12)]


def test_a_pause_before_a_stall_is_not_the_length_of_the_packets() -> None:
    """What is told wrong by it is put right at the next packet."""
    out = stream()
    stamps = [0, 480, 640, 800, 960]
    came = [relayed(out, n, stamp, at_ms=1_000 if n else 0) for n, stamp in enumerate(stamps)]
    assert [each.marker for each in came if each is not None] == [True, False, True, False, False]


def test_silence_suppression_is_the_wall_s_time() -> None:
    out = stream()
    relayed(out, 1, 0)
    assert relayed(out, 2, 240_000, at_ms=30_000) == Seen(1_001, 50_000 + 240_000), "30 s, no marker set"


def test_a_clock_that_stood_still_is_behind_for_two_checks_at_most() -> None:
    out = stream()
    for number in range(10):
        relayed(out, number, 160 * number, at_ms=20 * number)
    anew = []
    for number in range(10, 160):
        got = relayed(out, number, 160 * number, at_ms=5_000 + 20 * number)
        assert got is not None
        anew += [number] * got.marker
    assert anew == [60], "at the second check, a second after the first"
    assert got == Seen(1_159, 50_000 + 8 * (5_000 + 20 * 159))


def test_a_clock_that_stands_still_is_the_wall_s_from_the_third_packet_on() -> None:
    out = stream()
    for number in range(100):
        got = relayed(out, number, 7, at_ms=20 * number)
        assert got is not None
        assert abs(got.timestamp - 50_000 - 160 * number) <= 320


@pytest.mark.parametrize(("extra", "is_anchored_anew"), [(320, False), (321, True)])
def test_what_neither_wall_nor_sequence_explains_is_anchored_anew(extra: int, is_anchored_anew: bool) -> None:  # noqa: FBT001 a column
    out = stream()
    relayed(out, 1, 0)
    got = relayed(out, 2, 160 + extra, at_ms=20)
    assert got is not None
    assert got.marker is is_anchored_anew


@pytest.mark.parametrize(("late_ms", "is_anchored_anew"), [(40, False), (41, True)])
def test_a_talk_spurt_begins_by_the_wall(late_ms: int, is_anchored_anew: bool) -> None:  # noqa: FBT001 a column
    out = stream()
    relayed(out, 1, 0)
    got = relayed(out, 2, 160, at_ms=20 + late_ms, kind=0x80)
    assert got == Seen(1_001, 50_160 + (8 * late_ms if is_anchored_anew else 0), marker=True)


@pytest.mark.parametrize(("frames", "then"), [(100, Seen(1_100, 50_000 + 16_000)), (101, Seen(1_101, 50_000 + 8_000, marker=True))])
def test_nobody_runs_ahead_of_the_wall_by_more_than_a_second(frames: int, then: Seen) -> None:
    """All but the last come at once."""
    out = stream()
    for number in range(frames):
        relayed(out, number, 160 * number)
    assert relayed(out, frames, 160 * frames, at_ms=1_000) == then


@pytest.mark.parametrize(("others", "is_known"), [(3, True), (4, False)])
def test_so_many_sources_are_remembered(others: int, is_known: bool) -> None:  # noqa: FBT001 a column
    out = stream()
    for ssrc in range(1, others + 2):
        relayed(out, 7, 0, ssrc=ssrc, at_ms=20 * ssrc)
    got = relayed(out, 8, 160, ssrc=1, at_ms=40)
    assert got is not None
    assert got.marker is not is_known


def test_a_packet_that_is_not_sent_on_is_not_missing() -> None:
    out = stream()
    relayed(out, 1, 0)
    out.skip(made(2, 160))
    out.skip(made(2, 160))
    out.skip(made(9, 160, ssrc=5))
    assert relayed(out, 3, 320, at_ms=40) == Seen(1_001, 50_320)
    assert relayed(out, 2, 160, at_ms=41) is None, "its number is another's"


def test_another_clock_rate() -> None:
    out = OutgoingStream(ssrc=SSRC, sequence=1, timestamp=0, clock_rate=48_000)
    assert own(out) == Seen(1, 0, marker=True)
    assert own(out, at_ms=20) == Seen(2, 960)
    assert relayed(out, 1, 5, at_ms=1_000) == Seen(3, 48_000, marker=True)
