"""Names of cadences and sums of blocks at their limits, to the block; `test_call_progress.py` has the signals."""

import numpy as np
import pytest

from media.dsp.call_progress import CallProgress, named
from media.dsp.heard import Span
from media.dsp.timeline import NOISE, SILENCE, SPEECH, TONE, Timeline
from media.dsp.tone_finder import ToneRun

MS = 20


def name_of(hz: tuple[float, ...], *times_ms: int, after_speech: bool = False, reversals: int = 0) -> list[tuple[str, int]]:
    """Names and runs of what a tone of these times is: on, off, on, and so on."""
    progress, at = CallProgress(), 100
    for number, length in enumerate(times_ms):
        if number % 2 == 0:
            progress.hear(ToneRun(hz=hz, start=at, end=at + length // MS, power=1.0), reversals=reversals)
        at += length // MS
    return [(name, cadence.runs) for name, cadence in named(progress.cadences, after_speech=lambda _: after_speech)]


@pytest.mark.parametrize(
    ("hz", "times_ms", "expected"),
    [
        ((425,), (500, 4_600, 500), [("busy", 2)]),
        ((425,), (500, 4_620, 500), [("unnamed", 1), ("unnamed", 1)]),
        ((425,), (2_380,), [("ringback", 1)]),
        ((425,), (2_400,), [("dial_tone", 1)]),
        ((425,), (700, 400, 700), [("ringback", 2)]),
        ((425,), (680, 400, 680), [("busy", 2)]),
        ((425,), (360, 400, 360), [("busy", 2)]),
        ((425,), (340, 400, 340), [("reorder", 2)]),
        ((480, 620), (360,), [("busy", 1)]),
        ((480, 620), (340,), [("reorder", 1)]),
        ((395,), (500, 500, 500), [("busy", 2)]),
        ((394,), (500, 500, 500), [("unnamed", 2)]),
        ((455,), (500, 500, 500), [("busy", 2)]),
        ((456,), (500, 500, 500), [("unnamed", 2)]),
        ((1_062,), (440,), [("fax_calling", 1)]),
        ((1_061,), (440,), [("unnamed", 1)]),
        ((1_138,), (560,), [("fax_calling", 1)]),
        ((1_139,), (560,), [("unnamed", 1)]),
        ((1_100,), (420,), [("unnamed", 1)]),
        ((1_100,), (580,), [("unnamed", 1)]),
        ((2_082,), (1_000,), [("fax_answer", 1)]),
        ((2_081,), (1_000,), [("unnamed", 1)]),
        ((2_118,), (1_000,), [("fax_answer", 1)]),
        ((2_119,), (1_000,), [("unnamed", 1)]),
        ((2_100,), (980,), [("unnamed", 1)]),
        ((440, 480), (200,), [("ringback", 1)]),
        ((450, 490), (200,), [("ringback", 1)]),
        ((451, 480), (200,), [("unnamed", 1)]),
        ((390, 440), (200,), [("ringback", 1)]),
        ((340, 440), (200,), [("dial_tone", 1)]),
    ],
)
def test_names_at_their_limits(hz: tuple[float, ...], times_ms: tuple[int, ...], expected: list[tuple[str, int]]) -> None:
    assert name_of(hz, *times_ms) == expected


@pytest.mark.parametrize(
    ("hz", "on_ms", "name"),
    [
        (400, 160, "beep"),
        (399, 160, "unnamed"),
        (2_000, 1_500, "beep"),
        (2_001, 1_500, "unnamed"),
        (1_000, 140, "unnamed"),
        (1_000, 1_520, "unnamed"),
        (1_100, 500, "beep"),
        (425, 1_000, "beep"),
    ],
)
def test_a_beep_at_its_limits(hz: float, on_ms: int, name: str) -> None:
    assert name_of((hz,), on_ms, after_speech=True) == [(name, 1)]


def test_a_fax_that_calls_twice_is_no_beep() -> None:
    assert name_of((1_100,), 500, 3_000, 500, after_speech=True) == [("fax_calling", 2)]


def test_reversals_are_those_of_a_modem() -> None:
    assert name_of((2_100,), 1_000, reversals=1) == [("modem_answer", 1)]


@pytest.mark.parametrize(
    ("runs", "name"),
    [([260] * 4 + [500] * 4, "busy"), ([260] * 4 + [500] * 4 + [260] * 9, "busy"), ([260] * 8 + [500] * 9, "reorder")],
)
def test_a_cadence_is_measured_by_its_first_eight_runs(runs: list[int], name: str) -> None:
    times = [time for run in runs for time in (run, 400)]
    assert name_of((480, 620), *times) == [(name, len(runs))]


def sit(*parts: tuple[float, int], pause_ms: int = 0) -> list[str]:
    progress, at = CallProgress(), 10
    for hz, on_ms in parts:
        progress.hear(ToneRun(hz=(hz,), start=at, end=at + on_ms // MS, power=1.0), reversals=0)
        at += (on_ms + pause_ms) // MS
    return [name for name, _ in named(progress.cadences, after_speech=lambda _: False)]


@pytest.mark.parametrize(
    ("parts", "pause_ms", "is_sit"),
    [
        (((900, 200), (1_350, 200), (1_750, 200)), 100, True),
        (((1_000, 440), (1_450, 440), (1_850, 440)), 0, True),
        (((900, 180), (1_350, 200), (1_750, 200)), 0, False),
        (((900, 200), (1_350, 200), (1_750, 460)), 0, False),
        (((900, 200), (1_350, 200), (1_750, 200)), 120, False),
        (((899, 200), (1_350, 200), (1_750, 200)), 0, False),
        (((1_001, 200), (1_350, 200), (1_750, 200)), 0, False),
        (((900, 200), (1_349, 200), (1_750, 200)), 0, False),
        (((900, 200), (1_451, 200), (1_750, 200)), 0, False),
        (((900, 200), (1_350, 200), (1_749, 200)), 0, False),
        (((900, 200), (1_350, 200), (1_851, 200)), 0, False),
    ],
)
def test_a_sit_at_its_limits(parts: tuple[tuple[float, int], ...], pause_ms: int, *, is_sit: bool) -> None:
    assert sit(*parts, pause_ms=pause_ms) == (["sit"] if is_sit else ["unnamed"] * 3)


def test_so_many_cadences_are_kept() -> None:
    progress = CallProgress()
    for number in range(51):
        progress.hear(ToneRun(hz=(500.0 + 20 * number,), start=number * 20, end=number * 20 + 10, power=1.0), reversals=0)
        assert len(progress.cadences) == min(number + 1, 50)


def timeline(*stretches: tuple[int, int], dead_air_ms: int = 10_000) -> Timeline:
    """Of these stretches: a class and how long it lasts (ms), each told in two parts."""
    found = Timeline(dead_air_ms=dead_air_ms)
    for kind, length_ms in stretches:
        blocks = length_ms // MS
        for part in (blocks // 3, blocks - blocks // 3):
            found.add(np.full(part, kind, np.uint8), np.ones(part))
    found.end()
    return found


@pytest.mark.parametrize(("noise_ms", "spans"), [(480, [(0, 20_480)]), (500, [(0, 10_000), (10_500, 20_500)])])
def test_how_much_noise_ends_dead_air(noise_ms: int, spans: list[tuple[int, int]]) -> None:
    found = timeline((SILENCE, 10_000), (NOISE, noise_ms), (SILENCE, 10_000))
    assert found.dead_air == [Span(start_ms=start, end_ms=end) for start, end in spans]


@pytest.mark.parametrize(
    ("quiet_ms", "dead_air_ms", "count"), [(10_000, 10_000, 1), (9_980, 10_000, 0), (9_980, 9_981, 0), (9_980, 9_980, 1)]
)
def test_how_long_dead_air_is(quiet_ms: int, dead_air_ms: int, count: int) -> None:
    found = timeline((TONE, 500), (SILENCE, quiet_ms), (SPEECH, 500), dead_air_ms=dead_air_ms)
    assert (len(found.dead_air), found.dead_air_ms, found.early_silence_ms) == (count, quiet_ms * count, 0)


@pytest.mark.parametrize(
    ("speech_ms", "pause_ms", "quiet_ms", "after"),
    [
        (1_000, 5_000, 500, True),
        (980, 5_000, 500, False),
        (1_000, 5_020, 500, False),
        (1_000, 5_000, 480, False),
    ],
)
def test_when_a_tone_is_after_speech(speech_ms: int, pause_ms: int, quiet_ms: int, *, after: bool) -> None:
    begins = (speech_ms + pause_ms) // MS
    found = timeline((SPEECH, speech_ms), (SILENCE, pause_ms), (TONE, 400), (SILENCE, quiet_ms), (SPEECH, 1_000))
    assert found.spoke_before(begins) == after
    assert not found.spoke_before(begins + 3)


def test_a_later_tone_does_not_make_up_for_speech_after_an_earlier_one() -> None:
    stretches = (
        (SPEECH, 1_000),
        (SILENCE, 200),
        (TONE, 400),
        (SILENCE, 200),
        (SPEECH, 400),
        (SILENCE, 200),
        (TONE, 400),
        (SILENCE, 2_000),
    )
    found = timeline(*stretches)
    assert [found.spoke_before(start) for start in (60, 120)] == [False, True]


def test_so_much_is_kept() -> None:
    airs = [stretch for _ in range(101) for stretch in ((SILENCE, 300), (TONE, 60))]
    for count in (100, 101):
        found = timeline(*airs[: 2 * count], dead_air_ms=300)
        assert (len(found.dead_air), found.dead_air_ms) == (100, 300 * count)
    each = ((TONE, 60), (SILENCE, 600), (SPEECH, 60), (SILENCE, 20))
    many = timeline((SPEECH, 1_000), *[stretch for _ in range(201) for stretch in each])
    starts = [50 + number * sum(length for _, length in each) // MS for number in range(201)]
    assert [many.spoke_before(start) for start in starts] == [True] * 200 + [False]
