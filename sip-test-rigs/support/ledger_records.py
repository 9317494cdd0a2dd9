"""Reads call records straight from a switch's SQLite ledger, in this process: `payphone calls` would cost seconds of CPU for each look."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from switch.billing.call_json import as_json
from switch.ledger.database import Database, ledger_url
from switch.ledger.store import Ledger

MOST_RECORDS = 5_000


def read_records(data: Path) -> list[dict[str, Any]]:
    """All records in the ledger below `data` (the config's `switch.data`) as `payphone calls --json` prints them, in the order of their
    INVITEs. Raises LedgerUnreadable when there is no ledger."""
    with closing(Ledger(Database(ledger_url(data)))) as ledger:
        judged = sorted(ledger.calls(limit=MOST_RECORDS), key=lambda each: each.record.invited_us)
        media = ledger.media_of([each.record.call_id for each in judged])
    return [json.loads(json.dumps(as_json(each, media.get(each.record.call_id, ())))) for each in judged]
