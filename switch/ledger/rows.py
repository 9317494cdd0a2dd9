"""Knows how a judged call lies in table rows, and back: what is read equals what was written. Does not know a database."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow, Verdict
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Outcome


def _plain(value: object) -> object:
    """For mappings that are not a dict, such as read-only ones."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


_JSON = msgspec.json.Encoder(enc_hook=_plain)


def call_row(judged: JudgedCall) -> dict[str, object]:
    record, verdict = judged.record, judged.verdict
    return {
        "call_id": record.call_id,
        "did": record.did,
        "ani": record.ani,
        "trunk": record.trunk,
        "publisher": record.publisher,
        "campaign": record.campaign,
        "final_state": record.final_state.value,
        "invited_us": record.invited_us,
        "answered_us": record.answered_us,
        "ended_us": record.ended_us,
        "ended_by": record.ended_by.value,
        "ended_detail": record.ended_detail,
        "sip_code": record.sip_code,
        "total_ms": record.total_ms,
        "menu_ms": record.menu_ms,
        "connected_ms": record.connected_ms,
        "duration_source": record.duration_source.value,
        "digits": record.digits,
        "tags": _JSON.encode(record.tags).decode(),
        "config": record.config,
        "seed": str(record.seed),
        "trail": _JSON.encode(record.trail).decode(),
        "billable": verdict.billable,
        "rule": verdict.rule,
        "why": verdict.why,
        "revenue_micros": verdict.revenue_micros,
        "payout_micros": verdict.payout_micros,
    }


def attempt_row(attempt: AttemptRecord, call_id: str) -> dict[str, object]:
    return {
        "call_id": call_id,
        "number": attempt.number,
        "line": attempt.line,
        "advertiser": attempt.advertiser,
        "campaign": attempt.campaign,
        "outcome": attempt.outcome.value,
        "sip_code": attempt.sip_code,
        "q850": attempt.q850,
        "invited_us": attempt.invited_us,
        "answered_us": attempt.answered_us,
        "ended_us": attempt.ended_us,
        "ring_ms": attempt.ring_ms,
        "connected_ms": attempt.connected_ms,
    }


def money_row(money: MoneyRow, number: int, *, at_us: int) -> dict[str, object]:
    return {
        "key": money.key,
        "call_id": money.call_id,
        "number": number,
        "kind": money.kind.value,
        "party": money.party,
        "campaign": money.campaign,
        "amount_micros": money.amount_micros,
        "corrects": money.corrects,
        "reason": money.reason,
        "actor": money.actor,
        "at_us": at_us,
    }


def judged_call(call: RowMapping, attempts: Iterable[RowMapping], money: Iterable[RowMapping]) -> JudgedCall:
    """`attempts` and `money` are this call's, in order."""
    return JudgedCall(record=_record(call, attempts), verdict=_verdict(call, money))


def _record(call: RowMapping, attempts: Iterable[RowMapping]) -> CallRecord:
    return CallRecord(
        call_id=call["call_id"],
        did=call["did"],
        ani=call["ani"],
        trunk=call["trunk"],
        publisher=call["publisher"],
        campaign=call["campaign"],
        final_state=FinalState(call["final_state"]),
        invited_us=call["invited_us"],
        answered_us=call["answered_us"],
        ended_us=call["ended_us"],
        ended_by=EndedBy(call["ended_by"]),
        ended_detail=call["ended_detail"],
        sip_code=call["sip_code"],
        total_ms=call["total_ms"],
        menu_ms=call["menu_ms"],
        connected_ms=call["connected_ms"],
        duration_source=DurationSource(call["duration_source"]),
        attempts=tuple(_attempt(row) for row in attempts),
        digits=call["digits"],
        tags=msgspec.json.decode(call["tags"], type=dict[str, str]),
        config=call["config"],
        seed=int(call["seed"]),
        trail=msgspec.json.decode(call["trail"], type=tuple[dict[str, Any], ...]),
    )


def _attempt(row: RowMapping) -> AttemptRecord:
    return AttemptRecord(
        number=row["number"],
        line=row["line"],
        advertiser=row["advertiser"],
        campaign=row["campaign"],
        outcome=Outcome(row["outcome"]),
        sip_code=row["sip_code"],
        q850=row["q850"],
        invited_us=row["invited_us"],
        answered_us=row["answered_us"],
        ended_us=row["ended_us"],
        ring_ms=row["ring_ms"],
        connected_ms=row["connected_ms"],
    )


def _verdict(call: RowMapping, money: Iterable[RowMapping]) -> Verdict:
    return Verdict(
        billable=call["billable"],
        rule=call["rule"],
        why=call["why"],
        revenue_micros=call["revenue_micros"],
        payout_micros=call["payout_micros"],
        rows=tuple(_money(row) for row in money),
    )


def _money(row: RowMapping) -> MoneyRow:
    return MoneyRow(
        key=row["key"],
        call_id=row["call_id"],
        kind=MoneyKind(row["kind"]),
        party=row["party"],
        campaign=row["campaign"],
        amount_micros=row["amount_micros"],
        reason=row["reason"],
        actor=row["actor"],
        corrects=row["corrects"],
    )
