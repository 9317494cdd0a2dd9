"""Which companions a switch starts, and when."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from switch.companions import Companion, Companions
from switch.deployment import Deployment
from switch.settings.load import load

CONFIG = Path(__file__).parents[2] / "config"
SUPPORT = Path(__file__).parent.parent / "support"


@pytest.fixture(autouse=True)
def _module_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT), prepend=os.pathsep)


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    found = load(CONFIG).deployment
    assert found is not None
    return found


def companion(name: str, wanted: Callable[[Deployment], bool]) -> Companion:
    return Companion(name=name, module="companion_of_tests", wanted=wanted, without="nothing is served")


def of(known: Sequence[Companion]) -> Companions:
    return Companions(CONFIG, Path("serves"), known=known)


def test_only_what_the_config_wants_is_started(deployment: Deployment, capfd: pytest.CaptureFixture[str]) -> None:
    async def scene() -> None:
        companions = of([companion("unwanted", lambda _: False), companion("wanted", lambda _: True)])
        companions.want(deployment)
        await companions.started()
        await companions.close()

    asyncio.run(scene())
    found = "".join(capfd.readouterr())
    assert "wanted up" in found
    assert "unwanted" not in found


def test_a_later_config_may_want_it(deployment: Deployment, capfd: pytest.CaptureFixture[str]) -> None:
    answers = [False, True, True]

    async def scene() -> None:
        companions = of([companion("late", lambda _: answers.pop(0))])
        companions.want(deployment)
        await companions.started()
        assert "late up" not in "".join(capfd.readouterr())
        companions.want(deployment)
        companions.want(deployment)  # it is there already
        await companions.started()
        await companions.close()

    asyncio.run(scene())
    assert "".join(capfd.readouterr()).count("late up") == 1
