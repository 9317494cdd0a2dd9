"""The programs of others that rigs need: whether they are there, and what installs them."""

import shutil
from collections.abc import Iterable

PACKAGES = {"sipp": "sip-tester", "baresip": "baresip-core", "kamailio": "kamailio kamailio-tls-modules", "asterisk": "asterisk"}
"""Debian's, by program."""
MAY_BE_MISSING = {"asterisk"}
"""Programs that not every Debian offers: their rigs pass without them, and say so."""


def missing(programs: Iterable[str]) -> list[str]:
    """Returns those that are not installed. Kamailio is in /usr/sbin, which not everybody's PATH has."""
    return [name for name in sorted(programs) if path_of(name) is None]


def path_of(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")


def how_to_install(programs: Iterable[str]) -> str:
    """One sentence with the one command."""
    names = list(programs)
    packages = " ".join(PACKAGES[name] for name in names)
    return f"{' and '.join(names)} must be there for this rig. Install:  sudo apt-get install -y {packages}"
