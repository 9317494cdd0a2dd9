"""Rows written straight to a ledger, as a posting that was decided on already would write them."""

from collections.abc import Sequence

from switch.billing.entry_state import StateRow
from switch.billing.verdict import MoneyRow
from switch.ledger.store import Append, Ledger, PostingRow, Read


def append_posting(ledger: Ledger, rows: Sequence[MoneyRow], states: Sequence[StateRow], posting: PostingRow) -> PostingRow:
    """What the ledger holds under the posting's party and key: this one, or an earlier one, and then nothing is written."""

    def decide(read: Read) -> tuple[Append | None, PostingRow]:
        if (earlier := read.postings[0]) is not None:
            return None, earlier
        return Append(money=rows, states=states, postings=[posting]), posting

    return ledger.transact("", postings=[(posting.party, posting.idempotency_key)], decide=decide)
