"""`payphone check` and the log at start say which time zone rules hold."""

import shutil
from pathlib import Path

from typer.testing import CliRunner

from routing.zone import rules
from switch.cli.main import app

REPOSITORY = Path(__file__).resolve().parents[2]


def test_check_says_which_rules(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    done = CliRunner().invoke(app, ["check", "--config", str(tmp_path / "config")])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1].startswith(f"time zone rules: {rules()}")
    assert str(rules()).startswith(f"{rules().version} of the ")
