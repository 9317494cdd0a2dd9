"""Prompts that can be played and will be heard wrong are warned of where they are named; what the relay would refuse is an error."""

import re
from pathlib import Path

import numpy as np
import pytest
from config_overlay import guide_text, lay_guide

from media.dsp.tones import sine
from media.dsp.wav import write_wav
from media.worker.playout import Audio
from media.worker.prompts import Prompts, PromptUnplayable
from switch.settings.lint import check
from switch.settings.lint.check import prompts_used
from switch.settings.load import load
from switch.settings.names import EntryKind, Names
from switch.settings.problem import Severity

HEADER_BYTES = 44


def test_a_silent_prompt_is_warned_of_where_it_is_named_first(config: Path) -> None:
    (config / "prompts" / "goodbye.wav").write_bytes(write_wav(np.zeros(8_000, np.int16)))
    (config / "more.yaml").write_text("menus:\n  extra: {say: goodbye, then: {hangup: goodbye}}\n")

    silent = [problem for problem in load(config).problems if "silent" in problem.message]

    (told,) = silent
    assert told.severity is Severity.WARNING
    assert told.message == 'prompt "goodbye" is silent: callers hear nothing and hang up'
    assert (told.path, told.line, told.column) == ("config/more.yaml", 2, 16)
    assert told.hint == "record it anew, or raise its level"


def test_a_prompt_that_nobody_uses_is_not_warned_of(config: Path) -> None:
    (config / "prompts" / "sorry.wav").write_bytes(write_wav(np.zeros(8_000, np.int16)))
    assert load(config).problems == ()


def test_every_place_that_names_a_prompt_is_looked_at(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the models look up as a prompt, in a config with every key."""
    lay_guide(config, guide_text())
    for name in re.findall(r"env: ([A-Z_]+)", guide_text()):
        monkeypatch.setenv(name, "secret")
    looked_up: list[str] = []
    used: list[str] = []
    names_check, warnings = Names.check, check.bad_prompts

    def spy(self: Names, kind: EntryKind, name: str) -> str:
        if kind is EntryKind.PROMPT:
            looked_up.append(name)
        return names_check(self, kind, name)

    def found(document: object, directory: Path) -> object:
        used.extend(name for _, name in prompts_used(document))  # type: ignore[arg-type]
        return warnings(document, directory)  # type: ignore[arg-type]

    monkeypatch.setattr(Names, "check", spy)
    monkeypatch.setattr(check, "bad_prompts", found)
    assert load(config).deployment is not None
    assert len(used) > 10
    assert sorted(used) == sorted(looked_up)


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)], ids=["at the limit", "one octet past it"])
def test_check_and_the_relay_have_one_limit(config: Path, more: int, *, fits: bool) -> None:
    samples = np.resize(sine(440, 1_000, level_db=-20), (8_388_608 - HEADER_BYTES) // 2)
    data = write_wav(samples) + b"\0" * more
    assert len(data) == 8_388_608 + more
    (config / "prompts" / "goodbye.wav").write_bytes(data)

    loaded = load(config)
    relayed = Prompts(config / "prompts").get("goodbye")

    assert (loaded.deployment is not None) is fits
    assert isinstance(relayed, Audio if fits else PromptUnplayable)
    if not fits:
        assert {problem.message for problem in loaded.problems} == {
            'prompt "goodbye" cannot be played: larger than 8 MiB; as 8 kHz mono that is 524 s'
        }
