"""A call that never was, to try a webhook with: it concerns its owner, converted, was paid for and recorded."""

from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow, Verdict
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Outcome
from switch.webhook.happenings import of_call
from switch.webhook.terms import OwnerKind, Webhook, WebhookEvent
from switch.webhook.view import Field, RecordingFile, view

S_US = 1_000_000
TALK_S = 95


def sample(
    webhook: Webhook, event: WebhookEvent, *, call_id: str, now_us: int, passed: frozenset[str], currency: str
) -> dict[str, Field]:
    """Returns what its owner would see of `event`, of a call that has just ended. Raises KeyError: it is not told of that."""
    judged = _call(webhook, call_id, now_us, passed)
    recording = RecordingFile(path=f"{call_id}.wav", length_ms=TALK_S * 1_000, sha256="0" * 64)
    for happening in of_call(judged, judged.verdict.rows, [recording]):
        if happening.event is event and (seen := view(webhook.owner, happening)) is not None:
            return {"id": f"test-{call_id}", **seen, "currency": currency}
    raise KeyError(event)


def _call(webhook: Webhook, call_id: str, now_us: int, passed: frozenset[str]) -> JudgedCall:
    def name(kind: OwnerKind) -> str:
        return webhook.owner.name if webhook.owner.kind is kind else f"sample-{kind}"

    campaign, invited_us = name(OwnerKind.CAMPAIGN), now_us - (TALK_S + 15) * S_US
    attempt = AttemptRecord(
        number=1,
        line="sample-line",
        advertiser=name(OwnerKind.ADVERTISER),
        campaign=campaign,
        outcome=Outcome.ANSWERED,
        sip_code=200,
        q850=16,
        invited_us=invited_us + 8 * S_US,
        answered_us=invited_us + 15 * S_US,
        ended_us=now_us,
        answer_delay_ms=7_000,
        connected_ms=TALK_S * 1_000,
        talk_us=invited_us + 15 * S_US,
        talk_ended_us=now_us,
        ended_by=EndedBy.CALLER,
    )
    record = CallRecord(
        call_id=call_id,
        did="+18005550100",
        ani="+12125550123",
        trunk="sample-trunk",
        publisher=name(OwnerKind.PUBLISHER),
        campaign=campaign,
        final_state=FinalState.CONVERTED,
        invited_us=invited_us,
        answered_us=invited_us + S_US,
        ended_us=now_us,
        ended_by=EndedBy.CALLER,
        ended_detail="caller_hung_up",
        sip_code=200,
        total_ms=(TALK_S + 14) * 1_000,
        menu_ms=7_000,
        connected_ms=TALK_S * 1_000,
        duration_source=DurationSource.MONOTONIC,
        attempts=(attempt,),
        menu_done=True,
        tags={"state": "NY", **{tag: f"sample-{tag}" for tag in sorted(passed)}},
    )
    kinds = ((MoneyKind.REVENUE, attempt.advertiser, 25), (MoneyKind.PAYOUT, record.publisher or "", 18))
    rows = tuple(
        MoneyRow(
            key=f"{call_id}/{kind}",
            call_id=call_id,
            kind=kind,
            party=party,
            campaign=campaign,
            amount_micros=amount * S_US,
            reason="sample",
            at_us=now_us,
            line=attempt.line if kind is MoneyKind.REVENUE else "",
        )
        for kind, party, amount in kinds
    )
    verdict = Verdict(billable=True, rule="sample", why="sample", revenue_micros=0, payout_micros=0, rows=rows, paid=True)
    return JudgedCall(record=record, verdict=verdict)
