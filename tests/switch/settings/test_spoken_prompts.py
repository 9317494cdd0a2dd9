"""Texts in the place of prompts: where they may stand, who speaks them, what they are called in the plan, and what is wrong with them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from ivr.menu import Gather
from ivr.step import MenuContext, prompts_of, start
from media.dsp.tones import sine
from media.prompts.inspection import inspect
from media.prompts.prompt import Prompt, Unplayable
from media.prompts.source import PromptFile, Source, Speech
from routing.expression import Scalar
from routing.table import NoRoute
from switch.deployment import Deployment
from switch.settings.load import Loaded, load, load_kept
from switch.settings.problem import Severity

MENU = "menus:\n  extra: {{{}, then: {{hangup: true}}}}\ncampaigns:\n  night: {{lines: [acme-east], menu: extra, revenue: 1, payout: 1}}\n"


class Speaker:
    """Says that everything can be spoken, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Speech] = []

    def __call__(self, source: Source) -> Prompt | Unplayable:
        if not isinstance(source, Speech):
            return inspect(source)
        self.asked.append(source)
        return Prompt(key=f"key of {source.text}", length_ms=1_000)


def loaded(config: Path, text: str, prepare: Callable[[Source], Prompt | Unplayable] | None = None) -> Loaded:
    (config / "extra.yaml").write_text(text, encoding="utf-8")
    return load(config, prepare=lambda _: prepare or Speaker())


def sound(found: Loaded) -> Deployment:
    assert found.deployment is not None, found.problems
    return found.deployment


def problems(found: Loaded) -> list[tuple[str, str | None, str | None, int, int]]:
    return [(each.message, each.expected, each.hint, each.line, each.column) for each in found.errors]


EVERYWHERE = """
menus:
  a: {prompt: {say: One}, invalid: {say: Two}, keys: {"1": {hangup: {say: Three}}}, failed: {hangup: {say: Four}}}
  b: {say: {say: Five}, then: {menu: a}}
  c: {consent: {say: Six}, then: {menu: b}}
  d: {yes_no: owner, prompt: {say: Seven}, then: {menu: c}}
tags: {owner: {type: truth}}
campaigns:
  night:
    {lines: [spoken], menu: d, revenue: 1, payout: 1, hold_music: {say: Eight}, overflow: {busy: {message: {say: Nine}}},
     ringback: {prompt: {say: Twelve}}}
  late: {lines: [spoken], revenue: 1, payout: 1, overflow: {closed: {voicemail: {greeting: {say: Thirteen}, goodbye: {say: Fourteen}}}}}
advertisers:
  spoken:
    lines:
      spoken: {uri: "sip:a@192.0.2.1", accept: {prompt: {say: Ten}, key: "1"}}
      other: {uri: "sip:b@192.0.2.1", whisper: {say: Eleven}}
"""


def test_a_text_may_stand_wherever_a_prompt_may(config: Path) -> None:
    speaker = Speaker()
    deployment = sound(loaded(config, EVERYWHERE, speaker))
    texts = {
        "One",
        "Two",
        "Three",
        "Four",
        "Five",
        "Six",
        "Seven",
        "Eight",
        "Nine",
        "Ten",
        "Eleven",
        "Twelve",
        "Thirteen",
        "Fourteen",
    }
    assert {speech.text for speech in speaker.asked} == texts
    assert len(speaker.asked) == len(texts), "each is spoken once"
    spoken = {name: prompt.key for name, prompt in deployment.prompts.items() if name.startswith("say-")}
    assert {key.removeprefix("key of ") for key in spoken.values()} == texts
    plan = deployment.plan
    assert str(plan.table.lines["other"].accept).find("say-en-us-eleven-") > 0
    assert plan.hold_music["night"].startswith("say-en-us-eight-")
    assert set(spoken) == {word for word in str(plan).replace("'", " ").split() if word.startswith("say-")}


def test_the_language_is_that_of_the_text_or_the_menu_or_the_switch(config: Path) -> None:
    speaker = Speaker()
    text = """
menus:
  a: {say: {say: Hello}, then: {menu: b}}
  b: {say: {say: Hola}, language: es, then: {hangup: {say: Bye, language: en-gb}}}
campaigns:
  night: {lines: [acme-east], menu: a, revenue: 1, payout: 1}
"""
    deployment = sound(loaded(config, text, speaker))
    assert {speech.text: speech.command for speech in speaker.asked} == {
        "Hello": ("espeak-ng", "-v", "en-us", "--stdin", "--stdout"),
        "Hola": ("espeak-ng", "-v", "es", "--stdin", "--stdout"),
        "Bye": ("espeak-ng", "-v", "en-gb", "--stdin", "--stdout"),
    }
    names = sorted(name[:-9] for name in deployment.prompts if name.startswith("say-"))
    assert names == ["say-en-gb-bye", "say-en-us-hello", "say-es-hola"]


def test_who_speaks_is_a_command_by_language(config: Path) -> None:
    speaker = Speaker()
    switch = (config / "switch.yaml").read_text()
    first = sound(loaded(config, MENU.format("say: {say: Hello there}"), speaker))
    speech = "  speech: {language: en-gb, voices: {en-gb: {command: [piper, --model, /opt/amy.onnx, --length_scale, 1.2]}}}\n"
    (config / "switch.yaml").write_text(switch.replace("switch:\n", "switch:\n" + speech, 1))
    second = sound(loaded(config, MENU.format("say: {say: Hello there}"), speaker))
    assert speaker.asked[-1] == Speech("Hello there", ("piper", "--model", "/opt/amy.onnx", "--length_scale", "1.2"))
    one, other = (sorted(name for name in each.prompts if name.startswith("say-")) for each in (first, second))
    assert one != other, "calls of the older config keep their voice"
    assert first.plan.version != second.plan.version
    assert first.switch == second.switch, "it takes no restart"


def test_what_is_kept_of_a_config_is_not_spoken(config: Path) -> None:
    files = loaded(config, MENU.format("say: {say: Hello there}")).files
    kept = load_kept(files)
    assert kept.deployment is not None
    assert kept.deployment.prompts == {}


@pytest.mark.parametrize(
    ("prompt", "problem"),
    [
        ("{}", ("`say` is missing", "{say: TEXT}", None, 2, 16)),
        ('{say: ""}', ('bad text ""', "a text of at most 1,000 characters", None, 2, 22)),
        ('{say: "a\\tb"}', ('bad text "a\\tb"', "a text of at most 1,000 characters", None, 2, 22)),
        ("{say: [a]}", ("a list where one value belongs", "a text of at most 1,000 characters", None, 2, 22)),
        (
            "{say: Hello, language: Spanish}",
            ('bad language "Spanish"', "a language such as en-us, en-gb or es, in small letters", None, 2, 39),
        ),
        ("{say: Hello, lang: es}", ('unknown key "lang"', "say, language", 'did you mean "language"?', 2, 29)),
        (
            "Hello there",
            (
                'unknown prompt "Hello there"',
                "a sound file in config/prompts: broken, goodbye, sorry, welcome",
                "to have a text spoken, write {say: TEXT}",
                2,
                16,
            ),
        ),
    ],
)
def test_what_is_no_text(config: Path, prompt: str, problem: tuple[str, str | None, str | None, int, int]) -> None:
    assert problems(loaded(config, MENU.format(f"say: {prompt}"))) == [problem]


@pytest.mark.parametrize(("length", "fits"), [(1_000, True), (1_001, False)])
def test_a_text_may_be_so_long(config: Path, length: int, *, fits: bool) -> None:
    found = loaded(config, MENU.format(f'say: {{say: "{"a" * length}"}}'))
    assert (found.deployment is not None) is fits
    if found.deployment is not None:
        assert all(len(name) <= 64 for name in found.deployment.prompts)


def test_a_text_that_can_not_be_spoken_is_an_error_where_it_stands(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert problems(loaded(config, MENU.format("say: {say: Hello}"), inspect)) == [
        (
            '"Hello" cannot be spoken: espeak-ng is not installed',
            "an installed program that speaks it: docs/prompts.md",
            "run: apt-get install espeak-ng",
            2,
            22,
        )
    ]


def test_a_voice_that_is_not_there_is_an_error(config: Path) -> None:
    ((message, _, hint, *_),) = problems(loaded(config, MENU.format("say: {say: Hello}, language: xx"), inspect))
    assert message.startswith('"Hello" cannot be spoken: espeak-ng ended with status 1: Error: The specified espeak-ng voice')
    assert hint == "`espeak-ng --voices` lists its languages; other programs: switch.speech.voices"


def test_a_text_is_spoken_when_it_is_loaded(config: Path) -> None:
    deployment = sound(loaded(config, MENU.format("say: {say: Gracias por llamar.}, language: es"), inspect))
    (prompt,) = (prompt for name, prompt in deployment.prompts.items() if name.startswith("say-es-gracias-por-llamar-"))
    assert 500 < prompt.length_ms < 4_000


def test_a_text_of_nothing_to_say_is_warned_of(config: Path) -> None:
    switch = (config / "switch.yaml").read_text()
    silence = config / "silence.wav"
    soundfile.write(silence, sine(440, 500) * 0, 8_000)
    voices = f"  speech: {{voices: {{en-us: {{command: [cat, {silence.absolute()}]}}}}}}\n"
    (config / "switch.yaml").write_text(switch.replace("switch:\n", "switch:\n" + voices, 1))
    problems = loaded(config, MENU.format("say: {say: Hello}"), inspect).problems
    (warning,) = (each for each in problems if "silent" in each.message)
    assert (warning.severity, warning.message) == (
        Severity.WARNING,
        'the text "Hello" is silent: callers hear nothing and hang up',
    )


@pytest.mark.parametrize("suffix", ["wav", "mp3", "ogg", "flac"])
def test_a_name_finds_a_file_of_any_kind(config: Path, suffix: str) -> None:
    soundfile.write(config / "prompts" / f"closed.{suffix}", sine(440, 1_000) / 32_768, 8_000)
    deployment = sound(loaded(config, MENU.format("say: closed"), inspect))
    assert deployment.prompt_keys["closed"]
    assert deployment.prompt_lengths_ms["closed"] == pytest.approx(1_000, abs=150)
    assert deployment.prompts["closed"] == inspect(PromptFile(config / "prompts" / f"closed.{suffix}"))


def test_two_files_of_one_name_are_an_error(config: Path) -> None:
    soundfile.write(config / "prompts" / "goodbye.ogg", sine(440, 1_000) / 32_768, 8_000)
    found = problems(loaded(config, MENU.format("say: goodbye"), inspect))
    assert ('prompt "goodbye" cannot be played: goodbye.ogg and goodbye.wav have one name', "keep one of them") in {
        (message, hint) for message, _, hint, _, _ in found
    }


def test_the_plan_plays_digits_only_where_they_are_read_back(config: Path) -> None:
    for digit in range(10):
        soundfile.write(config / "prompts" / f"digit-{digit}.wav", sine(440, 200) / 32_768, 8_000)
    zip_menu = "menus:\n  z: {zip: true, prompt: welcome, then: {route: {}}%s}\n"
    assert "digit-0" not in sound(loaded(config, zip_menu % "", inspect)).prompts
    assert "digit-9" in sound(loaded(config, zip_menu % ", read_back: welcome, confirm: welcome", inspect)).prompts
    (config / "prompts" / "digit-7.wav").write_bytes(b"no sound")
    assert [message for message, *_ in problems(loaded(config, zip_menu % ", read_back: welcome, confirm: welcome", inspect))] == [
        'prompt "digit-7" cannot be played: not a WAV, MP3, OGG or FLAC file'
    ]


def test_digits_after_a_text_are_spoken_in_its_language_and_take_no_files(config: Path) -> None:
    speaker = Speaker()
    text = (
        "menus:\n  z: {zip: true, language: es, prompt: welcome, read_back: {say: Dice}, confirm: {say: Uno}, then: {route: {}}}\n"
    )
    text += "campaigns:\n  night: {lines: [acme-east], menu: z, revenue: 1, payout: 1}\n"
    deployment = sound(loaded(config, text, speaker))
    node = deployment.plan.menus["z"].nodes["z"]
    assert isinstance(node, Gather)
    assert node.read_back is not None
    assert [name[:-9] for name in node.read_back.digits.values()] == [f"say-es-{digit}" for digit in range(10)]
    assert deployment.prompts.keys() >= set(node.read_back.digits.values())
    assert {speech.text for speech in speaker.asked} == {"Dice", "Uno", *map(str, range(10))}
    assert {speech.command[2] for speech in speaker.asked} == {"es"}


VALUES = """
tags: {{age: {{type: number}}, day: {{type: text}}, owed: {{type: text}}}}
menus:
  a: {{say: {{say: "{}"}}, language: {}, then: {{hangup: true}}}}
campaigns:
  night: {{lines: [acme-east], menu: a, revenue: 1, payout: 1}}
"""


def test_values_of_tags_are_said_between_the_parts_of_a_text(config: Path) -> None:
    speaker = Speaker()
    text = "Your ZIP is {zip:digits}, you are {age:number}, and owe {owed:money} on {day:date}."
    deployment = sound(loaded(config, VALUES.format(text, "en-us"), speaker))
    plan = deployment.plan.menus["a"]
    known: dict[str, Scalar] = {"zip": "07030", "age": 134, "owed": "2.50", "day": "2026-12-24"}
    turn = start(plan, MenuContext(utc_us=0, tags=known))
    texts = {name: key.removeprefix("key of ") for name, key in deployment.prompt_keys.items()}
    said = "Your ZIP is|0|7|0|3|0|, you are|1 hundred|34|, and owe|2|dollars|and|50|cents|on|December|24th"
    assert [texts[name] for name in turn.say] == said.split("|")
    assert turn.session.playing
    turn = start(plan, MenuContext(utc_us=0, tags={"age": 7}))
    assert [texts[name] for name in turn.say] == ["Your ZIP is", ", you are", "7", ", and owe", "on"], (
        "what is not known is not said"
    )


def test_values_are_said_in_the_language_of_the_menu(config: Path) -> None:
    speaker = Speaker()
    deployment = sound(loaded(config, VALUES.format("Tiene {age:number} años.", "es"), speaker))
    turn = start(deployment.plan.menus["a"], MenuContext(utc_us=0, tags={"age": 121}))
    assert [name[:-9] for name in turn.say] == ["say-es-tiene", "say-es-ciento", "say-es-21", "say-es-anos"]
    assert {speech.command[2] for speech in speaker.asked} == {"es"}


@pytest.mark.parametrize("whole", ["true", "false"])
def test_a_menu_that_has_nothing_to_say_goes_on(config: Path, whole: str) -> None:
    text = VALUES.format("{age:number}", f"en-us, whole: {whole}")
    turn = start(sound(loaded(config, text)).plan.menus["a"], MenuContext(utc_us=0, tags={}))
    assert turn.say == ()
    assert turn.session.over


@pytest.mark.parametrize(
    ("text", "language", "message"),
    [
        ("{ages:number}", "en-us", 'unknown tag "ages"'),
        ("{age:words}", "en-us", "a brace that is part of no tag"),
        ("{age}", "en-us", "a brace that is part of no tag"),
        ("{age:number}", "de", "nobody knows how a number is said in de"),
        ("{day:date}", "fr-fr", "nobody knows how a date is said in fr-fr"),
    ],
)
def test_what_can_not_be_said_of_a_tag(config: Path, text: str, language: str, message: str) -> None:
    ((told, *_, line, _),) = problems(loaded(config, VALUES.format(text, language)))
    assert (told, line) == (message, 4)


def test_digits_are_said_in_any_language(config: Path) -> None:
    sound(loaded(config, VALUES.format("{zip:digits}", "de")))


HELD = """
campaigns:
  night:
    lines: [acme-east]
    revenue: 1
    payout: 1
    overflow: {{capped: {{hold: {{places: 9, wait: 2m, music: {{say: La la}}, announce: {}}}}}}}
"""


@pytest.mark.parametrize(
    ("written", "position", "said"),
    [
        ('{say: "You are number {position:number} in line."}', 121, "You are number|1 hundred|21|in line."),
        ('{say: "Nummer {position:digits}", language: de}', 12, "Nummer|1|2"),
        ("welcome", 3, "welcome"),
        ('{say: "Please hold."}', 3, "Please hold."),
    ],
)
def test_a_place_in_a_hold_queue_is_said_between_the_parts_of_a_text(config: Path, written: str, position: int, said: str) -> None:
    deployment = sound(loaded(config, HELD.format(written), Speaker()))
    terms = deployment.plan.holds["night"][NoRoute.CAPPED]
    texts = {name: key.removeprefix("key of ") for name, key in deployment.prompt_keys.items()}
    names = prompts_of(terms.announce, {"position": position})
    assert [texts[name] if name.startswith("say-") else name for name in names] == said.split("|")
    assert texts[terms.music or ""] == "La la"
    assert set(names) <= deployment.prompts.keys()


def test_a_tag_is_said_by_say_alone(config: Path) -> None:
    text = EVERYWHERE.replace("{say: Seven}", '{say: "Are you {age:number}?"}')
    assert [message for message, *_ in problems(loaded(config, text))] == ["a tag where none can be said"]
    text = EVERYWHERE.replace("{say: Seven}", '{say: "Are you in {zip:digits}?"}')
    assert [message for message, *_ in problems(loaded(config, text))] == ["a tag where none can be said"]


def test_a_voice_that_is_not_there_is_told_once_for_all_that_it_says(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert len(problems(loaded(config, VALUES.format("{age:number}", "es-419"), inspect))) == 1
