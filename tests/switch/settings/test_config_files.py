"""Which files are config, and what is kept of them."""

import gc
from pathlib import Path

from switch.settings.load import load


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


def test_the_garbage_collector_is_as_it_was(config: Path) -> None:
    load(config)
    assert gc.isenabled()
    gc.disable()
    try:
        load(config)
        assert not gc.isenabled()
    finally:
        gc.enable()
