"""The time zone rules that hours, caps, schedules and reports go by: the newer of the operating system's and the `tzdata` package's.

Governments change their clocks at short notice, and an installation gets new rules by either way: an OS with 2025b is an hour off in
Vancouver, Edmonton and Winnipeg since November 2026. The first use in a process chooses, and points `zoneinfo` as a whole at what was
chosen, so that libraries read the same rules. A zone is read once, when a config or an option that names it is checked; calls find it in
memory. New rules are taken up by a restart.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError, available_timezones, reset_tzpath

import tzdata

PACKAGE = "tzdata package"
PACKAGE_DIRECTORY = Path(tzdata.__file__).parent / "zoneinfo"
_VERSION_FILES = ("tzdata.zi", "+VERSION", "version")
"""Where an OS says it: the first line of Debian's and Fedora's tables, files of BSD and macOS. Some systems say nothing."""
_VERSION = re.compile(r"(?:# version )?(\d{4}[a-z]{1,2})\b")
_NO_ZONES = ("localtime", "posixrules", "posix/", "right/")
"""Found beside the zones of an OS: its own setting, duplicates, and clocks that count leap seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRules:
    """`version`: as IANA counts them, such as `2026f`; None: not known. `source`: in words. `directory`: of TZif files.

    `passed_over`: the other rules that this machine has, if any, as text.
    """

    version: str | None
    source: str
    directory: Path
    passed_over: str | None = None

    def __str__(self) -> str:
        """`2026f of the tzdata package`."""
        return f"{self.version or 'unknown version'} of the {self.source}"


@cache
def rules() -> ZoneRules:
    """The rules that this process goes by from now on."""
    package = ZoneRules(version=tzdata.IANA_VERSION, source=PACKAGE, directory=PACKAGE_DIRECTORY)
    chosen = newer(system_rules(map(Path, TZPATH)), package)
    reset_tzpath(to=[str(chosen.directory)])
    ZoneInfo.clear_cache()
    return chosen


Zone = ZoneInfo
"""What `time_zone` gives."""


DEFAULT_ZONE = "UTC"


def zone_of_most(campaigns: Iterable[tuple[str, str | None]]) -> str:
    """The zone that most campaigns keep, the first by name of several; UTC where there is no campaign.

    `campaigns`: the zone of each, and that of its hours, if it has any. A campaign in UTC has that of its hours: nobody means UTC who opens
    at nine in Chicago.
    """
    zones = Counter(of_hours if zone == DEFAULT_ZONE and of_hours else zone for zone, of_hours in campaigns)
    return min(zones, key=lambda zone: (-zones[zone], zone), default=DEFAULT_ZONE)


@cache
def time_zone(name: str) -> ZoneInfo:
    """The clocks of an IANA zone, the same object each time. Raises ZoneInfoNotFoundError for any other text."""
    rules()
    if not name.startswith(_NO_ZONES):
        try:
            return ZoneInfo(name)
        except (ValueError, OSError):  # `../x`, a directory such as `America`, a file that is no zone
            pass
    raise ZoneInfoNotFoundError(f"no time zone {name!r}")


@cache
def zone_names() -> frozenset[str]:
    """All names that `time_zone` takes. Reads the head of every file: for hints, not for checks."""
    rules()
    return frozenset(name for name in available_timezones() if not name.startswith(_NO_ZONES))


def system_rules(directories: Iterable[Path]) -> ZoneRules | None:
    """Those of the first directory that holds zones; None: the OS has none."""
    for directory in directories:
        if (directory / "UTC").is_file() or (directory / "Etc" / "UTC").is_file():
            return ZoneRules(version=_version(directory), source=f"operating system ({directory})", directory=directory)
    return None


def newer(system: ZoneRules | None, package: ZoneRules) -> ZoneRules:
    """The system's only when they say that they are newer: the package always says what it has, and has every zone."""
    if system is None:
        return package
    chosen, other = (system, package) if (system.version or "") > (package.version or "") else (package, system)
    return ZoneRules(version=chosen.version, source=chosen.source, directory=chosen.directory, passed_over=str(other))


def _version(directory: Path) -> str | None:
    for name in _VERSION_FILES:
        try:
            with (directory / name).open(encoding="utf-8", errors="replace") as file:
                found = _VERSION.match(file.readline())
        except OSError:
            continue
        if found:
            return found[1]
    return None
