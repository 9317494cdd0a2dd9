"""How `payphone replay` decides calls once more and shows how the outcomes differ. How they are compared: `switch.simulation`."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from switch.cli.common import count, deployed, fail, from_ledger, ledger_of
from switch.cli.simulating import yesterday_us
from switch.cli.sums import differing, money_compared, parts_compared, signed, states_compared, sums_as_json
from switch.cli.table import figures_table, show
from switch.deployment import Deployment
from switch.ledger.store import Ledger
from switch.output import Table, progress, write_json
from switch.period import BadInstant, Period, days, local_text, parse_period, zone_of
from switch.simulation.compare import CallResult, CapFilled, ChangedCall, Comparison, Difference
from switch.simulation.replay import TooMany, assumptions, begins_us, past_of, play, read
from switch.simulation.totals import By
from switch.without_gc import without_gc

MINUTE_US = 60_000_000
SHOWN_MOVEMENTS = 15
SHOWN_CALLS = 200


def replay_calls(
    config: Path | None,
    *,
    old: Path,
    begin: str | None,
    end: str | None,
    zone: str | None,
    check: bool,
    calls: bool,
    json_lines: bool,
) -> None:
    """By `config`, or by `old` itself where that is None; exit 1 where it can't."""
    was, _ = deployed(old)
    now = was if config is None else deployed(config)[0]
    period = _period(was, begin, end, zone=zone)
    ledger = ledger_of(was, config=old)
    with without_gc():
        comparison, others = _compared(ledger, period, was=was, now=now)
    if not comparison.before.figures.total.calls:
        fail(f"no calls {_when(period)}: choose with --from and --to")
    if json_lines:
        for row in _rows(comparison, others=others):
            write_json(row)
    else:
        _show(comparison, period, currency=was.switch.currency, others=others, calls=calls, check=check)


def _period(was: Deployment, begin: str | None, end: str | None, *, zone: str | None) -> Period:
    zone = zone or zone_of(was.plan)
    try:
        asked = parse_period(begin, end, zone=zone)
        day = days(asked.from_us if asked.has_start else yesterday_us(), 1, zone=zone)
    except BadInstant as error:
        fail(str(error))
    from_us = asked.from_us if asked.has_start else day.from_us
    to_us = asked.to_us if asked.has_end else day.to_us
    if to_us <= from_us:
        fail(f"--to {end} is not after {local_text(from_us, zone)}, the beginning of yesterday: say with --from where to begin")
    return Period(from_us=from_us, to_us=to_us, zone=zone)


def _compared(ledger: Ledger, period: Period, *, was: Deployment, now: Deployment) -> tuple[Comparison, int]:
    """Read, then played, each with its bar; and how many calls another config than the old one decided."""
    start_us = begins_us(period)
    minutes = (period.to_us - start_us) // MINUTE_US
    try:
        with progress("reading, minutes of the period") as done:
            recorded = from_ledger(
                lambda: read(ledger, period, old=was.plan, reached=lambda at_us: done((at_us - start_us) // MINUTE_US, minutes))
            )
    except TooMany as error:
        fail(str(error))
    past = from_ledger(lambda: past_of(ledger, now.plan, at_us=start_us))
    calls = len(recorded.calls)
    with progress("replaying") as done:
        prompts = now.prompt_lengths_ms
        comparison = play(recorded, old=was.plan, new=now.plan, past=past, prompts=prompts, played=lambda over: done(over, calls))
    return comparison, recorded.others


# for programs


def _rows(comparison: Comparison, *, others: int) -> Iterator[Mapping[str, Any]]:
    before, after = comparison.before, comparison.after
    yield {
        "about": "replay",
        "calls": before.figures.total.calls,
        "same": comparison.same,
        **{change.value: comparison.count(change) for change in Difference},
        "undecided": comparison.undecided,
        "of_other_configs": others,
        "assumptions": list(assumptions()),
    }
    yield {"about": "total", "before": sums_as_json(before.figures.total), "after": sums_as_json(after.figures.total)}
    for state in sorted(before.figures.states | after.figures.states):
        figures = (before.figures.states.get(state, 0), after.figures.states.get(state, 0))
        yield {"about": "state", "name": state, "before": figures[0], "after": figures[1]}
    for by in By:
        for name, was, then in differing(before.figures, after.figures, by):
            yield {"about": by.value, "name": name, "before": sums_as_json(was), "after": sums_as_json(then)}
    for origin, to, moved in comparison.movements():
        yield {"about": "movement", "from": origin, "to": to, "calls": len(moved), "margin_micros": _margin(moved)}
    for cap in sorted(before.caps | after.caps):
        sides = {name: side.caps.get(cap) for name, side in (("before", before), ("after", after))}
        yield {
            "about": "cap",
            "cap": cap,
            **{name: filled and {"first": _iso(filled.first_us), "calls": filled.calls} for name, filled in sides.items()},
        }
    for each in comparison.changed:
        yield _call_as_json(each)


def _call_as_json(each: ChangedCall) -> dict[str, Any]:
    return {
        "about": "call",
        "call_id": each.call_id,
        "invited": _iso(each.invited_us),
        "did": each.did,
        "change": each.change.value,
        "before": _result_json(each.before),
        "after": _result_json(each.after),
    }


def _result_json(result: CallResult) -> dict[str, Any]:
    return {
        "place": result.place,
        "state": result.state,
        "lines": list(result.tried),
        "revenue_micros": result.revenue_micros,
        "payout_micros": result.payout_micros,
        "cost_micros": result.cost_micros,
    }


# for people


def _show(comparison: Comparison, period: Period, *, currency: str, others: int, calls: bool, check: bool) -> None:
    total = comparison.before.figures.total.calls
    differ = len(comparison.changed)
    show(f"{count(total, 'call')} {_when(period)}, amounts in {currency}, rounded to cents")
    if check:
        show(f"{differ} of {total} differ from what happened ({100 * differ / total:.2f} %): 0 is best")
    show(_summary(comparison))
    if others:
        show(
            f"{count(others, 'call')} of them had been decided by another config than that of --of: they may differ for that alone."
        )
    show("", *_tables(comparison, period))
    if calls and differ:
        show("Calls that differ, before -> after, and their margin's change:", *_calls(comparison, period), "")
    show("Assumptions:", *(f"- {each}" for each in assumptions()))


def _when(period: Period) -> str:
    return f"from {local_text(period.from_us, period.zone)} to {local_text(period.to_us, period.zone)}, {period.zone}"


def _tables(comparison: Comparison, period: Period) -> Iterator[Table]:
    before, after = comparison.before.figures, comparison.after.figures
    if comparison.movements():
        yield _movements(comparison)
    yield money_compared(before, after)
    if before.states != after.states:
        yield states_compared(before, after)
    yield from (parts_compared(before, after, by) for by in By if differing(before, after, by))
    if comparison.before.caps or comparison.after.caps:
        yield _caps(comparison, period)


def _summary(comparison: Comparison) -> str:
    phrases = {
        Difference.MOVED: "end in another place",
        Difference.TRIED: "end in the same place over other lines",
        Difference.STATE: "end in the same place with another final state",
        Difference.MONEY: "differ in money alone",
    }
    parts = [f"{comparison.count(change)} {words}" for change, words in phrases.items() if comparison.count(change)]
    kept = f"{comparison.same + comparison.undecided} stay as they are"
    refused = f" ({comparison.undecided} refused before routing was asked)" if comparison.undecided else ""
    return ", ".join([*parts, kept]) + refused


def _movements(comparison: Comparison) -> Table:
    movements = comparison.movements()
    rows = [[origin, to, str(len(moved)), signed(_margin(moved))] for origin, to, moved in movements[:SHOWN_MOVEMENTS]]
    if rest := movements[SHOWN_MOVEMENTS:]:
        every = [each for _, _, moved in rest for each in moved]
        rows.append([f"{len(rest)} more", "", str(len(every)), signed(_margin(every))])
    return figures_table(names=["from", "to"], groups=[["calls", "margin"]], rows=rows)


def _caps(comparison: Comparison, period: Period) -> Table:
    """Only what fills: first when, and how many calls it turned away from a line, before and after."""
    before, after = comparison.before.caps, comparison.after.caps

    def cells(filled: CapFilled | None) -> list[str]:
        return ["-", "0"] if filled is None else [local_text(filled.first_us, period.zone), str(filled.calls)]

    caps = sorted(before | after, key=lambda cap: (-after[cap].calls if cap in after else 0, cap))
    return figures_table(
        names=["cap that is full"],
        groups=[["first before", "calls"], ["first after", "calls"]],
        rows=[[cap, *cells(before.get(cap)), *cells(after.get(cap))] for cap in caps],
    )


def _calls(comparison: Comparison, period: Period) -> Iterator[str]:
    """One line each: not a table, since ids are to be copied whole."""
    for each in comparison.changed[:SHOWN_CALLS]:
        margin = signed(each.after.margin_micros - each.before.margin_micros)
        yield f"{each.call_id}  {local_text(each.invited_us, period.zone)}  {_outcome(each.before)} -> {_outcome(each.after)}  {margin}"
    if len(comparison.changed) > SHOWN_CALLS:
        yield f"{len(comparison.changed) - SHOWN_CALLS} more: --json has all"


def _outcome(result: CallResult) -> str:
    lines = " > ".join(result.tried)
    return f"{lines}: {result.state}" if lines else result.state


def _margin(moved: list[ChangedCall]) -> int:
    return sum(each.after.margin_micros - each.before.margin_micros for each in moved)


def _iso(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat().replace("+00:00", "Z")
