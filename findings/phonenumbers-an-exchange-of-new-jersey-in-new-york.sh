#!/usr/bin/env bash
# Guessed: an exchange lies in the state of its area code: 201 is New Jersey, so +1 201 631 is too.
# Seen:    the description of +1 201 631 is "New York, NY"; +1 201 200 is "Jersey City, NJ".
# Why it matters: a filter by state that reads the exchange before the area code sends these callers to the wrong state's advertisers.
# Package: phonenumbers 9.0.43 (PyPI)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check phonenumbers==9.0.43
"$folder/venv/bin/python" - <<'PY'
import phonenumbers
from phonenumbers import geocoder

print("phonenumbers", phonenumbers.__version__)
found = {}
for exchange in ("631", "200"):
    found[exchange] = geocoder.description_for_number(phonenumbers.parse(f"+1201{exchange}5550"), "en")
    print(f"+1 201 {exchange}: {found[exchange]}")
raise SystemExit(0 if found == {"631": "New York, NY", "200": "Jersey City, NJ"} else "behaviour has changed")
PY
