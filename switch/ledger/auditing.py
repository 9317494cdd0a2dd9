"""Audits a whole ledger and its journal: reads them, compares them with each other, and reports every breach.

The rules of calls and money are `switch.billing.audit`. Added here is what only storage can say: that rows posted are as the postings
that made them say, that nothing else was slipped in, that the database still refuses changes, that the journal can be read. Mends nothing.

Not proved: whoever changes a row, and the verdict or posting that bears witness to it as well, and puts the triggers back, is not found.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from switch.billing.audit import Breach, Invariant, audit
from switch.billing.money import show_micros
from switch.ledger.journal import Recovery, recover
from switch.ledger.scan import LedgerScan
from switch.ledger.store import Ledger

T = TypeVar("T")

TOLD_EVERY = 5_000
POSTINGS_AT_ONCE = 500
APPEND_ONLY = "append_only"
READABLE = "readable"
AS_POSTED = "as_posted"
HAS_POSTING = "has_posting"
JOURNAL_WHOLE = "journal_whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding:
    """`key` names the row (see `switch.billing.audit.Breach`), the trigger, or the journal's file. `rows`: the money rows it may be, where
    `key` is not one itself."""

    key: str
    rule: str
    what: str
    rows: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Checked:
    """How much was looked at, so far."""

    total: int = 0
    rows: int = 0
    calls: int = 0
    attempts: int = 0
    money: int = 0
    states: int = 0
    postings: int = 0
    parties: int = 0
    journal_calls: int = 0


class Auditor:
    """Audits one ledger once. `checked` counts up meanwhile; `advanced()` is called now and then, to show progress."""

    def __init__(self, ledger: Ledger, journal: Path, *, advanced: Callable[[Checked], None] = lambda _: None) -> None:
        self._ledger = ledger
        self._journal = journal
        self._advanced = advanced
        self.checked = Checked()

    def findings(self) -> Iterator[AuditFinding]:
        """Every breach; none: all is well. Raises LedgerUnreadable."""
        journal = _journal(self._journal)
        self.checked.journal_calls = len(journal.calls)
        for problem in journal.problems:
            yield AuditFinding(key=problem.partition(": ")[0], rule=JOURNAL_WHOLE, what=problem.partition(": ")[2])
        unreadable: list[AuditFinding] = []
        with self._ledger.scan(lambda key, why: unreadable.append(AuditFinding(key=key, rule=READABLE, what=why))) as scan:
            yield from _guarded(scan)
            yield from self._audited(scan, journal)
            yield from self._posted(scan)
        yield from unreadable

    def _audited(self, ledger: LedgerScan, journal: Recovery) -> Iterator[AuditFinding]:
        checked = self.checked
        checked.total = ledger.count()
        sums = ledger.sums()
        checked.parties = len({party for _, party in sums})
        breaches = audit(
            self._counted(ledger.calls(), "calls"),
            self._counted(ledger.attempts(), "attempts"),
            money=self._counted(ledger.money(), "money"),
            states=self._counted(ledger.states(), "states"),
            balances=sums,
            under_way=frozenset(journal.calls),
        )
        for breach in breaches:
            yield _finding(breach, ledger)

    def _counted(self, stream: Iterable[T], what: str) -> Iterator[T]:
        rows = iter(stream)
        while some := list(islice(rows, TOLD_EVERY)):
            yield from some
            setattr(self.checked, what, getattr(self.checked, what) + len(some))
            self.checked.rows += len(some)
            self._advanced(self.checked)

    def _posted(self, ledger: LedgerScan) -> Iterator[AuditFinding]:
        """Each posting says which rows it wrote: they are there, as it says, and no other row was written behind the ledger's back."""
        money: set[str] = set()
        states: set[str] = set()
        postings = ledger.postings()
        while some := list(islice(postings, POSTINGS_AT_ONCE)):
            self.checked.postings += len(some)
            witnesses = [(f"{party}/{key}", _witness(request)) for party, key, request in some]
            rows = {key: (name, micros) for name, witness in witnesses for key, micros in witness.rows.items()}
            moves = {key: (name, state) for name, witness in witnesses for key, state in witness.states.items()}
            yield from _differing(rows, ledger.amounts(rows), show=show_micros)
            yield from _differing(moves, ledger.moves(moves), show=str)
            money.update(rows)
            states.update(moves)
        for key in (*_others(ledger.posted_money(), money), *_others(ledger.posted_states(), states)):
            yield AuditFinding(key=key, rule=HAS_POSTING, what="no posting says that it wrote this row")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Witness:
    rows: Mapping[str, int]
    states: Mapping[str, str]


def _witness(request: str) -> _Witness:
    try:
        said = json.loads(request)
    except ValueError:
        said = None
    known = said if isinstance(said, dict) else {}
    return _Witness(rows=known.get("rows", {}), states=known.get("states", {}))


def _differing(said: Mapping[str, tuple[str, T]], found: Mapping[str, T], *, show: Callable[[T], str]) -> Iterator[AuditFinding]:
    for key, (posting, value) in said.items():
        if key not in found:
            yield AuditFinding(key=key, rule=AS_POSTED, what=f"posting {posting} wrote {show(value)}, and it is gone")
        elif found[key] != value:
            now = show(found[key]) if type(found[key]) is type(value) else repr(found[key])
            what = f"posting {posting} wrote {show(value)}, it is {now} now"
            yield AuditFinding(key=key, rule=AS_POSTED, what=what)


def _others(keys: Iterable[str], known: set[str]) -> Iterator[str]:
    return (key for key in keys if key not in known)


def _guarded(ledger: LedgerScan) -> Iterator[AuditFinding]:
    for trigger in ledger.unguarded():
        yield AuditFinding(
            key=trigger, rule=APPEND_ONLY, what="the trigger that refuses changes is missing: rows may have been changed"
        )


def _finding(breach: Breach, ledger: LedgerScan) -> AuditFinding:
    """A verdict that is not the sum of its rows does not say which of them it is: there are few."""
    rows = tuple(ledger.judged_keys(breach.key)) if breach.rule is Invariant.VERDICT_IS_SUM else ()
    return AuditFinding(key=breach.key, rule=breach.rule.value, what=breach.what, rows=rows)


def _journal(directory: Path) -> Recovery:
    """A line that a running switch is writing looks torn for an instant: only what looks so twice is told."""
    first = recover(directory)
    if not first.problems:
        return first
    again = recover(directory)
    return Recovery(
        calls={**first.calls, **again.calls}, problems=tuple(problem for problem in again.problems if problem in first.problems)
    )
