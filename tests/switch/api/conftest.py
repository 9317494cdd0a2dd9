"""What tests of the API share: calls in a ledger, and a client that is acme or bolt."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from posting_world import PostingWorld

from switch.api.app import create_app
from switch.api.recording import pause_by
from switch.deployment import Api


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PostingWorld]:
    world = PostingWorld(tmp_path)
    yield world
    world.close()


@pytest.fixture
def http(world: PostingWorld, tmp_path: Path) -> Iterator[TestClient]:
    def api() -> Api:
        assert world.deployment.switch.api is not None
        return world.deployment.switch.api

    with TestClient(create_app(world.postings, api=api, now_us=world.clock.now_us, pause=pause_by(tmp_path))) as client:
        yield client
