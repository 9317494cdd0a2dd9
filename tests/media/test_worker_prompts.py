"""The worker's prompts: by name, from prepared files, without reading them; and how long a call waits for one."""

from pathlib import Path
from timeit import repeat

import numpy as np
import pytest
from prompt_files import lay_prepared

from media.dsp.g711 import PCMA, PCMU, decode
from media.dsp.tones import sine
from media.prompts.prepared import prepared_name
from media.worker.playout import Audio
from media.worker.prompts import Prompts, PromptUnplayable

TEN_MINUTES_MS = 600_000


def opened(prompts: Prompts, name: str) -> Audio:
    audio = prompts.get(name)
    assert isinstance(audio, Audio)
    return audio


def test_a_prompt_is_frames_in_both_laws(tmp_path: Path) -> None:
    prompts = Prompts(tmp_path)
    prompts.know(lay_prepared(tmp_path, {"welcome": sine(440, 30)}))
    audio = opened(prompts, "welcome")
    assert audio.frame_count == 2
    for law in (PCMU, PCMA):
        assert np.abs(decode(audio.frame(0, law), law)).max() > 5_000
        assert np.abs(decode(audio.frame(1, law), law)[80:]).max() <= 8
    assert prompts.get("welcome") is audio


def test_a_name_with_another_key_is_another_prompt_and_who_hears_the_old_one_hears_it_to_its_end(tmp_path: Path) -> None:
    prompts = Prompts(tmp_path)
    prompts.know(lay_prepared(tmp_path, {"welcome": sine(440, 100), "other": sine(440, 200)}))
    before = opened(prompts, "welcome")
    prompts.know({"welcome": "key-of-other"})
    (tmp_path / prepared_name("key-of-welcome")).unlink()
    assert opened(prompts, "welcome").frame_count == 10
    assert len(before.frame(4, PCMU)) == 160


def test_a_name_that_a_newer_config_does_not_have_stays(tmp_path: Path) -> None:
    """A call of the older config may still ask for it."""
    keys = lay_prepared(tmp_path, {"welcome": sine(440, 100), "goodbye": sine(440, 100)})
    prompts = Prompts(tmp_path)
    prompts.know(keys)
    prompts.know({"goodbye": keys["goodbye"]})
    assert opened(prompts, "welcome").frame_count == 5


@pytest.mark.parametrize("damage", [b"", b"PAYPROMP", b"x" * 400, b"PAYPROMP\0\0\0\1\xc1" + bytes(400)])
def test_a_damaged_file_says_so(tmp_path: Path, damage: bytes) -> None:
    keys = lay_prepared(tmp_path, {"welcome": sine(440, 100)})
    (tmp_path / prepared_name(keys["welcome"])).write_bytes(damage)
    prompts = Prompts(tmp_path)
    prompts.know(keys)
    found = prompts.get("welcome")
    assert isinstance(found, PromptUnplayable)
    assert found.why.startswith("welcome: its prepared audio can't be used: ")


def test_a_file_that_breaks_off_says_so(tmp_path: Path) -> None:
    keys = lay_prepared(tmp_path, {"welcome": sine(440, 100)})
    file = tmp_path / prepared_name(keys["welcome"])
    file.write_bytes(file.read_bytes()[:-1])
    prompts = Prompts(tmp_path)
    prompts.know(keys)
    assert prompts.get("welcome") == PromptUnplayable(why="welcome: its prepared audio can't be used: it breaks off")


def test_so_many_prompts_stay_open_and_then_the_first_is_opened_again(tmp_path: Path) -> None:
    keys = lay_prepared(tmp_path, {f"p{number}": sine(440, 20) for number in range(1_001)})
    prompts = Prompts(tmp_path)
    prompts.know(keys)
    first, *_, last = [opened(prompts, f"p{number}") for number in range(1_000)]
    assert prompts.get("p0") is first
    opened(prompts, "p1000")  # one more than stay open
    assert prompts.get("p999") is last
    assert prompts.get("p0") is not first


def test_a_prompt_of_ten_minutes_holds_nobody_up(tmp_path: Path) -> None:
    """The best of ten: what the machine does meanwhile is not measured."""
    keys = lay_prepared(tmp_path, {"long": sine(440, TEN_MINUTES_MS)})

    def first_frame() -> None:
        prompts = Prompts(tmp_path)
        prompts.know(keys)
        opened(prompts, "long").frame(0, PCMU)

    assert min(repeat(first_frame, number=1, repeat=10)) < 0.001
