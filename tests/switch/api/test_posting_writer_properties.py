"""Whatever is posted, by whomever and in whatever order, the ledger stays sound: `payphone audit` finds nothing."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from posting_world import PostingWorld

from switch.api.postings import Done, KeyReused, NoSuchCall, PostingRequest, PostingWriter
from switch.billing import actions
from switch.billing.actions import Refused
from switch.billing.verdict import MoneyKind

SIDES = st.sampled_from([MoneyKind.REVENUE, MoneyKind.PAYOUT])
ONLY = st.none() | SIDES
MICROS = st.integers(0, 60).map(lambda dollars: dollars * 1_000_000) | st.integers(0, 60_000_000)
ACTS: st.SearchStrategy[actions.Action] = st.one_of(
    st.builds(actions.Postback, amount_micros=st.none() | MICROS),
    st.builds(actions.Disposition, code=st.sampled_from(["sale", "callback", "wrong-number", "nonsense"])),
    st.builds(actions.Manual, amount_micros=st.none() | MICROS),
    st.builds(actions.AdjustTo, kind=SIDES, amount_micros=MICROS),
    st.builds(actions.AdjustBy, kind=SIDES, delta_micros=st.integers(-60_000_000, 60_000_000)),
    st.builds(actions.Void, only=ONLY),
    st.builds(actions.Approve, only=ONLY),
    st.just(actions.Dispute()),
    st.builds(actions.Uphold, percent=st.integers(1, 100)),
    st.just(actions.Reject()),
)
ORDERS = st.builds(
    PostingRequest,
    call_id=st.sampled_from(["quoted", "sold", "worded", "nobody", "unknown"]),
    key=st.sampled_from(["k1", "k2", "k3", "k4", "k5", "k6"]),
    act=ACTS,
    actor=st.just("somebody"),
    line=st.none() | st.sampled_from(["east", "north"]),
    advertiser=st.sampled_from([None, None, "acme", "bolt"]),
    sale=st.none() | st.sampled_from(["S-1", "S-2"]),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ORDERS, min_size=4, max_size=20))
def test_any_postings_leave_a_ledger_that_is_sound(orders: list[PostingRequest]) -> None:
    with TemporaryDirectory() as folder:
        world = PostingWorld(Path(folder))
        world.over("quoted", ("east", None), ("east", 120_000), ("north", 95_000))
        world.over("sold", ("north", 120_000), campaign="sales")
        world.over("worded", ("east", 70_000), campaign="words")
        world.over("nobody")
        written = 0
        for order in orders:
            outcome = world.postings.post(order)
            match outcome:
                case Done(again=False, money=money):
                    assert world.postings.post(order) == Done(answer=outcome.answer, at_us=outcome.at_us, again=True)
                    written += len(money)
                case Done():
                    pass
                case Refused() | NoSuchCall() | KeyReused():
                    assert (order.call_id == "unknown") <= isinstance(outcome, NoSuchCall | KeyReused)
        posted = [row for _, row in world.ledger.money_since(0) if row.actor == "somebody"]
        assert len(posted) == written
        assert world.findings() == []
        world.close()


def test_what_is_previewed_is_not_written(tmp_path: Path) -> None:
    world = PostingWorld(tmp_path)
    world.over("a", ("east", 120_000))
    order = PostingRequest(call_id="a", key="k1", act=actions.Void(), actor="ops:ann", reason="test call")
    previewed = world.postings.preview(order)
    assert isinstance(previewed, Done)
    assert len(world.ledger.rows_of("a")) == 2
    posted = world.postings.post(order)
    assert isinstance(posted, Done)
    assert (
        [row.amount_micros for row in posted.money] == [row.amount_micros for row in previewed.money] == [-25_000_000, -17_500_000]
    )
    world.close()


def test_a_deposit_is_booked_once(tmp_path: Path) -> None:
    world = PostingWorld(tmp_path)

    def booked(micros: int, *, party: str = "bolt") -> object:
        return world.postings.deposit(party, "WIRE-1", amount_micros=micros, actor="ops:ann", reason="wire")

    first = booked(5_000_000)
    assert isinstance(first, Done)
    assert booked(5_000_000) == Done(answer=first.answer, at_us=first.at_us, again=True)
    assert booked(6_000_000) == KeyReused(at_us=first.at_us)
    assert isinstance(booked(6_000_000, party="acme"), Done)
    assert isinstance(booked(0, party="nobody"), Refused)
    assert [(row.party, row.amount_micros) for _, row in world.ledger.money_since(0)] == [("bolt", 5_000_000), ("acme", 6_000_000)]
    assert world.findings() == []
    world.close()


def test_a_config_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = PostingWorld(tmp_path)
    world.keep_config()
    world.over("a", ("east", 120_000), campaign="sales")
    world.configure(price="99.00")
    asked: list[str] = []
    postings = PostingWriter(world.ledger, plan=lambda: world.deployment.plan, now_us=world.clock.now_us)

    def files_of(version: str) -> Mapping[str, str] | None:
        asked.append(version)
        return world.ledger.config(version)

    monkeypatch.setattr(postings._terms, "_files_of", files_of)
    for number in range(3):
        order = PostingRequest(call_id="a", key=f"k{number}", act=actions.Postback(), actor="somebody", advertiser="acme")
        assert isinstance(postings.post(order), Done)
    assert len(asked) == 1
    assert world.owed("a") == 40_000_000
    world.close()
