"""`config`: a sound config directory, below the working directory as an operator has it."""

from pathlib import Path

import pytest
from config_overlay import lay_base


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lay_base(tmp_path / "config")
    return Path("config")
