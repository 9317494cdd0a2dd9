#!/usr/bin/env bash
# Guessed: the calendar of a part of a country contains the country's holidays and adds its own.
# Seen:    US holds 2026-07-03 (Independence Day, observed) and 2026-10-12 (Columbus Day); US-MA lacks the first, US-TX the second.
# Why it matters: who names the state's calendar alone is open, and is called, on days on which the whole country is closed.
# Package: holidays 0.109 (PyPI)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check holidays==0.109
"$folder/venv/bin/python" - <<'PY'
import holidays

print("holidays", holidays.__version__)
country = holidays.country_holidays("US", years=2026)
missing = {}
for part in ("MA", "TX"):
    state = holidays.country_holidays("US", subdiv=part, years=2026)
    missing[part] = [f"{day} {name}" for day, name in sorted(country.items()) if day not in state]
    print(f"US has, and US-{part} has not: {missing[part]}")
seen = {"MA": ["2026-07-03 Independence Day (observed)"], "TX": ["2026-10-12 Columbus Day"]}
raise SystemExit(0 if missing == seen else "behaviour has changed")
PY
