"""What must come out of one call of the demo, and how its record differs from that."""

from collections.abc import Iterator
from dataclasses import dataclass

from switch.billing.money import show_micros
from switch.billing.verdict import JudgedCall
from switch.call.record import EndedBy, FinalState, Outcome

TALK_TOLERANCE_MS = 250
"""How far the switch's connected time may be from what the line's own phone measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must come out of one call. `talk_ms`: from answer to end, as the line's phone measured it; 0: no line answered."""

    name: str
    ani: str
    campaign: str
    final_state: FinalState
    ended_by: EndedBy
    attempts: tuple[tuple[str, Outcome], ...] = ()
    talk_ms: int = 0
    billable: bool = False
    revenue_micros: int = 0
    payout_micros: int = 0


def differences(expected: Expected, judged: JudgedCall) -> tuple[str, ...]:
    """One line for each thing that is wrong; none when all is right."""
    return tuple(f"{what}: expected {wanted}, got {got}" for what, wanted, got in _compared(expected, judged) if wanted != got)


def _compared(expected: Expected, judged: JudgedCall) -> Iterator[tuple[str, object, object]]:
    record, verdict = judged.record, judged.verdict
    yield "campaign", expected.campaign, record.campaign
    yield "final state", expected.final_state.value, record.final_state.value
    yield "ended by", expected.ended_by.value, record.ended_by.value
    yield "attempts", _shown(expected.attempts), _shown(tuple((each.line, each.outcome) for each in record.attempts))
    yield "billable", expected.billable, verdict.billable
    yield "revenue", show_micros(expected.revenue_micros), show_micros(verdict.revenue_micros)
    yield "payout", show_micros(expected.payout_micros), show_micros(verdict.payout_micros)
    if abs(record.connected_ms - expected.talk_ms) > TALK_TOLERANCE_MS:
        yield "talk", f"{expected.talk_ms} ms (±{TALK_TOLERANCE_MS})", f"{record.connected_ms} ms"


def _shown(attempts: tuple[tuple[str, Outcome], ...]) -> str:
    return ", then ".join(f"{line} {outcome.value}" for line, outcome in attempts) or "none"
