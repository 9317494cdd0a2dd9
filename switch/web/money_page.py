"""The page Money: balances, what is disputed, and the newest rows of the money ledger."""

from functools import partial
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response

from switch.api.postings import credit_of
from switch.billing.balance import Account, Balance, balances_of
from switch.billing.entry_state import State
from switch.billing.verdict import MoneyKind
from switch.deployment import Role
from switch.ledger import listing
from switch.ledger.listing import MoneyFilter
from switch.web.pages import page, sight
from switch.web.sight import Sight
from switch.web.site import Site

ON_A_PAGE = 100
STATES = (State.PENDING, State.HELD, State.APPROVED, State.DISPUTED, State.UPHELD)


def add_money(app: FastAPI, site: Site) -> None:
    @app.get("/money")
    async def money(request: Request) -> Response:
        """`before`: only a further page of rows. The balances come by themselves: they are summed from all rows there are."""
        seen, before = sight(request), request.query_params.get("before")
        if before is not None and not (before.isascii() and before.isdecimal() and len(before) <= 18):
            raise HTTPException(422, "there is no such place in the list")
        wanted = _own(seen, MoneyFilter(before=None if before is None else int(before)))
        rows = await site.ask(partial(_rows, site, wanted))
        shown = rows[:ON_A_PAGE]
        values: dict[str, Any] = {"rows": shown, "next": shown[-1][0] if len(rows) > len(shown) else None}
        if before is not None:
            return page(request, "money_rows.html", **values)
        return page(request, "money.html", **values, currency=site.deployment.switch.currency)

    @app.get("/money/balances")
    async def balances(request: Request) -> Response:
        seen = sight(request)
        found, open_disputes = await site.ask(partial(_balances, site, seen))
        used = [state for state in STATES if any(state in balance.parts for balance in found.values())]
        left = _left(site, found) if seen.role is not Role.PUBLISHER else {}
        values: dict[str, Any] = {"balances": sorted(found.items()), "states": used, "left": left, "disputes": open_disputes}
        return page(request, "money_balances.html", **values, limit=ON_A_PAGE)


def _own(seen: Sight, wanted: MoneyFilter) -> MoneyFilter:
    """Returns the filter for what the user may see: its payouts, or what it owes and has paid."""
    match seen.role:
        case Role.PUBLISHER:
            return MoneyFilter(kind=MoneyKind.PAYOUT, party=seen.party, before=wanted.before)
        case Role.ADVERTISER:
            return MoneyFilter(kind=MoneyKind.REVENUE, party=seen.party, before=wanted.before)
        case _:
            return wanted


def _rows(site: Site, wanted: MoneyFilter) -> list[tuple[int, Any]]:
    with site.ledger.database.snapshot() as connection:
        return list(listing.money_rows(connection, wanted, limit=ON_A_PAGE + 1))


def _balances(site: Site, seen: Sight) -> tuple[dict[Account, Balance], list[Any]]:
    now_us, party = site.now_us(), seen.party
    with site.ledger.scan() as scan:
        found = balances_of(scan.money(party=party), scan.states(party=party), now_us)
    with site.ledger.database.snapshot() as connection:
        open_disputes = list(listing.disputed(connection, _own(seen, MoneyFilter()), now_us=now_us, limit=ON_A_PAGE))
    return {account: balance for account, balance in found.items() if _is_own(account, seen)}, open_disputes


def _is_own(account: Account, seen: Sight) -> bool:
    """A publisher may have the name of an advertiser: the kind of money tells them apart."""
    kind, party = account
    kinds = {Role.PUBLISHER: (MoneyKind.PAYOUT,), Role.ADVERTISER: (MoneyKind.REVENUE, MoneyKind.DEPOSIT)}.get(seen.role)
    return kinds is None or (kind in kinds and party == seen.party)


def _left(site: Site, found: dict[Account, Balance]) -> dict[str, int]:
    """Returns what calls may still cost advertisers who pay in advance, micros, by their names."""
    names = sorted({party for kind, party in found if kind in (MoneyKind.REVENUE, MoneyKind.DEPOSIT)})
    credit = {name: credit_of(site.deployment.plan, name) for name in names}
    return {
        name: micros + _total(found, MoneyKind.DEPOSIT, name) - _total(found, MoneyKind.REVENUE, name)
        for name, micros in credit.items()
        if micros is not None
    }


def _total(found: dict[Account, Balance], kind: MoneyKind, party: str) -> int:
    balance = found.get((kind, party))
    return 0 if balance is None else balance.total_micros
