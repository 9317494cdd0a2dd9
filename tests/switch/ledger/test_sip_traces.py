"""The SIP messages of calls in the ledger: written, found, never changed, and deleted by age; on SQLite and PostgreSQL."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from switch.ledger import poller
from switch.ledger.database import Database, LedgerUnwritable
from switch.ledger.poller import LedgerPoller
from switch.ledger.store import Ledger
from switch.ledger.tables import SipTraceRow


def row(call_id: str, *, began_us: int = 1, sip_call_id: str = "") -> SipTraceRow:
    sip = sip_call_id or f"{call_id}@sip"
    return SipTraceRow(
        call_id=call_id, sip_call_id=sip, began_us=began_us, messages=3, dropped=0, trace=b"\x00\xff" + call_id.encode()
    )


def test_a_trace_is_found_by_either_id_the_newest_first(ledger: Ledger) -> None:
    first, again, other = row("a"), row("a", began_us=7), row("", sip_call_id="b@sip")
    ledger.add_traces([first, other])
    ledger.add_traces([again])
    assert ledger.traces_of("a") == [again, first]
    assert ledger.traces_of("a@sip") == [again, first]
    assert ledger.traces_of("b@sip") == [other]
    assert ledger.traces_of("c") == []


def test_the_oldest_are_deleted_first_and_a_bounded_number_at_once(ledger: Ledger) -> None:
    ledger.add_traces([row(f"{number}", began_us=number) for number in (5, 3, 1, 2, 4)])
    assert ledger.delete_traces(4, limit=2) == 2
    assert [bool(ledger.traces_of(str(number))) for number in range(1, 6)] == [False, False, True, True, True]
    assert ledger.delete_traces(4, limit=2) == 1
    assert ledger.delete_traces(4, limit=2) == 0
    assert [bool(ledger.traces_of(str(number))) for number in range(1, 6)] == [False, False, False, True, True]


@pytest.mark.parametrize("change", ["UPDATE sip_traces SET call_id = 'x'", "UPDATE sip_traces SET trace = trace"])
def test_what_is_there_can_not_be_changed(ledger: Ledger, url: str, change: str) -> None:
    ledger.add_traces([row("a")])
    engine: Engine = create_engine(url)
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(text(change))
    engine.dispose()
    assert ledger.traces_of("a") == [row("a")]


class Broken(Ledger):
    """One that takes nothing."""

    def add_traces(self, rows: object) -> None:
        raise LedgerUnwritable(f"no room for {rows}")


@pytest.mark.parametrize("more", [0, 1])
def test_while_the_ledger_takes_nothing_so_many_wait(more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "MAX_WAITING_TRACES", 3)
    monkeypatch.setattr(poller, "Ledger", Broken)
    said: list[str] = []

    async def run() -> None:
        def nothing(*_: object) -> None:
            pass

        complain: Callable[[str, str], None] = lambda what, _call_id: said.append(what)  # noqa: E731
        waiting = LedgerPoller(Database("sqlite://"), loaded=nothing, posted=nothing, complain=complain, now_us=lambda: 0)
        waiting.keep_traces([row("a"), row("b")])
        waiting.keep_traces([row("c"), *[row("d")] * more])
        monkeypatch.setattr(poller, "CLOSE_S", 0.0)
        await waiting.close()

    asyncio.run(run())
    lost = [what for what in said if "lost" in what]
    assert lost == [f"the SIP messages of {1 + more} calls are lost: the ledger does not take them"] * more
