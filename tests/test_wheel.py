"""The built wheel in an environment of its own, away from the checkout: init, check, test and demo work from an empty folder.

Only the wheel itself is installed; what it depends on is borrowed from the environment that runs the tests, where the checkout is not
on the path of the borrower.
"""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.timeout(900)


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, check=False, cwd=cwd)


@pytest.fixture(scope="module")
def payphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `payphone` of a wheel that was built just now."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    built = run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, ROOT, cwd=folder)
    assert built.returncode == 0, built.stderr
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    installed = run(*pip, "--python", python, "install", "--no-deps", "--no-index", *folder.glob("*.whl"), cwd=folder)
    assert installed.returncode == 0, installed.stderr
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(python, "-c", "import switch; print(switch.__file__)", cwd=folder).stdout.strip()
    assert where == str(packages / "switch" / "__init__.py")
    return folder / "venv" / "bin" / "payphone"


def files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_empty_folder_becomes_a_checked_and_tested_config(payphone: Path, tmp_path: Path) -> None:
    empty = run(payphone, "check", cwd=tmp_path)
    assert empty.returncode == 1
    assert "payphone init config" in empty.stdout + empty.stderr

    for command in ("init", "check", "test"):
        done = run(payphone, command, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config"]
    assert files(tmp_path / "config") == files(ROOT / "config")  # every prompt and schema is in the wheel


def test_the_minimal_config_is_in_the_wheel_too(payphone: Path, tmp_path: Path) -> None:
    done = run(payphone, "init", "--minimal", "etc/payphone", cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    minimal = files(ROOT / "switch" / "starter" / "minimal")
    assert minimal.items() < files(tmp_path / "etc" / "payphone").items()


def test_the_demo_needs_no_config_and_leaves_nothing_behind(payphone: Path, tmp_path: Path) -> None:
    done = run(payphone, "demo", cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 6 calls are judged right: advertisers owe 90.00, publishers earn 64.00." in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_consoles_pages_and_what_they_load_are_in_the_wheel(payphone: Path, tmp_path: Path) -> None:
    listed = "import pathlib, switch.web as web; print(sorted(str(p) for p in pathlib.Path(web.__file__).parent.rglob('*.[!p]*')))"

    found = run(payphone.with_name("python"), "-c", listed, cwd=tmp_path).stdout

    ours = [
        path.relative_to(ROOT / "switch" / "web")
        for folder in ("static", "templates")
        for path in (ROOT / "switch" / "web" / folder).rglob("*.*")
    ]
    assert [str(path) for path in ours if str(path) not in found] == []
    assert any(path.suffix == ".LICENSE" for path in ours)
