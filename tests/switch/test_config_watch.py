"""Changes of config files are told, however they are made; what is no config is not.

A watch begins some time after it is asked for, and nobody says when: so each change is made again until it is told. `LOOK_MS` is out of
reach of the deadline where the watcher itself has to notice, and short where only the look around can.
"""

import asyncio
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from switch import config_watch as watch
from switch.config_watch import changes, fingerprint
from switch.settings.load import load

DEADLINE_S = 40.0
NEVER_MS = 600_000
SOON_MS = 50
AGAIN_S = 0.3  # longer than QUIET_MS, so that a burst ends

Change = Callable[[Path], None]


async def _told(directory: Path, change: Change) -> None:
    """Returns once the change is told; TimeoutError where it never is."""
    stream = changes(directory, directory / "prompts")
    told = asyncio.ensure_future(anext(stream))
    async with asyncio.timeout(DEADLINE_S):
        while not told.done():
            await asyncio.wait({told}, timeout=AGAIN_S)
            if not told.done():
                change(directory)
    await stream.aclose()  # type: ignore[attr-defined]
    assert told.result() is None


def _write(directory: Path) -> None:
    with (directory / "shop.yaml").open("a") as file:
        file.write("# changed\n")


def _rename_over(directory: Path) -> None:
    """As editors save: a new file takes the name of the old one, which is never opened for writing."""
    (directory / "shop.yaml.tmp").write_text((directory / "shop.yaml").read_text() + "# changed\n")
    (directory / "shop.yaml.tmp").rename(directory / "shop.yaml")


def _add(directory: Path) -> None:
    (directory / f"more-{len(list(directory.iterdir()))}.yaml").write_text("# nothing yet\n")


def _remove(directory: Path) -> None:
    (directory / "shop.yaml").unlink(missing_ok=True)


@pytest.mark.parametrize("change", [_write, _rename_over, _add, _remove])
def test_a_changed_file_is_told(config: Path, change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_MS", NEVER_MS)
    asyncio.run(_told(config, change))


def _as_config_map(directory: Path) -> None:
    """The directory as Kubernetes mounts a ConfigMap: `shop.yaml` -> `..data/shop.yaml`, `..data` -> `..version-0`."""
    version = directory / "..version-0"
    version.mkdir()
    for path in list(directory.glob("*.yaml")):
        path.rename(version / path.name)
        path.symlink_to(Path("..data") / path.name)
    (directory / "..data").symlink_to(version.name)


def _swap_config_map(directory: Path) -> None:
    """As the kubelet updates it: a new version beside the old, one rename of `..data`, and the old version is removed."""
    before = (directory / "..data").readlink()
    after = next(name for number in count(1) if not (directory / (name := f"..version-{number}")).exists())
    shutil.copytree(directory / before, directory / after)
    (directory / after / "shop.yaml").write_text((directory / before / "shop.yaml").read_text().replace("25.00", "26.00"))
    (directory / "..data_tmp").symlink_to(after)
    (directory / "..data_tmp").rename(directory / "..data")
    shutil.rmtree(directory / before)


def test_a_swapped_config_map_is_told(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_MS", NEVER_MS)
    _as_config_map(config)
    before = load(config).deployment

    asyncio.run(_told(config, _swap_config_map))

    after = load(config).deployment
    assert before is not None
    assert after is not None
    assert after.plan.version != before.plan.version


def test_a_link_that_leads_out_of_the_directory_is_looked_at(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens out there wakes nobody."""
    monkeypatch.setattr(watch, "LOOK_MS", SOON_MS)
    outside = config.parent / "outside.yaml"
    (config / "shop.yaml").rename(outside)
    (config / "shop.yaml").symlink_to(outside.absolute())

    def change(_: Path) -> None:
        outside.write_text(outside.read_text() + "# changed\n")

    asyncio.run(_told(config, change))


@pytest.mark.parametrize("linked", [False, True], ids=["renamed", "linked"])
def test_another_directory_in_its_place_is_told_and_ends_the_watch(
    config: Path, monkeypatch: pytest.MonkeyPatch, *, linked: bool
) -> None:
    monkeypatch.setattr(watch, "LOOK_MS", SOON_MS)
    new, old = config.parent / "new", config.parent / "old"
    shutil.copytree(config, new)
    watched = config.parent / "current" if linked else config
    if linked:
        watched.symlink_to(config.name)

    def replace(_: Path) -> None:
        if linked:
            (config.parent / "next").symlink_to(new.name)
            (config.parent / "next").rename(watched)
        elif new.exists():
            config.rename(old)
            new.rename(config)

    async def scene() -> int:
        stream = changes(watched, watched / "prompts")
        told = asyncio.ensure_future(anext(stream))
        async with asyncio.timeout(DEADLINE_S):
            while not told.done():
                await asyncio.wait({told}, timeout=AGAIN_S)
                replace(watched)
            return len([None async for _ in stream])

    assert asyncio.run(scene()) == 0


@pytest.mark.parametrize("name", [".shop.yaml", ".shop.yaml.swp", "shop.yaml~", "shop.yml", "welcome.wav", "..data"])
def test_what_is_no_config_leaves_the_fingerprint_as_it_was(config: Path, name: str) -> None:
    before = fingerprint(config, config / "prompts")
    (config / name).write_text("anything")
    assert fingerprint(config, config / "prompts") == before


def test_a_link_that_leads_nowhere_has_a_fingerprint(config: Path) -> None:
    (config / "gone.yaml").symlink_to("nowhere.yaml")
    assert ("gone.yaml", 0, 0, 0) in fingerprint(config, config / "prompts")
