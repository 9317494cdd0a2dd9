"""Prompts that can be played and will be heard wrong are warned of where they are named; what the relay would refuse is an error."""

import re
from pathlib import Path

import numpy as np
import pytest
from config_overlay import guide_text, lay_guide

from media.dsp.wav import write_wav
from switch.settings.load import load
from switch.settings.names import EntryKind, Names
from switch.settings.problem import Severity
from switch.settings.prompt_use import prompts_used


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
    names_check = Names.check

    def spy(self: Names, kind: EntryKind, name: str) -> str:
        if kind is EntryKind.PROMPT:
            looked_up.append(name)
        return names_check(self, kind, name)

    monkeypatch.setattr(Names, "check", spy)
    document = load(config).document
    assert document is not None
    used = [prompt for _, prompt in prompts_used(document)]
    assert len(used) > 10
    assert sorted(prompt for prompt in used if isinstance(prompt, str)) == sorted(looked_up)
