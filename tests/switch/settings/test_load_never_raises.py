"""Whatever is in the directory, `load` answers with problems."""

import os
import re
import shutil
from pathlib import Path

import pytest
from config_overlay import SETTINGS_TESTS, guide_text, lay_base, lay_guide
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switch.problem_text import as_json, show
from switch.settings.load import load
from switch.settings.problem import Problem, Severity

BASE_TEXT = (SETTINGS_TESTS / "base" / "switch.yaml").read_text() + (SETTINGS_TESTS / "base" / "shop.yaml").read_text()
LINES = BASE_TEXT.splitlines()
GUIDE_TEXT = guide_text()
VALUE = re.compile(r"[\w\"#*+-]+: +([^\s,{}\[\]#][^\n,}\]#]*|\{[^\n}]*\}|\[[^\n\]]*\])")
WORDS = st.sampled_from(
    [
        "",
        "~",
        "[]",
        "{}",
        "[a, b]",
        "{a: b}",
        "{line: [x]}",
        "0",
        "-1",
        "true",
        "90s",
        "quotes",
        "acme-east",
        "*x",
        "&x",
        "'",
        '"\\0"',
        "\t",
    ]
)
SMALL = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def messages(directory: Path) -> list[str]:
    return [problem.message for problem in load(directory).problems]


def test_missing_directory(tmp_path: Path) -> None:
    assert messages(tmp_path / "nowhere") == ["no config here: there is no such directory"]


def test_a_file_for_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert messages(tmp_path / "file") == ["the config directory cannot be read: Not a directory"]


def test_directory_without_yaml(tmp_path: Path) -> None:
    assert messages(tmp_path) == ["no config here"]


def test_a_pipe_is_not_waited_for(config: Path) -> None:
    os.mkfifo(config / "pipe.yaml")

    assert messages(config) == ["not a regular file"]


def test_a_file_too_large(config: Path) -> None:
    with (config / "huge.yaml").open("wb") as file:
        file.truncate(17 * 1024 * 1024)

    assert messages(config) == ["the file is too large"]


@pytest.mark.parametrize("brackets", ["[" * 200_000, "{a: " * 200_000, "- " * 200_000])
def test_nesting_that_would_end_the_process(config: Path, brackets: str) -> None:
    (config / "extra.yaml").write_text(brackets)

    assert messages(config) == ["nested too deeply"]


def test_billion_laughs(config: Path) -> None:
    rows = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (config / "extra.yaml").write_text("\n".join(["a0: &a0 [ha, ha]", *rows]))

    assert messages(config) == ["anchors and aliases are not supported"]


def test_prompts_directory_with_a_null_character(config: Path) -> None:
    (config / "switch.yaml").write_text('switch:\n  sip: {listen: 127.0.0.1:5060}\n  prompts: "a\\0b"\n')

    assert "no directory" in messages(config)


def test_problems_are_sorted_by_file_and_line(config: Path) -> None:
    (config / "z.yaml").write_text("publishers:\n  tv: {x: 1}\n  web: {x: 1}\n")
    (config / "a.yaml").write_text("colour: red\nhours:\n  odd: {zone: Nowhere}\n")

    places = [(problem.path, problem.line) for problem in load(config).problems]

    assert places == [("config/a.yaml", 1), ("config/a.yaml", 3), ("config/a.yaml", 3), ("config/z.yaml", 2), ("config/z.yaml", 3)]


def sound(problems: tuple[Problem, ...]) -> bool:
    return all(show(problem) and as_json(problem)["message"] for problem in problems)


@SMALL
@given(text=st.text(max_size=200))
def test_any_text(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    directory = tmp_path_factory.mktemp("any")
    (directory / "a.yaml").write_text(text, encoding="utf-8", errors="replace")

    loaded = load(directory)

    assert loaded.deployment is None
    assert sound(loaded.problems)


@SMALL
@given(raw=st.binary(max_size=200))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    directory = tmp_path_factory.mktemp("any")
    (directory / "a.yaml").write_bytes(raw)

    assert sound(load(directory).problems)


@SMALL
@given(data=st.data())
def test_a_sound_config_with_one_value_replaced(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    directory = tmp_path_factory.mktemp("mutant") / "config"
    lay_base(directory)
    at = data.draw(st.integers(0, len(LINES) - 1))
    key, _, _ = LINES[at].partition(": ")
    mutant = data.draw(st.one_of(WORDS.map(lambda word: f"{key.rstrip(':')}: {word}"), st.just("")))
    (directory / "shop.yaml").write_text("\n".join([*LINES[:at], mutant, *LINES[at + 1 :]]))
    (directory / "switch.yaml").unlink()

    loaded = load(directory)

    errors = [problem for problem in loaded.problems if problem.severity is Severity.ERROR]
    assert sound(loaded.problems)
    assert (loaded.deployment is None) == bool(errors)
    shutil.rmtree(directory)


@settings(SMALL, max_examples=75)
@given(data=st.data())
def test_a_config_with_every_key_and_one_value_replaced(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    directory = tmp_path_factory.mktemp("mutant") / "config"
    lay_base(directory)
    # A key at the margin of a block, or one inside a flow mapping.
    at = data.draw(st.sampled_from(list(VALUE.finditer(GUIDE_TEXT))))
    mutant = GUIDE_TEXT[: at.start(1)] + data.draw(WORDS) + GUIDE_TEXT[at.end(1) :]
    lay_guide(directory, mutant)

    loaded = load(directory)

    errors = [problem for problem in loaded.problems if problem.severity is Severity.ERROR]
    assert sound(loaded.problems)
    assert (loaded.deployment is None) == bool(errors)
    shutil.rmtree(directory)
