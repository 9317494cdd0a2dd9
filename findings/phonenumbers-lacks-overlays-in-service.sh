#!/usr/bin/env bash
# Guessed: a number of an area code that has been in service for more than a year is valid, and its region is known.
# Seen:    +1 861 (Illinois, in service since 2023) and +1 624 (western New York) are not valid, have no place and the zone Etc/Unknown, while
#          +1 309 and +1 716, whose places they share, are valid.
# Why it matters: a check that drops "invalid" caller ids drops real callers of new overlays.
# Package: phonenumbers 9.0.43 (PyPI)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check phonenumbers==9.0.43
"$folder/venv/bin/python" - <<'PY'
import phonenumbers
from phonenumbers import geocoder, timezone

print("phonenumbers", phonenumbers.__version__)
valid = {}
for area in ("309", "861", "716", "624"):
    number = phonenumbers.parse(f"+1{area}5550123")
    valid[area] = phonenumbers.is_valid_number(number)
    place = geocoder.description_for_number(number, "en") or "no place"
    print(f"+1 {area}: valid {valid[area]}, {place}, {', '.join(timezone.time_zones_for_number(number))}")
raise SystemExit(0 if valid == {"309": True, "861": False, "716": True, "624": False} else "behaviour has changed")
PY
