#!/usr/bin/env bash
# Guessed: every ZIP of the package has an IANA time zone.
# Seen:    823 of 42,789 have an empty one, and 99634 has the name of its town, Napakiak, in its place.
# Why it matters: zoneinfo raises for both; who looks a caller's hours up by ZIP needs a rule for "no zone".
# Package: zipcodes 3.0.0 (PyPI)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check zipcodes==3.0.0
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import zipcodes

print("zipcodes", version("zipcodes"))
every = zipcodes.list_all()
without = sum(not each["timezone"] for each in every)
odd = [(each["zip_code"], each["timezone"]) for each in every if each["timezone"] and "/" not in each["timezone"]]
print(f"{len(every)} ZIPs, {without} without a time zone, and with a text that is none: {odd}")
raise SystemExit(0 if (len(every), without, odd) == (42789, 823, [("99634", "Napakiak")]) else "behaviour has changed")
PY
