"""Lists the library versions that a config's meaning depends on: the same text may mean other closed dates, other local times or
another state with another version of a library.

A config's version is a digest of the text's meaning and says nothing of them. So each time a switch begins to run a config, their versions
are kept in the ledger beside it, under the config's version and the moment.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version

from routing.area_codes import COMPARED

LIBRARIES = ("holidays", "phonenumbers", "tzdata", "zipcodes")
FILE = "versions.json"
FORMAT_VERSION = 1
"""The version of the canonical form that `payphone fmt` writes. It is raised when the same text is formatted differently than before:
whoever keeps formatted configs can tell why one changed. A test holds it to the output."""


def versions_now() -> dict[str, str]:
    """By name, the versions in this process. `area-codes`: the day our own table was compared. `fmt`: the canonical form of configs."""
    return {**{name: version(name) for name in LIBRARIES}, "area-codes": COMPARED.isoformat(), "fmt": str(FORMAT_VERSION)}


def kept_as(config: str, at_us: int) -> tuple[str, Mapping[str, str]]:
    """The name and the files under which the ledger keeps the present versions beside the config version `config`."""
    return f"{config}@{at_us}", {FILE: json.dumps(versions_now(), sort_keys=True)}


def differences(kept: Mapping[str, str] | None, now: Mapping[str, str]) -> tuple[str, ...]:
    """`holidays 0.108, now 0.109` for each that is another one now, by name. `kept`: the files that `kept_as` made; None: from before
    versions were kept, of which nothing is said."""
    if kept is None:
        return ()
    then = {str(name): str(value) for name, value in json.loads(kept[FILE]).items()}
    names = sorted(then.keys() | now.keys())
    return tuple(
        f"{name} {then.get(name, 'unknown')}, now {now.get(name, 'none')}" for name in names if then.get(name) != now.get(name)
    )
