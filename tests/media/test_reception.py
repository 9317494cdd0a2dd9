"""What arrived of a stream, packet by packet, against the formulas of RFC 3550 A.3 and A.8."""

import random
from collections.abc import Iterable, Mapping

import pytest

from media.rtp.continuity import LONGEST_MS, MAX_AHEAD, MAX_BEHIND
from media.rtp.reception import MAX_TRANSIT_NS, Arrivals, Reception

MS = 1_000_000
FRAME = 160
SSRC = 7


class Received(Reception):
    """Packets arrive at moments."""

    def __init__(self, *, clock_rate: int = 8_000) -> None:
        self.arrivals = Arrivals()
        super().__init__(self.arrivals, clock_rate=clock_rate)

    def arrive(self, *, ssrc: int, sequence: int, timestamp: int, now_ns: int, is_audio: bool = True) -> None:
        self.take(ssrc=ssrc, sequence=sequence, timestamp=timestamp, elapsed_ns=now_ns - self.arrivals.audio_ns, is_audio=is_audio)
        if is_audio:
            self.arrivals.audio_ns = now_ns

    @property
    def jitter_ns(self) -> int:
        return self.arrivals.jitter_ns


def receive(
    numbers: Iterable[int], *, reception: Received | None = None, start: int = 0, at_ms: Mapping[int, float] | None = None
) -> Received:
    """20 ms frames by their numbers; one arrives when it should, or when `at_ms` says."""
    reception = reception or Received()
    for number in numbers:
        moment = (at_ms or {}).get(number, 20 * number)
        reception.arrive(
            ssrc=SSRC,
            sequence=(start + number) & 0xFFFF,
            timestamp=FRAME * number & 0xFFFFFFFF,
            now_ns=int(moment * MS) + 1_000 * MS,
        )
    return reception


def test_nothing_is_lost_of_what_comes_in_turn() -> None:
    reception = receive(range(100))
    assert (reception.packets, reception.lost, reception.jitter_ns, reception.gap_ns) == (100, 0, 0, 20 * MS)


def test_packets_that_are_missing_are_lost() -> None:
    reception = receive([*range(10), *range(15, 20), 22])
    assert (reception.packets, reception.lost, reception.gap_ns) == (16, 7, 120 * MS)


@pytest.mark.parametrize("order", [[0, 1, 3, 2, 4], [2, 0, 3, 5, 4]])
def test_a_latecomer_was_not_lost(order: list[int]) -> None:
    assert receive(order).lost == max(order) - order[0] + 1 - len(order)


def test_a_duplicate_counts_against_loss() -> None:
    assert receive([0, 1, 1, 3]).lost == 0
    assert receive([0, 1, 1]).lost == -1


def test_sequence_numbers_run_on_past_16_bits() -> None:
    reception = receive([*range(50), *range(51, 100)], start=0xFFFF - 20)
    block = reception.block(lsr=0, dlsr=0)
    assert block is not None
    assert (reception.lost, block.lost, block.highest) == (1, 1, 0xFFFF - 20 + 99)


@pytest.mark.parametrize(("ahead", "lost"), [(MAX_AHEAD, MAX_AHEAD - 1), (MAX_AHEAD + 1, 0)])
def test_a_jump_beyond_loss_begins_anew(ahead: int, lost: int) -> None:
    reception = receive([0, 1, 2, 2 + ahead, 3 + ahead])
    assert (reception.packets, reception.lost) == (5, lost)


@pytest.mark.parametrize(("behind", "lost"), [(MAX_BEHIND, -1), (MAX_BEHIND + 1, 0)])
def test_a_step_back_beyond_reordering_begins_anew(behind: int, lost: int) -> None:
    reception = receive([*range(200), 199 - behind])
    assert (reception.packets, reception.lost) == (201, lost)


def test_another_stream_begins_anew_and_what_was_lost_stays() -> None:
    reception = receive([0, 1, 4])
    reception.arrive(ssrc=8, sequence=40_000, timestamp=5, now_ns=2_000 * MS)
    reception.arrive(ssrc=8, sequence=40_002, timestamp=5 + 2 * FRAME, now_ns=2_040 * MS)
    block = reception.block(lsr=3, dlsr=4)
    assert block is not None
    assert (reception.packets, reception.lost) == (5, 3)
    assert (block.ssrc, block.lost, block.highest, block.lsr, block.dlsr) == (8, 1, 40_002, 3, 4)


def test_jitter_is_that_of_the_rfc() -> None:
    chance = random.Random(1)
    at_ms = {number: 20 * number + chance.uniform(0, 15) for number in range(500)}
    jitter = 0.0
    for number in range(1, 500):
        jitter += (abs(at_ms[number] - at_ms[number - 1] - 20) - jitter) / 16
    assert receive(range(500), at_ms=at_ms).jitter_ns == pytest.approx(jitter * MS, abs=1_000)


def test_steady_packets_count_like_others() -> None:
    """As `media.worker.forward` keeps them, beside one that is told of each."""
    chance = random.Random(2)
    at_ms = {number: 20 * number + chance.uniform(0, 15) for number in range(200)}
    at_ms |= {number: 20 * number + 700 for number in range(120, 200)}
    told = receive(range(200), at_ms=at_ms)
    reception = receive(range(2), at_ms=at_ms)
    reception.step(FRAME)
    for number in range(2, 200):
        if number % 50 == 0:
            receive([number], reception=reception, at_ms=at_ms)
            continue
        now_ns = int(at_ms[number] * MS) + 1_000 * MS
        arrivals = reception.arrivals
        off_ns = now_ns - arrivals.audio_ns - arrivals.step_ns
        arrivals.audio_ns = now_ns
        arrivals.steady += 1
        arrivals.late_ns = max(arrivals.late_ns, off_ns)
        arrivals.jitter_ns += (abs(off_ns) - arrivals.jitter_ns) >> 4
    assert (reception.packets, reception.lost, reception.gap_ns) == (told.packets, told.lost, told.gap_ns)
    assert reception.jitter_ns == told.jitter_ns
    assert reception.block(lsr=0, dlsr=0) == told.block(lsr=0, dlsr=0)


def test_silence_that_was_meant_is_no_gap() -> None:
    """Silence suppression: the next number, and a timestamp that says for how long nothing was sent."""
    reception = receive(range(50))
    reception.arrive(ssrc=SSRC, sequence=50, timestamp=FRAME * 500, now_ns=(1_000 + 20 * 500) * MS)
    assert (reception.gap_ns, reception.jitter_ns, reception.lost) == (20 * MS, 0, 0)


@pytest.mark.parametrize(("length_ms", "gap_ms"), [(10, 10), (30, 30), (LONGEST_MS, LONGEST_MS), (LONGEST_MS + 10, 20)])
def test_the_shortest_gap_is_a_packet_of_the_sender_s_length(length_ms: int, gap_ms: int) -> None:
    """Nobody else has told how long its packets are; beyond the longest, there is silence between."""
    reception = Received()
    for number in range(20):
        reception.arrive(ssrc=SSRC, sequence=number, timestamp=8 * length_ms * number, now_ns=length_ms * number * MS)
    assert (reception.gap_ns, reception.jitter_ns) == (gap_ms * MS, 0)


def test_a_network_that_stalls_is_a_gap() -> None:
    reception = receive(range(60), at_ms=dict.fromkeys(range(50, 60), 2000) | {50: 1_500})
    assert reception.gap_ns == 520 * MS


def test_hold_is_no_gap_and_no_jitter() -> None:
    reception = receive(range(50))
    reception.pause()
    reception.arrive(ssrc=SSRC, sequence=50, timestamp=FRAME * 50, now_ns=5_000 * MS)
    assert (reception.gap_ns, reception.jitter_ns, reception.lost) == (20 * MS, 0, 0)


@pytest.mark.parametrize(("off_ns", "is_jitter"), [(MAX_TRANSIT_NS, True), (MAX_TRANSIT_NS + 1, False)])
def test_a_clock_that_was_set_is_no_jitter(off_ns: int, *, is_jitter: bool) -> None:
    reception = receive(range(50))
    reception.arrive(ssrc=SSRC, sequence=50, timestamp=FRAME * 50, now_ns=2_000 * MS + off_ns)
    assert (reception.jitter_ns > 0) is is_jitter


def test_a_press_has_a_number_among_the_others_and_no_time() -> None:
    reception = receive(range(10))
    for number in range(10, 15):
        reception.arrive(ssrc=SSRC, sequence=number, timestamp=FRAME * 10, now_ns=(1_000 + 20 * number) * MS, is_audio=False)
    receive(range(15, 20), reception=reception)
    assert (reception.packets, reception.lost, reception.jitter_ns, reception.gap_ns) == (20, 0, 0, 20 * MS)


def test_a_press_with_an_ssrc_of_its_own_is_beside_the_stream() -> None:
    reception = receive(range(10))
    reception.arrive(ssrc=99, sequence=5, timestamp=1, now_ns=1_200 * MS, is_audio=False)
    receive(range(10, 20), reception=reception)
    assert (reception.packets, reception.lost) == (20, 0)


def test_a_report_has_the_share_since_the_one_before() -> None:
    reception = receive([number for number in range(100) if number % 4])
    first = reception.block(lsr=0, dlsr=0)
    receive(range(100, 200), reception=reception)
    second = reception.block(lsr=0, dlsr=0)
    third = reception.block(lsr=0, dlsr=0)
    assert first is not None
    assert second is not None
    assert third is not None
    assert [(each.fraction_lost, each.lost) for each in (first, second, third)] == [(256 * 24 // 99, 24), (0, 24), (0, 24)]


def test_all_lost_but_one_is_less_than_256() -> None:
    reception = receive([0])
    reception.block(lsr=0, dlsr=0)
    receive([2_000], reception=reception)
    block = reception.block(lsr=0, dlsr=0)
    assert block is not None
    assert block.fraction_lost == 255


def test_nothing_that_came_has_no_figures() -> None:
    reception = Received()
    reception.sample()
    assert (reception.packets, reception.lost, reception.gap_ns, reception.mean_jitter_ns, reception.max_jitter_ns) == (
        0,
        0,
        None,
        None,
        None,
    )
    assert reception.block(lsr=0, dlsr=0) is None


def test_mean_and_highest_jitter_are_of_samples_between_which_packets_came() -> None:
    reception = receive(range(20))
    reception.sample()
    reception.sample()
    receive([20], reception=reception, at_ms={20: 432})  # 32 ms late: 2 ms
    reception.sample()
    assert (reception.mean_jitter_ns, reception.max_jitter_ns) == (MS, 2 * MS)


def test_another_clock_rate() -> None:
    reception = Received(clock_rate=48_000)
    for number in range(10):
        reception.arrive(ssrc=1, sequence=number, timestamp=960 * number, now_ns=20 * MS * number + (MS if number == 9 else 0))
    block = reception.block(lsr=0, dlsr=0)
    assert block is not None
    assert (reception.jitter_ns, block.jitter) == (MS // 16, 3)
