"""Where callers are: which source wins, what ZIPs and numbers say, and which caller ids nobody can be recognised by."""

import pytest
import zipcodes

from routing import geo
from routing.geo import STATES, Place, Source, anonymous, area_of, known_zip, load_tables, place, valid_number

HOUSTON, BEVERLY_HILLS = "77002", "90210"
MANHATTAN = "+12125550100"


def test_a_typed_zip_beats_a_passed_one_and_that_beats_the_number() -> None:
    assert place(HOUSTON, BEVERLY_HILLS, MANHATTAN) == Place(state="TX", zone="America/Chicago", source=Source.CALLER)
    assert place("", BEVERLY_HILLS, MANHATTAN) == Place(state="CA", zone="America/Los_Angeles", source=Source.PUBLISHER)
    assert place("", "", MANHATTAN) == Place(state="NY", zone="America/New_York", source=Source.NUMBER)
    assert place("", "", "anonymous") == Place(state=None, zone=None, source=Source.NONE)


@pytest.mark.parametrize("unread", ["", "00000", "99999", "7700", "770022", "abcde", "77002-", "٧٧٠٠٢", " 77002"])
def test_what_is_no_zip_is_passed_over(unread: str) -> None:
    assert place(unread, BEVERLY_HILLS, MANHATTAN).source is Source.PUBLISHER
    assert place(unread, unread, MANHATTAN).source is Source.NUMBER
    assert not known_zip(unread)


def test_a_zip_may_be_passed_with_its_four_digits_more() -> None:
    assert place("", "77002-1234", "").state == "TX"
    assert place("", "770021234", "").state == "TX"
    assert not known_zip("77002-1234")  # five digits are asked for in menus


@pytest.mark.parametrize(
    ("text", "state", "zone"),
    [
        ("00501", "NY", "America/New_York"),
        ("79901", "TX", "America/Denver"),  # El Paso
        ("00901", "PR", "America/Puerto_Rico"),
        ("96910", "GU", "Pacific/Guam"),
        ("09012", "AE", None),  # military mail in Europe
        ("01133", "MA", "America/New_York"),  # decommissioned
    ],
)
def test_zips(text: str, state: str, zone: str | None) -> None:
    assert known_zip(text)
    assert place(text, "", "") == Place(state=state, zone=zone, source=Source.CALLER)


@pytest.mark.parametrize(
    ("ani", "state", "zone"),
    [
        ("+12125550100", "NY", "America/New_York"),
        ("+17135551234", "TX", "America/Chicago"),
        ("+19155551234", "TX", "America/Denver"),
        ("+12065551234", "WA", "America/Los_Angeles"),
        ("+12025551234", "DC", "America/New_York"),
        ("+14165551234", "ON", "America/Toronto"),
        ("+16045551234", "BC", "America/Vancouver"),
        ("+12505551234", "BC", None),  # its east is an hour ahead
        ("+17872345678", "PR", "America/Puerto_Rico"),
        ("+16842345678", "AS", "Pacific/Pago_Pago"),
        ("+16712345678", "GU", "Pacific/Guam"),
        ("+12085551234", "ID", None),  # an area code of two zones
        ("+13102002345", "CA", "America/Los_Angeles"),  # described by its exchanges alone, and not by this one
        ("+12016312345", "NJ", "America/New_York"),  # an exchange that `phonenumbers` puts into New York
        ("+19023682345", "PE", "America/Halifax"),  # Charlottetown, by its exchange: the area code is shared
    ],
)
def test_places_of_numbers(ani: str, state: str, zone: str | None) -> None:
    assert place("", "", ani) == Place(state=state, zone=zone, source=Source.NUMBER)


@pytest.mark.parametrize(
    "ani",
    [
        "+18005550100",  # toll-free
        "+18885551234",
        "+15005550006",  # personal numbers
        "+19005551234",
        "+18762345678",  # Jamaica
        "+19022005555",  # Nova Scotia or Prince Edward Island: that exchange does not say
        "+18675552345",  # three territories
        "+442079460000",
        "+10000000000",
        "2125550100",
        "",
    ],
)
def test_numbers_without_a_place(ani: str) -> None:
    assert place("", "", ani) == Place()


@pytest.mark.parametrize(
    "ani",
    [
        *("", "anonymous", "Anonymous", "restricted", "unavailable", "unknown", "private", "asterisk", "1001", "2125550100"),
        *("+266696687", "+7378742833", "+2562533", "+8566696", "+86282452253"),  # ANONYMOUS and its like on a keypad
        *("+10000000000", "+11234567890", "+12222222222", "+15555555555", "+19999999999", "+16666666666"),
        *("+19115551234", "+14115551234", "+12121234567", "+12120551234", "+12925551234", "+10125551234"),
        *("+1212555010", "+121255501000", "+1", "+", "+0123456789", "+999123456789", "+4420", "+1212555010a", "+٢١٢٥٥٥٠١٠٠"),
    ],
)
def test_nobody_is_recognised_by(ani: str) -> None:
    assert anonymous(ani)
    assert not valid_number(ani)
    assert area_of(ani) is None


@pytest.mark.parametrize(
    "ani",
    [
        "+12125550100",
        "+18005550100",
        "+18888888888",
        "+12025550141",
        "+442079460000",
        "+4930901820",
        "+525512345678",
        "+18762345678",
    ],
)
def test_somebody_is_recognised_by(ani: str) -> None:
    assert valid_number(ani)
    assert not anonymous(ani)


def test_a_number_from_an_area_code_nobody_has_heard_of_is_somebodys() -> None:
    """Area codes open each year, and no library knows next year's."""
    assert not anonymous("+19872345678")
    assert place("", "", "+19872345678") == Place()


def test_area_codes() -> None:
    assert area_of("+12125550100") == "212"
    assert area_of("+18005550100") == "800"
    assert area_of("+442079460000") is None


def test_every_state_the_sources_name_is_one_we_know() -> None:
    by_area, by_exchange = geo._numbers()
    states = {*by_area.values(), *by_exchange.values()}
    assert states <= STATES
    assert set(geo.US_STATES) | set(geo.PROVINCES) <= states
    assert {state for state, _ in geo._zips().values()} <= STATES
    assert set(geo.US_STATES) <= {state for state, _ in geo._zips().values()}


def test_exchanges_are_asked_for_where_several_provinces_share_an_area_code_only() -> None:
    _, by_exchange = geo._numbers()
    assert {prefix[:3] for prefix in by_exchange} == {"867", "902"}
    assert {len(prefix) for prefix in by_exchange} <= {4, 5, 6}


def test_area_codes_with_one_state_in_both_libraries_agree() -> None:
    """Which area codes a ZIP has and which state an area code is in are told by different libraries: where one state has nearly all."""
    states, _ = geo._numbers()
    by_area: dict[str, dict[str, int]] = {}
    for first in "0123456789":
        for entry in zipcodes.similar_to(first):  # type: ignore[no-untyped-call]
            for area in entry["area_codes"]:
                counted = by_area.setdefault(area, {})
                counted[entry["state"]] = counted.get(entry["state"], 0) + 1
    told = {area: max(counted, key=lambda state: counted[state]) for area, counted in by_area.items()}
    disputed = {area for area, state in told.items() if area in states and states[area] not in {state, *geo.PROVINCES}}
    assert disputed == set()
    assert {area: state for area, state in told.items() if area in geo.TERRITORY_OF_AREA} == geo.TERRITORY_OF_AREA


def test_tables_are_loaded_once() -> None:
    load_tables()
    numbers, zips = geo._numbers(), geo._zips()
    load_tables()
    assert geo._numbers() is numbers
    assert geo._zips() is zips
