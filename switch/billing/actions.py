"""Defines the actions that may be posted about a call's money, and finds what a posting is about: the line and the entries of the call.

`switch.billing.posting` applies an action to the amounts.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from switch.billing import keys
from switch.billing.entry_state import EntryState, StateRow, state_at
from switch.billing.money import MICROS, show_micros
from switch.billing.terms import POSTED, BillableOn, Situation, Terms, attributed_attempt
from switch.billing.verdict import MoneyKind, MoneyRow
from switch.call.record import AttemptRecord, CallRecord

MOST_MICROS = 1_000_000 * MICROS
"""The largest amount that is taken from outside."""
WHOLE_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Postback:
    """A sale. `amount_micros`: what is owed for it; None: what the campaign's price says."""

    amount_micros: int | None = None

    def __str__(self) -> str:
        return "postback" if self.amount_micros is None else f"postback:{show_micros(self.amount_micros)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    """How the call went: worth the part of the price that the campaign has agreed on for `code`."""

    code: str

    def __str__(self) -> str:
        return f"disposition:{self.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """A person says that the call is to be paid. `amount_micros` as in a postback."""

    amount_micros: int | None = None

    def __str__(self) -> str:
        return "manual" if self.amount_micros is None else f"manual:{show_micros(self.amount_micros)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustTo:
    """A correction: the revenue of the line, or the payout, is this much from now on."""

    kind: MoneyKind
    amount_micros: int

    def __str__(self) -> str:
        return f"adjust-{self.kind}-to:{show_micros(self.amount_micros)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustBy:
    """A correction by a difference, which may be negative."""

    kind: MoneyKind
    delta_micros: int

    def __str__(self) -> str:
        return f"adjust-{self.kind}-by:{show_micros(self.delta_micros)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Void:
    """It should never have been: all of it is taken back. `only`: just the revenue, or just the payout."""

    only: MoneyKind | None = None

    def __str__(self) -> str:
        return "void" if self.only is None else f"void-{self.only}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    only: MoneyKind | None = None

    def __str__(self) -> str:
        return "approve" if self.only is None else f"approve-{self.only}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    def __str__(self) -> str:
        return "dispute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Uphold:
    """The dispute is right: `percent` of what is owed is credited, and clawed back from the publisher."""

    percent: int = WHOLE_PERCENT

    def __str__(self) -> str:
        return f"uphold:{self.percent}%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """The dispute is wrong."""

    def __str__(self) -> str:
        return "reject"


Action = Postback | Disposition | Manual | AdjustTo | AdjustBy | Void | Approve | Dispute | Uphold | Reject


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One posting. The same `key` with the same act, for the same line, is the same posting: it is done once.

    `key`: 1 to 64 printable ASCII characters, no space and no slash. `line`, `advertiser`: whose revenue it is about, where the call has
    more than one. `sold_in`: another call that the same sale was posted for, if there is one.
    """

    key: str
    act: Action
    at_us: int
    actor: str
    reason: str = ""
    line: str | None = None
    advertiser: str | None = None
    sold_in: str | None = None


class Refusal(StrEnum):
    MALFORMED_KEY = "malformed_key"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
    """Negative, or more than `MOST_MICROS`."""
    PART_OUT_OF_RANGE = "part_out_of_range"
    """Not from 0 to 100 %."""
    SOLD_BEFORE = "sold_before"
    NO_SUCH_LINE = "no_such_line"
    """The call never dialled it, or not for this advertiser."""
    WHICH_LINE = "which_line"
    """Several lines of the call owe."""
    NO_TERMS = "no_terms"
    PROBE = "probe"
    """A probe's call earns nothing."""
    NOT_AGREED = "not_agreed"
    """No price of the campaign waits for this."""
    UNKNOWN_DISPOSITION = "unknown_disposition"
    NOTHING_TO_CORRECT = "nothing_to_correct"
    BELOW_ZERO = "below_zero"
    ENTRY_CLOSED = "entry_closed"
    """Its state allows no new amount."""
    ILLEGAL_MOVE = "illegal_move"
    """Its state does not become the one asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing was done, and why."""

    because: Refusal
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The rows to append, all or none. `again`: it was posted before; there is nothing to do."""

    money: tuple[MoneyRow, ...] = ()
    states: tuple[StateRow, ...] = ()
    again: bool = False


NAME = re.compile(r"[!-.0-~]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A money row with all that corrects it, in the order written, and where it stands."""

    rows: tuple[MoneyRow, ...]
    standing: EntryState

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
class PostingContext:
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
        """The payout if this line earned it, or None."""
        return self.payout if self.payout is not None and self.payout.base.line == self.line else None

    def entries(self, only: MoneyKind | None) -> list[Entry]:
        """Returns the entries that a move is about, the leading one first."""
        match only:
            case MoneyKind.PAYOUT:
                found: tuple[Entry | None, ...] = (self.payout,)
            case MoneyKind.REVENUE:
                found = (self.revenue,)
            case _:
                found = (self.revenue, self.own_payout)
        return [entry for entry in found if entry is not None]

    def situation(self, event: BillableOn) -> Situation:
        """Returns the situation that rules are evaluated in, `event` included."""
        posted = dict.fromkeys((*self.events, event), self.posting.at_us)
        return Situation(
            record=self.record,
            attempt=self.attempt,
            is_attributed=self.attempt is attributed_attempt(self.record.attempts),
            posted=posted,
        )


def context_of(
    record: CallRecord,
    posting: Posting,
    *,
    money: Sequence[MoneyRow],
    states: Sequence[StateRow],
    terms: Mapping[str, Terms],
) -> PostingContext | Posted | Refused:
    """Returns what the posting is about; `Posted`: it was posted before."""
    known = (*(row.key for row in money), *(row.key for row in states))
    attempts = [each for each in record.attempts if _meant(each, posting)]
    if _done(record, attempts, posting=posting, known=known):
        return Posted(again=True)
    refused = unfit(posting)
    if refused is not None:
        return refused
    if record.probe:
        return Refused(because=Refusal.PROBE, detail=f"call {record.call_id} is a probe's")
    attempt = _attempt(record, attempts, posting=posting, money=money)
    if isinstance(attempt, Refused):
        return attempt

    def entry(key: str) -> Entry | None:
        rows = tuple(row for row in money if key in (row.key, row.corrects))
        standing = state_at((row for row in states if row.of == key), posting.at_us)
        return Entry(rows=rows, standing=standing) if rows else None

    line = _line(attempt)
    names = {act.partition(":")[0] for act in keys.acts(known, record.call_id, line)}
    return PostingContext(
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
    """Returns why a posting is invalid by itself, or None."""
    if not NAME.fullmatch(posting.key):
        return Refused(because=Refusal.MALFORMED_KEY, detail=repr(posting.key))
    if posting.sold_in is not None:
        return Refused(because=Refusal.SOLD_BEFORE, detail=f"posted for call {posting.sold_in}")
    match posting.act:
        case Postback(amount_micros=int(micros)) | Manual(amount_micros=int(micros)) | AdjustTo(amount_micros=micros) if (
            not 0 <= micros <= MOST_MICROS
        ):
            return Refused(because=Refusal.AMOUNT_OUT_OF_RANGE, detail=show_micros(micros))
        case AdjustBy(delta_micros=micros) if abs(micros) > MOST_MICROS:
            return Refused(because=Refusal.AMOUNT_OUT_OF_RANGE, detail=show_micros(micros))
        case Uphold(percent=percent) if not 0 < percent <= WHOLE_PERCENT:
            return Refused(because=Refusal.PART_OUT_OF_RANGE, detail=f"{percent} %")
        case AdjustTo(kind=kind) | AdjustBy(kind=kind) if kind not in (MoneyKind.REVENUE, MoneyKind.PAYOUT):
            return Refused(because=Refusal.NOTHING_TO_CORRECT, detail=f"{kind} is not corrected by call")
        case _:
            return None


def _attempt(
    record: CallRecord, attempts: Sequence[AttemptRecord], *, posting: Posting, money: Sequence[MoneyRow]
) -> AttemptRecord | Refused | None:
    """Returns the attempt that is meant: the one whose line owes, else that which the call is attributed to, or None: nobody was
    dialled."""
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
    return next(iter(found.values()), attributed_attempt(attempts))


def only(act: Action) -> MoneyKind | None:
    """Returns the kind of money that an act names, or None."""
    match act:
        case Void(only=kind) | Approve(only=kind):
            return kind
        case AdjustTo(kind=kind) | AdjustBy(kind=kind):
            return kind
        case _:
            return None
