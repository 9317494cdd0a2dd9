"""Which time zone rules a process goes by, and which names are zones. Directories of the OS are made up, of any version."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import tzdata
from tzif import zone_directory

from routing.zone import PACKAGE, ZoneRules, newer, rules, system_rules, time_zone, zone_names

PACKAGE_OF_2026F = ZoneRules(version="2026f", source=PACKAGE, directory=Path("package"))
NOON_US = 1_795_204_800_000_000
"""2026-11-20 20:00 UTC: 12:00 in Vancouver by the rules up to 2025, 13:00 by those of 2026."""


def system(version: str | None) -> ZoneRules:
    return ZoneRules(version=version, source="operating system", directory=Path("os"))


@pytest.mark.parametrize(
    ("version", "source"),
    [
        ("2025b", PACKAGE),
        ("2026e", PACKAGE),
        ("2026f", PACKAGE),  # as new: the package has every zone
        ("2026g", "operating system"),
        ("2027a", "operating system"),
        ("2026za", "operating system"),  # the twenty-seventh of a year
        (None, PACKAGE),
    ],
)
def test_the_newer_rules_are_taken(version: str | None, source: str) -> None:
    chosen = newer(system(version), PACKAGE_OF_2026F)
    assert chosen.source == source
    assert chosen.passed_over == str(PACKAGE_OF_2026F if source != PACKAGE else system(version))


def test_an_os_without_zones_leaves_the_package(tmp_path: Path) -> None:
    assert system_rules([tmp_path, tmp_path / "missing"]) is None
    assert newer(None, PACKAGE_OF_2026F) == PACKAGE_OF_2026F


@pytest.mark.parametrize(
    ("file", "text", "version"),
    [
        ("tzdata.zi", "# version 2025b\n# This zic input", "2025b"),
        ("tzdata.zi", "# version 2026c-rearguard\n", "2026c"),
        ("+VERSION", "2027a\n", "2027a"),
        ("tzdata.zi", "# redo 2023c\n", None),
        ("tzdata.zi", "", None),
        ("other", "2027a", None),
    ],
)
def test_an_os_says_its_version(tmp_path: Path, file: str, text: str, version: str | None) -> None:
    directory = zone_directory(tmp_path / "zoneinfo", {})
    (directory / file).write_text(text)
    found = system_rules([tmp_path, directory])  # the first is there, and holds no zones
    assert found is not None
    assert (found.version, found.directory) == (version, directory)


@pytest.mark.parametrize("name", ["../UTC", "/etc/localtime", "localtime", "right/UTC", "America", "tzdata.zi", "", "a\0b", "utc2"])
def test_what_is_no_zone_is_none(name: str) -> None:
    with pytest.raises(KeyError):
        time_zone(name)
    assert name not in zone_names()


def test_this_process_goes_by_rules_that_are_as_new_as_the_package() -> None:
    assert (rules().version or "") >= tzdata.IANA_VERSION
    assert time_zone("America/New_York") is time_zone("America/New_York")
    assert {"America/New_York", "UTC", "Asia/Kathmandu"} <= zone_names()


@pytest.mark.parametrize("name", ["America/Vancouver", "America/Edmonton", "America/Winnipeg"])
def test_canada_stopped_changing_its_clocks_in_2026(name: str) -> None:
    summer, winter = datetime(2026, 7, 1, 20, tzinfo=UTC), datetime(2026, 11, 20, 20, tzinfo=UTC)
    assert winter.astimezone(time_zone(name)).hour == summer.astimezone(time_zone(name)).hour
    assert time_zone(name) is ZoneInfo(name)  # libraries read the same


TELL = f"""
from routing.hours import wall_clock
from routing.zone import rules
print(wall_clock("America/Vancouver", {NOON_US}).minute // 60, rules(), rules().passed_over, sep="; ")
"""


@pytest.mark.parametrize(("version", "hour"), [("2099a", 1), ("2001a", 13), (None, 13)])
def test_hours_follow_an_os_only_if_it_is_newer(tmp_path: Path, version: str | None, hour: int) -> None:
    directory = zone_directory(tmp_path, {"America/Vancouver": "<+05>-5"}, version=version)
    told = subprocess.run(
        [sys.executable, "-c", TELL], env=os.environ | {"PYTHONTZPATH": str(directory)}, capture_output=True, text=True, check=True
    ).stdout.strip()
    of_os, of_package = (
        f"{version or 'unknown version'} of the operating system ({directory})",
        f"{tzdata.IANA_VERSION} of the {PACKAGE}",
    )
    expected = (of_os, of_package) if version == "2099a" else (of_package, of_os)
    assert told == f"{hour}; {expected[0]}; {expected[1]}"
