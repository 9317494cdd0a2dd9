"""Rows written straight to a ledger, as a posting that was decided on already would write them."""

from collections.abc import Sequence
from typing import Any

from routing.override import Override, OverrideKind, TargetKind
from switch.billing.entry_state import StateRow
from switch.billing.verdict import MoneyRow
from switch.engine.steering_rows import ActionRow, Change, SteeringRows, override_row
from switch.ledger.store import Append, Ledger, PostingRow, Read


def append_posting(ledger: Ledger, rows: Sequence[MoneyRow], states: Sequence[StateRow], posting: PostingRow) -> PostingRow:
    """What the ledger holds under the posting's party and key: this one, or an earlier one, and then nothing is written."""

    def decide(read: Read) -> tuple[Append | None, PostingRow]:
        if (earlier := read.postings[0]) is not None:
            return None, earlier
        return Append(money=rows, states=states, postings=[posting]), posting

    return ledger.transact("", postings=[(posting.party, posting.idempotency_key)], decide=decide)


def steered(number: int, *, change: Change = Change.MADE, key: str = "", **more: Any) -> SteeringRows:
    """Somebody paused line east, or lifted that: the rows of the command. `more`: what else the override is."""
    fields: dict[str, Any] = {
        "target": "east",
        "until_us": None,
        "actor": "cli:anna",
        "reason": "storm",
        "made_us": 100 * number,
    } | more
    override = Override(number=number, kind=OverrideKind.PAUSE, target_kind=TargetKind.LINE, **fields)
    row = override_row(override, change, at_us=override.made_us, actor=override.actor, reason=override.reason)
    key = key or f"{change}{number}"
    action = ActionRow(key=key, at_us=row.at_us, actor=row.actor, action="pause", target=override.key, detail={"number": number})
    return SteeringRows(key=key, actions=(action,), override=row)
