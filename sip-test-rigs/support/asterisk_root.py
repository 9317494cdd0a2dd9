"""Finds Asterisk: that of PATH, or one that lies unpacked in a directory, which needs neither chroot nor root to run. Starts nothing."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "ASTERISK_ROOT"
"""Names the directory."""
DEFAULT_ROOT = Path(__file__).resolve().parents[2] / ".cache" / "asterisk"
"""Where `make rig-asterisk` unpacks it."""


class NoAsteriskError(Exception):
    """`ASTERISK_ROOT` names a directory that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """`program`: what to run, with the loader and libraries of its own root. `directories`: of `asterisk.conf`, those that are not where it
    was built to look."""

    program: tuple[str, ...]
    directories: Mapping[str, Path]


def find(environ: Mapping[str, str] = os.environ, default: Path = DEFAULT_ROOT) -> Installed | None:
    """Returns that of `ASTERISK_ROOT`, else of PATH, else of `default`; None when there is none. Raises NoAsteriskError."""
    if named := environ.get(VARIABLE):
        if (found := _unpacked(Path(named).resolve())) is None:
            raise NoAsteriskError(
                f"{VARIABLE}={named}: no Asterisk is unpacked there (usr/sbin/asterisk, its modules and ld-linux)"
            )
        return found
    path = environ.get("PATH", "")
    if program := shutil.which("asterisk", path=f"{path}:/usr/sbin:/usr/local/sbin"):
        return Installed(program=(program,), directories={})
    return _unpacked(default)


def _unpacked(root: Path) -> Installed | None:
    """Programs of another Debian than the machine's want their own libc, and so the loader that belongs to it."""
    program = root / "usr/sbin/asterisk"
    modules = next(root.glob("usr/lib/*/asterisk/modules"), None)
    if not program.is_file() or modules is None:
        return None
    libraries = modules.parents[1]
    loader = next(libraries.glob("ld-linux*.so.*"), None)
    if loader is None:
        return None
    return Installed(
        program=(str(loader), "--library-path", str(libraries), str(program)),
        directories={"astmoddir": modules, "astdatadir": root / "usr/share/asterisk"},
    )
