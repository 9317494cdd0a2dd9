"""Knows how questions are put to a ledger, several in one reading, and which a picture is drawn from. Does not know where answers go."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from switch.call.record import CallRecord
from switch.ledger.columns import columns_of
from switch.ledger.database import Database
from switch.report.answer import Answer, answer
from switch.report.capacity import Capacity
from switch.report.dimension import TIME_DIMENSIONS
from switch.report.facts import Progress, gather
from switch.report.figure import CAPACITY, PEAK
from switch.report.question import Question

PICTURED = ("incoming", "connected", "converted", "revenue_micros", "payout_micros", "margin_micros", PEAK, CAPACITY)
DRAWN_BY = "hour"
"""Where a question names nothing to draw by."""


def ask(
    database: Database,
    questions: Sequence[Question],
    capacity: Capacity,
    *,
    live: Callable[[], Sequence[CallRecord] | None] = lambda: None,
    progress: Progress = lambda _done, _of: None,
) -> list[Answer]:
    """Questions that differ in dimensions and figures alone, all answered as of one moment. `live`: the calls in progress; None: not known.

    Raises LedgerUnreadable.
    """
    whole = replace(
        questions[0],
        by=tuple(dict.fromkeys(name for question in questions for name in question.by)),
        figures=tuple(dict.fromkeys(name for question in questions for name in question.figures)),
    )
    going_on = live()  # before the ledger: a call that ends meanwhile is found there, and none is in neither
    with columns_of(database) as columns:
        facts = gather(columns, whole, live=going_on, progress=progress)
    return [answer(facts, question, capacity) for question in questions]


def pictured(question: Question) -> tuple[Question, Question]:
    """What is asked for a picture: by time, for the calls, and by somebody's name, for the money; or both by what there is."""
    over = next((name for name in question.by if name in TIME_DIMENSIONS), next(iter(question.by), DRAWN_BY))
    money = next((name for name in question.by if name not in TIME_DIMENSIONS), over)
    return replace(question, by=(over,), figures=PICTURED), replace(question, by=(money,), figures=PICTURED)
