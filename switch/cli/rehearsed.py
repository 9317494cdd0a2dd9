"""Knows how figures of rehearsed calls look, alone and beside those of what happened. Does not know how they are found."""

from collections.abc import Iterator, Mapping
from typing import Any

from switch.billing.money import show_cents
from switch.output import Column, Table
from switch.simulation.totals import By, Figures, Sums

MONEY = ("revenue", "payout", "cost", "margin")


def sums_as_json(sums: Sums) -> dict[str, int]:
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
    table = plain_table("final state", "calls", "share")
    for state, calls in _by_count(figures.states):
        table.add_row(state, str(calls), f"{100 * calls / figures.total.calls:.1f} %")
    return table


def parts_table(figures: Figures, by: By) -> Table:
    table = plain_table(by.value, "calls", "connected", "converted", *MONEY)
    for name, sums in (*figures.of(by).items(), ("all", figures.total)):
        table.add_row(
            name,
            *(str(number) for number in (sums.calls, sums.connected, sums.converted)),
            *(show_cents(_micros(sums, each)) for each in MONEY),
            style="bold" if name == "all" else "",
        )
    return table


def states_beside(before: Figures, after: Figures) -> Table:
    """Only states whose numbers differ."""
    table = plain_table("final state", "before", "after", "change")
    for state, calls in _by_count({name: before.states.get(name, 0) for name in before.states | after.states}):
        then = after.states.get(state, 0)
        if calls != then:
            table.add_row(state, str(calls), str(then), f"{then - calls:+d}")
    return table


def money_beside(before: Figures, after: Figures) -> Table:
    table = plain_table("money", "before", "after", "change")
    for name in ("converted", *MONEY):
        was, then = _amount(before.total, name), _amount(after.total, name)
        show = str if name == "converted" else show_cents
        table.add_row(name, show(was), show(then), _signed(then - was, show(then - was)))
    return table


def parts_beside(before: Figures, after: Figures, by: By) -> Table:
    """Only those for whom something differs, the largest change of margin first."""
    table = plain_table(by.value, "calls", "after", "revenue", "after", "payout", "after", "margin", "change")
    for name, was, then in differing(before, after, by):
        table.add_row(
            name,
            str(was.calls),
            str(then.calls),
            show_cents(was.revenue_micros),
            show_cents(then.revenue_micros),
            show_cents(was.payout_micros),
            show_cents(then.payout_micros),
            show_cents(then.margin_micros),
            _signed(then.margin_micros - was.margin_micros, show_cents(then.margin_micros - was.margin_micros)),
        )
    return table


def differing(before: Figures, after: Figures, by: By) -> list[tuple[str, Sums, Sums]]:
    was, then = before.of(by), after.of(by)
    both = [(name, was.get(name, Sums()), then.get(name, Sums())) for name in {**was, **then}]
    changed = [each for each in both if each[1] != each[2]]
    return sorted(changed, key=lambda each: (-abs(each[2].margin_micros - each[1].margin_micros), each[0]))


def plain_table(first: str, *others: str) -> Table:
    """`first` names what a row is about; the others are numbers."""
    return Table([Column(first, key=True), *(Column(heading, right=True) for heading in others)])


def _micros(sums: Sums, name: str) -> int:
    return {
        "revenue": sums.revenue_micros,
        "payout": sums.payout_micros,
        "cost": sums.cost_micros,
        "margin": sums.margin_micros,
    }[name]


def _amount(sums: Sums, name: str) -> int:
    return sums.converted if name == "converted" else _micros(sums, name)


def _signed(change: int, text: str) -> str:
    return f"+{text}" if change > 0 else text


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
