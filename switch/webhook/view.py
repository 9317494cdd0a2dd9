"""Decides what the owner of a webhook may see of a call: `view` alone, for every event.

A publisher sees its calls, masked callers and its payout, no revenue, no cost, no advertiser and no line. An advertiser sees what it was
offered and what it owes, no payout, no cost, no other advertiser's attempts or money, and neither the publisher nor what the publisher
passed. A campaign's webhook is the operator's own: it sees all.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import assert_never

from routing.expression import Scalar
from routing.tags import BUILT_IN
from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow
from switch.call.moment import Moment, iso
from switch.call.record import AttemptRecord, CallRecord
from switch.webhook.terms import TOLD, Owner, OwnerKind, WebhookEvent

Field = Scalar | None

_OF_ALL = (
    *("event", "id", "at", "call_id", "campaign", "currency", "caller", "state", "started_at", "answered_at", "ended_at"),
    *("menu_ms", "connected_ms", "recording_path", "recording_ms", "recording_sha256"),
)
_OF_PUBLISHER = ("publisher", "number", "total_ms", "final_state", "payout")
_OF_ADVERTISER = ("advertiser", "line", "outcome", "ended_by", "revenue")
FIELDS: Mapping[OwnerKind, frozenset[str]] = {
    OwnerKind.PUBLISHER: frozenset((*_OF_ALL, *_OF_PUBLISHER)),
    OwnerKind.ADVERTISER: frozenset((*_OF_ALL, *_OF_ADVERTISER)),
    OwnerKind.CAMPAIGN: frozenset((*_OF_ALL, *_OF_PUBLISHER, *_OF_ADVERTISER, "trunk", "cost", "ended_detail")),
}
"""What each kind of owner may ask for in a template. Money is a decimal text, times are ISO 8601, durations milliseconds."""
TAG = "tag."
MASKED_DIGITS = 4

_OF_WHERE_AND_WHEN = frozenset({"state", "area", "geo", "hour", "weekday", "date", "repeat", "campaign"})
_OF_CALLER = frozenset({"caller", "digits", "zip", "consent", "anonymous", "privacy", "attestation"})
_PASSED_BY_PUBLISHER = frozenset({"passed_zip", "publisher", "number"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFile:
    """A recording that is complete. `path`: in the directory of recordings."""

    path: str
    length_ms: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to a call. `suffix`: tells it from others of the same kind of that call. `attempt`: of `connected` and
    `converted`; `row`: of `converted` and `payout`. `money`: all of the call so far. `passed`: names of tags that the publisher passes."""

    event: WebhookEvent
    at_us: int
    judged: JudgedCall
    suffix: str = ""
    attempt: AttemptRecord | None = None
    row: MoneyRow | None = None
    recording: RecordingFile | None = None
    money: tuple[MoneyRow, ...] = ()
    passed: Set[str] = frozenset()
    currency: str = "USD"

    @property
    def call(self) -> CallRecord:
        return self.judged.record


def view(owner: Owner, happening: Happening) -> dict[str, Field] | None:
    """Returns what `owner` is told of it, by field, tags as `tag.NAME`; None: it is none of that owner's business, as no probe's call is.

    `id` is left to the caller of this function: it is of the delivery.
    """
    if happening.call.probe or happening.event not in TOLD[owner.kind] or not _concerns(owner, happening):
        return None
    seen = _of_all(owner, happening)
    match owner.kind:
        case OwnerKind.PUBLISHER:
            seen |= _of_publisher(happening)
        case OwnerKind.ADVERTISER:
            seen |= _of_advertiser(owner.name, happening)
        case OwnerKind.CAMPAIGN:
            seen |= _of_campaign(happening)
        case unknown:
            assert_never(unknown)
    tags = {f"{TAG}{name}": value for name, value in happening.call.tags.items() if sees_tag(owner.kind, name, happening.passed)}
    return {**seen, **tags}


def sees_tag(kind: OwnerKind, name: str, passed: Set[str]) -> bool:
    """Whether an owner of that kind may see a tag. `passed`: the tags that publishers pass, by a header or with a number."""
    match kind:
        case OwnerKind.CAMPAIGN:
            return True
        case OwnerKind.PUBLISHER:
            return name in passed or name in _PASSED_BY_PUBLISHER or name in _OF_WHERE_AND_WHEN
        case OwnerKind.ADVERTISER:
            if name in BUILT_IN:
                return name in _OF_WHERE_AND_WHEN or name in _OF_CALLER - {"caller"}
            return name not in passed
        case unknown:
            assert_never(unknown)


def _concerns(owner: Owner, happening: Happening) -> bool:
    call = happening.call
    match owner.kind:
        case OwnerKind.PUBLISHER:
            return call.publisher == owner.name
        case OwnerKind.CAMPAIGN:
            campaign = (
                happening.row.campaign if happening.row else happening.attempt.campaign if happening.attempt else call.campaign
            )
            return campaign == owner.name
        case OwnerKind.ADVERTISER:
            if happening.attempt is not None:
                return happening.attempt.advertiser == owner.name
            parties = {attempt.advertiser for attempt in call.attempts}
            talked = {attempt.advertiser for attempt in call.attempts if attempt.talk_us is not None}
            # A recording has all that was said, with other advertisers too.
            return talked == {owner.name} if happening.recording is not None else owner.name in parties
        case unknown:
            assert_never(unknown)


def _of_all(owner: Owner, happening: Happening) -> dict[str, Field]:
    call = happening.call
    is_over = happening.event in (WebhookEvent.ENDED, WebhookEvent.RECORDING_READY)
    seen: dict[str, Field] = {
        "event": happening.event.value,
        "at": _time(happening.at_us),
        "call_id": call.call_id,
        "campaign": call.campaign,
        "currency": happening.currency,
        "caller": _caller(owner.kind, call),
        "state": _text(call.tags.get("state")),
        "started_at": _time(call.invited_us),
        "answered_at": None if call.answered_us is None else _time(call.answered_us),
    }
    if is_over:
        seen |= {"ended_at": _time(call.ended_us), "menu_ms": call.menu_ms}
    if happening.recording is not None:
        recording = happening.recording
        seen |= {"recording_path": recording.path, "recording_ms": recording.length_ms, "recording_sha256": recording.sha256}
    return seen


def _of_publisher(happening: Happening) -> dict[str, Field]:
    call = happening.call
    seen: dict[str, Field] = {"publisher": call.publisher, "number": call.did}
    if happening.event in (WebhookEvent.ENDED, WebhookEvent.RECORDING_READY):
        seen |= {"total_ms": call.total_ms, "connected_ms": call.connected_ms, "final_state": call.final_state.value}
    if happening.event in (WebhookEvent.PAYOUT, WebhookEvent.ENDED):
        seen["payout"] = _sum(happening, MoneyKind.PAYOUT)
    return seen


def _of_advertiser(name: str, happening: Happening) -> dict[str, Field]:
    own = [attempt for attempt in happening.call.attempts if attempt.advertiser == name]
    attempt = happening.attempt or (own[-1] if own else None)
    seen: dict[str, Field] = {"advertiser": name}
    if attempt is not None and happening.event not in (WebhookEvent.CALL_STARTED, WebhookEvent.MENU_DONE):
        seen["line"] = attempt.line
    if happening.event in (WebhookEvent.ENDED, WebhookEvent.RECORDING_READY):
        ended_by = None if attempt is None or attempt.ended_by is None else attempt.ended_by.value
        seen |= {"outcome": None if attempt is None else attempt.outcome.value, "ended_by": ended_by}
        seen["connected_ms"] = sum(each.connected_ms for each in own)
    if happening.event in (WebhookEvent.CONVERTED, WebhookEvent.ENDED):
        seen["revenue"] = _sum(happening, MoneyKind.REVENUE, party=name)
    return seen


def _of_campaign(happening: Happening) -> dict[str, Field]:
    call, attempt = happening.call, happening.attempt
    seen = {**_of_publisher(happening), "trunk": call.trunk}
    if attempt is None and happening.event in (WebhookEvent.ENDED, WebhookEvent.RECORDING_READY, WebhookEvent.PAYOUT):
        attempt = next((each for each in reversed(call.attempts) if each.talk_us is not None), None)
    if attempt is not None:
        seen |= {"advertiser": attempt.advertiser, "line": attempt.line}
    if happening.event is WebhookEvent.ENDED:
        seen |= {"ended_by": call.ended_by.value, "ended_detail": call.ended_detail, "cost": _sum(happening, MoneyKind.COST)}
        seen["outcome"] = None if attempt is None else attempt.outcome.value
    if happening.event in (WebhookEvent.CONVERTED, WebhookEvent.PAYOUT, WebhookEvent.ENDED):
        seen |= {"revenue": _sum(happening, MoneyKind.REVENUE), "payout": _sum(happening, MoneyKind.PAYOUT)}
    return seen


def _sum(happening: Happening, kind: MoneyKind, *, party: str | None = None) -> str:
    """Of the row that it is about, where it is one of that kind; else of the call."""
    row = happening.row
    if row is not None and row.kind is kind:
        return show_micros(row.amount_micros)
    return show_micros(sum(each.amount_micros for each in happening.money if each.kind is kind and party in (None, each.party)))


def _caller(kind: OwnerKind, call: CallRecord) -> str | None:
    """The number; without its last digits for publishers, None where it was withheld from lines or is nobody's."""
    if kind is OwnerKind.CAMPAIGN:
        return call.ani
    if call.tags.get("privacy") or call.tags.get("anonymous") or not call.ani:
        return None
    return call.ani if kind is OwnerKind.ADVERTISER else call.ani[:-MASKED_DIGITS] + "*" * MASKED_DIGITS


def _text(value: Scalar | None) -> str | None:
    return None if value is None else str(value)


def _time(utc_us: int) -> str:
    return iso(Moment(mono_ns=0, utc_us=utc_us))
