"""How `payphone calls` shows what the ledger has: a table, JSON lines, and calls as they end."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from routing.zone import Zone
from switch.billing.call_json import as_json
from switch.billing.verdict import JudgedCall
from switch.console import show_calls_table, show_followed_calls
from switch.ledger.heard import heard_as_json
from switch.ledger.reading import CallFilter, as_plain
from switch.ledger.store import Ledger
from switch.output import write_json, write_line

__all__ = ["CallFilter", "follow_calls", "show_calls"]

POLL_S = 1.0
LATE_US = 60_000_000
"""How much later than others a call that ended before them may come to the ledger, and still be shown."""
MAX_AT_ONCE = 1_000
"""So many calls may end between two looks; of more the oldest are not shown."""


def show_calls(ledger: Ledger, wanted: CallFilter, *, limit: int, clock: Zone, as_json_lines: bool, follow: bool = False) -> int:
    """Returns how many it shows. Newest first; with `follow` newest last, above those of `follow_calls`. Raises LedgerUnreadable."""
    calls = ledger.calls_matching(wanted, limit=limit)
    if as_json_lines:
        _write_json(ledger, calls[::-1] if follow else calls)
    elif follow:
        show_followed_calls(calls[::-1], clock, headings=True)
    elif calls:
        show_calls_table(calls, clock)
    else:
        write_line("no calls: none is recorded that all filters let pass", err=True)
    return len(calls)


def follow_calls(ledger: Ledger, wanted: CallFilter, *, clock: Zone, as_json_lines: bool, looks: int | None = None) -> None:
    """Shows calls as the ledger gets them, for ever, or for so many `looks`. Raises LedgerUnreadable."""
    last_us = max((judged.record.ended_us for judged in ledger.calls_matching(wanted, limit=1)), default=0)
    seen = _ids(_ended_lately(ledger, wanted, last_us))
    while looks is None or looks > 0:
        time.sleep(POLL_S)
        found = _ended_lately(ledger, wanted, last_us)
        fresh = [judged for judged in reversed(found) if judged.record.call_id not in seen]
        if as_json_lines:
            _write_json(ledger, fresh)
        else:
            show_followed_calls(fresh, clock, headings=False)
        seen = _ids(found)
        last_us = max((judged.record.ended_us for judged in found), default=last_us)
        looks = None if looks is None else looks - 1


def _write_json(ledger: Ledger, calls: Sequence[JudgedCall]) -> None:
    call_ids = [judged.record.call_id for judged in calls]
    media, heard = ledger.media_of(call_ids), ledger.heard_of(call_ids)
    recordings = defaultdict(list)
    for kept in ledger.recordings_of(call_ids):
        recordings[kept.recording.call_id].append(as_plain(kept))
    for judged in calls:
        call_id = judged.record.call_id
        write_json(
            {
                **as_json(judged, media.get(call_id, ())),
                "ears": [heard_as_json(row) for row in heard.get(call_id, ())],
                "recordings": recordings[call_id],
            }
        )


def _ended_lately(ledger: Ledger, wanted: CallFilter, last_us: int) -> Sequence[JudgedCall]:
    return ledger.calls_matching(replace(wanted, ended_since_us=last_us - LATE_US), limit=MAX_AT_ONCE)


def _ids(calls: Sequence[JudgedCall]) -> set[str]:
    return {judged.record.call_id for judged in calls}
