"""Knows how a judged call reads as JSON, key by key and in which order. Does not know who asks for it or how it is written out."""

from switch.billing.verdict import JudgedCall
from switch.call.moment import Moment, iso
from switch.call.record import AttemptRecord


def as_json(judged: JudgedCall) -> dict[str, object]:
    """The call as plain JSON values: times ISO 8601 in UTC with milliseconds, durations in ms, money in micros."""
    record, verdict = judged.record, judged.verdict
    return {
        "call_id": record.call_id,
        "did": record.did,
        "ani": record.ani,
        "trunk": record.trunk,
        "publisher": record.publisher,
        "campaign": record.campaign,
        "final_state": record.final_state.value,
        "invited_at": _time(record.invited_us),
        "answered_at": _time(record.answered_us),
        "ended_at": _time(record.ended_us),
        "ended_by": record.ended_by.value,
        "sip_code": record.sip_code,
        "total_ms": record.total_ms,
        "menu_ms": record.menu_ms,
        "connected_ms": record.connected_ms,
        "attempts": [_attempt(attempt) for attempt in record.attempts],
        "billable": verdict.billable,
        "rule": verdict.rule,
        "revenue_micros": verdict.revenue_micros,
        "payout_micros": verdict.payout_micros,
        "why": verdict.why,
        "digits": record.digits,
        "tags": dict(record.tags),
        "config": record.config,
        "seed": record.seed,
        "duration_source": record.duration_source.value,
        "ended_detail": record.ended_detail,
        "trail": [dict(reason) for reason in record.trail],
        "menu_done": record.menu_done,
        "paid": verdict.paid,
        "cost_micros": verdict.cost_micros,
        "near_miss": verdict.near_miss,
    }


def _attempt(attempt: AttemptRecord) -> dict[str, object]:
    return {
        "line": attempt.line,
        "outcome": attempt.outcome.value,
        "sip_code": attempt.sip_code,
        "ring_ms": attempt.ring_ms,
        "connected_ms": attempt.connected_ms,
        "campaign": attempt.campaign,
        "advertiser": attempt.advertiser,
        "q850": attempt.q850,
        "number": attempt.number,
        "invited_at": _time(attempt.invited_us),
        "answered_at": _time(attempt.answered_us),
        "ended_at": _time(attempt.ended_us),
        "priority": attempt.priority,
        "talk_at": _time(attempt.talk_us),
        "talk_ended_at": _time(attempt.talk_ended_us),
        "accepted": attempt.accepted,
        "ended_by": None if attempt.ended_by is None else attempt.ended_by.value,
        "repeat": attempt.repeat,
    }


def _time(utc_us: int | None) -> str | None:
    return None if utc_us is None else iso(Moment(mono_ns=0, utc_us=utc_us))
