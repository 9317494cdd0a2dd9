"""North American area codes that `phonenumbers` does not place yet, and the time zone each area code lies in. Data only: `geo` looks it up.

Area codes open each year, and libraries follow years later. A new one overlays older ones: it serves the same places, so it has their
state and their zone. `NEW_AREA_CODES` was compared with public announcements on `COMPARED`; once that is `MAX_AGE_MONTHS` ago,
`payphone check` says so. An entry can go when `phonenumbers` places the code itself, which a test tells.

The zone of an area code is not what `phonenumbers` says: it puts 689 (Orlando) into Chicago, and 270 (west Kentucky) and 219 (Gary,
Indiana) into New York. It is the zone of the state, where one zone holds in the whole state or all over the area code; otherwise it is
not known. The test compares these tables with the ZIP codes of each area code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

COMPARED = date(2026, 11, 28)
MAX_AGE_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAreaCode:
    """`overlays`: an older area code of the same places. `since`: the day from which subscribers may have it; None: announced without a
    day. `source`: who announced it."""

    state: str
    overlays: str
    since: date | None
    source: str


NEW_AREA_CODES: Mapping[str, NewAreaCode] = {
    "436": NewAreaCode(state="OH", overlays="440", since=date(2024, 3, 1), source="Public Utilities Commission of Ohio, 2022-12"),
    "457": NewAreaCode(state="LA", overlays="318", since=date(2025, 9, 25), source="Louisiana Public Service Commission"),
    "465": NewAreaCode(state="NY", overlays="347", since=date(2026, 6, 18), source="New York PSC, 2025-01-23; day by the press"),
    "471": NewAreaCode(state="MS", overlays="662", since=date(2026, 1, 30), source="NANPA, by Wikipedia on 662 and 471"),
    "483": NewAreaCode(
        state="AL", overlays="334", since=date(2026, 2, 23), source="Alabama Public Service Commission, by carriers"
    ),
    "565": NewAreaCode(state="GA", overlays="912", since=None, source="Georgia Public Service Commission, 2025-06"),
    "621": NewAreaCode(state="TX", overlays="713", since=date(2025, 1, 23), source="Public Utility Commission of Texas"),
    "624": NewAreaCode(state="NY", overlays="716", since=date(2023, 9, 11), source="New York Department of Public Service"),
    "679": NewAreaCode(
        state="MI", overlays="313", since=date(2025, 11, 7), source="Michigan Public Service Commission, by Verizon"
    ),
    "729": NewAreaCode(state="TN", overlays="423", since=date(2025, 9, 5), source="Tennessee Public Utility Commission"),
    "837": NewAreaCode(state="CA", overlays="530", since=date(2025, 1, 31), source="NANPA, by carriers"),
    "861": NewAreaCode(
        state="IL", overlays="309", since=date(2023, 2, 24), source="NANPA, by lincmad.com and libphonenumber users"
    ),
    "924": NewAreaCode(state="MN", overlays="507", since=date(2024, 8, 30), source="Minnesota Public Utilities Commission"),
}


def months_old(today: date) -> int:
    """Whole months since the table was compared; 0 on an earlier day."""
    months = (today.year - COMPARED.year) * 12 + today.month - COMPARED.month - (today.day < COMPARED.day)
    return max(0, months)


_STATES_OF_ZONE: Mapping[str, str] = {
    "America/New_York": "CT DC DE FL GA KY MA MD ME NC NH NJ NY OH PA RI SC VA VT WV",
    "America/Chicago": "AL AR IA IL KS LA MN MO MS OK TN TX WI",
    "America/Denver": "CO MT NM UT WY",
    "America/Los_Angeles": "CA NV OR WA",
    "America/Detroit": "MI",
    "America/Indiana/Indianapolis": "IN",
    "America/Phoenix": "AZ",
    "Pacific/Honolulu": "HI",
    "America/Puerto_Rico": "PR",
    "America/St_Thomas": "VI",
    "Pacific/Guam": "GU",
    "Pacific/Saipan": "MP",
    "Pacific/Pago_Pago": "AS",
    "America/Toronto": "ON QC",
    "America/Vancouver": "BC",
    "America/Edmonton": "AB",
    "America/Winnipeg": "MB",
    "America/Halifax": "NS PE",
    "America/Moncton": "NB",
    "America/Whitehorse": "YT",
}
"""Where one zone holds but for `ZONE_OF_AREA`. Not here: AK, ID, ND, NE, SD, NL, SK, NT, NU, whose area codes all reach into several."""
ZONE_OF_STATE: Mapping[str, str] = {state: zone for zone, states in _STATES_OF_ZONE.items() for state in states.split()}

_IN_SEVERAL_ZONES = (
    "448 850 "  # FL: the Panhandle is in both
    "219 574 765 812 930 "  # IN: its corners go with Chicago
    "620 785 "  # KS: four counties in the west
    "270 364 606 "  # KY
    "906 "  # MI: four counties on Wisconsin's border
    "775 "  # NV: West Wendover
    "458 541 "  # OR: Malheur County
    "423 865 931 "  # TN
    "928 "  # AZ: the Navajo Nation changes its clocks
    "236 250 257 672 778 "  # BC: its east
    "807 "  # ON: west of 90° W
    "367 418 581"  # QC: the Magdalen Islands, the Lower North Shore
)
ZONE_OF_AREA: Mapping[str, str | None] = {
    **dict.fromkeys(_IN_SEVERAL_ZONES.split()),
    "915": "America/Denver",  # TX: El Paso
}
"""Area codes whose zone is not their state's; None: they reach into several."""
