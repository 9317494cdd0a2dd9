from collections.abc import Iterator
from pathlib import Path

import pytest
from console_world import ConsoleWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ConsoleWorld]:
    world = ConsoleWorld(tmp_path)
    yield world
    world.close()
