"""When frames are due: on simulated time, with a wake-up as late as it pleases."""

import random
from pathlib import Path

import numpy as np
import pytest

from media.dsp.g711 import PCMA, PCMU, decode
from media.dsp.tones import silence, sine
from media.dsp.wav import write_wav
from media.worker.playout import Audio, Playout, audio
from media.worker.prompts import Prompts, PromptUnplayable

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


def test_prompts_are_read_once_and_again_when_they_change(tmp_path: Path) -> None:
    file = tmp_path / "welcome.wav"
    file.write_bytes(write_wav(sine(440, 100)))
    prompts = Prompts(tmp_path)
    prompts.preload()
    first = prompts.get("welcome")
    assert isinstance(first, Audio)
    assert first.frame_count == 5
    assert prompts.get("welcome") is first
    file.write_bytes(write_wav(sine(440, 200)))
    second = prompts.get("welcome")
    assert isinstance(second, Audio)
    assert second.frame_count == 10


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent", "absent.wav: No such file or directory"),
        ("broken", "broken.wav: not a RIFF/WAVE file"),
        ("../secret", "'../secret' is no prompt name"),
        ("", "'' is no prompt name"),
        ("..", "...wav: No such file or directory"),
        ("a\0b", "'a\\x00b' is no prompt name"),
        ("x" * 300, "x" * 300 + ".wav: File name too long"),
    ],
)
def test_what_cannot_be_played_says_why(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "secret.wav").write_bytes(write_wav(sine(440, 100)))
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "broken.wav").write_bytes(b"no sound")
    assert Prompts(tmp_path / "prompts").get(name) == PromptUnplayable(why=why)
