"""`ledger`: a config directory beside a ledger of a few calls. `log_put_back`: logging is as before when the test is over."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from posting_world import PostingWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PostingWorld]:
    world = PostingWorld(tmp_path)
    world.write_config()
    world.over("abc1", ("east", 120_000))
    world.over("abd2", ("north", 120_000))
    yield world
    world.close()


@pytest.fixture
def ledger(world: PostingWorld) -> Path:
    world.over("c3", ("west", None), ("east", 10_000))
    return world.config


@pytest.fixture
def log_put_back() -> Iterator[None]:
    root = logging.getLogger()
    before = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = before[0], before[1]
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
