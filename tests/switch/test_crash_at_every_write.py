"""The switch dies at every write of its journal, in a busy scenario, and starts again from what is on disk.

For every write, cut off in the middle of its line: exactly the calls are there whose INVITE was journaled; none talked for longer than
is true, nor for more than five seconds less; money is owed for what passed its mark, and for nothing else; what was over is as it would
have been. For a seeded sample of all states, commits of the ledger among them: the same through the real ledger, caps recounted, audited,
and once more with a second crash in the middle of the recovery. The seed is in the name of each test.
"""

import asyncio
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from crash_world import SEGMENT_BYTES, Run, State, busy_run, laid_out, ledger_in, run_on

from routing.cap import Counts
from switch.billing.audit import audit, facts
from switch.billing.verdict import JudgedCall, MoneyKind
from switch.call.record import AttemptRecord, EndedBy, FinalState
from switch.engine.counters import quarter_of
from switch.engine.journal_line import recover_call
from switch.engine.lookback import lookback_of
from switch.engine.usage import Usage
from switch.ledger.database import Database, ledger_url
from switch.ledger.journal import Journal, recover
from switch.ledger.poller import read_history
from switch.ledger.service import LedgerService
from switch.ledger.store import Ledger

SEEDS = (1, 3)
SAMPLE = 14
POWER_SAMPLE = 60
AGAIN_SAMPLE = 3
KEEPER_SAMPLE = 3
LOST_MS = 5_000
BATCH = 3
PATIENCE_S = 20.0
FOREVER_US = 2**62
TABLES = ("call", "attempt", "money", "money_state", "event", "posting", "config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One undisturbed run, and a directory to crash in."""

    run: Run
    data: Path


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed {seed}")
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("crash")
    return Scene(run=busy_run(folder / "undisturbed", seed=request.param), data=folder / "data")


# what happens at a restart, as the service and the poller do it


class Died(Exception):
    """The second crash."""


def restarted(data: Path, run: Run, state: State, *, dies_after: int | None = None) -> Usage:
    """Everything that is in the journal goes to the ledger, some calls at a time; then caps are counted from it."""
    journal = Journal(data / "journal", segment_bytes=SEGMENT_BYTES)
    ledger = ledger_in(data)
    try:
        found = recover(data / "journal").calls
        recorded = ledger.recorded(found)
        journal.mark_recorded(recorded)
        calls = [recover_call(lines) for call_id, lines in found.items() if call_id not in recorded]
        for number, first in enumerate(range(0, len(calls), BATCH)):
            some = calls[first : first + BATCH]
            ledger.write(some)
            if number == dies_after:
                raise Died
            journal.mark_recorded([judged.record.call_id for judged in some])
        history = read_history(ledger, lookback_of(run.plan, state.now_us + 1_000_000))
        usage = Usage(history.past)
        usage.set_groups(run.plan.lines_of_groups)
        return usage
    finally:
        ledger.close()
        journal.close()


def dumped(data: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row that says something."""
    with sqlite3.connect(data / "payphone.sqlite") as database:
        found = {table: sorted(database.execute(f'SELECT * FROM "{table}"').fetchall(), key=repr) for table in TABLES}  # noqa: S608 our names
    database.close()
    return found


def sample(run: Run, count: int, *, salt: int) -> list[State]:
    """Some of all states, the first and the last among them."""
    chosen = Random(run.seed * 100 + salt).sample(run.states[1:-1], count - 2)
    return [run.states[0], *chosen, run.states[-1]]


# what is true


def talked_ms(attempt: AttemptRecord, *, offset_ms: int, now_us: int) -> int:
    """How long, by then, the two had talked as money counts it."""
    if attempt.talk_us is None:
        return 0
    end_us = now_us if attempt.talk_ended_us is None else min(now_us, attempt.talk_ended_us)
    return max(0, (end_us - attempt.talk_us) // 1_000 - offset_ms)


def check_calls(run: Run, state: State, found: Mapping[str, JudgedCall]) -> None:
    """Every call whose INVITE was journaled, and no other, and each as it was known to be."""
    lines = Counter(call_id for call_id, _ in run.lines[: state.lines])
    in_all = Counter(call_id for call_id, _ in run.lines)
    assert found.keys() == lines.keys()
    for call_id, judged in found.items():
        truth = run.records[call_id]
        if lines[call_id] == in_all[call_id]:
            assert judged == truth
        else:
            check_cut_off(run, state, judged, truth)


def check_cut_off(run: Run, state: State, judged: JudgedCall, truth: JudgedCall) -> None:
    """A call that the crash came into. Nothing in it is later than the crash."""
    record = judged.record
    assert record.ended_us <= state.now_us
    if record.final_state is FinalState.CRASHED:
        assert record.ended_by is EndedBy.CRASH
    assert judged.events == truth.events[: len(judged.events)]
    assert len(record.attempts) <= len(truth.record.attempts)
    for attempt, whole in zip(record.attempts, truth.record.attempts, strict=False):
        assert (attempt.number, attempt.line, attempt.invited_us) == (whole.number, whole.line, whole.invited_us)
        offset_ms = run.plan.table.lines[attempt.line].timer_offset_ms
        true_ms = talked_ms(whole, offset_ms=offset_ms, now_us=state.now_us) if whole.connected_ms else 0
        assert true_ms - LOST_MS <= attempt.connected_ms <= true_ms
    for unknown in truth.record.attempts[len(record.attempts) :]:
        assert unknown.invited_us >= state.now_us, "an attempt is missing that was made before"
    check_money(state, judged, truth)


def check_money(state: State, judged: JudgedCall, truth: JudgedCall) -> None:
    """What passed its mark is owed, what did not is not; a mark of this very instant may be on either side of the crash."""
    owed = [row for row in truth.verdict.rows if row.kind is not MoneyKind.COST]
    before = {row.key: row for row in owed if row.at_us < state.now_us}
    by_now = {row.key: row for row in owed if row.at_us <= state.now_us}
    rows = {row.key: row for row in judged.verdict.rows if row.kind is not MoneyKind.COST}
    assert len(judged.verdict.rows) == len({row.key for row in judged.verdict.rows})
    assert before.keys() <= rows.keys() <= by_now.keys()
    for key, row in rows.items():
        assert (row.amount_micros, row.at_us, row.party) == (by_now[key].amount_micros, by_now[key].at_us, by_now[key].party)


def recounted(run: Run, ledger: Ledger) -> dict[str, int]:
    """What caps have to have counted, by the ledger's rows alone."""
    calls = {judged.record.call_id: judged.record for judged in ledger.calls_between(0, FOREVER_US)}
    counted: Counter[tuple[str, Counts, int]] = Counter()

    def count(owners: Sequence[str], counts: Counts, at_us: int, amount: int) -> None:
        for owner in owners:
            counted[owner, counts, quarter_of(at_us)] += amount

    for record in calls.values():
        for tried in record.attempts:
            owners = owners_of(run, line=tried.line, advertiser=tried.advertiser, campaign=tried.campaign)
            owners += [f"publisher:{record.publisher}", f"number:{record.did}", f"trunk:{record.trunk}"]
            count(owners, Counts.ATTEMPT, tried.invited_us, 1)
            if tried.talk_us is not None:
                count(owners, Counts.CONNECTION, tried.talk_us, 1)
    owed: Counter[tuple[str, str]] = Counter()
    for _, row in ledger.money_since(0):
        if row.kind is MoneyKind.REVENUE:
            record = calls[row.call_id]
            owners = owners_of(run, line=row.line, advertiser=row.party, campaign=row.campaign)
            owners += [f"publisher:{record.publisher}", f"number:{record.did}", f"trunk:{record.trunk}"]
            before = owed[row.call_id, row.line] > 0
            owed[row.call_id, row.line] += row.amount_micros
            count(owners, Counts.REVENUE, row.at_us, row.amount_micros)
            count(owners, Counts.CONVERSION, row.at_us, (owed[row.call_id, row.line] > 0) - before)
    return {f"{owner} {counts} {at_us}": amount for (owner, counts, at_us), amount in counted.items() if amount}


def owners_of(run: Run, *, line: str, advertiser: str, campaign: str) -> list[str]:
    groups = [f"group:{group}" for group, lines in run.plan.lines_of_groups.items() if line in lines]
    return [f"line:{line}", *groups, f"advertiser:{advertiser}", f"campaign:{campaign}"]


def check_ledger(run: Run, state: State, data: Path, usage: Usage) -> None:
    """The restarted switch: records, money, caps, audit."""
    ledger = ledger_in(data)
    try:
        calls = list(ledger.calls_between(0, FOREVER_US))
        assert len({judged.record.call_id for judged in calls}) == len(calls)
        check_calls(run, state, {judged.record.call_id: judged for judged in calls})
        assert usage.snapshot() == recounted(run, ledger)
        assert list(breaches(ledger, calls)) == []
    finally:
        ledger.close()


def breaches(ledger: Ledger, calls: Sequence[JudgedCall]) -> Iterator[object]:
    said = [facts(judged) for judged in sorted(calls, key=lambda judged: judged.record.call_id)]
    money = sorted((row for _, row in ledger.money_since(0)), key=lambda row: row.call_id)
    with ledger.scan() as scan:
        states = list(scan.states())
    return audit([call for call, _ in said], [each for _, some in said for each in some], money=money, states=states)


# the tests


def test_the_undisturbed_run_is_busy_and_sound(scene: Scene, tmp_path: Path) -> None:
    """Otherwise nothing below says much."""
    run = scene.run
    assert run.complaints == []
    records = [judged.record for judged in run.records.values()]
    outcomes = {f"{tried.outcome}" for record in records for tried in record.attempts}
    assert {"answered", "busy", "silent", "lost_race"} <= outcomes
    assert any(sum(tried.connected_ms > 0 for tried in record.attempts) > 1 for record in records), "no line was recovered from"
    assert any(tried.accepted for record in records for tried in record.attempts)
    assert any("Wait" in str(record.trail) or "hold" in str(record.trail) for record in records)
    assert any(row.key.endswith("/2") for judged in run.records.values() for row in judged.verdict.rows), "no tier rose"
    assert len(run.corrected) == 2
    data = laid_out(run, run.states[-1], tmp_path / "data")
    usage = restarted(data, run, run.states[-1])
    check_ledger(run, run.states[-1], data, usage)
    assert usage.snapshot() == run.usage.snapshot()


def test_every_write_torn_apart_loses_its_line_and_nothing_else(scene: Scene) -> None:
    """The cheap check, at every write and before and after every commit: what the journal tells, with what the ledger has already."""
    run, cuts = scene.run, Random(scene.run.seed)
    journal = scene.data / "journal"
    shutil.rmtree(scene.data, ignore_errors=True)
    judged: dict[tuple[str, int], JudgedCall] = {}
    for state in run.states:
        placed(run, state, journal)
        problems: tuple[str, ...] = ()
        if state.next is not None:
            name, line = state.next
            torn = cuts.randrange(1, len(line))
            with (journal / name).open("ab") as file:
                file.write(line[:torn])
            problems = (f"{journal / name}: byte {state.segments[name]}: torn tail, a line cut after {torn} bytes",)
        found = recover(journal)
        assert found.problems == problems
        calls = in_ledger(run, state)
        for call_id, lines in found.calls.items():
            if call_id not in calls:
                known = judged.get((call_id, len(lines)))
                calls[call_id] = judged[call_id, len(lines)] = known or recover_call(lines)
        check_calls(run, state, calls)


def placed(run: Run, state: State, journal: Path) -> None:
    """The segments of that state, those that are there from an earlier one only changed."""
    journal.mkdir(parents=True, exist_ok=True)
    for path in journal.glob("*.journal"):
        if path.name not in state.segments:
            path.unlink()
    for name, size in state.segments.items():
        path = journal / name
        if not path.exists() or path.stat().st_size != size:  # it has grown, or it is the one that was torn
            path.write_bytes(run.written.get(name, b"")[:size])


def in_ledger(run: Run, state: State) -> dict[str, JudgedCall]:
    return {call_id: run.records[call_id] for call_id in run.recorded[state.ledger]}


def test_a_restart_makes_one_ledger_of_both_whatever_the_state(scene: Scene) -> None:
    """The full check, on a sample; and starting once more changes nothing."""
    for state in sample(scene.run, SAMPLE, salt=1):
        data = laid_out(scene.run, state, scene.data)
        usage = restarted(data, scene.run, state)
        check_ledger(scene.run, state, data, usage)
        assert recover(data / "journal").calls == {}
        before = dumped(data)
        again = restarted(data, scene.run, state)
        assert (dumped(data), again.snapshot()) == (before, usage.snapshot())


def test_a_crash_in_the_middle_of_the_recovery_changes_nothing(scene: Scene) -> None:
    for state in sample(scene.run, AGAIN_SAMPLE, salt=2):
        data = laid_out(scene.run, state, scene.data)
        whole = restarted(data, scene.run, state).snapshot()
        expected, dies_after = without_order(dumped(data)), 0
        while True:
            laid_out(scene.run, state, scene.data)
            try:
                restarted(data, scene.run, state, dies_after=dies_after)
            except Died:
                assert restarted(data, scene.run, state).snapshot() == whole
                assert without_order(dumped(data)) == expected
                dies_after += 1
            else:
                break  # it was through before it could die


def without_order(dump: Mapping[str, Sequence[tuple[object, ...]]]) -> dict[str, list[tuple[object, ...]]]:
    """Money and states are numbered in the order of writing, which may differ from run to run; all else may not."""
    numbered = ("money", "money_state")
    return {name: sorted((row[1:] if name in numbered else row for row in rows), key=repr) for name, rows in dump.items()}


def test_a_power_cut_loses_no_call_whose_two_could_speak(scene: Scene) -> None:
    """Not all that was written is on the disk then, but each answer was before its two were bridged."""
    for state in sample(scene.run, POWER_SAMPLE, salt=3):
        data = laid_out(scene.run, state, scene.data, power_cut=True)
        found = in_ledger(scene.run, state)
        found |= {
            call_id: recover_call(lines) for call_id, lines in recover(data / "journal").calls.items() if call_id not in found
        }
        for call_id, truth in scene.run.records.items():
            for whole in truth.record.attempts:
                if scene.run.secured.get((call_id, whole.number), FOREVER_US) < state.now_us:
                    attempt = found[call_id].record.attempts[whole.number - 1]
                    assert attempt.answered_us == whole.answered_us
                    assert attempt.connected_ms <= talked_ms(whole, offset_ms=0, now_us=state.now_us)


def test_the_switch_that_was_started_again_keeps_every_cap(scene: Scene) -> None:
    """What had been counted is counted, what had been held is free, and what it counts itself agrees with the ledger."""
    run = scene.run
    talks = [tried for judged in run.records.values() for tried in judged.record.attempts if tried.line == "solo" and tried.talk_us]
    first = min(talks, key=lambda tried: tried.invited_us)
    for did, line, state in (
        ("+18005550103", "solo", next(state for state in run.states if state.now_us > (first.talk_us or 0))),
        ("+18005550100", "busy", run.states[len(run.states) // 4]),
    ):
        data = laid_out(run, state, scene.data)
        restarted(data, run, state)
        before = used(data, line)
        later = run_on(run, state, data, did=did, calls=12)
        assert (later.complaints, len(later.records)) == ([], 12)
        assert any(tried.line == line for judged in later.records.values() for tried in judged.record.attempts)
        ledger = ledger_in(data)
        assert later.usage.snapshot() == recounted(run, ledger)
        assert list(breaches(ledger, list(ledger.calls_between(0, FOREVER_US)))) == []
        ledger.close()
        assert before < used(data, line) <= LIMITS[line]
        assert line != "busy" or used(data, line) == LIMITS[line], "what had been held is not free"


LIMITS = {"busy": 9, "solo": 4}
"""As the config has them: attempts a day, conversions an hour."""


def used(data: Path, line: str) -> int:
    """How much of its limit the line has used, by the ledger's rows."""
    ask = {
        "busy": "SELECT count(*) FROM attempt WHERE line = 'busy'",
        "solo": "SELECT count(*) FROM money WHERE line = 'solo' AND kind = 'revenue' AND corrects IS NULL",
    }
    with sqlite3.connect(data / "payphone.sqlite") as database:
        found = int(database.execute(ask[line]).fetchone()[0])
    database.close()
    return found


def test_the_real_ledger_service_recovers_the_same(scene: Scene, tmp_path: Path) -> None:
    for state in sample(scene.run, KEEPER_SAMPLE, salt=4):
        data = laid_out(scene.run, state, scene.data, torn=7)
        restarted(data, scene.run, state)
        expected = without_order(dumped(data))
        data = laid_out(scene.run, state, tmp_path / "data", torn=7)
        complaints = asyncio.run(kept(data))
        assert without_order(dumped(data)) == expected
        assert len(complaints) == (state.next is not None)
        assert all("torn tail" in complaint for complaint in complaints)


async def kept(data: Path) -> list[str]:
    """A service starts on `data`, recovers everything, and is closed again. What it complained of."""
    complaints: list[str] = []
    whole = asyncio.Event()
    service = LedgerService(
        data,
        database=Database(ledger_url(data)),
        secured=lambda _: None,
        state=lambda *_: None,
        complain=lambda what, _: complaints.append(what),
        found=lambda _: None,
        past_is_whole=whole.set,
    )
    service.start()
    async with asyncio.timeout(PATIENCE_S):
        await whole.wait()
    service.close()
    return complaints
