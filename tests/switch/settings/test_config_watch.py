"""Changes of config files are told; changes beside them are not."""

import asyncio
import shutil
from pathlib import Path

import pytest
from watchfiles import Change

from switch.settings import watch
from switch.settings.watch import changes, is_config

DEADLINE_S = 20.0


async def _told(directory: Path) -> bool:
    """Whether a change is told. The file is written until it is: there is no telling when the watch has begun."""
    stream = changes(directory)
    told = asyncio.ensure_future(anext(stream))
    async with asyncio.timeout(DEADLINE_S):
        while not told.done():
            (directory / "shop.yaml").write_text("# changed\n")
            await asyncio.wait({told}, timeout=0.3)
    await stream.aclose()  # type: ignore[attr-defined]
    return told.result() is None


def test_a_written_file_is_told(config: Path) -> None:
    assert asyncio.run(_told(config))


def _replace(config: Path) -> None:
    shutil.copytree(config, config.parent / "new")
    config.rename(config.parent / "old")
    (config.parent / "new").rename(config)


def test_another_directory_in_its_place_is_told_and_ends_the_watch(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_MS", 50)

    async def scene() -> int:
        stream = changes(config)
        told = asyncio.ensure_future(anext(stream))
        await asyncio.wait({told}, timeout=0.3)
        _replace(config)
        async with asyncio.timeout(DEADLINE_S):
            await told
            return len([None async for _ in stream])

    assert asyncio.run(scene()) <= 1


@pytest.mark.parametrize(
    ("name", "ours"),
    [("shop.yaml", True), (".shop.yaml", False), ("shop.yaml~", False), ("shop.yml", False), ("welcome.wav", False)],
)
def test_which_files_are_config(name: str, *, ours: bool) -> None:
    assert is_config(Change.modified, f"/etc/payphone/{name}") == ours
