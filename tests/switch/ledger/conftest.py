"""What the ledger's tests share: a judged call to store, a disk that is full for a while, and fresh databases of both kinds.

`url` and `ledger` come twice: once on SQLite, once on a PostgreSQL server that belongs to the test run. A fresh database is a copy of
one that was migrated once.
"""

import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import psycopg
import pytest
from postgres_server import postgres_server
from sqlalchemy import Engine, create_engine

from switch.billing.standing import State, StateRow
from switch.billing.verdict import Happened, JudgedCall, MoneyKind, MoneyRow, Verdict
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Outcome
from switch.ledger import database
from switch.ledger.store import Ledger

T0_US = 1_767_225_600_000_000
NUMBERS = count(1)

BUSY = AttemptRecord(
    number=1,
    line="acme-east",
    advertiser="acme",
    campaign="auto-quotes",
    outcome=Outcome.BUSY,
    sip_code=486,
    q850=17,
    invited_us=T0_US + 5_000_000,
    answered_us=None,
    ended_us=T0_US + 5_200_000,
    ring_ms=None,
    connected_ms=0,
)
ANSWERED = replace(
    BUSY,
    number=2,
    line="acme-west",
    outcome=Outcome.ANSWERED,
    sip_code=200,
    q850=None,
    answered_us=T0_US + 9_000_000,
    ring_ms=3_800,
    connected_ms=95_000,
    priority=2,
    talk_us=T0_US + 9_000_000,
    talk_ended_us=T0_US + 104_000_000,
    accepted=True,
    ended_by=EndedBy.CALLER,
)
RECORD = CallRecord(
    call_id="",
    did="+18005550100",
    ani="+12145550123",
    trunk="carrier-a",
    publisher="radio-ads",
    campaign="auto-quotes",
    final_state=FinalState.CONVERTED,
    invited_us=T0_US,
    answered_us=T0_US + 1_000_000,
    ended_us=T0_US + 104_000_000,
    ended_by=EndedBy.CALLER,
    ended_detail="caller_hung_up",
    sip_code=200,
    total_ms=103_000,
    menu_ms=4_000,
    connected_ms=95_000,
    duration_source=DurationSource.MONOTONIC,
    attempts=(BUSY, ANSWERED),
    digits="1",
    tags={"state": "TX", "zip": "75001", "age": 66, "anonymous": False},
    menu_done=True,
    config="9f" * 32,
    seed=2**64 - 1,
    trail=({"chosen": "acme-east", "load": {"acme-east": 0}}, {"chosen": "acme-west", "barred": ["acme-east"], "draw": 0.25}),
)


def _judged(call_id: str) -> JudgedCall:
    revenue = MoneyRow(
        key=f"{call_id}/revenue/acme-west",
        call_id=call_id,
        kind=MoneyKind.REVENUE,
        party="acme",
        campaign="auto-quotes",
        amount_micros=45_000_000,
        reason="connected_for",
        at_us=T0_US + 99_000_000,
        line="acme-west",
    )
    payout = replace(
        revenue, key=f"{call_id}/payout", kind=MoneyKind.PAYOUT, party="radio-ads", amount_micros=30_000_000, link=revenue.key
    )
    held = StateRow(
        key=f"{payout.key}/held", of=payout.key, state=State.HELD, at_us=payout.at_us, until_us=T0_US + 10**12, reason="hold_for"
    )
    return JudgedCall(
        record=replace(RECORD, call_id=call_id),
        verdict=Verdict(
            billable=True,
            rule="auto-quotes: connected_for >= 90000 ms",
            why="connected 95000 ms",
            revenue_micros=45_000_000,
            payout_micros=30_000_000,
            rows=(revenue, payout),
            paid=True,
            cost_micros=16_000,
            near_miss=True,
            states=(held,),
        ),
        events=(
            Happened(number=1, at_us=T0_US, event="InviteArrived", facts={"did": "+18005550100", "headers": {"X-Sub-Id": "fb"}}),
            Happened(number=2, at_us=T0_US + 9_000_000, event="LegAnswered", facts={"leg": 2}),
        ),
    )


@pytest.fixture
def judged() -> Callable[[str], JudgedCall]:
    """A call with two attempts, two money rows, a state and two events, by its id."""
    return _judged


@contextmanager
def _file_size_limit(limit_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond the limit: a write is cut short there, the next one fails. Python ignores SIGXFSZ."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    return _file_size_limit


# databases: a URL of each kind, empty or with the present schema


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers wait for each other for as long as it takes on a busy machine."""
    monkeypatch.setattr(database, "BUSY_S", 60)
    monkeypatch.setattr(database, "_POSTGRESQL", {**database._POSTGRESQL, "options": "-c lock_timeout=60s -c timezone=UTC"})


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own, but for the name of a database."""
    with postgres_server() as url:
        yield url


def _create(postgres: str, name: str, *, template: str = "template0") -> str:
    with psycopg.connect(postgres.format("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return postgres.format(name)


@pytest.fixture(scope="session")
def _migrated_postgres(postgres: str) -> str:
    ledger = Ledger(_create(postgres, "migrated"))
    ledger.migrate()
    ledger.close()
    return "migrated"


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "ledger.sqlite"
    ledger = Ledger(f"sqlite:///{path}")
    ledger.migrate()
    ledger.close()
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, _migrated_sqlite: Path) -> str:
    (tmp_path / "var").mkdir()
    shutil.copy(_migrated_sqlite, tmp_path / "var" / "ledger.sqlite")
    return f"sqlite:///{tmp_path / 'var' / 'ledger.sqlite'}"


@pytest.fixture
def postgres_url(postgres: str, _migrated_postgres: str) -> Iterator[str]:
    name = f"ledger_{next(NUMBERS)}"
    yield _create(postgres, name, template=_migrated_postgres)
    _drop(postgres, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """A database with the present schema and nothing in it."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'var' / 'empty.sqlite'}"
        return
    postgres = request.getfixturevalue("postgres")
    name = f"empty_{next(NUMBERS)}"
    yield _create(postgres, name)
    _drop(postgres, name)


def _drop(postgres: str, name: str) -> None:
    with psycopg.connect(postgres.format("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def _opened(url: str) -> Iterator[Ledger]:
    ledger = Ledger(url)
    try:
        yield ledger
    finally:
        ledger.close()


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with _opened(url) as ledger:
        yield ledger


@pytest.fixture
def sqlite_ledger(sqlite_url: str) -> Iterator[Ledger]:
    with _opened(sqlite_url) as ledger:
        yield ledger


@pytest.fixture
def postgres_ledger(postgres_url: str) -> Iterator[Ledger]:
    with _opened(postgres_url) as ledger:
        yield ledger


@pytest.fixture
def raw() -> Iterator[Callable[[str], Engine]]:
    """A way into a database behind the ledger's back, by its URL."""
    engines: list[Engine] = []

    def opened(url: str) -> Engine:
        engines.append(create_engine(url.replace("postgresql:", "postgresql+psycopg:")))
        return engines[-1]

    yield opened
    for engine in engines:
        engine.dispose()
