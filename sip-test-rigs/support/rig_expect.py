"""Knows how to compare what happened with what `expected.yaml` says, and how to say what differs. Does not read files.

An expected value is: a range `[low, high]` of two numbers, inclusive; `present` for anything but null; a list or mapping, compared
item by item (lists have the same length, mappings may leave keys out); anything else: that value exactly.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]
PRESENT = "present"

# The keys that every record has, whatever became of the call.
CALL_KEYS = {"call_id", "did", "ani", "trunk", "publisher", "campaign", "final_state", "ended_by", "sip_code", "attempts"}
TIME_KEYS = {"invited_at", "answered_at", "ended_at", "total_ms", "menu_ms", "connected_ms"}
MONEY_KEYS = {"billable", "rule", "revenue_micros", "payout_micros"}
RECORD_KEYS = frozenset(CALL_KEYS | TIME_KEYS | MONEY_KEYS)
ATTEMPT_KEYS = frozenset({"line", "outcome", "sip_code", "ring_ms", "connected_ms"})


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
    if got["connected_ms"] > got["total_ms"] or got["menu_ms"] > got["total_ms"]:
        found.append(f"{place}: connected or menu time is longer than the call: {dict(got)}")
    if not got["billable"] and (got["revenue_micros"] or got["payout_micros"]):
        found.append(f"{place}: money for a call that is not billable")
    if got["ended_at"] < got["invited_at"]:
        found.append(f"{place}: ended {got['ended_at']}, before it was invited {got['invited_at']}")
    return found


def unheard(expected: Mapping[str, Any], packets: Mapping[str, int]) -> list[str]:
    """What differs in the RTP packets that SIPp's handsets heard, for those that `heard` names with a range."""
    ranges = {name: wanted for name, wanted in expected.items() if isinstance(wanted, list)}
    return _compare("RTP packets heard", ranges, dict(packets))
