#!/usr/bin/env bash
# Guessed: polars converts to a time zone by the rules that Python's zoneinfo uses, so a newer tzdata package is enough for both.
# Seen:    with tzdata 2026.6 (IANA 2026f) zoneinfo says -07:00 for Vancouver on 2026-11-20; polars 2.1.0 says -08:00, by rules compiled into it.
# Why it matters: a report by hour or day and the opening hours of the same switch disagree by an hour.
# Packages: polars 2.1.0, tzdata 2026.6 (PyPI)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check polars==2.1.0 tzdata==2026.6
PYTHONTZPATH="" "$folder/venv/bin/python" - <<'PY'
from datetime import UTC, datetime
from importlib.metadata import version
from zoneinfo import ZoneInfo

import polars
import tzdata

at, zone = datetime(2026, 11, 20, 20, tzinfo=UTC), "America/Vancouver"
by_python = at.astimezone(ZoneInfo(zone)).strftime("%z")
by_polars = polars.Series([at]).dt.convert_time_zone(zone).dt.strftime("%z")[0]
print(f"polars {version('polars')}, tzdata {tzdata.IANA_VERSION}: {zone} is {by_python} by zoneinfo, {by_polars} by polars")
raise SystemExit(0 if (by_python, by_polars) == ("-0700", "-0800") else "behaviour has changed")
PY
