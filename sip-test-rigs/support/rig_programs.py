"""What rigs need of the machine, the programs of others and IPv6: whether it is there, and what installs it."""

import shutil
from collections.abc import Iterable

from asterisk_root import find
from rig_ports import has_ipv6

PACKAGES = {"sipp": "sip-tester", "baresip": "baresip-core", "kamailio": "kamailio kamailio-tls-modules", "asterisk": "asterisk"}
"""Debian's, by program."""
IPV6 = "ipv6"
MAY_BE_MISSING = {"asterisk", IPV6}
"""What not every Debian or machine offers: rigs pass without, and say so."""


def missing(programs: Iterable[str]) -> list[str]:
    """Returns those that are not there. Kamailio is in /usr/sbin, which not everybody's PATH has."""
    return [name for name in sorted(programs) if not (has_ipv6() if name == IPV6 else path_of(name))]


def path_of(program: str) -> str | None:
    """Raises NoAsteriskError."""
    if program == "asterisk":
        installed = find()
        return installed.program[-1] if installed else None
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")


def how_to_install(programs: Iterable[str]) -> str:
    """One sentence with the one command."""
    names = [name for name in programs if name != IPV6]
    packages = " ".join(PACKAGES[name] for name in names)
    return f"{' and '.join(names)} must be there for this rig. Install:  sudo apt-get install -y {packages}"
