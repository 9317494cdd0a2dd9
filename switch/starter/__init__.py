"""The configs that `payphone init` writes and `payphone demo` plays: which files they have, and how they get into a directory.

The sample is `config/` of the source, and lies beside this file where the package is installed from a wheel: nothing is in both places.
"""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_HERE = Path(__file__).parent
_INSTALLED = _HERE / "sample"
SAMPLE = _INSTALLED if _INSTALLED.is_dir() else _HERE.parents[1] / "config"
"""A config directory with most of what there is, call tests and prompts included."""
DATA = "../var"
"""What `switch.data` is in both starter configs."""

_MINIMAL = _HERE / "minimal"
_FROM_SAMPLE = ("payphone.schema.json", "tests/calltests.schema.json", "prompts/all-busy.wav")
"""What the minimal config shares with the sample."""
MAX_NAMED = 3


class DirectoryInUse(Exception):
    """Something stands where the config is to be made. The message says what."""


def starter_files(*, minimal: bool) -> Mapping[str, Path]:
    """The files of a starter config: the path of each inside the config directory, and where it is copied from."""
    if not minimal:
        return _below(SAMPLE)
    return _below(_MINIMAL) | {name: SAMPLE / name for name in _FROM_SAMPLE}


def write_starter(directory: Path, files: Mapping[str, Path]) -> None:
    """Copies `files` into `directory`, all of them or none. `directory` is empty, or is made with the parents that it lacks.

    Raises DirectoryInUse, and OSError where the file system refuses; both leave everything as it was.
    """
    is_there = directory.is_dir()
    _refuse_if_used(directory)
    home = directory if is_there else directory.parent
    missing = [folder for folder in (home, *home.parents) if not folder.exists()]
    staged = home / f".payphone-init-{os.getpid()}"
    try:
        _copy(files, staged)
        # A directory that is there is kept, for it may be a mount point, which no other can take the place of.
        for source in sorted(staged.iterdir()) if is_there else [staged]:
            source.rename(directory / source.name if is_there else directory)
    except BaseException:
        for leftover in list(directory.iterdir()) if is_there else [staged]:
            _remove(leftover)
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise
    if is_there:
        staged.rmdir()


def _below(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _copy(files: Mapping[str, Path], to: Path) -> None:
    for name, source in files.items():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, to / name)


def _refuse_if_used(directory: Path) -> None:
    if not directory.is_dir():
        if directory.exists():
            raise DirectoryInUse(f"{directory} is a file")
        return
    names = sorted(path.name for path in directory.iterdir())
    if names:
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        raise DirectoryInUse(f"{directory} is not empty, and nothing in it is overwritten: {', '.join(names[:MAX_NAMED])}{more}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
