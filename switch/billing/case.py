"""Knows what a posting is about: which line of the call, and the entries of its money as they are. Does not know what the posting does."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from switch.billing import acts, keys
from switch.billing.acts import Posted, Posting, Refusal, Refused
from switch.billing.money import show_micros
from switch.billing.price import Situation, bearer
from switch.billing.standing import Standing, StateRow, stand
from switch.billing.terms import POSTED, BillableOn, Terms
from switch.billing.verdict import MoneyKind, MoneyRow
from switch.call.record import AttemptRecord, CallRecord

NAME = re.compile(r"[!-.0-~]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A money row with all that corrects it, in the order written, and where it stands."""

    rows: tuple[MoneyRow, ...]
    standing: Standing

    @property
    def base(self) -> MoneyRow:
        return self.rows[0]

    @property
    def amount_micros(self) -> int:
        return sum(row.amount_micros for row in self.rows)

    def full_micros(self, setters: tuple[str, ...]) -> int:
        """The amount that parts are taken of: the latest that judging, or one of these acts, has set."""
        full = reached = 0
        for row in self.rows:
            reached += row.amount_micros
            act = keys.act_of(row.key)
            if act is None or act.startswith(setters):
                full = reached
        return full


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A posting with all it is about. `attempt` None: nobody was dialled. `payout` is the call's: maybe another line's.

    `events`: what was posted for the line before.
    """

    record: CallRecord
    posting: Posting
    attempt: AttemptRecord | None
    terms: Terms | None
    revenue: Entry | None
    payout: Entry | None
    events: frozenset[BillableOn]

    @property
    def campaign(self) -> str:
        return (self.record.campaign or "") if self.attempt is None else self.attempt.campaign

    @property
    def line(self) -> str:
        return _line(self.attempt)

    @property
    def prefix(self) -> str:
        return _prefix(self.record, self.posting, self.line)

    @property
    def own_payout(self) -> Entry | None:
        """The payout, where it was earned by this line."""
        return self.payout if self.payout is not None and self.payout.base.line == self.line else None

    def entries(self, only: MoneyKind | None) -> list[Entry]:
        """The entries that a move is about, the leading one first."""
        match only:
            case MoneyKind.PAYOUT:
                found: tuple[Entry | None, ...] = (self.payout,)
            case MoneyKind.REVENUE:
                found = (self.revenue,)
            case _:
                found = (self.revenue, self.own_payout)
        return [entry for entry in found if entry is not None]

    def situation(self, event: BillableOn) -> Situation:
        """What rules are asked of, now that `event` was posted too."""
        posted = dict.fromkeys((*self.events, event), self.posting.at_us)
        return Situation(
            record=self.record, attempt=self.attempt, bears=self.attempt is bearer(self.record.attempts), posted=posted
        )


def open_case(
    record: CallRecord,
    posting: Posting,
    *,
    money: Sequence[MoneyRow],
    states: Sequence[StateRow],
    terms: Mapping[str, Terms],
) -> Case | Posted | Refused:
    """`Posted`: it was, before."""
    known = (*(row.key for row in money), *(row.key for row in states))
    attempts = [each for each in record.attempts if _meant(each, posting)]
    if _done(record, attempts, posting=posting, known=known):
        return Posted(again=True)
    refused = unfit(posting)
    if refused is not None:
        return refused
    attempt = _attempt(record, attempts, posting=posting, money=money)
    if isinstance(attempt, Refused):
        return attempt

    def entry(key: str) -> Entry | None:
        rows = tuple(row for row in money if key in (row.key, row.corrects))
        standing = stand((row for row in states if row.of == key), posting.at_us)
        return Entry(rows=rows, standing=standing) if rows else None

    line = _line(attempt)
    names = {act.partition(":")[0] for act in keys.acts(known, record.call_id, line)}
    return Case(
        record=record,
        posting=posting,
        attempt=attempt,
        terms=terms.get((record.campaign or "") if attempt is None else attempt.campaign),
        revenue=entry(keys.revenue(record.call_id, line)),
        payout=entry(keys.payout(record.call_id)),
        events=frozenset(event for event in POSTED if event in names),
    )


def _done(record: CallRecord, attempts: Sequence[AttemptRecord], *, posting: Posting, known: Iterable[str]) -> bool:
    lines = {each.line for each in attempts} or {""}
    prefixes = tuple(_prefix(record, posting, line) + "/" for line in lines)
    return any(key.startswith(prefixes) for key in known)


def _meant(attempt: AttemptRecord, posting: Posting) -> bool:
    return posting.line in (None, attempt.line) and posting.advertiser in (None, attempt.advertiser)


def _prefix(record: CallRecord, posting: Posting, line: str) -> str:
    return keys.posted(record.call_id, line, post_id=posting.key, act=str(posting.act))


def _line(attempt: AttemptRecord | None) -> str:
    return "" if attempt is None else attempt.line


def unfit(posting: Posting) -> Refused | None:
    """What is wrong with a posting by itself."""
    if not NAME.fullmatch(posting.key):
        return Refused(because=Refusal.MALFORMED_KEY, detail=repr(posting.key))
    if posting.sold_in is not None:
        return Refused(because=Refusal.SOLD_BEFORE, detail=f"posted for call {posting.sold_in}")
    match posting.act:
        case (
            acts.Postback(amount_micros=int(micros)) | acts.Manual(amount_micros=int(micros)) | acts.AdjustTo(amount_micros=micros)
        ) if not 0 <= micros <= acts.MOST_MICROS:
            return Refused(because=Refusal.AMOUNT_OUT_OF_RANGE, detail=show_micros(micros))
        case acts.AdjustBy(delta_micros=micros) if abs(micros) > acts.MOST_MICROS:
            return Refused(because=Refusal.AMOUNT_OUT_OF_RANGE, detail=show_micros(micros))
        case acts.Uphold(percent=percent) if not 0 < percent <= acts.WHOLE_PERCENT:
            return Refused(because=Refusal.PART_OUT_OF_RANGE, detail=f"{percent} %")
        case acts.AdjustTo(kind=kind) | acts.AdjustBy(kind=kind) if kind not in (MoneyKind.REVENUE, MoneyKind.PAYOUT):
            return Refused(because=Refusal.NOTHING_TO_CORRECT, detail=f"{kind} is not corrected by call")
        case _:
            return None


def _attempt(
    record: CallRecord, attempts: Sequence[AttemptRecord], *, posting: Posting, money: Sequence[MoneyRow]
) -> AttemptRecord | Refused | None:
    """The attempt that is meant: the one whose line owes, else the one that bears the call. None: nobody was dialled."""
    if not attempts:
        if record.attempts or posting.line or posting.advertiser:
            who = posting.line or posting.advertiser
            return Refused(because=Refusal.NO_SUCH_LINE, detail=f"{who} was not dialled for call {record.call_id}")
        return None
    wanted = MoneyKind.PAYOUT if only(posting.act) is MoneyKind.PAYOUT else MoneyKind.REVENUE
    owing = {row.line for row in money if row.kind is wanted}
    found = {each.line: each for each in reversed(attempts) if each.line in owing}
    if len(found) > 1:
        return Refused(because=Refusal.WHICH_LINE, detail=f"{', '.join(sorted(found))} owe")
    return next(iter(found.values()), bearer(attempts))


def only(act: acts.Act) -> MoneyKind | None:
    """The kind that an act names."""
    match act:
        case acts.Void(only=kind) | acts.Approve(only=kind):
            return kind
        case acts.AdjustTo(kind=kind) | acts.AdjustBy(kind=kind):
            return kind
        case _:
            return None
