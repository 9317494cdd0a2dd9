"""Knows how a judged call and its money lie in table rows, and back: what is read equals what was written. Does not know a database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from routing.expression import Scalar
from switch.billing.standing import State, StateRow
from switch.billing.verdict import Happened, JudgedCall, MoneyKind, MoneyRow, Verdict
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Outcome

_STATE_TAG = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What `party` posted under a key of its own choice, and what it was answered. `request`, `answer`: JSON text."""

    party: str
    idempotency_key: str
    at_us: int
    request: str
    answer: str


def _plain(value: object) -> object:
    """For mappings that are not a dict, such as read-only ones."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


_JSON = msgspec.json.Encoder(enc_hook=_plain)
_TAGS = msgspec.json.Decoder(dict[str, Scalar])
_TRAIL = msgspec.json.Decoder(tuple[dict[str, Any], ...])
_FACTS = msgspec.json.Decoder(dict[str, Any])


def json_text(value: object) -> str:
    return _JSON.encode(value).decode()


def call_row(judged: JudgedCall) -> dict[str, object]:
    record, verdict = judged.record, judged.verdict
    state = record.tags.get(_STATE_TAG)
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
        "tags": json_text(record.tags),
        "config": record.config,
        "seed": str(record.seed),
        "trail": json_text(record.trail),
        "billable": verdict.billable,
        "rule": verdict.rule,
        "why": verdict.why,
        "revenue_micros": verdict.revenue_micros,
        "payout_micros": verdict.payout_micros,
        "menu_done": record.menu_done,
        "paid": verdict.paid,
        "cost_micros": verdict.cost_micros,
        "near_miss": verdict.near_miss,
        "state": state if isinstance(state, str) else None,
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
        "priority": attempt.priority,
        "talk_us": attempt.talk_us,
        "talk_ended_us": attempt.talk_ended_us,
        "accepted": attempt.accepted,
        "ended_by": None if attempt.ended_by is None else attempt.ended_by.value,
        "repeat": attempt.repeat,
    }


def event_row(happened: Happened, call_id: str) -> dict[str, object]:
    return {
        "call_id": call_id,
        "number": happened.number,
        "at_us": happened.at_us,
        "event": happened.event,
        "facts": json_text(happened.facts),
    }


def money_row(money: MoneyRow, number: int, *, ended_us: int = 0) -> dict[str, object]:
    """`number`: its place in a verdict, 0 in none. `ended_us`: when it became true, where it does not say so itself."""
    return {
        "key": money.key,
        "call_id": money.call_id,
        "number": number,
        "kind": money.kind.value,
        "party": money.party,
        "campaign": money.campaign,
        "line": money.line,
        "amount_micros": money.amount_micros,
        "corrects": money.corrects,
        "link": money.link,
        "reason": money.reason,
        "actor": money.actor,
        "at_us": money.at_us or ended_us,
    }


def state_row(state: StateRow, number: int) -> dict[str, object]:
    return {
        "key": state.key,
        "of": state.of,
        "number": number,
        "state": state.state.value,
        "at_us": state.at_us,
        "until_us": state.until_us,
        "reason": state.reason,
        "actor": state.actor,
    }


def posting_row(posting: Posting) -> dict[str, object]:
    return {
        "party": posting.party,
        "idempotency_key": posting.idempotency_key,
        "at_us": posting.at_us,
        "request": posting.request,
        "answer": posting.answer,
    }


def judged_call(
    call: RowMapping,
    *,
    attempts: Iterable[RowMapping],
    money: Iterable[RowMapping],
    states: Iterable[RowMapping],
    events: Iterable[RowMapping],
) -> JudgedCall:
    """`attempts`, `money` and `states` (of its verdict) and `events` are this call's, in order."""
    return JudgedCall(
        record=_record(call, attempts),
        verdict=_verdict(call, money, states),
        events=tuple(_happened(event) for event in events),
    )


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
        tags=_TAGS.decode(call["tags"]),
        config=call["config"],
        seed=int(call["seed"]),
        trail=_TRAIL.decode(call["trail"]),
        menu_done=call["menu_done"],
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
        priority=row["priority"],
        talk_us=row["talk_us"],
        talk_ended_us=row["talk_ended_us"],
        accepted=row["accepted"],
        ended_by=None if row["ended_by"] is None else EndedBy(row["ended_by"]),
        repeat=row["repeat"],
    )


def _happened(row: RowMapping) -> Happened:
    return Happened(number=row["number"], at_us=row["at_us"], event=row["event"], facts=_FACTS.decode(row["facts"]))


def _verdict(call: RowMapping, money: Iterable[RowMapping], states: Iterable[RowMapping]) -> Verdict:
    return Verdict(
        billable=call["billable"],
        rule=call["rule"],
        why=call["why"],
        revenue_micros=call["revenue_micros"],
        payout_micros=call["payout_micros"],
        rows=tuple(read_money(row) for row in money),
        paid=call["paid"],
        cost_micros=call["cost_micros"],
        near_miss=call["near_miss"],
        states=tuple(read_state(row) for row in states),
    )


def read_money(row: RowMapping) -> MoneyRow:
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
        at_us=row["at_us"],
        link=row["link"],
        line=row["line"],
    )


def read_state(row: RowMapping) -> StateRow:
    return StateRow(
        key=row["key"],
        of=row["of"],
        state=State(row["state"]),
        at_us=row["at_us"],
        until_us=row["until_us"],
        reason=row["reason"],
        actor=row["actor"],
    )


def read_posting(row: RowMapping) -> Posting:
    return Posting(
        party=row["party"],
        idempotency_key=row["idempotency_key"],
        at_us=row["at_us"],
        request=row["request"],
        answer=row["answer"],
    )
