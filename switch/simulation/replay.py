"""Decides recorded calls once more, by another config: reads them all, then plays them with caps and hours as they move.

What it takes to be so is in `ASSUMPTIONS`. `switch.cli.replaying` shows the result.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from routing.tags import FROM_CARRIER
from switch.engine.counters import quarter_of
from switch.engine.lookback import lookback_of
from switch.engine.plan import Plan
from switch.engine.usage import Usage, UsageHistory
from switch.ledger.store import Ledger
from switch.period import HOUR_US, Period
from switch.simulation.call_script import CallScript
from switch.simulation.compare import Comparison
from switch.simulation.line_profiles import LineProfiles, ProfiledLines
from switch.simulation.recorded_call import TOLD, UNDECIDED, RecordedCall, recorded_call
from switch.simulation.simulator import Simulator

WARM_UP_US = 3 * HOUR_US
"""Calls before the period that are played and not counted: they hold the caps that the first calls of the period meet."""
MAX_CALLS = 1_000_000
"""In one replay: they are all in memory, about three kilobytes each."""

TOLD_EVERY = 500

ASSUMPTIONS = (
    "Before: what the ledger has. After: the same calls, at the same instants, decided by the other config from {warm_up} before the "
    "period on; caps and repeat callers begin as the ledger had them then. What was overridden then is overridden after, too.",
    "A line that was dialled for a call then does the same again: it answers after as long, is as busy, talks as long.",
    "A line that was not dialled for it does what it did in another call of the period, drawn by the call's seed; one that had no call "
    "in it does what any line did.",
    "An attempt that was broken off (the caller left, another line was quicker) might have gone on as the line's longer ones did.",
    "A line that nobody answered in the time it had would not be answered in more.",
    "Callers press the same digits at the same moments; where the menu has changed, as soon as it waits for them, at the same pace "
    "(menu time by digits). Prompts last as long as their files do now.",
    "Callers who left leave at the same moment, unless they talk by then; all others wait for as long as it takes.",
    "Callers who had no voicemail speak there for 20 s, or for as long as they had waited, then they hang up.",
    "Money is what is owed when a call ends, before and after. What was posted later (sales, corrections) counts on neither side; of "
    "deposits, all that were ever made.",
)


class TooMany(Exception):
    """More calls than fit into one replay."""


@dataclass(slots=True, kw_only=True)
class Recording:
    """What was read, of the hours before the period too. `others`: calls of the period decided by another config than the old one."""

    period: Period
    calls: list[RecordedCall]
    habits: LineProfiles
    comparison: Comparison
    others: int = 0


def assumptions() -> tuple[str, ...]:
    return tuple(each.format(warm_up=f"{WARM_UP_US // HOUR_US} hours") for each in ASSUMPTIONS)


def begins_us(period: Period) -> int:
    """When the warm-up does: at a quarter of an hour, since the ledger adds up by those."""
    return quarter_of(max(0, period.from_us - WARM_UP_US))


def read(ledger: Ledger, period: Period, *, old: Plan, reached: Callable[[int], None] = lambda _: None) -> Recording:
    """The calls of the period and of the warm-up. `reached` is called with the instant reached. Raises LedgerUnreadable, TooMany."""
    found = Recording(period=period, calls=[], habits=LineProfiles(), comparison=Comparison())
    passed = frozenset(tag for tag, _ in old.headers.values()).union(FROM_CARRIER)
    for judged in ledger.calls_between(begins_us(period), period.to_us, events=TOLD):
        record = judged.record
        counts = record.invited_us >= period.from_us
        if counts:
            found.comparison.happened(judged)
            found.others += record.config != old.version
        if record.final_state in UNDECIDED:
            continue
        call = recorded_call(judged, passed=passed)
        found.calls.append(call)
        for line, seen in call.seen.items():
            found.habits.add(line, seen, seed=call.seed)
        if len(found.calls) > MAX_CALLS:
            raise TooMany(f"more than {MAX_CALLS} calls: choose a shorter period with --from and --to")
        if len(found.calls) % TOLD_EVERY == 0:
            reached(record.invited_us)
    return found


def play(
    recorded: Recording,
    *,
    old: Plan,
    new: Plan,
    past: UsageHistory,
    prompts: Mapping[str, int],
    played: Callable[[int], None] = lambda _: None,
) -> Comparison:
    """All calls once more, by `new`. `prompts`: their lengths. `played`: called now and then with how many calls are over."""
    stage = Simulator(new, usage=Usage(), prompts=prompts)
    stage.control.load_usage(past, new)
    comparison = recorded.comparison
    for over, judged in enumerate(stage.play(_scripts(recorded, old=old, new=new)), start=1):
        if judged.record.invited_us >= recorded.period.from_us:
            comparison.would_have(judged)
        if over % TOLD_EVERY == 0:
            played(over)
    return comparison


def past_of(ledger: Ledger, plan: Plan, *, at_us: int) -> UsageHistory:
    """What a switch would have learned from the ledger at that instant, a quarter of an hour's beginning. Raises LedgerUnreadable."""
    horizon = lookback_of(plan, at_us)
    overrides = ledger.override_rows()
    with ledger.reading() as reading:
        return UsageHistory(
            horizon_us=horizon.counts_us,
            counts=tuple(row for row in reading.tallies(horizon.counts_us) if row[2] < at_us),
            before=tuple(reading.totals(horizon.counts_us)) if horizon.ever else (),
            deposits=reading.balances(),
            paid=tuple(row for row in reading.paid_since(horizon.paid_us) if row[1].at_us < at_us),
            overrides=overrides,
            in_time=True,
        )


def _scripts(recorded: Recording, *, old: Plan, new: Plan) -> Iterator[CallScript]:
    """One after the other, and each forgotten when it is played."""
    as_it_was: dict[str, bool] = {}
    calls = recorded.calls
    calls.reverse()
    while calls:
        call = calls.pop()
        if call.did not in as_it_was:
            as_it_was[call.did] = _menu(old, call.did) == _menu(new, call.did)
        yield CallScript(
            call_id=call.call_id,
            did=call.did,
            ani=call.ani,
            trunk=call.trunk,
            at_us=call.at_us,
            seed=call.seed,
            tags=call.tags,
            digits=call.digits,
            digit_ms=call.digit_ms,
            presses=call.presses if as_it_was[call.did] else None,
            patience_ms=call.patience_ms,
            message_ms=call.message_ms,
            conduct=ProfiledLines(call, recorded.habits),
        )


def _menu(plan: Plan, did: str) -> object:
    """What the callers of a number hear first; None: no menu."""
    number = plan.table.numbers.get(did)
    name = None if number is None else plan.table.campaigns[number.campaign].menu
    return None if name is None else plan.menus[name]
