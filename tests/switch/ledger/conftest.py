"""What the ledger's tests share: a judged call to store, a disk that is full for a while, a ledger in a fresh directory."""

import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from switch.billing.verdict import JudgedCall, MoneyKind, MoneyRow, Verdict
from switch.call.record import AttemptRecord, CallRecord, DurationSource, EndedBy, FinalState, Outcome
from switch.ledger.store import Ledger

T0_US = 1_767_225_600_000_000

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
    tags={"state": "TX", "zip": "75001"},
    config="9f" * 32,
    seed=2**64 - 1,
    trail=({"chosen": "acme-east", "load": {"acme-east": 0}}, {"chosen": "acme-west", "barred": ["acme-east"], "draw": 0.25}),
)


def _judged(call_id: str) -> JudgedCall:
    money = MoneyRow(
        key=f"{call_id}/revenue",
        call_id=call_id,
        kind=MoneyKind.REVENUE,
        party="acme",
        campaign="auto-quotes",
        amount_micros=45_000_000,
        reason="connected_for",
    )
    payout = replace(
        money, key=f"{call_id}/payout", kind=MoneyKind.PAYOUT, party="radio-ads", amount_micros=30_000_000, corrects="x"
    )
    return JudgedCall(
        record=replace(RECORD, call_id=call_id),
        verdict=Verdict(
            billable=True,
            rule="auto-quotes: connected_for >= 90000 ms",
            why="connected 95000 ms",
            revenue_micros=45_000_000,
            payout_micros=30_000_000,
            rows=(money, payout),
        ),
    )


@pytest.fixture
def judged() -> Callable[[str], JudgedCall]:
    """A call with two attempts and two money rows, by its id."""
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


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'var' / 'ledger.sqlite'}"


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    ledger = Ledger(url)
    ledger.migrate()
    yield ledger
    ledger.close()
