"""Shows a call and its money to operators, or to one of its advertisers, as plain JSON values.

An advertiser sees what it was offered and what it owes: no other advertiser's attempts or money, no payout, no cost, no reason that was
noted for others, and of the caller the number, unless it was kept from lines.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from switch.billing.audit import JUDGE
from switch.billing.entry_state import EntryState, State, StateRow, state_at
from switch.billing.money import show_micros
from switch.billing.verdict import MoneyKind, MoneyRow
from switch.call.moment import Moment, iso
from switch.call.record import AttemptRecord, CallRecord

JUDGED = "judged"
_WITH_STATE = (MoneyKind.REVENUE, MoneyKind.PAYOUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyEntry:
    """A money row with all that corrects it, in the order written, and where it stands; costs stand nowhere."""

    rows: tuple[MoneyRow, ...]
    standing: EntryState | None

    @property
    def base(self) -> MoneyRow:
        return self.rows[0]

    @property
    def amount_micros(self) -> int:
        return sum(row.amount_micros for row in self.rows)


def entries(money: Sequence[MoneyRow], states: Sequence[StateRow], now_us: int) -> Iterator[MoneyEntry]:
    """The entries of one call, in the order they began."""
    for base in money:
        if base.corrects is None:
            standing = state_at((row for row in states if row.of == base.key), now_us)
            yield MoneyEntry(
                rows=tuple(row for row in money if base.key in (row.key, row.corrects)),
                standing=standing if base.kind in _WITH_STATE else None,
            )


def time_of(utc_us: int) -> str:
    return iso(Moment(mono_ns=0, utc_us=utc_us))


# for operators: everything, money in micros


def row_json(row: MoneyRow) -> dict[str, object]:
    return {
        "key": row.key,
        "kind": row.kind.value,
        "party": row.party,
        "amount_micros": row.amount_micros,
        "reason": row.reason,
        "actor": row.actor,
        "at": time_of(row.at_us),
        "corrects": row.corrects,
        "link": row.link,
        "line": row.line,
        "campaign": row.campaign,
    }


def state_json(row: StateRow) -> dict[str, object]:
    return {
        "key": row.key,
        "of": row.of,
        "state": row.state.value,
        "reason": row.reason,
        "actor": row.actor,
        "at": time_of(row.at_us),
        "until": None if row.until_us is None else time_of(row.until_us),
    }


def entry_json(entry: MoneyEntry) -> dict[str, object]:
    stands = entry.standing
    return {
        "key": entry.base.key,
        "kind": entry.base.kind.value,
        "party": entry.base.party,
        "line": entry.base.line,
        "amount_micros": entry.amount_micros,
        "state": None if stands is None else stands.state.value,
        "until": None if stands is None or stands.until_us is None else time_of(stands.until_us),
    }


# for an advertiser: its own, amounts as decimals


def advertiser_call(
    record: CallRecord, money: Sequence[MoneyRow], states: Sequence[StateRow], *, advertiser: str, now_us: int
) -> dict[str, object]:
    return {
        "call_id": record.call_id,
        "caller": _caller(record),
        "attempts": [_attempt(each) for each in record.attempts if each.advertiser == advertiser],
        "revenue": advertiser_revenue(money, states, advertiser=advertiser, now_us=now_us),
    }


def advertiser_listing(record: CallRecord, *, advertiser: str) -> dict[str, object]:
    """A call in a list of those that were found: without its money."""
    return {
        "call_id": record.call_id,
        "caller": _caller(record),
        "invited_at": time_of(record.invited_us),
        "attempts": [_attempt(each) for each in record.attempts if each.advertiser == advertiser],
    }


def advertiser_revenue(
    money: Sequence[MoneyRow], states: Sequence[StateRow], *, advertiser: str, now_us: int, line: str | None = None
) -> list[dict[str, object]]:
    """Returns what the advertiser owes for the call, line by line; `line`: for that one alone."""
    return [
        _revenue(entry)
        for entry in entries(money, states, now_us)
        if (entry.base.kind, entry.base.party) == (MoneyKind.REVENUE, advertiser) and line in (None, entry.base.line)
    ]


def _caller(record: CallRecord) -> str | None:
    """Returns the number that lines were shown; None: it was kept from them. A trusted line has it from its INVITE alone."""
    return None if record.tags.get("privacy") else record.ani


def _attempt(attempt: AttemptRecord) -> dict[str, object]:
    return {
        "line": attempt.line,
        "campaign": attempt.campaign,
        "outcome": attempt.outcome.value,
        "invited_at": time_of(attempt.invited_us),
        "answered_at": None if attempt.answered_us is None else time_of(attempt.answered_us),
        "connected_ms": attempt.connected_ms,
        "ended_by": None if attempt.ended_by is None else attempt.ended_by.value,
        "sip_call_id": attempt.sip_call_id,
    }


def _revenue(entry: MoneyEntry) -> dict[str, object]:
    stands = entry.standing or EntryState()
    return {
        "line": entry.base.line,
        "campaign": entry.base.campaign,
        "amount": show_micros(entry.amount_micros),
        "state": stands.state.value,
        "approved_at": time_of(stands.until_us) if stands.state is State.HELD and stands.until_us is not None else None,
        "rows": [
            {
                "amount": show_micros(row.amount_micros),
                "at": time_of(row.at_us),
                # the act that a reason begins with; the note that follows may be meant for other readers
                "because": JUDGED if row.actor == JUDGE else row.reason.partition("; ")[0],
            }
            for row in entry.rows
        ],
    }
