"""`payphone init`: both starter configs check clean, are refused where something stands, and are made whole or not at all."""

import errno
import json
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner, Result

import switch.cli.init
import switch.cli.switching
import switch.cli.testing  # noqa: F401 (their commands)
from switch.cli.common import app
from switch.formatter.format import FormattedFile, format_directory
from switch.settings.load import load, schema
from switch.starter import DATA, SAMPLE, DirectoryInUse, starter_files, write_starter

BOTH = pytest.mark.parametrize("minimal", [False, True], ids=["sample", "minimal"])


def init(*words: str) -> Result:
    return CliRunner().invoke(app, ["init", *words])


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def two_files(tmp_path: Path) -> Mapping[str, Path]:
    source = tmp_path / "source.yaml"
    source.write_text("publishers:\n")
    return {"a.yaml": source, "prompts/b.wav": source}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_the_sample_is_made_whole(here: Path) -> None:
    result = init()

    assert result.exit_code == 0, result.output
    assert below(here / "config") == below(SAMPLE)
    assert all(
        (here / "config" / name).read_bytes() == source.read_bytes() for name, source in starter_files(minimal=False).items()
    )
    assert below(here) == {"config", *(f"config/{name}" for name in below(SAMPLE))}  # nothing else is left behind


def test_the_minimal_config_has_one_of_each_and_no_problem(here: Path) -> None:
    assert init("--minimal").exit_code == 0

    loaded = load(here / "config")
    assert loaded.problems == ()
    assert loaded.deployment is not None
    plan = loaded.deployment.plan
    assert [len(each) for each in (plan.trunks, plan.table.numbers, plan.table.campaigns, plan.table.lines)] == [1, 1, 1, 1]
    assert plan.menus == {}
    results = format_directory(here / "config")
    assert [result.changed for result in results if isinstance(result, FormattedFile)] == [False]


@BOTH
def test_what_is_made_passes_its_own_call_tests_and_keeps_data_where_it_says(here: Path, *, minimal: bool) -> None:
    assert init("made", *(["--minimal"] if minimal else [])).exit_code == 0

    loaded = load(here / "made")
    assert loaded.deployment is not None
    assert loaded.deployment.switch.data == (here / "made" / DATA).resolve()
    tested = CliRunner().invoke(app, ["test", "--config", "made"])
    assert tested.exit_code == 0, tested.output


@BOTH
def test_editors_find_the_schema_of_every_file(here: Path, *, minimal: bool) -> None:
    assert init(*(["--minimal"] if minimal else [])).exit_code == 0

    files = sorted((here / "config").rglob("*.yaml"))
    for path in files:
        named = path.read_text().partition("$schema=")[2].split()[0]
        jsonschema.Draft202012Validator.check_schema(json.loads((path.parent / named).read_text()))
    assert json.loads((here / "config" / "payphone.schema.json").read_text()) == schema()
    assert files


@pytest.mark.parametrize(
    ("directory", "option"), [("config", ""), ("a/b c", " --config 'a/b c'"), ("../other", " --config ../other")]
)
def test_the_three_commands_that_are_told_next_name_the_directory(here: Path, directory: str, option: str) -> None:
    result = init(directory, "--minimal")

    told = [line.strip().split("  ")[0] for line in result.output.partition("Next:\n")[2].splitlines()]
    assert told == [f"payphone {command}{option}" for command in ("check", "test", "run")]
    assert (here / directory / "switch.yaml").exists()


def test_an_absolute_path(here: Path, tmp_path: Path) -> None:
    assert init(str(tmp_path / "etc" / "payphone"), "--minimal").exit_code == 0
    assert load(tmp_path / "etc" / "payphone").problems == ()
    assert below(here) == set()


def test_what_stands_there_is_said_and_left_alone(here: Path) -> None:
    (here / "config").mkdir()
    for name in ("b.txt", "a.txt", "d.txt", ".hidden"):
        (here / "config" / name).write_text("mine")

    result = init()

    assert result.exit_code == 1
    assert "config is not empty" in result.output
    assert ".hidden, a.txt, b.txt and 1 more" in result.output
    assert below(here / "config") == {".hidden", "a.txt", "b.txt", "d.txt"}


def test_three_files_are_all_named(here: Path) -> None:
    for name in "abc":
        (here / name).write_text("")

    with pytest.raises(DirectoryInUse, match=r"a, b, c$"):
        write_starter(here, starter_files(minimal=True))


def test_a_second_init_is_refused(here: Path) -> None:
    assert init("--minimal").exit_code == 0
    assert init("--minimal").exit_code == 1


def test_a_file_is_no_directory(here: Path) -> None:
    (here / "config").write_text("mine")

    assert "config is a file" in init().output
    assert "config/below can't be made: Not a directory" in init("config/below").output
    assert (here / "config").read_text() == "mine"


def test_an_empty_directory_is_filled_and_stays_the_same_one(here: Path) -> None:
    """It may be a mount point."""
    (here / "config").mkdir()
    inode = (here / "config").stat().st_ino

    assert init("--minimal").exit_code == 0
    assert (here / "config").stat().st_ino == inode
    assert load(here / "config").problems == ()
    assert below(here / "config") >= {"switch.yaml", "prompts", "tests", "payphone.schema.json"}
    assert not [name for name in below(here) if ".payphone-init" in name]


TARGETS = pytest.mark.parametrize("target", ["new/folder", "empty"])


@TARGETS
def test_nothing_is_left_when_a_file_can_not_be_copied(tmp_path: Path, target: str) -> None:
    here = tmp_path / "here"
    (here / "empty").mkdir(parents=True)

    with pytest.raises(FileNotFoundError):
        write_starter(here / target, {**two_files(tmp_path), "c.yaml": tmp_path / "missing"})

    assert below(here) == {"empty"}


@TARGETS
def test_nothing_is_left_when_a_name_can_not_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    here = tmp_path / "here"
    (here / "empty").mkdir(parents=True)
    rename = Path.rename
    fails = iter([False, True]) if target == "empty" else iter([True])  # the first of two entries is in place by then

    def renamed(self: Path, to: Path) -> Path:
        if next(fails):
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", renamed)
    with pytest.raises(OSError, match="No space left"):
        write_starter(here / target, two_files(tmp_path))

    assert below(here) == {"empty"}
