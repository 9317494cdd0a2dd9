"""Compares what happened with what `expected.yaml` says, and words what differs. Does not read files.

An expected value is: a range `[low, high]` of two numbers, inclusive; `present` for anything but null; `/regular expression/` for text that
holds it; a list or mapping, compared item by item (lists have the same length, mappings may leave keys out); anything else: that value
exactly.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

Record = Mapping[str, Any]
PRESENT = "present"
MILLISECOND = timedelta(milliseconds=1)

# The keys that every record has, whatever became of the call.
CALL_KEYS = {"call_id", "did", "ani", "trunk", "publisher", "campaign", "final_state", "ended_by", "sip_code", "attempts"}
TIME_KEYS = {"invited_at", "answered_at", "ended_at", "total_ms", "menu_ms", "connected_ms"}
MONEY_KEYS = {"billable", "rule", "revenue_micros", "payout_micros"}
RECORD_KEYS = frozenset(CALL_KEYS | TIME_KEYS | MONEY_KEYS)
ATTEMPT_KEYS = frozenset({"line", "outcome", "sip_code", "answer_delay_ms", "connected_ms"})


def differences(expected: Sequence[Record], actual: Sequence[Record]) -> list[str]:
    """What differs between expected and actual records, both in the order of their INVITEs; empty when nothing does."""
    found = []
    if len(expected) != len(actual):
        found.append(f"records: expected {len(expected)}, got {len(actual)}")
    for n, (wanted, got) in enumerate(zip(expected, actual, strict=False), start=1):
        found += _compare(f"record {n}", wanted, got)
    for n, got in enumerate(actual, start=1):
        found += _unsound(f"record {n}", got)
    return found


def differences_in(place: str, wanted: Record, got: Record) -> list[str]:
    """What differs in the keys that `wanted` has."""
    return _compare(place, dict(wanted), got)


def _compare(place: str, wanted: object, got: object) -> list[str]:
    match wanted:
        case [int() | float() as low, int() | float() as high]:
            inside = isinstance(got, int | float) and not isinstance(got, bool) and low <= got <= high
            return [] if inside else [f"{place}: expected {low} to {high}, got {got!r}"]
        case dict():
            if not isinstance(got, Mapping):
                return [f"{place}: expected {wanted!r}, got {got!r}"]
            return [d for key, value in wanted.items() for d in _compare_key(f"{place}: {key}", value, got, key)]
        case list():
            if not isinstance(got, list) or len(wanted) != len(got):
                return [f"{place}: expected {len(wanted)} ({_brief(wanted)}), got {_brief(got)}"]
            return [d for n, pair in enumerate(zip(wanted, got, strict=True), start=1) for d in _compare(f"{place} {n}", *pair)]
        case str() if wanted == PRESENT:
            return [] if got is not None else [f"{place}: expected a value, got null"]
        case str() if len(wanted) > 1 and wanted[0] == wanted[-1] == "/":
            found = isinstance(got, str) and re.search(wanted[1:-1], got)
            return [] if found else [f"{place}: expected {wanted}, got {got!r}"]
        case _:
            same = wanted == got and isinstance(wanted, bool) == isinstance(got, bool)
            return [] if same else [f"{place}: expected {wanted!r}, got {got!r}"]


def _compare_key(place: str, wanted: object, got: Mapping[str, Any], key: str) -> list[str]:
    return _compare(place, wanted, got[key]) if key in got else [f"{place}: is missing in the record"]


def _brief(items: object) -> str:
    if not isinstance(items, list):
        return repr(items)
    return ", ".join(f"{i.get('line')} {i.get('outcome')}" if isinstance(i, Mapping) else repr(i) for i in items) or "none"


def _unsound(place: str, got: Record) -> list[str]:
    """What no record may say, whatever a rig expects."""
    found = [f"{place}: {key} is missing" for key in sorted(RECORD_KEYS - set(got))]
    if found:
        return found
    for n, attempt in enumerate(got["attempts"], start=1):
        found += [f"{place}: attempts {n}: {key} is missing" for key in sorted(ATTEMPT_KEYS - set(attempt))]
    if got["connected_ms"] > got["total_ms"] + _lead_ms(got) or got["menu_ms"] > got["total_ms"]:
        found.append(f"{place}: connected or menu time is longer than the call: {dict(got)}")
    if not got["billable"] and (got["revenue_micros"] or got["payout_micros"]):
        found.append(f"{place}: money for a call that is not billable")
    if got["ended_at"] < got["invited_at"]:
        found.append(f"{place}: ended {got['ended_at']}, before it was invited {got['invited_at']}")
    return found


def _lead_ms(got: Record) -> int:
    """For how long a line talked, as money counts it, before the caller was answered (docs/adr/0006): at most its answer's way to disk."""
    if got["answered_at"] is None:
        return 0
    answered = datetime.fromisoformat(got["answered_at"])
    talks = [datetime.fromisoformat(attempt["talk_at"]) for attempt in got["attempts"] if attempt.get("talk_at")]
    leads = [answered - talk for talk in talks if talk <= answered]
    return max(leads) // MILLISECOND + 1 if leads else 0  # the times are cut to milliseconds


def unheard(expected: Mapping[str, Any], packets: Mapping[str, int], sounds: Mapping[str, list[str]]) -> list[str]:
    """What differs in what SIPp's handsets heard, by phone: RTP packets where `heard` has a range, sounds where it has their names."""
    lists = {name: wanted for name, wanted in expected.items() if isinstance(wanted, list)}
    names = {name: wanted for name, wanted in lists.items() if all(isinstance(sound, str) for sound in wanted)}
    ranges = {name: wanted for name, wanted in lists.items() if name not in names}
    return [*_compare("RTP packets heard", ranges, dict(packets)), *_compare("sounds heard", names, dict(sounds))]
