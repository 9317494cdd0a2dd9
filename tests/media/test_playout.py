"""When frames are due: on simulated time, with a wake-up as late as it pleases."""

import random

import numpy as np
import pytest

from media.dsp.g711 import PCMA, PCMU, decode
from media.dsp.tones import silence, sine
from media.worker.playout import Audio, Playout, audio

FRAME_NS = 20_000_000

MS = 1_000_000
TEN_MINUTES_FRAMES = 10 * 60 * 50
START_NS = 123_456_789


def played(playout: Playout, *, late_ms: float, seed: int, until_ns: int) -> list[tuple[int, int]]:
    """(frame, when it was given out), with each wake-up up to `late_ms` late."""
    rng = random.Random(seed)
    given: list[tuple[int, int]] = []
    now_ns = START_NS
    while now_ns < until_ns and not playout.is_over(now_ns):
        given += [(number, now_ns) for number in playout.due(now_ns)]
        now_ns = max(now_ns, playout.next_ns) + int(rng.uniform(0, late_ms) * MS)
    return given


@pytest.mark.parametrize("late_ms", [0, 3, 19, 150])
def test_ten_minutes_do_not_drift(late_ms: float) -> None:
    playout = Playout(Audio(payloads={}, frame_count=TEN_MINUTES_FRAMES), start_ns=START_NS, play=1)
    given = played(playout, late_ms=late_ms, seed=7, until_ns=START_NS + 700 * 1_000 * MS)
    assert [number for number, _ in given] == list(range(TEN_MINUTES_FRAMES))
    for number, at_ns in given:
        assert 0 <= at_ns - (START_NS + number * FRAME_NS) <= late_ms * MS
    assert playout.next_ns == START_NS + 600 * 1_000 * MS, "it is over when the last frame has been heard"


def test_a_late_wake_up_gives_out_all_that_is_due() -> None:
    playout = Playout(Audio(payloads={}, frame_count=100), start_ns=0, play=1)
    assert list(playout.due(0)) == [0]
    assert list(playout.due(19 * MS)) == []
    assert list(playout.due(85 * MS)) == [1, 2, 3, 4]
    assert playout.next_ns == 100 * MS


def test_a_prompt_is_over_when_its_last_frame_has_been_heard() -> None:
    playout = Playout(Audio(payloads={}, frame_count=2), start_ns=0, play=1)
    assert list(playout.due(1_000 * MS)) == [0, 1]
    assert not playout.is_over(40 * MS - 1)
    assert playout.is_over(40 * MS)
    assert list(playout.due(2_000 * MS)) == []


def test_ringback_never_ends() -> None:
    playout = Playout(Audio(payloads={}, frame_count=3), start_ns=0, play=None)
    assert list(playout.due(100 * MS)) == [0, 1, 2, 3, 4, 5]
    assert not playout.is_over(10_000 * MS)


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_audio_is_whole_frames_in_both_laws(law: int) -> None:
    sound = audio(np.concatenate((sine(440, 30), silence(0))))
    assert sound.frame_count == 2
    frames = [sound.frame(number, law) for number in range(2)]
    assert [len(frame) for frame in frames] == [160, 160]
    assert np.abs(decode(frames[0], law)).max() > 5_000
    assert np.abs(decode(frames[1], law)[80:]).max() <= 8
