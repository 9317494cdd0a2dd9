"""Which files are config, and what is kept of them."""

import gc
from dataclasses import replace
from pathlib import Path

from switch.settings.load import load, load_files, load_kept


def test_the_text_of_each_file_that_was_read(config: Path) -> None:
    (config / "notes.txt").write_text("no config")
    (config / ".hidden.yaml").write_text("no config")

    files = load(config).files

    assert dict(files) == {name: (config / name).read_text() for name in ("shop.yaml", "switch.yaml")}


def test_directories_below_are_not_config(config: Path) -> None:
    before = load(config)
    (config / "tests").mkdir()
    (config / "tests" / "calls.yaml").write_text("calls: [not, config]\n")

    after = load(config)

    assert before.deployment is not None
    assert after == before


def test_a_config_that_does_not_load_has_its_files_all_the_same(config: Path) -> None:
    (config / "extra.yaml").write_text("publishers: [\n")

    loaded = load(config)

    assert loaded.deployment is None
    assert loaded.files["extra.yaml"] == "publishers: [\n"


def files_of(config: Path) -> dict[str, bytes]:
    """Every file of a directory, folders below it too, by its path."""
    return {str(path.relative_to(config)): path.read_bytes() for path in config.rglob("*") if path.is_file()}


def test_a_directory_and_the_mapping_of_its_files_are_one_config(config: Path) -> None:
    (config / "bad.yml").write_text("colour: red\n")
    (config / "extra.yaml").write_text("publishers: {tv: {cap: x}}\nmenus: {m: {prompt: broken, keys: {'1': {hangup: nowhere}}}}\n")
    assert len(load(config).problems) == 4

    files = files_of(config)

    assert load_files(files, root=config) == replace(load(config), problems=load_files(files, root=config).problems)
    told = [(problem.path, problem.line, problem.message) for problem in load_files(files, root=config).problems]
    assert told == [(problem.path, problem.line, problem.message) for problem in load(config).problems]


def test_a_mapping_needs_no_directory(config: Path) -> None:
    files = files_of(config)
    before = load(config)
    texts = {name: content if name.endswith(".wav") else content.decode() for name, content in files.items()}

    loaded = load_files({**texts, "tests/calls.yaml": "no: config", ".hidden.yaml": "nor: this"}, root=Path("/nowhere/at/all"))

    assert before.deployment is not None
    assert loaded.deployment is not None
    assert loaded.problems == ()
    assert loaded.deployment.plan == before.deployment.plan
    assert loaded.deployment.switch.prompts == Path("/nowhere/at/all/prompts")


def test_a_kept_config_loads_without_its_prompts_and_tokens(config: Path) -> None:
    (config / "extra.yaml").write_text(
        "advertisers: {a: {token: abcdefghijklmnop, lines: {}}, b: {token: ponmlkjihgfedcba, lines: {}}}\n"
        "menus: {m: {prompt: goodbye, keys: {'1': {route: {}}}}}\n"
    )
    (config / "switch.yaml").write_text("switch: {sip: {listen: 127.0.0.1:5060}, api: {listen: 127.0.0.1:8088}}")
    loaded = load(config)
    assert loaded.deployment is not None

    kept = load_kept(loaded.files)

    assert kept.deployment is not None
    assert kept.deployment.plan.table.campaigns == loaded.deployment.plan.table.campaigns
    assert {at.line for at in kept.positions.values()} == {at.line for at in loaded.positions.values()}
    assert load_kept({"a.yaml": "switch: ["}).deployment is None
    assert [problem.message for problem in load_kept({"a.yaml": "switch: {}"}).problems] == ['"sip" is missing']


def test_the_garbage_collector_is_as_it_was(config: Path) -> None:
    load(config)
    assert gc.isenabled()
    gc.disable()
    try:
        load(config)
        assert not gc.isenabled()
    finally:
        gc.enable()
