"""Finds what a row of the ledger means for webhooks, and makes the deliveries that follow. The same row causes the same deliveries, however
often it is read: each has a key of its own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow
from switch.webhook.terms import ORDER, Webhook, WebhookEvent
from switch.webhook.view import Field, Happening, RecordingFile, view

ID_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Something that a webhook is to be told. `key`: of this event for this webhook, whoever makes it. `seen`: what its owner may see."""

    key: str
    webhook: str
    event: WebhookEvent
    call_id: str
    at_us: int
    seen: dict[str, Field]

    @property
    def id(self) -> str:
        """What the receiver knows it by: each try has the same."""
        return delivery_id(self.key)


def delivery_id(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:ID_DIGITS]


def of_call(judged: JudgedCall, money: Sequence[MoneyRow], recordings: Iterable[RecordingFile] = ()) -> list[Happening]:
    """All that happened to a call that is over, in order. `money`: of the call; what was posted since too."""
    record = judged.record
    found = [Happening(event=WebhookEvent.CALL_STARTED, at_us=record.invited_us, judged=judged)]
    if record.menu_done:
        menu_end_us = (record.answered_us or record.invited_us) + record.menu_ms * 1_000
        found.append(Happening(event=WebhookEvent.MENU_DONE, at_us=menu_end_us, judged=judged))
    for attempt in record.attempts:
        if attempt.talk_us is not None:
            happening = Happening(event=WebhookEvent.CONNECTED, at_us=attempt.talk_us, judged=judged, attempt=attempt)
            found.append(replace(happening, suffix=str(attempt.number)))
    found += (each for row in money if (each := of_money(judged, row)) is not None)
    found.append(Happening(event=WebhookEvent.ENDED, at_us=record.ended_us, judged=judged))
    found += (of_recording(judged, recording) for recording in recordings)
    found.sort(key=lambda happening: ORDER[happening.event])
    return [replace(happening, money=tuple(money)) for happening in found]


def of_money(judged: JudgedCall, row: MoneyRow) -> Happening | None:
    """A first revenue of a line is a conversion, a first payout a payout. What corrects a row, or rises it, is neither."""
    events = {MoneyKind.REVENUE: WebhookEvent.CONVERTED, MoneyKind.PAYOUT: WebhookEvent.PAYOUT}
    event = events.get(row.kind)
    if event is None or row.corrects is not None or row.amount_micros <= 0:
        return None
    attempt = None
    if event is WebhookEvent.CONVERTED:
        attempt = next((each for each in judged.record.attempts if (each.line, each.advertiser) == (row.line, row.party)), None)
    return Happening(
        event=event, at_us=row.at_us or judged.record.ended_us, judged=judged, suffix=row.key, attempt=attempt, row=row
    )


def of_recording(judged: JudgedCall, recording: RecordingFile) -> Happening:
    ended_us = judged.record.ended_us
    return Happening(event=WebhookEvent.RECORDING_READY, at_us=ended_us, judged=judged, suffix=recording.path, recording=recording)


def deliveries(
    happenings: Sequence[Happening], webhooks: Iterable[Webhook], *, passed: frozenset[str], currency: str
) -> Iterator[Delivery]:
    """Yields what each webhook is to be told, in the order in which it happened. `passed`: the tags that publishers pass."""
    for webhook in webhooks:
        for happening in happenings:
            if happening.event in webhook.events:
                known = replace(happening, passed=passed, currency=currency)
                seen = view(webhook.owner, known)
                if seen is not None:
                    yield _delivery(webhook, known, seen)


def _delivery(webhook: Webhook, happening: Happening, seen: dict[str, Field]) -> Delivery:
    key = "/".join((webhook.key, happening.call.call_id, happening.event, happening.suffix)).rstrip("/")
    return Delivery(
        key=key,
        webhook=webhook.key,
        event=happening.event,
        call_id=happening.call.call_id,
        at_us=happening.at_us,
        seen={"id": delivery_id(key), **seen},
    )
