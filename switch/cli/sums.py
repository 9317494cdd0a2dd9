"""What simulated or replayed calls come to, as tables and as JSON: alone, and compared with what happened."""

from collections.abc import Iterator, Mapping
from typing import Any

from switch.billing.money import show_cents
from switch.cli.table import figures_table
from switch.output import Table
from switch.simulation.totals import By, Figures, Sums

MONEY = ("revenue", "payout", "cost", "margin")


def sums_as_json(sums: Sums) -> dict[str, int]:
    """Exact amounts, in micros."""
    counts = {"calls": sums.calls, "connected": sums.connected, "converted": sums.converted}
    return counts | {f"{name}_micros": _micros(sums, name) for name in MONEY}


def figures_as_json(figures: Figures) -> Iterator[Mapping[str, Any]]:
    """One object for all, one for each final state, one for each campaign, publisher, advertiser and line."""
    yield {"about": "total", **sums_as_json(figures.total)}
    for state, calls in _by_count(figures.states):
        yield {"about": "state", "name": state, "calls": calls}
    for by in By:
        for name, sums in figures.of(by).items():
            yield {"about": by.value, "name": name, **sums_as_json(sums)}


def states_table(figures: Figures) -> Table:
    total = figures.total.calls
    return figures_table(
        names=["final state"],
        groups=[["calls", "share"]],
        rows=[[state, str(calls), f"{100 * calls / total:.1f} %"] for state, calls in _by_count(figures.states)],
    )


def parts_table(figures: Figures, by: By) -> Table:
    def cells(name: str, sums: Sums) -> list[str]:
        counts = (sums.calls, sums.connected, sums.converted)
        return [name, *map(str, counts), *(show_cents(_micros(sums, each)) for each in MONEY)]

    return figures_table(
        names=[by.value],
        groups=[["calls", "connected", "converted"], MONEY],
        rows=[cells(name, sums) for name, sums in figures.of(by).items()],
        total=cells("all", figures.total),
    )


def states_compared(before: Figures, after: Figures) -> Table:
    """Only states whose numbers differ."""
    states = _by_count({name: before.states.get(name, 0) for name in before.states | after.states})
    counts = [(state, was, after.states.get(state, 0)) for state, was in states]
    return figures_table(
        names=["final state"],
        groups=[["before", "after", "change"]],
        rows=[[state, str(was), str(then), f"{then - was:+d}"] for state, was, then in counts if was != then],
    )


def money_compared(before: Figures, after: Figures) -> Table:
    was, then = before.total.converted, after.total.converted
    amounts = [(name, _micros(before.total, name), _micros(after.total, name)) for name in MONEY]
    return figures_table(
        names=["money"],
        groups=[["before", "after", "change"]],
        rows=[
            ["calls converted", str(was), str(then), f"{then - was:+d}"],
            *([name, show_cents(was), show_cents(then), signed(then - was)] for name, was, then in amounts),
        ],
    )


def parts_compared(before: Figures, after: Figures, by: By) -> Table:
    """Only those for whom something differs, the largest change of margin first."""
    return figures_table(
        names=[by.value],
        groups=[["calls", "after"], ["revenue", "after"], ["payout", "after"], ["margin", "after", "change"]],
        rows=[
            [
                name,
                *(str(was.calls), str(then.calls)),
                *(show_cents(_micros(side, each)) for each in ("revenue", "payout", "margin") for side in (was, then)),
                signed(then.margin_micros - was.margin_micros),
            ]
            for name, was, then in differing(before, after, by)
        ],
    )


def differing(before: Figures, after: Figures, by: By) -> list[tuple[str, Sums, Sums]]:
    was, then = before.of(by), after.of(by)
    both = [(name, was.get(name, Sums()), then.get(name, Sums())) for name in {**was, **then}]
    changed = [each for each in both if each[1] != each[2]]
    return sorted(changed, key=lambda each: (-abs(each[2].margin_micros - each[1].margin_micros), each[0]))


def signed(micros: int) -> str:
    """`+25.00`, `-0.50`, `0.00`."""
    text = show_cents(micros)
    return f"+{text}" if micros > 0 else text


def _micros(sums: Sums, name: str) -> int:
    return {
        "revenue": sums.revenue_micros,
        "payout": sums.payout_micros,
        "cost": sums.cost_micros,
        "margin": sums.margin_micros,
    }[name]


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
