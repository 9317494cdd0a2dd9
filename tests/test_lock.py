"""The lock files hold every dependency of pyproject.toml, pinned with hashes, and say nothing of where packages come from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
RUNTIME = [*PROJECT["project"]["dependencies"], *EXTRAS.get("report", []), *PROJECT["dependency-groups"]["build"]]
EVERYTHING = [*RUNTIME, *(each for extra in EXTRAS.values() for each in extra)]


def pinned(name: str) -> dict[str, str]:
    """The version of each package of a lock file. A package without a hash is none."""
    text = (ROOT / name).read_text()
    rows = re.findall(r"^([\w.-]+)==(\S+)[^\n]*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert len(rows) == text.count("==") - len(re.findall(r";[^\n]*==", text))
    return {canonicalize_name(package): version for package, version in rows}


@pytest.mark.parametrize(
    ("name", "wanted"), [("requirements.lock", RUNTIME), ("requirements-dev.lock", EVERYTHING)], ids=["runtime", "everything"]
)
def test_every_dependency_is_pinned_to_a_version_it_allows(name: str, wanted: list[str]) -> None:
    """`make lock` puts right what this finds."""
    versions = pinned(name)

    for each in map(Requirement, wanted):
        version = versions.get(canonicalize_name(each.name))
        assert version is not None, f"{each.name} is not in {name}: run make lock"
        assert version in each.specifier, f"{each} does not allow the {version} of {name}: run make lock"


def test_what_is_developed_with_is_what_runs() -> None:
    assert pinned("requirements.lock").items() <= pinned("requirements-dev.lock").items()


def test_a_switch_has_no_test_tools() -> None:
    assert not {"pjsua2-python", "pytest", "mypy", "playwright"} & pinned("requirements.lock").keys()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_no_host_or_path_is_named(name: str) -> None:
    assert not re.findall(r"://|--index-url|--find-links|@ ", (ROOT / name).read_text())
