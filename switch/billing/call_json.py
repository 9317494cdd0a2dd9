"""Turns a judged call into plain JSON values, key by key, derived from the record types: a new field of theirs is a new key here.

Instants become ISO 8601 texts in UTC with milliseconds, and `_us` at the end of their names `_at`. Durations stay milliseconds, money
micros.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from enum import StrEnum

from switch.billing.verdict import JudgedCall, Verdict
from switch.call.leg_media import LegMedia, media_as_json
from switch.call.moment import Moment, iso
from switch.call.record import AttemptRecord, CallRecord

_INSTANT = "_us"
_ROWS = frozenset({"rows", "states"})
"""Of a verdict: they are shown by `payphone money` and `explain`."""


_FIRST = (
    *(
        "call_id",
        "did",
        "ani",
        "trunk",
        "publisher",
        "campaign",
        "final_state",
        "invited_at",
        "answered_at",
        "ended_at",
        "ended_by",
    ),
    *("sip_code", "total_ms", "menu_ms", "connected_ms", "attempts", "billable", "rule", "revenue_micros", "payout_micros"),
)
"""The keys that a reader looks for stand first, in this order; all others follow in the order of the types' fields."""


def as_json(judged: JudgedCall, media: Sequence[LegMedia] | None = None) -> dict[str, object]:
    """Returns the record and its verdict in one object. `media`: with the figures of its legs' audio; None: without."""
    found = {**_keys(judged.record), **_keys(judged.verdict)}
    if media is not None:
        found["media"] = [media_as_json(each) for each in media]
    return {name: found[name] for name in (*_FIRST, *found)}


def _keys(record: CallRecord | AttemptRecord | Verdict) -> dict[str, object]:
    found: dict[str, object] = {}
    for each in fields(record):
        value = getattr(record, each.name)
        if each.name.endswith(_INSTANT):
            found[f"{each.name.removesuffix(_INSTANT)}_at"] = None if value is None else iso(Moment(mono_ns=0, utc_us=value))
        elif each.name not in _ROWS:
            found[each.name] = _plain(value)
    return found


def _plain(value: object) -> object:
    match value:
        case AttemptRecord():
            return _keys(value)
        case StrEnum():
            return value.value
        case Mapping():
            return dict(value)
        case tuple():
            return [_plain(each) for each in value]
        case _:
            return value
