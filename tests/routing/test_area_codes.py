"""The table of new area codes and the zones of area codes, held against `phonenumbers` and `zipcodes`: all that they say otherwise is here
by name, so that a new version of either shows what has changed.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
import zipcodes
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.tzdata import TIMEZONE_DATA

from routing.area_codes import COMPARED, NEW_AREA_CODES, ZONE_OF_AREA, ZONE_OF_STATE, months_old
from routing.geo import PROVINCES, STATES, TERRITORY_OF_AREA, US_STATES, Place, Source, area_of, place

# Clocks are changed between the two, wherever they are changed.
SEASONS = (datetime(2026, 1, 15), datetime(2026, 7, 15))  # noqa: DTZ001 they are read in many zones
EXCHANGE = "2345678"


def in_use(area: str) -> Place:
    return place("", "", f"+1{area}{EXCHANGE}")


@cache
def hours_ahead(zone: str) -> tuple[object, ...]:
    """What makes two zones one to a caller: how far they are from UTC in winter and summer."""
    return tuple(season.replace(tzinfo=ZoneInfo(zone)).utcoffset() for season in SEASONS)


@cache
def zones_of_zips() -> Mapping[tuple[str, str], frozenset[str]]:
    """By area code and state, the zones of its ZIPs."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for first in "0123456789":
        for entry in zipcodes.similar_to(first):  # type: ignore[no-untyped-call]
            for area in entry["area_codes"] if "/" in entry["timezone"] else ():
                found[area, entry["state"]].add(entry["timezone"])
    return {key: frozenset(zones) for key, zones in found.items()}


PLACED = tuple(area for area in map(str, range(200, 990)) if area_of(f"+1{area}{EXCHANGE}") and in_use(area).state)


@pytest.mark.parametrize(
    ("area", "state"), [("861", "IL"), ("436", "OH"), ("621", "TX"), ("729", "TN"), ("679", "MI"), ("465", "NY")]
)
def test_a_new_area_code_has_the_state_of_what_it_overlays(area: str, state: str) -> None:
    assert in_use(area).state == state
    assert in_use(area).source is Source.NUMBER


@pytest.mark.parametrize("area", NEW_AREA_CODES)
def test_every_entry_is_an_overlay_that_phonenumbers_does_not_place(area: str) -> None:
    """One that it does place can be taken out of the table."""
    new = NEW_AREA_CODES[area]
    older = in_use(new.overlays)
    assert new.state in US_STATES
    assert (older.state, older.zone) == (new.state, in_use(area).zone)
    assert not any(prefix.startswith(f"1{area}") for prefix in GEOCODE_DATA)
    assert new.since is None or date(2023, 1, 1) < new.since <= COMPARED
    assert new.source


@pytest.mark.parametrize(
    ("today", "months"),
    [
        (date(2026, 11, 27), 0),  # a clock that is wrong
        (date(2026, 11, 28), 0),
        (date(2026, 12, 27), 0),
        (date(2026, 12, 28), 1),
        (date(2027, 11, 27), 11),
        (date(2027, 11, 28), 12),
    ],
)
def test_the_age_of_the_table(today: date, months: int) -> None:
    assert months_old(today) == months


@pytest.mark.parametrize(
    ("area", "zone"),
    [
        ("689", "America/New_York"),  # Orlando
        ("850", None),  # Tallahassee and Pensacola
        ("270", None),  # west Kentucky
        ("423", None),  # Chattanooga
        ("729", None),  # its overlay
        ("915", "America/Denver"),  # El Paso
        ("621", "America/Chicago"),  # Houston
        ("604", "America/Vancouver"),
        ("250", None),
        ("807", None),
        ("306", None),  # Lloydminster has Alberta's time
        ("907", None),
    ],
)
def test_the_zone_is_known_where_all_of_the_area_code_has_one(area: str, zone: str | None) -> None:
    assert in_use(area).zone == zone


def test_zones_are_those_of_the_zips_of_each_area_code() -> None:
    """Where ZIPs of an area code disagree its zone is not known, and where they agree it is. 915: Fort Davis, Pecos, Valentine and Van Horn
    had it once, and have 432 since 2003."""
    wrong = {}
    for area in PLACED:
        found = in_use(area)
        zones = {hours_ahead(zone) for zone in zones_of_zips().get((area, str(found.state)), ())}
        ours = None if found.zone is None else hours_ahead(found.zone)
        if zones and (ours is not None or len(zones) == 1) and zones != {ours}:
            wrong[area] = found.zone
    # 775: West Wendover has Denver's time, and its ZIP is listed with Los Angeles'.
    assert wrong == {"775": None, "915": "America/Denver"}


def test_what_phonenumbers_says_otherwise() -> None:
    """Area codes to which it gives one zone, which is another than ours, and those where we know of several."""
    other, certain = {}, set()
    for area in PLACED:
        zones, ours = TIMEZONE_DATA.get(f"1{area}", ()), in_use(area).zone
        if len({hours_ahead(zone) for zone in zones}) == 1:
            if ours is None:
                certain.add(area)
            elif hours_ahead(ours) != hours_ahead(zones[0]):
                other[area] = zones[0]
    assert other == {"689": "America/Chicago"}
    several = (
        "219 236 250 257 270 306 308 364 367 402 418 423 448 458 474 531 541 574 581 606 620 639 672 765 778 785 807 812 850 865"
    )
    assert certain == {*several.split(), "906", "928", "930", "931"}


def test_no_exchange_of_an_area_code_is_in_another_state() -> None:
    """What `phonenumbers` says of single exchanges, against the area code's state: a Manhattan exchange in New Jersey."""
    states = {name: code for code, name in (*US_STATES.items(), *PROVINCES.items())}
    strange = {}
    for prefix, names in GEOCODE_DATA.items():
        if prefix[0] == "1" and prefix[1:4] in PLACED and len(prefix) > 4:
            said = states.get(names.get("en", ""), names.get("en", "").rpartition(", ")[2])
            if said in STATES and said != in_use(prefix[1:4]).state:
                strange[prefix] = said
    assert strange == {"1201631": "NY"}


def test_the_tables_name_what_there_is() -> None:
    assert set(ZONE_OF_STATE) <= STATES
    assert set(TERRITORY_OF_AREA.values()) <= set(ZONE_OF_STATE)
    assert {*ZONE_OF_STATE.values(), *(zone for zone in ZONE_OF_AREA.values() if zone)} <= available_timezones()
    assert set(ZONE_OF_AREA) <= set(PLACED)
