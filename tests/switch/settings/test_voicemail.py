"""Voicemail in config: what it becomes, how long a message may be, and whose beep is heard."""

from pathlib import Path

import pytest

from media.dsp.tones import sine
from media.dsp.wav import write_wav
from media.prompts import beep
from routing.table import NoRoute, ToVoicemail
from switch.deployment import Deployment
from switch.settings.load import load

WRITTEN = """\
campaigns:
  extra: {{lines: [acme-east], revenue: 1, payout: 1, overflow: {{closed: {{voicemail: {{{}}}}}}}}}
"""


def told(config: Path, voicemail: str) -> list[str]:
    (config / "extra.yaml").write_text(WRITTEN.format(voicemail))
    return [problem.message for problem in load(config).errors]


def deployed(config: Path, voicemail: str = "greeting: welcome") -> Deployment:
    assert told(config, voicemail) == []
    found = load(config).deployment
    assert found is not None
    return found


def voicemail(config: Path, written: str) -> object:
    return deployed(config, written).plan.table.campaigns["extra"].overflow[NoRoute.CLOSED]


def test_what_is_left_out_has_a_default(config: Path) -> None:
    assert voicemail(config, "greeting: welcome") == ToVoicemail(greeting="welcome", longest_ms=120_000, goodbye=None, format="wav")
    whole = voicemail(config, "greeting: welcome, goodbye: goodbye, longest: 30s, format: opus")
    assert whole == ToVoicemail(greeting="welcome", longest_ms=30_000, goodbye="goodbye", format="opus")


@pytest.mark.parametrize(
    ("longest", "messages"),
    [
        ("5s", []),
        ("4999ms", ["duration 4999ms is out of range"]),
        ("30m", []),
        ("1801s", ["duration 1801s is out of range"]),
    ],
)
def test_so_long_a_message(config: Path, longest: str, messages: list[str]) -> None:
    assert told(config, f"greeting: welcome, longest: {longest}") == messages


def test_a_plan_with_voicemail_alone_records_and_listens_for_keys(config: Path) -> None:
    plan = deployed(config).plan
    assert (plan.recordings, plan.records, plan.has_voicemail, plan.has_use_for_ears) == ({}, True, True, True)


def test_a_plan_without_records_nothing(config: Path) -> None:
    found = load(config).deployment
    assert found is not None
    assert (found.plan.records, found.plan.has_voicemail) == (False, False)
    assert "beep" not in found.prompts


def test_the_beep_is_a_tone_unless_a_file_has_its_name(config: Path) -> None:
    ours = deployed(config).prompts["beep"]
    assert ours.length_ms == beep.MS
    (config / "prompts" / "beep.wav").write_bytes(write_wav(sine(440, 1_000, level_db=-20)))
    assert deployed(config).prompts["beep"].length_ms == 1_000
    (config / "prompts" / "beep.wav").write_bytes(b"RIFF, but no more than that")
    assert told(config, "greeting: welcome") == [
        'the sound file "beep", which voicemail plays, cannot be played: not a WAV, MP3, OGG or FLAC file'
    ]
    assert [problem.hint for problem in load(config).errors] == ["replace it; without it callers hear the switch's own"]


def test_greeting_and_good_bye_are_prompts_that_workers_must_have(config: Path) -> None:
    assert {"sorry", "goodbye", "beep"} <= deployed(config, "greeting: sorry, goodbye: goodbye").prompts.keys()
