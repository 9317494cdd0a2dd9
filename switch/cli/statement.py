"""What `payphone money show` and `payphone money balance` show. What a balance is: `switch.billing.balance`."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from routing.zone import Zone, time_zone
from switch.api.view import entries, entry_json, row_json, state_json
from switch.billing.balance import Account, Balance, balances_of
from switch.billing.entry_state import State
from switch.billing.money import show_micros
from switch.billing.verdict import MoneyKind, MoneyRow
from switch.cli.common import fail, from_ledger, open_ledger
from switch.console import local
from switch.engine.clock import SystemClock
from switch.ledger.store import Ledger
from switch.output import Advanced, Column, Table, progress, write_folded, write_json, write_line

TOLD_EVERY = 5_000
STATES = (State.PENDING, State.HELD, State.APPROVED, State.DISPUTED, State.UPHELD)


def show_money(config: Path, call: str, *, json_lines: bool) -> None:
    """All money of the call whose id begins so."""
    ledger, place = open_ledger(config)
    clock = time_zone(place.zone)
    found = from_ledger(lambda: ledger.ids_like(call))
    call_id = only_one(found, call)
    money = from_ledger(lambda: ledger.rows_of(call_id))
    states = from_ledger(lambda: ledger.state_rows([row.key for row in money]))
    now_us = SystemClock().now().utc_us
    if json_lines:
        for row in money:
            write_json({"row": row_json(row)})
        for state in states:
            write_json({"state": state_json(state)})
        for entry in entries(money, states, now_us):
            write_json({"entry": entry_json(entry)})
        return
    show_rows(money, clock)
    for state in states:
        until = "" if state.until_us is None else f" until {local(state.until_us, clock)}"
        write_folded([f"{local(state.at_us, clock)}  {state.of} {state.state}{until}: {state.reason} (by {state.actor})"])
    for entry in entries(money, states, now_us):
        stands = "" if entry.standing is None else f", {entry.standing.state}"
        write_line(f"{entry.base.kind} of {entry.base.party}: {show_micros(entry.amount_micros)}{stands}")


def show_balances(config: Path, party: str | None, *, json_lines: bool) -> None:
    """Each summed from all its rows."""
    ledger, place = open_ledger(config)
    try:
        found = from_ledger(lambda: _balances(ledger, party))
    finally:
        ledger.close()
    if party is not None and not found:
        fail(f"no money of {party!r} in the ledger: names are those of the config's advertisers, publishers and trunks")
    if json_lines:
        for (kind, name), each in sorted(found.items()):
            parts = {f"{state}_micros": each.parts.get(state, 0) for state in STATES}
            write_json({"kind": kind.value, "party": name, "total_micros": each.total_micros, **parts})
        for name, left in _left(place.credits, found):
            write_json({"kind": "left", "party": name, "total_micros": left})
        return
    _table(found).show()
    for name, left in _left(place.credits, found):
        write_folded([f"advertiser {name} pays in advance: {show_micros(left)} left before calls stop"])


def only_one(found: Sequence[str], beginning: str) -> str:
    """The one call whose id begins so; exit 1 where there is none, or more."""
    if not found:
        fail(f"no call {beginning!r} in the ledger: `payphone calls` shows their ids; a call in progress is not there yet")
    if len(found) > 1:
        fail(f"more than one call begins with {beginning!r}: give more of its id")
    return found[0]


def show_rows(rows: Sequence[MoneyRow], clock: Zone, *, err: bool = False) -> None:
    """A line each, in local times."""
    for row in rows:
        corrects = f", corrects {row.corrects}" if row.corrects else ""
        text = f"{row.kind} {show_micros(row.amount_micros)} {row.party}: {row.reason} (by {row.actor}{corrects}) [{row.key}]"
        write_folded([f"{local(row.at_us, clock)}  {text}"], err=err)


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


def _left(credits_micros: Mapping[str, int], found: Mapping[Account, Balance]) -> Iterator[tuple[str, int]]:
    """Advertisers with money who pay in advance, and what calls may still cost them."""
    names = {name for kind, name in found if kind in (MoneyKind.REVENUE, MoneyKind.DEPOSIT)}
    for name in sorted(names):
        if name in credits_micros:
            yield name, credits_micros[name] + _total(found, MoneyKind.DEPOSIT, name) - _total(found, MoneyKind.REVENUE, name)


def _total(found: Mapping[Account, Balance], kind: MoneyKind, party: str) -> int:
    balance = found.get((kind, party))
    return 0 if balance is None else balance.total_micros


def _table(found: Mapping[Account, Balance]) -> Table:
    used = [state for state in STATES if any(state in balance.parts for balance in found.values())]
    keys = [Column("money", key=True), Column("party", key=True)]
    table = Table([*keys, *(Column(str(state), right=True) for state in used), Column("total", right=True)])
    for (kind, party), balance in sorted(found.items()):
        parts = (show_micros(balance.parts[state]) if state in balance.parts else "" for state in used)
        table.add_row(kind.value, party, *parts, show_micros(balance.total_micros))
    return table
