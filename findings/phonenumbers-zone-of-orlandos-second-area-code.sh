#!/usr/bin/env bash
# Guessed: an area code's time zone is that of the place it serves; 689 overlays 407 in Orlando, so both are America/New_York.
# Seen:    +1 407 is America/New_York, +1 689 is America/Chicago. 270 (western Kentucky, most of it on Chicago's time) is America/New_York.
# Why it matters: calling hours and opening hours that trust the zone of a caller's area code are an hour off.
# Package: phonenumbers 9.0.43 (PyPI)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check phonenumbers==9.0.43
"$folder/venv/bin/python" - <<'PY'
import phonenumbers
from phonenumbers import timezone

print("phonenumbers", phonenumbers.__version__)
found = {area: timezone.time_zones_for_number(phonenumbers.parse(f"+1{area}5550123")) for area in ("407", "689", "270")}
for area, zones in found.items():
    print(f"+1 {area}: {', '.join(zones)}")
seen = {"407": ("America/New_York",), "689": ("America/Chicago",), "270": ("America/New_York",)}
raise SystemExit(0 if found == seen else "behaviour has changed")
PY
