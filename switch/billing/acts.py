"""Knows what may be posted about a call's money, and what posting it gives. Does not carry it out: that is `switch.billing.posting`."""

from dataclasses import dataclass
from enum import StrEnum

from switch.billing.money import MICROS, show_micros
from switch.billing.standing import StateRow
from switch.billing.verdict import MoneyKind, MoneyRow

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
    """The dispute is not."""

    def __str__(self) -> str:
        return "reject"


Act = Postback | Disposition | Manual | AdjustTo | AdjustBy | Void | Approve | Dispute | Uphold | Reject


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One posting. The same `key` with the same act, for the same line, is the same posting: it is done once.

    `key`: 1 to 64 printable ASCII characters, no space and no slash. `line`, `advertiser`: whose revenue it is about, where the call has
    more than one. `sold_in`: another call that the same sale was posted for, if there is one.
    """

    key: str
    act: Act
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
    NOT_AGREED = "not_agreed"
    """No price of the campaign waits for this."""
    UNKNOWN_DISPOSITION = "unknown_disposition"
    NOTHING_TO_CORRECT = "nothing_to_correct"
    BELOW_ZERO = "below_zero"
    SETTLED = "settled"
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
