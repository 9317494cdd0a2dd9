"""`payphone fmt` on a directory: what is written, what is not, and how it exits."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import switch.cli.editing  # noqa: F401 (its commands)
from switch.cli.common import app

BAD = "menus: {}\nhours: [\n"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["fmt", *arguments])
    return result.exit_code, result.output


def test_it_writes_what_changes_and_nothing_else(config: Path) -> None:
    shop, switch = config / "shop.yaml", config / "switch.yaml"
    run()
    shop.write_text(shop.read_text().replace("09:00-17:00", "9:00-17:00").replace('"9:00-17:00"', "9:00-17:00"))
    shop.chmod(0o640)
    untouched = switch.stat().st_ino

    code, said = run()

    assert (code, said.strip()) == (0, "config: 1 file formatted, 1 unchanged")
    assert '"9:00-17:00"' in shop.read_text()
    assert shop.stat().st_mode & 0o777 == 0o640
    assert switch.stat().st_ino == untouched
    assert sorted(path.name for path in config.iterdir()) == ["prompts", "shop.yaml", "switch.yaml"]
    assert run() == (0, "config: 0 files formatted, 2 unchanged\n")


def test_check_writes_nothing_and_shows_the_diff(config: Path) -> None:
    before = (config / "shop.yaml").read_bytes()

    code, said = run("--check")

    assert code == 1
    assert "+++ config/shop.yaml (formatted)" in said
    assert '+  office: {zone: America/New_York, mon-fri: "09:00-17:00"}' in said
    assert (config / "shop.yaml").read_bytes() == before
    run()
    assert run("--check") == (0, "")


def test_a_file_that_is_not_understood_is_left_alone_and_told(config: Path) -> None:
    (config / "bad.yaml").write_text(BAD)

    code, said = run()

    assert code == 1
    assert "config/bad.yaml:" in said
    assert "not YAML" in said
    assert (config / "bad.yaml").read_text() == BAD
    assert '"09:00-17:00"' in (config / "shop.yaml").read_text()


def test_a_write_that_fails_leaves_the_file_as_it_was(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (config / "shop.yaml").read_bytes()

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    code, said = run()

    assert code == 1
    assert "No space left on device" in said
    assert (config / "shop.yaml").read_bytes() == before
    assert sorted(path.name for path in config.iterdir()) == ["prompts", "shop.yaml", "switch.yaml"]


def test_a_link_is_followed(config: Path, tmp_path: Path) -> None:
    (config / "shop.yaml").rename(tmp_path / "elsewhere.yaml")
    (config / "shop.yaml").symlink_to(tmp_path / "elsewhere.yaml")

    run()

    assert (config / "shop.yaml").is_symlink()
    assert '"09:00-17:00"' in (tmp_path / "elsewhere.yaml").read_text()


def test_no_directory(config: Path) -> None:
    code, said = run("--config", "nowhere")

    assert code == 1
    assert "no config in nowhere" in said
