"""`payphone user add`: what it prints, what it writes, and what it refuses."""

from pathlib import Path

import pytest
from argon2 import PasswordHasher
from config_overlay import lay_base
from typer.testing import CliRunner, Result

from switch.cli.main import app
from switch.cli.user import LEAST_CHARS, MOST_CHARS, USERS_FILE
from switch.deployment import Console, Role
from switch.settings.load import load

PASSWORD = "correct horse"  # noqa: S105 (of a test)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    lay_base(directory := tmp_path / "config")
    path = directory / "switch.yaml"
    path.write_text(path.read_text().replace("switch:\n", "switch:\n  console: {listen: 127.0.0.1:8080}\n"))
    return directory


def add(config: Path, *words: str, password: str = PASSWORD) -> Result:
    return CliRunner().invoke(app, ["user", "add", *words, "--config", str(config)], input=password + "\n")


def console(config: Path) -> Console:
    deployment = load(config).deployment
    assert deployment is not None
    assert deployment.switch.console is not None
    return deployment.switch.console


def test_what_it_prints_is_the_entry_and_holds_the_password_as_a_hash(config: Path) -> None:
    done = add(config, "anna", "--role", "ops")
    assert done.exit_code == 0
    assert PASSWORD not in done.output
    assert not (config / USERS_FILE).exists()
    (config / USERS_FILE).write_text(done.stdout)
    (found,) = console(config).users.values()
    assert (found.name, found.role, found.party) == ("anna", Role.OPS, None)
    assert PasswordHasher().verify(found.password.reveal(), PASSWORD)


def test_what_it_writes_is_added_to_what_is_there(config: Path) -> None:
    for words in (["anna", "--role", "ops"], ["r-one", "--role", "publisher", "--publisher", "radio"]):
        done = add(config, *words, "--write")
        assert done.exit_code == 0, done.stderr
    assert {name: (user.role, user.party) for name, user in console(config).users.items()} == {
        "anna": (Role.OPS, None),
        "r-one": (Role.PUBLISHER, "radio"),
    }


def test_a_user_that_is_there_already_leaves_the_file_as_it_was(config: Path) -> None:
    add(config, "anna", "--role", "ops", "--write")
    before = (config / USERS_FILE).read_text()
    done = add(config, "anna", "--role", "viewer", "--write")
    assert done.exit_code == 1
    assert "is as it was" in done.stderr
    assert (config / USERS_FILE).read_text() == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["an na", "--role", "ops"], "bad name"),
        (["anna", "--role", "boss"], "there is no role"),
        (["anna", "--role", "publisher"], "--role publisher needs --publisher NAME"),
        (["anna", "--role", "ops", "--advertiser", "acme"], "--advertiser goes with --role advertiser"),
        (["anna", "--role", "advertiser", "--advertiser", "acmee", "--write"], "unknown advertiser"),
    ],
)
def test_what_is_wrong_is_told(config: Path, words: list[str], told: str) -> None:
    done = add(config, *words)
    assert done.exit_code == 1
    assert told in done.stderr
    assert not (config / USERS_FILE).exists()


@pytest.mark.parametrize(("chars", "code"), [(LEAST_CHARS - 1, 1), (LEAST_CHARS, 0), (MOST_CHARS, 0), (MOST_CHARS + 1, 1)])
def test_how_long_a_password_is(config: Path, chars: int, code: int) -> None:
    assert add(config, "anna", "--role", "ops", password="x" * chars).exit_code == code
