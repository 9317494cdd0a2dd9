"""Where packets belong in a recording: hours of skewed clocks, loss, silence, bursts, clocks that jump."""

import random

import pytest

from media.recorder.timeline import DRIFT_SHARE, JUMP, MAX_SLIP, MAX_SOURCES, OFF, SILENCE, TOLERANCE, Place, Timeline

MS = 1_000_000
FRAME = 160
HOUR_FRAMES = 180_000
IN_STEP = 160
"""20 ms."""


def place(line: Timeline, number: int, *, at_ns: int, ssrc: int = 1, timestamp: int | None = None) -> Place:
    stamp = (number * FRAME if timestamp is None else timestamp) & 0xFFFFFFFF
    return line.place(ssrc=ssrc, sequence=number & 0xFFFF, timestamp=stamp, at_ns=at_ns, length=FRAME)


@pytest.mark.parametrize("ppm", [-100, 0, 100])
def test_an_hour_of_a_skewed_clock_and_jitter_stays_within_20_ms(ppm: int) -> None:
    """In step with the wall, so two sides are with each other; nothing is placed apart by more than a slip."""
    chance = random.Random(ppm)
    line = Timeline(0)
    worst, slips = 0, 0
    before: int | None = None
    for number in range(HOUR_FRAMES):
        sent_ns = number * 20 * MS * (1_000_000 + ppm) // 1_000_000
        delay_ns = 30 * MS + int(chance.expovariate(1 / 3) * MS)
        found = place(line, number, at_ns=sent_ns + delay_ns)
        worst = max(worst, abs(found.position - (sent_ns + 30 * MS) // 125_000))
        slips += abs(found.slip)
        if before is not None and number > 100:  # by then it is known how late the first one was
            assert abs(found.position - before - FRAME) <= MAX_SLIP
        before = found.position
    assert worst <= IN_STEP
    assert slips <= 8_000 * 3_600 * 100 // 1_000_000 + 1_000


def test_a_first_packet_that_was_late_is_made_good() -> None:
    line = Timeline(0)
    for number in range(1_000):
        late_ns = 80 * MS if number == 0 else 0
        found = place(line, number, at_ns=number * 20 * MS + late_ns)
    assert abs(found.position - 999 * FRAME) <= 16


@pytest.mark.parametrize(("early", "slip"), [(TOLERANCE, 0), (TOLERANCE + 1, -TOLERANCE - 1), (OFF, -OFF)])
def test_a_first_packet_that_was_late_is_made_good_in_one_jump(early: int, slip: int) -> None:
    line = Timeline(0)
    place(line, 0, at_ns=early * 125_000)
    found = [place(line, number, at_ns=number * 20 * MS) for number in (1, 2)]
    assert found == [Place(FRAME + early + slip, slip), Place(2 * FRAME + early + slip)]


@pytest.mark.parametrize(
    ("off", "slips"), [(JUMP, [-2] * 3), (JUMP + 1, [-JUMP - 1, 0, 0]), (-JUMP, [2] * 3), (-JUMP - 1, [JUMP + 1, 0, 0])]
)
def test_a_way_that_has_changed_slips_or_jumps(off: int, slips: list[int]) -> None:
    """For 3 s as before; then all packets are ahead of the wall, or behind it."""
    line = Timeline(0)
    found = []
    for number in range(500):
        late_ns = 0 if number < 150 else -off * 125_000
        found.append(place(line, number, at_ns=number * 20 * MS + late_ns).slip)
    first = next(number for number, slip in enumerate(found) if slip)
    assert found[first : first + 3] == slips
    assert sum(found) == -off


@pytest.mark.parametrize("ppm", [-100, 100])
def test_an_hour_of_long_silences_and_a_skewed_clock_stays_within_20_ms(ppm: int) -> None:
    """A caller that suppresses silence: one to two seconds of talk after minutes without a packet, with jitter."""
    chance = random.Random(ppm)
    line = Timeline(0)
    number, packets, worst = 0, 0, 0
    while number < HOUR_FRAMES:
        for _ in range(chance.randrange(50, 100)):
            sent_ns = number * 20 * MS * (1_000_000 + ppm) // 1_000_000
            delay_ns = 30 * MS + int(chance.expovariate(1 / 3) * MS)
            found = line.place(ssrc=1, sequence=packets & 0xFFFF, timestamp=number * FRAME, at_ns=sent_ns + delay_ns, length=FRAME)
            worst = max(worst, abs(found.position - (sent_ns + 30 * MS) // 125_000))
            number, packets = number + 1, packets + 1
        number += chance.randrange(60 * 50, 15 * 60 * 50)
    assert worst <= IN_STEP


@pytest.mark.parametrize(
    ("silence", "late", "position"),
    [
        (SILENCE, 100, SILENCE),
        (SILENCE + FRAME, 100, SILENCE + FRAME + 2),  # 200 ppm of it, what a crystal may be off
        (100 * SILENCE, 100, 100 * SILENCE + 100),
        (100 * SILENCE, 200, 100 * SILENCE + 100 * SILENCE // DRIFT_SHARE),
        (100 * SILENCE, -100, 100 * SILENCE - 100),
    ],
)
def test_behind_a_silence_a_crystal_is_made_good(silence: int, late: int, position: int) -> None:
    line = Timeline(0)
    place(line, 0, at_ns=0)
    found = place(line, 1, at_ns=(silence + late) * 125_000, timestamp=silence)
    assert found == Place(position)


def test_one_that_does_not_slip_keeps_its_clock() -> None:
    line = Timeline(0, slips=False)
    place(line, 0, at_ns=80 * MS)
    for number in range(1, 500):
        found = place(line, number, at_ns=number * 20 * MS)
    assert found == Place(499 * FRAME + 640)


def test_loss_and_silence_stay_as_long_as_they_were() -> None:
    line = Timeline(0)
    assert [place(line, number, at_ns=number * 20 * MS).position for number in (0, 1, 5, 6)] == [0, 160, 800, 960]
    pause_ns = 7 * 20 * MS + 30_000 * MS  # silence suppression: the sequence goes on, the timestamp with the wall
    stamp = 7 * FRAME + 30_000 * 8
    assert place(line, 7, at_ns=pause_ns, timestamp=stamp).position == stamp


def test_a_stall_and_its_burst_fall_into_place() -> None:
    line = Timeline(0)
    place(line, 0, at_ns=0)
    found = [place(line, number, at_ns=3_000 * MS).position for number in range(1, 151)]
    assert found == [FRAME * number for number in range(1, 151)]
    assert place(line, 151, at_ns=3_020 * MS) == Place(151 * FRAME)


def test_reordered_and_doubled_packets() -> None:
    line = Timeline(0)
    came_ms = {0: 0, 2: 40, 1: 45, 3: 60}
    assert [place(line, number, at_ns=came_ms[number] * MS).position for number in (0, 2, 1, 2, 3)] == [0, 320, 160, 320, 480]


def test_numbers_wrap() -> None:
    line = Timeline(0)
    first = 0xFFFF
    base = 0xFFFFFFFF - 100
    found = [
        line.place(
            ssrc=1, sequence=(first + n) & 0xFFFF, timestamp=(base + n * FRAME) & 0xFFFFFFFF, at_ns=n * 20 * MS, length=FRAME
        )
        for n in range(3)
    ]
    assert [each.position for each in found] == [0, 160, 320]


@pytest.mark.parametrize("jump", [-8_000, 8_000, -90_000, 1 << 31])
def test_a_clock_that_jumps_is_anchored_anew(jump: int) -> None:
    line = Timeline(0)
    place(line, 0, at_ns=0)
    assert place(line, 1, at_ns=20 * MS, timestamp=FRAME + jump).position == FRAME
    assert place(line, 2, at_ns=40 * MS, timestamp=2 * FRAME + jump).position == 2 * FRAME


@pytest.mark.parametrize(("ahead", "position"), [(OFF, OFF + FRAME), (OFF + 1, FRAME)])
def test_how_far_ahead_of_the_wall_a_source_may_be(ahead: int, position: int) -> None:
    line = Timeline(0, slips=False)
    place(line, 0, at_ns=0)
    assert place(line, 1, at_ns=20 * MS, timestamp=FRAME + ahead).position == position


def test_two_sources_each_keep_their_own_clock() -> None:
    line = Timeline(0)
    found = [place(line, n, at_ns=n * 20 * MS, ssrc=n % 2, timestamp=n * FRAME + 77_777 * (n % 2)).position for n in range(6)]
    assert found == [FRAME * n for n in range(6)]


def test_so_many_sources_are_remembered() -> None:
    line = Timeline(0)
    for ssrc in range(MAX_SOURCES):
        place(line, 0, at_ns=0, ssrc=ssrc)
    assert place(line, 1, at_ns=50 * MS, ssrc=0).position == FRAME  # by its own clock
    place(line, 0, at_ns=50 * MS, ssrc=MAX_SOURCES)
    assert place(line, 2, at_ns=90 * MS, ssrc=0).position == 90 * 8  # met anew


def test_clock_rates_differ() -> None:
    line = Timeline(0)
    for number in range(3):
        found = line.place(ssrc=1, sequence=number, timestamp=number * 960, at_ns=number * 20 * MS, length=FRAME, clock_rate=48_000)
    assert found.position == 2 * FRAME
