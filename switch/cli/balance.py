"""Knows the command `payphone money balance`. Does not know what a balance is: `switch.billing.balance`."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from switch.api.postings import credit_of
from switch.billing.balance import Account, Balance, balances_of
from switch.billing.entry_state import State
from switch.billing.money import show_micros
from switch.billing.verdict import MoneyKind, MoneyRow
from switch.cli.common import AsJson, ConfigDir, deployed, fail, from_ledger, ledger_of, out, print_json
from switch.cli.money import money
from switch.cli.progress import Advanced, progress
from switch.engine.clock import SystemClock
from switch.ledger.store import Ledger
from switch.settings.plan import Deployment

TOLD_EVERY = 5_000
STATES = (State.PENDING, State.HELD, State.APPROVED, State.DISPUTED, State.UPHELD)


@money.command()
def balance(
    party: Annotated[str | None, typer.Argument(help="An advertiser, publisher or trunk. Default: all.")] = None,
    *,
    config: ConfigDir = Path("config"),
    json_lines: AsJson = False,
) -> None:
    """Show balances, each summed from all its rows: what advertisers owe, what publishers have earned, what trunks bill.

    Example: payphone money balance acme
    """
    deployment, _ = deployed(config)
    ledger = ledger_of(deployment, config=config)
    try:
        found = from_ledger(lambda: _balances(ledger, party))
    finally:
        ledger.close()
    if party is not None and not found:
        fail(f"no money of {party!r} in the ledger: names are those of the config's advertisers, publishers and trunks")
    if json_lines:
        for (kind, name), each in sorted(found.items()):
            parts = {f"{state}_micros": each.parts.get(state, 0) for state in STATES}
            print_json({"kind": kind.value, "party": name, "total_micros": each.total_micros, **parts})
        for name, left in _left(deployment, found):
            print_json({"kind": "left", "party": name, "total_micros": left})
        return
    out.print(_table(found))
    for name, left in _left(deployment, found):
        typer.echo(f"advertiser {name} pays in advance: {show_micros(left)} left before calls stop")


def _balances(ledger: Ledger, party: str | None) -> dict[Account, Balance]:
    """Everybody's, or one party's."""
    with ledger.scan() as scan, progress("balance") as advanced:
        rows = _counted(scan.money(party=party), scan.count_money(party=party), advanced)
        return balances_of(rows, scan.states(party=party), SystemClock().now().utc_us)


def _counted(rows: Iterator[MoneyRow], total: int, advanced: Advanced) -> Iterator[MoneyRow]:
    done = 0
    while some := list(islice(rows, TOLD_EVERY)):
        yield from some
        done += len(some)
        advanced(done, total)


def _left(deployment: Deployment, found: Mapping[Account, Balance]) -> Iterator[tuple[str, int]]:
    """Advertisers with money who pay in advance, and what calls may still cost them."""
    names = {name for kind, name in found if kind in (MoneyKind.REVENUE, MoneyKind.DEPOSIT)}
    for name in sorted(names):
        credit_micros = credit_of(deployment.plan, name)
        if credit_micros is not None:
            yield name, credit_micros + _total(found, MoneyKind.DEPOSIT, name) - _total(found, MoneyKind.REVENUE, name)


def _total(found: Mapping[Account, Balance], kind: MoneyKind, party: str) -> int:
    balance = found.get((kind, party))
    return 0 if balance is None else balance.total_micros


def _table(found: Mapping[Account, Balance]) -> Table:
    used = [state for state in STATES if any(state in balance.parts for balance in found.values())]
    table = Table("money", "party", *(str(state) for state in used), "total")
    for column in table.columns[2:]:
        column.justify, column.no_wrap = "right", True
    for (kind, party), balance in sorted(found.items()):
        parts = (show_micros(balance.parts[state]) if state in balance.parts else "" for state in used)
        table.add_row(kind.value, party, *parts, show_micros(balance.total_micros))
    return table
